"""Tables and columns that a migration's SQL names and the schema of its version lacks, told with their place before anything runs.

By syntaqlite (extra `check`), which reads SQL as SQLite does; what SQLite itself says when it runs is brought to the same form.
"""

from __future__ import annotations

import re
import sqlite3

from embedmig.errors import printable
from embedmig.file import rows
from embedmig.finding import did_you_mean
from embedmig.naming import folded, quoted
from embedmig.report import Value
from embedmig.script import Statement
from embedmig.tokens import tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Known = Mapping[str, Sequence[tuple[str, bool]]]  # tables and views -> columns, and whether hidden

# "table notes has no column named titel", "no such column: new.titel", "no such table: main.note"
_COLUMNS = (
    "SELECT t.name, c.name, c.hidden FROM pragma_table_list AS t, pragma_table_xinfo(t.name, t.schema) AS c"
    " WHERE t.schema = 'main' ORDER BY t.name, c.cid"
)
_SAID = re.compile(
    r"no such (?P<kind>table|column|index|view|trigger): (?P<name>.+)|table .+ has no column named (?P<column>.+)", re.S
)
_SYNTAX = re.compile(r'near "(?P<near>.+)": syntax error', re.S)


class Unknown(Value):
    """A name that is not there: of a "table", "column" ..., where it stands, and the one that was perhaps meant."""

    sentence: str
    line: int
    column: int
    cure: str | None


def is_available() -> bool:
    """Is the extra `check` installed?"""
    try:
        import syntaqlite  # noqa: F401
    except ImportError:
        return False
    return True


def known(conn: sqlite3.Connection) -> Known:
    """Every table and view with its columns; of a view that is broken none."""
    found: dict[str, list[tuple[str, bool]]] = {str(row[1]): [] for row in rows(conn, "PRAGMA main.table_list")}
    try:
        for table, column, hidden in rows(conn, _COLUMNS):
            found[table].append((column, hidden == 1))
    except sqlite3.Error:  # a broken view: one by one then
        found = {table: _columns(conn, table) for table in found}
    return found


def _columns(conn: sqlite3.Connection, table: str) -> list[tuple[str, bool]]:
    try:
        info = rows(conn, f"PRAGMA main.table_xinfo({quoted(table)})")
    except sqlite3.Error:
        return []
    return [(column, hidden == 1) for _, column, *_, hidden in info]


def unknown(conn: sqlite3.Connection, sql: str, statements: Sequence[Statement]) -> list[Unknown]:
    """What these statements name and nobody has made by then, in their order. Needs syntaqlite."""
    import syntaqlite

    tables = known(conn)
    with syntaqlite.Syntaqlite() as reader:
        said = reader.analyze(sql, _catalog(conn, tables)).diagnostics
    starts, data, found = _starts(sql, statements), sql.encode(), []
    wanted = {syntaqlite.DiagnosticCode.UNKNOWN_TABLE: "table", syntaqlite.DiagnosticCode.UNKNOWN_COLUMN: "column"}
    for one in said:
        if one.code in wanted:
            at = len(data[: one.start_offset].decode())
            name = data[one.start_offset : one.end_offset].decode()
            statement = next((s for s, start in reversed(starts) if start <= at), None)
            found.append(_unknown(wanted[one.code], name, sql, at, tables, statement.text if statement else sql))
    return found


def located(
    message: str, failed: Statement, conn: sqlite3.Connection, sql: str, statements: Sequence[Statement]
) -> Unknown | None:
    """SQLite's own words about one of these statements, with the place in it that they are about; None where they name none."""
    start = next((start for statement, start in _starts(sql, statements) if statement == failed), None)
    said = _SAID.match(message) or _SYNTAX.match(message)
    if start is None or said is None:
        return None
    kind = "word" if said.re is _SYNTAX else said["kind"] or "column"
    name = said["near"] if said.re is _SYNTAX else (said["name"] or said["column"]).rpartition(".")[2].strip('"')
    at = _find(failed.text, name)
    if at is None:
        return None
    found = _unknown(kind, name, sql, start + at, known(conn), failed.text)
    return found if kind != "word" else Unknown(message, found.line, found.column, None)


def _unknown(kind: str, name: str, text: str, at: int, tables: Known, statement: str) -> Unknown:
    line, column = _place(text, at)
    return Unknown(
        f"unknown {kind} {printable(name)}", line, column, did_you_mean(name, _candidates(kind, tables, statement))
    )


def _candidates(kind: str, tables: Known, statement: str) -> list[str]:
    """What may have been meant: a table of the schema, or a column of a table that the statement names."""
    if kind != "column":
        return [name for name in tables if not name.startswith("sqlite_")] if kind == "table" else []
    said = {token.meaning.strip("\"'") for token in tokens(statement)}
    return [column for table, columns in tables.items() if folded(table) in said for column, _ in columns]


def _catalog(conn: sqlite3.Connection, tables: Known) -> object:
    """What syntaqlite is to know: the schema, SQLite's own tables, and what is called like a table and is a function."""
    import syntaqlite

    kinds = (syntaqlite.ColumnKind.NORMAL, syntaqlite.ColumnKind.HIDDEN)
    found = [
        syntaqlite.Table(name, [syntaqlite.Column(column, kinds[hidden]) for column, hidden in columns] or None)
        for name, columns in tables.items()
    ]
    of_sqlite = ["sqlite_sequence", "sqlite_stat1", "sqlite_stat4", "sqlite_temp_master", "sqlite_temp_schema"]
    functions = [str(row[0]) for row in rows(conn, "PRAGMA module_list")]
    pragmas = [f"pragma_{row[0]}" for row in rows(conn, "PRAGMA pragma_list")]
    others = {*of_sqlite, *functions, *pragmas} - tables.keys()
    return syntaqlite.Schema(tables=[*found, *(syntaqlite.Table(name) for name in sorted(others))])


def _starts(sql: str, statements: Sequence[Statement]) -> list[tuple[Statement, int]]:
    """Each statement with the place where it begins."""
    found, at = [], 0
    for statement in statements:
        at = max(sql.find(statement.text, at), at)
        found.append((statement, at))
        at += len(statement.text)
    return found


def _find(text: str, name: str) -> int | None:
    """Where a name stands in a statement, its comments and texts left out."""
    at = 0
    for token in tokens(text):
        at = text.find(token.text, at)
        if token.meaning.strip('"') == folded(name) or token.text == name:
            return at
        at += len(token.text)
    return None


def _place(text: str, at: int, line: int = 1) -> tuple[int, int]:
    """Line and column, both from 1."""
    return line + text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1) + 1


def lines(statement: Statement) -> Iterator[int]:
    """The lines on which it stands."""
    return iter(range(statement.line, statement.line + statement.text.count("\n") + 1))
