"""Is a file's schema what its history should have made? Real files, meddled with by hand."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from helpers import content, fingerprint, query, sql, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedmig import (
    DatabaseDrifted,
    DatabaseTooNew,
    Drift,
    ForeignDatabase,
    HistoryMismatch,
    MigrationFailed,
    Migrator,
    UsageError,
    drift,
)

NOTES = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)"
ONE = sql(1, NOTES)
TWO = sql(2, "CREATE INDEX notes_by_body ON notes (body)")
THREE = sql(3, "CREATE TABLE tags (name TEXT UNIQUE)")
NONE = Drift((), (), (), "")


def made(path: Path, *migrations: object, **policy: object) -> Migrator:
    """A file at the newest version of these migrations."""
    migrator = Migrator(migrations, **policy)
    migrator.migrate(path)
    return migrator


def meddle(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(script)


# -- what is found -----------------------------------------------------------------------------------------------------


def test_a_file_that_only_its_migrations_changed_has_not_drifted(path: Path) -> None:
    found = made(path, ONE, TWO, THREE).drift(path)
    assert found == NONE
    assert not found


def test_what_is_missing_unexpected_and_different_is_named_and_shown(path: Path) -> None:
    migrator = made(path, ONE, TWO, THREE)
    meddle(
        path,
        """
        DROP INDEX notes_by_body;
        ALTER TABLE notes ADD COLUMN color TEXT DEFAULT 'Grey';
        CREATE TABLE "my own" (x);
        CREATE VIEW all_notes AS SELECT * FROM notes;
        """,
    )
    found = migrator.drift(path)
    assert found.missing == ("index notes_by_body",)
    assert found.unexpected == ("table my own", "view all_notes")
    assert found.different == ("table notes",)
    assert found.diff.splitlines() == [
        "missing: index notes_by_body",
        "- CREATE INDEX notes_by_body ON notes (body)",
        "unexpected: table my own",
        '+ CREATE TABLE "my own" (x)',
        "unexpected: view all_notes",
        "+ CREATE VIEW all_notes AS SELECT * FROM notes",
        "different: table notes",
        "  body TEXT NOT NULL",
        "+ color TEXT DEFAULT 'Grey'",
        "  PRIMARY KEY (id)",
    ]
    assert found


def test_a_trigger_is_shown_line_by_line(path: Path) -> None:
    def trigger(table: str) -> str:
        return f"CREATE TRIGGER log AFTER INSERT ON notes BEGIN\n  INSERT INTO {table} VALUES (1);\n  SELECT 1;\nEND"

    migrator = made(path, ONE, sql(2, trigger("tags")))
    meddle(path, f"DROP TRIGGER log; {trigger('tags2')};")
    assert migrator.drift(path).diff.splitlines() == [
        "different: trigger log",
        "  CREATE TRIGGER log AFTER INSERT ON notes BEGIN",
        "- INSERT INTO tags VALUES (1);",
        "+ INSERT INTO tags2 VALUES (1);",
        "  SELECT 1;",
    ]


ALTERED = [
    ("ALTER TABLE notes ADD COLUMN color TEXT", ("table notes",)),
    ("ALTER TABLE notes RENAME COLUMN body TO text", ("index notes_by_body", "table notes")),
    ("ALTER TABLE tags DROP COLUMN hint", ("table tags",)),
    ("DROP INDEX notes_by_body; CREATE INDEX notes_by_body ON notes (body DESC)", ("index notes_by_body",)),
    ("DROP INDEX notes_by_body; CREATE UNIQUE INDEX notes_by_body ON notes (body)", ("index notes_by_body",)),
    ("DROP TABLE tags; CREATE TABLE tags (hint, name TEXT UNIQUE)", ("table tags",)),
    ("DROP TABLE tags; CREATE TABLE tags (name TEXT, hint)", ("table tags",)),
    ("DROP TABLE tags; CREATE VIEW tags AS SELECT 1 AS name, 2 AS hint", ("table tags", "view tags")),
    ("DROP TABLE tags", ("table tags",)),
    ("DROP TABLE notes", ("index notes_by_body", "table notes")),
    ("CREATE TRIGGER odd AFTER INSERT ON notes BEGIN SELECT 1; END", ("trigger odd",)),
]


@pytest.mark.parametrize(("change", "names"), ALTERED)
def test_each_change_by_hand_is_found(path: Path, change: str, names: tuple[str, ...]) -> None:
    migrator = made(path, ONE, TWO, sql(3, "CREATE TABLE tags (name TEXT UNIQUE, hint)"))
    meddle(path, change)
    found = migrator.drift(path)
    assert tuple(sorted({*found.missing, *found.unexpected, *found.different})) == names
    assert found.diff


# -- what is none ------------------------------------------------------------------------------------------------------


def test_a_table_made_by_alter_table_has_not_drifted_from_one_that_was_created_so(path: Path) -> None:
    migrator = made(path, sql(1, "CREATE TABLE Notes (Id INTEGER PRIMARY KEY, Body TEXT DEFAULT 'x', CHECK (Id > 0))"))
    meddle(
        path,
        """
        DROP TABLE notes;
        CREATE TABLE old (id integer primary key, words, gone, check(id > 0));
        ALTER TABLE old DROP COLUMN gone;
        ALTER TABLE old DROP COLUMN words;
        ALTER TABLE old ADD COLUMN bdy text default "x";
        ALTER TABLE old RENAME COLUMN bdy TO 'body';
        ALTER TABLE old RENAME TO notes;
        """,
    )
    assert migrator.drift(path) == NONE


def test_a_table_that_a_tool_rewrote_in_its_own_style_has_not_drifted(path: Path) -> None:
    migrator = made(
        path,
        ONE,
        sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, note INTEGER NOT NULL REFERENCES notes, name TEXT UNIQUE)"),
    )  # fmt: skip
    meddle(
        path,
        """
        DROP TABLE tags;
        CREATE TABLE "tags" (
            "id"	INTEGER,
            "note"	INTEGER NOT NULL,
            "name"	TEXT UNIQUE,
            PRIMARY KEY("id" AUTOINCREMENT),
            FOREIGN KEY("note") REFERENCES "notes"
        );
        """,
    )
    assert migrator.drift(path) == NONE


def test_what_sqlite_keeps_for_itself_is_no_drift(path: Path) -> None:
    migrator = made(
        path,
        sql(
            1, "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE); CREATE VIRTUAL TABLE f USING fts5(x);"
        ),
    )
    meddle(path, "INSERT INTO a (x) VALUES (1); ANALYZE; INSERT INTO f VALUES ('words')")
    assert query(path, "SELECT name FROM sqlite_master WHERE name = 'sqlite_stat1'")
    assert migrator.drift(path) == NONE


def test_a_full_text_index_that_is_gone_or_new_is_named_once_without_what_it_kept_for_itself(path: Path) -> None:
    migrator = made(path, sql(1, "CREATE VIRTUAL TABLE f USING fts5(x)"))
    meddle(path, "DROP TABLE f; CREATE VIRTUAL TABLE mine USING fts5(x)")
    found = migrator.drift(path)
    assert (found.missing, found.unexpected, found.different) == (("table f",), ("table mine",), ())


def test_the_order_in_which_things_were_made_is_no_drift(path: Path) -> None:
    migrator = made(
        path, ONE, sql(2, "CREATE TABLE tags (name TEXT UNIQUE)"), sql(3, "CREATE VIEW v AS SELECT * FROM notes")
    )
    meddle(path, "DROP TABLE tags; DROP VIEW v; DROP TABLE notes; CREATE VIEW v AS SELECT * FROM notes;")
    meddle(path, "CREATE TABLE tags (name TEXT UNIQUE);" + NOTES)
    assert migrator.drift(path) == NONE


def test_the_history_itself_is_no_drift(path: Path) -> None:
    migrator = made(path, ONE)
    meddle(path, "ALTER TABLE _migrations ADD COLUMN later; CREATE INDEX mine ON _migrations (later)")
    assert migrator.drift(path) == NONE


def test_an_index_of_a_very_old_sqlite_says_desc_and_is_not(path: Path) -> None:
    """Schema format 1 ignores DESC (https://sqlite.org/fileformat2.html#schemaformat): the texts agree, the files don't."""
    migrator = made(path, ONE, sql(2, "CREATE INDEX newest ON notes (id DESC)"))
    bytes_ = bytearray(path.read_bytes())
    bytes_[44:48] = (1).to_bytes(4, "big")
    path.write_bytes(bytes_)
    assert migrator.drift(path).diff.splitlines() == [
        "different: index newest",
        "- -- index (id desc binary)",
        "+ -- index (id binary)",
    ]


# -- any schema, by hypothesis ---------------------------------------------------------------------------------------------

TABLES = st.lists(
    st.lists(st.sampled_from(["a INTEGER", "b TEXT NOT NULL", "c DEFAULT 'X'", "d UNIQUE", "e CHECK (e > 0)", 'f REFERENCES t0 ("id")']), unique=True, max_size=4),
    min_size=1, max_size=3,
)  # fmt: skip
REWRITES = (
    str.upper, str.lower, lambda s: s.replace(" ", "\n\t"), lambda s: s.replace(",", " /* , */ ,"),
    lambda s: s.replace("(id ", "([ID] "), lambda s: s.replace('"id"', "`Id`"),
)  # fmt: skip
MUTATIONS = (
    "ALTER TABLE t0 ADD COLUMN new", "ALTER TABLE t0 RENAME COLUMN id TO ident", "DROP TABLE t0", "CREATE INDEX i ON t0 (id)",
    "CREATE TRIGGER r AFTER INSERT ON t0 BEGIN SELECT 1; END", "CREATE VIEW v AS SELECT 1", "ALTER TABLE t0 RENAME TO t9",
)  # fmt: skip


def texts(tables: list[list[str]]) -> list[str]:
    return [
        f"CREATE TABLE t{i} ({', '.join(['id INTEGER PRIMARY KEY', *columns])})" for i, columns in enumerate(tables)
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, st.sampled_from(REWRITES))
def test_any_schema_written_in_another_way_has_not_drifted(
    path: Path, tables: list[list[str]], rewrite: object
) -> None:
    path.unlink(missing_ok=True)
    migrator = made(path, sql(1, ";".join(texts(tables))), backups=0)
    again = ";".join(rewrite(text) if "'X'" not in text else text for text in reversed(texts(tables)))
    meddle(path, ";".join(f"DROP TABLE t{i}" for i in range(len(tables))) + ";" + again)
    assert migrator.drift(path) == NONE


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, st.sampled_from(MUTATIONS))
def test_any_schema_that_was_changed_has_drifted(path: Path, tables: list[list[str]], mutation: str) -> None:
    path.unlink(missing_ok=True)
    migrator = made(path, sql(1, ";".join(texts(tables))), backups=0)
    meddle(path, mutation)
    assert migrator.drift(path)


# -- what is replayed --------------------------------------------------------------------------------------------------------


def test_only_what_is_applied_is_replayed(path: Path) -> None:
    made(path, ONE, TWO)
    assert Migrator([ONE, TWO, THREE]).drift(path) == NONE


def test_prepare_runs_first_on_the_database_in_memory(path: Path) -> None:
    def prepare(conn: sqlite3.Connection) -> None:
        conn.create_function("shout", 1, lambda text: f"{text}!", deterministic=True)

    text = "CREATE TABLE t (a, b AS (shout(a)), CHECK (shout(a) <> '!')); CREATE INDEX i ON t (shout(a)) WHERE shout(a) > ''; INSERT INTO t VALUES (shout('a'))"
    migrator = made(path, sql(1, text), prepare=prepare)
    assert migrator.drift(path) == NONE
    with pytest.raises(MigrationFailed, match="no such function: shout"):
        Migrator([sql(1, text)]).drift(path)


def test_python_migrations_run_on_tables_without_rows(path: Path) -> None:
    def up(db: object, progress: object) -> None:
        for (id,) in progress(db.execute("SELECT id FROM notes").fetchall()):
            db.execute(f"CREATE TABLE note_{id} (x)")
        db["tags"].create({"name": str})

    from embedmig import Migration

    made(path, ONE)
    query(path, "INSERT INTO notes VALUES (7, '')")
    migrator = made(path, ONE, Migration("002_tags", 2, "Tags", up))
    assert migrator.drift(path).unexpected == ("table note_7",)  # it depends on rows, which no history can tell


def test_migrations_outside_a_transaction_are_replayed_too(path: Path) -> None:
    migrator = made(
        path, ONE, sql(2, "VACUUM; PRAGMA journal_mode = WAL; CREATE TABLE b (x)", transactional=False), THREE
    )
    assert migrator.drift(path) == NONE


@pytest.mark.parametrize("atomic", ["run", "migration"])
def test_a_replay_is_no_run_of_the_files_own(path: Path, caplog: pytest.LogCaptureFixture, atomic: str) -> None:
    """It says nothing in the log, warns of nothing, and does not touch the file."""
    rebuild = "DROP TABLE notes; CREATE TABLE notes (id INTEGER PRIMARY KEY)"  # the index goes with it, unnamed
    migrator = made(path, ONE, TWO, sql(3, rebuild), atomic=atomic)
    before = fingerprint(path)
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "embedmig"):
        assert migrator.drift(path) == NONE
        assert Migrator(migrator.migrations, strict=True).drift(path) == NONE
    assert caplog.records == []
    assert fingerprint(path) == before


def test_late_migrations_are_replayed_in_the_order_in_which_they_ran(path: Path) -> None:
    add = [sql(n, f"ALTER TABLE notes ADD COLUMN c{n}") for n in (2_000_000_002, 2_000_000_003)]
    first = sql(2_000_000_001, NOTES)
    made(path, first, add[1])
    query(path, "UPDATE _migrations SET applied_at = '2024-01-01T00:00:00.000Z'")
    migrator = made(path, first, *add, out_of_order=True)
    assert [row[1] for row in query(path, "PRAGMA table_info(notes)")][2:] == ["c2000000003", "c2000000002"]
    assert migrator.drift(path) == NONE
    assert Migrator([first, *add]).drift(path).different == ("table notes",)


def test_a_baseline_counts_as_applied(path: Path) -> None:
    meddle(path, "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
    migrator = Migrator([ONE, TWO])
    migrator.baseline(path, 1)
    assert migrator.drift(path).diff.splitlines() == [
        "different: table notes",
        "  id INTEGER",
        "- body TEXT NOT NULL",
        "+ body TEXT",
        "  PRIMARY KEY (id)",
    ]


# -- questions don't write -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["a path", "a connection", "in a transaction"])
def given_as(request: pytest.FixtureRequest, path: Path) -> Iterator[object]:
    if request.param == "a path":
        yield lambda: path
        return
    with closing(sqlite3.connect(path)) as conn:
        if request.param == "in a transaction":
            conn.execute("BEGIN")
        yield lambda: conn


def test_a_path_and_a_connection_are_answered_alike(path: Path, given_as: object) -> None:
    migrator = made(path, ONE, TWO)
    meddle(path, "DROP INDEX notes_by_body")
    assert migrator.drift(given_as()).missing == ("index notes_by_body",)


def test_a_callers_factories_and_settings_are_no_matter_and_stay(path: Path) -> None:
    migrator = made(path, ONE, TWO)
    with closing(sqlite3.connect(path)) as conn:
        conn.row_factory, conn.text_factory = sqlite3.Row, bytes
        assert migrator.drift(conn) == NONE
        assert (conn.row_factory, conn.text_factory) == (sqlite3.Row, bytes)
        assert not conn.in_transaction


def test_what_the_asking_process_can_t_run_is_compared_all_the_same(path: Path) -> None:
    """A collation of the app's, a view of a table that isn't there, a virtual table of a module that nobody loaded."""

    def prepare(conn: sqlite3.Connection) -> None:
        conn.create_collation("mine", lambda a, b: (a > b) - (a < b))

    text = "CREATE TABLE t (a COLLATE mine UNIQUE); CREATE INDEX i ON t (a COLLATE mine); CREATE VIEW v AS SELECT 1 FROM nowhere"
    migrator = made(path, sql(1, text), prepare=prepare)
    assert migrator.drift(path) == NONE
    module = "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 0, 'CREATE VIRTUAL TABLE x USING nowhere(a)')"
    meddle(path, f"PRAGMA writable_schema = ON; {module};")
    assert migrator.drift(path).unexpected == ("table x",)


def test_names_from_the_file_are_safe_on_a_terminal(path: Path) -> None:
    migrator = made(path, ONE)
    meddle(path, 'CREATE TABLE "a\x1b[31m\nb" (x)')
    found = migrator.drift(path)
    assert found.unexpected == ("table a\\x1b[31m\\nb",)
    assert "\x1b" not in found.diff


def test_a_read_only_file_is_looked_at_and_not_one_byte_changes(path: Path) -> None:
    migrator = made(path, ONE, TWO)
    meddle(path, "DROP INDEX notes_by_body")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    before = fingerprint(path)
    try:
        assert migrator.drift(path).missing == ("index notes_by_body",)
    finally:
        path.parent.chmod(0o755)
    assert fingerprint(path) == before
    assert [p.name for p in path.parent.iterdir()] == ["notes.db"]


def test_an_absent_file_and_an_empty_one_have_not_drifted(path: Path) -> None:
    assert Migrator([ONE]).drift(path) == NONE
    assert not path.exists()
    path.touch()
    assert Migrator([ONE]).drift(path) == NONE
    assert path.stat().st_size == 0


# -- what can't be said ---------------------------------------------------------------------------------------------------------


def test_a_file_without_history_is_no_drift_and_no_match(path: Path) -> None:
    meddle(path, NOTES)
    with pytest.raises(ForeignDatabase, match=r"it has notes and no history"):
        Migrator([ONE]).drift(path)
    with pytest.raises(UsageError) as caught:
        Migrator([ONE], detect_version=lambda conn: 1).drift(path)
    assert str(caught.value) == (
        "notes.db has no history yet, so nobody can say which schema it should have. Nothing was changed."
        " Migrate it, or give it a baseline, first."
    )


def test_a_file_too_new_has_migrations_that_this_build_can_t_replay(path: Path) -> None:
    made(path, ONE, sql(2, "CREATE TABLE b (x)", backward_compatible=True))
    older = Migrator([ONE])
    older.connect(path).close()  # it may use the file
    with pytest.raises(DatabaseTooNew, match="unknown here: 002_step"):
        older.drift(path)


def test_a_migration_that_was_removed_can_t_be_replayed(path: Path) -> None:
    made(path, ONE, TWO)
    with pytest.raises(HistoryMismatch, match="002_step is applied but not shipped"):
        Migrator([ONE, sql(2, "CREATE TABLE x (y)", name="other")]).drift(path)


def test_a_replay_that_fails_says_so_and_that_nothing_was_changed(path: Path) -> None:
    made(path, ONE, TWO)
    before = content(path)
    with pytest.raises(MigrationFailed) as caught:
        Migrator([ONE, sql(2, "CREATE INDEX x ON nowhere (y)")]).drift(path)
    assert str(caught.value) == (
        "notes.db: up of 002_step failed: no such table: main.nowhere [SQLITE_ERROR]."
        " Statement: CREATE INDEX x ON nowhere (y)\n"
        "That was in memory, to see which schema comes of it: nothing was changed."
    )
    assert caught.value.data_is_safe
    assert content(path) == before


# -- status ------------------------------------------------------------------------------------------------------------------------


def test_status_shows_the_drift_where_it_is_asked_for(path: Path) -> None:
    migrator = made(path, ONE, TWO)
    meddle(path, "DROP INDEX notes_by_body")
    assert migrator.status(path).drift is None
    shown = migrator.status(path, drift=True)
    assert shown.drift == migrator.drift(path)
    assert shown.version == 2
    assert shown.warnings == ()


def test_status_answers_where_the_drift_can_t_be_told(path: Path) -> None:
    made(path, ONE, TWO)
    shown = Migrator([ONE]).status(path, drift=True)
    assert (shown.version, shown.unknown, shown.drift) == (2, ("002_step",), None)
    assert shown.warnings == (
        "whether its schema has drifted can't be told: notes.db is at version 2, but this app knows versions up to 1"
        " (unknown here: 002_step). Nothing was changed. Update the app to its newest release.",
    )


# -- strict --------------------------------------------------------------------------------------------------------------------------


def test_strict_refuses_to_migrate_a_drifted_file_and_leaves_every_byte(path: Path) -> None:
    made(path, ONE, TWO)
    meddle(path, "DROP INDEX notes_by_body; CREATE TABLE mine (x); ALTER TABLE notes ADD COLUMN y")
    before = fingerprint(path)
    strict = Migrator([ONE, TWO, THREE], strict=True)
    with pytest.raises(DatabaseDrifted) as caught:
        strict.migrate(path)
    assert str(caught.value) == (
        "notes.db does not have the schema of version 2 that its history should have made"
        " (missing: index notes_by_body; unexpected: table mine; different: table notes)."
        " Nothing was changed. Restore a backup, or put the schema right: the diff of its drift shows what to change."
    )
    assert caught.value.drift == strict.drift(path)
    assert (caught.value.path, caught.value.version) == (str(path), 2)
    with pytest.raises(DatabaseDrifted):
        strict.connect(path)
    with pytest.raises(DatabaseDrifted):
        strict.rehearse(path)
    with closing(sqlite3.connect(path)) as conn, pytest.raises(DatabaseDrifted):
        strict.migrate(conn)
    assert fingerprint(path) == before
    assert [p.name for p in path.parent.iterdir()] == ["notes.db"]  # no backup either


def test_without_strict_a_drifted_file_is_migrated(path: Path) -> None:
    made(path, ONE, TWO)
    meddle(path, "DROP INDEX notes_by_body")
    assert made(path, ONE, TWO, THREE).status(path).current


def test_strict_migrates_a_file_that_has_not_drifted(path: Path) -> None:
    made(path, ONE, TWO, strict=True)
    assert Migrator([ONE, TWO, THREE], strict=True).migrate(path).after == 3


def test_strict_opens_a_drifted_file_on_which_nothing_is_pending(path: Path) -> None:
    """There is nothing to migrate: whoever wants to know asks for drift."""
    made(path, ONE, TWO)
    meddle(path, "DROP INDEX notes_by_body")
    strict = Migrator([ONE, TWO], strict=True)
    strict.connect(path).close()
    assert strict.migrate(path).ran == ()


def test_strict_lets_a_migration_be_completed_that_stopped_halfway(path: Path) -> None:
    made(path, ONE)
    broken = "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)"
    with pytest.raises(MigrationFailed):
        Migrator([ONE, sql(2, broken, transactional=False)], strict=True).migrate(path)
    assert Migrator([ONE, sql(2, broken, transactional=False)]).drift(path).unexpected == ("table half",)
    mended = "CREATE TABLE IF NOT EXISTS half (x)"
    assert Migrator([ONE, sql(2, mended, transactional=False)], strict=True).migrate(path).after == 2


def test_strict_names_an_edited_migration_before_the_drift_that_it_makes(path: Path) -> None:
    made(path, ONE)
    with pytest.raises(HistoryMismatch, match="001_step was edited after it was applied"):
        Migrator([sql(1, NOTES.replace("body", "text")), TWO], strict=True).migrate(path)


# -- the newest schema ------------------------------------------------------------------------------------------------------------------


def test_the_newest_schema_is_a_text_for_review(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "m",
        **{
            "001_a.sql": """\
                CREATE TABLE notes (
                  id INTEGER PRIMARY KEY, -- its number
                  body TEXT
                );
                CREATE VIEW zz AS SELECT 1;
                CREATE VIEW all_notes AS SELECT * FROM zz, notes;
                CREATE TRIGGER z AFTER INSERT ON notes BEGIN SELECT 1; END;
                CREATE INDEX y ON notes (body);
                CREATE INDEX x ON notes (body);
                CREATE TRIGGER w INSTEAD OF INSERT ON all_notes BEGIN SELECT 1; END;
                """,
            "002_b.py": 'def up(db):\n    db.execute("CREATE VIRTUAL TABLE Files USING fts5(x)")\n',
        },
    )
    text = drift.newest_schema(Migrator(str(folder)))
    assert text == (
        "-- Version 2\n"
        "\nCREATE VIRTUAL TABLE Files USING fts5(x);\n"
        "\nCREATE TABLE notes (\n  id INTEGER PRIMARY KEY, -- its number\n  body TEXT\n);\n"
        "\nCREATE INDEX x ON notes (body);\n"
        "\nCREATE INDEX y ON notes (body);\n"
        "\nCREATE TRIGGER z AFTER INSERT ON notes BEGIN SELECT 1; END;\n"
        "\nCREATE VIEW all_notes AS SELECT * FROM zz, notes;\n"
        "\nCREATE TRIGGER w INSTEAD OF INSERT ON all_notes BEGIN SELECT 1; END;\n"
        "\nCREATE VIEW zz AS SELECT 1;\n"
    )
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(text)  # it is a script, too


def test_a_comment_at_the_end_of_an_object_does_not_swallow_its_semicolon() -> None:
    text = drift.newest_schema(Migrator([sql(1, "CREATE VIEW a AS SELECT 1 -- one"), sql(2, "CREATE TABLE b (x)")]))
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(text)
        assert len(conn.execute("SELECT 1 FROM sqlite_master").fetchall()) == 2
