"""What a verified backup costs: beside SQLite's own backup call and its check."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks import big, ground, histories, peers, results
from benchmarks.ground import Ground, Way

TITLE = "A backup"
ABOUT = (
    "A file of 500 MB is copied, the copy checked and synchronised: whole processes. *SQLite's backup and check* is its backup"
    " call in one step and `PRAGMA quick_check` of the copy. In WAL mode the last 20 MB of the file stand in its `-wal`."
    " `cp` neither checks nor synchronises, and misses what is in the `-wal`: the limit of what could be."
)
OURS = "import embedmig\nembedmig.Migrator('app').backup({path})\n"
REFERENCE = """\
import sqlite3
source, copy = sqlite3.connect({path}), sqlite3.connect({path} + ".v0001.bak")
source.backup(copy)
assert copy.execute("PRAGMA quick_check").fetchall() == [("ok",)]
source.close()
copy.close()
"""
STEP = histories.Step(1, ("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",))
SOURCE = "backup.py"
HAND = "SQLite's backup and check"


def _ready(on: Ground, mode: str) -> Path:
    def make(folder: Path) -> None:
        peers.write(peers.EMBEDMIG, folder, [STEP], "sql")
        on.compiled(folder)
        path = folder / "made.db"
        ground.process(ground.app(on, folder, "first", peers.script(peers.EMBEDMIG, folder, path)))
        with closing(sqlite3.connect(path)) as conn:
            conn.execute("PRAGMA synchronous = OFF")
            text = "a walk by the sea, bread and cheese " * 54
            numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            insert = numbers + "INSERT INTO notes (body) SELECT ? || i FROM n"
            conn.execute(insert, (on.either(250_000, 500), text))
            conn.commit()
            conn.execute(f"PRAGMA journal_mode = {mode}").fetchone()
            conn.execute("PRAGMA wal_autocheckpoint = 0")
            if mode == "wal":
                conn.execute(insert, (on.either(10_000, 50), text))
                conn.commit()
            for end in ("", "-wal"):  # as it is while the app has it open
                if Path(f"{path}{end}").exists():
                    shutil.copyfile(f"{path}{end}", folder / f"before.db{end}")

    return on.prepared(f"backup-{mode}-{on.either(250_000, 500)}", make, SOURCE)


def prepare(on: Ground) -> None:
    for mode in ("delete", "wal"):
        _ready(on, mode)


def run(on: Ground) -> results.Question:
    ways, limits = [], []
    for mode, group in (("delete", "rollback journal"), ("wal", "WAL")):
        folder, same = _ready(on, mode), ground.Same(_counted)
        for label, text in ((HAND, REFERENCE), ("embedmig", OURS)):
            ways.append(Way(group, label, _once(on, folder, label, text, same.as_by(label))))
        ways.append(Way(group, "cp", big.copied(folder / "before.db")))
        says = f"embedmig, {group}, against {HAND}"
        limits.append(results.Limit(says, [(1, group, "embedmig")], [(1, group, HAND)], most=1.1))
    return results.question(
        TITLE, ABOUT, ground.in_turn(ways, on.either(7, 1), warm=False), limits, base=HAND, log=False
    )


def _once(on: Ground, folder: Path, label: str, text: str, check: Callable[[Path], None]) -> Callable[[], float]:
    path = folder / "app.db"
    head = f"import sys\nsys.path.insert(0, {str(folder)!r})\n"
    command = ground.app(on, folder, f"run_{label[:4]}", head + text.replace("{path}", repr(str(path))))

    def once() -> float:
        ground.fresh(path, folder / "before.db")
        if (folder / "before.db-wal").exists():
            shutil.copyfile(folder / "before.db-wal", f"{path}-wal")
        ground.settled(path)
        took, _ = ground.process(command)
        check(Path(f"{path}.v0001.bak"))
        ground.fresh(path)
        return took

    return once


def _counted(path: Path) -> object:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute("SELECT count(*), sum(id), sum(length(body)) FROM notes").fetchone()
