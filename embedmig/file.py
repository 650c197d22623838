"""The file before anything touches it: what a path is, how it is opened, what SQLite's errors mean.

Loaded at every launch. Never opens the file by ordinary means: closing it again would drop the locks
that SQLite holds on it elsewhere in this process (https://sqlite.org/howtocorrupt.html, section 2.2).
"""

from __future__ import annotations

import os
import sqlite3
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from embedmig.errors import EmbedmigError

MEMORY = ":memory:"
BUSY_TIMEOUT = "PRAGMA busy_timeout = 5000"  # for the connection that is handed back: sqlite3's own default, in ms
SIDECARS = ("-journal", "-wal", "-shm")
SMALLEST = 512  # bytes: SQLite's smallest page, so no database is smaller


def locate(path: str | bytes | os.PathLike[str]) -> str:
    """The absolute path, or ":memory:". UnusablePath for what SQLite would misread.

    Absolute, since a name that starts with "file:" is taken as a URI by some builds even when it isn't asked for.
    """
    name = os.fspath(path)
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    if name == MEMORY:
        return MEMORY
    if not name or "\0" in name:
        raise _unusable(
            name,
            "The path of the database is empty" if not name else "The path has a NUL character in it",
            "Give the path of a file.",
        )
    if name.startswith("file:"):
        raise _unusable(
            name, f"{name} is a URI, not a path", "Give the path itself; for read-only access use read_only=True."
        )
    if name.startswith("~") and not os.path.exists(name.split(os.sep)[0]):
        raise _unusable(name, f"{name} starts with ~, which nobody expands here", "Use os.path.expanduser() first.")
    return os.path.abspath(name)


def located(db: object) -> str:
    """locate() for what was given as a database and is no connection; UsageError for what is no path either."""
    if not isinstance(db, (str, bytes, os.PathLike)):
        raise _usage(
            f"A {type(db).__name__} is not a database.", "Give a path, a sqlite3.Connection or a sqlite_utils.Database."
        )
    return locate(db)


def connection_of(db: object) -> sqlite3.Connection | None:
    """The caller's connection, also inside a sqlite_utils.Database, or None. UsageError for a closed one, or one of another thread."""
    conn = getattr(db, "conn", db)
    if not isinstance(conn, sqlite3.Connection):
        return None
    try:
        conn.cursor().close()
    except sqlite3.ProgrammingError as error:
        raise _usage(f"This connection can't be used: {error}", "Open another, in the thread that uses it.") from error
    return conn


def size(path: str) -> int:
    """The file's size in bytes, 0 if there is none yet; looks at nothing but its directory entry.

    Raises UnusablePath for a folder, a device, a pipe, a hard link or a path that can't be reached,
    NotADatabase for a file too short to be one.
    """
    if path == MEMORY:
        return 0
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise _unusable(
            path, f"{path} can't be reached: {error.strerror}", "Check the path and its permissions."
        ) from error
    if stat.S_ISDIR(found.st_mode):
        raise _unusable(path, f"{path} is a folder", "Give the path of a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise _unusable(path, f"{path} is a device or a pipe, not a file", "Give the path of a file.")
    if found.st_nlink > 1:
        # each name would get a journal of its own, and one of them would be missed after a crash
        raise _unusable(
            path,
            f"{path} has {found.st_nlink} names (hard links), and SQLite's journals go by name",
            "Copy the file and open the copy.",
        )
    if 0 < found.st_size < SMALLEST:
        from embedmig.errors import NotADatabase

        raise NotADatabase(f"it has {found.st_size} bytes", path=path)
    return found.st_size


def make_folder(path: str) -> None:
    """Create the parent folder of a new file. UnusablePath where it can't be made."""
    folder = os.path.dirname(os.path.realpath(path))  # a link may lead elsewhere
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        if os.path.isdir(folder):
            return  # it is there; only a look at it failed
        raise _unusable(
            path, f"The folder {folder} can't be made: {error.strerror}", "Choose another folder."
        ) from error


def connect(path: str, *, cached_statements: int = 128) -> sqlite3.Connection:
    """Open for reading and writing; SQLite itself falls back to reading where it may not write.

    It waits for locks in short slices: longer waits are ours, so that Ctrl-C and `cancel` work and are reported.
    """
    return sqlite3.connect(path, timeout=0.05, cached_statements=cached_statements)


def connect_to_read(path: str) -> sqlite3.Connection:
    """Open so that nothing of ours can be written, for questions, viewing and copying.

    Where a crash left a journal, SQLite must write to recover the file: then it may. A WAL file in a folder that
    can't be written, without sidecars, is read as immutable: nobody can be writing it.
    """
    uri = _uri(path) + "?mode=ro"
    conn = sqlite3.connect(uri, uri=True, timeout=0.05)
    try:
        conn.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        conn.close()
        code = getattr(error, "sqlite_errorcode", 0)
        target = os.path.realpath(path)
        if code in (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY):
            mending = connect(path)
            try:
                mending.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            finally:
                mending.close()
            return sqlite3.connect(uri, uri=True, timeout=0.05)
        unwritable = code & 0xFF == sqlite3.SQLITE_CANTOPEN or code == sqlite3.SQLITE_READONLY_DIRECTORY
        if not unwritable or any(os.path.exists(target + end) for end in SIDECARS):
            raise
        conn = sqlite3.connect(uri + "&immutable=1", uri=True, timeout=0.05)
    except sqlite3.DatabaseError:
        pass  # it is no database, or damaged: the first question says so
    return conn


def _uri(path: str) -> str:
    """The file: URI of an absolute path (https://sqlite.org/uri.html); by hand, since pathlib costs too much at a launch."""
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23").replace(os.sep, "/")
    return "file://" + (quoted if quoted.startswith("/") else "/" + quoted)  # C:/notes.db becomes /C:/notes.db


def path_of(conn: sqlite3.Connection) -> str | None:
    """The file behind a connection, or None for one in memory or a temporary one.

    SQLite gives files by their absolute paths, and calls what deserialize() filled "x".
    """
    listed = rows(conn, "PRAGMA database_list", os.fsdecode)
    return next((str(row[2]) for row in listed if row[1] == "main" and row[2] and os.path.isabs(row[2])), None)


def rows(conn: sqlite3.Connection, sql: str, text: Callable[[bytes], str] = str) -> list[tuple[Any, ...]]:
    """All rows as plain tuples of plain values, whatever factories the caller's connection has."""
    cursor = conn.cursor()
    cursor.row_factory = None
    text_factory, conn.text_factory = conn.text_factory, text
    try:
        return cursor.execute(sql).fetchall()
    finally:
        conn.text_factory = text_factory


def application_id(conn: sqlite3.Connection) -> int:
    """The number in the file's header that says whose file it is, as 32 bits without sign; 0 is nobody's."""
    return int(rows(conn, "PRAGMA main.application_id")[0][0]) & 0xFFFFFFFF


def was_moved(error: BaseException | None) -> bool:
    """Did SQLite notice that the file it has open is no longer the one of that name?"""
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED


def explained(error: Exception, path: str | None) -> EmbedmigError:
    """What an error of SQLite's means for the person whose file it is. The caller raises it from the original."""
    from embedmig import errors

    code = getattr(error, "sqlite_errorcode", 0)
    text = str(error)
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_NOTADB:
        newer = f"it is of a newer SQLite than {sqlite3.sqlite_version}"
        return errors.NotADatabase(newer if path and _has_magic(path) else text, path=path)
    if primary == sqlite3.SQLITE_CORRUPT:
        return _confirmed(text, path)
    if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:  # no room for `-shm`
        return errors.DiskFull(text, path=path)
    if primary == sqlite3.SQLITE_READONLY:
        newer = (
            f"SQLite says: {text}; it may be open for reading only, or of a newer SQLite than {sqlite3.sqlite_version}"
        )
        return errors.DatabaseReadOnly(_why_read_only(path) or newer, path=path)
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return errors.DatabaseBusy(0.0, "is using it", path=path)
    if primary == sqlite3.SQLITE_IOERR and (odd := _odd_sidecar(path)):
        return _in_the_way(odd, path)
    if primary == sqlite3.SQLITE_CANTOPEN or text.startswith("unable to open database file"):
        return _cannot_open(path, text)
    if isinstance(error, UnicodeDecodeError) or text.startswith("Could not decode to UTF-8"):
        what = f"{errors.printable(path or 'the database')} has a name in its schema that is not UTF-8: {errors.printable(text)}."
        return errors.UnusablePath(what, path=path, hint="Rename it with the tool that made it.")
    cure = f"This is SQLite {sqlite3.sqlite_version}."
    if text.startswith(("no such function", "unknown function", "no such collation")):
        cure = "Register the app's functions and collations in prepare=."
    elif primary == sqlite3.SQLITE_IOERR:
        cure = "Start the app again; if it happens again, check the disk."
    elif text == "unsupported file format":
        cure = f"It was written with a newer SQLite than {sqlite3.sqlite_version}: update the app."
    return errors.EmbedmigError(
        f"{errors.printable(path or 'the database')}: SQLite says: {errors.printable(text)}.",
        path=path,
        hint=cure,
    )


def _confirmed(text: str, path: str | None) -> EmbedmigError:
    """SQLite said "corrupt": is the file cut short, from a newer SQLite, or damaged? Only its own check may say the last."""
    from embedmig import errors

    if text.startswith("malformed database schema") and any(
        word in text for word in ("near ", "unknown", "unrecognized")
    ):
        return errors.UnusablePath(
            f"{errors.printable(path or 'the database')} can't be read by SQLite {sqlite3.sqlite_version}: {errors.printable(text)}.",
            path=path,
            hint="It was written with a newer SQLite, perhaps: update the app.",
        )
    try:
        found = damage_of(path) if path is not None else text
    except sqlite3.Error as error:
        return explained(error, path)
    if found:
        return errors.DatabaseDamaged(found, path=path)
    return errors.EmbedmigError(
        f"SQLite says of {errors.printable(path)}: {errors.printable(text)}, but its own check finds nothing wrong.",
        path=path,
        hint="Start the app again; if it happens again, check the disk.",
    )


def damage_of(path: str) -> str | None:
    """What is wrong with a file of which SQLite said "corrupt", asked anew, or None: it says so of a page that it could not read
    this once, too (SQLITE_IOERR_CORRUPTFS, https://sqlite.org/rescode.html). Raises SQLite's error where it can't be asked."""
    try:
        conn = connect_to_read(path)
        try:
            return "it is cut short" if _is_cut_short(conn) else damage(conn)
        finally:
            conn.close()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
        return str(error)


def _is_cut_short(conn: sqlite3.Connection) -> bool:
    """A file with fewer pages than its header says is refused at once, unless writable_schema is on."""
    try:
        conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        if str(error).startswith("malformed database schema"):
            return False
        conn.execute("PRAGMA writable_schema = ON")  # on a connection that can't write
        try:
            conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError:
            return False
        return True
    return False


def damage(conn: sqlite3.Connection) -> str | None:
    """What SQLite's own check finds wrong with the file, or None. A row that breaks a rule of its table is no damage.

    https://sqlite.org/pragma.html#pragma_quick_check. Where the check needs a function of the app's that nobody
    registered, it can't be made: a warning.
    """
    import re

    from embedmig import log

    broken_rule = re.compile(r"NULL value in|CHECK constraint failed|[A-Z]+ value in")
    unread = re.compile(r"unable to get the page\. error code.(\d+)|failed to get page")
    try:
        found = [str(row[0]) for row in rows(conn, "PRAGMA main.quick_check(100)")]
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_ERROR:
            raise
        log.warning("%s could not be checked: %s (register it in prepare=)", path_of(conn) or "the database", error)
        found = []
    for code in (int(seen or sqlite3.SQLITE_IOERR) for line in found for seen in unread.findall(line)):
        if code & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise _error(code)  # a page that can't be read now may be sound: no damage, and no reason to reset
    return next((line for line in found if line != "ok" and not broken_rule.match(line)), None)


def _error(code: int) -> sqlite3.OperationalError:
    """What SQLite's check met and only mentions, as the error that it is."""
    error = sqlite3.OperationalError(
        "disk I/O error" if code & 0xFF == sqlite3.SQLITE_IOERR else "a page can't be read"
    )
    error.sqlite_errorcode = code
    error.sqlite_errorname = f"error code {code}"
    return error


def _cannot_open(path: str | None, text: str) -> EmbedmigError:
    import errno

    from embedmig import errors

    odd = _odd_sidecar(path)
    if odd and (os.path.isdir(odd) or os.access(os.path.dirname(odd), os.W_OK)):
        return _in_the_way(odd, path)
    if path and os.path.exists(path):
        if not os.access(path, os.R_OK):
            what = f"{errors.printable(path)} can't be opened: this user may not read the file."
            return errors.UnusablePath(what, path=path, hint="Check whom it belongs to, and its permissions.")
        if reason := _why_read_only(path):
            return errors.DatabaseReadOnly(reason, path=path)
    refused = why_no_file(path) if path else None
    if refused is not None and refused.errno in (errno.ENOSPC, errno.EDQUOT):
        return errors.DiskFull(f"SQLite says: {text}", path=path)
    why = f"{text} ({refused.strerror})" if refused is not None else text
    there = path is not None and os.path.exists(path)
    what = f"{errors.printable(path or 'the database')} can't be {'opened' if there else 'made'}: {why}."
    cure = f"Check {'its' if there else 'the folder and its'} permissions, and whether the disk is full."
    return errors.UnusablePath(what, path=path, hint=cure)


def why_no_file(path: str) -> OSError | None:
    """What keeps this user from making one more file beside a database, or None. SQLite says "unable to open database file" of
    a full disk, of too many open files and of missing permissions alike."""
    import tempfile

    try:
        tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path))).close()
    except OSError as error:
        return error
    return None


def _odd_sidecar(path: str | None) -> str | None:
    """A sidecar that SQLite can't use: a folder, or somebody else's."""
    names = [os.path.realpath(path) + end for end in SIDECARS] if path else []
    mode = os.R_OK | os.W_OK
    return next((n for n in names if os.path.isdir(n) or (os.path.exists(n) and not os.access(n, mode))), None)


def _in_the_way(sidecar: str, path: str | None) -> EmbedmigError:
    from embedmig.errors import UnusablePath, printable

    why = "it is a folder" if os.path.isdir(sidecar) else f"it belongs to {_owner(sidecar)}"
    what = f"{printable(sidecar)} stands beside it and can't be used: {why}."
    return UnusablePath(what, path=path, hint="Check what it is and whom it belongs to.")


def _has_magic(path: str) -> bool:
    """Does a file that SQLite refuses begin like a database? It is read by ordinary means: SQLite can hold no lock on it."""
    try:
        with open(path, "rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def _owner(name: str) -> str:
    """Whose file it is, as far as this system tells."""
    from pathlib import Path

    try:
        return Path(name).owner()
    except (NotImplementedError, KeyError, OSError):  # Windows can't tell
        return "somebody else"


def _why_read_only(path: str | None) -> str | None:
    if path is None:
        return None
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.exists(path) and not os.access(path, os.W_OK):
        return "this user may not write the file"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"this user may not write in the folder {folder}"
    return None


def _unusable(path: str, what: str, cure: str) -> EmbedmigError:
    from embedmig.errors import UnusablePath, printable

    return UnusablePath(printable(what) + ".", path=path or None, hint=cure)


def _usage(what: str, cure: str) -> EmbedmigError:
    from embedmig.errors import UsageError, printable

    return UsageError(printable(what), hint=cure)
