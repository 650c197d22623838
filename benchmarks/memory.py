"""How much memory a data migration takes on a file of 2 GB: the most at any time, beside bare sqlite3."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks import big, ground, peers, results, rows
from benchmarks.ground import Ground, Way

TITLE = "Memory on a large file"
ABOUT = (
    "The data migration above (SELECT, `executemany`, progress) on a file of 2 GB: the most memory that the process had at any"
    " time. embedmig's is with the check of the file, the backup and its check. *bare sqlite3* is the same loop in one transaction, in a process that has loaded nothing else."
)
SOURCE = "memory.py"
BARE = "bare sqlite3"
# of this process alone: on Linux ru_maxrss would count what its parent had when it was started
PEAK = """
import os, sys
if os.path.exists("/proc/self/status"):
    with open("/proc/self/status") as file:
        print(next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024)
elif sys.platform == "darwin":
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024)
else:
    print("nan")
"""


def _fill(conn: sqlite3.Connection, count: int) -> None:
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
    text = "a walk by the sea, bread and cheese " * 54  # two rows fill a page of 4 kB
    conn.execute(numbers + "INSERT INTO notes SELECT i, ? || i FROM n", (count, text))


def _apps(on: Ground) -> dict[str, tuple[peers.Peer, Path]]:
    count = on.either(1_000_000, 500)
    filled = big.filled(on, f"memory-{count}", rows.BEFORE, lambda conn: _fill(conn, count), SOURCE)
    steps = [rows.BEFORE, rows.AFTER]
    ours = big.app(on, peers.EMBEDMIG, filled, steps, "python", SOURCE)
    hand = big.app(on, peers.BY_HAND, filled, steps, "python", SOURCE)
    return {
        BARE: (peers.BY_HAND, hand),
        "embedmig": (peers.EMBEDMIG, ours),
    }


def prepare(on: Ground) -> None:
    _apps(on)


def run(on: Ground) -> results.Question:
    group = "2 GB, a million rows"
    same, ways = ground.Same(counted), []
    for label, (peer, folder) in _apps(on).items():
        text = peers.script(peer, folder, folder / "app.db")
        ways.append(Way(group, label, peak(on, folder, text, f"run_{len(ways)}", same.as_by(label))))
    groups = ground.in_turn(ways, 1, unit="MB", warm=False)
    above = [(1, group, "embedmig"), (-1, group, BARE)]
    limits = [results.Limit("embedmig, above bare sqlite3", above, most=20.0, unit="MB")]
    return results.question(TITLE, ABOUT, groups, limits, base=BARE, log=False)


def peak(on: Ground, folder: Path, text: str, name: str, check: Callable[[Path], None]) -> Callable[[], float]:
    """One run whose figure is the megabytes that it says it had at most."""
    path = folder / "app.db"
    command = ground.app(on, folder, name, text + PEAK)

    def once() -> float:
        ground.fresh(path, folder / "before.db")
        _, said = ground.process(command, 600)
        check(path)
        ground.fresh(path)
        return megabytes(said)

    return once


def megabytes(said: str) -> float:
    """What PEAK printed. Raises Unable on a system that is not asked for it here."""
    if math.isnan(float(said)):
        raise ground.Unable("measured on Linux and macOS")
    return round(float(said), 2)


def counted(path: Path) -> object:
    """What the migration wrote; all columns of all rows would take longer than the migration."""
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute("SELECT count(*), sum(words), sum(words * id % 1009) FROM notes").fetchone()
