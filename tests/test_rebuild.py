"""rebuild(): one table changes, and nothing else does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils
from helpers import content, query, sql

import embedmig
from embedmig import Migration, MigrationFailed, RebuildFailed, UsageError, procedure, rebuild
from embedmig.dependents import things

NOTES = """\
CREATE TABLE notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
  title TEXT COLLATE NOCASE, -- one line
  body TEXT NOT NULL ON CONFLICT REPLACE DEFAULT ('' || ''),
  [size] INTEGER GENERATED ALWAYS AS (length(body)) STORED,
  parent INTEGER REFERENCES notes (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, /* a thread */
  CONSTRAINT short CHECK (length(title) < 100)
)"""
AROUND = """
CREATE TABLE comments (id INTEGER PRIMARY KEY, note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE);
CREATE TABLE log (said TEXT);
CREATE INDEX by_parent ON notes (parent DESC) WHERE parent IS NOT NULL;
CREATE UNIQUE INDEX by_size ON notes (length(body) + id, [size] COLLATE BINARY);
CREATE VIEW threads AS SELECT id, parent FROM notes WHERE parent IS NOT NULL;
CREATE VIRTUAL TABLE notes_fts USING fts5 (body, content=notes, content_rowid=id);
CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN INSERT INTO notes_fts (rowid, body) VALUES (new.id, new.body); END;
CREATE TRIGGER notes_bd BEFORE DELETE ON notes WHEN old.parent IS NULL BEGIN INSERT INTO log VALUES (old.id); END;
INSERT INTO notes (id, title, body, parent) VALUES (1, 'one', 'first', NULL), (5, NULL, 'second', 1), (9, 'nine', 'third', 1);
DELETE FROM notes WHERE id = 9;
INSERT INTO notes_fts (notes_fts, rowid, body) VALUES ('delete', 9, 'third');
INSERT INTO comments VALUES (1, 1), (2, 5);
CREATE TRIGGER commented AFTER INSERT ON comments BEGIN UPDATE notes SET parent = new.note WHERE id = new.note; END;
DELETE FROM log;
ANALYZE;
"""


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    """In a transaction of the caller's own, with everything that can hang on a table."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.executescript(f"{NOTES}; {AROUND}")
        conn.execute("BEGIN")
        yield conn


def stored(conn: sqlite3.Connection, name: str = "notes") -> str:
    return conn.execute("SELECT sql FROM sqlite_master WHERE name = ? COLLATE NOCASE", [name]).fetchone()[0]


def everything(conn: sqlite3.Connection) -> dict[str, Any]:
    """All that must stay: texts, rows, rowids, counters, statistics, what a search finds, what points nowhere."""
    found: dict[str, Any] = {}
    for table, statement in {
        "schema": "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY type, name",
        "temp": "SELECT type, name, tbl_name, sql FROM sqlite_temp_master ORDER BY name",
        "notes": "SELECT rowid, * FROM notes ORDER BY rowid",
        "comments": "SELECT * FROM comments",
        "log": "SELECT * FROM log",
        "sequence": "SELECT * FROM sqlite_sequence ORDER BY name",
        "statistics": "SELECT * FROM sqlite_stat1 ORDER BY tbl, idx",
        "threads": "SELECT * FROM threads",
        "search": "SELECT rowid, body FROM notes_fts WHERE notes_fts MATCH 'second'",
        "pointing nowhere": "PRAGMA foreign_key_check",
        "settings": "PRAGMA legacy_alter_table",
    }.items():
        found[table] = conn.execute(statement).fetchall()
    return found


def columns(conn: sqlite3.Connection, table: str = "notes") -> list[str]:
    return [row[1] for row in conn.execute(f"PRAGMA table_xinfo({table})")]


# -- the new text ------------------------------------------------------------------------------------------------------


def test_the_new_text_is_stored_to_the_letter_and_all_else_stays(conn):
    before = everything(conn)
    text = NOTES.replace(
        "title TEXT COLLATE NOCASE, -- one line", "title TEXT NOT NULL DEFAULT '', -- one line,\n  -- or none"
    )
    rebuild(conn, "notes", text, copy={"title": "coalesce(title, 'untitled ' || id)"})
    assert stored(conn) == text
    after = everything(conn)
    assert after.pop("notes") == [(1, 1, "one", "first", 5, None), (5, 5, "untitled 5", "second", 6, 1)]
    assert [row for row in after.pop("schema") if row[1] != "notes"] == [r for r in before["schema"] if r[1] != "notes"]
    assert after.items() <= before.items()


@pytest.mark.parametrize(
    "text",
    [
        "create table notes (id integer primary key, body, parent)",
        '-- anew\nCREATE TABLE IF NOT EXISTS main . "notes" (id integer primary key, body, parent) /* all */ ; -- done',
        "CREATE TABLE [Notes](id integer primary key, body, parent)",
    ],
)
def test_the_new_text_may_be_written_as_sqlite_takes_it(conn, text):
    rebuild(conn, "notes", text, dropping=["by_size"])
    with closing(sqlite3.connect(":memory:")) as other:
        other.execute(text)
        assert (
            stored(conn).lower()
            == "create table "
            + stored(other, other.execute("SELECT name FROM sqlite_master").fetchone()[0])[13:].lower()
        )
    assert conn.execute("SELECT id, body FROM notes").fetchall() == [(1, "first"), (5, "second")]


def test_names_may_be_quoted_in_expressions(conn):
    rebuild(
        conn,
        "notes",
        copy={"title": """CAST("upper"("notes"."Body") COLLATE "nocase" AS "TEXT")"""},
        where='"rowid" = 5',
    )
    assert conn.execute("SELECT title FROM notes").fetchall() == [("SECOND",)]


def test_rows_are_kept_by_where_and_the_counter_goes_on(conn):
    rebuild(conn, "notes", NOTES, where="notes.parent IS NULL")
    assert conn.execute("SELECT id FROM notes").fetchall() == [(1,)]
    assert conn.execute("SELECT seq FROM sqlite_sequence").fetchall() == [(9,)]


def test_a_subquery_on_the_table_itself_sees_the_old_rows(conn):
    rebuild(
        conn,
        "notes",
        copy={"title": "(SELECT count(*) FROM notes AS all_of WHERE all_of.id <= notes.id)"},
        where="id IN (SELECT id FROM notes)",
    )
    assert conn.execute("SELECT id, title FROM notes").fetchall() == [(1, "1"), (5, "2")]


def test_a_subquery_knows_the_old_rowids():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.executescript("CREATE TABLE t (a, b); INSERT INTO t (rowid, a) VALUES (3, 'x'), (5, 'y'); BEGIN")
        rebuild(conn, "t", copy={"b": "(SELECT sum(rowid) FROM t)"}, where="rowid IN (SELECT max(rowid) FROM t)")
        assert conn.execute("SELECT rowid, a, b FROM t").fetchall() == [(5, "y", 8)]


@pytest.mark.parametrize("action", ["ROLLBACK", "FAIL", "IGNORE", "REPLACE"])
def test_an_on_conflict_clause_of_the_new_table_takes_no_row_away(conn, action):
    text = NOTES.replace("NOT NULL ON CONFLICT REPLACE", f"NOT NULL ON CONFLICT {action} UNIQUE ON CONFLICT {action}")
    before = everything(conn)
    for body in ("'same'", "NULL"):
        with pytest.raises(sqlite3.IntegrityError, match=r"(UNIQUE|NOT NULL) constraint failed: notes\.body"):
            rebuild(conn, "notes", text, copy={"body": body})
        assert conn.in_transaction
        assert everything(conn) == before


def test_columns_are_found_by_name_whatever_the_case_and_the_order(conn):
    text = "CREATE TABLE notes (PARENT, Body, extra DEFAULT 'x', id INTEGER PRIMARY KEY)"
    rebuild(conn, "NOTES", text, dropping=["by_size"])
    assert conn.execute("SELECT * FROM notes").fetchall() == [(None, "first", "x", 1), (1, "second", "x", 5)]


# -- rowids ------------------------------------------------------------------------------------------------------------

ROWIDS = {
    "no primary key": ("a", "a INTEGER", [(7, 1), (9, 2)]),
    "a column that is called rowid": ("a, rowid", "a, rowid NOT NULL", [(7, 1), (9, 2)]),
    "a new integer primary key takes the rowids": ("a", "id INTEGER PRIMARY KEY, a", [(7, 1), (9, 2)]),
    "an integer primary key that becomes an ordinary column": ("id INTEGER PRIMARY KEY, a", "id, a", [(7, 1), (9, 2)]),
    "INTEGER PRIMARY KEY DESC is no rowid": ("a INTEGER PRIMARY KEY DESC", "a INTEGER PRIMARY KEY DESC, b", [(7, 1), (9, 2)]),
    "INT PRIMARY KEY is no rowid": ("a INT PRIMARY KEY", "a TEXT PRIMARY KEY", [(7, "1"), (9, "2")]),
    "to an integer primary key": ("a INT PRIMARY KEY", "a INTEGER PRIMARY KEY", [(1, 1), (2, 2)]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), ROWIDS.values(), ids=ROWIDS)
def test_rowids_stay(conn, old, new, expected):
    conn.execute(f"CREATE TABLE t ({old})")
    others = [name for name in columns(conn, "t") if name != "a" and name != "id"]
    conn.execute(
        f"INSERT INTO t (_rowid_, a {''.join(', ' + name for name in others)}) VALUES (7, 1 {', 0' * len(others)}), (9, 2 {', 0' * len(others)})"
    )
    rebuild(conn, "t", f"CREATE TABLE t ({new})")
    assert conn.execute("SELECT _rowid_, a FROM t ORDER BY 1").fetchall() == expected


def test_a_table_whose_columns_took_all_names_of_the_rowid_is_copied_in_its_order(conn):
    conn.execute("CREATE TABLE t (rowid, _rowid_, oid)")
    conn.execute("INSERT INTO t VALUES (3, 2, 1), (1, 2, 3)")
    rebuild(conn, "t", not_null={"oid": True})
    assert conn.execute("SELECT * FROM t").fetchall() == [(3, 2, 1), (1, 2, 3)]


def test_to_without_rowid_and_back(conn):
    conn.execute("CREATE TABLE t (a TEXT, b TEXT, PRIMARY KEY (b, a))")
    conn.execute("INSERT INTO t VALUES ('x', 'y'), ('y', 'x')")
    rebuild(conn, "t", options="WITHOUT ROWID")
    assert stored(conn, "t") == "CREATE TABLE t (a TEXT, b TEXT, PRIMARY KEY (b, a)) WITHOUT ROWID"
    rebuild(conn, "t", options="STRICT")
    assert stored(conn, "t") == "CREATE TABLE t (a TEXT, b TEXT, PRIMARY KEY (b, a)) STRICT"
    assert conn.execute("SELECT rowid, a, b FROM t").fetchall() == [(1, "y", "x"), (2, "x", "y")]


def test_storage_classes_and_generated_columns_stay(conn):
    conn.execute("CREATE TABLE t (a, b BLOB, c NUMERIC, d AS (typeof(a)) STORED, e AS (typeof(b)))")
    for value in (1, 1.0, "1", b"1", None):
        conn.execute("INSERT INTO t VALUES (?, ?, ?)", [value, value, value])
    before = conn.execute("SELECT *, typeof(c) FROM t").fetchall()
    rebuild(conn, "t", add=["f INTEGER"])
    assert conn.execute("SELECT a, b, c, d, e, typeof(c) FROM t").fetchall() == before


# -- small edits -------------------------------------------------------------------------------------------------------

TABLE = """\
CREATE TABLE t ( -- of many things
  id INTEGER PRIMARY KEY, -- the id
  a TEXT NOT NULL ON CONFLICT IGNORE DEFAULT 'x' COLLATE NOCASE, -- a's
  -- what is said of b
  b VARCHAR(10) CONSTRAINT positive CHECK (b > 0) UNIQUE, -- b's
  c REFERENCES p (id) ON DELETE SET NULL CONSTRAINT late NOT DEFERRABLE,
  CONSTRAINT pair UNIQUE (a, c)
  FOREIGN KEY (b) REFERENCES p -- b's parent
)"""


def line(old: str, new: str) -> str:
    assert TABLE.count(old) == 1
    return TABLE.replace(old, new)


EDITS: dict[str, tuple[dict[str, Any], str]] = {
    "a type": ({"retype": {"b": "TEXT"}}, line("VARCHAR(10)", "TEXT")),
    "no type": ({"retype": {"B": None}}, line("b VARCHAR(10)", "b")),
    "a type where there was none": ({"retype": {"c": "INTEGER"}}, line("c REFERENCES", "c INTEGER REFERENCES")),
    "another default": ({"default": {"a": "'y'"}}, line("DEFAULT 'x'", "DEFAULT 'y'")),
    "a default that is computed": ({"default": {"b": "1 + 1"}}, line("UNIQUE, -- b's", "UNIQUE DEFAULT (1 + 1), -- b's")),
    "a default in brackets": ({"default": {"b": "(1 + 1)"}}, line("UNIQUE, -- b's", "UNIQUE DEFAULT (1 + 1), -- b's")),
    "two pairs of brackets": ({"default": {"b": "(1) + (1)"}}, line("UNIQUE, -- b's", "UNIQUE DEFAULT ((1) + (1)), -- b's")),
    "a default with a sign": ({"default": {"b": "-1"}}, line("UNIQUE, -- b's", "UNIQUE DEFAULT -1, -- b's")),
    "no default": ({"default": {"a": None}}, line(" DEFAULT 'x'", "")),
    "not null": ({"not_null": {"b": True}}, line("UNIQUE, -- b's", "UNIQUE NOT NULL, -- b's")),
    "not null as it was": ({"not_null": {"a": True}, "retype": {"a": "INT"}}, line("a TEXT", "a INT")),
    "nullable": ({"not_null": {"a": False}}, line(" NOT NULL ON CONFLICT IGNORE", "")),
    "a collation": ({"collate": {"a": "RTRIM"}}, line("NOCASE", "RTRIM")),
    "no collation": ({"collate": {"a": None}}, line(" COLLATE NOCASE", "")),
    "a check keeps its name": ({"check": {"b": "b >= 0"}}, line("CHECK (b > 0)", "CHECK (b >= 0)")),
    "a check more": ({"check": {"c": "c > 0"}}, line("NOT DEFERRABLE,", "NOT DEFERRABLE CHECK (c > 0),")),
    "a check with a comment": ({"check": {"b": "b >= 0 -- why"}}, line("CHECK (b > 0)", "CHECK (b >= 0 -- why\n)")),
    "a default with a comment": ({"default": {"a": "'y' -- why"}}, line("DEFAULT 'x'", "DEFAULT 'y' -- why\n")),
    "a foreign key with a comment": ({"foreign_keys": {"a": "p -- why"}}, line("NOCASE, --", "NOCASE REFERENCES p -- why\n, --")),
    "no check": ({"check": {"b": None}}, line(" CONSTRAINT positive CHECK (b > 0)", "")),
    "a named check": ({"drop_constraints": ["Positive"]}, line(" CONSTRAINT positive CHECK (b > 0)", "")),
    "a named constraint": ({"drop_constraints": ["pair"]}, line("\n  CONSTRAINT pair UNIQUE (a, c)", "")),
    "unique": ({"unique": {"c": True}}, line("NOT DEFERRABLE,", "NOT DEFERRABLE UNIQUE,")),
    "not unique": ({"unique": {"b": False}}, line(") UNIQUE, --", "), --")),
    "a foreign key": ({"foreign_keys": {"a": "p ON DELETE CASCADE"}}, line("NOCASE, --", "NOCASE REFERENCES p ON DELETE CASCADE, --")),
    "another foreign key": (
        {"foreign_keys": {"c": "q"}},
        line("REFERENCES p (id) ON DELETE SET NULL CONSTRAINT late NOT DEFERRABLE", "REFERENCES q"),
    ),
    "no foreign key": ({"foreign_keys": {"b": None}}, line("\n  FOREIGN KEY (b) REFERENCES p -- b's parent", "")),
    "a column less": (
        {"drop": ["b"], "foreign_keys": {"b": None}},
        TABLE.replace("\n  -- what is said of b\n  b VARCHAR(10) CONSTRAINT positive CHECK (b > 0) UNIQUE, -- b's", "").replace(
            "\n  FOREIGN KEY (b) REFERENCES p -- b's parent", ""
        ),
    ),
    "a column more": ({"add": ["d INT -- new"]}, line("NOT DEFERRABLE,", "NOT DEFERRABLE,\n  d INT,")),
    "a constraint more": (
        {"add": ["CHECK (a <> b)"]},
        line("REFERENCES p -- b's parent", "REFERENCES p, -- b's parent\n  CHECK (a <> b)"),
    ),
    "another primary key": (
        {"primary_key": ["a"]},
        TABLE.replace("INTEGER PRIMARY KEY", "INTEGER").replace("a TEXT NOT", "a TEXT PRIMARY KEY NOT"),
    ),
    "a primary key of two": (
        {"primary_key": ["a", "b"]},
        TABLE.replace("INTEGER PRIMARY KEY", "INTEGER").replace("REFERENCES p -- b's parent", 'REFERENCES p, -- b\'s parent\n  PRIMARY KEY ("a", "b")'),
    ),
    "no primary key": ({"primary_key": []}, line("INTEGER PRIMARY KEY", "INTEGER")),
    "options": ({"options": "STRICT", "retype": {"b": "INTEGER", "c": "INTEGER"}}, TABLE.replace("VARCHAR(10)", "INTEGER").replace("c REF", "c INTEGER REF") + " STRICT"),
    "a column renamed": ({"rename": {"c": "d"}}, TABLE.replace("c REF", "d REF").replace("(a, c)", "(a, d)")),
    "columns that change their names": (
        {"rename": {"a": "c", "c": "a"}},
        TABLE.replace("  a TEXT", "  c TEXT").replace("  c REF", "  a REF").replace("(a, c)", "(c, a)"),
    ),
    "a name that must be quoted": ({"rename": {"c": "order"}}, TABLE.replace("  c REF", '  "order" REF').replace("(a, c)", '(a, "order")')),
    "another case": ({"rename": {"c": "C"}}, TABLE.replace("  c REF", "  C REF").replace("(a, c)", "(a, C)")),
}  # fmt: skip


@pytest.mark.parametrize(("edits", "expected"), EDITS.values(), ids=EDITS)
def test_an_edit_changes_what_it_names_and_not_a_letter_more(edits, expected):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.execute("CREATE TABLE p (id INTEGER PRIMARY KEY)")
        conn.execute(TABLE)
        conn.execute("BEGIN")
        rebuild(conn, "t", **edits)
        assert stored(conn, "t") == expected


ONE_LINE = {
    "a column more": ({"add": ["d"]}, "CREATE TABLE t (a, b TEXT, c, d)"),
    "columns and constraints more": (
        {"add": ["d", "UNIQUE (a)", "e", "CHECK (d)"]},
        "CREATE TABLE t (a, b TEXT, c, d, e, UNIQUE (a), CHECK (d))",
    ),
    "the last less": ({"drop": ["c"]}, "CREATE TABLE t (a, b TEXT)"),
    "the first less": ({"drop": ["a"]}, "CREATE TABLE t (b TEXT, c)"),
    "two less": ({"drop": ["c", "B"]}, "CREATE TABLE t (a)"),
    "one for another": ({"drop": ["c"], "add": ["d INT"]}, "CREATE TABLE t (a, b TEXT, d INT)"),
}


@pytest.mark.parametrize(("edits", "expected"), ONE_LINE.values(), ids=ONE_LINE)
def test_edits_of_a_table_in_one_line_stay_in_that_line(edits, expected):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.executescript("CREATE TABLE t (a, b TEXT, c); BEGIN")
        rebuild(conn, "t", **edits)
        assert stored(conn, "t") == expected


GLUED = {
    "a type": ({"retype": {"x": "REAL"}}, "CREATE TABLE t(x REAL REFERENCES p(id)CHECK(x)DEFAULT(5)NOT NULL,y)"),
    "no type": ({"retype": {"x": None}}, "CREATE TABLE t(x REFERENCES p(id)CHECK(x)DEFAULT(5)NOT NULL,y)"),
    "a default": (
        {"default": {"x": "7"}},
        "CREATE TABLE t(x NUMERIC (10,2)REFERENCES p(id)CHECK(x)DEFAULT 7 NOT NULL,y)",
    ),
    "no default": ({"default": {"x": None}}, "CREATE TABLE t(x NUMERIC (10,2)REFERENCES p(id)CHECK(x)NOT NULL,y)"),
    "no check and no foreign key": (
        {"check": {"x": None}, "foreign_keys": {"x": None}},
        "CREATE TABLE t(x NUMERIC (10,2)DEFAULT(5)NOT NULL,y)",
    ),
    "no clause": (
        {"check": {"x": None}, "foreign_keys": {"x": None}, "default": {"x": None}, "retype": {"x": None}},
        "CREATE TABLE t(x NOT NULL,y)",
    ),
}


@pytest.mark.parametrize(("edits", "expected"), GLUED.values(), ids=GLUED)
def test_words_that_only_a_bracket_kept_apart_stay_apart(edits, expected):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.executescript("CREATE TABLE t(x NUMERIC (10,2)REFERENCES p(id)CHECK(x)DEFAULT(5)NOT NULL,y); BEGIN")
        rebuild(conn, "t", **edits)
        assert stored(conn, "t") == expected


def test_a_comment_never_swallows_what_is_added():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.executescript("CREATE TABLE t (a -- a's\n, b -- b's\n); BEGIN")
        rebuild(conn, "t", add=["c -- c's", "CHECK (c <> a)"])
        assert columns(conn, "t") == ["a", "b", "c"]
        assert stored(conn, "t") == "CREATE TABLE t (a -- a's\n, b, -- b's\n  c,\n  CHECK (c <> a)\n)"


# -- what hangs on it --------------------------------------------------------------------------------------------------


def test_a_renamed_column_has_its_new_name_wherever_it_is_used(conn):
    rebuild(conn, "notes", rename={"parent": "above"}, not_null={"title": False}, retype={"above": "INT"})
    assert "above INT REFERENCES notes (id)" in stored(conn)
    assert stored(conn, "by_parent") == "CREATE INDEX by_parent ON notes (above DESC) WHERE above IS NOT NULL"
    assert stored(conn, "threads") == "CREATE VIEW threads AS SELECT id, above FROM notes WHERE above IS NOT NULL"
    assert "WHEN old.above IS NULL" in stored(conn, "notes_bd")
    assert "UPDATE notes SET above = new.note" in stored(conn, "commented")
    assert conn.execute("SELECT above FROM notes").fetchall() == [(None,), (1,)]


def test_triggers_indexes_and_search_go_on_after_a_rebuild(conn):
    rebuild(conn, "notes", add=["pinned INTEGER NOT NULL DEFAULT 0"])
    conn.execute("INSERT INTO notes (title, body) VALUES ('new', 'another second')")
    assert conn.execute("SELECT rowid FROM notes_fts('second')").fetchall() == [(5,), (10,)]
    conn.execute("DELETE FROM notes WHERE id = 1")
    assert conn.execute("SELECT said FROM log").fetchall() == [("1",)]
    conn.execute("INSERT INTO comments VALUES (3, 10)")
    assert conn.execute("SELECT parent FROM notes WHERE id = 10").fetchall() == [(10,)]
    plan = conn.execute("EXPLAIN QUERY PLAN SELECT id FROM notes WHERE parent = 1").fetchall()[0][3]
    assert "by_parent" in plan


SEARCHED = {
    "rows left out": ({"where": "id <> 5"}, []),
    "words changed": ({"copy": {"body": "upper(body) || ' half'"}}, [(5,)]),
    "ids changed": ({"copy": {"id": "id * 10"}}, [(50,)]),
    "nothing that it reads": ({"copy": {"title": "'second'"}}, [(5,)]),
}


@pytest.mark.parametrize(("change", "expected"), SEARCHED.values(), ids=SEARCHED)
def test_a_search_finds_the_rows_that_are_there(conn, change, expected):
    conn.execute("CREATE VIEW bodies AS SELECT id AS rowid, body FROM notes")
    conn.execute("CREATE VIRTUAL TABLE by_view USING \"fts5\" (body, content = 'Bodies')")
    conn.execute("INSERT INTO by_view (by_view) VALUES ('rebuild')")
    rebuild(conn, "notes", **change)
    for search in ("notes_fts", "by_view"):
        assert conn.execute(f"SELECT rowid FROM {search} ('second')").fetchall() == expected
        conn.execute(f"INSERT INTO {search} ({search}, rank) VALUES ('integrity-check', 1)")


def test_a_trigger_of_this_connection_alone_stays_too(conn):
    conn.execute("CREATE TEMP TABLE seen (x)")
    conn.execute("CREATE TEMP TRIGGER watch AFTER INSERT ON notes BEGIN INSERT INTO seen VALUES (new.id); END")
    before = everything(conn)["temp"]
    rebuild(conn, "notes", add=["pinned"])
    assert everything(conn)["temp"] == before
    conn.execute("INSERT INTO notes (id, body) VALUES (20, '')")
    assert conn.execute("SELECT * FROM seen").fetchall() == [(20,)]


def test_a_temporary_table_of_the_same_name_stands_in_the_way(conn):
    conn.execute("CREATE TEMP TABLE Notes (other)")
    with pytest.raises(UsageError) as failed:
        rebuild(conn, "notes", add=["pinned"])
    assert str(failed.value) == (
        "A temporary table stands before notes: SQLite would take the one for the other. Nothing was changed."
        " Drop the temporary one first."
    )


def test_what_is_named_in_dropping_goes_and_the_rest_stays(conn):
    rebuild(
        conn, "notes", drop=["parent"], dropping=["By_Parent", "threads", "notes_bd", "commented"],
    )  # fmt: skip
    names = {row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")}
    assert names & {"by_parent", "threads", "notes_bd", "commented"} == set()
    assert names >= {"by_size", "notes_ai", "notes_fts", "comments"}
    assert "parent" not in stored(conn)


def test_statistics_of_a_key_that_is_another_now_are_forgotten():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.executescript("CREATE TABLE t (a UNIQUE, b UNIQUE); CREATE INDEX i ON t (a)")
        conn.executescript("INSERT INTO t VALUES (1, 2), (3, 4); ANALYZE; BEGIN")
        rebuild(conn, "t", unique={"a": False})
        assert conn.execute("SELECT idx FROM sqlite_stat1").fetchall() == [("i",)]


def test_statistics_of_a_key_are_forgotten_with_without_rowid():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.executescript("CREATE TABLE t (a PRIMARY KEY, b) WITHOUT ROWID; CREATE INDEX i ON t (b)")
        conn.executescript("INSERT INTO t VALUES (1, 2), (3, 4); ANALYZE; BEGIN")
        assert conn.execute("SELECT idx FROM sqlite_stat1 ORDER BY idx").fetchall() == [("i",), ("t",)]
        rebuild(conn, "t", options="")
        assert conn.execute("SELECT idx FROM sqlite_stat1").fetchall() == [("i",)]


def test_a_table_is_rebuilt_beside_a_view_that_was_broken_before(conn):
    conn.execute("CREATE VIEW odd AS SELECT nowhere FROM notes")
    conn.execute("CREATE TRIGGER odd_too AFTER DELETE ON comments BEGIN DELETE FROM nowhere; END")
    rebuild(conn, "notes", drop=["title"], drop_constraints=["short"])
    assert stored(conn, "odd") == "CREATE VIEW odd AS SELECT nowhere FROM notes"
    assert stored(conn, "odd_too").endswith("DELETE FROM nowhere; END")
    assert columns(conn) == ["id", "body", "size", "parent"]


def test_rows_are_put_one_behind_the_other_whatever_index_would_cover_them(conn):
    seen: list[int] = []
    conn.create_function("seen", 2, lambda id, b: seen.append(id) or b)
    conn.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, b, wide)")
    conn.execute("CREATE INDEX by_b ON t (b)")
    conn.executemany("INSERT INTO t (b, wide) VALUES (?, ?)", [(-number, "x" * 300) for number in range(1000)])
    rebuild(conn, "t", drop=["wide"], copy={"b": "seen(id, b)"})
    assert seen == list(range(1, 1001))


# -- what is refused ---------------------------------------------------------------------------------------------------

SAFE = "The table is as it was."
DROPPING = "Name in dropping= what shall go, and create it anew afterwards where it is wanted."
LOST = {
    "an index, a view and triggers, by the new text": (
        {"sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY, title, body, size)"},
        "The table notes can't be rebuilt so: index by_parent uses parent, which goes; view threads uses parent, which goes;"
        f" trigger notes_bd uses parent, which goes; trigger commented uses parent, which goes. {SAFE} {DROPPING}",
    ),
    "a generated column and more, by an edit": (
        {"drop": ["body"], "dropping": ["notes_ai", "notes_fts"]},
        "The table notes can't be rebuilt so: [size] INTEGER GENERATED ALWAYS AS (length(body)) STORED uses body, which goes;"
        f" index by_size uses body, which goes. {SAFE} Edit or drop each part of the table that does, or give the new CREATE TABLE text. {DROPPING}",
    ),
    "a check": (
        {"drop": ["title"]},
        "The table notes can't be rebuilt so: CONSTRAINT short CHECK (length(title) < 100) uses title, which goes."
        f" {SAFE} Edit or drop each part of the table that does, or give the new CREATE TABLE text.",
    ),
    "a full-text table": (
        {"drop": ["body", "size"], "dropping": ["notes_ai", "by_size"]},
        f"The table notes can't be rebuilt so: table notes_fts: no such column: T.body. {SAFE} {DROPPING}",
    ),
    "a foreign key that points to it": (
        {"sql": "CREATE TABLE notes (number INTEGER PRIMARY KEY, title, body, size, parent)", "dropping": ["by_size", "threads", "notes_ai", "notes_bd", "commented", "notes_fts"],
         "before": "CREATE TABLE other (note REFERENCES notes (id))"},
        f"The table notes can't be rebuilt so: the foreign key of other uses id, which goes. {SAFE} {DROPPING}",
    ),
    "a trigger that counts columns": (
        {"add": ["pinned"], "before": "CREATE TABLE old (a, b, c, d, e); CREATE TRIGGER keep BEFORE DELETE ON notes BEGIN INSERT INTO old SELECT * FROM notes; END"},
        f"The table notes can't be rebuilt so: trigger keep: table old has 5 columns but 6 values were supplied. {SAFE} {DROPPING}",
    ),
    "UPDATE OF a column that goes": (
        {"drop": ["title"], "drop_constraints": ["short"], "before": "CREATE TRIGGER titled AFTER UPDATE OF id, title ON notes BEGIN SELECT 1; END"},
        f"The table notes can't be rebuilt so: trigger titled uses title, which goes. {SAFE} {DROPPING}",
    ),
    "a name in double quotes that would become a text": (
        {"drop": ["title"], "drop_constraints": ["short"], "before": 'CREATE VIEW titles AS SELECT "title" FROM notes'},
        f"The table notes can't be rebuilt so: view titles uses title, which goes. {SAFE} {DROPPING}",
    ),
    "a renamed column that a full-text table reads": (
        {"rename": {"body": "said"}},
        f"The table notes can't be rebuilt so: table notes_fts: no such column: T.body. {SAFE} {DROPPING}",
    ),
    "rows that an aggregate takes together": (
        {"copy": {"title": "max(title)"}},
        "The table notes can't be rebuilt so: of 2 rows 1 would arrive: an expression in copy= takes several together."
        f" {SAFE} Put aggregates such as max() into a subquery.",
    ),
    "rows of a filter that an aggregate takes together": (
        {"copy": {"title": "max(title)"}, "where": "id IN (SELECT id FROM notes WHERE id > 0)"},
        "The table notes can't be rebuilt so: of 2 rows 1 would arrive: an expression in copy= takes several together."
        f" {SAFE} Put aggregates such as max() into a subquery.",
    ),
    "its own name in front of a column": (
        {"table": "odd", "add": ["b"], "before": "CREATE TABLE odd (a CHECK (odd.a > 1))"},
        "The table odd can't be rebuilt so: SQLite can't set the old one aside (error in table embedmig_old_odd after rename: no such column: odd.a)."
        f" {SAFE} A CHECK or an index that says odd.column must say column alone.",
    ),
    "an edit that says more than it should": (
        {"retype": {"title": "TEXT DEFAULT 'x'"}},
        "The table notes can't be rebuilt so: the default of title would be 'x', and is None."
        f" {SAFE} Give the new CREATE TABLE text instead.",
    ),
    "an edit that makes a column": (
        {"check": {"title": "1), more TEXT CHECK (1"}},
        f"The table notes can't be rebuilt so: its columns would be id, title, more, body, size, parent. {SAFE} Give the new CREATE TABLE text instead.",
    ),
    "an edit that swallows a clause": (
        {"retype": {"parent": "INTEGER /*"}},
        f"The table notes can't be rebuilt so: the foreign key to notes would go. {SAFE} Give the new CREATE TABLE text instead.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), LOST.values(), ids=LOST)
def test_what_would_be_lost_is_named_and_everything_stays(conn, change, expected):
    change = dict(change)
    conn.commit()
    conn.executescript(f"{change.pop('before', '')}; BEGIN")
    before = everything(conn)
    with pytest.raises(RebuildFailed) as failed:
        rebuild(conn, change.pop("table", "notes"), **change)
    assert str(failed.value) == expected
    assert conn.in_transaction
    assert everything(conn) == before


WRONG = {
    "no change": ({}, "rebuild() was asked for no change."),
    "two ways at once": ({"sql": NOTES, "drop": ["title"]}, "rebuild() takes the new CREATE TABLE text or small edits, not both."),
    "no such table": ({"table": "note", "drop": ["x"]}, "There is no table note to rebuild."),
    "a view": ({"table": "threads", "drop": ["x"]}, "threads is a view, and can't be rebuilt."),
    "a virtual table": ({"table": "notes_fts", "drop": ["x"]}, "notes_fts is a virtual table, and can't be rebuilt."),
    "a virtual table's own": ({"table": "notes_fts_data", "drop": ["x"]}, "notes_fts_data is kept by SQLite itself, and can't be rebuilt."),
    "SQLite's own": ({"table": "sqlite_stat1", "drop": ["x"]}, "sqlite_stat1 is kept by SQLite itself, and can't be rebuilt."),
    "no such column": ({"drop": ["text"]}, "The table has no column text; it has id, title, body, size, parent."),
    "no such column to rename": ({"rename": {"text": "x"}}, "notes has no column text; it has id, title, body, size, parent."),
    "no such constraint": ({"drop_constraints": ["long"]}, "The table has no constraint named long."),
    "nothing to drop": ({"drop": ["title"], "dropping": ["nothing"]}, "There is no trigger, view, index or full-text table nothing to drop."),
    "a table to drop": ({"drop": ["title"], "dropping": ["comments"]}, "There is no trigger, view, index or full-text table comments to drop."),
    "a text for a list": ({"drop": "title"}, "drop=, add=, drop_constraints= and primary_key= take lists."),
    "dropped and added": ({"drop": ["parent"], "add": ["parent"]}, "parent is dropped and added in one call."),
    "two definitions in one": ({"add": ["a, b"]}, "add= takes one column or constraint in each text: a, b."),
    "copied into nothing": ({"add": ["a"], "copy": {"b": "1"}}, "copy= fills b, and the new table has no such column to write to."),
    "copied into a generated column": ({"add": ["a"], "copy": {"size": "1"}}, "copy= fills size, and the new table has no such column to write to."),
    "the new table in an expression": ({"copy": {"title": "(SELECT max(title) FROM Main.[Notes])"}}, "main.notes in copy= or where= would be the new table, still empty."),
    "a column that isn't there in where": ({"where": '"nope" = 1'}, 'notes has no column "nope", and SQLite would take it for a text.'),
    "a column that isn't there in copy": ({"copy": {"title": 'upper("text")'}}, 'notes has no column "text", and SQLite would take it for a text.'),
    "another table's text": ({"sql": "CREATE TABLE note (id)"}, "The CREATE TABLE text makes note, and notes is to be rebuilt."),
    "another file's table": ({"sql": "CREATE TABLE aux.notes (id)"}, "The CREATE TABLE text makes notes, and notes is to be rebuilt."),
    "a temporary table": ({"sql": "CREATE TEMP TABLE notes (id)"}, "A temporary table can't take the place of one in the file."),
    "a select": ({"sql": "CREATE TABLE notes AS SELECT 1"}, "CREATE TABLE ... AS SELECT says nothing of constraints."),
    "two statements": ({"sql": "CREATE TABLE notes (id); DROP TABLE notes"}, "There is a second statement behind the CREATE TABLE."),
    "no CREATE TABLE": ({"sql": "DROP TABLE notes"}, "The CREATE TABLE text can't be read: DROP in line 1, where CREATE should stand."),
    "nothing in common": ({"table": "log", "sql": "CREATE TABLE log (x PRIMARY KEY) WITHOUT ROWID"}, "No column of the new table is in the old one."),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), WRONG.values(), ids=WRONG)
def test_a_call_that_can_not_be_served_says_why(conn, change, expected):
    before = everything(conn)
    change = dict(change)
    with pytest.raises(UsageError) as failed:
        rebuild(conn, change.pop("table", "notes"), **change)
    assert str(failed.value).startswith(f"{expected} Nothing was changed.")
    assert everything(conn) == before


def test_outside_a_transaction_it_is_refused(conn):
    conn.execute("COMMIT")
    with pytest.raises(UsageError) as failed:
        rebuild(conn, "notes", drop=["title"])
    assert str(failed.value) == (
        "rebuild() needs a transaction: without one a failure would leave half of it. Nothing was changed."
        " Call it in a migration, or begin one."
    )


def test_where_foreign_keys_are_enforced_it_is_refused(conn):
    conn.execute("COMMIT")
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("BEGIN")
    with pytest.raises(UsageError) as failed:
        rebuild(conn, "notes", drop=["title"])
    assert str(failed.value) == (
        "Foreign keys are enforced on this connection, so dropping the old table would delete the rows that point to it."
        " Nothing was changed. Call it in a migration, or switch them off before the transaction begins."
    )
    assert conn.execute("SELECT count(*) FROM comments").fetchone() == (2,)


@pytest.mark.parametrize(
    "change",
    [{"not_null": {"title": True}}, {"unique": {"body": True}, "copy": {"body": "'same'"}}, {"add": ["CHECK (parent > 1)"]}, {"add": ["a, "]}],
    ids=["NOT NULL", "UNIQUE", "CHECK", "syntax"],
)  # fmt: skip
def test_a_row_that_breaks_a_new_rule_leaves_everything_as_it_was(conn, change):
    conn.execute("UPDATE notes SET parent = 1")
    before = everything(conn)
    with pytest.raises((sqlite3.IntegrityError, UsageError)):
        rebuild(conn, "notes", **change)
    assert everything(conn) == before


# -- where it is called ------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "notes.db"
    embedmig.run_migrations(path, [FIRST])
    return path


FIRST = sql(1, f"{NOTES};{AROUND}")


def migrate(path: Path, **change: Any) -> None:
    up = Migration("002_change", 2, "Change", lambda db: rebuild(db, "notes", **change))
    embedmig.Migrator([FIRST, up], strict=True, prepare=enforced).migrate(path)


def enforced(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA foreign_keys = ON")


def test_in_a_migration_children_stay_whatever_the_connection_enforces(path):
    migrate(path, not_null={"title": True}, copy={"title": "coalesce(title, '')"})
    assert query(path, "SELECT * FROM comments") == [(1, 1), (2, 5)]
    assert query(path, "SELECT title FROM notes") == [("one",), ("",)]


def test_in_a_migration_the_error_is_one_sentence_with_its_cure(path):
    before = content(path)
    with pytest.raises(MigrationFailed) as failed:
        migrate(path, drop=["title"])
    assert str(failed.value) == (
        "notes.db: up of 002_change failed: the table notes can't be rebuilt so: CONSTRAINT short CHECK (length(title) < 100)"
        " uses title, which goes [RebuildFailed]. Everything was undone: notes.db is still at version 1."
        " Edit or drop each part of the table that does, or give the new CREATE TABLE text."
    )
    assert isinstance(failed.value.__cause__, RebuildFailed)
    assert failed.value.__cause__.problems == ("CONSTRAINT short CHECK (length(title) < 100) uses title, which goes",)
    assert content(path) == before


def test_in_a_migration_a_row_that_breaks_a_rule_is_shown_with_the_statement(path):
    with pytest.raises(
        MigrationFailed, match=r"NOT NULL constraint failed: notes.title \[SQLITE_CONSTRAINT_NOTNULL\]"
    ) as failed:
        migrate(path, not_null={"title": True})
    assert str(failed.value.statement).startswith(
        'INSERT OR ABORT INTO main."notes" ("id", "title", "body", "parent") SELECT "notes"."id"'
    )


def test_in_a_migration_a_text_that_sqlite_refuses_is_shown(path):
    with pytest.raises(MigrationFailed, match=r"no such collation sequence: NOWHERE") as failed:
        migrate(path, sql=NOTES.replace("NOCASE", "NOWHERE"))
    assert str(failed.value.statement).startswith("CREATE TABLE main.notes (")


def test_a_query_that_is_still_open_is_told_with_its_cure(path):
    def up(db):
        for (id,) in db.execute("SELECT id FROM comments"):
            rebuild(db, "notes", add=[f"more_{id}"])

    with pytest.raises(MigrationFailed, match="database table is locked") as failed:
        embedmig.run_migrations(path, [FIRST, Migration("002_change", 2, "Change", up)])
    assert failed.value.hint.startswith("A query is still open: read it to its end, or close its cursor")


def test_a_migration_that_goes_on_after_a_refusal_has_the_table_as_it_was(path):
    def up(db):
        with pytest.raises(sqlite3.IntegrityError):
            rebuild(db, "notes", not_null={"title": True}, dropping=["by_size"])

    before = content(path, history=False)
    embedmig.Migrator([FIRST, Migration("002_change", 2, "Change", up)], strict=True).migrate(path)
    assert content(path, history=False) == before


def test_a_table_that_was_rebuilt_in_a_migration_that_fails_later_is_as_it_was(path):
    def up(db):
        rebuild(db, "notes", add=["pinned"])
        db.execute("INSERT INTO nowhere VALUES (1)")

    before = content(path)
    with pytest.raises(MigrationFailed):
        embedmig.run_migrations(path, [FIRST, Migration("002_change", 2, "Change", up)])
    assert content(path) == before


def test_a_caller_may_use_it_in_a_transaction_of_sqlite_utils(path):
    with closing(sqlite_utils.Database(path)) as db:
        with db.atomic():
            rebuild(db, "notes", add=["pinned INTEGER NOT NULL DEFAULT 0"])
        assert db.table("notes").columns_dict["pinned"] is int


@pytest.mark.parametrize(
    "factory", [sqlite3.Row, lambda cursor, row: {c[0]: v for c, v in zip(cursor.description, row, strict=True)}]
)
def test_a_callers_row_factory_does_not_matter(conn, factory):
    conn.row_factory = factory
    rebuild(conn, "notes", add=["pinned"])
    conn.row_factory = None
    assert columns(conn)[-1] == "pinned"


def test_legacy_alter_table_is_as_it_was_before(conn):
    for setting in (0, 1):
        conn.execute(f"PRAGMA legacy_alter_table = {setting}")
        rebuild(conn, "notes", add=[f"more_{setting}"])
        assert conn.execute("PRAGMA legacy_alter_table").fetchone() == (setting,)


def test_a_schema_that_came_out_otherwise_is_told_whole(conn):
    """The last look: nothing is known that would lead there, so the plan is made to be wrong."""
    before = things(conn)
    expected = [thing._replace(sql=f"{thing.sql} ") if thing.name == "threads" else thing for thing in before]
    expected = [
        *(thing for thing in expected if thing.name != "log"),
        before[0]._replace(kind="index", name="lost", table=""),
    ]
    seen = procedure.shape(conn, "notes")
    change = procedure.Change("notes", "aside", NOTES, NOTES, seen, seen, {}, None, expected)
    with pytest.raises(RebuildFailed) as failed:
        procedure.carry_out(conn, conn, change)
    assert str(failed.value) == (
        "The table notes can't be rebuilt so: index lost would be gone; table log would appear; view threads would read"
        f" CREATE VIEW threads AS SELECT id, parent FROM notes WHERE parent IS NOT NULL. {SAFE}"
    )
