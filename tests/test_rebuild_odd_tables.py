"""rebuild() on the tables that nobody expects: odd names, odd keys, odd company. Tried by hand first, kept here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from standing import standing

import embedmig


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        yield conn


def begun(conn: sqlite3.Connection, script: str) -> dict[str, Any]:
    """Make the tables, begin a transaction, and say how everything stands."""
    conn.executescript(script)
    conn.execute("BEGIN")
    return standing(conn)


ROWS: dict[str, tuple[str, str, dict[str, Any], str, list[tuple[object, ...]]]] = {
    "two columns that change names": (
        "CREATE TABLE t (a INT, b TEXT); CREATE VIEW v AS SELECT a, b FROM t; INSERT INTO t VALUES (1, 'x')",
        "t", {"rename": {"a": "b", "b": "a"}}, "SELECT * FROM v", [(1, "x")],
    ),
    "columns called rowid, oid and _rowid_": (
        "CREATE TABLE t (rowid TEXT, oid INT, _rowid_ BLOB); INSERT INTO t VALUES ('a', 2, x'00')",
        "t", {"add": ["y DEFAULT 3"]}, "SELECT * FROM t", [("a", 2, b"\0", 3)],
    ),
    "a column called rowid, the rowid seen as oid": (
        "CREATE TABLE t (rowid TEXT); INSERT INTO t (oid, rowid) VALUES (77, 'a'), (99, 'b')",
        "t", {"add": ["y"]}, "SELECT oid, rowid FROM t", [(77, "a"), (99, "b")],
    ),
    "an INTEGER PRIMARY KEY DESC, which is not the rowid": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY DESC, x); INSERT INTO t (rowid, id) VALUES (50, 3), (70, NULL)",
        "t", {"drop": ["x"]}, "SELECT rowid, id FROM t", [(50, 3), (70, None)],
    ),
    "an INTEGER PRIMARY KEY DESC that becomes the rowid": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY DESC, x); INSERT INTO t (rowid, id) VALUES (50, 3), (70, 2)",
        "t", {"sql": "CREATE TABLE t (id INTEGER PRIMARY KEY, x)"}, "SELECT rowid, id FROM t", [(2, 2), (3, 3)],
    ),
    "a key of two columns without rowid": (
        "CREATE TABLE t (a TEXT COLLATE NOCASE, b INT, c, PRIMARY KEY (a DESC, b)) WITHOUT ROWID; INSERT INTO t VALUES ('x', 1, '2'), ('Y', 2, 3)",
        "t", {"retype": {"c": "INT"}}, "SELECT * FROM t", [("Y", 2, 3), ("x", 1, 2)],
    ),
    "a name with every kind of quote": (
        'CREATE TABLE "a""b\'c]d`e" (x, "y""z"); INSERT INTO "a""b\'c]d`e" VALUES (1, 2)',
        "a\"b'c]d`e", {"drop": ["x"]}, 'SELECT * FROM "a""b\'c]d`e"', [(2,)],
    ),
    "names that are keywords": (
        'CREATE TABLE "table" ("order", "select"); CREATE VIEW v AS SELECT "order" o FROM "table"; INSERT INTO "table" VALUES (1, 2)',
        "TABLE", {"drop": ["SELECT"]}, "SELECT * FROM v", [(1,)],
    ),
    "no name at all": ('CREATE TABLE "" ("", b); INSERT INTO "" VALUES (1, 2)', "", {"drop": ["b"]}, 'SELECT * FROM ""', [(1,)]),
    "the name that the old table would get": (
        "CREATE TABLE t (a); CREATE TABLE embedmig_old_t (x); CREATE TABLE EMBEDMIG_OLD1_T (x); INSERT INTO t VALUES (1)",
        "t", {"add": ["b"]}, "SELECT name FROM sqlite_master ORDER BY name", [("EMBEDMIG_OLD1_T",), ("embedmig_old_t",), ("t",)],
    ),
    "letters that only people take for the same": ("CREATE TABLE t (é, É); INSERT INTO t VALUES (1, 2)", "t", {"drop": ["É"]}, "SELECT * FROM t", [(1,)]),
    "rows that point to rows of their own table": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p REFERENCES t ON DELETE CASCADE, x); INSERT INTO t VALUES (1, NULL, 1), (2, 1, 2)",
        "t", {"drop": ["x"]}, "SELECT id, p FROM t", [(1, None), (2, 1)],
    ),
    "an attached database with a table of that name": (
        "ATTACH ':memory:' AS o; CREATE TABLE o.t (z); CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2)",
        "t", {"drop": ["b"]}, "SELECT * FROM main.t", [(1,)],
    ),
    "a temporary trigger": (
        "CREATE TABLE t (a, b); CREATE TEMP TABLE seen (x); CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO seen VALUES (new.a); END",
        "t", {"drop": ["b"]}, "INSERT INTO t VALUES (5) RETURNING (SELECT count(*) FROM temp.sqlite_master WHERE type = 'trigger')", [(1,)],
    ),
    "a view and a trigger that were broken before": (
        "CREATE TABLE t (a); INSERT INTO t VALUES (1); CREATE VIEW bad AS SELECT nope FROM nowhere;"
        "CREATE TRIGGER worse AFTER INSERT ON t BEGIN INSERT INTO nowhere VALUES (1); END",
        "t", {"add": ["b"]}, "SELECT * FROM t", [(1, None)],
    ),
    "an aggregate over the old table in copy": (
        "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)",
        "t", {"sql": "CREATE TABLE t (a, b)", "copy": {"b": "(SELECT sum(rowid) FROM t)"}, "where": "a > 0"}, "SELECT * FROM t", [(1, 3), (2, 3)],
    ),
    "a comment behind where": (
        "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)", "t", {"sql": "CREATE TABLE t (a)", "where": "a = 1 -- only"}, "SELECT * FROM t", [(1,)],
    ),
    "a text that is not UTF-8": (
        "CREATE TABLE t (a, b); INSERT INTO t VALUES (CAST(x'ff00fe' AS TEXT), 1)", "t", {"drop": ["b"]}, "SELECT typeof(a), hex(a) FROM t", [("text", "FF00FE")],
    ),
    "a full text whose rows are fewer afterwards": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x'), (2, 'x y');"
        "CREATE VIRTUAL TABLE s USING fts5(a, content='t', content_rowid='id'); INSERT INTO s(s) VALUES ('rebuild')",
        "t", {"sql": "CREATE TABLE t (id INTEGER PRIMARY KEY, a)", "where": "id = 2"}, "SELECT rowid, a FROM s WHERE s MATCH 'x'", [(2, "x y")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("script", "table", "arguments", "question", "answer"), ROWS.values(), ids=ROWS.keys())
def test_an_odd_table_is_rebuilt_with_its_rows(
    conn: sqlite3.Connection,
    script: str,
    table: str,
    arguments: dict[str, Any],
    question: str,
    answer: list[tuple[object, ...]],
) -> None:
    conn.executescript(script)
    conn.execute("BEGIN")
    embedmig.rebuild(conn, table, **arguments)
    conn.execute("COMMIT")
    assert conn.execute(question).fetchall() == answer
    assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_follows_a_comment_and_a_column_that_goes_does_not_become_comment(conn: sqlite3.Connection) -> None:
    conn.executescript("CREATE TABLE t (a, -- first\n b -- second\n, CHECK (a > 0))")
    conn.execute("BEGIN")
    embedmig.rebuild(conn, "t", drop=["b"])
    assert conn.execute("SELECT sql FROM sqlite_master").fetchone() == ("CREATE TABLE t (a, -- first\n CHECK (a > 0))",)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a generated column needs it": ("CREATE TABLE t (a INT, b AS (a + 1), c)", {"drop": ["a"]}, "b AS (a + 1) uses a, which goes"),
    "a CHECK needs it": ("CREATE TABLE t (a, c CHECK (a < 5))", {"drop": ["a"]}, "c CHECK (a < 5) uses a, which goes"),
    "the key needs it": ("CREATE TABLE t (a, b, c, PRIMARY KEY (a, b)) WITHOUT ROWID", {"drop": ["a"]}, "PRIMARY KEY (a, b) uses a, which goes"),
    "a foreign key from elsewhere needs it": ("CREATE TABLE t (a UNIQUE, b); CREATE TABLE c (x REFERENCES t(a))", {"drop": ["a"]}, "the foreign key of c uses a"),
    "an index in double quotes needs it": ('CREATE TABLE t (a, b); CREATE INDEX i ON t (a) WHERE "b" = 1', {"drop": ["b"]}, "index i uses b"),
    "a view of a view needs it": (
        "CREATE TABLE t (a, b); CREATE VIEW v AS SELECT a, b FROM t; CREATE VIEW w AS SELECT b FROM v", {"drop": ["b"], "dropping": ["v"]}, "view w",
    ),
    "another table's trigger needs it": (
        "CREATE TABLE t (a, b); CREATE TABLE l (x); CREATE TRIGGER g AFTER INSERT ON l BEGIN UPDATE t SET b = 1; END", {"drop": ["b"]}, "trigger g uses b",
    ),
    "another table's trigger counts the columns": (
        "CREATE TABLE t (a, b); CREATE TABLE l (x); CREATE TRIGGER g AFTER INSERT ON l BEGIN INSERT INTO t VALUES (1, 2); END",
        {"add": ["c"]}, "trigger g: table t has 3 columns but 2 values were supplied",
    ),
    "a temporary trigger needs it": ("CREATE TABLE t (a, b); CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN SELECT new.b; END", {"drop": ["b"]}, "temporary trigger g"),
    "a temporary view needs it": ("CREATE TABLE t (a, b); CREATE TEMP VIEW v AS SELECT b FROM t", {"drop": ["b"]}, "temporary view v"),
    "full text needs it": ("CREATE TABLE t (a, b); CREATE VIRTUAL TABLE s USING fts5(a, content='t')", {"drop": ["a"]}, "no such column: T.a"),
    "full text needs its name": ("CREATE TABLE t (a, b); CREATE VIRTUAL TABLE s USING fts5(a, content='t')", {"rename": {"a": "c"}}, "no such column: T.a"),
    "a temporary table stands before it": ("CREATE TABLE t (a); CREATE TEMP TABLE t (z)", {"add": ["b"]}, "temporary table stands before t"),
    "two rows become one": ("CREATE TABLE t (a); INSERT INTO t VALUES (1), (1)", {"sql": "CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE)"}, "UNIQUE constraint failed: t.a"),
    "a conflict would undo the whole run": ("CREATE TABLE t (a); INSERT INTO t VALUES (1), (1)", {"sql": "CREATE TABLE t (a UNIQUE ON CONFLICT ROLLBACK)"}, "UNIQUE constraint failed: t.a"),
    "a NULL would become a default": ("CREATE TABLE t (a); INSERT INTO t VALUES (NULL)", {"sql": "CREATE TABLE t (a NOT NULL ON CONFLICT REPLACE DEFAULT 7)"}, "NOT NULL constraint failed: t.a"),
    "an aggregate takes rows together": ("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)", {"sql": "CREATE TABLE t (a, b)", "copy": {"b": "max(a)"}, "where": "a > 0"}, "of 2 rows 1 would arrive"),
    "a second statement": ("CREATE TABLE t (a)", {"sql": "CREATE TABLE t (a, b); DROP TABLE t"}, "second statement"),
    "a second statement in where": ("CREATE TABLE t (a)", {"where": "1); DROP TABLE t --"}, "one statement at a time"),
    "another table's text": ("CREATE TABLE t (a)", {"sql": "CREATE TABLE u (a, b)"}, "makes u, and t is to be rebuilt"),
    "one column too many": (f"CREATE TABLE t ({', '.join(f'c{n}' for n in range(60))})", {"add": ["C59"]}, "duplicate column name: C59"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "arguments", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_be_lost_is_told_and_everything_is_as_it_was(
    conn: sqlite3.Connection, script: str, arguments: dict[str, Any], said: str
) -> None:
    before = begun(conn, script)
    with pytest.raises((embedmig.EmbedmigError, sqlite3.Error)) as caught:
        embedmig.rebuild(conn, "t", **arguments)
    assert said in str(caught.value)
    assert conn.in_transaction
    assert standing(conn) == before
