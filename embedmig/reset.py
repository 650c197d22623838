"""Delete what is in the file, and build it again from version 1."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing

from embedmig import backup, definition, diagnosis, disk, file, history, plan, transaction, wholefile
from embedmig.errors import DatabaseBusy, DatabaseDamaged, EmbedmigError, UsageError
from embedmig.progress import Watch
from embedmig.questions import our_history
from embedmig.report import Report
from embedmig.verbs import ready_for_a_new_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.migrator import Migrator


def reset(migrator: Migrator, path: str, *, keep_backup: bool, force: bool) -> Report:
    """Empty the file by SQLite itself, so that every crash point shows the old content or an empty file; build it again.

    An emptied file is not deleted: whoever waits for it goes on in it. In a deleted one a launch would share its journal's
    name with the new file (https://sqlite.org/howtocorrupt.html, section 2.4), and what it commits would be lost.
    """
    began = time.monotonic()
    ready_for_a_new_file(migrator, None, None)
    if path == file.MEMORY:
        raise UsageError("A database in memory has no file to delete.", hint="Open a new one.")
    before, kept, what, permissions = 0, None, "", None
    try:
        with wholefile.explaining(path):
            wholefile.refuse_unwritable(path)
            permissions = disk.permissions(path)
            if permissions is not None:
                if not os.path.isfile(path):
                    file.size(path)  # refuses a device and the like, before it is opened
                wholefile.refuse_in_use(path)
            if wholefile.size(path, force=force):
                before, kept, what = _emptied(migrator, path, keep_backup=keep_backup, force=force)
            like = permissions or disk.permissions_of_sidecars(path)
            if like is not None and not os.path.exists(path):
                # SQLite takes away the journals of a file that has no page
                wholefile.create_like(os.path.realpath(path), like)
        report = migrator.migrate(path)
    except EmbedmigError as error:
        if what or (permissions is not None and not os.path.lexists(path)):
            error.backup = kept
            copy = f"; {os.path.basename(kept)} is what was in it" if kept else ""
            error.kept = f"The file was {what or 'deleted'} before that{copy}."
        raise
    return Report(path, before, report.after, report.ran, kept, time.monotonic() - began)


def _emptied(migrator: Migrator, path: str, *, keep_backup: bool, force: bool) -> tuple[int, str | None, str]:
    """Make sure that the file is ours and that nobody uses it, keep a copy, and empty it; what SQLite can make nothing of is
    moved aside, or deleted where no copy is asked for. Returns its version, the copy's path, and what was done."""
    done, seen = None, os.stat(path)
    try:
        with closing(file.connect(path, cached_statements=0)) as conn:
            patience = min(migrator.timeout, wholefile.ALONE_S)
            transaction.await_reading(conn, Watch(), patience)
            # before anything is changed, the mode of its journal included
            transaction.patiently(
                lambda: _refuse_strangers(migrator, conn, force=force), Watch(), patience, "is using it"
            )
            with wholefile.alone(migrator, conn, Watch()):
                kept = _kept(migrator, conn, path, keep_backup=keep_backup, force=force)
                with closing(file.connect(file.MEMORY)) as empty:
                    empty.execute(f"PRAGMA page_size = {transaction.page_size(conn)}")
                    done = kept
                    backup.transfer(empty, conn, Watch(), wholefile.ALONE_S)
    except (sqlite3.DatabaseError, UnicodeDecodeError, EmbedmigError) as error:
        if done and not isinstance(error, UnicodeDecodeError):
            wholefile.unless_it_happened(error, path, done[1], "emptied", _is_empty(path))
        elif not force or not (isinstance(error, DatabaseDamaged) or wholefile.is_unreadable(error, path)):
            raise
    return (*done, "emptied") if done else _taken_away(migrator, path, seen, keep_backup=keep_backup)


def _kept(
    migrator: Migrator, conn: sqlite3.Connection, path: str, *, keep_backup: bool, force: bool
) -> tuple[int, str | None]:
    """The version of a file that may be emptied, and the copy that was made of it."""
    version = _refuse_strangers(migrator, conn, force=force)
    if damage := diagnosis.damage(conn):
        raise DatabaseDamaged(damage)
    nothing = wholefile.history_as_it_is(conn)[0] is None and not history.objects(conn)
    if nothing or not keep_backup:
        return version, None
    # under a name of its own: the next migrate from this version must not replace it
    note = backup.free_name(path, version, "reset")
    return version, wholefile.keep(migrator, conn, path, note, held=True)


def _refuse_strangers(migrator: Migrator, conn: sqlite3.Connection, *, force: bool) -> int:
    """Raise for another app's file, or one that is too new, unless forced; returns its version."""
    try:
        applied = our_history(migrator, conn, "Delete it by hand, or force the reset, if it is meant.")
        if applied:
            plan.refuse_too_new(definition.find(migrator.migrations), applied)
    except EmbedmigError:
        if not force:
            raise
    return wholefile.history_as_it_is(conn)[1]


def _is_empty(path: str) -> bool | None:
    """Is there nothing in the file any more? None: it can't be read."""
    try:
        with closing(file.connect_to_read(path)) as conn:
            return not file.rows(conn, "SELECT 1 FROM main.sqlite_master LIMIT 1")
    except sqlite3.Error:
        return None


def _taken_away(
    migrator: Migrator, path: str, seen: os.stat_result, *, keep_backup: bool
) -> tuple[int, str | None, str]:
    """Take away what SQLite can make nothing of, by force; unless another process put a new file there meanwhile."""
    if not disk.is_still(path, seen):
        if not wholefile.size(path):
            return 0, None, ""
        return _emptied(migrator, path, keep_backup=keep_backup, force=True)
    if keep_backup:
        return 0, disk.move_aside(path), "moved aside"
    try:
        disk.delete(path)
    except PermissionError as error:  # Windows, while another process has it open
        raise DatabaseBusy(0.0, f"keeps it from being deleted ({error.strerror})", path=path) from error
    return 0, None, "deleted"
