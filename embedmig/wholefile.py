"""The verbs on a file as a whole: back up, restore, reset. Each crash point leaves the old content or the new."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import contextmanager

from embedmig import backup, definition, diagnosis, disk, file, history, log, plan, transaction
from embedmig.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseReadOnly,
    DiskFull,
    EmbedmigError,
    NotADatabase,
    UnusablePath,
    UsageError,
)
from embedmig.progress import Watch
from embedmig.questions import explaining, our_history, refuse_application_id
from embedmig.report import Report
from embedmig.verbs import ready_for_a_new_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from embedmig.migration import Applied
    from embedmig.migrator import Migrator

ALONE_S = 2.0  # seconds to wait for other users to go, where the verb needs the file alone


@contextmanager
def _explaining(path: str) -> Iterator[None]:
    """explaining(), for what the operating system refuses as well."""
    with explaining(path):
        try:
            yield
        except OSError as error:
            raise disk.refused(error, path) from error


def take(migrator: Migrator, path: str) -> str:
    """A verified copy of the file as it is now; returns its path."""
    _refuse_absent(path)
    with _explaining(path):
        conn = file.connect(path, cached_statements=0)
        try:
            with transaction.settings_of_a_run(conn, Watch(), migrator.timeout):
                transaction.take_lock(conn, Watch(), migrator.timeout)
                return keep(migrator, conn, path)
        finally:
            conn.close()


def keep(
    migrator: Migrator, conn: sqlite3.Connection, path: str, note: str = "", *, held: bool = False, spare: str = ""
) -> str:
    """The backup of the file as it is, whatever is wrong with its history, under the write lock of `conn`, or, `held`, while
    `conn` has the whole file for itself. Older ones make room for it, but not `spare`."""
    applied, version = _history_as_it_is(conn)
    check = history.same_as(applied) if applied != [] else history.objects
    made = backup.take(path, version, Watch(), migrator.timeout, check, note, conn if held else None)
    if migrator.backups_kept:
        backup.prune(path, migrator.backups_kept, made, spare)
    return made


def restore(migrator: Migrator, path: str, source: str | None) -> Report:
    """Put a backup in place by SQLite's own backup into the live name: every crash point shows the old file or the
    restored one (https://sqlite.org/howtocorrupt.html, section 1.4, for what a copy or a rename may do)."""
    watch = Watch()
    if path == file.MEMORY:
        raise UsageError("A database in memory has no file to restore.", hint="Open the backup itself.")
    newest = definition.find(migrator.migrations)[-1].version
    names = [] if source else backup.all_of(path)
    chosen = source or backup.newest_up_to(path, newest, names)
    if chosen is None:
        what = f"There is no backup of {path} up to version {newest}, the newest of this app."
        cure = "Name one of a later version, for a newer app." if names else "None was made yet."
        raise UsageError(what, path=path, hint=cure)
    chosen = file.locate(chosen)
    with _explaining(path):
        if not disk.is_there(chosen):
            raise UsageError(f"There is no backup at {chosen}.", path=path, hint="Migrator.backups(path) lists them.")
        if disk.is_there(path) and os.path.samefile(chosen, path):
            raise UsageError(f"{chosen} is the file itself, not a backup of it.", path=path, hint="Name a backup.")
    with _explaining(chosen):
        if not file.size(chosen):
            raise NotADatabase("it is empty")
        version = _version_of_backup(migrator, chosen)
    with _explaining(path):
        before, kept = _put(migrator, path, chosen, watch)
    log.info("%s: restored %s, version %d -> %d", path, os.path.basename(chosen), before, version)
    return Report(path, before, version, (), kept, time.monotonic() - watch.began)


def _version_of_backup(migrator: Migrator, name: str) -> int:
    found: list[int] = []

    def check(conn: sqlite3.Connection) -> None:
        refuse_application_id(migrator, conn)
        applied, version = _history_as_it_is(conn)
        if applied is None and not history.objects(conn):
            raise NotADatabase("there is nothing in it")
        found.append(version)

    backup.verify(name, check)
    return found[0]


def _history_as_it_is(conn: sqlite3.Connection) -> tuple[list[Applied] | None, int]:
    """The history and the version of a file that is only copied, whatever is wrong with its history."""
    try:
        applied = history.read(conn)
    except EmbedmigError:
        return [], 0
    return applied, plan.version_of(applied or ())


def _put(migrator: Migrator, path: str, chosen: str, watch: Watch) -> tuple[int, str | None]:
    """Put `chosen` in the place of `path`; the version before, and where what was there is now kept."""
    _refuse_unwritable(path)
    aside = None if _size(path) else _make_room(path, chosen)
    try:
        with _explaining(path):
            _refuse_in_use(path)
            seen = os.stat(path)
            done = _overwritten(migrator, path, chosen, watch)
            if done is None:
                if disk.is_still(path, seen):
                    aside = _moved_aside(path, os.path.getsize(chosen))
                done = _put(migrator, path, chosen, watch)
    except EmbedmigError as error:
        if aside:
            error.kept = f"What stood there is now called {os.path.basename(aside)}."
        raise
    before, kept = done
    return before, kept or aside


def _make_room(path: str, chosen: str) -> str | None:
    """Where no database is, an empty one, which SQLite then fills under its own locks: another launch may have had the same
    thought, and a rename would take away what it made. Returns the new name of the sidecars of a file that is gone."""
    file.make_folder(path)
    target, aside = os.path.realpath(path), None
    # the sidecars first: a launch that is just making the file makes the file before its journal
    if disk.has_sidecars(path) and not os.path.lexists(target):
        aside = disk.move_aside(path)
        log.warning("%s was gone: what stood beside it is now called %s-journal, -wal, -shm", path, aside)
    _create_like(target, os.stat(chosen))
    return aside


def _moved_aside(path: str, needed: int) -> str:
    """Move away what SQLite can make nothing of, once there is room for what is to take its place."""
    if disk.free_bytes(path) < needed:
        raise DiskFull("there is no room for the backup that is to take its place", path=path)
    aside = disk.move_aside(path)
    log.warning("%s could not be read: it is now called %s", path, aside)
    return aside


def _overwritten(migrator: Migrator, path: str, chosen: str, watch: Watch) -> tuple[int, str | None] | None:
    """Overwrite the file, or return None: SQLite can make nothing of it."""
    begun: list[tuple[int, str | None]] = []  # what is to be returned, once the file is being overwritten
    try:
        conn = file.connect(path, cached_statements=0)
        try:
            _over(migrator, conn, path, chosen, watch, begun)
        finally:
            conn.close()
    except (sqlite3.DatabaseError, EmbedmigError) as error:
        if begun:
            _unless_it_happened(error, path, begun[0][1], "overwritten by the backup", _is_copy(path, chosen))
        elif not _is_unreadable(error, path):
            raise
    return begun[0] if begun else None


def _over(
    migrator: Migrator,
    conn: sqlite3.Connection,
    path: str,
    chosen: str,
    watch: Watch,
    begun: list[tuple[int, str | None]],
) -> None:
    """Copy the file, then overwrite it, and nobody comes in between."""
    patience = min(migrator.timeout, ALONE_S)
    with transaction.settings_of_a_run(conn, watch, patience), transaction.alone(conn, watch, patience):
        applied, version = _history_as_it_is(conn)
        if damage := diagnosis.damage(conn):
            raise sqlite3.DatabaseError(damage)
        kept = None
        if applied or history.objects(conn):
            # never over the very copy that is about to be restored
            spare = os.path.realpath(chosen)
            note = backup.free_name(path, version, "replaced") if backup.name_of(path, version) == spare else ""
            kept = keep(migrator, conn, path, note, held=True, spare=spare)
        source = file.connect_to_read(chosen)
        try:
            begun.append((version, kept))
            backup.transfer(source, conn, watch, migrator.timeout)
        finally:
            source.close()


def _unless_it_happened(
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


def _is_copy(path: str, chosen: str) -> bool | None:
    """Has the file the pages of that backup now? None: it can't be read. To be asked when no connection is open: the files
    are read by ordinary means, but for the header of the first page, which is each file's own."""
    header = 100  # bytes: https://sqlite.org/fileformat2.html#the_database_header
    try:
        pages, damage = _extent(path)
        if damage or disk.journal_of(path) or disk.journal_of(chosen):
            return None
        return pages == _extent(chosen)[0] and disk.is_same(path, chosen, header, pages[0] * pages[1])
    except (sqlite3.Error, OSError):
        return None


def _extent(path: str) -> tuple[tuple[int, int], str | None]:
    """How many pages of which size a file has, for SQLite: the file itself may be longer; and what is wrong with it."""
    conn = file.connect_to_read(path)
    try:
        return (transaction.page_count(conn), transaction.page_size(conn)), diagnosis.damage(conn)
    finally:
        conn.close()


def reset(migrator: Migrator, path: str, *, keep_backup: bool, force: bool) -> Report:
    """Empty the file by SQLite itself, so that every crash point shows the old content or an empty file; build it again.

    An emptied file is not deleted: whoever waits for it goes on in it. In a deleted one a launch would share its journal's
    name with the new file (https://sqlite.org/howtocorrupt.html, section 2.4), and what it commits would be lost.
    """
    began = time.monotonic()
    ready_for_a_new_file(migrator, None)
    if path == file.MEMORY:
        raise UsageError("A database in memory has no file to delete.", hint="Open a new one.")
    before, kept, what, permissions = 0, None, "", None
    try:
        with _explaining(path):
            _refuse_unwritable(path)
            permissions = disk.permissions(path)
            if permissions is not None:
                _refuse_in_use(path)
            if _size(path, force=force):
                before, kept, what = _emptied(migrator, path, keep_backup=keep_backup, force=force)
            like = permissions or disk.permissions_of_sidecars(path)
            if like is not None and not os.path.exists(path):
                _create_like(os.path.realpath(path), like)  # SQLite takes away the journals of a file that has no page
        report = migrator.migrate(path)
    except EmbedmigError as error:
        if what or (permissions is not None and not os.path.lexists(path)):
            error.backup = kept
            copy = f"; {os.path.basename(kept)} is what was in it" if kept else ""
            error.kept = f"The file was {what or 'deleted'} before that{copy}."
        raise
    return Report(path, before, report.after, report.ran, kept, time.monotonic() - began)


def _create_like(target: str, permissions: os.stat_result) -> None:
    try:
        disk.create(target)
    except FileExistsError:
        return  # another launch was first
    disk.give(target, permissions, stat.S_IWUSR)  # a backup may be read-only, the file that it becomes not


def _emptied(migrator: Migrator, path: str, *, keep_backup: bool, force: bool) -> tuple[int, str | None, str]:
    """Make sure that the file is ours and that nobody uses it, keep a copy, and empty it; what SQLite can make nothing of is
    moved aside, or deleted where no copy is asked for. Returns its version, the copy's path, and what was done."""
    begun: list[tuple[int, str | None]] = []  # its version and the copy, once it is being emptied
    seen = os.stat(path)
    try:
        _empty(migrator, path, begun, keep_backup=keep_backup, force=force)
    except (sqlite3.DatabaseError, UnicodeDecodeError, EmbedmigError) as error:
        if begun and not isinstance(error, UnicodeDecodeError):
            _unless_it_happened(error, path, begun[0][1], "emptied", _is_empty(path))
        elif not force or not (isinstance(error, DatabaseDamaged) or _is_unreadable(error, path)):
            raise
    if begun:
        return *begun[0], "emptied"
    if not disk.is_still(path, seen):  # another process put a new one there
        return _emptied(migrator, path, keep_backup=keep_backup, force=force) if _size(path) else (0, None, "")
    if keep_backup:
        return 0, disk.move_aside(path), "moved aside"
    _delete(path)
    return 0, None, "deleted"


def _delete(path: str) -> None:
    try:
        disk.delete(path)
    except PermissionError as error:  # Windows, while another process has it open
        raise DatabaseBusy(0.0, f"keeps it from being deleted ({error.strerror})", path=path) from error


def _empty(
    migrator: Migrator, path: str, begun: list[tuple[int, str | None]], *, keep_backup: bool, force: bool
) -> None:
    conn = file.connect(path, cached_statements=0)
    try:
        patience = min(migrator.timeout, ALONE_S)
        transaction.await_reading(conn, Watch(), patience)
        _refuse_strangers(migrator, conn, force=force)
        with transaction.settings_of_a_run(conn, Watch(), patience), transaction.alone(conn, Watch(), patience):
            version = _refuse_strangers(migrator, conn, force=force)
            if damage := diagnosis.damage(conn):
                raise DatabaseDamaged(damage)
            # under a name of its own: the next migrate from this version must not replace it
            note = backup.free_name(path, version, "reset")
            kept = keep(migrator, conn, path, note, held=True) if keep_backup else None
            empty = file.connect(file.MEMORY)
            try:
                empty.execute(f"PRAGMA page_size = {transaction.page_size(conn)}")
                begun.append((version, kept))
                backup.transfer(empty, conn, Watch(), ALONE_S)
            finally:
                empty.close()
    finally:
        conn.close()


def _is_empty(path: str) -> bool | None:
    """Is there nothing in the file any more? None: it can't be read."""
    try:
        conn = file.connect_to_read(path)
        try:
            return not file.rows(conn, "SELECT 1 FROM main.sqlite_master LIMIT 1")
        finally:
            conn.close()
    except sqlite3.Error:
        return None


def _refuse_strangers(migrator: Migrator, conn: sqlite3.Connection, *, force: bool) -> int:
    """Raise for another app's file, or one that is too new, unless forced; returns its version."""
    try:
        applied = our_history(migrator, conn, "Delete it by hand, or reset with force=True, if it is meant.")
        if applied:
            plan.refuse_too_new(definition.find(migrator.migrations), applied)
    except EmbedmigError:
        if not force:
            raise
    return _history_as_it_is(conn)[1]


def _refuse_absent(path: str) -> None:
    if path == file.MEMORY or not file.size(path):
        what = "A database in memory has no file." if path == file.MEMORY else f"There is no database at {path}."
        raise UsageError(what, path=path, hint="Give the path of the file that is meant.")


def _size(path: str, *, force: bool = True) -> int:
    """The file's size, also where it is too short to be a database: that may be replaced."""
    try:
        return file.size(path)
    except NotADatabase:
        if not force:
            raise
        return os.path.getsize(path)


def _refuse_in_use(path: str) -> None:
    if who := disk.user_of(path):
        raise DatabaseBusy(0.0, "has it open", who, path=path)


def _refuse_unwritable(path: str) -> None:
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        return
    if os.path.isdir(path):
        raise UnusablePath(f"{path} is a folder.", path=path, hint="Give the path of a file in it.")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise DatabaseReadOnly("this user may not write the file", path=path)
    if not disk.may_write_in(folder):
        raise DatabaseReadOnly(f"this user may not write in the folder {folder}", path=path)


def _is_unreadable(error: BaseException, path: str) -> bool:
    """Is it that SQLite can make nothing of the file? Of a page that it could not read this once it says "corrupt" as well."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CORRUPT and not diagnosis.damage_of(path):
        return False
    plain = type(error) is sqlite3.DatabaseError and code == 0
    return plain or isinstance(error, UnicodeDecodeError) or code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
