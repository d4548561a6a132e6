"""Which step answers a request, and why the others do not."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mockapi.scenario.load import CREATE, Step
from mockapi.scenario.match import Facts
from mockapi.scenario.nearness import Row, compare, lines_of, summary_of
from mockapi.scenario.select import Candidate, obstacle, place_of
from mockapi.wire.json import JsonObject

__all__ = ["Explained", "Explanation", "explain", "refusal_of"]


class Explained(NamedTuple):
    """One step: `answers`, `later` (it would, but another comes before it) or `no`; and every criterion."""

    verdict: str
    candidate: Candidate
    step: Step
    rows: Sequence[Row]

    @property
    def place(self) -> str:
        """`weather, ask (weather.yaml:4)`."""
        return place_of(self.candidate.scenario, self.step)

    @property
    def data(self) -> JsonObject:
        """As JSON."""
        scenario = self.candidate.scenario
        named: JsonObject = {"scenario": scenario.name, "step": self.step.name, "file": scenario.file, "line": self.step.line}
        return {**named, "verdict": self.verdict, "criteria": [row.data for row in self.rows]}


class Explanation(NamedTuple):
    """All steps for one request, in the order that they are tried; `refused` is why a server says no before it tries any."""

    asked: str
    steps: Sequence[Explained]
    refused: str = ""

    @property
    def answers(self) -> Explained | None:
        """The step that answers."""
        return next((each for each in self.steps if each.verdict == "answers"), None)

    @property
    def data(self) -> JsonObject:
        """As JSON."""
        answers = self.answers
        return {
            "request": self.asked,
            "answers": answers.data if answers else None,
            "steps": [each.data for each in self.steps],
            "text": str(self),
        }

    def __str__(self) -> str:
        answers = self.answers
        lines = [f"The request: {self.asked}."]
        if self.refused:
            lines.append(f"It is refused before any step is tried: {self.refused}")
        if answers is None:
            lines.append("No step answers it.")
        else:
            lines += [f"{answers.place} answers{_chance(answers.step)}:", *lines_of(answers.rows)]
        for each in self.steps:
            if each.verdict == "later":
                lines += [f"- {each.place} would too, but it comes later:", *lines_of(each.rows)]
            elif each.verdict == "answers" and each is not answers:
                lines += [f"- {each.place} answers otherwise{_chance(each.step)}:", *lines_of(each.rows)]
            elif each.verdict == "no":
                lines += [f"- {each.place} does not:", *lines_of(each.rows)]
        return "\n".join(lines)


def explain(candidates: Iterable[Candidate], facts: Facts, operation: str = CREATE) -> Explanation:
    """Hold every step against a request. A step with a `chance` is taken to fire; it is told so, and who answers else."""
    is_create = operation == CREATE
    found: list[Explained] = []
    is_answered = False
    for candidate, step in _tried(candidates, operation):
        rows = compare(step.criteria, facts)
        stop = obstacle(candidate, step, in_order=is_create)
        if stop is None and step.chance == 0 and not step.falls_back:
            stop = Row("chance", False, "a chance of 0 to fire", "it never does")
        rows = [stop, *rows] if stop else rows
        holds = all(row.holds for row in rows)
        found.append(Explained(("later" if is_answered else "answers") if holds else "no", candidate, step, rows))
        is_answered = is_answered or (holds and (step.chance in (None, 1) or step.falls_back))
    return Explanation(
        f"{operation}, {summary_of(facts)}" if is_create else operation or "nothing that the emulated API has", found
    )


def refusal_of(*parts: object) -> str:
    """Status, code and words of an error, as far as it has them."""
    return " ".join(str(part) for part in parts if part is not None)


def _tried(candidates: Iterable[Candidate], operation: str) -> Iterator[tuple[Candidate, Step]]:
    for candidate in candidates:
        scenario = candidate.scenario
        steps = scenario.steps if operation == CREATE else scenario.others
        yield from ((candidate, step) for step in steps if step.is_for(operation))


def _chance(step: Step) -> str:
    if step.chance is None:
        return ""
    if step.falls_back:
        return f" plainly, or as it scripts if its chance of {step.chance:g} fires"
    return f" if its chance of {step.chance:g} fires"
