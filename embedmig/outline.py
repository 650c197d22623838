"""A schema in outline, as the pictures show it: its tables, their columns, and which points to which."""

from __future__ import annotations

import sqlite3

from embedmig import meaning, schema
from embedmig.file import rows
from embedmig.naming import folded, quoted
from embedmig.report import Value
from embedmig.tokens import tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_GENERATED = (2, 3)  # `hidden` of a generated column; 1 is one that a virtual table hides
_RULES = ("check", "constraint", "unique")  # what the columns themselves don't tell


class Column(Value):
    """`key` is its place in the primary key, from 1, else 0; `parent` the table that it points to, or None."""

    name: str
    type: str
    not_null: bool
    default: str | None
    key: int
    generated: bool
    parent: str | None

    @property
    def said(self) -> str:
        """All but the name, in one line."""
        words = (
            self.type,
            "generated" * self.generated,
            "PRIMARY KEY" * bool(self.key),
            "NOT NULL" * self.not_null,
            f"DEFAULT {self.default}" if self.default is not None else "",
            f"→ {self.parent}" if self.parent else "",
        )
        return " ".join(filter(None, words))


class Link(Value):
    """A foreign key: columns of a table that point to columns of a parent. `single`: no two rows point to the same one."""

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    single: bool


class Table(Value):
    """`kind` is "table", "view", or a virtual table's module such as "fts5". `rules` are its checks, uniques and options."""

    name: str
    kind: str
    columns: tuple[Column, ...]
    links: tuple[Link, ...]
    rules: tuple[str, ...]


def tables(conn: sqlite3.Connection) -> tuple[Table, ...]:
    """All tables and views in the order of their names; without the history, SQLite's own and shadow tables."""
    found = sorted((one for one in schema.made(conn) if one.shape), key=lambda one: one.table)
    names = {one.table: one.name for one in found}
    return tuple(_table(conn, one.name, one.shape, one.sql, names) for one in found if one.shape != "shadow")


def _table(conn: sqlite3.Connection, name: str, kind: str, sql: str, names: dict[str, str]) -> Table:
    if kind == "virtual":
        said = [token.meaning for token in tokens(sql)]
        kind = said[said.index("using") + 1]
    links = tuple(_links(conn, name, names)) if kind == "table" else ()
    parents = {folded(column): link.parent for link in links for column in link.columns}
    return Table(name, kind, tuple(_columns(conn, name, parents)), links, tuple(_rules(sql)) if kind == "table" else ())


def _columns(conn: sqlite3.Connection, table: str, parents: dict[str, str]) -> Iterator[Column]:
    try:
        found = rows(conn, f"PRAGMA main.table_xinfo({quoted(table)})")
    except sqlite3.OperationalError:
        return  # a view on something that is gone
    for _, name, type, not_null, default, key, hidden in found:
        if hidden != 1:
            yield Column(
                name, type, bool(not_null), default, key, hidden in _GENERATED, parents.get(folded(name))
            )  # fmt: skip


def _links(conn: sqlite3.Connection, table: str, names: dict[str, str]) -> Iterator[Link]:
    found: dict[int, list[tuple[str, str, str | None]]] = {}
    for id, _, parent, child, to, *_ in rows(conn, f"PRAGMA main.foreign_key_list({quoted(table)})"):
        found.setdefault(id, []).append((parent, child, to))
    unique = _unique(conn, table)
    for _, columns in sorted(found.items(), reverse=True):  # SQLite counts from the last one
        parent = columns[0][0]
        own = tuple(child for _, child, _ in columns)
        theirs = tuple(to for _, _, to in columns if to is not None)
        yield Link(own, names.get(folded(parent), parent), theirs, frozenset(map(folded, own)) in unique)


def _unique(conn: sqlite3.Connection, table: str) -> set[frozenset[str]]:
    """The columns, or groups of them, that no two rows have in common."""
    key = [row for row in rows(conn, f"PRAGMA main.table_info({quoted(table)})") if row[5]]
    found = {frozenset(folded(row[1]) for row in key)} if key else set()
    for _, index, unique, _, partial in rows(conn, f"PRAGMA main.index_list({quoted(table)})"):
        columns = [row[2] for row in rows(conn, f"PRAGMA main.index_info({quoted(index)})")]
        if unique and not partial and None not in columns:
            found.add(frozenset(map(folded, columns)))
    return found


def _rules(sql: str) -> Iterator[str]:
    for part in meaning.parts(sql):
        if part.meaning[0] in _RULES or part.meaning in (("strict",), ("without", "rowid")):
            yield part.text
