"""The parts of a CREATE TABLE text, found by our own reader, by SQLite's own grammar (syntaqlite) and by who wrote it.

Ours says where each part stands, which is what an edit needs and syntaqlite's tree does not tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from grammar import GRAMMAR, Table, lower
from grammar import PRODUCTIONS as EVERYTHING
from grammar_tables import tables
from hypothesis import HealthCheck, Phase, given, settings

from embedmig.create_table import Column, parse

syntaqlite = pytest.importorskip("syntaqlite")

EXAMPLES = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)
# What syntaqlite's tree tells apart; the rest is spelling, which it does not keep, or is inside of an expression.
TOLD = {
    rule: options
    for rule, options in GRAMMAR.items()
    if rule not in ("name", "type-name", "indexed-column", "expr", "comment", "REFERENCES", "DEFAULT", "COLLATE")
}


@pytest.fixture(scope="module")
def sqlites_grammar() -> Iterator[Any]:
    with syntaqlite.Syntaqlite() as parser:
        yield parser


@EXAMPLES
@given(tables())
def test_our_reader_finds_the_columns_and_constraints_that_sqlites_own_grammar_finds(
    sqlites_grammar: Any, table: Table
) -> None:
    if table.as_select:
        return
    (tree,) = sqlites_grammar.parse(table.sql)
    parsed = parse(table.sql)
    ours = [
        (column.name, _words(_type(table.sql, column)), [(c.kind, c.name) for c in column.clauses])
        for column in parsed.columns
    ]
    # of a name the tree takes the quotes off and leaves those within it doubled
    ours = [
        (_inside(table.sql[c.start :]) or name, type, clauses)
        for c, (name, type, clauses) in zip(parsed.columns, ours, strict=True)
    ]
    theirs = [(c.column_name.source, _words(c.type_name or ""), _clauses(c.constraints)) for c in tree.columns]
    assert ours == theirs
    # a comma ends a name that stands alone
    groups = [group if isinstance(group, list) else [group] for group in tree.table_constraints or ()]
    assert [(c.kind, c.name) for c in parsed.constraints] == [clause for group in groups for clause in _clauses(group)]


@EXAMPLES
@given(tables())
def test_each_part_stands_where_its_author_put_it(table: Table) -> None:
    if table.as_select:
        return
    parsed = parse(table.sql)
    for column, written in zip(parsed.columns, table.columns, strict=True):
        words = [*written.written, *(word for part in written.constraints for word in part)]
        assert _words(table.sql[column.start : column.end]) == _words(" ".join(words))
        assert lower(column.name) == lower(written.name)
        if not _has_loose_ends(written.constraints) and not (table.strict and written.generated):
            found = [_words(table.sql[c.start : c.end]) for c in column.clauses]
            assert found == [_words(" ".join(part)) for part in written.constraints]
    if not _has_loose_ends([c.words for c in table.constraints]):
        found = [_words(table.sql[c.start : c.end]) for c in parsed.constraints]
        assert found == [_words(" ".join(c.words)) for c in table.constraints]


@EXAMPLES
@given(tables())
def test_what_a_table_is_said_to_be_made_of_is_what_sqlites_own_grammar_sees_in_it(
    sqlites_grammar: Any, table: Table
) -> None:
    if any(map(_has_loose_ends, [*(c.constraints for c in table.columns), [c.words for c in table.constraints]])):
        return
    (tree,) = sqlites_grammar.parse(table.sql)
    said = {
        p.replace("STRICT, WITHOUT ROWID", "WITHOUT ROWID, STRICT")
        for p in table.productions
        if p.split(": ")[0] in TOLD and not _left_to_sqlite(p)
    }
    assert said == {p for p in _seen(tree) if not _left_to_sqlite(p)}
    assert said <= EVERYTHING


def _left_to_sqlite(production: str) -> bool:
    """What the grammar does not tell: whether a key is the rowid is decided by SQLite afterwards; and what is not written at all."""
    return production in (
        "PRIMARY KEY: INTEGER", "PRIMARY KEY: INTEGER DESC", "table-constraint: without a comma", "generated: STORED", "generated: VIRTUAL",
        "generated: neither",
    ) or production.endswith(": none")  # fmt: skip


def _type(sql: str, column: Column) -> str:
    return sql[column.type_start : column.type_end]


def _inside(sql: str) -> str:
    """What stands between the quotes of a name at the beginning of a text, "" for a name without quotes."""
    quoted = re.match(r"""'((?:[^']|'')*)'|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^]]*)\]""", sql)
    return next((part for part in quoted.groups() if part is not None), "") if quoted else ""


def _flat(groups: Any) -> list[Any]:
    return [item for group in groups or () for item in (group if isinstance(group, list) else [group])]


def _clauses(items: Any) -> list[tuple[str, str | None]]:
    """As ours are: a name belongs to what follows it, DEFERRABLE to the REFERENCES before it."""
    found: list[tuple[str, str | None]] = []
    name, before = None, ""
    for item in items or ():
        if type(item).__name__ == "ConstraintNameDeclaration":
            name, before = _unquoted(item.name), ""
            continue
        kind = _spelled(item.kind)
        if (before, kind) != ("REFERENCES", "DEFERRABLE"):
            found.append((kind, name))
        name, before = None, kind
    return found if name is None else [*found, ("CONSTRAINT", name)]


def _unquoted(name: str) -> str:
    """Of a constraint's name the tree keeps the quotes."""
    quote = name[-1]
    if name[0] not in "\"'`[":
        return name
    return name[1:-1] if quote == "]" else name[1:-1].replace(quote * 2, quote)


def _has_loose_ends(constraints: Any) -> bool:
    """A name alone, or DEFERRABLE alone, which the reader counts to what stands beside it."""
    return any((len(part) == 2 and part[0] == "CONSTRAINT") or "DEFERRABLE" in part[:2] for part in constraints)


def _words(sql: str) -> list[str]:
    return re.findall(
        r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*\]|[^\W]+|[^\s\w]""",
        re.sub(
            r"""(?s)('(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*\])|--[^\n]*|/\*.*?\*/""",
            lambda m: m.group(1) or " ",
            sql,
        ),
    )


def _seen(tree: Any) -> Iterator[str]:
    """The productions that syntaqlite's tree shows."""
    if tree.as_select is not None:
        yield "create-table-stmt: AS SELECT"
    else:
        yield "create-table-stmt: (...)"
    if tree.if_not_exists:
        yield "create-table-stmt: IF NOT EXISTS"
    if tree.schema:
        yield "create-table-stmt: schema."
    flags = {flag.name for flag in type(tree.flags) if flag in tree.flags}
    if flags == {"STRICT", "WITHOUT_ROWID"}:
        yield "table-options: WITHOUT ROWID, STRICT"
    elif flags:
        yield f"table-options: {flags.pop().replace('_', ' ')}"
    for column in tree.columns or ():
        yield from _seen_of(column.constraints, "column-constraint")
    yield from _seen_of(_flat(tree.table_constraints), "table-constraint")


def _seen_of(items: Any, rule: str) -> Iterator[str]:
    table = "a table's " * (rule == "table-constraint")
    for item in items or ():
        if type(item).__name__ == "ConstraintNameDeclaration":
            yield f"{rule}: CONSTRAINT name"
            continue
        kind = _spelled(item.kind)
        if item.onconf.name != "DEFAULT":
            yield f"ON CONFLICT: {item.onconf.name}"
            yield f"ON CONFLICT behind: {table}{kind}"
        if kind == "GENERATED":
            yield f"{rule}: GENERATED ALWAYS AS" if item.generated_always else f"{rule}: AS"
        elif kind != "DEFERRABLE":
            yield f"{rule}: {kind}"
        if item.is_autoincrement:
            yield "table-constraint: AUTOINCREMENT" if table else "PRIMARY KEY: AUTOINCREMENT"
        if kind == "PRIMARY KEY" and not table:
            yield f"PRIMARY KEY: {_spelled(item.sort_order).replace('NONE', 'plain')}"
        if item.fk_clause is not None:
            yield from (
                f"{_spelled(o.kind)}: {o.match_name or _spelled(o.action)}" for o in item.fk_clause.options or ()
            )
        for place in (item, item.fk_clause):
            if place is not None and getattr(place, "deferrable", None):
                yield f"DEFERRABLE: {_spelled(place.deferrable)}"
                if place.initial_defer:
                    yield f"INITIALLY: {_spelled(place.initial_defer)}"


def _spelled(value: Any) -> str:
    return str(value.name).replace("_", " ")
