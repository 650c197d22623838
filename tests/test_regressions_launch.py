"""What reviewers found about launches, once each: every test here failed before its bug was mended."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from helpers import content, fingerprint, query, script, sql, write

import embedmig
from embedmig import (
    DatabaseBusy,
    DefinitionError,
    ForeignDatabase,
    MigrationCancelled,
    MigrationFailed,
    Migrator,
    UsageError,
)

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text)")
TWO = sql(2, "CREATE TABLE tags (name)")
FAILS = sql(2, "CREATE TABLE tags (name); SELECT nope FROM nowhere")
FAMILY = sql(
    1, "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id)); CREATE INDEX cp ON c (p)"
)
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n"


def family(path):
    """A file that takes SQLite long enough to check that it looks around meanwhile."""
    with closing(embedmig.connect(path, [FAMILY])) as conn:
        conn.execute(f"INSERT INTO p {NUMBERS}")
        conn.execute("INSERT INTO c SELECT id FROM p")
        conn.commit()
    return content(path)


def strangers(path, application_id=0):
    """A file with tables and no history."""
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(
            f"CREATE TABLE notes (id INTEGER PRIMARY KEY, text); PRAGMA application_id = {application_id}"
        )
    return fingerprint(path)


def to_wal(conn):
    conn.execute("PRAGMA journal_mode = WAL").fetchall()


# -- stopped while SQLite checks ---------------------------------------------------------------------------------------


class Oops(Exception):
    """The caller's own."""


def raises():
    raise Oops


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("check", ["quick_check", "foreign keys"])
@pytest.mark.parametrize(
    ("act", "expected"),
    [(raises, Oops), (ctrl_c, KeyboardInterrupt), (None, MigrationCancelled)],
    ids=["on_progress", "Ctrl-C", "cancel"],
)
def test_what_stops_a_run_while_sqlite_checks_the_file_is_not_lost(path, check, act, expected):
    before = family(path)
    touches = sql(2, "DELETE FROM c WHERE rowid < 0")
    cancel, seen = threading.Event(), []

    def on_progress(progress):
        if progress.phase == "checking the file" and (progress.id is None) == (check == "quick_check"):
            seen.append(progress.phase)
            if len(seen) == 1:
                time.sleep(0.12)  # the next report is due: from inside SQLite's check
            elif act:
                act()
            else:
                cancel.set()

    with pytest.raises(expected):
        Migrator([FAMILY, touches]).migrate(path, on_progress=on_progress, cancel=cancel)
    assert len(seen) >= 2
    assert content(path) == before


# -- whose file is it? -------------------------------------------------------------------------------------------------


def test_detect_version_that_commits_is_refused_and_the_next_launch_with_a_good_one_works(path):
    before = strangers(path)

    def commits(conn):
        with conn:
            return 1 if conn.execute("SELECT 1 FROM sqlite_master").fetchone() else None

    with pytest.raises(UsageError, match="detect_version"):
        Migrator([ONE, FAILS], detect_version=commits).migrate(path)
    assert fingerprint(path) == before
    assert Migrator([ONE, TWO], detect_version=lambda conn: 1).migrate(path).ran == ("002_step",)


@pytest.mark.parametrize("verb", ["baseline", "rollback"])
def test_another_apps_file_keeps_its_bytes_though_prepare_sets_wal(path, verb):
    before = strangers(path, application_id=77)
    migrator = Migrator([ONE, TWO], application_id=5, prepare=to_wal)
    with pytest.raises(ForeignDatabase):
        migrator.baseline(path, 1) if verb == "baseline" else migrator.rollback(path, to=0)
    assert fingerprint(path) == before
    assert os.listdir(path.parent) == ["notes.db"]


def test_a_strangers_history_is_refused_under_application_id_too_while_the_file_carries_none(path):
    embedmig.connect(path, [sql(1, "CREATE TABLE foreign_stuff (x)")]).close()
    before = fingerprint(path)
    with pytest.raises(ForeignDatabase):
        Migrator([ONE, TWO], application_id=5).migrate(path)
    assert fingerprint(path) == before


def test_marking_a_migration_refuses_a_file_that_carries_another_application_id(path):
    embedmig.connect(path, [ONE], application_id=77).close()
    before = fingerprint(path)
    with pytest.raises(ForeignDatabase):
        Migrator([ONE, TWO], application_id=5).mark(path, TWO)
    assert fingerprint(path) == before


# -- held up by others -------------------------------------------------------------------------------------------------


def test_a_migration_outside_a_transaction_held_up_beside_an_old_violation_is_tried_again(path):
    with closing(embedmig.connect(path, [FAMILY])) as conn:
        conn.execute("INSERT INTO c VALUES (9)")  # foreign keys are not enforced: the parent was never there
        conn.commit()
    outside = sql(2, "CREATE TABLE IF NOT EXISTS q (x); DELETE FROM q", transactional=False)
    seen = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:

        def on_progress(progress):
            if progress.phase == "started" and "started" not in seen:
                other.execute("BEGIN IMMEDIATE")
            if progress.phase == "waiting for another launch" and other.in_transaction:
                other.execute("ROLLBACK")
            seen.append(progress.phase)

        assert Migrator([FAMILY, outside]).migrate(path, on_progress=on_progress).ran == ("002_step",)
    assert "waiting for another launch" in seen
    assert query(path, "SELECT id, finished FROM _migrations") == [("001_step", 1), ("002_step", 1)]
    assert query(path, "SELECT p FROM c") == [(9,)]


def version_in(path):
    try:
        with closing(sqlite3.connect(path, timeout=0)) as conn:
            return conn.execute("SELECT max(version) FROM _migrations").fetchone()[0]
    except sqlite3.OperationalError:
        return None  # COMMIT is at it


class SetOnceCommitted:
    """A cancel that is pressed just after the file has the new version."""

    def __init__(self, path):
        self.path = path
        self.waited = False

    def is_set(self):
        return self.waited and version_in(self.path) == 2


@pytest.mark.parametrize("stop", ["on_progress", "cancel"])
def test_a_run_stopped_just_after_a_commit_that_had_to_wait_for_a_reader_counts_as_done(path, stop):
    embedmig.connect(path, [ONE]).close()
    cancel = SetOnceCommitted(path)
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("INSERT INTO notes (text) VALUES ('a'), ('b')")
        reader.commit()
        cursor = reader.execute("SELECT id FROM notes")
        cursor.fetchone()  # and not to its end

        def on_progress(progress):
            if progress.phase == "waiting for another launch":
                cursor.close()
                cancel.waited = True
            elif stop == "on_progress" and cancel.waited:
                raise Oops

        report = Migrator([ONE, TWO]).migrate(
            path, on_progress=on_progress, cancel=cancel if stop == "cancel" else None
        )
    assert cancel.waited
    assert (report.after, report.ran) == (2, ("002_step",))
    assert version_in(path) == 2


def test_a_timeout_after_a_step_outside_a_transaction_says_so_and_calls_nothing_safe(path):
    embedmig.connect(path, [ONE]).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:

        def up(db):
            db.conn.execute("CREATE TABLE IF NOT EXISTS tags (name)")
            other.execute("BEGIN IMMEDIATE")

        outside = sql(2, up, transactional=False)
        with pytest.raises(DatabaseBusy, match="It ran outside a transaction") as busy:
            Migrator([ONE, outside], timeout=0.2).migrate(path)
    assert busy.value.data_is_safe is False
    assert query(path, "SELECT id, finished FROM _migrations") == [("001_step", 1), ("002_step", 0)]
    assert query(path, "SELECT name FROM sqlite_master WHERE name = 'tags'") == [("tags",)]


def test_two_launches_with_a_step_outside_a_transaction_and_a_rename_of_its_column_both_succeed(path):
    embedmig.connect(path, [ONE]).close()
    query(path, "INSERT INTO notes (text) VALUES ('a')")
    reports = []

    def up(db):
        db.conn.execute("UPDATE notes SET text = upper(text)")
        if not reports:
            reports.append(None)
            reports.append(Migrator(shipped).migrate(path))  # the second launch overtakes the first
        db.conn.execute("UPDATE notes SET text = upper(text)")

    shipped = [ONE, sql(2, up, transactional=False), sql(3, "ALTER TABLE notes RENAME COLUMN text TO body")]
    reports.append(Migrator(shipped).migrate(path))
    assert [report.after for report in reports[1:]] == [3, 3]
    assert query(path, "SELECT id, finished FROM _migrations") == [("001_step", 1), ("002_step", 1), ("003_step", 1)]
    assert query(path, "SELECT body FROM notes") == [("A",)]


def test_migrate_reports_success_though_another_connection_takes_the_file_right_after_the_commit(path):
    embedmig.connect(path, [ONE]).close()
    seen = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:

        def watching(statement):
            if "COMMIT" in seen and not other.in_transaction:
                other.execute("BEGIN EXCLUSIVE")
            seen.append(statement)

        migrator = Migrator([ONE, TWO], prepare=lambda conn: conn.set_trace_callback(watching))
        report = migrator.migrate(path)
        assert other.in_transaction
    assert (report.before, report.after, report.ran) == (1, 2, ("002_step",))
    assert version_in(path) == 2


# -- what a connection or a migration set ------------------------------------------------------------------------------

BIG = sql(
    1,
    "CREATE TABLE big (i INTEGER PRIMARY KEY, b);"
    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
    " INSERT INTO big SELECT i, randomblob(500) FROM n",
)


def spills_and_fails(db):
    db.conn.execute("PRAGMA cache_size = 20")  # pages: what does not fit goes to the file before COMMIT
    db.conn.execute("UPDATE big SET b = zeroblob(400)")
    db.conn.execute("INSERT INTO nowhere VALUES (1)")


@pytest.mark.parametrize("mode", ["off", "memory"])
def test_a_failed_run_is_undone_on_a_connection_without_a_journal_and_the_setting_is_back(path, mode):
    embedmig.connect(path, [BIG]).close()
    before = content(path)
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)
        conn.execute("PRAGMA cache_size = 20")
        with pytest.raises(MigrationFailed):
            Migrator([BIG, sql(2, spills_and_fails)]).migrate(conn)
        assert conn.execute("PRAGMA journal_mode").fetchone() == (mode,)
    assert content(path) == before


def test_a_failed_run_is_undone_though_a_step_outside_a_transaction_took_the_journal_away(path):
    embedmig.connect(path, [BIG]).close()
    before = content(path, history=False)
    outside = sql(2, "PRAGMA journal_mode = OFF", transactional=False)
    with pytest.raises(MigrationFailed):
        Migrator([BIG, outside, sql(3, spills_and_fails)]).migrate(path)
    assert content(path, history=False) == before
    assert query(path, "SELECT id, finished FROM _migrations") == [("001_step", 1), ("002_step", 1)]


@pytest.mark.parametrize("name", ["notes", "NOTES"])
def test_a_temporary_table_called_like_one_of_the_file_is_refused(path, name):
    embedmig.connect(path, [ONE]).close()
    before = fingerprint(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(f"CREATE TEMP TABLE {name} (x)")
        with pytest.raises(UsageError, match=f"temporary tables called like tables of the file: {name}"):
            Migrator([ONE, sql(2, "INSERT INTO notes VALUES (1, 'b')")]).migrate(conn)
    assert fingerprint(path) == before


# -- questions and wrong arguments -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shipped", "current"), [([ONE], True), ([ONE, TWO], False)])
def test_is_current_answers_inside_an_open_transaction_and_leaves_it_open(path, shipped, current):
    with closing(embedmig.connect(path, [ONE])) as conn:
        conn.execute("INSERT INTO notes VALUES (1, 'a')")
        assert Migrator(shipped).is_current(conn) is current
        assert conn.in_transaction


@pytest.mark.parametrize("verb", ["migrate", "status"])
def test_a_closed_connection_is_refused_by_name(path, verb):
    conn = embedmig.connect(path, [ONE])
    conn.close()
    with pytest.raises(UsageError, match="closed"):
        getattr(Migrator([ONE, TWO]), verb)(conn)


@pytest.mark.parametrize("verb", ["migrate", "status"])
def test_a_number_is_not_a_database(verb):
    with pytest.raises(UsageError, match="int is not a database"):
        getattr(Migrator([ONE]), verb)(5)


def test_a_misspelt_setting_of_a_migration_is_an_error_that_names_the_right_one(path):
    folder = write(path.parent / "m", **{"001_a.py": "transctional = False\n\ndef up(db):\n    pass\n"})
    with pytest.raises(DefinitionError, match=r"001_a\.py: transctional is no setting.*Did you mean transactional\?"):
        Migrator(folder).migrate(path)
    assert not path.exists()


def test_the_first_python_migrations_duration_does_not_include_loading_sqlite_utils(path):
    folder = write(path.parent / "m", **{"001_a.py": "def up(db):\n    db.execute('CREATE TABLE t (x)')\n"})
    slow = """
        import sys, time

        class Slow:
            asked = 0
            def find_spec(self, name, *_):
                if name == "sqlite_utils":
                    Slow.asked += 1
                    time.sleep(2)

        assert "sqlite_utils" not in sys.modules
        sys.meta_path.insert(0, Slow())
        import embedmig
        embedmig.connect(sys.argv[1], sys.argv[2]).close()
        assert Slow.asked == 1
    """
    script(slow, path, folder)
    ((duration_ms,),) = query(path, "SELECT duration_ms FROM _migrations")
    assert duration_ms < 2000  # loading alone took as long


@pytest.mark.parametrize(
    "policy", [{"timeout": "x"}, {"prepare": 5}, {"detect_version": 5}, {"application_id": True}], ids=str
)
def test_a_policy_of_the_wrong_kind_is_refused_when_the_migrator_is_made(policy):
    with pytest.raises(UsageError, match=f"^{next(iter(policy))}="):
        Migrator([ONE], **policy)


@pytest.mark.parametrize("folder", [Path("m"), "./m", "m"], ids=repr)
def test_a_relative_folder_of_migrations_is_found_after_the_app_changes_its_folder(path, monkeypatch, folder):
    write(path.parent / "m", **{"001_a.sql": "CREATE TABLE t (x);"})
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(path.parent)
    migrator = Migrator(folder)
    monkeypatch.chdir(elsewhere)
    assert migrator.migrate(path).ran == ("001_a",)
