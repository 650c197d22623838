"""Be the only writer; one migration's scope, the guard. Only this file says BEGIN, COMMIT, ROLLBACK and set_authorizer."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager

from embedmig.errors import DatabaseBusy
from embedmig.file import path_of, rows
from embedmig.migration import HISTORY
from embedmig.naming import folded
from embedmig.progress import WAITING, Watch
from embedmig.script import DENIED_PRAGMAS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeVar

    T = TypeVar("T")

_IMPLICIT: Any = ""  # isolation_level: Python's default, which the type stubs leave out
UNSAFE_JOURNALS = ("off", "memory")
BUSY_SLICE_MS = 50  # SQLite's own wait is kept short: Ctrl-C, cancel and reports come between the slices

# Read before the run and put back after it, on whatever connection it ran.
_ALLOWED = ("legacy_alter_table", "recursive_triggers", "defer_foreign_keys")  # a migration may set these
SETTINGS = ("foreign_keys", "synchronous", "fullfsync", "busy_timeout", "analysis_limit", *_ALLOWED)


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


class Settings:
    """The settings that a run needs on its connection, and those that were there before."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self.kept = {name: found[0][0] for name in SETTINGS if (found := rows(conn, f"PRAGMA {name}"))}
        self._python = conn.isolation_level, conn.row_factory, conn.text_factory
        # no journal to speak of: a failed run could not be undone
        self._unsafe = None
        if path_of(conn) and (mode := rows(conn, "PRAGMA main.journal_mode")[0][0]) in UNSAFE_JOURNALS:
            self._unsafe = mode

    def apply(self) -> None:
        """Before BEGIN: what a run needs. Said again after a migration that ran outside a transaction and may have changed it."""
        conn = self.conn
        conn.row_factory, conn.text_factory = None, str
        conn.isolation_level = _IMPLICIT  # with None a cached INSERT slips through after OR ROLLBACK
        conn.execute(f"PRAGMA busy_timeout = {BUSY_SLICE_MS}")
        if path_of(conn) and rows(conn, "PRAGMA main.journal_mode")[0][0] in UNSAFE_JOURNALS:
            rows(conn, "PRAGMA main.journal_mode = DELETE")
        conn.execute("PRAGMA synchronous = EXTRA")  # FULL may lose an acknowledged commit in a power cut
        conn.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the disk; elsewhere nothing
        # 1. "If foreign key constraints are enabled, disable them" (https://sqlite.org/lang_altertable.html#otheralter):
        conn.execute("PRAGMA foreign_keys = OFF")  # silently ignored once the transaction has begun
        self.put_back(_ALLOWED)

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


_SCHEMAS = ("sqlite_master", "sqlite_temp_master")
HIDDEN = "a change to its history table _migrations"
LOST = "a statement after its transaction was lost"
_READS = {sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION}
_WRITES = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
_ON_HISTORY = _WRITES | {
    sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_DROP_INDEX,
    sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_CREATE_TEMP_TRIGGER, sqlite3.SQLITE_CREATE_TEMP_TABLE,
    sqlite3.SQLITE_CREATE_TEMP_VIEW, sqlite3.SQLITE_CREATE_TEMP_INDEX, sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_CREATE_VTABLE,
}  # fmt: skip
_DROPS = {sqlite3.SQLITE_DROP_TRIGGER: "trigger", sqlite3.SQLITE_DROP_INDEX: "index", sqlite3.SQLITE_DROP_VIEW: "view"}
_CREATES = {
    sqlite3.SQLITE_CREATE_TRIGGER: "trigger",
    sqlite3.SQLITE_CREATE_INDEX: "index",
    sqlite3.SQLITE_CREATE_VIEW: "view",
}


class Guard:
    """SQLite's authorizer while a migration runs: it sees every statement before it is compiled.

    `denied` is the first thing that the migration was refused, in words, since authors swallow
    errors; `lost` is True once the transaction was gone. `dropped` is what the migration itself dropped
    by name, `moved` the tables that it dropped or renamed, `altered` those that it altered, all lower case.
    """

    def __init__(self, conn: sqlite3.Connection, *, transactional: bool) -> None:
        self.conn = conn
        self.transactional = transactional
        self.denied: str | None = None
        self.lost = False
        self.moved: set[str] = set()
        self.altered: set[str] = set()
        self.created = False  # an index, a trigger or a view
        self.removed = False  # one of these, though it may be there again
        self.pragmas: set[str] = set()  # of those that are allowed, the ones that it set
        self.dropped: set[tuple[str, str]] = set()
        self._dropping: str | None = None
        self._altering: str | None = None

    def allow(self, action: int, one: str | None, two: str | None, schema: str | None, trigger: str | None) -> int:
        if action in _READS and self.conn.in_transaction:
            return sqlite3.SQLITE_OK  # the most frequent question, answered first
        what = self._refusal(action, one, two, schema)
        if what is None:
            if action not in _WRITES or two == "name":
                self._note(action, one, two)
            return sqlite3.SQLITE_OK
        self.denied = self.denied or what
        return sqlite3.SQLITE_DENY

    def _refusal(self, action: int, one: str | None, two: str | None, schema: str | None) -> str | None:
        if action in _ON_HISTORY and schema != "vacuum_db" and HISTORY in (folded(one or ""), folded(two or "")):
            return HIDDEN
        if not self.transactional:
            return None
        if not self.conn.in_transaction:
            self.lost = True
            return LOST
        if action == sqlite3.SQLITE_TRANSACTION:
            return str(one)
        if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
            return "ATTACH" if action == sqlite3.SQLITE_ATTACH else "DETACH"
        if action == sqlite3.SQLITE_PRAGMA:
            name = (one or "").lower()
            if name in DENIED_PRAGMAS and (two is not None or name == "wal_checkpoint"):
                return f"PRAGMA {name}" + (f" = {two}" if two is not None else "")
            if name in _ALLOWED:
                self.pragmas.add(name)
        return None

    def _note(self, action: int, one: str | None, two: str | None) -> None:
        """Remember what is dropped or renamed, from the order in which SQLite asks.

        The triggers that go with a table or a view come right after its DROP; an ALTER_TABLE that
        renames is followed by an update of the schema table's `name`.
        """
        if action == sqlite3.SQLITE_DROP_TABLE:
            self._dropping = folded(one or "")
            self.moved.add(self._dropping)
        elif action in _DROPS:
            self.removed = True
            if folded(two or "") != self._dropping or action != sqlite3.SQLITE_DROP_TRIGGER:
                self.dropped.add((_DROPS[action], folded(one or "")))
            if action == sqlite3.SQLITE_DROP_VIEW:
                self._dropping = folded(one or "")
        elif action == sqlite3.SQLITE_UPDATE and self._altering and one in _SCHEMAS and two == "name":
            self.moved.add(self._altering)
        elif action not in _WRITES:
            self._dropping = None
            self._altering = folded(two or "") if action == sqlite3.SQLITE_ALTER_TABLE else None
            if self._altering:
                self.altered.add(self._altering)
            if action in _CREATES:
                self.created = True
                self.dropped.discard((_CREATES[action], folded(one or "")))

    def _trace(self, _statement: str) -> None:
        if not self.conn.in_transaction:
            self.lost = True
            self.conn.interrupt()


@contextmanager
def guarded(conn: sqlite3.Connection, *, transactional: bool, cached: bool) -> Iterator[Guard]:
    """One migration's scope. `cached`: the connection keeps compiled statements (it is the caller's).

    A cached statement is not compiled again, so the authorizer never sees it; Python opens a
    transaction of its own before cached INSERT, UPDATE and DELETE, which is denied, but not before
    a cached `WITH ... INSERT`: for that, a trace callback looks at every statement as it starts.
    """
    guard = Guard(conn, transactional=transactional)
    conn.set_authorizer(guard.allow)
    if cached and transactional:
        conn.set_trace_callback(guard._trace)
    try:
        yield guard
    finally:
        try:
            if cached and transactional:
                conn.set_trace_callback(None)
            conn.set_authorizer(None)
        except sqlite3.ProgrammingError:
            guard.lost = True  # the author closed the connection
        else:
            guard.lost = guard.lost or (transactional and not conn.in_transaction)
            if guard.moved and rows(conn, "SELECT 1 FROM temp.sqlite_master WHERE lower(name) = '_migrations'"):
                guard.denied = guard.denied or HIDDEN


class Objects:
    """The indexes, triggers and views of a file, followed through a run: what vanished without being dropped by name?

    SQLite drops the triggers and indexes of a table with it; a rebuild that forgets one loses a
    full-text index's triggers, say, and nobody notices. Looking costs a read of the schema, so it is done
    only after a migration that dropped or renamed something; else only what is new is read.
    """

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.known: dict[tuple[str, str], str] = {}
        self._last = 0
        self._read(conn)

    def vanished(self, conn: sqlite3.Connection, guard: Guard) -> list[str]:
        """Such as `trigger notes_ai on notes`: gone, although its table still stands and nobody dropped it."""
        if not (guard.moved or guard.removed):
            if guard.created:
                self._read(conn)
            return []
        before, self.known, self._last = self.known, {}, 0
        self._read(conn)
        tables = {
            folded(str(row[0]))
            for row in conn.execute("SELECT name FROM main.sqlite_master WHERE type IN ('table', 'view')")
        }
        return [
            f"{kind} {name} on {table}"
            for (kind, name), table in before.items()
            if (kind, name) not in self.known and (kind, name) not in guard.dropped and table in tables
        ]

    def _read(self, conn: sqlite3.Connection) -> None:
        rows: Any = conn.execute(
            "SELECT rowid, type, lower(name), lower(tbl_name) FROM main.sqlite_master"
            " WHERE rowid > ? AND type <> 'table' AND sql IS NOT NULL",
            (self._last,),
        )
        for rowid, kind, name, table in rows:
            self.known[kind, name] = table
            self._last = max(self._last, rowid)


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


@contextmanager
def asking(conn: sqlite3.Connection, *, cached: bool) -> Iterator[Guard]:
    """While the app's own code is asked about the file, it may read, and neither write nor end the transaction."""
    conn.execute("PRAGMA query_only = ON")
    try:
        with guarded(conn, transactional=True, cached=cached) as guard:
            yield guard
    finally:
        if not guard.lost:
            conn.execute("PRAGMA query_only = OFF")


def hiding(conn: sqlite3.Connection) -> list[str]:
    """Temporary tables and views of a caller's connection that stand before the file's own of the same name."""
    sql = (
        "SELECT t.name FROM temp.sqlite_master AS t JOIN main.sqlite_master AS m ON lower(m.name) = lower(t.name)"
        " WHERE t.type IN ('table', 'view') AND m.type IN ('table', 'view') AND lower(t.name) <> '_migrations'"
    )
    return [str(row[0]) for row in rows(conn, sql)]


def follow(conn: sqlite3.Connection, said: Callable[[str], object] | None) -> None:
    """Call `said` with each statement as it starts, or no more; for `embedmig.testing`, on connections of its own."""
    conn.set_trace_callback(said)
