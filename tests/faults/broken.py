"""Migrators that are broken on purpose: embedmig with one thing left out, which the laboratory must notice.

Each is a way to run a subject's `act`, for a forked child: what it changes in embedmig's modules stays changed there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from embedmig import disk, restore, run, transaction
from embedmig.guard import Guard

Act = Callable[[Path], object]


def with_full(act: Act, path: Path) -> object:
    """SQLite's own default instead of EXTRA: the journal's deletion is not synced, and a power cut takes a COMMIT back."""
    return _with_synchronous("FULL", act, path)


def without_any_sync(act: Act, path: Path) -> object:
    """Nothing is synced at all: the journal may be lost, and what it was to undo is there."""
    return _with_synchronous("OFF", act, path)


def _with_synchronous(level: str, act: Act, path: Path) -> object:
    apply = transaction.Settings.apply

    def applied(self: transaction.Settings) -> None:
        apply(self)
        self.conn.execute(f"PRAGMA synchronous = {level}")

    transaction.Settings.apply = applied  # type: ignore[method-assign]
    return act(path)


def without_a_transaction(act: Act, path: Path) -> object:
    """Each statement commits by itself."""
    apply, guarded = transaction.Settings.apply, run.guarded

    def applied(self: transaction.Settings) -> None:
        apply(self)
        self.conn.isolation_level = None

    def loosely(conn: Any, *, transactional: bool, cached: bool) -> AbstractContextManager[Guard]:
        return guarded(conn, transactional=False, cached=cached)

    transaction.Settings.apply = applied  # type: ignore[method-assign]
    run.guarded, run.take_lock, run.commit = loosely, _nothing, _nothing
    return act(path)


def recording_afterwards(act: Act, path: Path) -> object:
    """The history is written in a transaction of its own, after the one of the migrations."""
    record, commit = run.history.record, run.commit
    rows: list[Any] = []

    def kept(conn: Any, more: Sequence[Any]) -> None:
        rows.extend(more)

    def committed(conn: Any, *how: Any) -> None:
        commit(conn, *how)
        conn.execute("BEGIN IMMEDIATE")
        record(conn, rows)
        rows.clear()
        commit(conn, *how)

    run.history.record, run.commit = kept, committed  # type: ignore[assignment]
    run.Run._refuse_meddling = _nothing  # type: ignore[method-assign]
    return act(path)


def without_syncing_the_backup(act: Act, path: Path) -> object:
    """A backup is renamed into place while its content is still on its way to the disk."""
    disk.sync = _nothing
    return act(path)


def without_syncing_the_folder(act: Act, path: Path) -> object:
    """A backup that was renamed into place is reported as made while its name is still on its way to the disk."""
    disk.sync_folder = _nothing
    return act(path)


def restoring_by_a_copy(act: Act, path: Path) -> object:
    """A backup is copied over the file, as files are copied; what stands beside the file stays there."""

    def put(migrator: Any, path: str, chosen: str, watch: Any) -> tuple[int, None]:
        _copy(chosen, path)
        return 0, None

    restore._put = put
    return act(path)


def _copy(source: str, target: str) -> None:
    with open(source, "rb") as file:
        data = file.read()
    handle = os.open(target, os.O_RDWR | os.O_CREAT)
    os.pwrite(handle, data, 0)
    os.close(handle)


def restoring_by_a_rename(act: Act, path: Path) -> object:
    """A copy of the backup takes the file's name, well synced; the sidecars go first."""

    def put(migrator: Any, path: str, chosen: str, watch: Any) -> tuple[int, None]:
        disk.remove(*(path + end for end in ("-wal", "-shm", "-journal")))
        _copy(chosen, path + ".part")
        disk.sync(path + ".part")
        disk.replace(path + ".part", path)
        return 0, None

    restore._put = put
    return act(path)


def _nothing(*_what: object, **_how: object) -> None:
    """Left out."""
