"""A part of a transaction that goes on, whoever began it: all of that part or nothing of it, or no trace of it at all.

SQLite's savepoints (https://sqlite.org/lang_savepoint.html): where no transaction is open, the outermost is one itself.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager

from embedmig import transaction
from embedmig.file import rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def whole(conn: sqlite3.Connection) -> Iterator[None]:
    """Inside a transaction that goes on: all of it, or, when it raises, nothing of it."""
    conn.execute("SAVEPOINT embedmig")
    try:
        yield
    except BaseException:
        _take_back(conn, "embedmig")
        raise
    conn.execute("RELEASE embedmig")


@contextmanager
def trial(conn: sqlite3.Connection) -> Iterator[None]:
    """Inside a transaction that goes on: whatever is done here is taken back at the end."""
    conn.execute("SAVEPOINT embedmig")
    try:
        yield
    finally:
        _take_back(conn, "embedmig")


@contextmanager
def together(conn: sqlite3.Connection) -> Iterator[None]:
    """All of what is said inside or nothing of it, as a part of the caller's transaction where one is open.

    Foreign keys are looked at when it ends. Left by an exception, it is undone.
    """
    alone, deferred = not conn.in_transaction, int(rows(conn, "PRAGMA defer_foreign_keys")[0][0])
    conn.execute("SAVEPOINT embedmig")
    try:
        conn.execute("PRAGMA defer_foreign_keys = ON")
        yield
        conn.execute("RELEASE embedmig")
    except BaseException:
        _take_back(conn, "embedmig", alone=alone)
        raise
    finally:
        conn.execute(f"PRAGMA defer_foreign_keys = {deferred}")


@contextmanager
def aside(conn: sqlite3.Connection) -> Iterator[Callable[[], None]]:
    """Around what shall leave no trace: it is undone, however it ends. What it yields undoes it so far and begins anew.

    Foreign keys are not looked at meanwhile.
    """
    alone, deferred = not conn.in_transaction, int(rows(conn, "PRAGMA defer_foreign_keys")[0][0])

    def begin() -> None:
        conn.execute("SAVEPOINT embedmig_aside")
        conn.execute("PRAGMA defer_foreign_keys = ON")

    def again() -> None:
        _take_back(conn, "embedmig_aside", alone=alone)
        begin()

    begin()
    try:
        yield again
    finally:
        _take_back(conn, "embedmig_aside", alone=alone)
        conn.execute(f"PRAGMA defer_foreign_keys = {deferred}")


def _take_back(conn: sqlite3.Connection, savepoint: str, *, alone: bool = False) -> None:
    """Undo to a savepoint and forget it: with the whole transaction if there was none before, which writes nothing.

    SQLite may already have undone it all (RAISE(ROLLBACK), a full disk).
    """
    if alone:
        transaction.undo(conn)
    elif conn.in_transaction:
        conn.execute(f"ROLLBACK TO {savepoint}")
        conn.execute(f"RELEASE {savepoint}")
