"""Be the only writer, with the settings that a run needs. Only this file says BEGIN, COMMIT and ROLLBACK."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager

from embedmig.errors import DatabaseBusy
from embedmig.file import path_of, rows
from embedmig.progress import WAITING, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeVar

    T = TypeVar("T")

_IMPLICIT: Any = ""  # isolation_level: Python's default, which the type stubs leave out
UNSAFE_JOURNALS = ("off", "memory")
BUSY_SLICE_MS = 50  # SQLite's own wait is kept short: Ctrl-C, cancel and reports come between the slices

# Read before the run and put back after it, on whatever connection it ran.
ALLOWED = ("legacy_alter_table", "recursive_triggers", "defer_foreign_keys")  # a migration may set these
SETTINGS = ("foreign_keys", "synchronous", "fullfsync", "busy_timeout", "analysis_limit", *ALLOWED)


def is_busy(error: BaseException) -> bool:
    """Did another connection hold this up? The transaction, if any, is then still alive.

    "SQL statements in progress" has the same code and is the author's own open cursor.
    """
    if "in progress" in str(error):
        return False
    return (
        isinstance(error, sqlite3.OperationalError)
        and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    )


def patiently(action: Callable[[], T], watch: Watch, timeout: float, doing: str) -> T:
    """Do `action` again and again while another connection holds it up, for at most `timeout` seconds.

    Raises DatabaseBusy at the deadline. SQLite's busy timeout alone would swallow Ctrl-C, does not
    cover every statement (a switch to WAL fails at once) and reports nothing.
    """
    began, phase, id, index = time.monotonic(), watch.phase, watch.id, watch.index
    while True:
        try:
            result = action()
        except sqlite3.OperationalError as error:
            waited = time.monotonic() - began
            if not is_busy(error):
                raise
            if waited >= timeout:
                raise DatabaseBusy(waited, doing) from error
            if watch.phase != WAITING:
                watch.enter(WAITING, id, index)
            watch.look()
            time.sleep(0.002 + time.monotonic_ns() % 18_000_000 / 1e9)  # 2 to 20 ms, so that waiters fall out of step
        else:
            # said silently: after a COMMIT that went through nothing may stop the run any more
            watch.phase, watch.id, watch.index = phase, id, index
            return result


def take_lock(conn: sqlite3.Connection, watch: Watch, timeout: float) -> None:
    """Become the only writer. Readers go on; a second launch waits here until we commit.

    IMMEDIATE, since a deferred BEGIN that turns into a write fails at once when another launch was
    first, whatever the timeout (https://sqlite.org/lang_transaction.html).
    """
    patiently(lambda: conn.execute("BEGIN IMMEDIATE"), watch, timeout, "is writing to it")


def commit(conn: sqlite3.Connection, watch: Watch, timeout: float) -> None:
    """COMMIT, again and again while a reader holds it up: the transaction survives each refusal."""
    patiently(lambda: conn.execute("COMMIT"), watch, timeout, "is reading it and does not end")


def undo(conn: sqlite3.Connection) -> None:
    """ROLLBACK, unless SQLite has already undone the transaction (a full disk, an I/O error, an interrupt)
    or the connection is closed: saying it again would mask the real error."""
    try:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
    except sqlite3.ProgrammingError:
        pass


def await_reading(conn: sqlite3.Connection, watch: Watch, timeout: float) -> None:
    """Wait until the file can be read at all: another process may hold it for itself alone."""
    patiently(lambda: rows(conn, "SELECT 1 FROM main.sqlite_master LIMIT 1"), watch, timeout, "is using it")


@contextmanager
def alone(conn: sqlite3.Connection, watch: Watch, timeout: float) -> Iterator[None]:
    """Around what needs the file for itself: nobody else can read or write it meanwhile, kill and all.

    Raises DatabaseBusy while SQLite's locks show another user. In WAL mode an idle user is seen too, since leaving WAL
    needs the file alone; in rollback-journal mode one that holds no lock is not. Afterwards WAL is as it was.
    """
    was_wal = is_wal(conn)
    patiently(lambda: rows(conn, "PRAGMA main.journal_mode = DELETE"), watch, timeout, "has it open")
    try:
        conn.execute("PRAGMA main.locking_mode = EXCLUSIVE")  # the lock then outlives each transaction, until we let go
        patiently(lambda: conn.execute("BEGIN EXCLUSIVE"), watch, timeout, "has it open")
        undo(conn)
        yield
    finally:
        try:
            conn.execute("PRAGMA main.locking_mode = NORMAL")
            filled = rows(conn, "SELECT 1 FROM main.sqlite_master LIMIT 1")  # the lock goes at the next read
            if was_wal and filled:  # not in a file that was emptied
                rows(conn, "PRAGMA main.journal_mode = WAL")
        except sqlite3.Error:
            pass  # what happened before is what counts


def is_wal(conn: sqlite3.Connection) -> bool:
    return str(rows(conn, "PRAGMA main.journal_mode")[0][0]) == "wal"


def page_count(conn: sqlite3.Connection) -> int:
    return _pragma(conn, "main.page_count")


def page_size(conn: sqlite3.Connection) -> int:
    return _pragma(conn, "main.page_size")


def data_version(conn: sqlite3.Connection) -> int:
    """Another number once another connection has committed (https://sqlite.org/pragma.html#pragma_data_version)."""
    return _pragma(conn, "main.data_version")


class Settings:
    """The settings that a run needs on its connection, and those that were there before."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self.kept = {name: found[0][0] for name in SETTINGS if (found := rows(conn, f"PRAGMA {name}"))}
        self._python = conn.isolation_level, conn.row_factory, conn.text_factory
        self._unsafe: str | None = None

    def apply(self) -> None:
        """Before BEGIN: what a run needs."""
        self._unsafe = self._replaced()

    def apply_again(self) -> None:
        """After a migration that ran outside a transaction: it may have changed any of them."""
        self._replaced()
        self.put_back(ALLOWED)

    def _replaced(self) -> str | None:
        """Set it; returns the mode of a journal with which a failed run could not be undone, where it was one."""
        conn, unsafe = self.conn, None
        conn.row_factory, conn.text_factory = None, str
        conn.isolation_level = _IMPLICIT  # with None a cached INSERT slips through after OR ROLLBACK
        conn.execute(f"PRAGMA busy_timeout = {BUSY_SLICE_MS}")
        if path_of(conn) and (mode := rows(conn, "PRAGMA main.journal_mode")[0][0]) in UNSAFE_JOURNALS:
            unsafe = str(mode)
            rows(conn, "PRAGMA main.journal_mode = DELETE")
        conn.execute("PRAGMA synchronous = EXTRA")  # FULL may lose an acknowledged commit in a power cut
        conn.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the disk; elsewhere nothing
        # 1. "If foreign key constraints are enabled, disable them" (https://sqlite.org/lang_altertable.html#otheralter):
        conn.execute("PRAGMA foreign_keys = OFF")  # silently ignored once the transaction has begun
        return unsafe

    def put_back(self, names: Iterable[str]) -> None:
        """Set these pragmas as they were: what one migration sets must not change the next."""
        for name in self.kept.keys() & names:
            self.conn.execute(f"PRAGMA {name} = {self.kept[name]}")

    def restore(self) -> None:
        """Everything as it was before the run, on a connection that the author may have closed."""
        try:
            undo(self.conn)
            self.put_back(SETTINGS)
            if self._unsafe:
                rows(self.conn, f"PRAGMA main.journal_mode = {self._unsafe}")
            conn: Any = self.conn
            if getattr(conn, "autocommit", -1) != -1:  # Python 3.12 and later: a migration set it
                conn.autocommit = -1
            isolation_level, self.conn.row_factory, self.conn.text_factory = self._python
            self.conn.isolation_level = isolation_level
        except sqlite3.ProgrammingError:
            pass


@contextmanager
def settings_of_a_run(conn: sqlite3.Connection, watch: Watch, timeout: float) -> Iterator[Settings]:
    """The settings that a run needs, from before BEGIN until after COMMIT; then they are as they were."""
    await_reading(conn, watch, timeout)  # some pragmas read the schema
    settings = Settings(conn)
    try:
        settings.apply()
        yield settings
    except BaseException:
        try:
            settings.restore()
        except sqlite3.Error:
            pass  # a disk that fails here failed before, and that is what the caller must hear of
        raise
    settings.restore()


def _pragma(conn: sqlite3.Connection, name: str) -> int:
    return int(rows(conn, f"PRAGMA {name}")[0][0])


@contextmanager
def one_state(conn: sqlite3.Connection) -> Iterator[None]:
    """Around several questions: one state of the file for all of them, though another launch may commit in between."""
    if conn.in_transaction:
        yield
        return
    conn.execute("BEGIN")
    try:
        yield
    finally:
        undo(conn)


@contextmanager
def without_transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """Around what can't run in a transaction (VACUUM, journal modes): statements commit by themselves."""
    conn.isolation_level = None
    try:
        yield
    finally:
        undo(conn)
        try:
            conn.isolation_level = _IMPLICIT
        except sqlite3.ProgrammingError:
            pass  # the author closed the connection


def hiding(conn: sqlite3.Connection) -> list[str]:
    """Temporary tables and views of a caller's connection that stand before the file's own of the same name."""
    sql = (
        "SELECT t.name FROM temp.sqlite_master AS t JOIN main.sqlite_master AS m ON lower(m.name) = lower(t.name)"
        " WHERE t.type IN ('table', 'view') AND m.type IN ('table', 'view') AND lower(t.name) <> '_migrations'"
    )
    return [str(row[0]) for row in rows(conn, sql)]
