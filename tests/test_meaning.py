"""Two CREATE statements that mean the same, and two that don't: tables of texts, and any schema written in another way."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from embedmig import meaning
from embedmig.tokens import tokens

SAME = [
    # -- formatting, letter case, quotes
    ("CREATE TABLE notes (id INTEGER, body TEXT)", "create  table Notes(ID integer\n, -- the words\nBODY /* all */ text)"),
    ("CREATE TABLE notes (id, body)", """CREATE TABLE "notes" ([id], `body`)"""),
    ("CREATE TABLE notes (id, body)", "CREATE TABLE 'notes' ('id', 'body')"),
    ("CREATE TABLE t (key, temp, view)", 'CREATE TABLE t ("key", "temp", [view])'),
    ("CREATE TABLE t (a DECIMAL(10, 2))", "CREATE TABLE t (a decimal( 10,2 ))"),
    ("CREATE TABLE t (a DEFAULT x'AB')", "CREATE TABLE t (a DEFAULT X'ab')"),
    ("CREATE TABLE t (a CHECK (a != 1 AND a == 2))", "CREATE TABLE t (a CHECK (a <> 1 AND a = 2))"),
    ("CREATE TABLE t (\ufeffa)", "CREATE TABLE t (a)"),
    ("CREATE INDEX i ON t (a, b)", 'CREATE INDEX "i" ON "t"("a" ASC,[b] asc)'),
    ("CREATE INDEX i ON t (a COLLATE NOCASE)", "CREATE INDEX i ON t ('a' COLLATE nocase)"),
    ("CREATE UNIQUE INDEX i ON t (a) WHERE b IS NULL", "create unique index I on T(A) where B is null"),
    ("CREATE VIEW v AS SELECT a FROM t", 'CREATE VIEW [v] AS\n  -- all\n  select "a" from `T`'),
    (
        "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END",
        "CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW BEGIN\n  SELECT 1;\nEND",
    ),
    ("CREATE VIRTUAL TABLE f USING fts5(a, content=notes)", """CREATE VIRTUAL TABLE "f" USING FTS5 ("a", content='notes')"""),
    # -- the order of constraints, and where they stand
    ("CREATE TABLE t (a NOT NULL DEFAULT 1)", "CREATE TABLE t (a DEFAULT 1 NOT NULL)"),
    ("CREATE TABLE t (a DEFAULT NULL NOT NULL)", "CREATE TABLE t (a NOT NULL DEFAULT NULL)"),
    ("CREATE TABLE t (a DEFAULT -1 COLLATE nocase)", "CREATE TABLE t (a COLLATE nocase DEFAULT - 1)"),
    ("CREATE TABLE t (a NULL)", "CREATE TABLE t (a)"),
    ("CREATE TABLE t (a, b, UNIQUE (a), CHECK (a > b))", "CREATE TABLE t (a, b, CHECK (a > b) UNIQUE (a))"),
    ("CREATE TABLE t (id INTEGER PRIMARY KEY)", "CREATE TABLE t (id INTEGER, PRIMARY KEY (id))"),
    ("CREATE TABLE t (id INTEGER PRIMARY KEY ASC)", "CREATE TABLE t (id INTEGER, PRIMARY KEY ('id' ASC))"),
    (
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL)",
        'CREATE TABLE t (id INTEGER NOT NULL, PRIMARY KEY("id" AUTOINCREMENT))',
    ),
    ("CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE)", "CREATE TABLE t (a, UNIQUE (a) ON CONFLICT REPLACE)"),
    ("CREATE TABLE t (a CONSTRAINT u UNIQUE)", "CREATE TABLE t (a, CONSTRAINT 'u' UNIQUE (a))"),
    ("CREATE TABLE t (a CHECK (a > 0), b)", "CREATE TABLE t (a, b, CHECK (a > 0))"),
    ("CREATE TABLE t (a REFERENCES p (x))", "CREATE TABLE t (a, FOREIGN KEY ('a') REFERENCES 'p' ('x'))"),
    (
        "CREATE TABLE t (a REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE NOT NULL)",
        "CREATE TABLE t (a NOT NULL REFERENCES p ON UPDATE CASCADE ON DELETE SET NULL)",
    ),
    (
        "CREATE TABLE t (a REFERENCES p)",
        "CREATE TABLE t (a REFERENCES p MATCH FULL ON DELETE NO ACTION NOT DEFERRABLE INITIALLY IMMEDIATE)",
    ),
    ("CREATE TABLE t (a, b AS (a) VIRTUAL)", "CREATE TABLE t (a, b GENERATED ALWAYS AS (a))"),
    ("CREATE TABLE t (a TEXT PRIMARY KEY) STRICT, WITHOUT ROWID", "CREATE TABLE t (a TEXT PRIMARY KEY) without rowid, strict"),
    # -- strings in the wrong quotes
    ("CREATE TABLE t (a DEFAULT 'New')", 'CREATE TABLE t (a DEFAULT "New")'),
    ("CREATE TABLE t (a DEFAULT 'new')", "CREATE TABLE t (a DEFAULT new)"),
    ("CREATE TABLE t (a DEFAULT 'it''s')", """CREATE TABLE t (a DEFAULT "it's")"""),
    ("CREATE TABLE t (a CHECK (a IN ('New', 'b')))", """CREATE TABLE t (a CHECK ("a" IN ("New", 'b')))"""),
    ("CREATE TABLE t (a, b AS (a || 'X'))", """CREATE TABLE t (a, b AS ("a" || "X"))"""),
]  # fmt: skip

DIFFERENT = [
    ("CREATE TABLE t (a, b)", "CREATE TABLE t (b, a)"),  # SELECT * and INSERT without names go by it
    ("CREATE TABLE t (a)", "CREATE TABLE t (a, b)"),
    ("CREATE TABLE t (a, b)", 'CREATE TABLE t ("a, b")'),
    ("CREATE TABLE t (a TEXT)", "CREATE TABLE t (a INTEGER)"),
    ("CREATE TABLE t (a É)", "CREATE TABLE t (a é)"),  # only ASCII's letters have a case
    ("CREATE TABLE t (a)", "CREATE TABLE t (a NOT NULL)"),
    ("CREATE TABLE t (a DEFAULT 'New')", "CREATE TABLE t (a DEFAULT 'new')"),
    ("CREATE TABLE t (a DEFAULT New)", "CREATE TABLE t (a DEFAULT new)"),
    ('CREATE TABLE t (a DEFAULT "New")', 'CREATE TABLE t (a DEFAULT "new")'),
    ("CREATE TABLE t (a DEFAULT CURRENT_TIMESTAMP)", 'CREATE TABLE t (a DEFAULT "CURRENT_TIMESTAMP")'),
    ("CREATE TABLE t (a DEFAULT TRUE)", "CREATE TABLE t (a DEFAULT 'TRUE')"),
    ("CREATE TABLE t (a DEFAULT 1)", "CREATE TABLE t (a DEFAULT -1)"),
    ("CREATE TABLE t (a DEFAULT 1)", "CREATE TABLE t (a DEFAULT '1')"),
    ("CREATE TABLE t (a DEFAULT 1)", "CREATE TABLE t (a DEFAULT (1))"),  # two expressions: nobody works them out here
    ("CREATE TABLE t (a CHECK (a = 'x'))", "CREATE TABLE t (a CHECK (a = 'X'))"),
    ('CREATE TABLE t (a CHECK (a = "x"))', 'CREATE TABLE t (a CHECK (a = "X"))'),
    ("CREATE TABLE t (a CHECK (a = 'a b'))", "CREATE TABLE t (a CHECK (a = 'a  b'))"),
    ("CREATE TABLE t (a CHECK (a > 1))", "CREATE TABLE t (a CHECK (a >= 1))"),
    ("CREATE TABLE t (a, b, UNIQUE (a, b))", "CREATE TABLE t (a UNIQUE, b UNIQUE)"),
    ("CREATE TABLE t (a, b, UNIQUE (a, b))", "CREATE TABLE t (a, b, UNIQUE (b, a))"),
    ("CREATE TABLE t (a, b, UNIQUE (a))", "CREATE TABLE t (a, b, UNIQUE (b))"),
    ("CREATE TABLE t (a CONSTRAINT u UNIQUE)", "CREATE TABLE t (a CONSTRAINT w UNIQUE)"),  # errors show it
    ("CREATE TABLE t (a INTEGER PRIMARY KEY DESC)", "CREATE TABLE t (a INTEGER, PRIMARY KEY (a DESC))"),
    ("CREATE TABLE t (a INTEGER PRIMARY KEY)", "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)"),
    ("CREATE TABLE t (a REFERENCES p)", "CREATE TABLE t (a REFERENCES q)"),
    ("CREATE TABLE t (a REFERENCES p)", "CREATE TABLE t (a REFERENCES p ON DELETE CASCADE)"),
    ("CREATE TABLE t (a REFERENCES p ON DELETE CASCADE)", "CREATE TABLE t (a REFERENCES p ON UPDATE CASCADE)"),
    ("CREATE TABLE t (a REFERENCES p)", "CREATE TABLE t (a REFERENCES p DEFERRABLE INITIALLY DEFERRED)"),
    ("CREATE TABLE t (a, b AS (a) STORED)", "CREATE TABLE t (a, b AS (a))"),
    ("CREATE TABLE t (a COLLATE nocase)", "CREATE TABLE t (a COLLATE rtrim)"),
    ("CREATE TABLE t (a TEXT PRIMARY KEY)", "CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID"),
    ("CREATE TABLE t (a TEXT)", "CREATE TABLE t (a TEXT) STRICT"),
    ("CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a DESC)"),
    ("CREATE INDEX i ON t (a)", "CREATE UNIQUE INDEX i ON t (a)"),
    ("CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a) WHERE a > 0"),
    ("CREATE INDEX i ON t (lower(a))", "CREATE INDEX i ON t (upper(a))"),
    ("CREATE VIEW v AS SELECT a FROM t", "CREATE VIEW v AS SELECT b FROM t"),
    ("CREATE VIEW v AS SELECT 'a' FROM t", "CREATE VIEW v AS SELECT a FROM t"),
    ("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END", "CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END"),
    ("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 'x'; END", "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 'X'; END"),
    ("CREATE VIRTUAL TABLE f USING fts5(a)", "CREATE VIRTUAL TABLE f USING fts5(b)"),
    ("CREATE VIRTUAL TABLE f USING fts5(a, tokenize='ascii tokenchars A')", "CREATE VIRTUAL TABLE f USING fts5(a, tokenize='ascii tokenchars a')"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_texts_that_mean_the_same(one: str, other: str) -> None:
    assert meaning.of(one) == meaning.of(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_texts_that_mean_something_else(one: str, other: str) -> None:
    assert meaning.of(one) != meaning.of(other)


@pytest.mark.parametrize("sql", [sql for pair in SAME + DIFFERENT for sql in pair if " p" not in sql])
def test_every_text_of_these_tables_is_one_that_sqlite_takes(sql: str) -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        if "TABLE" not in sql[:30].upper():
            conn.execute("CREATE TABLE t (a, b)")
        conn.execute(sql)


def test_a_table_is_cut_into_head_columns_constraints_and_options() -> None:
    sql = """CREATE TABLE "notes" (
      id INTEGER PRIMARY KEY, -- its number
      title TEXT NOT NULL DEFAULT '' CHECK (length(title) < 80),
      folder REFERENCES folders (id) ON DELETE CASCADE
    ) STRICT"""
    assert [part.text for part in meaning.parts(sql)] == [
        'CREATE TABLE "notes"',
        "id INTEGER",
        "title TEXT NOT NULL DEFAULT ''",
        "folder",
        "CHECK (length(title) < 80)",
        "FOREIGN KEY (folder) REFERENCES folders (id) ON DELETE CASCADE",
        "PRIMARY KEY (id)",
        "STRICT",
    ]


# -- any schema -------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(
    ["id", "Title", "body", "key", "order", "check", "a b", 'say "hi"', "it's", "x]y", "été", "É", "1st", "_", "true"]
)
TYPES = st.sampled_from(["", "INTEGER", "TEXT", "VARCHAR(80)", "DECIMAL(10, 2)", "LONG WORDS", "BLOB"])


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@st.composite
def columns(draw: st.DrawFn) -> list[list[str]]:
    """Columns as [name, type, constraint, ...], each piece one that stays together."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.lower))
    found = []
    for name in names:
        one = quoted(name)
        some = [
            "NOT NULL",
            draw(st.sampled_from(["DEFAULT 1", "DEFAULT -1", "DEFAULT NULL", "DEFAULT 'A b'", "DEFAULT (1 + 2)", "DEFAULT x'Ab'"])),
            "COLLATE NOCASE",
            draw(st.sampled_from(["UNIQUE", "UNIQUE ON CONFLICT IGNORE", 'CONSTRAINT "my own" UNIQUE'])),
            draw(st.sampled_from([f"CHECK ({one} <> 'A')", f"CONSTRAINT c CHECK (({one} + 1) IN (2, 3))"])),
            draw(st.sampled_from(["REFERENCES p", "REFERENCES p (x) ON DELETE SET NULL", "REFERENCES p ON UPDATE SET DEFAULT DEFERRABLE INITIALLY DEFERRED"])),
        ]  # fmt: skip
        found.append([one, draw(TYPES), *draw(st.lists(st.sampled_from(some), max_size=4, unique=True))])
    return found


def table(columns: list[list[str]]) -> str:
    return f"CREATE TABLE t ({', '.join(' '.join(filter(None, column)) for column in columns)})"


def accepted(sql: str) -> bool:
    with closing(sqlite3.connect(":memory:")) as conn:
        try:
            conn.execute(sql)
        except sqlite3.OperationalError:
            return False
        return True


@st.composite
def rewritten(draw: st.DrawFn, sql: str) -> str:
    """The same text with other blanks, comments, letter case and quotes: token by token."""
    blank = st.sampled_from([" ", "\n", "\t  ", " -- a 'comment'\n", "/* , ( */"])
    written = []
    for token in tokens(sql):
        text = token.text
        if text[0] == '"':
            name = text[1:-1].replace('""', '"')
            ways = [text, "`{}`".format(name.replace("`", "``"))] + ([f"[{name}]"] if "]" not in name else [])
            if name in ("id", "Title", "body", "key", "_"):
                ways.append(name)
            text = draw(st.sampled_from(ways))
            text = "".join(draw(st.sampled_from([c, c.swapcase()])) if c.isascii() else c for c in text)
        elif text[0] != "'" and not text.startswith("x'"):
            text = draw(st.sampled_from([text, text.lower(), text.upper()]))
        written.append(text + draw(blank))
    return "".join(written)


@given(columns(), st.data())
def test_any_table_written_in_another_way_means_the_same(found: list[list[str]], data: st.DataObject) -> None:
    sql = table(found)
    assume(accepted(sql))
    shuffled = [[name, type, *data.draw(st.permutations(rest))] for name, type, *rest in found]
    other = data.draw(rewritten(table(shuffled)))
    assert accepted(other)
    assert meaning.of(other) == meaning.of(sql)


@given(columns(), st.data())
def test_any_real_change_of_a_table_means_something_else(found: list[list[str]], data: st.DataObject) -> None:
    sql = table(found)
    at = data.draw(st.integers(0, len(found) - 1))
    column = found[at]
    how = data.draw(st.sampled_from(["drop", "add", "type", "rename", "move", "constraint", "new constraint"]))
    changed = [list(column) for column in found]
    if how == "drop":
        del changed[at]
    elif how == "add":
        changed.insert(at, ['"new"', ""])
    elif how == "type":
        changed[at][1] = data.draw(TYPES.filter(lambda type: type != column[1]))
    elif how == "rename":
        changed[at][0] = '"new"'
    elif how == "move":
        changed.insert(0, changed.pop())
    elif how == "constraint":
        assume(len(column) > 2)
        del changed[at][data.draw(st.integers(2, len(column) - 1))]
    else:
        changed[at].append(
            data.draw(st.sampled_from(["CHECK (1)", "NOT NULL", "UNIQUE ON CONFLICT FAIL", "REFERENCES q"]))
        )
        assume(changed[at][-1] not in column)
    assume(changed and changed != found)
    assert meaning.of(table(changed)) != meaning.of(sql)
