"""What is wrong with a file: what SQLite's errors mean for the person whose file it is, and what SQLite's own check finds."""

from __future__ import annotations

import errno
import os
import re
import sqlite3

from embedmig import file, log
from embedmig.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseReadOnly,
    DiskFull,
    EmbedmigError,
    NotADatabase,
    UnusablePath,
    printable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def explained(error: Exception, path: str | None) -> EmbedmigError:
    """What an error of SQLite's means for the person whose file it is. The caller raises it from the original."""
    code = getattr(error, "sqlite_errorcode", 0)
    text = str(error)
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_NOTADB:
        newer = f"it is of a newer SQLite than {sqlite3.sqlite_version}"
        return NotADatabase(newer if path and _has_magic(path) else text, path=path)
    if primary == sqlite3.SQLITE_CORRUPT:
        return _confirmed(text, path)
    if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:  # no room for `-shm`
        return DiskFull(text, path=path)
    if primary == sqlite3.SQLITE_READONLY:
        newer = (
            f"SQLite says: {text}; it may be open for reading only, or of a newer SQLite than {sqlite3.sqlite_version}"
        )
        return DatabaseReadOnly(_why_read_only(path) or newer, path=path)
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseBusy(0.0, "is using it", path=path)
    if primary == sqlite3.SQLITE_IOERR and (odd := _odd_sidecar(path)):
        return _in_the_way(odd, path)
    if primary == sqlite3.SQLITE_CANTOPEN or text.startswith("unable to open database file"):
        return _cannot_open(path, text)
    if isinstance(error, UnicodeDecodeError) or text.startswith("Could not decode to UTF-8"):
        what = f"{printable(path or 'the database')} has a name in its schema that is not UTF-8: {printable(text)}."
        return UnusablePath(what, path=path, hint="Rename it with the tool that made it.")
    cure = f"This is SQLite {sqlite3.sqlite_version}."
    if text.startswith(("no such function", "unknown function", "no such collation")):
        cure = "Register the app's functions and collations in prepare=."
    elif primary == sqlite3.SQLITE_IOERR:
        cure = "Start the app again; if it happens again, check the disk."
    elif text == "unsupported file format":
        cure = f"It was written with a newer SQLite than {sqlite3.sqlite_version}: update the app."
    return EmbedmigError(
        f"{printable(path or 'the database')}: SQLite says: {printable(text)}.",
        path=path,
        hint=cure,
    )


def _confirmed(text: str, path: str | None) -> EmbedmigError:
    """SQLite said "corrupt": is the file cut short, from a newer SQLite, or damaged? Only its own check may say the last."""
    if text.startswith("malformed database schema") and any(
        word in text for word in ("near ", "unknown", "unrecognized", "wrong number of arguments")
    ):
        return UnusablePath(
            f"{printable(path or 'the database')} can't be read by SQLite {sqlite3.sqlite_version}: {printable(text)}.",
            path=path,
            hint="It was written with a newer SQLite, perhaps: update the app.",
        )
    try:
        found = damage_of(path) if path is not None else text
    except sqlite3.Error as error:
        return explained(error, path)
    if found:
        return DatabaseDamaged(found, path=path)
    return EmbedmigError(
        f"SQLite says of {printable(path)}: {printable(text)}, but its own check finds nothing wrong.",
        path=path,
        hint="Start the app again; if it happens again, check the disk.",
    )


def damage_of(path: str) -> str | None:
    """What is wrong with a file of which SQLite said "corrupt", asked anew, or None: it says so of a page that it could not read
    this once, too (SQLITE_IOERR_CORRUPTFS, https://sqlite.org/rescode.html). Raises SQLite's error where it can't be asked."""
    try:
        conn = file.connect_to_read(path)
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


def damage(conn: sqlite3.Connection, unchecked: Callable[[sqlite3.Error], object] | None = None) -> str | None:
    """What SQLite's own check finds wrong with the file, or None. A row that breaks a rule of its table is no damage.

    https://sqlite.org/pragma.html#pragma_quick_check. Where the check needs a function of the app's that nobody
    registered, it can't be made: `unchecked(error)` is told, or a warning is logged.
    """
    broken_rule = re.compile(r"NULL value in|CHECK constraint failed|[A-Z]+ value in")
    unread = re.compile(r"unable to get the page\. error code.(\d+)|failed to get page")
    try:
        found = [str(row[0]) for row in file.rows(conn, "PRAGMA main.quick_check(100)")]
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_ERROR:
            raise
        found = []
        if unchecked is not None:
            unchecked(error)
        else:
            name = file.path_of(conn) or "the database"
            log.warning("%s could not be checked: %s (register it in prepare=)", name, error)
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
    odd = _odd_sidecar(path)
    if odd and (os.path.isdir(odd) or os.access(os.path.dirname(odd), os.W_OK)):
        return _in_the_way(odd, path)
    if path and os.path.exists(path):
        if not os.access(path, os.R_OK):
            what = f"{printable(path)} can't be opened: this user may not read the file."
            return UnusablePath(what, path=path, hint="Check whom it belongs to, and its permissions.")
        if reason := _why_read_only(path):
            return DatabaseReadOnly(reason, path=path)
    refused = why_no_file(path) if path else None
    if refused is not None and refused.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"SQLite says: {text}", path=path)
    why = f"{text} ({refused.strerror})" if refused is not None else text
    there = path is not None and os.path.exists(path)
    what = f"{printable(path or 'the database')} can't be {'opened' if there else 'made'}: {why}."
    cure = f"Check {'its' if there else 'the folder and its'} permissions, and whether the disk is full."
    return UnusablePath(what, path=path, hint=cure)


def why_no_file(path: str) -> OSError | None:
    """What keeps this user from making one more file beside a database, or None. SQLite says "unable to open database file" of
    a full disk, of too many open files and of missing permissions alike."""
    import tempfile  # a run where nothing goes wrong needs neither this nor pathlib

    try:
        tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path))).close()
    except OSError as error:
        return error
    return None


def _odd_sidecar(path: str | None) -> str | None:
    """A sidecar that SQLite can't use: a folder, or somebody else's."""
    names = [os.path.realpath(path) + end for end in file.SIDECARS] if path else []
    mode = os.R_OK | os.W_OK
    return next((n for n in names if os.path.isdir(n) or (os.path.exists(n) and not os.access(n, mode))), None)


def _in_the_way(sidecar: str, path: str | None) -> EmbedmigError:
    why = "it is a folder" if os.path.isdir(sidecar) else f"it belongs to {_owner(sidecar)}"
    what = f"{printable(sidecar)} stands beside it and can't be used: {why}."
    return UnusablePath(what, path=path, hint="Check what it is and whom it belongs to.")


def _has_magic(path: str) -> bool:
    """Does a file that SQLite refuses begin like a database? It is read by ordinary means: SQLite can hold no lock on it."""
    try:
        with open(path, "rb") as found:
            return found.read(16) == b"SQLite format 3\0"
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
