"""Recorded streams, given back as verbatim items, must be streamed as they were: event types, order and keys.

Run by hand where the recordings are: `python -m tests.replay_recordings ../shared/recordings`. Exit 1 if a stream differs that is
not among the exceptions. Runs of equal deltas count as one: how a text is cut is the scenario's business.
"""

import json
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

from starlette.testclient import TestClient

from .conftest import make_app, parse_sse

EXCEPTIONS = {
    ("openai-custom-tool.1", 0): "made by hand by its authors: no sequence numbers, no obfuscation, no `.done` event",
    ("openai-phase.1", 0): "trimmed by its authors: deltas without logprobs and obfuscation",
    ("openai-error.1", 0): "a failing stream has no items to give back (tests/test_grammar.py compares it)",
}


def streams(folder: Path):
    """(name, ordinal, events) of every recorded stream."""
    for path in sorted(folder.glob("*.events.jsonl")):
        found: list[list[dict]] = []
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event["type"] == "response.created":
                found.append([])
            found[-1].append(event)
        yield from ((path.name.removesuffix(".events.jsonl"), n, events) for n, events in enumerate(found))


def shapes(events):
    """Type and keys of each event, and of its item; runs of equal ones once."""
    keyed = [
        (event["type"], *sorted(event), *(("item", *sorted(event["item"])) if "item" in event else ())) for event in events
    ]  # fmt: skip
    return [shape for shape, _ in groupby(keyed)]


def played(events):
    """What mockapi streams when it is given the recorded output."""
    response = events[-1]["response"]
    output, counts = response["output"], Counter(event["type"] for event in events)
    for item in output:
        if item["type"] == "image_generation_call":
            item["partial_images"] = counts["response.image_generation_call.partial_image"]
            item["result"] = "QUJD"  # cut by whoever recorded it: no base64 any more
    scenario = {"steps": [{"reply": output, "pace": {"chunk": "chars"}}]}
    body = {"model": response["model"], "input": "x", "stream": True}
    with TestClient(make_app(json.dumps(scenario), history="lenient")) as client:
        answer = client.post("/v1/responses", json=body, headers={"authorization": "Bearer k"})
    answer.raise_for_status()
    return [data for _, data in parse_sse(answer.text)]


def first_difference(ours, theirs):
    for n in range(max(len(ours), len(theirs))):
        mine, real = (each[n] if n < len(each) else ("nothing",) for each in (ours, theirs))
        if mine != real:
            return f"event {n}: ours {mine}\n                theirs {real}"
    return ""


def main(folder: Path) -> int:
    failed = 0
    for name, ordinal, events in streams(folder):
        reason = EXCEPTIONS.get((name, ordinal))
        difference = "" if reason else first_difference(shapes(played(events)), shapes(events))
        failed += bool(difference)
        verdict = f"exception: {reason}" if reason else f"DIFFERS {difference}" if difference else f"same ({len(events)} events)"
        print(f"{name} {ordinal}: {verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
