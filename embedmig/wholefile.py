"""The file as a whole: back it up, and what its restore and its reset have in common."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, contextmanager

from embedmig import backup, diagnosis, disk, file, history, log, plan, questions, transaction
from embedmig.errors import DatabaseBusy, DatabaseReadOnly, EmbedmigError, NotADatabase, UnusablePath, UsageError
from embedmig.progress import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from embedmig.migration import Applied
    from embedmig.migrator import Migrator

ALONE_S = 2.0  # seconds to wait for other users to go, where the verb needs the file alone


@contextmanager
def explaining(path: str) -> Iterator[None]:
    """questions.explaining(), for what the operating system refuses as well."""
    with questions.explaining(path):
        try:
            yield
        except OSError as error:
            raise disk.refused(error, path) from error


def take(migrator: Migrator, path: str) -> str:
    """A verified copy of the file as it is now; returns its path."""
    _refuse_absent(path)
    with (
        explaining(path),
        closing(file.connect(path, cached_statements=0)) as conn,
        transaction.settings_of_a_run(conn, Watch(), migrator.timeout),
    ):
        transaction.take_lock(conn, Watch(), migrator.timeout)
        return keep(migrator, conn, path)


def _refuse_absent(path: str) -> None:
    if path == file.MEMORY or not file.size(path):
        what = "A database in memory has no file." if path == file.MEMORY else f"There is no database at {path}."
        raise UsageError(what, path=path, hint="Give the path of the file that is meant.")


def keep(
    migrator: Migrator, conn: sqlite3.Connection, path: str, note: str = "", *, held: bool = False, spare: str = ""
) -> str:
    """The backup of the file as it is, whatever is wrong with its history, under the write lock of `conn`, or, `held`, while
    `conn` has the whole file for itself. Older ones make room for it, but not `spare`."""
    applied, version = history_as_it_is(conn)
    check = history.same_as(applied) if applied != [] else history.objects
    made = backup.take(path, version, Watch(), migrator.timeout, check, note, conn if held else None)
    if migrator.backups_kept:
        backup.prune(path, migrator.backups_kept, made, spare)
    return made


def history_as_it_is(conn: sqlite3.Connection) -> tuple[list[Applied] | None, int]:
    """The history and the version of a file that is only copied, whatever is wrong with its history."""
    try:
        applied = history.read(conn)
    except EmbedmigError:
        return [], 0
    return applied, plan.version_of(applied or ())


# -- what a restore and a reset have in common -------------------------------------------------------------------------


def size(path: str, *, force: bool = True) -> int:
    """The file's size, also where it is too short to be a database: that may be replaced."""
    try:
        return file.size(path)
    except NotADatabase:
        if not force:
            raise
        return os.path.getsize(path)


def refuse_in_use(path: str) -> None:
    if who := disk.user_of(path):
        raise DatabaseBusy(0.0, "has it open", who, path=path)


def refuse_unwritable(path: str) -> None:
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        return
    if os.path.isdir(path):
        raise UnusablePath(f"{path} is a folder.", path=path, hint="Give the path of a file in it.")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise DatabaseReadOnly("this user may not write the file", path=path)
    if not disk.may_write_in(folder):
        raise DatabaseReadOnly(f"this user may not write in the folder {folder}", path=path)


@contextmanager
def alone(migrator: Migrator, conn: sqlite3.Connection, watch: Watch) -> Iterator[None]:
    """Around what replaces all that is in the file: nobody comes in between, and with the settings of a run."""
    patience = min(migrator.timeout, ALONE_S)
    with transaction.settings_of_a_run(conn, watch, patience), transaction.alone(conn, watch, patience):
        yield


def is_unreadable(error: BaseException, path: str) -> bool:
    """Is it that SQLite can make nothing of the file? Of a page that it could not read this once it says "corrupt" as well."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CORRUPT and not diagnosis.damage_of(path):
        return False
    plain = type(error) is sqlite3.DatabaseError and code == 0
    return plain or isinstance(error, UnicodeDecodeError) or code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def unless_it_happened(
    error: sqlite3.Error | EmbedmigError, path: str, kept: str | None, what: str, happened: bool | None
) -> None:
    """After an error while the whole file was being replaced: raise it, saying what is on the disk now, as far as that
    can be read. Return if what was reported as failed was done all the same, as a COMMIT may be."""
    if happened:
        log.warning("%s: SQLite reported %s, and yet the file was %s", path, error, what)
        return
    explained = error if isinstance(error, EmbedmigError) else diagnosis.explained(error, path)
    if happened is None:
        copy = f" {os.path.basename(kept)} is what was in it." if kept else ""
        explained.kept = f"Whether it was {what} is not known: open it again, and SQLite finds out.{copy}"
        explained.backup = kept
    raise explained from error.__cause__ if explained is error else error


def create_like(target: str, permissions: os.stat_result) -> None:
    try:
        disk.create(target)
    except FileExistsError:
        return  # another launch was first
    disk.give(target, permissions, stat.S_IWUSR)  # a backup may be read-only, the file that it becomes not
