"""Runs every part of `mockapi bench` and writes the figures down, with date and machine: `python -m tests.record_bench [PART...]`.

docs/bench/DATE.json has them as data, docs/bench/index.md as tables. Parts that are not named keep what the day's file has. By hand, on a
machine that has nothing else to do.
"""

import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from mockapi.bench.tools import Row, table_of
from mockapi.wire.json import loads, pretty

FOLDER = Path(__file__).parent.parent / "docs" / "bench"
PARTS = {
    "creates": ((), "bare Starlette", "Creates, start, memory"),
    "operations": (("--operations",), "bare Starlette", "Other operations"),
    "state": (("--state",), "beside", "State"),
    "scenarios": (("--scenarios",), "10 steps", "10,000 steps beside 10"),
    "streams": (("--streams", "2000"), "bare sse-starlette", "2,000 paced streams"),
    "plugin": (("--plugin",), "limit", "The pytest plugin"),
    "memory": (("--store", "memory"), "at 1,000", "A store in memory as it fills"),
    "sqlite": (("--store", "sqlite:////dev/shm/mockapi-bench.db"), "at 1,000", "A store in SQLite as it fills"),
    "redis": (("--store", "redis://127.0.0.1:6399/0"), "at 1,000", "A store in Redis as it fills"),
    "load": (("--load", "1000000"), "beside", "A million requests"),
}


def machine():
    """What the figures were measured on."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "?"
    )
    cores = len([line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("processor")])
    return {"cpu": cpu, "cores": cores, "system": platform.platform(), "python": platform.python_version()}


def measure(part):
    """The rows of one part."""
    command = [str(Path(sys.executable).with_name("mockapi")), "bench", *PARTS[part][0], "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return loads(done.stdout)


def page(record):
    """The tables."""
    lines = [
        "# Figures",
        "",
        f"`mockapi bench`, {record['date']}, {record['machine']['cores']} cores ({record['machine']['cpu']}), "
        f"Python {record['machine']['python']}; made by `python -m tests.record_bench`, as data: [{record['date']}.json]({record['date']}.json).",
        "Compare within a table: machines differ, and this one is shared. What the figures mean stands in [performance](../performance.md).",
    ]
    for part, (options, beside, title) in PARTS.items():
        if part in record["parts"]:
            rows = [Row(row["name"], row["ours"], row["bare"], row["unit"]) for row in record["parts"][part]]
            lines += ["", f"## {title}", "", f"`{' '.join(('mockapi bench', *options))}`", "", table_of(rows, beside)]
    return "\n".join(lines) + "\n"


def main(parts):
    """Measure, write."""
    FOLDER.mkdir(exist_ok=True)
    date = datetime.now(UTC).date().isoformat()
    path = FOLDER / f"{date}.json"
    record = loads(path.read_bytes()) if path.exists() else {"date": date, "parts": {}}
    record["machine"] = machine()
    for part in parts or PARTS:
        print(part, file=sys.stderr)
        record["parts"][part] = measure(part)
        path.write_bytes(pretty(record) + b"\n")
    (FOLDER / "index.md").write_text(page(record))


if __name__ == "__main__":
    main(sys.argv[1:])
