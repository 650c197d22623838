"""The tables of a file as far as rows must suit them: columns, foreign keys, constraints, and the order in which they are filled."""

from __future__ import annotations

import re
import sqlite3
from typing import NamedTuple

from embedmig.dependents import content_of
from embedmig.file import rows
from embedmig.migration import HISTORY
from embedmig.naming import quoted
from embedmig.testing import checks, values
from embedmig.testing.expressions import Column, Literal, Node, Op, closing, parse
from embedmig.tokens import Piece, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_JSON_READ = re.compile(
    r"""json(?:b)?_(?:extract|each|tree|type|array_length|set|insert|replace|remove|patch)\s*\(\s*(?:new\.)?["`\[]?(\w+)"""
    r"""|(\w+)["`\]]?\s*->""",
    re.I,
)
_FILLED_VIRTUAL = re.compile(r"\bUSING\s+(fts[345]|rtree(?:_i32)?)\b", re.I)


class Key(NamedTuple):
    """A foreign key: columns of the child, the parent table, its columns, all in lower case."""

    columns: tuple[str, ...]
    parent: str
    target: tuple[str, ...]


class Table(NamedTuple):
    """A table that can be filled. `columns` are those that an INSERT may name; `cases` the ways to satisfy its constraints."""

    name: str
    columns: tuple[str, ...]
    names: tuple[str, ...]  # the same in lower case
    required: frozenset[str]  # in lower case: NOT NULL, and the columns of the primary key
    keys: tuple[Key, ...]
    cases: tuple[checks.Case, ...]
    verb: str

    def statement(self, columns: tuple[str, ...]) -> str:
        if not columns:
            return f"{self.verb} INTO main.{quoted(self.name)} DEFAULT VALUES"
        marks = ", ".join("?" * len(columns))
        return f"{self.verb} INTO main.{quoted(self.name)} ({', '.join(map(quoted, columns))}) VALUES ({marks})"


def read(conn: sqlite3.Connection, only: str | None = None) -> dict[str, Table]:
    """The tables that can be filled, by their names in lower case; or this one alone.

    SQLite's own, the history, the tables behind virtual tables, full-text indexes of another table's content
    (their triggers fill them) and virtual tables other than full-text and R-tree are left out.
    """
    sql = {
        str(name).lower(): str(text)
        for name, text in rows(conn, "SELECT name, sql FROM main.sqlite_master WHERE type = 'table'")
    }
    found: dict[str, Table] = {}
    listed = {str(row[1]).lower(): row[1:] for row in rows(conn, "PRAGMA main.table_list")}
    for lower in sql:
        if lower.startswith("sqlite_") or lower == HISTORY or (only or lower) != lower:
            continue
        name, kind, _, without_rowid, strict = listed[lower]
        filled = kind == "virtual" and _FILLED_VIRTUAL.search(sql[lower]) and content_of(sql[lower]) is None
        if kind == "table" or filled:
            found[lower] = _read(conn, str(name), sql[lower], rowid=not without_rowid, strict=bool(strict))
    return found


def _read(conn: sqlite3.Connection, name: str, sql: str, *, rowid: bool, strict: bool) -> Table:
    info = [row for row in rows(conn, f"PRAGMA main.table_xinfo({quoted(name)})") if row[6] == 0]
    virtual = _FILLED_VIRTUAL.search(sql) if sql[:20].upper().split()[1:2] == ["VIRTUAL"] else None
    keys = tuple(_keys(conn, name))
    primary = [row[1].lower() for row in info if row[5]]
    alias = primary[0] if rowid and len(primary) == 1 and _type_of(info, primary[0]) == "INTEGER" else None
    required = frozenset({row[1].lower() for row in info if row[3] or _is_rtree(virtual)} | set(primary))
    told = [sql, *_told(conn, name)]
    parsed = {column.lower() for text in told for pair in _JSON_READ.findall(text) for column in pair}
    linked = {column.lower() for key in keys for column in key.columns}
    fields: list[checks.Field] = []
    names = frozenset(row[1].lower() for row in rows(conn, f"PRAGMA main.table_xinfo({quoted(name)})"))
    for _, column, declared, _, default, _, _ in info:
        lower = column.lower()
        kind = values.kind_of(declared or "", strict=strict)
        if virtual:
            kind = _virtual_kind(virtual.group(1), lower == info[0][1].lower())
        elif lower == alias:
            kind = "rowid"
        elif lower in parsed and kind in ("text", "any"):
            kind = "json"
        literal = None
        if lower == alias:
            literal = Literal(1)
        elif default is not None and lower not in linked and lower not in primary:
            node = parse(str(default), names)
            literal = (
                node if isinstance(node, Literal) else None
            )  # another default may differ from one INSERT to the next
        fields.append(checks.Field(lower, kind, lower not in required, values.longest(declared or ""), literal))
    constraints = [*_checks(sql, names), *(_triggers(conn, name, names)), *_of_virtual(virtual, info)]
    verb = "INSERT OR ABORT" if re.search(r"\bON\s+CONFLICT\b", sql, re.I) else "INSERT"
    columns = tuple(str(row[1]) for row in info)
    return Table(
        name,
        columns,
        tuple(map(str.lower, columns)),
        required,
        keys,
        tuple(checks.cases(conn, fields, constraints)),
        verb,
    )


def _type_of(info: list[tuple[object, ...]], column: str) -> str:
    return next(str(row[2]).upper() for row in info if str(row[1]).lower() == column)


def _told(conn: sqlite3.Connection, name: str) -> list[str]:
    """The SQL of the table's indexes and triggers."""
    sql = "SELECT sql FROM main.sqlite_master WHERE lower(tbl_name) = ? AND type <> 'table' AND sql IS NOT NULL"
    return [str(row[0]) for row in conn.execute(sql, (name.lower(),)).fetchall()]


def _keys(conn: sqlite3.Connection, name: str) -> Iterator[Key]:
    of: dict[int, list[tuple[str, str, str | None]]] = {}
    for number, _, parent, column, target, *_ in rows(conn, f"PRAGMA main.foreign_key_list({quoted(name)})"):
        of.setdefault(number, []).append((column, parent, target))
    for parts in of.values():
        parent = parts[0][1]
        targets = tuple(str(part[2]) for part in parts)
        if parts[0][2] is None:  # the parent's primary key is meant
            info = rows(conn, f"PRAGMA main.table_info({quoted(parent)})")
            targets = tuple(row[1] for row in sorted(info, key=lambda row: int(row[5])) if row[5])
        yield Key(tuple(part[0].lower() for part in parts), parent.lower(), tuple(map(str.lower, targets)))


# -- constraints -----------------------------------------------------------------------------------------------------


def _checks(sql: str, names: frozenset[str]) -> Iterator[Node]:
    found = pieces(sql)
    for i, token in enumerate(found[:-1]):
        if token.said == "CHECK" and found[i + 1].text == "(":
            yield parse(sql[found[i + 1].end : found[closing(found, i + 1)].start], names)


def _triggers(conn: sqlite3.Connection, name: str, names: frozenset[str]) -> Iterator[Node]:
    """What a trigger refuses by RAISE() when a row is inserted, as constraints: the contrary of its conditions."""
    for sql in _told(conn, name):
        found = pieces(sql)
        words = [token.said for token in found]
        if "TRIGGER" not in words[:4] or "BEGIN" not in words or "INSERT" not in words[: words.index("BEGIN")]:
            continue
        begin = words.index("BEGIN")
        when = None
        if "WHEN" in words[:begin]:
            when = parse(sql[found[words.index("WHEN")].end : found[begin].start], names)
        for condition in _raised(sql, found[begin + 1 :], names):
            both = [node for node in (when, condition) if node is not None]
            if both:
                yield Op("not", (both[0] if len(both) == 1 else Op("and", (both[0], both[1])),))


def _raised(sql: str, body: list[Piece], names: frozenset[str]) -> Iterator[Node | None]:
    """The condition of each RAISE() in a trigger's body; None where it has none of its own."""
    for i, token in enumerate(body[:-1]):
        if token.said != "RAISE" or body[i + 1].text != "(":
            continue
        before = body[i - 1].said
        end = closing(body, i + 1)
        if before == "THEN":
            when = max(j for j in range(i) if body[j].said == "WHEN")
            yield parse(sql[body[when].end : body[i - 1].start], names)
        elif before == "SELECT" and end + 1 < len(body) and body[end + 1].said == "WHERE":
            stop = next((j for j in range(end, len(body)) if body[j].text == ";"), len(body) - 1)
            yield parse(sql[body[end + 1].end : body[stop].start], names)
        elif before == "SELECT":
            yield None


def _is_rtree(virtual: re.Match[str] | None) -> bool:
    return virtual is not None and virtual.group(1).lower().startswith("rtree")


def _virtual_kind(module: str, first: bool) -> str:
    if module.lower().startswith("fts"):
        return "text"
    return "rowid" if first else "coordinate"


def _of_virtual(virtual: re.Match[str] | None, info: list[tuple[object, ...]]) -> Iterator[Node]:
    """An R-tree's columns after its id are pairs, the lesser first (https://sqlite.org/rtree.html)."""
    if _is_rtree(virtual):
        names = [str(row[1]).lower() for row in info[1:]]
        for low, high in zip(names[::2], names[1::2], strict=False):
            yield Op("<=", (Column(low), Column(high)))


# -- the order of filling --------------------------------------------------------------------------------------------


def in_order(tables: dict[str, Table]) -> list[list[Table]]:
    """Parents before children; tables that refer to each other in a circle together, in one list.

    Tarjan's algorithm: it hands over each strongly connected component after those that it refers to.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[Table]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for key in tables[name].keys:
            parent = key.parent
            if parent not in tables:
                continue
            if parent not in index:
                visit(parent)
                low[name] = min(low[name], low[parent])
            elif parent in stack:
                low[name] = min(low[name], index[parent])
        if low[name] == index[name]:
            at = stack.index(name)
            found.append([tables[member] for member in stack[at:]])
            del stack[at:]

    for name in tables:
        if name not in index:
            visit(name)
    return found
