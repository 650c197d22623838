"""Views and triggers that SQLite can't compile: it stores them as they are written, and the app's first use finds out.

https://sqlite.org/lang_createtrigger.html
"""

from __future__ import annotations

import sqlite3

from embedmig.file import rows
from embedmig.foreign_keys import quoted
from embedmig.naming import folded
from embedmig.tokens import tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Name = tuple[str, str]  # ("trigger", "notes_ai")

_EVENTS = ("insert", "update", "delete")


def broken(conn: sqlite3.Connection) -> dict[Name, str]:
    """The views and triggers that can't be used, and what SQLite says of each; nothing is run.

    Of several triggers for one event of a table, SQLite doesn't say which it means: the one that names what is lacking, or the first.
    """
    found: dict[Name, str] = {}
    objects = rows(conn, "SELECT type, name, tbl_name, sql FROM main.sqlite_master WHERE type IN ('view', 'trigger')")
    for kind, name, _, _ in objects:
        if kind == "view" and (said := _refused(conn, f"SELECT * FROM main.{quoted(name)}")):
            found["view", name] = said
    by_event: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for kind, name, table, sql in objects:
        if kind == "trigger":
            by_event.setdefault((table, _event(sql)), []).append((name, sql))
    for (table, event), triggers in by_event.items():
        if ("view", table) not in found and (said := _refused(conn, _statement(conn, table, event))):
            found["trigger", _meant(said, triggers)] = said
    return found


def _refused(conn: sqlite3.Connection, sql: str) -> str | None:
    try:
        conn.execute(f"EXPLAIN {sql}").close()
    except sqlite3.Error as error:
        return str(error)
    return None


def _event(sql: str) -> str:
    """What the trigger waits for: the first of the three words behind its name."""
    said = [token.meaning for token in tokens(sql)]
    behind = said.index("trigger") + 2
    return next((word for word in said[behind:] if word in _EVENTS), "delete")


def _statement(conn: sqlite3.Connection, table: str, event: str) -> str:
    """A statement that fires all triggers for an event."""
    if event == "delete":
        return f"DELETE FROM main.{quoted(table)}"
    if event == "insert":
        return f"INSERT INTO main.{quoted(table)} DEFAULT VALUES"
    columns = [quoted(row[1]) for row in rows(conn, f"PRAGMA main.table_xinfo({quoted(table)})") if not row[6]]
    return f"UPDATE main.{quoted(table)} SET {', '.join(f'{column} = {column}' for column in columns)}"


def _meant(said: str, triggers: list[tuple[str, str]]) -> str:
    lacking = folded(said.rpartition(":")[2].strip().rpartition(".")[2])
    return next((name for name, sql in triggers if lacking in _words(sql)), triggers[0][0])


def _words(sql: str) -> Iterator[str]:
    return (token.meaning.strip('"') for token in tokens(sql))
