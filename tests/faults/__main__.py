"""`make faults`: every subject broken at every place by every fault, and what the others do; written down in docs/faults.md.

    python -m faults [--workers 2] [--every N] [--only words] [--points] [--to docs/faults.md]

`--every N` tries every N-th place, `--only` the subjects with these words in their names, `--points` leaves out power cuts, races
and the other migrators. Ends with 1 where anything was found.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import platform
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from faults import remains, subjects, vfs
from faults.child import FAULTS
from faults.points import Bench, Found, ground

ROOT = Path(__file__).resolve().parents[2]
HEAD = """\
# The fault laboratory

Made by `make faults`; not to be edited. What is behind the figures stands in `tests/faults/`.

A real upgrade of a real file runs in a process of its own and is broken at its k-th operation on files, for **every** k, by SQLite
(through a VFS of the laboratory's own) and by Python (`os.replace`, `os.fsync` and the like). Then the file must be sound
(`integrity_check`, `foreign_key_check`) and say exactly what it said before, or exactly what it says after a whole transaction; an
error must be of the right class, name the true cause and tell the truth about the file; the next launch must succeed; the file or a
backup must hold all that the user had; and nothing may be left lying about.
"""


class Table(NamedTuple):
    """One section of the page."""

    title: str
    text: str
    failures: int
    seconds: float


def everything() -> list[subjects.Subject]:
    return subjects.subjects() + remains.subjects()


def broken(name: str, every: int) -> list[Found]:
    """One subject, broken by every fault; runs in a worker."""
    logging.disable()
    folder = ground()
    try:
        subject = next(subject for subject in everything() if subject.name == name)
        bench = Bench(subject, folder)
        return [bench.run(fault, lambda n: range(1, n + 1, every)) for fault in FAULTS]
    finally:
        shutil.rmtree(folder)


def points(names: Iterable[str], workers: int, every: int) -> Table:
    began = time.monotonic()
    found: dict[str, list[Found]] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        jobs = {pool.submit(broken, name, every): name for name in names}
        for job in as_completed(jobs):
            found[jobs[job]] = job.result()
            rows = found[jobs[job]]
            print(
                f"{jobs[job]}: {sum(row.points for row in rows)} points, {sum(len(row.complaints) for row in rows)} complaints, "
                f"{sum(row.seconds for row in rows):.0f} s", flush=True,
            )  # fmt: skip
    rows = [row for name in jobs.values() for row in found[name]]
    failures = sum(len(row.complaints) for row in rows)
    return Table(
        "Killed, or refused, at every operation",
        _rendered(found, list(jobs.values())),
        failures,
        time.monotonic() - began,
    )


def _rendered(found: dict[str, list[Found]], names: Sequence[str]) -> str:
    lines = [
        "`killed`: SIGKILL before the operation. `once`: this operation fails with that errno, the next one succeeds. `for ever`: "
        "this one and all that follow (of a full disk: all that need room).",
        "",
        "| subject | operations | " + " | ".join(fault.name for fault in FAULTS) + " | failures |",
        "|---|--:|" + "--:|" * (len(FAULTS) + 1),
    ]
    for name in names:
        rows = found[name]
        failures = sum(len(row.complaints) for row in rows)
        cells = " | ".join(f"{row.points:,}" for row in rows)
        lines.append(f"| {name} | {rows[0].operations:,} | {cells} | {failures} |")
    rows = [row for name in names for row in found[name]]
    by_fault = [sum(row.points for row in rows if row.fault == fault.name) for fault in FAULTS]
    all_points, failures = sum(by_fault), sum(len(row.complaints) for row in rows)
    lines.append(
        f"| **all: {all_points:,} points** | | " + " | ".join(f"**{n:,}**" for n in by_fault) + f" | **{failures}** |"
    )
    lines += ["", "What became of the process:", "", "| fault | |", "|---|---|"]
    for fault in FAULTS:
        said = sum((row.outcomes for row in rows if row.fault == fault.name), Counter[str]())
        lines.append(f"| {fault.name} | {', '.join(f'{what} {n:,}' for what, n in said.most_common())} |")
    lines += ["", *_complaints(rows)]
    return "\n".join(lines)


def _complaints(rows: Sequence[Found], most: int = 40) -> list[str]:
    found = [f"{row.subject}, {row.fault}, {complaint}" for row in rows for complaint in row.complaints]
    return [f"- {' / '.join(line.splitlines())}" for line in found[:most]]


def page(tables: Sequence[Table], seed: int, workers: int, every: int) -> str:
    seconds = sum(table.seconds for table in tables)
    failures = sum(table.failures for table in tables)
    which = "" if every == 1 else f" Only every {every}th place was tried."
    made = (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, sqlite-utils {version('sqlite-utils')}, embedmig {_commit()}, "
        f"{platform.system()} {platform.machine()}; {workers} workers, {seconds / 60:.0f} minutes; seed {seed}. **Failures: {failures}.**{which}"
    )
    sections = [f"## {table.title}\n\n{table.text.strip()}\n" for table in tables]
    return "\n".join([HEAD, made, "", *sections])


def _commit() -> str:
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return f"{version('embedmig')} ({asked.stdout.strip() or 'no commit'})"


def sections(workers: int, seed: int) -> list[tuple[str, Callable[[], tuple[str, int]]]]:
    from faults import peers, power, races

    return [
        ("The power is cut", lambda: power.table(workers=workers, seed=seed)),
        ("Races, signals and limits", lambda: races.table(workers=workers, seed=seed)),
        ("Other migrators in the same laboratory", lambda: peers.table(workers=workers)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description="The fault laboratory.")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--every", type=int, default=1, metavar="N")
    parser.add_argument("--only", default="", metavar="WORDS")
    parser.add_argument("--points", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "faults.md")
    options = parser.parse_args()
    if why := vfs.why_not():
        sys.exit(why)
    print(f"seed {options.seed}", flush=True)
    names = [subject.name for subject in everything() if options.only in subject.name]
    tables = [points(names, options.workers, options.every)]
    for title, table in [] if options.points else sections(options.workers, options.seed):
        began = time.monotonic()
        text, failures = table()
        tables.append(Table(title, text, failures, time.monotonic() - began))
        print(f"{title}: {failures} failures, {tables[-1].seconds:.0f} s", flush=True)
    options.to.write_text(page(tables, options.seed, options.workers, options.every), encoding="utf-8")
    failures = sum(table.failures for table in tables)
    print(f"{failures} failures; written to {options.to}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
