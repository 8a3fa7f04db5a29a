"""Run benchmarks and rewrite their sections of RESULTS.md: `python -m benchmarks.run [NAME …]`."""

import argparse
import importlib
import json
import re
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.harness import Row, Timing
from memorability.workflow.records import environment_record

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
NAMES = sorted(path.stem for path in FOLDER.glob("bench_*.py"))
HEADER = """# Measured speed and memory

Written by `make bench`, or `make bench ONLY="NAME …"` for single sections. Two implementations are
timed in turn in one process; cells are medians over the counted runs with minimum and maximum, in
seconds; *speed-up* is the median of the ratios of neighbouring runs. The straightforward
implementations stand in the benchmark's own module.
"""


def main() -> None:
    """Run what the command line names, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(_short(name) for name in NAMES)}")
    parser.add_argument("--rows", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rows:
        print(json.dumps([asdict(row) for row in _module(arguments.rows).rows()]))
        return
    chosen = [f"bench_{name}" for name in arguments.names] or NAMES
    unknown = sorted(set(chosen) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark is named {', '.join(map(_short, unknown))}")
    for name in chosen:
        print(f"{_short(name)} …", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.run", "--rows", name],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        rows = [_row(fields) for fields in json.loads(done.stdout.splitlines()[-1])]
        written = RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else HEADER
        about = (_module(name).__doc__ or "").strip()
        text = with_section(written, _short(name), section(_short(name), about, rows))
        RESULTS.write_text(text, encoding="utf-8")


def section(name: str, about: str, rows: list[Row]) -> str:
    """Return a benchmark's section of RESULTS.md: what it is about, and a line per row."""
    environment = environment_record()
    packages = environment["packages"]
    versions = ", ".join(f"{each} {packages[each]}" for each in ("torch", "numpy", "scipy"))
    lines = [
        f"## {name}",
        "",
        about,
        "",
        f"`make bench ONLY={name}`, {date.today().isoformat()}, "
        f"{environment['processor']}, {versions}.",
        "",
        "| what | ours, s | straightforward, s | speed-up | asked for | agreement, remarks |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        target = row.target
        if row.met is not None:
            target += ": met" if row.met else ": **missed**"
        cells = [row.what, row.ours, row.other or "–", row.speedup or "–", target, row.agreement]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def with_section(text: str, name: str, new: str) -> str:
    """Return RESULTS.md with one section replaced, or added at its end."""
    pattern = re.compile(rf"^## {re.escape(name)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(text):
        return pattern.sub(lambda _: new + "\n", text).rstrip() + "\n"
    return f"{text.rstrip()}\n\n{new}"


def _module(name: str) -> Any:
    return importlib.import_module(f"benchmarks.{name}")


def _short(name: str) -> str:
    return name.removeprefix("bench_")


def _row(fields: dict[str, Any]) -> Row:
    timings = {
        key: Timing(tuple(fields[key]["values"])) if fields[key] else None
        for key in ("ours", "other", "speedup")
    }
    return Row(**fields | timings)


if __name__ == "__main__":
    main()
