"""The file before anything touches it: what a path is, how it is opened.

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
            name, f"{name} is a URI, not a path", "Give the path itself; for read-only access open it read-only."
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
        cursor.close()  # of an error it would stay in the traceback, and keep the file open after the connection is closed


def application_id(conn: sqlite3.Connection) -> int:
    """The number in the file's header that says whose file it is, as 32 bits without sign; 0 is nobody's."""
    return int(rows(conn, "PRAGMA main.application_id")[0][0]) & 0xFFFFFFFF


def was_moved(error: BaseException | None) -> bool:
    """Did SQLite notice that the file it has open is no longer the one of that name?"""
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED


def _unusable(path: str, what: str, cure: str) -> EmbedmigError:
    from embedmig.errors import UnusablePath, printable

    return UnusablePath(printable(what) + ".", path=path or None, hint=cure)


def _usage(what: str, cure: str) -> EmbedmigError:
    from embedmig.errors import UsageError, printable

    return UsageError(printable(what), hint=cure)
