"""`make faults`: every subject broken at every place by every fault, and what the others do; written down in docs/faults.md.

    python -m faults [--workers 2] [--every N] [--only words] [--points] [--to docs/faults.md]

`--every N` tries every N-th place, `--only` the subjects with these words in their names, `--points` leaves out power cuts, races
and the other migrators. Ends with 1 where anything was found.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from faults import every, vfs

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


def page(tables: Sequence[Table], seed: int, workers: int, stride: int) -> str:
    seconds = sum(table.seconds for table in tables)
    failures = sum(table.failures for table in tables)
    which = (
        ""
        if stride == 1
        else f" Of the places at which a process can be killed or refused, one in {stride} was tried; `make faults` tries all."
    )
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
    names = [subject.name for subject in every.everything() if options.only in subject.name]
    began = time.monotonic()
    text, failures = every.table(names, options.workers, options.every)
    tables = [Table("Killed, or refused, at every operation", text, failures, time.monotonic() - began)]
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
