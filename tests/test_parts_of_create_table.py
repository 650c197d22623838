"""A CREATE TABLE text cut into its parts: the same parts that SQLite's own grammar finds, each in its place."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
import syntaqlite

from embedmig.create_table import Clause, Column, head, parse, trigger_event
from embedmig.errors import UsageError
from embedmig.tokens import folded, pieces

CLAUSES = [
    "PRIMARY KEY", "PRIMARY KEY ASC", "PRIMARY KEY DESC ON CONFLICT FAIL", "INTEGER PRIMARY KEY AUTOINCREMENT", "INTEGER PRIMARY KEY ASC ON CONFLICT IGNORE AUTOINCREMENT",
    "NOT NULL", "NULL", "NOT NULL ON CONFLICT ROLLBACK", "NULL ON CONFLICT ABORT", "UNIQUE", "UNIQUE ON CONFLICT REPLACE",
    "CHECK (a > (1 + 2))", "CHECK (a <> ')' AND \"a\" <> '' -- )\n)", "CHECK (a IN (SELECT 1)) CHECK (a)",
    "DEFAULT 1", "DEFAULT -1.5e-3", "DEFAULT + 0xFF", "DEFAULT 'it''s'", "DEFAULT x'00ff'", "DEFAULT NULL", "DEFAULT TRUE", "DEFAULT word", 'DEFAULT "quoted"',
    "DEFAULT CURRENT_TIMESTAMP", "DEFAULT (1)", "DEFAULT (datetime('now', '-1 day')) NOT NULL", "DEFAULT .5 UNIQUE",
    "COLLATE NOCASE", "COLLATE \"binary\"", "COLLATE 'rtrim' UNIQUE", "REFERENCES p", "REFERENCES p (x, y)", "REFERENCES \"p\" ON DELETE SET NULL ON UPDATE SET DEFAULT",
    "REFERENCES p ON DELETE CASCADE ON DELETE RESTRICT MATCH FULL ON UPDATE NO ACTION", "REFERENCES p DEFERRABLE", "REFERENCES p NOT DEFERRABLE INITIALLY IMMEDIATE NOT NULL",
    "REFERENCES p (x) DEFERRABLE INITIALLY DEFERRED UNIQUE", "REFERENCES p CHECK (1) NOT DEFERRABLE",
    "GENERATED ALWAYS AS (1)", "AS (b + 1) STORED", "GENERATED ALWAYS AS (b || ')') VIRTUAL NOT NULL", "AS (b) CHECK (a)",
    "CONSTRAINT one CHECK (a) CONSTRAINT \"two\" UNIQUE", "CONSTRAINT alone", "CONSTRAINT one CONSTRAINT two NOT NULL", "CONSTRAINT last_of_all,b CONSTRAINT again",
]  # fmt: skip
TYPES = [
    "",
    "INTEGER",
    "INT",
    "VARCHAR(10)",
    "DECIMAL ( 10 , -2 )",
    "DOUBLE PRECISION",
    "LONG VARCHAR (+5)",
    '"my type"',
    "[a] `b` 'c' d",
    "KEY",
    "ALWAYS ON_",
    "naïve",
]
NAMES = [
    "a",
    '"a b"',
    "[a]",
    "`a``b`",
    "'a''b'",
    "key",
    "action",
    "Straße",
    "_1$",
    '"("',
    "[a,b]",
    '"PRIMARY"',
    "always",
    "rowid",
]
CONSTRAINTS = [
    "PRIMARY KEY (a)", "PRIMARY KEY (a COLLATE NOCASE DESC, b) ON CONFLICT FAIL", "UNIQUE (a)", "UNIQUE ('a', [b] ASC) ON CONFLICT IGNORE", "CHECK (a > 1)",
    "CHECK (a) ON CONFLICT IGNORE", "FOREIGN KEY (a) REFERENCES p", "FOREIGN KEY (a, b) REFERENCES p (x, y) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
    "CONSTRAINT c UNIQUE (a)", "CHECK (a) CHECK (b) UNIQUE (b)", "UNIQUE (a), CONSTRAINT x CHECK (a), CHECK (b)", "CONSTRAINT x FOREIGN KEY (a) REFERENCES p CONSTRAINT y CHECK (b)",
]  # fmt: skip
OPTIONS = ["", "STRICT", "WITHOUT ROWID", "STRICT, WITHOUT ROWID", "without rowid,strict"]
BLANKS = ["\n", "\t ", "/**/", "-- it's (\n", "/* , ) ' */", " \ufeff\r\n"]

TEXTS = [
    *(f"CREATE TABLE t (a {clause}, b)" for clause in CLAUSES),
    *(f"CREATE TABLE t (b, a {clause})" for clause in CLAUSES),
    *(f"CREATE TABLE t (a {type} NOT NULL, b {type}, c {type})" for type in TYPES),
    *(f"CREATE TABLE {name} ({name} TEXT, x {name.replace('key', 'x')})" for name in NAMES),
    *(f"create table t (a, b, {constraint}) {options}" for constraint in CONSTRAINTS for options in OPTIONS),
    *(f"CREATE{blank}TABLE{blank}t{blank}({blank}a{blank}INT{blank},{blank}b{blank}CHECK{blank}({blank}1{blank}){blank}){blank}STRICT{blank}" for blank in BLANKS),
    "CREATE TABLE IF NOT EXISTS main . t (a);", "CREATE TABLE t(a)/* the end",
    "CREATE TABLE t (" + ", ".join(f"c{n} INTEGER NOT NULL DEFAULT ({n})" for n in range(2000)) + ")",
]  # fmt: skip


@pytest.fixture(scope="module")
def grammar():
    with syntaqlite.Syntaqlite() as grammar:
        yield grammar


def theirs(tree: dict[str, Any]) -> list[Any]:
    """The parts that SQLite's own grammar finds, in our words."""
    found: list[Any] = []
    for column in tree["columns"]["children"]:
        name = (
            column["column_name"]["source"].replace("''", "'").replace("``", "`")
        )  # it leaves doubled quotes as they are
        items = [(name, column["type_name"] or "")]
        found += items + said((column["constraints"] or {"children": []})["children"])
    for group in (tree["table_constraints"] or {"children": []})["children"]:
        found += said(group["children"])
    return found


def said(nodes: list[dict[str, Any]]) -> list[Any]:
    found: list[Any] = []
    name = None
    for node in nodes:
        if node["type"] == "ConstraintNameDeclaration":
            name = pieces(node["name"])[0].name  # it leaves the quotes there
            continue
        kind = node["kind"].replace("_", " ")
        columns = [node[key]["children"] for key in ("pk_columns", "fk_columns") if node.get(key)]
        if kind == "DEFERRABLE" and name is None and found and found[-1][0] == "REFERENCES":
            continue  # ours is one with the foreign key that it is about
        found.append((kind, name, *(plain(term) for terms in columns for term in terms)))
        name = None
    return found if name is None else [*found, ("CONSTRAINT", name)]


def plain(term: Any) -> str:
    while isinstance(term, dict):
        term = term.get("column") or term.get("source") or term.get("expr")
    return str(term).strip("'")


def ours(text: str) -> list[Any]:
    parsed = parse(text)
    found: list[Any] = []
    for item in parsed.items:
        if isinstance(item, Column):
            found.append((item.name, text[item.type_start : item.type_end]))
        for clause in item.clauses if isinstance(item, Column) else [item]:
            found.append((clause.kind, clause.name, *clause.columns))
    return found


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:60])
def test_the_parts_are_those_that_sqlites_grammar_finds(grammar, text):
    (tree,) = grammar.parse_raw(text)
    assert ours(text) == theirs(tree)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:60])
def test_sqlite_takes_the_text_or_refuses_it_for_its_meaning_alone(text):
    with closing(sqlite3.connect(":memory:")) as conn:
        try:
            conn.execute(text)
        except sqlite3.OperationalError as error:
            assert "syntax error" not in str(error)
        else:
            names = [
                row[1]
                for row in conn.execute(
                    f"PRAGMA table_xinfo({'t' if head(text).name == 't' else quote(head(text).name)})"
                )
            ]
            assert names == [column.name for column in parse(text).columns]


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:60])
def test_every_part_stands_where_it_is_said_to(text):
    """Each part begins and ends with a token, and with commas between them they are the whole."""
    parsed = parse(text)
    places = {token.start for token in pieces(text)}, {token.end for token in pieces(text)}
    at = parsed.body
    for item in parsed.items:
        assert not [token for token in pieces(text[at : item.start]) if token.text != ","]
        for part in [item, *(item.clauses if isinstance(item, Column) else ())]:
            assert part.start in places[0] and part.end in places[1]
            assert not isinstance(part, Clause) or part.start <= part.body <= part.end
        at = item.end
    assert not pieces(text[at : parsed.close]) and text[parsed.close] == ")"


WRONG = {
    "CREATE TABLE t (a,)": "The CREATE TABLE text can't be read: ) in line 1, where a column should stand.",
    "CREATE TABLE t (a,\n, b)": "The CREATE TABLE text can't be read: , in line 2, where a column should stand.",
    "CREATE TABLE t (a CHECK 1)": "The CREATE TABLE text can't be read: 1 in line 1, where ( should stand.",
    "CREATE TABLE t (a": "The CREATE TABLE text can't be read: its end in line 1, where ) should stand.",
    "CREATE TABLE t (a CHECK (1)": "The CREATE TABLE text can't be read: its end in line 1, where ) should stand.",
    "CREATE TABLE t (a NOT 1)": "The CREATE TABLE text can't be read: 1 in line 1, where NULL should stand.",
    "CREATE TABLE t (a INT 5)": "The CREATE TABLE text can't be read: 5 in line 1, where ) should stand.",
    "CREATE TABLE": "The CREATE TABLE text can't be read: its end in line 1, where a name should stand.",
    "CREATE VIRTUAL TABLE t USING fts5 (a)": "The CREATE TABLE text can't be read: VIRTUAL in line 1, where TABLE should stand.",
    "": "The CREATE TABLE text can't be read: its end in line 1, where CREATE should stand.",
}


@pytest.mark.parametrize(("text", "expected"), WRONG.items())
def test_what_is_no_create_table_is_told_with_its_line(text, expected):
    with pytest.raises(UsageError) as failed:
        parse(text)
    assert failed.value.what() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; END", ("INSERT", [])),
        ("CREATE TRIGGER IF NOT EXISTS main.[delete] BEFORE DELETE ON x BEGIN SELECT 1; END", ("DELETE", [])),
        (
            "create temp trigger /* insert */ 'update' instead of update of a, [b c] on x begin select 1; end",
            ("UPDATE", ["a", "b c"]),
        ),
    ],
)
def test_what_a_trigger_fires_on(text, expected):
    assert trigger_event(text) == expected


def test_names_are_compared_as_sqlite_does():
    assert folded("Straße ÄÖ") == "straße ÄÖ"
    assert folded("ABC_z") == "abc_z"
