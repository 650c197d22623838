"""`check`: what CI is told of migrations before anybody has them. Each text as it is shown."""

from __future__ import annotations

import importlib.util
import sqlite3
from pathlib import Path

import pytest
from helpers import ROOT, fingerprint, query, sql, write
from test_readme import blocks

import embedmig
from embedmig import Migrator, UsageError, losses
from embedmig.check import check
from embedmig.drift import newest_schema
from embedmig.script import Statement, statements

NOTES = """\
-- migrate:up
CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT);
-- migrate:down
DROP TABLE notes;
"""
MARK = "If that is meant, mark it: -- migrate:up loses_rows:true, in Python loses_rows = True."


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def told(second: str = "", *, name: str = "002_next.sql", third: str | None = None, **more: object) -> list[str]:
    """What is found in a folder `m` with the notes, a second migration and perhaps a third."""
    files = {"001_notes.sql": NOTES} | ({name: second} if second else {}) | ({"003_last.sql": third} if third else {})
    return found(write(Path("m"), **files), **more)


def found(folder: object, **more: object) -> list[str]:
    migrator = folder if isinstance(folder, Migrator) else Migrator(folder)
    return [str(one).replace("m\\", "m/") for one in check(migrator, **more)]


# -- fit ----------------------------------------------------------------------------------------------------------------


def test_of_migrations_that_are_fit_nothing_is_said() -> None:
    assert told("ALTER TABLE notes ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;") == []


def test_of_python_it_is_said_quietly_that_its_sql_was_not_read() -> None:
    assert told("def up(db):\n    db['tags'].create({'id': int})\n", name="002_tags.py") == [
        "note: 002_tags is Python: it was run, and the SQL in it was not read."
    ]


def test_a_python_migration_is_run_up_down_and_up() -> None:
    write(
        Path("m"),
        **{
            "001_a.py": "def up(db):\n    db['t'].create({'x': int})\ndef down(db):\n    db['t'].drop()\n",
            "002_b.py": "def up(db):\n    db['t'].add_column('y', int)\ndef down(db):\n    db['nope'].drop()\n",
        },
    )
    assert found("m") == [
        "m/002_b.py:4: error: down of 002_b fails: no such table: nope.",
        "note: 001_a, 002_b are Python: they were run, and the SQL in them was not read.",
    ]


def test_the_demo_apps_own_migrations_are_fit() -> None:
    import migrations

    assert [one for one in check(Migrator(migrations)) if one.level != "note"] == []


def test_nothing_is_written_and_a_users_file_stays_as_it_is(path: Path) -> None:
    write(Path("m"), **{"001_notes.sql": NOTES})
    embedmig.connect(path, "m/").close()
    before = fingerprint(path)
    assert told("ALTER TABLE notes ADD COLUMN x;", db=str(path)) == []
    assert fingerprint(path) == before
    assert sorted(file.name for file in Path().iterdir()) == ["m", "notes.db"]


# -- names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT titel FROM notes;", "1:8: error: 002_next: unknown column titel. Did you mean title?"),
        ("DELETE FROM note;", "1:13: error: 002_next: unknown table note. Did you mean notes?"),
        ("-- é\n\n  UPDATE notes\n  SET titel = 1;", "4:7: error: 002_next: unknown column titel. Did you mean title?"),
        ("SELECT 1; INSERT INTO notes (bdy) VALUES (1);", "1:30: error: 002_next: unknown column bdy. Did you mean body?"),
        ("CREATE INDEX i ON notes (zzz);", "1:26: error: 002_next: unknown column zzz."),
        ("SELECT 'é', n.bod FROM notes AS n;", "1:15: error: 002_next: unknown column bod. Did you mean body?"),
        ("DROP INDEX nope;", "1:12: error: 002_next: unknown index nope."),
        ("SELEC 1;", '1:1: error: 002_next: near "SELEC": syntax error.'),
        ("INSERT INTO notes VALUES (1);", "1: error: 002_next fails: table notes has 3 columns but 1 values were supplied."),
        ("INSERT INTO notes DEFAULT VALUES;", "1: error: 002_next fails: NOT NULL constraint failed: notes.title."),
    ],
)  # fmt: skip
def test_a_statement_that_can_t_run_is_told_with_its_place(statement: str, says: str) -> None:
    assert told(statement) == [f"m/002_next.sql:{says}"]


def test_every_unknown_name_is_told_at_once() -> None:
    assert told("SELECT titel FROM notes;\nSELECT id,\n  bdy FROM notes;\nSELECT * FROM nots;\n") == [
        "m/002_next.sql:1:8: error: 002_next: unknown column titel. Did you mean title?",
        "m/002_next.sql:3:3: error: 002_next: unknown column bdy. Did you mean body?",
        "m/002_next.sql:4:15: error: 002_next: unknown table nots. Did you mean notes?",
    ]


def test_where_one_name_is_unknown_no_other_is_called_so_by_mistake() -> None:
    """What SQLite has run before is fine, and what it knows beside the schema as well."""
    assert told(
        """\
        CREATE VIEW passing AS SELECT nope FROM notes;
        DROP VIEW passing;
        SELECT titel FROM notes;
        SELECT e.value FROM json_each('[]') AS e, pragma_table_info('notes'), sqlite_stat1;
        """
    ) == ["m/002_next.sql:3:8: error: 002_next: unknown column titel. Did you mean title?"]


def test_a_broken_view_is_told_and_not_its_triggers_as_well() -> None:
    text = "CREATE VIEW v AS SELECT nope FROM notes;\nCREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN SELECT 1; END;"
    assert told(text) == ["m/002_next.sql:1:25: error: 002_next: the view v can't be used: unknown column nope."]


def test_a_generated_column_is_in_no_triggers_way() -> None:
    text = "ALTER TABLE notes ADD COLUMN low TEXT AS (lower(title));\nCREATE TRIGGER u AFTER UPDATE ON notes BEGIN SELECT new.low; END;"
    assert told(text) == []


def test_what_the_migration_itself_has_made_is_known() -> None:
    assert (
        told(
            """\
            CREATE TABLE tags (id, name);
            ALTER TABLE notes ADD COLUMN tag;
            UPDATE notes SET tag = (SELECT name FROM tags);
            ALTER TABLE notes RENAME COLUMN tag TO label;
            CREATE VIEW labels AS SELECT label FROM notes;
            SELECT label FROM labels;
            """
        )
        == []
    )


def test_what_sqlite_knows_beside_the_schema_is_known() -> None:
    assert (
        told(
            """\
            CREATE VIRTUAL TABLE words USING fts5(title, body, content='notes', content_rowid='id');
            INSERT INTO words (words) VALUES ('rebuild');
            CREATE VIEW best AS SELECT rank, bm25(words), highlight(words, 0, '<', '>') FROM words WHERE words MATCH 'x';
            CREATE VIEW parts AS SELECT e.value, notes.rowid FROM notes, json_each(notes.body) AS e;
            CREATE VIEW info AS SELECT name FROM pragma_table_info('notes');
            CREATE VIEW tables AS SELECT name FROM sqlite_schema UNION SELECT name FROM sqlite_master;
            SELECT * FROM words_data;
            """
        )
        == []
    )


def test_a_name_in_the_down_section_is_looked_up_in_the_schema_that_up_has_made() -> None:
    assert told("-- migrate:up\nALTER TABLE notes ADD COLUMN tag;\n-- migrate:down\nALTER TABLE notes DROP COLUMN tga;\n") == [
        "m/002_next.sql:4:31: error: down of 002_next: unknown column tga. Did you mean tag?"
    ]  # fmt: skip


def test_migrations_in_code_are_told_by_their_ids() -> None:
    migrations = (sql(1, "CREATE TABLE t (x)"), sql(2, "SELECT y FROM t"))
    assert found(Migrator(migrations)) == ["error: 002_step: unknown column y."]


def test_without_syntaqlite_the_first_name_is_told_and_that_names_were_not_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "syntaqlite", None)
    assert told("SELECT titel FROM notes;\nSELECT bdy FROM notes;") == [
        "m/002_next.sql:1:8: error: 002_next: unknown column titel. Did you mean title?",
        "note: The names in SQL were not looked up before running it: syntaqlite is not installed. pip install 'embedmig[check]'",
    ]


def test_syntaqlite_is_there_where_these_tests_run() -> None:
    assert importlib.util.find_spec("syntaqlite")


NOTHING = {
    "002_next.sql": ["", "-- Tags.\n", "-- migrate:up\n-- migrate:down\n", "BEGIN;\nCOMMIT;\n"],
    "002_next.py": ["def up(db):\n    pass\n", '"""Tags."""\n\ndef up(db):\n    """Not yet."""\n    return None\n'],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in NOTHING.items() for text in texts])
def test_a_migration_that_does_nothing_is_told(name: str, text: str) -> None:
    """Users would have it, and what is written there later would run on none of their files."""
    said = f"m/{name}: warning: 002_next does nothing. Write it, or take its file away."
    folder = write(Path("m"), **{"001_notes.sql": NOTES, name: text})
    assert [one for one in found(folder) if not one.startswith("note:")] == [said]


def test_of_those_that_users_have_nobody_asks_what_they_do() -> None:
    assert told("-- Taken back before its release.\n", third="CREATE TABLE more (x);") == []


# -- what SQLite stores unread ----------------------------------------------------------------------------------------------


def test_a_trigger_and_a_view_that_can_t_be_used_are_told() -> None:
    """SQLite stores them as they are, and the app's first INSERT would fail."""
    assert told(
        """\
        CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
          UPDATE notes SET titel = new.titel;
        END;
        CREATE VIEW titles AS SELECT titel FROM notes;
        """
    ) == [
        "m/002_next.sql:4:30: error: 002_next: the view titles can't be used: unknown column titel. Did you mean title?",
        "m/002_next.sql:2:32: error: 002_next: the trigger notes_ai can't be used: unknown column titel. Did you mean title?",
    ]


def test_a_trigger_that_stops_an_alter_table_is_told_at_its_own_place() -> None:
    trigger = "CREATE TRIGGER ai AFTER INSERT ON notes BEGIN SELECT new.titel; END;"
    assert told(f"{trigger}\nALTER TABLE notes DROP COLUMN body;") == [
        "m/002_next.sql:1:58: error: 002_next: the trigger ai can't be used: unknown column titel. Did you mean title?"
    ]


def test_a_view_that_an_alter_table_would_break_is_told_where_that_stands() -> None:
    text = "CREATE VIEW v AS SELECT body FROM notes;\nALTER TABLE notes DROP COLUMN body;"
    assert told(text) == [
        "m/002_next.sql:2: error: 002_next fails: error in view v after drop column: no such column: body. "
        "Drop the view v first in the migration, and create it anew where it is wanted."
    ]


def test_a_view_that_another_migration_broke_is_told_once() -> None:
    second = "CREATE VIEW bodies AS SELECT body FROM notes;"
    write(Path("m"), **{"004_more.sql": "CREATE TABLE more (x);"})
    assert told(second, third="DROP TABLE notes; CREATE TABLE notes (id, title);") == [
        "m/003_last.sql: error: After 003_last the view bodies can't be used: no such column: body."
    ]


@pytest.mark.parametrize(
    "trigger",
    [
        "AFTER DELETE ON notes BEGIN DELETE FROM notes WHERE id = old.nope; END",
        "BEFORE UPDATE OF title ON notes BEGIN SELECT new.nope; END",
        "AFTER INSERT ON notes WHEN new.nope > 1 BEGIN SELECT 1; END",
        "INSTEAD OF UPDATE ON titles BEGIN SELECT new.nope; END",
        "INSTEAD OF DELETE ON titles BEGIN SELECT old.nope; END",
    ],
)
def test_a_trigger_of_any_kind_is_tried(trigger: str) -> None:
    text = f"CREATE VIEW titles AS SELECT title FROM notes;\nCREATE TRIGGER t {trigger};"
    column = text.splitlines()[1].index("nope") + 1
    assert told(text) == [
        f"m/002_next.sql:2:{column}: error: 002_next: the trigger t can't be used: unknown column nope."
    ]


def test_of_two_files_of_a_migration_the_broken_one_is_named() -> None:
    write(Path("m"), **{"001_a.up.sql": "CREATE TABLE a (x);", "001_a.down.sql": "\n-- migrate:up\nDROP TABLE a;"})
    assert found("m") == ["m/001_a.down.sql:2: error: this file is all down. Leave the marker out."]


def test_of_triggers_for_one_event_each_that_can_t_be_used_is_told() -> None:
    assert told(
        """\
        CREATE TRIGGER one AFTER INSERT ON notes BEGIN SELECT new.nope; END;
        CREATE TRIGGER two AFTER INSERT ON notes BEGIN SELECT new.title; END;
        CREATE TRIGGER three AFTER INSERT ON notes BEGIN SELECT new.neither; END;
        """
    ) == [
        "m/002_next.sql:1:59: error: 002_next: the trigger one can't be used: unknown column nope.",
        "m/002_next.sql:3:61: error: 002_next: the trigger three can't be used: unknown column neither.",
    ]


def test_a_full_text_table_whose_text_is_gone_is_told() -> None:
    """SQLite looks for it when somebody searches, and not before."""
    second = "CREATE VIRTUAL TABLE found USING fts5 (title, content = notes);"
    assert told(second, third="ALTER TABLE notes RENAME TO pages;") == [
        "m/003_last.sql: error: After 003_last the table found can't be used: no such table: main.notes."
    ]


@pytest.mark.parametrize(
    ("made", "lost"),
    [
        ("CREATE INDEX by_title ON notes (title);", "index by_title on notes"),
        ("CREATE TRIGGER ai AFTER INSERT ON notes BEGIN SELECT 1; END;", "trigger ai on notes"),
    ],
)
def test_what_vanishes_with_a_rebuild_is_an_error_and_the_rest_is_tried_all_the_same(made: str, lost: str) -> None:
    rebuild = """\
        CREATE TABLE n (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT);
        INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes;
        """
    write(Path("m"), **{"004_more.sql": "SELECT zzz FROM notes;"})
    assert told(made, third=rebuild) == [
        f"m/003_last.sql: error: 003_last fails: lost {lost}, which it did not drop by name. "
        "Create it anew in the migration, or drop it by name first.",
        "m/004_more.sql:1:8: error: 004_more: unknown column zzz.",
    ]


# -- up, down and up ----------------------------------------------------------------------------------------------------------


def test_what_follows_a_migration_that_fails_is_not_tried_and_that_is_said() -> None:
    assert told("SELECT nope FROM notes;", third="SELECT nope FROM notes;") == [
        "m/002_next.sql:1:8: error: 002_next: unknown column nope.",
        "note: What follows 002_next can't be tried before that is mended: 003_last.",
    ]


def test_a_down_that_leaves_something_is_a_warning() -> None:
    text = """\
        -- migrate:up
        CREATE TABLE IF NOT EXISTS tags (id);
        CREATE VIEW IF NOT EXISTS v AS SELECT 1;
        -- migrate:down
        DROP TABLE tags;
        """
    assert told(text) == [
        "m/002_next.sql: warning: down of 002_next does not lead back to the schema from before: unexpected: view v. "
        "Let it undo all that up does."
    ]


def test_after_a_down_that_leaves_something_up_fails_and_what_follows_is_tried_all_the_same() -> None:
    text = "-- migrate:up\nCREATE TABLE tags (id);\nCREATE TABLE more (id);\n-- migrate:down\nDROP TABLE tags;\n"
    assert told(text, third="SELECT idd FROM tags;") == [
        "m/002_next.sql: warning: down of 002_next does not lead back to the schema from before: unexpected: table more. "
        "Let it undo all that up does.",
        "m/002_next.sql:3: error: After its down, 002_next fails: table more already exists. "
        "Let down undo all that up does.",
        "m/003_last.sql:1:8: error: 003_last: unknown column idd. Did you mean id?",
    ]


def test_up_after_down_that_makes_something_else_is_an_error() -> None:
    text = """\
        -- migrate:up
        CREATE TABLE IF NOT EXISTS tags (id, name);
        -- migrate:down
        DROP TABLE tags; CREATE TABLE tags (id);
        """
    assert told(text) == [
        "m/002_next.sql: warning: down of 002_next does not lead back to the schema from before: unexpected: table tags. "
        "Let it undo all that up does.",
        "m/002_next.sql: error: 002_next up, down and up again does not make what up alone does: different: table tags. "
        "Let down undo all that up does.",
    ]


def test_what_can_t_be_loaded_is_told_for_each_file() -> None:
    write(
        Path("m"),
        **{
            "001_a.py": "x = 1\n",
            "002_b.sql": "-- migrate:up transction:false\nSELECT 1;\n",
            "003_c.py": "def up(db)\n    pass\n",
            "004_d.sql": "ROLLBACK;",
        },
    )
    assert found("m") == [
        "m/001_a.py: error: 001_a.py has no up(db). Define it: it makes the change.",
        "m/002_b.sql:1: error: unknown option transction:false. "
        "Known: transaction:false, backward_compatible:true, requires_sqlite:3.35, loses_rows:true.",
        "m/003_c.py:1: error: SyntaxError: expected ':'. The migration can't be loaded.",
        "m/004_d.sql:1: error: ROLLBACK would undo the whole run. "
        "Remove it: a migration that fails is undone by embedmig.",
    ]


def test_the_apps_own_functions_are_there() -> None:
    migrations = (sql(1, "CREATE TABLE t (x CHECK (is_fine(x)))"), sql(2, "INSERT INTO t VALUES (1)"))
    assert found(Migrator(migrations, prepare=with_function)) == []
    assert found(Migrator(migrations)) == [
        "error: 001_step fails: no such function: is_fine. Register the app's functions and collations in prepare=.",
        "note: What follows 001_step can't be tried before that is mended: 002_step.",
    ]


def with_function(conn: sqlite3.Connection) -> None:
    conn.create_function("is_fine", 1, lambda _: 1, deterministic=True)


def failing(conn: sqlite3.Connection) -> None:
    conn.execute("SELECT nope")


def test_a_prepare_that_fails_is_told() -> None:
    assert found(Migrator((sql(1, "SELECT 1"),), prepare=failing)) == [
        f"error: prepare() fails: the database: SQLite says: no such column: nope. This is SQLite {sqlite3.sqlite_version}."
    ]


# -- the set --------------------------------------------------------------------------------------------------------------------


def test_of_two_files_with_one_version_the_command_is_named_that_renumbers() -> None:
    write(
        Path("m"),
        **{"001_notes.sql": NOTES, "002_a.sql": "SELECT 1;", "002_b.up.sql": "SELECT 1;", "002_b.down.sql": ""},
    )
    assert found("m") == [
        "m/002_b.up.sql: error: 2 migrations claim version 2: 002_a.sql, 002_b.up.sql and 002_b.down.sql. "
        "Renumber the one that nobody has yet: embedmig renumber 002_b"
    ]


def test_of_two_files_that_are_called_alike_the_command_names_the_file() -> None:
    write(Path("m"), **{"001_notes.sql": NOTES, "002_x.py": "def up(db): ...\n", "002_x.sql": "SELECT 1;"})
    (said,) = found("m")
    assert said.endswith("embedmig renumber 002_x.sql")


def test_a_set_that_is_wrong_otherwise_is_told_as_a_launch_tells_it() -> None:
    write(Path("m"), **{"001_notes.sql": NOTES, "003_a.sql": "SELECT 1;"})
    assert found("m") == [
        "error: Version 2 is missing: 003_a.sql has version 3. "
        "Versions run 1, 2, 3, ... without gaps, unless they are timestamps of ten digits or more."
    ]


# -- what would be lost --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TABLE notes;", "1: warning: 002_next drops the table notes"),
        ("\nALTER TABLE notes DROP COLUMN body;", "2: warning: 002_next drops the column body of notes"),
        ("DELETE FROM notes;", "1: warning: 002_next deletes every row of notes"),
        (
            "CREATE TABLE n (id, title); INSERT INTO n SELECT id, title FROM notes;\nDROP TABLE notes; ALTER TABLE n RENAME TO notes;",
            "2: warning: 002_next rebuilds notes without its column body",
        ),
    ],
)
def test_what_the_newest_migration_loses_is_a_warning(statement: str, what: str) -> None:
    assert told(statement) == [f"m/002_next.sql:{what}, and what users have there is lost. {MARK}"]


def test_what_is_marked_is_meant() -> None:
    assert told("-- migrate:up loses_rows:true\nDROP TABLE notes;") == []


def test_what_users_have_long_had_is_no_matter() -> None:
    """To mark it now would be an edit of what was released."""
    assert told("DROP TABLE notes;", third="CREATE TABLE more (x);") == []


def test_with_a_users_file_all_that_it_lacks_is_new(path: Path) -> None:
    write(Path("m"), **{"001_notes.sql": NOTES})
    embedmig.connect(path, "m/").close()
    lost = f"m/002_next.sql:1: warning: 002_next drops the table notes, and what users have there is lost. {MARK}"
    assert told("DROP TABLE notes;", third="CREATE TABLE more (x);", db=str(path)) == [lost]


def test_python_that_drops_is_told_too_and_python_that_rebuilds_is_not() -> None:
    assert told("def up(db):\n    db['notes'].transform(types={'body': str}, drop={'title'})\n", name="002_t.py")[
        0
    ] == (
        f"m/002_t.py: warning: 002_t rebuilds notes without its column title, and what users have there is lost. {MARK}"
    )
    Path("m/002_t.py").unlink()
    assert len(told("def up(db):\n    db['notes'].transform(rename={'body': 'text'})\n", name="002_u.py")) == 1


BEFORE = {"notes": ["id", "title", "body"], "Tags": ["id", "name"], "odd": ["id", "column"]}


@pytest.mark.parametrize(
    ("script", "lost"),
    [
        ("DROP TABLE IF EXISTS main.[NOTES]", ["drops the table notes"]),
        ("DROP TABLE other; DROP INDEX i; DROP VIEW v; DROP TRIGGER t", []),
        ('ALTER TABLE "notes" DROP "body"', ["drops the column body of notes"]),
        ("ALTER TABLE notes RENAME COLUMN body TO text; ALTER TABLE notes DROP COLUMN text", ["drops the column body of notes"]),
        ("ALTER TABLE notes RENAME TO n; ALTER TABLE n DROP COLUMN body; DROP TABLE n", ["drops the table notes"]),
        ("ALTER TABLE notes ADD COLUMN x; ALTER TABLE notes DROP COLUMN x", []),
        ("CREATE TABLE t (x); INSERT INTO t VALUES (1); DELETE FROM t; DROP TABLE t", []),
        ("DELETE FROM notes WHERE id > 3; DELETE FROM tags LIMIT 3", []),
        ("DELETE FROM Tags", ["deletes every row of Tags"]),
        ("WITH q AS (SELECT 1 WHERE 1), r(delete_, b) AS MATERIALIZED (SELECT 1, 2) DELETE FROM notes", ["deletes every row of notes"]),
        ("WITH q AS (SELECT 1) DELETE FROM notes WHERE id IN q", []),
        ("CREATE TABLE old (id, title, body); INSERT INTO old SELECT * FROM notes; DELETE FROM notes", []),
        ("CREATE TABLE old AS SELECT id, title FROM notes; DELETE FROM notes", ["deletes every row of notes"]),
        # the new table first, and the old one renamed first
        ("CREATE TABLE n (id, title, body); INSERT INTO n SELECT id, title, body FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes", []),
        ("ALTER TABLE notes RENAME TO old; CREATE TABLE notes (id, t, b); INSERT INTO notes (id, t, b) SELECT id, title, body FROM old; DROP TABLE old", []),
        ("ALTER TABLE notes RENAME TO old; CREATE TABLE notes (id); INSERT INTO notes SELECT id FROM old; DROP TABLE old", ["rebuilds notes without its columns title, body"]),
        ("CREATE TABLE n AS SELECT * FROM notes; DROP TABLE notes", []),
        ("CREATE TABLE n (c); INSERT INTO n SELECT count(*) FROM notes; DROP TABLE notes", ["drops the table notes"]),
        ("CREATE TABLE n (id, x); INSERT INTO n SELECT id, title || body FROM notes; DROP TABLE notes", []),
        ("CREATE TABLE n (id, x, y); WITH k AS (SELECT * FROM notes) INSERT INTO n SELECT * FROM k; DROP TABLE notes", []),
        ("CREATE TABLE n (id, x); INSERT INTO n WITH k AS (SELECT id, title FROM notes) SELECT * FROM k; DROP TABLE notes", ["rebuilds notes without its column body"]),
        # by way of a temporary table
        ("CREATE TEMP TABLE b AS SELECT * FROM notes; DROP TABLE notes", ["drops the table notes"]),
        ("CREATE TEMP TABLE b AS SELECT * FROM notes; DROP TABLE notes; CREATE TABLE notes (id, title, body); INSERT INTO notes SELECT * FROM b; DROP TABLE b", []),
        ("CREATE TABLE n (id); INSERT INTO n SELECT id FROM tags WHERE notes > 1; DROP TABLE notes", ["drops the table notes"]),
        # a column that moves to another table
        ("CREATE TABLE bodies (id, body); INSERT INTO bodies SELECT id, body FROM notes; ALTER TABLE notes DROP COLUMN body", []),
        ("ALTER TABLE tags ADD COLUMN body; UPDATE tags SET body = (SELECT body FROM notes WHERE notes.id = tags.id); ALTER TABLE notes DROP COLUMN body", []),
        # a column that is called as the word before it
        ('ALTER TABLE odd DROP COLUMN "column"', ["drops the column column of odd"]),
        ('ALTER TABLE odd DROP "column"', ["drops the column column of odd"]),
        ('ALTER TABLE odd RENAME "column" TO x; ALTER TABLE odd DROP x', ["drops the column column of odd"]),
        ('ALTER TABLE odd DROP "column"; ALTER TABLE odd RENAME COLUMN id TO "column"', ["drops the column column of odd"]),
        ('ALTER TABLE odd RENAME TO "column"; DROP TABLE "column"', ["drops the table odd"]),
        # what is said of another matter
        ("CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM tags; DROP TABLE notes; END", []),
        ("REPLACE INTO notes VALUES (1, 2, 3); UPDATE OR IGNORE notes SET title = 1; PRAGMA user_version = 3; ", []),
        ("drop", []), ("DROP TABLE", []), ("ALTER TABLE", []), ("DELETE FROM", []), ("INSERT INTO", []), ("UPDATE", []), ("CREATE TABLE", []), ("WITH", []),
    ],
)  # fmt: skip
def test_what_statements_lose_is_read_from_their_words(script: str, lost: list[str]) -> None:
    assert [what for _, what in losses.of(list(statements(script)), BEFORE)] == lost


def test_a_loss_is_told_in_the_line_where_the_table_itself_is_dropped() -> None:
    script = "CREATE TEMP TABLE b AS SELECT * FROM notes;\nDROP TABLE notes;\nDROP TABLE b;"
    assert losses.of(list(statements(script)), BEFORE) == [(2, "drops the table notes")]


def test_what_a_function_reads_it_may_well_write_elsewhere() -> None:
    said = [Statement(0, "SELECT id, title FROM notes"), Statement(0, "DROP TABLE notes")]
    assert losses.of(said, BEFORE, read_by_code=True) == [(0, "rebuilds notes without its column body")]


def test_an_index_of_the_words_of_another_table_holds_nothing_of_its_own() -> None:
    text = "CREATE VIRTUAL TABLE words USING fts5(body, content = 'notes', content_rowid = 'id');"
    assert told(text, third="DROP TABLE words;") == []


# -- the newest schema, in the repository ------------------------------------------------------------------------------------------


def test_a_schema_that_is_up_to_date_is_fine_whatever_its_line_ends() -> None:
    folder = write(Path("m"), **{"001_notes.sql": NOTES})
    Path("schema.sql").write_bytes(newest_schema(Migrator(folder)).replace("\n", "\r\n").encode() + b"\r\n")
    assert found(folder, schema="schema.sql") == []


@pytest.mark.parametrize(("change", "line"), [(lambda t: t.replace("body", "text"), 3), (lambda t: t + "\n-- x\n", 4)])
def test_a_schema_that_is_out_of_date_is_told_with_the_line(change, line: int) -> None:
    folder = write(Path("m"), **{"001_notes.sql": NOTES})
    Path("schema.sql").write_text(change(newest_schema(Migrator(folder))), encoding="utf-8")
    assert found(folder, schema="schema.sql") == [
        f"schema.sql:{line}: error: schema.sql is not what the migrations make. embedmig schema --write schema.sql"
    ]


def test_a_schema_that_is_not_there_is_told() -> None:
    assert told(schema="schema.sql") == [
        "schema.sql: error: schema.sql is not there. embedmig schema --write schema.sql"
    ]


# -- a users' file ------------------------------------------------------------------------------------------------------------------


def test_an_edited_migration_is_an_error_against_a_file_that_has_it(path: Path) -> None:
    folder = write(Path("m"), **{"001_notes.sql": NOTES})
    embedmig.connect(path, folder).close()
    write(folder, **{"001_notes.sql": NOTES.replace("body TEXT", "body BLOB")})
    assert found(folder, db=str(path)) == [
        "m/001_notes.sql: error: 001_notes was edited after it was applied to notes.db. "
        "Take the edit back, and make the change in a new migration."
    ]


def test_a_migration_that_comes_late_is_an_error_that_names_the_cure(path: Path) -> None:
    ten = "20240101000000_notes.sql"
    folder = write(Path("m"), **{ten: NOTES, "20240301000000_b.sql": "SELECT 1;"})
    embedmig.connect(path, folder).close()
    write(folder, **{"20240201000000_a.sql": "SELECT 1;"})
    assert found(folder, db=str(path)) == [
        "m/20240201000000_a.sql: error: 20240201000000_a is older than version 20240301000000, which notes.db has, "
        "and would never run there. embedmig renumber 20240201000000_a"
    ]
    assert found(Migrator(folder, out_of_order=True), db=str(path)) == []


def test_a_file_with_migrations_that_are_not_shipped_is_an_error(path: Path) -> None:
    folder = write(Path("m"), **{"001_notes.sql": NOTES, "002_next.sql": "SELECT 1;"})
    embedmig.connect(path, folder).close()
    (folder / "002_next.sql").unlink()
    assert found(folder, db=str(path)) == [
        "error: notes.db is at version 2, but this app knows versions up to 1 (unknown here: 002_next). "
        "Update the app to its newest release."
    ]  # fmt: skip


def test_another_apps_file_is_an_error(path: Path) -> None:
    query(path, "CREATE TABLE songs (x)")
    assert told(db=str(path)) == [
        "error: notes.db is another app's file: it has songs and no history of migrations. Open this app's own file. "
        "(For the developer: a file from before embedmig needs adopts=, detect_version= or a baseline.)"
    ]


def test_a_file_that_is_not_there_is_a_wrong_call() -> None:
    with pytest.raises(UsageError, match=r"^There is no database at nope\.db\. Nothing was changed\. Give the path"):
        told(db="nope.db")
    assert not Path("nope.db").exists()


def test_the_guide_shows_what_is_said() -> None:
    page = (ROOT / "docs" / "check-in-ci.md").read_text(encoding="utf-8")
    for block in blocks(page):
        if block.file:
            write(Path(block.file).parent, **{Path(block.file).name: block.text})
    shown = found("migrations/")
    assert shown and [line for line in shown if line not in page] == []
