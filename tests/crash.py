"""Kills a server again and again in the middle of its work, and looks whether all that it had acknowledged is still there.

    python -m tests.crash --kills 50 --store sqlite:////tmp/crash.db

Clients write down what they were answered; after each kill another server on the same store is asked for all of it. What was
under way may have happened or not.
"""

import argparse
import itertools
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import httpx

from .conftest import parse_sse

__all__ = ["Report", "crash"]

SCENARIO = """
steps:
  - when: {input: run}
    background: {queued: 1h, in_progress: 1h}
    reply: one two three
  - reply: "turn {{ turn }}"
"""
CLIENTS = 4
MOST_BETWEEN = 150  # acknowledged calls from one kill to the next, at most


@dataclass
class Report:
    """What was done, and what was lost."""

    kills: int = 0
    acknowledged: int = 0
    checked: int = 0
    lost: list[str] = field(default_factory=list)


@dataclass
class Ledger:
    """What one client was told; its key is a project of its own."""

    key: str
    responses: dict[str, dict] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    threads: dict[str, list[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    uncertain: set[str] = field(default_factory=set)  # what a call that was cut may have changed or not


class Client:
    """Asks for one thing after another, until it is cut off."""

    def __init__(self, ledger: Ledger, chance: random.Random, told) -> None:
        self.ledger, self.chance, self._told = ledger, chance, told
        self._number = itertools.count()

    def work(self, base: str) -> None:
        with httpx.Client(base_url=base, headers={"authorization": f"Bearer {self.ledger.key}"}, timeout=30) as session:
            self.session = session
            while True:
                use = self.chance.choice(
                    [self.create, self.create, self.stream, self.run, self.cancel, self.delete, self.thread, self.say, self.say]
                )
                try:
                    use()
                except httpx.TransportError:
                    return
                except AssertionError as error:
                    self.ledger.refused.append(str(error))
                    return
                self._told()

    def ask(self, method: str, path: str, body=None):
        answer = self.session.request(method, path, json=body)
        assert answer.status_code == 200, (method, path, answer.status_code, answer.text)
        return answer.json()

    def _body(self, text="x", **fields):
        return {"model": "gpt-4o", "input": f"{text} {next(self._number)}", **fields}

    def _some(self, known) -> str | None:
        return self.chance.choice(sorted(known)) if known else None

    def create(self) -> None:
        parent = self._some(set(self.ledger.responses) - self.ledger.uncertain)
        made = self.ask("POST", "/responses", self._body(**({"previous_response_id": parent} if parent else {})))
        self.ledger.responses[made["id"]] = made

    def stream(self) -> None:
        answer = self.session.post("/responses", json=self._body(stream=True))
        assert answer.status_code == 200
        made = parse_sse(answer.text)[-1][1]["response"]
        self.ledger.responses[made["id"]] = made

    def run(self) -> None:
        made = self.ask("POST", "/responses", self._body("run", background=True))
        self.ledger.runs[made["id"]] = "queued"

    def cancel(self) -> None:
        known = self._some([each for each, status in self.ledger.runs.items() if status == "queued"])
        if known:
            self.ledger.uncertain.add(known)
            assert self.ask("POST", f"/responses/{known}/cancel")["status"] == "cancelled"
            self.ledger.runs[known] = "cancelled"
            self.ledger.uncertain.discard(known)

    def delete(self) -> None:
        known = self._some(set(self.ledger.responses) - self.ledger.uncertain)
        if known:
            self.ledger.uncertain.add(known)
            self.ask("DELETE", f"/responses/{known}")
            self.ledger.deleted.add(known)
            del self.ledger.responses[known]
            self.ledger.uncertain.discard(known)

    def thread(self) -> None:
        made = self.ask("POST", "/conversations", {"items": [{"role": "user", "content": "hi"}]})
        self.ledger.threads[made["id"]] = [each["id"] for each in self._items(made["id"])]

    def say(self) -> None:
        """Add an item, or a whole turn."""
        known = self._some(self.ledger.threads)
        if known is None:
            return
        if self.chance.random() < 0.5:
            added = self.ask("POST", f"/conversations/{known}/items", {"items": [{"role": "user", "content": "more"}]})
            self.ledger.threads[known] += [each["id"] for each in added["data"]]
        else:
            made = self.ask("POST", "/responses", self._body(conversation=known))
            self.ledger.responses[made["id"]] = made
            self.ledger.threads[known] += [each["id"] for each in made["output"]]

    def _items(self, conversation_id: str):
        return self.ask("GET", f"/conversations/{conversation_id}/items?order=asc&limit=100")["data"]

    def check(self, base: str) -> Iterator[str]:
        """What the ledger has and the server has not; one empty text for each thing that is there."""
        with httpx.Client(base_url=base, headers={"authorization": f"Bearer {self.ledger.key}"}, timeout=30) as session:
            self.session = session
            yield from self.ledger.refused
            for name, body in self.ledger.responses.items():
                answer = session.get(f"/responses/{name}")
                is_there = answer.status_code == 200 and _told(answer.json()) == _told(body)
                yield (
                    ""
                    if is_there or (name in self.ledger.uncertain and answer.status_code == 404)
                    else f"{name}: {answer.status_code}"
                )
            for name, status in self.ledger.runs.items():
                answer = session.get(f"/responses/{name}")
                seen = answer.json().get("status")
                yield (
                    ""
                    if seen == status or (name in self.ledger.uncertain and seen == "cancelled")
                    else f"{name}: {answer.status_code}"
                )
            for name in self.ledger.deleted:
                yield "" if session.get(f"/responses/{name}").status_code == 404 else f"{name} is back"
            for name, ids in self.ledger.threads.items():
                there = self._all(name)
                missing = [each for each in ids if each not in there]
                yield f"{name} has lost {missing}" if missing or len(set(there)) != len(there) else ""

    def _all(self, conversation_id: str) -> list[str]:
        found: list[str] = []
        while True:
            after = f"&after={found[-1]}" if found else ""
            answer = self.session.get(f"/conversations/{conversation_id}/items?order=asc&limit=100{after}")
            if answer.status_code == 404:
                return found
            page = answer.json()
            found += [each["id"] for each in page["data"]]
            if not page["has_more"]:
                return found


def _told(body):
    """What a stream says of a response too, and a GET."""
    return {
        key: body[key] for key in ("id", "status", "created_at", "output", "usage", "conversation", "metadata") if key in body
    }


@contextmanager
def _serving(folder: Path, store: str) -> Iterator[tuple[str, subprocess.Popen]]:
    path = folder / "crash.yaml"
    path.write_text(SCENARIO)
    command = [sys.executable, "-m", "mockapi", "serve", str(path), "--port", "0", "--store", store, "--log-level", "warning"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().removeprefix("mockapi ready on ").strip(), process
        finally:
            process.kill()


def crash(store: str, kills: int, seed: int = 1, say=lambda line: None) -> Report:
    """Kill so many servers on a store; `lost` of the report is empty if nothing that was acknowledged is missing."""
    chance, report, news = random.Random(seed), Report(), threading.Condition()

    def told() -> None:
        with news:
            report.acknowledged += 1
            news.notify_all()

    clients = [Client(Ledger(f"k{number}"), random.Random(seed * 100 + number), told) for number in range(CLIENTS)]
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(kills):
            with _serving(Path(folder), store) as (base, process):
                threads = [threading.Thread(target=each.work, args=(base,)) for each in clients]
                for thread in threads:
                    thread.start()
                wanted = report.acknowledged + chance.randint(1, MOST_BETWEEN)
                with news:
                    assert news.wait_for(lambda wanted=wanted: report.acknowledged >= wanted, timeout=60)
                at = monotonic() + chance.random() * 0.02  # between two calls, or in the middle of one
                while monotonic() < at:
                    pass
                process.kill()
                for thread in threads:
                    thread.join()
            report.kills += 1
            with _serving(Path(folder), store) as (base, _):
                told_now = [line for each in clients for line in each.check(base)]
            report.checked += len(told_now)
            report.lost += [line for line in told_now if line]
            say(f"kill {report.kills}: {report.acknowledged} acknowledged, {len(told_now)} checked, {len(report.lost)} lost")
            _forget(clients)
    return report


def _forget(clients: list[Client]) -> None:
    """What is there after a kill is there: the next rounds look at a part of it, so that they do not take longer and longer."""
    for each in clients:
        ledger = each.ledger
        for name in sorted(ledger.uncertain & set(ledger.responses)):
            del ledger.responses[name]
        for name in sorted(ledger.uncertain & set(ledger.runs)):
            del ledger.runs[name]
        ledger.uncertain.clear()
        for known in (ledger.responses, ledger.runs, ledger.threads):
            for name in [*known][:-20]:
                del known[name]
        ledger.deleted = set(sorted(ledger.deleted)[:20])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--store", required=True, help="a store that outlives its processes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report = crash(options.store, options.kills, options.seed, print)
    print(*report.lost[:20], sep="\n")
    sys.exit(1 if report.lost else 0)


if __name__ == "__main__":
    main()
