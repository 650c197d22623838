"""How one schema differs from another in what it means: both read from SQLite, as plain values."""

from __future__ import annotations

import sqlite3
from difflib import SequenceMatcher

from embedmig import meaning, schema
from embedmig.errors import printable
from embedmig.file import rows
from embedmig.meaning import Part
from embedmig.naming import folded, quoted
from embedmig.report import Drift, Value
from embedmig.tokens import tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embedmig.schema import Made

    Name = tuple[str, str]  # ("index", "notes_by_date"), as SQLite compares names
    Objects = dict[Name, "Object"]


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
    found: Objects = {}
    for one in schema.made(conn):
        if one.table in besides:
            continue
        facts: list[str] = []
        if one.kind == "index":
            facts = [_key(conn, one.name)]
        elif one.shape == "table":
            facts = sorted(_facts(conn, one.name))
        found[one.kind, folded(one.name)] = _object(one, facts)
    return found


def texts(conn: sqlite3.Connection) -> Objects:
    """The same without the facts, in a tenth of the time: enough where this very SQLite has made both databases."""
    return {(one.kind, folded(one.name)): _object(one, ()) for one in schema.made(conn)}


def _object(made: Made, facts: Sequence[str]) -> Object:
    return Object(made.kind, made.name, made.sql, made.shape == "shadow", tuple(facts))


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
