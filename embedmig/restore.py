"""Put a backup in the file's place."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import closing

from embedmig import backup, definition, diagnosis, disk, file, history, log, transaction, wholefile
from embedmig.errors import DatabaseBusy, DiskFull, EmbedmigError, NotADatabase, UsageError
from embedmig.progress import Watch
from embedmig.questions import refuse_application_id
from embedmig.report import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.migrator import Migrator

TRIES = 5


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
    with wholefile.explaining(path):
        if not disk.is_there(chosen):
            raise UsageError(
                f"There is no backup at {chosen}.", path=path, hint="`backups` lists those that are there."
            )
        if disk.is_there(path) and os.path.samefile(chosen, path):
            raise UsageError(f"{chosen} is the file itself, not a backup of it.", path=path, hint="Name a backup.")
    with wholefile.explaining(chosen):
        if not file.size(chosen):
            raise NotADatabase("it is empty")
        version = _version_of_backup(migrator, chosen)
    with wholefile.explaining(path):
        before, kept = _put(migrator, path, chosen, watch)
    log.info("%s: restored %s, version %d -> %d", path, os.path.basename(chosen), before, version)
    return Report(path, before, version, (), kept, time.monotonic() - watch.began)


def _version_of_backup(migrator: Migrator, name: str) -> int:
    found: list[int] = []

    def check(conn: sqlite3.Connection) -> None:
        refuse_application_id(migrator, conn)
        applied, version = wholefile.history_as_it_is(conn)
        if applied is None and not history.objects(conn):
            raise NotADatabase("there is nothing in it")
        found.append(version)

    watch = Watch()
    transaction.patiently(lambda: backup.verify(name, check, watch), watch, migrator.timeout, "is using it")
    return found[0]


def _put(migrator: Migrator, path: str, chosen: str, watch: Watch) -> tuple[int, str | None]:
    """Put `chosen` in the place of `path`; the version before, and where what was there is now kept."""
    for _ in range(TRIES):  # another process may put a file there between two looks
        wholefile.refuse_unwritable(path)
        if os.path.lexists(path):
            disk.undo_move_aside(path)
        aside = None if wholefile.size(path) else _make_room(path, chosen)
        try:
            with wholefile.explaining(path):
                wholefile.refuse_in_use(path)
                seen = os.stat(path)
                done = _overwritten(migrator, path, chosen, watch)
                if done is not None:
                    return done[0], done[1] or aside
                if kept := _replaced(migrator, path, chosen, seen, watch):
                    return 0, kept
        except EmbedmigError as error:
            if aside:
                stood = f"What stood there is now called {os.path.basename(aside)}."
                error.kept = stood if error.kept == type(error).default_kept else f"{error.kept} {stood}"
            raise
    raise DatabaseBusy(0.0, "puts one file after another there", path=path)


def _make_room(path: str, chosen: str) -> str | None:
    """Where no database is, an empty one, which SQLite then fills under its own locks: another launch may have had the same
    thought, and a rename would take away what it made. Returns the new name of the sidecars of a file that is gone."""
    file.make_folder(path)
    target, aside = os.path.realpath(path), None
    # the sidecars first: a launch that is just making the file makes the file before its journal, and has no `-wal` yet
    if (disk.has_sidecars(path) and not os.path.lexists(target)) or disk.has_wal(path):
        if os.path.lexists(target):
            wholefile.refuse_in_use(path)
        aside = disk.move_aside(path)
        log.warning("%s was gone: what stood beside it is now called %s-journal, -wal, -shm", path, aside)
    wholefile.create_like(target, os.stat(chosen))
    return aside


def _overwritten(migrator: Migrator, path: str, chosen: str, watch: Watch) -> tuple[int, str | None] | None:
    """Keep a copy of the file, then overwrite it, and nobody comes in between. None: SQLite can make nothing of it."""
    done = None
    # opened first: what is wrong with the backup is not wrong with the file
    with closing(_opened(migrator, chosen, watch)) as source:
        try:
            with closing(file.connect(path, cached_statements=0)) as conn, wholefile.alone(migrator, conn, watch):
                done = _kept(migrator, conn, path, chosen)
                backup.transfer(source, conn, watch, migrator.timeout)
                return done
        except (sqlite3.DatabaseError, EmbedmigError) as error:
            if done is None and not wholefile.is_unreadable(error, path):
                raise
            failed = error
    if done is not None:  # only now: the files are read by ordinary means
        wholefile.unless_it_happened(failed, path, done[1], "overwritten by the backup", _is_copy(path, chosen))
    return done


def _replaced(migrator: Migrator, path: str, chosen: str, seen: os.stat_result, watch: Watch) -> str | None:
    """Where SQLite can make nothing of what stands there: a verified copy of the backup takes its place, by a rename, and
    what stood there gets a name of its own, which is returned. None: another process has put a file there meanwhile."""
    if disk.free_bytes(path) < os.path.getsize(chosen):
        raise DiskFull("there is no room for the backup that is to take its place", path=path)
    part, aside = backup.name_of(path, 0, "-restored") + ".part", None  # the next backup takes away what a crash leaves
    try:
        disk.remove(part)
        disk.create(part)
    except OSError as error:
        raise backup.not_made(error, path, part) from error
    try:
        with closing(_opened(migrator, chosen, watch)) as source, closing(file.connect(part)) as copy:
            backup.transfer(source, copy, watch, migrator.timeout)
        transaction.patiently(
            lambda: backup.verify(part, history.objects, watch), watch, migrator.timeout, backup.COPY_OPEN
        )
        disk.sync(part)
        disk.give(part, os.stat(chosen), stat.S_IWUSR)  # a backup may be read-only, the file that it becomes not
        if not disk.is_still(path, seen):
            return None
        aside = disk.move_aside(path, stays=True)
        log.warning("%s could not be read: it is now called %s", path, aside)
        disk.replace(part, os.path.realpath(path))
    except BaseException as error:
        if aside and os.path.lexists(part):
            disk.undo_move_aside(path)
        if isinstance(error, (OSError, sqlite3.Error, EmbedmigError)):
            raise _not_put(error, path, part, aside) from error
        raise
    finally:
        disk.discard(part, *(part + end for end in file.SIDECARS))
    return aside


def _not_put(error: Exception, path: str, part: str, aside: str | None) -> EmbedmigError:
    """What became of a name into which a backup could not be put."""
    explained = disk.refused(error, path) if isinstance(error, OSError) else error
    if not isinstance(explained, EmbedmigError):
        explained = diagnosis.explained(explained, path)
    if aside and not os.path.lexists(part):
        explained.kept = "The backup was put in its place all the same, and a power cut might take that back."
    elif aside and os.path.lexists(aside):
        explained.kept = f"What stood there is now called {os.path.basename(aside)}."
    return explained


def _opened(migrator: Migrator, chosen: str, watch: Watch) -> sqlite3.Connection:
    patience = min(migrator.timeout, wholefile.ALONE_S)
    with wholefile.explaining(chosen):
        return transaction.patiently(lambda: file.connect_to_read(chosen), watch, patience, "has the backup open")


def _kept(migrator: Migrator, conn: sqlite3.Connection, path: str, chosen: str) -> tuple[int, str | None]:
    """The version of a sound file, and the copy that was made of it; None where nothing is in it."""
    applied, version = wholefile.history_as_it_is(conn)
    if damage := diagnosis.damage(conn):
        raise sqlite3.DatabaseError(damage)
    if not (applied or history.objects(conn)):
        return version, None
    # never over another copy: neither the one that is about to be restored nor one that the user asked for
    spare, plain = os.path.realpath(chosen), backup.name_of(path, version)
    another = os.path.lexists(plain) and (plain == spare or not backup.is_unchanged(path, plain))
    note = backup.free_name(path, version, "replaced") if another else ""
    return version, wholefile.keep(migrator, conn, path, note, held=True, spare=spare)


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
    with closing(file.connect_to_read(path)) as conn:
        return (transaction.page_count(conn), transaction.page_size(conn)), diagnosis.damage(conn)
