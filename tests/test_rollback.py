"""A rollback is planned before anything runs, backed up, and done in one transaction, newest first; or not at all."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils
from helpers import content, fingerprint, query, sql, write

import embedmig
from embedmig import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseTooNew,
    ForeignDatabase,
    ForeignKeyViolations,
    HistoryMismatch,
    IrreversibleMigration,
    Migration,
    MigrationCancelled,
    MigrationFailed,
    Migrator,
    TransactionBroken,
    UsageError,
)

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)", "DROP TABLE notes")
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)", "DROP TABLE tags")
THREE = sql(3, "ALTER TABLE notes ADD COLUMN pinned INTEGER", "ALTER TABLE notes DROP COLUMN pinned")
ALL = [ONE, TWO, THREE]


def up_of_4(db):
    db["notes"].transform(rename={"text": "body"})


def down_of_4(db):
    db["notes"].transform(rename={"body": "text"})


PYTHON = Migration("004_rename", 4, "rename text", up_of_4, down_of_4)


@pytest.fixture
def at_3(path):
    """A file at version 3, with a note in it."""
    Migrator(ALL).migrate(path)
    query(path, "INSERT INTO notes (text, pinned) VALUES ('first', 1)")
    return path


def history(path: Path) -> list[object]:
    return [row[0] for row in query(path, "SELECT id FROM _migrations ORDER BY version")]


def unchanged(path: Path, before: str) -> bool:
    """Is every byte as it was, and nothing left beside the file?"""
    return fingerprint(path) == before and [entry.name for entry in path.parent.glob("notes.db*")] == ["notes.db"]


# -- what it does ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "ran", "left"),
    [
        (3, (), ["001_step", "002_step", "003_step"]),
        (2, ("003_step",), ["001_step", "002_step"]),
        (1, ("003_step", "002_step"), ["001_step"]),
        (0, ("003_step", "002_step", "001_step"), []),
    ],
)
def test_the_downs_run_newest_first_until_the_asked_for_version_remains(at_3, to, ran, left):
    report = Migrator(ALL).rollback(at_3, to=to)
    assert (report.path, report.before, report.after, report.ran) == (str(at_3), 3, to, ran)
    assert history(at_3) == left
    tables = [row[0] for row in query(at_3, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    assert tables == ["_migrations", *["notes", "tags"][: min(to, 2)]]


def test_what_is_rolled_back_leaves_the_file_as_the_older_app_made_it(tmp_path):
    older, newer = tmp_path / "older.db", tmp_path / "newer.db"
    Migrator([ONE, TWO]).migrate(older)
    Migrator([*ALL, PYTHON]).migrate(newer)
    for path in (older, newer):
        query(path, "INSERT INTO notes (id) VALUES (7)")
    Migrator([*ALL, PYTHON]).rollback(newer, to=2)
    assert query(newer, "SELECT name, type FROM pragma_table_info('notes')") == query(
        older, "SELECT name, type FROM pragma_table_info('notes')"
    )
    assert content(newer)["notes"] == content(older)["notes"] == [(7, None)]
    with embedmig.open(newer, [ONE, TWO]) as db:
        assert db["notes"].count == 1


def test_version_0_leaves_an_empty_file_with_its_history_table(at_3):
    Migrator(ALL).rollback(at_3, to=0)
    assert content(at_3)["_migrations"] == []
    status = Migrator(ALL).status(at_3)
    assert (status.version, status.applied, len(status.pending)) == (0, (), 3)


@pytest.mark.parametrize("to", [0, 1, 2])
def test_the_next_launch_migrates_it_up_again(at_3, to):
    schema = content(at_3)["schema"]
    Migrator(ALL).rollback(at_3, to=to)
    assert Migrator(ALL).migrate(at_3).ran == tuple(f"00{n}_step" for n in range(to + 1, 4))
    assert sorted(content(at_3)["schema"]) == sorted(schema)
    assert history(at_3) == ["001_step", "002_step", "003_step"]


@pytest.mark.parametrize("to", [0, 1, 2])
def test_the_backup_that_is_made_first_brings_everything_back(at_3, to):
    before = content(at_3)
    report = Migrator(ALL).rollback(at_3, to=to)
    assert report.backup == f"{at_3}.v0003.bak"
    assert Migrator(ALL).restore(at_3, report.backup).after == 3
    assert content(at_3) == before


def test_there_is_nothing_to_do_for_the_version_that_the_file_has(at_3):
    before = fingerprint(at_3)
    report = Migrator(ALL).rollback(at_3, to=3)
    assert (report.before, report.after, report.ran, report.backup) == (3, 3, (), None)
    assert unchanged(at_3, before)


@pytest.mark.parametrize("opened", [sqlite3.connect, sqlite_utils.Database], ids=["Connection", "Database"])
def test_an_open_connection_is_rolled_back_and_keeps_its_settings(at_3, opened):
    with closing(opened(at_3)) as db:
        conn = getattr(db, "conn", db)
        conn.execute("PRAGMA foreign_keys = ON")
        report = Migrator(ALL).rollback(db, to=1)
        assert (report.path, report.ran) == (str(at_3), ("003_step", "002_step"))
        assert conn.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert conn.execute("SELECT * FROM notes").fetchall() == [(1, "first")]
        assert not conn.in_transaction


def test_a_database_in_memory_is_rolled_back_without_a_backup():
    with closing(sqlite3.connect(":memory:")) as conn:
        Migrator(ALL).migrate(conn)
        report = Migrator(ALL).rollback(conn, to=1)
        assert (report.path, report.backup, report.after) == (None, None, 1)


def test_downs_are_found_in_sql_sections_in_files_of_their_own_and_in_python(tmp_path, path):
    shipped = write(
        tmp_path / "migrations",
        **{
            "001_notes.sql": """\
                -- migrate:up
                CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
                INSERT INTO notes (text) VALUES ('a; b'), ('c');
                -- migrate:down
                DROP TABLE notes;
                """,
            "002_tags.up.sql": "CREATE TABLE tags (id INTEGER PRIMARY KEY); CREATE INDEX by_id ON tags (id);",
            "002_tags.down.sql": "DROP INDEX by_id; DROP TABLE tags;",
            "003_upper.py": """\
                def up(db):
                    db.execute("UPDATE notes SET text = upper(text)")

                def down(db, progress):
                    for row in progress(list(db["notes"].rows)):
                        db["notes"].update(row["id"], {"text": row["text"].lower()})
                """,
        },
    )
    migrator = Migrator(shipped)
    migrator.migrate(path)
    assert migrator.rollback(path, to=2).ran == ("003_upper",)
    assert query(path, "SELECT text FROM notes") == [("a; b",), ("c",)]
    assert migrator.rollback(path, to=1).ran == ("002_tags",)
    assert migrator.rollback(path, to=0).ran == ("001_notes",)
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name IN ('notes', 'tags', 'by_id')") == [(0,)]


def test_migrations_that_ran_late_are_rolled_back_in_the_order_of_their_versions(path):
    Migrator([ONE]).migrate(path)
    early, late = (sql(n, f"CREATE TABLE t{n} (x)", f"DROP TABLE t{n}") for n in (20240101000000, 20240202000000))
    Migrator([ONE, late]).migrate(path)
    Migrator([ONE, early, late], out_of_order=True).migrate(path)
    report = Migrator([ONE, early, late]).rollback(path, to=1)
    assert report.ran == (late.id, early.id)
    assert history(path) == ["001_step"]


# -- planned first -------------------------------------------------------------------------------------------------------


def test_every_migration_without_a_down_is_named_before_anything_runs(path):
    ran = []
    one_way = [
        ONE,
        sql(2, "CREATE TABLE tags (x)"),
        Migration("003_python", 3, "", lambda db: None),
        Migration("004_seen", 4, "", lambda db: None, ran.append),
    ]
    Migrator(one_way).migrate(path)
    before = fingerprint(path)
    with pytest.raises(IrreversibleMigration) as refused:
        Migrator(one_way).rollback(path, to=0)
    assert sorted(refused.value.ids) == ["002_step", "003_python"]
    assert str(refused.value) == (
        "notes.db can't be rolled back: no down in 003_python, 002_step. Nothing was changed."
        " Give each a down, or restore a backup."
    )
    assert (refused.value.path, refused.value.version, refused.value.data_is_safe) == (str(path), 4, True)
    assert ran == []
    assert unchanged(path, before)
    assert Migrator(one_way).rollback(path, to=3).ran == ("004_seen",)


def test_an_empty_down_is_a_down(path):
    shipped = [ONE, sql(2, "INSERT INTO notes (text) VALUES ('x')", "")]
    Migrator(shipped).migrate(path)
    assert Migrator(shipped).rollback(path, to=1).ran == ("002_step",)


@pytest.mark.parametrize("to", [4, 99, -1])
def test_a_version_that_the_file_does_not_have_is_refused(at_3, to):
    before = fingerprint(at_3)
    with pytest.raises(
        UsageError, match=rf"(?i)the file is at version 3: it can't be rolled back to {to}\."
    ) as refused:
        Migrator([*ALL, PYTHON]).rollback(at_3, to=to)
    assert "Name an applied version, or 0." in str(refused.value)
    assert refused.value.version == 3
    assert unchanged(at_3, before)


def test_a_version_in_a_gap_between_timestamps_is_refused(path):
    shipped = [sql(n, f"CREATE TABLE t{n} (x)", f"DROP TABLE t{n}") for n in (20240101000000, 20240202000000)]
    Migrator(shipped).migrate(path)
    before = fingerprint(path)
    with pytest.raises(UsageError, match="can't be rolled back to 20240115000000"):
        Migrator(shipped).rollback(path, to=20240115000000)
    assert unchanged(path, before)


def test_the_version_to_roll_back_to_has_to_be_said(at_3):
    with pytest.raises(TypeError, match="to"):
        Migrator(ALL).rollback(at_3)


def test_a_file_that_is_too_new_is_not_rolled_back_by_an_app_that_lacks_its_downs(at_3):
    before = fingerprint(at_3)
    with pytest.raises(DatabaseTooNew) as refused:
        Migrator([ONE, TWO]).rollback(at_3, to=1)
    assert refused.value.unknown == ("003_step",)
    assert unchanged(at_3, before)


def test_a_file_with_another_history_is_not_rolled_back(at_3):
    before = fingerprint(at_3)
    other = [ONE, sql(2, "CREATE TABLE labels (x)", "DROP TABLE labels", name="labels"), THREE]
    with pytest.raises(HistoryMismatch):
        Migrator(other).rollback(at_3, to=1)
    assert unchanged(at_3, before)


def test_another_app_s_file_is_not_rolled_back(path):
    Migrator(ALL, application_id=1).migrate(path)
    before = fingerprint(path)
    with pytest.raises(ForeignDatabase):
        Migrator(ALL, application_id=2).rollback(path, to=0)
    assert unchanged(path, before)


def test_a_file_without_a_history_has_nothing_to_roll_back(path):
    query(path, "CREATE TABLE customers (x)")
    before = fingerprint(path)
    with pytest.raises((ForeignDatabase, UsageError)):
        Migrator(ALL).rollback(path, to=1)
    assert unchanged(path, before)


def test_a_file_that_is_not_there_is_not_made(path):
    with pytest.raises(UsageError, match=f"(?i)there is no database at {path}"):
        Migrator(ALL).rollback(path, to=0)
    assert list(path.parent.iterdir()) == []


def test_a_damaged_file_is_not_rolled_back(path):
    filled = sql(
        1,
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX by_text ON notes (text);"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300)"
        " INSERT INTO notes SELECT i, printf('%0500d', i) FROM n",
        "DROP TABLE notes",
    )
    Migrator([filled]).migrate(path)
    with path.open("r+b") as handle:
        handle.seek(4096 * 20)
        handle.write(b"\xff" * 4096)
    before = fingerprint(path)
    with pytest.raises(DatabaseDamaged):
        Migrator([filled]).rollback(path, to=0)
    assert unchanged(path, before)


def test_a_rollback_waits_for_a_writer_no_longer_than_its_timeout(at_3):
    with closing(sqlite3.connect(at_3, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        before = fingerprint(at_3)
        with pytest.raises(DatabaseBusy, match=r"is writing to it; waited 0\.\d s"):
            Migrator(ALL, timeout=0.1).rollback(at_3, to=0)
    assert unchanged(at_3, before)


# -- all or nothing ------------------------------------------------------------------------------------------------------


def raises(db):
    db.execute("DELETE FROM notes")
    raise ZeroDivisionError("in down")


def commits(db):
    db.execute("DELETE FROM notes")
    db.conn.commit()


FAILING = {
    "sql": (sql(2, "SELECT 1", "DELETE FROM notes; DROP TABLE nowhere"), MigrationFailed, "no such table: nowhere"),
    "python": (Migration("002_step", 2, "", "SELECT 1", raises), MigrationFailed, "in down"),
    "commit": (Migration("002_step", 2, "", "SELECT 1", commits), TransactionBroken, "may not do this"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_down_that_fails_in_the_middle_undoes_all_that_ran_before_it(path, kind):
    failing, error, says = FAILING[kind]
    shipped = [ONE, failing, THREE]
    Migrator(shipped).migrate(path)
    query(path, "INSERT INTO notes (text, pinned) VALUES ('first', 1)")
    before = content(path)
    with pytest.raises(error, match=says) as failed:
        Migrator(shipped).rollback(path, to=0)
    assert (failed.value.id, failed.value.direction, failed.value.version) == ("002_step", "down", 3)
    assert "Everything was undone: notes.db is still at version 3." in str(failed.value)
    assert failed.value.backup == f"{path}.v0003.bak"
    assert content(path) == before
    assert Migrator(shipped).migrate(path).ran == ()


def test_a_down_s_error_names_the_file_and_the_line_of_the_down(tmp_path, path):
    shipped = write(
        tmp_path / "m",
        **{
            "001_notes.sql": "-- migrate:up\nCREATE TABLE notes (x);\n-- migrate:down\nSELECT 1;\nDROP TABLE nowhere;\n",
            "002_tags.up.sql": "CREATE TABLE tags (x);",
            "002_tags.down.sql": "-- the way back\n\nDROP TABLE labels;\n",
        },
    )
    Migrator(shipped).migrate(path)
    with pytest.raises(MigrationFailed) as failed:
        Migrator(shipped).rollback(path, to=1)
    assert (failed.value.line, failed.value.statement) == (3, "DROP TABLE labels;")
    assert "(002_tags.down.sql, line 3)" in str(failed.value)
    write(shipped, **{"002_tags.down.sql": "DROP TABLE tags;"})
    Migrator(shipped).rollback(path, to=1)
    with pytest.raises(MigrationFailed, match=r"down of 001_notes failed \(001_notes\.sql, line 5\)"):
        Migrator(shipped).rollback(path, to=0)


def test_each_in_a_transaction_of_its_own_keeps_those_that_went_through(path):
    shipped = [ONE, sql(2, "SELECT 1", "DROP TABLE nowhere"), THREE]
    migrator = Migrator(shipped, atomic="migration")
    migrator.migrate(path)
    with pytest.raises(MigrationFailed) as failed:
        migrator.rollback(path, to=0)
    assert failed.value.version == 2
    assert "What follows 003_step was undone: notes.db stands at version 2." in str(failed.value)
    assert history(path) == ["001_step", "002_step"]


FAMILY = [
    sql(
        1,
        """
        CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents ON DELETE CASCADE);
        INSERT INTO parents VALUES (1, 'a'), (2, 'b');
        INSERT INTO children VALUES (10, 1), (20, 2);
        """,
    ),
    sql(
        2,
        "ALTER TABLE parents ADD COLUMN age INTEGER",
        """
        CREATE TABLE new_parents (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO new_parents SELECT id, name FROM parents;
        DROP TABLE parents;
        ALTER TABLE new_parents RENAME TO parents;
        """,
    ),
]


def enforcing(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA foreign_keys = ON")


def test_a_down_that_rebuilds_a_parent_table_deletes_no_children_by_cascade(path):
    migrator = Migrator(FAMILY, prepare=enforcing)
    migrator.migrate(path)
    migrator.rollback(path, to=1)
    assert query(path, "SELECT * FROM children") == [(10, 1), (20, 2)]
    assert query(path, "SELECT * FROM parents") == [(1, "a"), (2, "b")]


def test_a_down_that_leaves_children_without_their_parents_is_undone(path):
    shipped = [FAMILY[0], sql(2, "SELECT 1", "DELETE FROM parents WHERE id = 2")]
    migrator = Migrator(shipped, prepare=enforcing)
    migrator.migrate(path)
    before = content(path)
    with pytest.raises(ForeignKeyViolations) as failed:
        migrator.rollback(path, to=1)
    assert failed.value.violations[0][:3] == ("children", 20, "parents")
    assert "after down of 002_step, 1 row points to a parent that is not there" in str(failed.value)
    assert content(path) == before


def test_a_rollback_is_stopped_on_request_and_undone(at_3):
    before = content(at_3)
    stop = threading.Event()

    def on_progress(progress):
        if progress.id == "002_step":
            stop.set()

    with pytest.raises(MigrationCancelled) as stopped:
        Migrator(ALL).rollback(at_3, to=0, on_progress=on_progress, cancel=stop)
    assert stopped.value.version == 3
    assert content(at_3) == before


def test_progress_counts_the_downs(at_3):
    seen = []
    Migrator(ALL).rollback(at_3, to=1, on_progress=lambda p: seen.append((p.phase, p.id, p.index, p.total)))
    assert [entry for entry in seen if entry[0] in ("started", "finished")] == [
        ("started", "003_step", 1, 2),
        ("finished", "003_step", 1, 2),
        ("started", "002_step", 2, 2),
        ("finished", "002_step", 2, 2),
    ]
    phases = [entry[0] for entry in seen]
    assert phases[:3] == ["backing up", "checking the file", "started"]


def test_the_log_says_which_downs_ran(at_3, caplog):
    caplog.set_level("INFO", "embedmig")
    Migrator(ALL).rollback(at_3, to=2)
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith("003_step down  step 3  (")
    assert said[-1].startswith(f"{at_3}: version 3 -> 2, 1 migration in ")


# -- downs outside a transaction -----------------------------------------------------------------------------------------

OUTSIDE = Migration("002_step", 2, "", "SELECT 1", "VACUUM; PRAGMA journal_mode = WAL", transactional=False)


def test_a_down_that_cannot_run_in_a_transaction_runs_outside(path):
    shipped = [ONE, OUTSIDE, THREE]
    Migrator(shipped).migrate(path)
    report = Migrator(shipped).rollback(path, to=0)
    assert report.ran == ("003_step", "002_step", "001_step")
    assert query(path, "PRAGMA journal_mode") == [("wal",)]
    assert history(path) == []
    assert Migrator(shipped).migrate(path).after == 3


def test_a_down_outside_a_transaction_that_fails_splits_the_run_and_says_where_it_stands(path):
    fails = Migration("002_step", 2, "", "SELECT 1", "VACUUM; DROP TABLE nowhere", transactional=False)
    shipped = [ONE, fails, THREE]
    Migrator(shipped).migrate(path)
    with pytest.raises(MigrationFailed) as failed:
        Migrator(shipped).rollback(path, to=0)
    assert (failed.value.id, failed.value.direction) == ("002_step", "down")
    assert failed.value.backup == f"{path}.v0003.bak"
    assert failed.value.version == Migrator(shipped).status(path).version
    assert f"notes.db stands at version {failed.value.version}" in str(failed.value)
    assert query(path, "SELECT count(*) FROM pragma_table_info('notes') WHERE name = 'pinned'") == [(0,)]
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'notes'") == [(1,)]
    assert Migrator(shipped).migrate(path).after == 3
