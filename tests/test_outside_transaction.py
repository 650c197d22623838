"""`transactional = False` splits the run at its place; it runs at least once, and one that died is run again."""

from __future__ import annotations

import logging
import signal
import sqlite3
from contextlib import closing

import pytest
from helpers import content, query, sql, start, write

import embedmig
from embedmig import Migration, MigrationFailed, Migrator

ONE = sql(
    1,
    """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)
    INSERT INTO notes SELECT i, printf('%0500d', i) FROM n;
    """,
)
TWO = sql(2, "DELETE FROM notes WHERE id > 10")
THREE = sql(3, "-- migrate:up transaction:false\nVACUUM;", name="vacuum")
FOUR = sql(4, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")


def alone(up, version: int = 3) -> Migration:
    return Migration(f"{version:03}_alone", version, "Alone", up, transactional=False)


def vacuum(db):
    db.execute("VACUUM")


def journal_mode(db):
    db.execute("PRAGMA journal_mode = WAL")


@pytest.fixture
def notes(path):
    """A user's file at version 1, with 250 kB in it."""
    embedmig.run_migrations(path, [ONE])
    return path


# -- what it can do -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("third", [THREE, alone("VACUUM"), alone(vacuum), alone(lambda db: db.vacuum())])
@pytest.mark.parametrize("how", ["path", "sqlite3", "sqlite3 isolation_level=None"])
def test_vacuum_runs_in_its_place(notes, third, how):
    size = notes.stat().st_size
    if how == "path":
        report = embedmig.run_migrations(notes, [ONE, TWO, third, FOUR])
    else:
        with closing(sqlite3.connect(notes, isolation_level=None if "None" in how else "")) as conn:
            report = embedmig.run_migrations(conn, [ONE, TWO, third, FOUR])
            assert conn.isolation_level == (None if "None" in how else "")
    assert report.ran == ("002_step", third.id, "004_step")
    assert notes.stat().st_size < size / 2
    assert query(notes, "SELECT id, finished FROM _migrations ORDER BY version") == [
        ("001_step", 1),
        ("002_step", 1),
        (third.id, 1),
        ("004_step", 1),
    ]


@pytest.mark.parametrize(
    "third", [alone("PRAGMA journal_mode = WAL"), alone(journal_mode), alone(lambda db: db.enable_wal())]
)
def test_the_journal_mode_can_be_changed(notes, third):
    embedmig.run_migrations(notes, [ONE, TWO, third, FOUR])
    assert query(notes, "PRAGMA journal_mode") == [("wal",)]


def test_a_python_file_says_so_at_its_top(tmp_path, path):
    folder = write(
        tmp_path / "migrations",
        **{
            "001_notes.sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY)",
            "002_wal.py": '''
                """Switch to WAL."""
                transactional = False

                def up(db):
                    db.enable_wal()
            ''',
            "003_tags.sql": "CREATE TABLE tags (id INTEGER PRIMARY KEY)",
        },
    )
    report = embedmig.run_migrations(path, folder)
    assert report.ran == ("001_notes", "002_wal", "003_tags")
    assert query(path, "PRAGMA journal_mode") == [("wal",)]


def test_it_can_be_the_first_of_a_new_file(path):
    report = embedmig.run_migrations(
        path, [alone("PRAGMA auto_vacuum = FULL; VACUUM;", 1), sql(2, "CREATE TABLE x (y)")]
    )
    assert report.ran == ("001_alone", "002_step")
    assert query(path, "PRAGMA auto_vacuum") == [(1,)]


def test_it_may_have_a_transaction_of_its_own(notes):
    def up(db):
        with db.atomic():
            db["notes"].insert({"text": "in its own transaction"})
        db.execute("BEGIN")
        db.execute("INSERT INTO notes (text) VALUES ('in another')")
        db.execute("COMMIT")

    embedmig.run_migrations(notes, [ONE, TWO, alone(up)])
    assert query(notes, "SELECT count(*) FROM notes") == [(12,)]


def test_it_sees_what_the_stretch_before_it_committed(notes):
    def up(db):
        assert query(notes, "SELECT count(*) FROM notes") == [(10,)]

    assert embedmig.run_migrations(notes, [ONE, TWO, alone(up), FOUR]).after == 4


# -- what it may not do -----------------------------------------------------------------------------------------------


def test_it_cannot_leave_a_transaction_open(notes):
    def up(db):
        db.execute("BEGIN")
        db.execute("INSERT INTO notes (text) VALUES ('never committed')")

    with pytest.raises(MigrationFailed, match="it left a transaction open") as failed:
        embedmig.run_migrations(notes, [ONE, TWO, alone(up), FOUR])
    assert "Commit what it begins." in str(failed.value)
    assert query(notes, "SELECT count(*) FROM notes") == [(10,)]
    assert query(notes, "SELECT finished FROM _migrations WHERE version = 3") == [(0,)]


@pytest.mark.parametrize("statement", ["DELETE FROM _migrations", "DROP TABLE _Migrations"])
def test_it_cannot_write_to_the_history(notes, statement):
    with pytest.raises(MigrationFailed, match="a change to its history table _migrations"):
        embedmig.run_migrations(notes, [ONE, TWO, alone(statement), FOUR])
    assert query(notes, "SELECT version FROM _migrations WHERE finished") == [(1,), (2,)]


@pytest.mark.parametrize("third", [THREE, alone(vacuum)])
def test_the_stretch_before_it_is_all_or_nothing(notes, third):
    before = content(notes)
    bad = sql(2, "DELETE FROM notes; SELECT nowhere FROM notes")
    with pytest.raises(MigrationFailed, match="002_step"):
        embedmig.run_migrations(notes, [ONE, bad, third, FOUR])
    assert content(notes) == before


def fails(db):
    db.execute("INSERT INTO notes (text) VALUES ('stays')")
    raise ValueError("on purpose")


@pytest.mark.parametrize("atomic", ["run", "migration"])
def test_a_failure_inside_keeps_the_stretch_before_and_the_error_says_where_it_stands(notes, atomic):
    with pytest.raises(MigrationFailed) as failed:
        Migrator([ONE, TWO, alone(fails), FOUR], atomic=atomic).migrate(notes)
    assert (failed.value.id, failed.value.version) == ("003_alone", 2)
    assert "on purpose" in str(failed.value)
    assert "notes.db stands at version 2" in str(failed.value)
    assert "Everything was undone" not in str(failed.value)
    assert query(notes, "SELECT version, finished FROM _migrations") == [(1, 1), (2, 1), (3, 0)]


@pytest.mark.parametrize("earlier", [[ONE, TWO], [ONE]], ids=["after a stretch", "first of the run"])
def test_a_failure_inside_does_not_say_that_its_own_change_was_undone(notes, earlier):
    """It was not: outside a transaction each statement commits by itself."""
    with pytest.raises(MigrationFailed) as failed:
        embedmig.run_migrations(notes, [*earlier, alone(fails, len(earlier) + 1)])
    assert query(notes, "SELECT count(*) FROM notes WHERE text = 'stays'") == [(1,)]
    assert "undone" not in str(failed.value)


def test_a_failure_after_it_undoes_only_the_last_stretch(notes):
    bad = sql(5, "SELECT nowhere FROM notes")
    with pytest.raises(MigrationFailed, match="005_step") as failed:
        embedmig.run_migrations(notes, [ONE, TWO, THREE, FOUR, bad])
    assert failed.value.version == 3
    assert "What follows 003_vacuum was undone: notes.db stands at version 3." in str(failed.value)
    assert query(notes, "SELECT count(*) FROM sqlite_master WHERE name = 'tags'") == [(0,)]


# -- at least once -----------------------------------------------------------------------------------------------------


def test_one_that_failed_is_run_again_and_a_warning_names_it(notes, caplog):
    calls = []

    def up(db):
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("the first time")

    migrations = [ONE, TWO, alone(up), FOUR]
    with pytest.raises(MigrationFailed):
        embedmig.run_migrations(notes, migrations)
    caplog.clear()
    assert embedmig.run_migrations(notes, migrations).ran == ("003_alone", "004_step")
    (warning,) = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert warning == f"003_alone did not finish the last time that it ran on {notes}: it runs again"
    assert len(calls) == 2


DYING = """
    import sys, time
    import embedmig
    from test_outside_transaction import FOUR, ONE, TWO, alone

    def up(db):
        db.execute("CREATE TABLE half (x)")
        print("here", flush=True)
        time.sleep(60)

    embedmig.connect(sys.argv[1], [ONE, TWO, alone(up), FOUR])
"""


def test_one_that_was_killed_is_recorded_unfinished_named_in_a_warning_and_run_again(notes, caplog):
    with start(DYING, notes) as process:
        assert process.stdout.readline() == "here\n", process.stderr.read()
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert query(notes, "SELECT version, finished FROM _migrations") == [(1, 1), (2, 1), (3, 0)]
    migrator = Migrator([ONE, TWO, alone("CREATE TABLE IF NOT EXISTS half (x)"), FOUR])
    status = migrator.status(notes)
    assert (status.version, status.pending, status.current) == (2, ("003_alone", "004_step"), False)
    assert [a.id for a in embedmig.get_applied_migrations(notes)] == ["001_step", "002_step"]
    assert migrator.migrate(notes).ran == ("003_alone", "004_step")
    assert [r.message for r in caplog.records if r.levelno == logging.WARNING and "did not finish" in r.message] == [
        f"003_alone did not finish the last time that it ran on {notes}: it runs again"
    ]
    assert query(notes, "SELECT version, finished FROM _migrations") == [(1, 1), (2, 1), (3, 1), (4, 1)]


@pytest.mark.parametrize("strict", [False, True])
def test_one_that_failed_may_be_mended_and_is_no_edited_one(notes, caplog, strict):
    with pytest.raises(embedmig.MigrationFailed):
        Migrator([ONE, TWO, alone("CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)")]).migrate(notes)
    mended = Migrator([ONE, TWO, alone("CREATE TABLE IF NOT EXISTS half (x)")], strict=strict)
    assert mended.status(notes).edited == ()
    assert mended.migrate(notes).ran == ("003_alone",)
    assert "was edited" not in caplog.text


def test_an_older_app_refuses_a_file_in_which_an_unknown_one_died(notes):
    with start(DYING, notes) as process:
        assert process.stdout.readline() == "here\n", process.stderr.read()
        process.kill()
    with pytest.raises(embedmig.DatabaseTooNew, match="unknown here: 003_alone"):
        embedmig.open(notes, [ONE, TWO])


# -- many launches ------------------------------------------------------------------------------------------------------

LAUNCHER = """
    import sys
    import embedmig, embedmig.verbs, embedmig.database
    from test_outside_transaction import FOUR, ONE, THREE, TWO

    print("ready", flush=True)
    for line in sys.stdin:
        try:
            with embedmig.open(line.rstrip(), [ONE, TWO, THREE, FOUR]) as db:
                print("found", db["notes"].count, flush=True)
        except BaseException as error:
            print(type(error).__name__, error, flush=True)
"""


def test_ten_launches_at_once_with_a_vacuum_in_the_middle_all_succeed(tmp_path):
    processes = [start(LAUNCHER) for _ in range(10)]
    try:
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 10
        for journal in ("delete", "wal", "delete"):
            path = tmp_path / f"{journal} {len(list(tmp_path.iterdir()))}" / "notes.db"
            path.parent.mkdir()
            embedmig.run_migrations(path, [ONE])
            query(path, f"PRAGMA journal_mode = {journal}")
            for process in processes:
                process.stdin.write(f"{path}\n")
                process.stdin.flush()
            assert [process.stdout.readline() for process in processes] == ["found 10\n"] * 10
            assert query(path, "SELECT version, finished FROM _migrations") == [(1, 1), (2, 1), (3, 1), (4, 1)]
            assert query(path, "PRAGMA integrity_check") == [("ok",)]
    finally:
        for process in processes:
            process.communicate(timeout=60)
