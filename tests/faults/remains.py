"""Subjects whose file was left by an app that was killed, or is gone: what the whole-file verbs find on a bad day."""

from __future__ import annotations

import os
import sqlite3
from functools import partial
from pathlib import Path

import migrations as demo
from embedmig import Migrator
from faults import subjects as s
from faults.child import forked
from faults.subjects import Stage, Subject


def subjects() -> list[Subject]:
    """All of them: each in rollback-journal mode and in WAL mode."""
    found = []
    for wal in (False, True):
        chosen = (restored(wal), reset(wal), brought_back(wal), copied(wal))
        mode = "WAL" if wal else "rollback journal"
        found += [subject._replace(name=f"{subject.name}, {mode}") for subject in chosen]
    return found


def restored(wal: bool) -> Subject:
    careful = s.app(demo, wal)
    put = partial(s._restore, careful)
    stages = (Stage("before", s.nothing), Stage("version 3", put, keeps=False))
    make = partial(_make_and_kill, careful)
    return Subject("restore after a kill", make, put, stages, partial(s.launch, careful), 1)


def reset(wal: bool) -> Subject:
    careful = s.app(demo, wal)
    act = partial(s._reset, careful)
    stages = (Stage("before", s.nothing), Stage("deleted", s._delete, keeps=False), Stage("built anew", act, keeps=False))  # fmt: skip
    make = partial(_make_and_kill, careful)
    return Subject("reset after a kill", make, act, stages, partial(s.launch, careful), 1)


def brought_back(wal: bool) -> Subject:
    """The file is gone, its backup stands."""
    careful = s.app(demo, wal)
    put = partial(s._restore, careful)
    stages = (Stage("before", s.nothing), Stage("version 3", put))
    return Subject("restore of a lost file", partial(_make_and_lose, careful), put, stages, partial(s.launch, careful), 1)  # fmt: skip


def copied(wal: bool) -> Subject:
    """The verb `backup`, of a file whose last rows are still in a journal."""
    careful = s.app(demo, wal)
    make, act = partial(_make_and_kill, careful), partial(_back_up, careful)
    return Subject("backup after a kill", make, act, (Stage("before", s.nothing),), partial(s.launch, careful), 1)


def _make_and_kill(migrator: Migrator, path: Path) -> None:
    """The app is killed in the middle of a change, or, in WAL mode, right after it: the rows are in `-wal` alone."""
    s._make_with_backup(migrator, path)

    def app() -> None:
        conn = sqlite3.connect(path, isolation_level=None)
        conn.execute("PRAGMA cache_size = 5")  # pages: the change spills to the file
        wal = conn.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        conn.execute("PRAGMA wal_autocheckpoint = 0")
        conn.execute("BEGIN")
        conn.execute("UPDATE notes SET title = title || '!', updated_at = '2026-02-03T04:05:06Z'")
        if wal:
            conn.execute("COMMIT")
        os._exit(9)  # as a kill would: nothing is closed

    assert forked(app).how == "exited with 9"


def _make_and_lose(migrator: Migrator, path: Path) -> None:
    s._make_with_backup(migrator, path)
    path.unlink()


def _back_up(migrator: Migrator, path: Path) -> object:
    return migrator.backup(path)
