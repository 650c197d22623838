"""How one schema differs from another in what it means: both read from SQLite, as plain values."""

from __future__ import annotations

import sqlite3
from difflib import SequenceMatcher

from embedmig import meaning
from embedmig.errors import printable
from embedmig.file import rows
from embedmig.meaning import Part
from embedmig.naming import folded, quoted
from embedmig.report import Drift, Value
from embedmig.tokens import tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Name = tuple[str, str]  # ("index", "notes_by_date"), as SQLite compares names
    Objects = dict[Name, "Object"]

# All that is not SQLite's own (statistics, counters, indexes that a constraint made) nor the history, with what hangs on it.
_ALL = (
    "SELECT type, name, sql, lower(tbl_name) FROM main.sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND lower(tbl_name) <> '_migrations'"
    " ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2 ELSE 3 END, lower(name)"
)


class Object(Value):
    """A table, index, trigger or view. `facts` are what SQLite read out of the text of an ordinary table or an index.

    The texts of two may agree and the facts not: an index made by a very old SQLite ignores its DESC, say.
    """

    kind: str
    name: str
    sql: str
    shadow: bool  # a virtual table keeps it for itself
    facts: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"{self.kind} {printable(self.name)}"


def objects(conn: sqlite3.Connection, besides: Sequence[str] = ()) -> Objects:
    """The objects of a database, in a stable order; `besides` are tables that are left out, with what hangs on them."""
    kinds = {str(row[1]): str(row[2]) for row in rows(conn, "PRAGMA main.table_list")}
    found: Objects = {}
    for kind, name, sql, table in rows(conn, _ALL):
        if table in besides:
            continue
        facts: list[str] = []
        if kind == "index":
            facts = [_key(conn, name)]
        elif kinds.get(name) == "table":
            facts = sorted(_facts(conn, name))
        found[kind, folded(name)] = Object(kind, name, sql, kinds.get(name) == "shadow", tuple(facts))
    return found


def texts(conn: sqlite3.Connection) -> Objects:
    """The same without the facts, in a tenth of the time: enough where this very SQLite has made both databases."""
    shadows = {str(row[1]) for row in rows(conn, "PRAGMA main.table_list") if row[2] == "shadow"}
    return {
        (kind, folded(name)): Object(kind, name, sql, name in shadows, ()) for kind, name, sql, _ in rows(conn, _ALL)
    }


def _facts(conn: sqlite3.Connection, table: str) -> Iterator[str]:
    """https://sqlite.org/pragma.html#pragma_table_xinfo and its neighbours, without the numbers that only count."""
    for _, name, type, not_null, _, key, hidden in rows(conn, f"PRAGMA main.table_xinfo({quoted(table)})"):
        said = f"{' not null' * not_null}{f' key {key}' * bool(key)}{f' hidden {hidden}' * bool(hidden)}"
        yield f"column {folded(name)} {' '.join(token.meaning for token in tokens(type))}{said}"
    for _, name, unique, origin, *_ in rows(conn, f"PRAGMA main.index_list({quoted(table)})"):
        if origin != "c":  # those have objects of their own
            yield f"{'unique ' * unique}{_key(conn, name)} for {origin}"
    keys: dict[int, list[str]] = {}
    for id, _, parent, child, to, *actions in rows(conn, f"PRAGMA main.foreign_key_list({quoted(table)})"):
        said = " ".join(str(word).lower() for word in (folded(child), folded(to or ""), *actions[:2]))
        keys.setdefault(id, [f"foreign key to {folded(parent)}:"]).append(said)
    yield from (" ".join(key) for key in keys.values())


def _key(conn: sqlite3.Connection, index: str) -> str:
    columns = [
        f"{folded(name) if name else 'an expression'}{' desc' * descending} {folded(collation or '')}"
        for _, _, name, descending, collation, is_key in rows(conn, f"PRAGMA main.index_xinfo({quoted(index)})")
        if is_key
    ]
    return f"index ({', '.join(columns)})"


def between(expected: Objects, actual: Objects) -> Drift:
    """What is missing, unexpected or different in `actual`. Where one side knows a shadow table for one, it is one on both."""
    shadows = {name for side in (expected, actual) for name, found in side.items() if found.shadow}
    missing = [found for name, found in expected.items() if name not in actual and name not in shadows]
    unexpected = [found for name, found in actual.items() if name not in expected and name not in shadows]
    different = [
        (found, actual[name])
        for name, found in expected.items()
        if name in actual and name not in shadows and not _same(found, actual[name])
    ]
    lines = [line for one in missing for line in (f"missing: {one.label}", *_marked("-", one))]
    lines += [line for one in unexpected for line in (f"unexpected: {one.label}", *_marked("+", one))]
    lines += [line for pair in different for line in (f"different: {pair[1].label}", *_diff(*pair))]
    return Drift(
        tuple(one.label for one in missing),
        tuple(one.label for one in unexpected),
        tuple(other.label for _, other in different),
        "\n".join(lines),
    )


def _same(one: Object, other: Object) -> bool:
    if one.sql != other.sql and meaning.of(one.sql) != meaning.of(other.sql):
        return False
    return one.facts == other.facts


def _marked(sign: str, found: Object) -> Iterator[str]:
    return (f"{sign} {printable(line)}" for line in found.sql.splitlines())


def _diff(expected: Object, actual: Object) -> Iterator[str]:
    """The parts that differ, `-` as the history makes them and `+` as they are in the file, one part around them for the eye."""
    before, after = meaning.parts(expected.sql), meaning.parts(actual.sql)
    if meaning.of(expected.sql) == meaning.of(actual.sql):
        before, after = ([Part((fact,), f"-- {fact}") for fact in side.facts] for side in (expected, actual))
    matcher = SequenceMatcher(None, _meanings(before), _meanings(after), autojunk=False)
    for group in matcher.get_grouped_opcodes(1):
        for kind, a, b, c, d in group:
            if kind == "equal":
                yield from (f"  {printable(part.text)}" for part in after[c:d])
            else:
                yield from (f"- {printable(part.text)}" for part in before[a:b])
                yield from (f"+ {printable(part.text)}" for part in after[c:d])


def _meanings(found: Sequence[Part]) -> list[tuple[str, ...]]:
    return [part.meaning for part in found]
