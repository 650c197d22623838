"""Files with many rows at version 1, made once for all migrators: each has its own record of that version beside them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks import ground, peers
from benchmarks.ground import Ground
from benchmarks.histories import Step

Fill = Callable[[sqlite3.Connection], object]


def filled(on: Ground, name: str, first: Step, fill: Fill, source: str) -> Path:
    """The rows alone, in the tables of the first step."""

    def make(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "rows.db", isolation_level=None)) as conn:
            conn.execute("PRAGMA synchronous = OFF")
            conn.execute("BEGIN")
            for statement in first.statements:
                conn.execute(statement)
            fill(conn)
            conn.execute("PRAGMA user_version = 1")
            conn.execute("COMMIT")

    return on.prepared(name, make, source) / "rows.db"


def app(on: Ground, peer: peers.Peer, rows: Path, steps: list[Step], kind: str, source: str, name: str = "") -> Path:
    """A folder with a peer's app of two steps, and `before.db`: the rows, as that peer has brought them to version 1."""

    def make(folder: Path) -> None:
        peers.write(peer, folder, steps[:1], kind)
        small = folder / "small.db"
        ground.process(ground.app(on, folder, "first", peers.script(peer, folder, small)))
        shutil.copyfile(rows, folder / "before.db")
        _take_over_the_record(small, folder / "before.db")
        peers.write(peer, folder, steps, kind)
        on.compiled(folder)

    return on.prepared(f"{rows.parent.name}-{kind}-{name or peer.key}", make, source)


def _take_over_the_record(small: Path, big: Path) -> None:
    with closing(sqlite3.connect(big)) as conn:
        conn.execute("ATTACH ? AS small", (str(small),))
        for table in peers.LEDGERS:
            for (sql,) in conn.execute(
                "SELECT sql FROM small.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (table,)
            ).fetchall():
                conn.execute(sql)
            if conn.execute("SELECT 1 FROM main.sqlite_master WHERE name = ?", (table,)).fetchone():
                conn.execute(f"INSERT INTO main.{table} SELECT * FROM small.{table}")
        conn.commit()


def once(
    on: Ground, folder: Path, text: str, name: str, check: Callable[[Path], None] | None = None
) -> Callable[[], float]:
    """One run of a script on a copy of `before.db`; the first one's result is checked."""
    path = folder / "app.db"
    command = ground.app(on, folder, name, text)
    checked: list[bool] = []

    def run() -> float:
        ground.fresh(path, folder / "before.db")
        ground.settled(path)
        took, _ = ground.process(command)
        if check and not checked:
            check(path)
            checked.append(True)
        ground.fresh(path)
        return took

    return run


def copied(original: Path, *, sync: bool = False) -> Callable[[], float]:
    """One copy of a file by `cp`, as fast as the machine copies files; where there is none, as Python copies it."""
    target = original.with_name("copy.db")

    def run() -> float:
        ground.fresh(target)
        began = time.perf_counter()
        if shutil.which("cp"):
            ground.process(["cp", original, target])
        else:
            shutil.copyfile(original, target)
        if sync:
            with open(target, "rb+") as copy:
                os.fsync(copy.fileno())
        took = (time.perf_counter() - began) * 1000
        target.unlink()
        return took

    return run
