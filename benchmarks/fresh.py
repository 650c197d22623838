"""What a first launch costs: small migrations on a file that isn't there yet, whole processes, on a real disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks import ground, histories, peers, results
from benchmarks.ground import Ground, Way

TITLE = "A first launch"
ABOUT = (
    "Whole processes that make a new file by 50 and by 500 small migrations, on a real disk. *By hand* is a loop over"
    " sqlite3 that keeps its place in `user_version`; with one transaction it is as fast as SQL can be run. In Python each"
    " migration is a function, one in five goes through rows; there *by hand* loads sqlite-utils too, so that the ratio"
    " is net of it, and the import is taken off embedmig's time before it is compared with a migrator that does without. SQL is in files where a migrator has these, else in Python."
)
WHY = (
    "Where the time of 500 SQL files goes, by a profile on a quiet machine, in ms: Python and sqlite3 20, the SQL itself 31, reading it 5; these"
    " 56 are all that is done by hand. embedmig adds its own modules, 14; the guard's look at each statement, 9; files found, checked and split into"
    " statements, checksums, 11; what each did, looked at and recorded, 12; and the file opened anew for the app, 3. That is twice in a process of a tenth of a second: on a machine that"
    " is busy, more."
)
LABELS = {"sql": "SQL", "python": "Python"}
KINDS = tuple(LABELS)
ROUNDS = 15
NEAREST = peers.SQLITE_UTILS  # has as many runs as ours: of two the median says little where two are close


def prepare(on: Ground) -> None:
    _all_ways(on)


def run(on: Ground) -> results.Question:
    ways = _all_ways(on)
    groups = ground.in_turn(ways, on.either(ROUNDS, 1), warm=False)
    limits = [
        limit
        for kind in LABELS.values()
        for limit in (
            _limit(kind, peers.BY_HAND.label, 0.5),
            _limit(kind, peers.AT_ONCE.label, 2.0),
        )
    ]
    return results.question(
        TITLE, ABOUT, groups,
        [*limits, *results.ahead(groups, "embedmig", [p.label for p in peers.OTHERS], _net)], base=peers.BY_HAND.label, why=WHY,
    )  # fmt: skip


def _all_ways(on: Ground) -> list[Way]:
    return [
        way
        for size in on.sizes((50, 500), (10,))
        for kind in on.sizes(KINDS, KINDS[:1])
        for way in _ways(on, size, kind)
    ]


def _net(group: str, other: str) -> list[results.Term]:
    """Without the import of sqlite-utils, which the other has not, unless it is sqlite-utils."""
    if not group.endswith("Python") or other == peers.SQLITE_UTILS.label:
        return []
    return [(-1, group, "import sqlite_utils"), (1, group, "import sqlite3")]


def _limit(kind: str, other: str, most: float) -> results.Limit:
    group = f"500 migrations, {kind}"
    return results.Limit(
        f"embedmig, {group}, against {other}", [(1, group, "embedmig")], [(1, group, other)], most=most
    )


def _ways(on: Ground, size: int, kind: str) -> list[Way]:
    same = ground.Same()

    def timed(peer: peers.Peer) -> Callable[[], float]:
        first = "import sqlite_utils\n" if kind == "python" and peer.key == "by_hand" else ""
        folder = on.prepared(f"fresh-{size}-{kind}-{peer.key}", lambda folder: _write(on, peer, folder, size, kind))
        path = folder / "app.db"
        check = same.as_by(peer.label)
        name = "run_" + "".join(c if c.isalnum() else "_" for c in peer.label)
        command = ground.app(on, folder, name, peers.script(peer, folder, path, first))

        def once() -> float:
            ground.fresh(path)
            took, _ = ground.process(command)
            check(path)
            return took

        return once

    group = f"{size:,} migrations, {LABELS[kind]}"
    ours = [peers.BY_HAND, peers.AT_ONCE, peers.EMBEDMIG]
    imports = ("import sqlite3", "import sqlite_utils") if kind == "python" else ()
    return [
        *(Way(group, peer.label, timed(peer)) for peer in ours),
        *(Way(group, text, lambda text=text: ground.process([on.python, "-I", "-c", text])[0]) for text in imports),
        *(Way(group, peer.label, timed(peer), ROUNDS if peer is NEAREST else 2) for peer in peers.OTHERS),
    ]


def _write(on: Ground, peer: peers.Peer, folder: Path, size: int, kind: str) -> None:
    peers.write(peer, folder, histories.many(size), kind)
    on.compiled(folder)
