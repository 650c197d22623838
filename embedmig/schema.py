"""What a schema is: all that the app made in a file, as SQLite keeps it; its text, and how two of those differ."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from embedmig.file import rows
from embedmig.naming import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MADE = (
    "SELECT type, name, sql, lower(tbl_name) FROM main.sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND lower(tbl_name) <> '_migrations'"
    " ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2 ELSE 3 END, lower(name)"
)


class Made(NamedTuple):
    """A table, index, view or trigger. `table`, in lower case, is what it hangs on, itself where it is a table or a view.

    `shape` is SQLite's own word for a table (https://sqlite.org/pragma.html#pragma_table_list): "table", "virtual", or
    "shadow" where a virtual table keeps it for itself; "view" for a view, "" for the others.
    """

    kind: str
    name: str
    sql: str
    table: str
    shape: str


def made(conn: sqlite3.Connection) -> list[Made]:
    """All that is neither SQLite's own (statistics, counters, a constraint's indexes) nor the history with what hangs on it.

    In a stable order: tables, indexes, views, triggers.
    """
    shapes = {str(row[1]): str(row[2]) for row in rows(conn, "PRAGMA main.table_list")}
    return [
        Made(kind, name, sql, table, shapes.get(name, "") if kind in ("table", "view") else "")
        for kind, name, sql, table in rows(conn, _MADE)
    ]


def statements(conn: sqlite3.Connection) -> list[str]:
    """The CREATE statements of a file in a stable order, without shadow tables."""
    return [one.sql for one in made(conn) if one.shape != "shadow"]


def by_table(conn: sqlite3.Connection) -> list[str]:
    """The same for reading: each table with its indexes and triggers behind it, then each view with its triggers."""
    found = made(conn)
    views = {one.table for one in found if one.kind == "view"}
    found.sort(key=lambda one: (one.table in views, one.table))
    return [one.sql for one in found if one.shape != "shadow"]


def row_counts(conn: sqlite3.Connection) -> dict[str, int]:
    """The number of rows of each table, virtual tables, their shadows and the history left out."""
    names = [one.name for one in made(conn) if one.shape == "table"]
    return {name: rows(conn, f"SELECT count(*) FROM main.{quoted(name)}")[0][0] for name in names}


def diff(before: Sequence[str], after: Sequence[str]) -> str:
    """A unified diff of two schemas, empty where they are the same."""
    import difflib

    one, other = ([line for sql in schema for line in f"{sql};".splitlines()] for schema in (before, after))
    return "\n".join(difflib.unified_diff(one, other, "before", "after", lineterm="", n=1))
