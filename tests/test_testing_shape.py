"""When two schemas are the same, in whatever words they were written."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from embedmig.testing import shape


def difference(one: str, other: str) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as first, closing(sqlite3.connect(":memory:")) as second:
        first.executescript(one)
        second.executescript(other)
        return shape.difference(shape.of(first), shape.of(second))


SAME = {
    "blanks, comments and letter case": ("CREATE TABLE t (a INT, b TEXT)", "create table T(\n  A int, -- the first\n  b /* second */ Text)"),
    "quotes around names": ('CREATE TABLE t ("a" INT, [b] TEXT, `c` REAL)', "CREATE TABLE t (a INT, b TEXT, c REAL)"),
    "a name that needs its quotes": ('CREATE TABLE t ("a b" INT)', "CREATE TABLE t ([A B] INT)"),
    "a column that was added": ("CREATE TABLE t (a); ALTER TABLE t ADD COLUMN b TEXT DEFAULT ''", "CREATE TABLE t (a, b TEXT DEFAULT '')"),
    "a table that was renamed": ("CREATE TABLE n (a); ALTER TABLE n RENAME TO t", "CREATE TABLE t (a)"),
    "the order of objects": ("CREATE TABLE t (a); CREATE TABLE u (a)", "CREATE TABLE u (a); CREATE TABLE t (a)"),
    "the order of a table's constraints": (
        "CREATE TABLE t (a, b, CHECK (a > 0), UNIQUE (a, b))",
        "CREATE TABLE t (a, b, UNIQUE (a, b), CHECK (a > 0))",
    ),
    "the order of a column's constraints": (
        "CREATE TABLE t (a TEXT NOT NULL DEFAULT 'x' COLLATE NOCASE CHECK (a <> ''))",
        "CREATE TABLE t (a TEXT CHECK (a <> '') COLLATE NOCASE DEFAULT 'x' NOT NULL)",
    ),
    "the order of a table's options": ("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT, WITHOUT ROWID", "CREATE TABLE t (a INTEGER PRIMARY KEY) WITHOUT ROWID, STRICT"),
    "what a full-text index keeps for itself": ("CREATE VIRTUAL TABLE f USING fts5 (x)", "CREATE VIRTUAL TABLE F USING fts5(x)"),
    "the history": ("CREATE TABLE _migrations (a)", ""),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_means_the_same_is_the_same(one, other):
    assert difference(one, other) == []


DIFFERENT = {
    "the order of columns": ("CREATE TABLE t (a, b)", "CREATE TABLE t (b, a)", ["table t:", "  + b", "  - b"]),
    "a type": ("CREATE TABLE t (a INT)", "CREATE TABLE t (a TEXT)", ["table t:", "  - a int", "  + a text"]),
    "a text's letter case": ("CREATE TABLE t (a DEFAULT 'x')", "CREATE TABLE t (a DEFAULT 'X')", ["table t:", "  - a default 'x'", "  + a default 'X'"]),
    "NOT NULL": ("CREATE TABLE t (a NOT NULL)", "CREATE TABLE t (a)", ["table t:", "  - a not null", "  + a"]),
    "what a parent's end means": (
        "CREATE TABLE t (a REFERENCES p ON DELETE SET NULL)",
        "CREATE TABLE t (a REFERENCES p ON DELETE SET DEFAULT)",
        ["table t:", "  - a references p on delete set null", "  + a references p on delete set default"],
    ),
    "a deferred key": (
        "CREATE TABLE t (a REFERENCES p NOT DEFERRABLE NOT NULL)",
        "CREATE TABLE t (a REFERENCES p DEFERRABLE NOT NULL)",
        ["table t:", "  - a not null references p not deferrable", "  + a not null references p deferrable"],
    ),
    "a named constraint": (
        "CREATE TABLE t (a CONSTRAINT low CHECK (a > 0))",
        "CREATE TABLE t (a CONSTRAINT low CHECK (a > 1))",
        ["table t:", "  - a constraint low check ( a > 0 )", "  + a constraint low check ( a > 1 )"],
    ),
    "a generated column": (
        "CREATE TABLE t (a, b GENERATED ALWAYS AS (a + 1) STORED)",
        "CREATE TABLE t (a, b GENERATED ALWAYS AS (a + 1) VIRTUAL)",
        ["table t:", "  - b generated always as ( a + 1 ) stored", "  + b generated always as ( a + 1 ) virtual"],
    ),
    "a table's option": ("CREATE TABLE t (a INT) STRICT", "CREATE TABLE t (a INT)", ["table t:", "  - strict"]),
    "an index": ("CREATE TABLE t (a); CREATE INDEX i ON t (a)", "CREATE TABLE t (a); CREATE UNIQUE INDEX i ON t (a)", ["index i:", "  - create index i on t ( a )", "  + create unique index i on t ( a )"]),
    "a view that is gone": ("CREATE VIEW v AS SELECT 1", "", ["view v:", "  - create view v as select 1"]),
    "a trigger": (
        "CREATE TABLE t (a)",
        "CREATE TABLE t (a); CREATE TRIGGER g AFTER DELETE ON t BEGIN SELECT 1; END",
        ["trigger g:", "  + create trigger g after delete on t begin select 1 end"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "lines"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_shown(one, other, lines):
    assert difference(one, other) == lines
