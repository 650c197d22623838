"""The common forms of CHECK are solved: rows are made to satisfy them, not guessed until one does."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from embedmig import savepoint
from embedmig.testing import tables
from embedmig.testing.drawing import Filler
from embedmig.testing.expressions import Unknown, as_sql, parse

FORMS = {
    "in": ("a TEXT NOT NULL", "a IN ('x', 'y', 'z')"),
    "in, of numbers": ("a INT NOT NULL", "a IN (-1, 0x10, 2e3)"),
    "not in": ("a INT NOT NULL", "a NOT IN (0, 1, 2)"),
    "equals": ("a INT NOT NULL", "a = 1"),
    "compared": ("a INT NOT NULL", "a >= 0 AND a < 4096"),
    "compared the other way round": ("a INT NOT NULL", "0 < a"),
    "compared with arithmetic": ("a INT NOT NULL", "a BETWEEN 7 * 1024 AND (1 << 20) - 1"),
    "between": ("a REAL NOT NULL", "a BETWEEN -0.5 AND 0.5"),
    "not between": ("a INT NOT NULL", "a NOT BETWEEN -10 AND 4000"),
    "length": ("a TEXT NOT NULL", "length(a) = 17"),
    "length between": ("a TEXT NOT NULL", "length(a) BETWEEN 400 AND 500"),
    "length of a blob": ("a BLOB NOT NULL", "typeof(a) = 'blob' AND length(a) = 32"),
    "not empty": ("a TEXT NOT NULL", "a <> ''"),
    "trimmed": ("a TEXT NOT NULL", "trim(a) = a AND a != ''"),
    "lower case": ("a TEXT NOT NULL", "a = lower(a) AND length(a) BETWEEN 2 AND 12"),
    "like": ("a TEXT NOT NULL", "a LIKE '%_@__%.__%'"),
    "like, escaped": ("a TEXT NOT NULL", r"a LIKE '100\%%' ESCAPE '\'"),
    "not like": ("a TEXT NOT NULL", "a NOT LIKE '%a%'"),
    "glob": ("a TEXT NOT NULL", "a GLOB '[A-Z][A-Z]-[0-9]*-?x'"),
    "glob, a set": ("a TEXT NOT NULL", "length(a) = 40 AND a NOT GLOB '*[^0-9a-f]*'"),
    "glob and length": ("a TEXT NOT NULL", "a GLOB 'sha256:*' AND length(a) = 71"),
    "json": ("a TEXT NOT NULL", "json_valid(a)"),
    "a json array": ("a TEXT NOT NULL", "json_valid(a) AND json_type(a) = 'array'"),
    "null or": ("a TEXT", "a IS NULL OR length(a) = 3"),
    "never null": ("a TEXT", "a IS NOT NULL"),
    "or": ("a TEXT NOT NULL", "a LIKE 'http://%' OR a LIKE 'https://%'"),
    "not": ("a INT NOT NULL", "NOT (a < 100 OR a > 200)"),
    "a date": ("a TEXT NOT NULL", "date(a) = a"),
    "a date and time": ("a TEXT NOT NULL", "datetime(a) IS a"),
    "a multiple": ("a INT NOT NULL", "a % 250 = 0 AND a > 0"),
    "bits": ("a INT NOT NULL", "a & ~7 = 0"),
    "a type": ("a", "typeof(a) IN ('integer', 'null')"),
    "a number in a date column": ("a DATETIME NOT NULL", "typeof(a) = 'integer'"),
    "a path": ("a TEXT NOT NULL", "substr(a, 1, 2) = '~/'"),
    "with a collation": ("a TEXT NOT NULL", "a COLLATE NOCASE IN ('red', 'green')"),
    "a text in double quotes": ("a TEXT NOT NULL", 'a IN ("x", "y")'),
    "a comment inside": ("a INT NOT NULL", "a > /* a ( b */ 5 -- )\n AND a < 9"),
    "one before the other": ("a INT NOT NULL, b INT NOT NULL", "b >= a"),
    "one strictly before the other": ("a TEXT NOT NULL, b TEXT NOT NULL", "a < b"),
    "different": ("a INT NOT NULL, b INT NOT NULL", "a <> b"),
    "the same": ("a TEXT NOT NULL, b TEXT NOT NULL", "a IS b"),
    "computed": ("a INT NOT NULL CHECK (abs(a) < 1000), b INT NOT NULL CHECK (abs(b) < 1000), c INT NOT NULL", "c = a + 2 * b"),
    "text, computed": ("a TEXT NOT NULL CHECK (a NOT GLOB '*[^a-z]*'), b TEXT NOT NULL", "b = upper(a) || '!'"),
    "both or none": ("a INT, b INT", "(a IS NULL) = (b IS NULL)"),
    "exactly one": ("a INT, b INT, c INT", "(a IS NOT NULL) + (b IS NOT NULL) + (c IS NOT NULL) = 1"),
    "at least one": ("a INT, b INT", "coalesce(a, b) IS NOT NULL"),
    "unless it is not known": ("a INT, b INT", "coalesce(a = 70 AND b = 80, 1)"),
    "one of two zero": ("a INT NOT NULL, b INT NOT NULL", "a = 0 OR b = 0"),
    "by kind, or": (
        "k TEXT NOT NULL, a TEXT, b BLOB",
        "(k = 'link' AND a LIKE 'https://%' AND b IS NULL) OR (k = 'file' AND a IS NULL AND length(b) > 0)",
    ),
    "by kind, case": (
        "k TEXT NOT NULL CHECK (k IN ('x', 'y', 'z')), a INT",
        "CASE k WHEN 'x' THEN a > 100 WHEN 'y' THEN a IS NULL ELSE a = -5 END",
    ),
    "by kind, if": ("k TEXT NOT NULL CHECK (k IN ('x', 'y')), a INT", "iif(k = 'x', a IS NOT NULL, a IS NULL)"),
    "if so, then": ("a INT NOT NULL CHECK (a IN (0, 1)), b TEXT", "NOT a OR b IS NOT NULL"),
}  # fmt: skip


OTHERS = {
    "a trigger with a condition": "CREATE TABLE t (n INT NOT NULL); CREATE TRIGGER r BEFORE INSERT ON t WHEN NEW.n < 9000 BEGIN SELECT RAISE(ABORT, 'too few'); END",
    "a trigger with a case": "CREATE TABLE t (n INT NOT NULL); CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT CASE WHEN NEW.n < 9000 THEN RAISE(FAIL, 'too few') END; END",
    "a trigger with a where": "CREATE TABLE t (n INT NOT NULL); CREATE TRIGGER r BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'too few') WHERE NEW.n < 9000; END",
    "an R-tree": "CREATE VIRTUAL TABLE t USING rtree (id, x0, x1, y0, y1)",
    "json that an index reads": "CREATE TABLE t (doc TEXT NOT NULL); CREATE INDEX i ON t (json_extract(doc, '$.a'))",
    "json that a generated column reads": "CREATE TABLE t (doc TEXT NOT NULL, a AS (doc ->> '$.a'))",
}  # fmt: skip


@pytest.mark.parametrize(("columns", "check"), FORMS.values(), ids=FORMS.keys())
def test_a_common_form_of_check_is_solved(columns: str, check: str) -> None:
    refuses_few(f"CREATE TABLE t ({columns}, CHECK ({check}))")


@pytest.mark.parametrize("schema", OTHERS.values(), ids=OTHERS.keys())
def test_what_else_refuses_rows_is_solved(schema: str) -> None:
    refuses_few(schema, few=0.5)  # some of them for a key that stands already


def test_a_table_of_many_alternatives_is_satisfied_in_some_of_them() -> None:
    """Twelve pairs, both or none of each, would be 4,096 cases."""
    columns = ", ".join(f"a{n} INT, b{n} INT" for n in range(12))
    checks = ", ".join(f"CHECK ((a{n} IS NULL) = (b{n} IS NULL))" for n in range(12))
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute(f"CREATE TABLE t ({columns}, {checks})")
        (table,) = tables.read(conn).values()
    assert len(table.cases) == 64


def test_a_column_that_a_relation_needs_is_not_left_to_its_default() -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute(
            "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL DEFAULT 5, c INT NOT NULL DEFAULT 5, CHECK (a < b))"
        )
        (table,) = tables.read(conn).values()
    assert {name: cell.left_out for name, cell in table.cases[0].cells.items()} == {"a": False, "b": False, "c": True}


def refuses_few(schema: str, few: float = 0.25) -> None:
    """Of thirty draws hardly a try is refused; without a solution nearly all would be."""
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(schema)
        filler = Filler([list(tables.read(conn).values())], {}, 3)
        taken = 0

        @settings(max_examples=30, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(st.data())
        def each(data: st.DataObject) -> None:
            nonlocal taken
            with savepoint.aside(conn) as again:
                taken += len(filler.draw(lambda strategy: data.draw(strategy), conn, again)["t"])

        each()
        assert taken >= 20
        assert filler.refused["t"] <= taken * few


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a = 1 OR b = 2 AND NOT a > 3", '(("a" = 1) or (("b" = 2) and (not ("a" > 3))))'),
        ("a + b * 2 - -3", '(("a" + ("b" * 2)) - -3)'),
        ("a NOT NULL", '(not ("a" is NULL))'),
        ("a IS NOT DISTINCT FROM b", '("a" is "b")'),
        ("a NOT BETWEEN 1 AND 2 AND b", '((not (("a" >= 1) and ("a" <= 2))) and "b")'),
        ("NEW.a == x'00ff'", "(\"a\" = x'00ff')"),
        ("[a] || `b` || 'it''s'", "((\"a\" || \"b\") || 'it''s')"),
        ("case a when 1 then b end", 'CASE WHEN ("a" = 1) THEN "b" ELSE NULL END'),
        ("CAST(a AS VARCHAR(10)) COLLATE nocase LIKE 'x' ESCAPE '!'", "((CAST(\"a\" AS VARCHAR(10)) COLLATE nocase) LIKE 'x' ESCAPE '!')"),
        ("count(DISTINCT a) > 0", '(count("a") > 0)'),
        ("(a, b) IN ((1, 2))", '(("a", "b") IN ((1, 2)))'),
        ("a->>'$.x' = TRUE", "((\"a\" ->> '$.x') = 1)"),
    ],
)  # fmt: skip
def test_an_expression_is_read(text: str, read: str) -> None:
    assert as_sql(parse(text, frozenset({"a", "b"}))) == read


@pytest.mark.parametrize("text", ["", "a +", "a IN", "(a", "a b", "SELECT 1", "CASE", "a ? b", "NOT " * 5000 + "a"])
def test_what_is_no_expression_is_left_to_sqlite(text: str) -> None:
    assert isinstance(parse(text, frozenset({"a", "b"})), Unknown)


@pytest.mark.parametrize("text", ["EXISTS (SELECT 1 FROM t WHERE x = ')')", "a IN (SELECT a FROM t)", "(SELECT max(a) FROM t) > 1"])  # fmt: skip
def test_a_subquery_is_left_to_sqlite(text: str) -> None:
    assert "(SELECT" in as_sql(parse(text, frozenset({"a"})))
