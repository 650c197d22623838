"""What a launch costs that finds nothing to do: whole processes, beside one that only opens the file and reads once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import ground, histories, peers, results
from benchmarks.ground import Ground, Unable, Way

TITLE = "A launch with nothing pending"
ABOUT = (
    "Whole processes, from start to exit, on a file that is up to date. *bare sqlite3* opens it, reads one row and closes it;"
    " nothing can be less. *sqlite-utils alone* opens it as a `Database`. Migrations are SQL files where a migrator has these."
    " The first 500 make 100 tables, later ones change them."
)
SIZES = (10, 50, 500, 5_000)
BARE = (
    "import sqlite3\nconn = sqlite3.connect({path})\nconn.execute('SELECT count(*) FROM t0').fetchone()\nconn.close()\n"
)
UTILS = "import sqlite_utils\nsqlite_utils.Database({path}, execute_plugins=False).close()\n"
REST = peers.BY_HAND._replace(label="by hand (user_version)")


def prepare(on: Ground) -> None:
    for size in SIZES:
        for peer in (REST, peers.EMBEDMIG, *peers.OTHERS):
            _ready(on, peer, size)


def run(on: Ground) -> results.Question:
    rounds = on.either(21, 1)
    ways = [way for size in on.sizes(SIZES, (10,)) for way in _ways(on, size, on.either(4, 1))]
    groups = ground.in_turn(ways, rounds, warm=not on.small)
    limits = [
        results.Limit(
            "`connect`, 50 shipped, against bare sqlite3",
            [(1, "50 shipped", "embedmig connect")], [(1, "50 shipped", "bare sqlite3")], most=1.3,
        ),
        *(
            results.Limit(
                f"`connect`, {size:,} shipped, against 50",
                [(1, f"{size:,} shipped", "embedmig connect")], [(1, "50 shipped", "embedmig connect")], most=most,
            )
            for size, most in ((500, 1.15), (5_000, 2.0))
        ),
        *results.ahead(groups, "embedmig connect", [p.label for p in peers.OTHERS]),
    ]  # fmt: skip
    return results.question(TITLE, ABOUT, groups, limits, base="bare sqlite3")


def _ways(on: Ground, size: int, slow: int) -> list[Way]:
    group = f"{size:,} shipped"
    all_of = [peers.EMBEDMIG, REST, *peers.OTHERS]
    ready = {peer.label: _ready(on, peer, size) for peer in all_of}
    first = ready["embedmig"]
    assert isinstance(first, Path)
    path = first / "app.db"
    scripts = {
        "bare sqlite3": BARE.replace("{path}", repr(str(path))),
        "embedmig connect": peers.script(peers.EMBEDMIG, first, path),
        "embedmig open": peers.script(peers.OPEN, first, path),
        "sqlite-utils alone": UTILS.replace("{path}", repr(str(path))),
    }
    ways = [Way(group, label, _timed(on, first, label.replace(" ", "_"), text)) for label, text in scripts.items()]
    for peer in (REST, *peers.OTHERS):
        folder = ready[peer.label]
        if isinstance(folder, str):
            ways.append(Way(group, peer.label, _unable(folder)))
        else:
            text = peers.script(peer, folder, folder / "app.db")
            ways.append(Way(group, peer.label, _timed(on, folder, "launch", text), 21 if peer is REST else slow))
    return ways


def _timed(on: Ground, folder: Path, name: str, text: str) -> Callable[[], float]:
    command = ground.app(on, folder, name, text)
    return lambda: ground.process(command)[0]


def _unable(why: str) -> Callable[[], float]:
    def never() -> float:
        raise Unable(why)

    return never


def _ready(on: Ground, peer: peers.Peer, size: int) -> Path | str:
    """A folder with a peer's app and a file that it has brought up to date; or why there is none."""
    if size > peer.most:
        return peer.why

    def make(folder: Path) -> None:
        peers.write(peer, folder, histories.many(size), "sql")
        on.compiled(folder)
        # the file is made in memory: how long that takes on a disk is another question
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
            path = Path(name, "app.db")
            try:
                ground.process(ground.app(on, folder, "first", peers.script(peer, folder, path)))
            except Unable as error:
                (folder / "why").write_text(f"bringing a new file up to date was {error}")
                return
            if peer.key != "by_hand":
                same = ground.Same()
                same.as_by(REST.label)(_by_hand(on, size) / "app.db")
                same.as_by(peer.label)(path)
            shutil.copyfile(path, folder / "app.db")

    folder = on.prepared(f"launch-{size}-{peer.key}", make)
    why = folder / "why"
    return why.read_text() if why.exists() else folder


def _by_hand(on: Ground, size: int) -> Path:
    folder = _ready(on, REST, size)
    assert isinstance(folder, Path)
    return folder
