"""What a schema is, and how two differ."""

from __future__ import annotations

import sqlite3

from embedmig.naming import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = (
    "SELECT type, name, sql FROM main.sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND lower(name) <> '_migrations' ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, name"
)

_BY_TABLE = (
    "SELECT o.type, o.name, o.sql FROM main.sqlite_master AS o LEFT JOIN main.sqlite_master AS t"
    " ON lower(t.name) = lower(o.tbl_name) AND t.type IN ('table', 'view')"
    " WHERE o.sql IS NOT NULL AND o.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND lower(o.tbl_name) <> '_migrations'"
    " ORDER BY t.type, lower(o.tbl_name), CASE o.type WHEN 'index' THEN 1 WHEN 'trigger' THEN 2 ELSE 0 END, lower(o.name)"
)


def statements(conn: sqlite3.Connection) -> list[str]:
    """The CREATE statements of a file in a stable order, without SQLite's own objects, the history and shadow tables."""
    shadows = _shadow_tables(conn)
    return [str(sql) for kind, name, sql in conn.execute(_SHOWN) if not (kind == "table" and name in shadows)]


def by_table(conn: sqlite3.Connection) -> list[str]:
    """The same for reading: each table with its indexes and triggers behind it, then each view with its triggers."""
    shadows = _shadow_tables(conn)
    found = conn.execute(_BY_TABLE).fetchall()
    return [str(sql) for kind, name, sql in found if not (kind == "table" and name in shadows)]


def row_counts(conn: sqlite3.Connection) -> dict[str, int]:
    """The number of rows of each table, virtual tables, their shadows and the history left out."""
    shadows = _shadow_tables(conn)
    names = [name for kind, name, sql in conn.execute(_SHOWN).fetchall() if kind == "table" and not _is_virtual(sql)]
    wanted = [name for name in names if name not in shadows]
    return {name: conn.execute(f"SELECT count(*) FROM main.{quoted(name)}").fetchone()[0] for name in wanted}


def diff(before: Sequence[str], after: Sequence[str]) -> str:
    """A unified diff of two schemas, empty where they are the same."""
    import difflib

    one, other = ([line for sql in schema for line in f"{sql};".splitlines()] for schema in (before, after))
    return "\n".join(difflib.unified_diff(one, other, "before", "after", lineterm="", n=1))


def _shadow_tables(conn: sqlite3.Connection) -> set[str]:
    """The tables that a virtual table keeps for itself: SQLite's own word for them (https://sqlite.org/pragma.html#pragma_table_list)."""
    return {str(row[1]) for row in conn.execute("PRAGMA main.table_list") if row[2] == "shadow"}


def _is_virtual(sql: str) -> bool:
    return sql.split(maxsplit=2)[1].upper() == "VIRTUAL"
