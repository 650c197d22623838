"""Do time and memory stay in proportion? Over a thousand to ten million rows, and one to five thousand migrations."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from benchmarks import big, ground, histories, memory, peers, results, rows
from benchmarks.ground import Ground, Way

TITLE = "In proportion"
ABOUT = (
    "The data migration (SELECT, `executemany`, progress; no backup) over a thousand to ten million rows, its time and the most"
    " memory that it took; and one to five thousand small SQL migrations, on a file that isn't there yet and on one that has them."
    " Whole processes; ten million rows were run once."
)
SOURCE = "proportion.py"
HAND, OURS = "by hand", "embedmig"
FIRST, AGAIN = "first launch", "nothing pending"


def prepare(on: Ground) -> None:
    _over_rows(on, {})
    _over_migrations(on)


def run(on: Ground) -> results.Question:
    peaks: dict[tuple[str, str], list[float]] = {}
    groups = ground.in_turn(_over_rows(on, peaks), on.either(3, 1), unit="ms", warm=False)
    for (size, label), found in peaks.items():
        groups.setdefault(f"{size}, memory", {})[label] = {"unit": "MB", "values": found}
    groups |= ground.in_turn(_over_migrations(on), on.either(5, 1), unit="ms", warm=False)
    many, most = (f"{n:,} rows" for n in _row_sizes(on)[-2:])
    limits = [
        results.Limit(f"{OURS}: ten times the rows, against ten times the time", [(1, most, OURS)], [(10, many, OURS)], most=1.3),
        results.Limit(
            f"{OURS}: memory, {most} above {_row_sizes(on)[0]:,} rows",
            [(1, f"{most}, memory", OURS), (-1, f"{_row_sizes(on)[0]:,} rows, memory", OURS)], most=20.0, unit="MB",
        ),
    ]  # fmt: skip
    return results.question(TITLE, ABOUT, groups, limits, base=HAND, lines=_lines(on))


def _row_sizes(on: Ground) -> list[int]:
    return [10**n for n in on.sizes((3, 4, 5, 6, 7), (2, 3))]


def _migration_sizes(on: Ground) -> list[int]:
    return list(on.sizes((1, 10, 100, 1_000, 5_000), (1, 10)))


def _over_rows(on: Ground, peaks: dict[tuple[str, str], list[float]]) -> list[Way]:
    ways = []
    for size in _row_sizes(on):
        filled, same = rows.filled(on, size), ground.Same(memory.counted)
        for label, peer in ((HAND, peers.BY_HAND), (OURS, peers.NO_BACKUP)):
            folder = big.app(on, peer, filled, [rows.BEFORE, rows.AFTER], "python", SOURCE, f"{peer.key}-loop")
            once = _timed(on, folder, peer, same.as_by(label), peaks.setdefault((f"{size:,} rows", label), []))
            ways.append(Way(f"{size:,} rows", label, once, 1 if size > 10**6 else 3))
    return ways


def _timed(
    on: Ground, folder: Path, peer: peers.Peer, check: Callable[[Path], None], peaks: list[float]
) -> Callable[[], float]:
    path = folder / "app.db"
    command = ground.app(
        on, folder, "run_peak", peers.script(peer, folder, path, "import sqlite_utils\n") + memory.PEAK
    )

    def once() -> float:
        ground.fresh(path, folder / "before.db")
        ground.settled(path)
        took, said = ground.process(command, 600)
        check(path)
        ground.fresh(path)
        if not math.isnan(float(said)):
            peaks.append(round(float(said), 2))
        return took

    return once


def _over_migrations(on: Ground) -> list[Way]:
    ways = []
    for size in _migration_sizes(on):

        def make(folder: Path, size: int = size) -> None:
            peers.write(peers.EMBEDMIG, folder, histories.many(size), "sql")
            on.compiled(folder)

        folder = on.prepared(f"proportion-{size}", make, SOURCE)
        path = folder / "app.db"
        command = ground.app(on, folder, "run_embedmig", peers.script(peers.EMBEDMIG, folder, path))
        group = f"{size:,} migration{'s' if size > 1 else ''}"
        ways += [
            Way(group, FIRST, _first(path, command)),
            Way(group, AGAIN, lambda command=command: ground.process(command)[0]),
        ]
    return ways


def _first(path: Path, command: list[str | Path]) -> Callable[[], float]:
    def once() -> float:
        ground.fresh(path)
        return ground.process(command)[0]

    return once


def _lines(on: Ground) -> list[dict[str, object]]:
    """What the picture draws: each panel's lines, point by point."""
    sizes = _row_sizes(on)
    counts = [(n, f"{n:,} migration{'s' if n > 1 else ''}") for n in _migration_sizes(on)]
    return [
        {"title": "Rows, time", "x": "rows", "unit": "ms", "points": {
            label: [(n, f"{n:,} rows", label) for n in sizes] for label in (HAND, OURS)}},
        {"title": "Rows, memory", "x": "rows", "unit": "MB", "points": {
            label: [(n, f"{n:,} rows, memory", label) for n in sizes] for label in (HAND, OURS)}},
        {"title": "Migrations, time", "x": "migrations", "unit": "ms", "points": {
            label: [(n, group, label) for n, group in counts] for label in (FIRST, AGAIN)}},
    ]  # fmt: skip
