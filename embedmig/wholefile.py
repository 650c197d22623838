"""The verbs on a file as a whole: back up, restore, reset. Each crash point leaves the old content or the new."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import contextmanager

from embedmig import backup, definition, disk, file, history, log, plan, transaction
from embedmig.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseReadOnly,
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
    if not _size(path):
        file.make_folder(path)
        return 0, _into(path, chosen, watch, migrator.timeout)
    _refuse_in_use(path)
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
    return begun[0] if begun else (0, _into(path, chosen, watch, migrator.timeout))


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
        if damage := file.damage(conn):
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
    explained = error if isinstance(error, EmbedmigError) else file.explained(error, path)
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
        return (transaction.page_count(conn), transaction.page_size(conn)), file.damage(conn)
    finally:
        conn.close()


def _into(path: str, chosen: str, watch: Watch, timeout: float) -> str | None:
    """Into a name where no database is: a verified copy under another name, then renamed. What stands there, a file
    that SQLite can't read or the sidecars of one that is gone, is moved aside first; returns its new name."""
    target = os.path.realpath(path)
    part, aside = backup.name_of(path, 0, "-restored") + ".part", None  # the next backup takes away what a crash leaves
    try:
        disk.remove(part)
        disk.create(part)
    except OSError as error:
        raise backup.not_made(error, path, part) from error
    try:
        source, copy = file.connect_to_read(chosen), file.connect(part)
        try:
            backup.transfer(source, copy, watch, timeout)
        finally:
            source.close()
            copy.close()
        backup.verify(part, history.objects)
        disk.sync(part)
        disk.give(part, os.stat(chosen), stat.S_IWUSR)  # a backup may be read-only, the file that it becomes not
        if _size(path) or disk.has_sidecars(path):
            # a journal without its file would be rolled into whatever takes its name
            aside = disk.move_aside(path)
            log.warning("%s could not be read: it is now called %s", path, aside)
        disk.replace(part, target)
    except (OSError, sqlite3.Error, EmbedmigError) as error:
        raise _not_put(error, path, part, aside) from error
    finally:
        disk.discard(part, *(part + end for end in file.SIDECARS))
    return aside


def _not_put(error: Exception, path: str, part: str, aside: str | None) -> EmbedmigError:
    """What became of a name into which a backup could not be put."""
    explained = disk.refused(error, path) if isinstance(error, OSError) else error
    if not isinstance(explained, EmbedmigError):
        explained = file.explained(explained, path)
    if not os.path.lexists(part):
        explained.kept = "The backup was put in its place all the same, and a power cut might take that back."
    elif aside:
        explained.kept = f"What stood there is now called {os.path.basename(aside)}."
    return explained


def reset(migrator: Migrator, path: str, *, keep_backup: bool, force: bool) -> Report:
    """Delete the file and its sidecars, so that every crash point shows the old file or none; build it again."""
    began = time.monotonic()
    ready_for_a_new_file(migrator, None)
    if path == file.MEMORY:
        raise UsageError("A database in memory has no file to delete.", hint="Open a new one.")
    before, kept, emptied, deleted = 0, None, False, False
    with _explaining(path):
        _refuse_unwritable(path)
        permissions = disk.permissions(path)
        if _size(path, force=force):
            _refuse_in_use(path)
            before, kept, emptied = _emptied(migrator, path, keep_backup=keep_backup, force=force)
    try:
        with _explaining(path):
            _delete(path, emptied=emptied)
            deleted = True
            if permissions is not None and not os.path.exists(path):
                _create_like(os.path.realpath(path), permissions)
        report = migrator.migrate(path)
    except EmbedmigError as error:
        if permissions is not None and (deleted or emptied or not os.path.lexists(path)):
            error.backup = kept
            copy = f"; {os.path.basename(kept)} is what was in it" if kept else ""
            error.kept = f"The file was {'deleted' if deleted or not emptied else 'emptied'} before that{copy}."
        raise
    return Report(path, before, report.after, report.ran, kept, time.monotonic() - began)


def _create_like(target: str, permissions: os.stat_result) -> None:
    try:
        disk.create(target)
    except FileExistsError:
        return  # another launch was first
    disk.give(target, permissions, stat.S_IWUSR)


def _delete(path: str, *, emptied: bool) -> None:
    """Delete it. Where that is refused (Windows, while another process has it open) an emptied file may stay: it is built
    anew in its place."""
    try:
        disk.delete(path)
    except OSError as error:
        if not emptied:
            if not isinstance(error, PermissionError):
                raise
            raise DatabaseBusy(0.0, f"keeps it from being deleted ({error.strerror})", path=path) from error
        log.info("%s was emptied and stays: it can't be deleted (%s)", path, error.strerror)


def _emptied(migrator: Migrator, path: str, *, keep_backup: bool, force: bool) -> tuple[int, str | None, bool]:
    """Make sure that the file is ours and that nobody uses it, keep a copy, and empty it: a process that slipped
    past the check then sees an empty database, not one that is gone. Returns its version and the copy's path."""
    begun: list[tuple[int, str | None]] = []  # its version and the copy, once it is being emptied
    try:
        _empty(migrator, path, begun, keep_backup=keep_backup, force=force)
    except (sqlite3.DatabaseError, UnicodeDecodeError, EmbedmigError) as error:
        if begun and not isinstance(error, UnicodeDecodeError):
            _unless_it_happened(error, path, begun[0][1], "emptied", _is_empty(path))
        elif not force or not (isinstance(error, DatabaseDamaged) or _is_unreadable(error, path)):
            raise
    if begun:
        return *begun[0], True
    return 0, disk.move_aside(path) if keep_backup else None, False


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
            if damage := file.damage(conn):
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
    if code == sqlite3.SQLITE_CORRUPT and not file.damage_of(path):
        return False
    plain = type(error) is sqlite3.DatabaseError and code == 0
    return plain or isinstance(error, UnicodeDecodeError) or code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
