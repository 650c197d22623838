"""Copy a database aside, verify the copy, keep few, put one back. All by SQLite's own backup
(https://sqlite.org/backup.html): an ordinary copy would drop our locks and miss what is still in `-wal`.

A backup stands beside the file and says which version it has: `notes.db.v0003.bak`, one for each version.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import closing, nullcontext

from embedmig import diagnosis, disk, file, log
from embedmig.errors import DatabaseBusy, DatabaseDamaged, DiskFull, EmbedmigError, UnusablePath
from embedmig.naming import quoted
from embedmig.progress import CHECKING
from embedmig.transaction import patiently

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from embedmig.progress import Watch

PAGES = 2_000  # copied between two reports: 8 MB, some 15 ms
ENDING = ".bak"
FULL = 1  # what PRAGMA auto_vacuum says
COPY_OPEN = "has its copy open"  # on Windows perhaps a virus scanner, for a moment


def name_of(path: str, version: int, note: str = "") -> str:
    """`notes.db.v0003.bak`: beside the file itself, where a symbolic link leads to."""
    return f"{os.path.realpath(path)}.v{version:04}{note}{ENDING}"


def free_name(path: str, version: int, word: str) -> str:
    """A note for a copy that must not replace any other: "-reset", "-reset2" and so on."""
    number, note = 1, f"-{word}"
    while os.path.lexists(name_of(path, version, note)):
        number += 1
        note = f"-{word}{number}"
    return note


def all_of(path: str) -> list[str]:
    """The backups of a file, of the newest version first. UnusablePath where the folder can't be read: there may be some."""
    target = os.path.realpath(path)
    folder, start = os.path.dirname(target), os.path.basename(target) + ".v"
    try:
        names = os.listdir(folder)
        found = [os.path.join(folder, n) for n in names if n.startswith(start) and version_in(n[len(start) :]) >= 0]
        files = [path for path in found if disk.is_file(path)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise disk.refused(error, folder) from error
    cut = len(target) + len(".v")
    # of one version the copy with the latest content first: a copy has its file's time of modification
    return sorted(files, key=lambda path: (version_in(path[cut:]), disk.changed_ns(path), path), reverse=True)


def seen_of(path: str) -> list[str]:
    """all_of(), or none where the folder can't be read: for who only mentions them."""
    try:
        return all_of(path)
    except EmbedmigError:
        return []


def version_in(ending: str) -> int:
    """The version that the end of a backup's name tells, `0003.bak` or `0003-replaced.bak`; -1 where it is none."""
    digits, dash, note = ending.removesuffix(ENDING).partition("-")
    if not ending.endswith(ENDING) or not (digits.isascii() and digits.isdigit()) or (dash and not note.isalnum()):
        return -1
    return int(digits)


def newest_up_to(path: str, version: int, names: list[str]) -> str | None:
    """The newest of these backups that a build with migrations up to `version` can open."""
    start = len(os.path.realpath(path)) + len(".v")
    return next((name for name in names if version_in(name[start:]) <= version), None)


def take(
    path: str,
    version: int,
    watch: Watch,
    timeout: float,
    check: Callable[[sqlite3.Connection], object],
    note: str = "",
    source: sqlite3.Connection | None = None,
    check_file: Callable[[], object] | None = None,
) -> str:
    """Make the backup of `path` at `version`, or find that an unchanged file already has it; returns its path.

    The caller holds the write lock on another connection, or the whole file on `source`, which has no
    transaction open: so nobody writes meanwhile. Made as `.part`,
    verified by quick_check and `check(conn)`, synced, and only then renamed: under the final name
    there is never half a backup. Raises DiskFull, DatabaseBusy, DatabaseDamaged.

    What is wrong with the file is wrong with its copy. `check_file` is called where that does not tell: an older copy
    counts, SQLite can't check the copy without the app's functions or may have mended it, or the fault may be the copy's alone.
    """
    final = name_of(path, version, note)
    if is_unchanged(path, final) and _is_good(final, check, watch):
        if check_file is not None:
            check_file()
        return final
    part, made = final + ".part", False
    try:
        disk.remove(part, *_left_behind(path))
        disk.create(part)
        made = True
        _copy_and_verify(path, part, watch, timeout, check, source, check_file)
        disk.sync(part)
        disk.give(part, os.stat(path))
        _stamp(path, part)
        disk.replace(part, final)
    except BaseException as error:
        if made:
            disk.discard(part, *(part + end for end in file.SIDECARS))
        if isinstance(error, OSError):
            raise not_made(error, path, final) from error
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN and (
            why := diagnosis.why_no_file(final)
        ):
            raise not_made(why, path, final) from error
        raise
    return final


def _copy_and_verify(
    path: str,
    part: str,
    watch: Watch,
    timeout: float,
    check: Callable[[sqlite3.Connection], object],
    source: sqlite3.Connection | None,
    check_file: Callable[[], object] | None,
) -> None:
    """Make a sound copy, and ask the file itself where the copy does not tell how that stands."""
    untold: list[object] = []
    unchecked = untold.append if check_file is not None else None
    try:
        _copy(path, part, watch, timeout, source)
        watch.enter(CHECKING)
        patiently(lambda: verify(part, check, watch, unchecked), watch, timeout, COPY_OPEN)
    except (DatabaseDamaged, sqlite3.DatabaseError) as error:
        if check_file is None or not _is_unsound(error):
            raise
        check_file()
        name = os.path.basename(part).removesuffix(".part")
        what = f"The backup {name} can't be made: the file is sound, and the copy of it is not."
        raise UnusablePath(what, hint="Start the app again; if it happens again, check the disk.") from error
    if untold and check_file is not None:
        check_file()


def _may_hide_damage(copy: sqlite3.Connection) -> bool:
    """May a copy be found sound although its file is not?

    To leave WAL is a commit, and with auto_vacuum = FULL each commit cuts off the free pages, whatever is wrong with their list
    (https://sqlite.org/pragma.html#pragma_auto_vacuum). And SQLite 3.44 has virtual tables check themselves
    (https://sqlite.org/vtab.html#xintegrity): those of which only the app loads the module are passed over.
    """
    if file.rows(copy, "PRAGMA main.auto_vacuum")[0][0] == FULL:
        return True
    virtual = file.rows(copy, "SELECT name FROM main.sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'")
    try:
        for (name,) in virtual:
            file.rows(copy, f"SELECT 1 FROM main.{quoted(str(name))} LIMIT 0")
    except sqlite3.Error:
        return True
    return False


def _is_unsound(error: Exception) -> bool:
    """Is it the content that was found wrong, by our check or by SQLite's reading at all?"""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, DatabaseDamaged) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _is_good(name: str, check: Callable[[sqlite3.Connection], object], watch: Watch) -> bool:
    """Does an older copy still count?"""
    try:
        verify(name, check, watch)
    except (EmbedmigError, sqlite3.Error):
        return False
    return True


def not_made(error: OSError, path: str, final: str) -> EmbedmigError:
    name = os.path.basename(final)
    if disk.is_no_room(error):
        return DiskFull(f"there is no room for the backup {name}", path=path, kept="Nothing was changed.")
    return UnusablePath(
        f"The backup {name} can't be made: {error.strerror}.",
        path=path,
        hint="Check the folder, or set backups=0 and do without.",
    )


def _left_behind(path: str) -> list[str]:
    """What a launch that died while it made a backup left: nobody else makes one while we hold the lock."""
    target = os.path.realpath(path)
    folder, start = os.path.dirname(target), os.path.basename(target) + ".v"
    names = [n for n in os.listdir(folder) if n.startswith(start) and ".bak.part" in n]
    wanted = [n for n in names if version_in(n[len(start) :].partition(".part")[0]) >= 0]
    return [path for n in wanted if os.path.isfile(path := os.path.join(folder, n))]


def _copy(path: str, part: str, watch: Watch, timeout: float, held: sqlite3.Connection | None) -> None:
    """Copy by a second connection, since one with the write transaction would wait for itself for ever."""

    def opened() -> sqlite3.Connection:
        return patiently(lambda: file.connect_to_read(path), watch, timeout, "is using it")

    def said(pragma: str) -> None:
        patiently(lambda: file.rows(copy, f"PRAGMA {pragma}"), watch, timeout, COPY_OPEN)

    with nullcontext(held) if held else closing(opened()) as source, closing(file.connect(part)) as copy:
        copy.isolation_level = None
        said("journal_mode = OFF")
        said("synchronous = OFF")  # it is synced once, at the end
        transfer(source, copy, watch, timeout)
        said("journal_mode = DELETE")  # a copy in WAL mode would grow sidecars of its own
    disk.remove(*(part + end for end in file.SIDECARS))


def transfer(source: sqlite3.Connection, copy: sqlite3.Connection, watch: Watch, timeout: float) -> None:
    """SQLite's backup from one connection into another, reported, with a deadline for each wait."""
    stuck_since: list[float] = []

    def step(status: int, remaining: int, total: int) -> None:
        watch.done, watch.total_rows = total - remaining, total
        watch.look()
        if status not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            stuck_since.clear()
        elif not stuck_since:
            stuck_since.append(time.monotonic())
        elif time.monotonic() - stuck_since[0] > timeout:
            raise DatabaseBusy(time.monotonic() - stuck_since[0], "has it open")

    source.backup(copy, pages=PAGES, progress=step, sleep=0.05)
    watch.done = watch.total_rows = None


def verify(
    name: str,
    check: Callable[[sqlite3.Connection], object],
    watch: Watch,
    unchecked: Callable[[object], object] | None = None,
) -> None:
    """Raise DatabaseDamaged unless SQLite finds a copy sound and `check(conn)` can read what it must. `unchecked` is told where
    that does not say the same of its file, for want of the app's functions, say."""
    conn = file.connect_to_read(name)
    try:
        with watch.over(conn):
            damage = diagnosis.damage(conn, unchecked)
        if damage:
            raise DatabaseDamaged(f"the copy {os.path.basename(name)} is not sound: {damage}", path=name)
        check(conn)
        if unchecked is not None and _may_hide_damage(conn):
            unchecked(None)
    finally:
        conn.close()


def _stamp(path: str, part: str) -> None:
    """Give the copy the file's time of modification: how the next launch knows that the file is unchanged."""
    found = os.stat(path)
    os.utime(part, ns=(found.st_atime_ns, found.st_mtime_ns))


def is_unchanged(path: str, backup: str) -> bool:
    """Is this backup still the file's content? By size and time of modification, and nothing waiting in `-wal`.

    A file system that keeps coarse times (FAT: 2 s) can't tell: there the copy is made again.
    """
    try:
        now, then = os.stat(path), os.lstat(backup)  # a link to the file is no copy of it
        wal = os.path.realpath(path) + "-wal"
        if os.path.exists(wal) and os.path.getsize(wal):
            return False
    except OSError:
        return False
    if not stat.S_ISREG(then.st_mode):
        return False
    coarse = now.st_mtime_ns % 10_000_000 == 0
    return not coarse and now.st_mtime_ns == then.st_mtime_ns and now.st_size == then.st_size


def prune(path: str, keep: int, made: str, spare: str = "") -> None:
    """Delete all but the newest `keep` copies of the kind of the one just made, and never that one, nor `spare`.

    Two kinds: those of upgrades and rollbacks, one for each version, and those with a note, of what a reset or a
    restore replaced: an upgrade does not push those out. One that can't be deleted stays, and is no reason to stop.
    """
    noted = _is_noted(path, made)
    try:
        alike = [name for name in all_of(path) if _is_noted(path, name) == noted and name != made]
        if noted:
            alike.sort(key=disk.changed_ns, reverse=True)
        disk.remove(*(name for name in alike[max(keep - 1, 0) :] if name != spare))
    except (OSError, EmbedmigError) as error:
        log.warning("%s: an older backup can't be deleted and stays: %s", path, error)


def _is_noted(path: str, name: str) -> bool:
    return "-" in name[len(os.path.realpath(path)) :]
