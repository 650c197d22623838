"""One migration's scope, the guard: what it may not do, and what it did. Only this file says set_authorizer."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager

from embedmig.file import rows
from embedmig.migration import HISTORY
from embedmig.naming import folded
from embedmig.script import DENIED_PRAGMAS
from embedmig.transaction import ALLOWED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

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
_OF_A_TABLE = {
    sqlite3.SQLITE_ALTER_TABLE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_DROP_INDEX,
}  # its name comes second
_TOUCHES = _OF_A_TABLE | _WRITES | {sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_VIEW, sqlite3.SQLITE_DROP_TABLE}
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
    by name, `moved` the tables that it dropped or renamed, `altered` those that it altered, all lower case; `touched` the tables
    of which it may have changed the rows, the columns or the indexes, as they were written, and the views that it made. Statements that a caller's
    connection had compiled before are not among them.
    """

    def __init__(self, conn: sqlite3.Connection, *, transactional: bool) -> None:
        self.conn = conn
        self.transactional = transactional
        self.denied: str | None = None
        self.lost = False
        self.moved: set[str] = set()
        self.altered: set[str] = set()
        self.touched: set[str | None] = set()
        self.created = False  # an index, a trigger or a view
        self.removed = False  # one of these, though it may be there again
        self.pragmas: set[str] = set()  # of those that are allowed, the ones that it set
        self.dropped: set[tuple[str, str]] = set()
        self._allowed: set[tuple[int, str | None, str | None]] = set()  # writes that were looked at
        self._dropping: str | None = None
        self._altering: str | None = None

    def allow(self, action: int, one: str | None, two: str | None, schema: str | None, trigger: str | None) -> int:
        if (action in _READS or (action, one, two) in self._allowed) and self.conn.in_transaction:
            return sqlite3.SQLITE_OK  # the most frequent questions, answered first
        what = self._refusal(action, one, two, schema)
        if what is None:
            if action in _TOUCHES:
                self.touched.add(two if action in _OF_A_TABLE else one)
            if action not in _WRITES or two == "name":
                self._note(action, one, two)
            elif schema != "vacuum_db":
                self._allowed.add((action, one, two))
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
            if name in ALLOWED:
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
            "SELECT rowid, type, name, tbl_name FROM main.sqlite_master"
            " WHERE rowid > ? AND type <> 'table' AND sql IS NOT NULL",
            (self._last,),
        )
        for rowid, kind, name, table in rows:
            self.known[kind, folded(name)] = folded(table)
            self._last = max(self._last, rowid)


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


def follow(conn: sqlite3.Connection, said: Callable[[str], object] | None) -> None:
    """Call `said` with each statement as it starts, or no more; for `embedmig.testing`, on connections of its own."""
    conn.set_trace_callback(said)
