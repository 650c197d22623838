"""The table `_migrations`: what it says, which shapes are read, and what a disagreement with the shipped migrations means."""

from __future__ import annotations

import logging
import re
import sqlite3
from contextlib import closing

import pytest
from helpers import content, fingerprint, query, sql, write

import embedmig
from embedmig import (
    Applied,
    DatabaseTooNew,
    ForeignDatabase,
    HistoryMismatch,
    Migration,
    MigrationFailed,
    Migrator,
    UsageError,
)

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (1, 'first')")
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")
THREE = sql(3, "ALTER TABLE notes ADD COLUMN pinned INTEGER")
ALL = [ONE, TWO, THREE]
IDS = ["001_step", "002_step", "003_step"]


@pytest.fixture
def notes(path):
    """A user's file at version 2."""
    embedmig.run_migrations(path, [ONE, TWO])
    return path


def change(path, script: str) -> None:
    """Somebody changed the file by hand."""
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(script)


def edited(migration: Migration, **changes: object) -> Migration:
    return Migration(**(migration._fields() | changes))


def refused(path, migrator, error: type[Exception]):
    """Every verb that would open or migrate the file refuses it, and not one byte changes."""
    before, beside = fingerprint(path), sorted(path.parent.iterdir())
    for verb in (migrator.open, migrator.connect, migrator.migrate):
        with pytest.raises(error) as raised:
            verb(path)
        assert fingerprint(path) == before
    assert migrator.is_current(path) is False
    with closing(sqlite3.connect(path)) as conn, pytest.raises(error):
        migrator.migrate(conn)
    assert fingerprint(path) == before
    assert sorted(path.parent.iterdir()) == beside
    return raised.value


# -- what it says ---------------------------------------------------------------------------------------------------


def test_the_documented_query_shows_what_a_person_wants_to_see(path):
    Migrator([edited(ONE, description="Initial schema"), TWO], app_version="1.2").migrate(path)
    with closing(sqlite3.connect(path)) as conn:
        rows = conn.execute("SELECT * FROM _migrations ORDER BY version")
        names = [column[0] for column in rows.description]
        one, two = (dict(zip(names, row, strict=True)) for row in rows)
    assert names == [
        "version", "id", "description", "applied_at", "duration_ms", "checksum", "app_version", "backward_compatible", "finished",
    ]  # fmt: skip
    assert (one["version"], one["id"], one["description"], one["app_version"]) == (
        1,
        "001_step",
        "Initial schema",
        "1.2",
    )
    assert (two["version"], two["id"]) == (2, "002_step")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", one["applied_at"])
    assert isinstance(one["duration_ms"], int)
    assert re.fullmatch("[0-9a-f]{16}", one["checksum"])
    assert (one["backward_compatible"], one["finished"]) == (0, 1)


def test_its_columns_are_those_of_the_guide(path):
    embedmig.run_migrations(path, [ONE])
    assert [row[1:6] for row in query(path, "PRAGMA table_info(_migrations)")] == [
        ("version", "INTEGER", 0, None, 1),
        ("id", "TEXT", 1, None, 0),
        ("description", "TEXT", 1, None, 0),
        ("applied_at", "TEXT", 1, None, 0),
        ("duration_ms", "INTEGER", 0, None, 0),
        ("checksum", "TEXT", 0, None, 0),
        ("app_version", "TEXT", 0, None, 0),
        ("backward_compatible", "INTEGER", 1, "0", 0),
        ("finished", "INTEGER", 1, "1", 0),
    ]
    assert query(path, "SELECT origin FROM pragma_index_list('_migrations')") == [("u",)]


def test_applied_migrations_are_handed_back_in_version_order(notes):
    applied = embedmig.get_applied_migrations(notes)
    assert [(a.version, a.id, a.description) for a in applied] == [(1, "001_step", "step 1"), (2, "002_step", "step 2")]
    assert all(isinstance(a, Applied) and a.finished and a.checksum for a in applied)


def test_a_file_without_a_history_has_no_applied_migrations_and_gets_no_table(path):
    change(path, "CREATE TABLE notes (x)")
    before = fingerprint(path)
    assert embedmig.get_applied_migrations(path) == []
    assert fingerprint(path) == before


def test_a_file_that_is_not_there_has_no_applied_migrations_and_is_not_made(path):
    assert embedmig.get_applied_migrations(path) == []
    assert not path.exists()


def test_an_error_while_reading_is_not_taken_for_an_empty_history(notes):
    with closing(sqlite3.connect(notes, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with closing(sqlite3.connect(notes, timeout=0)) as conn, pytest.raises(embedmig.DatabaseBusy):
            embedmig.get_applied_migrations(conn)


# -- run, and run again -------------------------------------------------------------------------------------------------


def test_only_what_is_new_runs_and_then_nothing(path):
    assert embedmig.run_migrations(path, [ONE, TWO]).ran == ("001_step", "002_step")
    assert embedmig.run_migrations(path, ALL).ran == ("003_step",)
    before = fingerprint(path)
    report = embedmig.run_migrations(path, ALL)
    assert (report.before, report.after, report.ran) == (3, 3, ())
    assert fingerprint(path) == before


def test_an_unsorted_list_runs_in_version_order(path):
    assert embedmig.run_migrations(path, [THREE, ONE, TWO]).ran == ("001_step", "002_step", "003_step")


def test_timestamps_may_leave_gaps(path):
    stamps = [sql(20240101120000 + i, f"CREATE TABLE t{i} (x)") for i in (0, 5, 17)]
    assert embedmig.run_migrations(path, stamps).after == 20240101120017


BAD = sql(2, "CREATE TABLE half (x); INSERT INTO half VALUES (1); SELECT nowhere FROM notes")


def test_a_failure_undoes_the_whole_run(path):
    embedmig.run_migrations(path, [ONE])
    before = content(path)
    with pytest.raises(MigrationFailed) as failed:
        embedmig.run_migrations(path, [ONE, TWO, edited(BAD, version=3, id="003_step"), sql(4, "DROP TABLE notes")])
    assert failed.value.id == "003_step"
    assert "Everything was undone: notes.db is still at version 1." in str(failed.value)
    assert content(path) == before


def test_one_transaction_each_keeps_the_earlier_ones(path):
    embedmig.run_migrations(path, [ONE])
    migrator = Migrator(
        [ONE, TWO, edited(BAD, version=3, id="003_step"), sql(4, "DROP TABLE notes")], atomic="migration"
    )
    with pytest.raises(MigrationFailed) as failed:
        migrator.migrate(path)
    assert (failed.value.id, failed.value.version) == ("003_step", 2)
    assert "What follows 002_step was undone: notes.db stands at version 2." in str(failed.value)
    assert [a.id for a in embedmig.get_applied_migrations(path)] == ["001_step", "002_step"]
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'half'") == [(0,)]


@pytest.mark.parametrize("atomic", ["run", "migration"])
def test_once_the_bug_is_fixed_the_next_launch_goes_on(path, atomic):
    with pytest.raises(MigrationFailed):
        Migrator([ONE, BAD, THREE], atomic=atomic).migrate(path)
    Migrator([ONE, TWO, THREE], atomic=atomic).migrate(path)
    assert [a.id for a in embedmig.get_applied_migrations(path)] == IDS


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError(), ValueError("x")])
@pytest.mark.parametrize("how", ["path", "connection"])
def test_whatever_is_raised_inside_everything_is_undone(notes, error, how):
    def up(db):
        db["notes"].drop()
        raise error

    before = content(notes)
    expected = MigrationFailed if isinstance(error, Exception) else type(error)
    with closing(sqlite3.connect(notes)) as conn:
        with pytest.raises(expected) as raised:
            embedmig.run_migrations(notes if how == "path" else conn, [ONE, TWO, Migration("003_up", 3, "Up", up)])
        assert not conn.in_transaction
    assert error in (raised.value, raised.value.__cause__)
    assert content(notes) == before


def test_an_error_from_a_nested_transaction_leaves_version_0(path):
    def up(db):
        with db.atomic():
            db["half"].insert({"x": 1})
            with db.atomic():
                raise ValueError("deep inside")

    with pytest.raises(MigrationFailed, match="deep inside") as failed:
        embedmig.run_migrations(path, [ONE, Migration("002_nested", 2, "Nested", up)])
    assert failed.value.version == 0
    assert query(path, "SELECT count(*) FROM sqlite_master") == [(0,)]


def test_a_failed_migration_is_no_reason_to_offer_a_reset(notes):
    with pytest.raises(MigrationFailed) as failed:
        embedmig.run_migrations(notes, [ONE, TWO, sql(3, "SELECT nowhere FROM notes")])
    assert (failed.value.data_is_safe, failed.value.may_offer_reset) == (True, False)


def test_a_failing_statement_is_named_by_its_file_its_line_and_its_text(tmp_path, path):
    folder = write(tmp_path / "m", **{"001_a.sql": "-- first\nCREATE TABLE a (x);\n\nINSERT INTO b\n  VALUES (1);\n"})
    with pytest.raises(MigrationFailed) as failed:
        embedmig.run_migrations(path, folder)
    error = failed.value
    assert (error.id, error.direction, error.line, error.cause) == ("001_a", "up", 4, "SQLITE_ERROR")
    assert error.statement == "INSERT INTO b\n  VALUES (1);"
    assert "up of 001_a failed (001_a.sql, line 4): no such table: b [SQLITE_ERROR]." in str(error)
    assert "Statement: INSERT INTO b VALUES (1);" in str(error)


def test_a_failing_line_of_python_is_named_with_the_statement_it_ran(tmp_path, path):
    source = """\
        def up(db):
            db["a"].create({"x": int})
            fill(db)

        def fill(db):
            db.execute("INSERT INTO b VALUES (1)")
    """
    with pytest.raises(MigrationFailed) as failed:
        embedmig.run_migrations(path, write(tmp_path / "m", **{"001_a.py": source}))
    assert (failed.value.line, failed.value.statement) == (6, "INSERT INTO b VALUES (1)")
    assert "(001_a.py, line 6): no such table: b" in str(failed.value)


@pytest.mark.parametrize("migrations", [[], (), iter(())])
def test_no_migrations_at_all_is_an_error_and_makes_no_file(path, migrations):
    with pytest.raises(embedmig.DefinitionError, match="migrations is empty"):
        embedmig.open(path, migrations)
    assert not path.exists()


@pytest.mark.parametrize("version", [-5, 7, 2**31 - 1])
def test_user_version_is_the_apps_own_and_does_not_matter(notes, version):
    change(notes, f"PRAGMA user_version = {version}")
    assert Migrator([ONE, TWO]).status(notes).version == 2
    assert embedmig.run_migrations(notes, ALL).ran == ("003_step",)
    assert content(notes)["user_version"] == version


# -- to= -----------------------------------------------------------------------------------------------------------------


def test_to_stops_there_and_again_does_nothing(path):
    migrator = Migrator(ALL)
    assert migrator.migrate(path, to=1).ran == ("001_step",)
    assert migrator.migrate(path, to=1).ran == ()
    assert migrator.migrate(path, to=3).ran == ("002_step", "003_step")
    assert migrator.migrate(path).ran == ()


@pytest.mark.parametrize(
    ("to", "message"),
    [
        (1, "the file is at version 2, above 1. Nothing was changed. A rollback to 1 goes down."),
        (0, "the file is at version 2, above 0. Nothing was changed. A rollback to 0 goes down."),
        (7, "there is no version 7: this app ships versions 1 to 3. Nothing was changed. Name one of those."),
    ],
)
def test_to_a_version_below_the_file_or_unknown_is_an_error(notes, to, message):
    before = fingerprint(notes)
    with pytest.raises(UsageError) as wrong:
        Migrator(ALL).migrate(notes, to=to)
    assert message.lower() in str(wrong.value).lower()
    assert wrong.value.version == 2
    assert fingerprint(notes) == before


def test_to_an_unknown_version_makes_no_file(path):
    with pytest.raises(UsageError, match=r"(?i)there is no version 7"):
        Migrator(ALL).migrate(path, to=7)
    assert not path.exists()


def test_to_zero_of_a_new_file_runs_nothing(path):
    report = Migrator(ALL).migrate(path, to=0)
    assert (report.ran, report.after) == ((), 0)


# -- the original's shape ------------------------------------------------------------------------------------------------

ORIGINAL = """
    CREATE TABLE _migrations (
      id TEXT PRIMARY KEY, version INTEGER NOT NULL, description TEXT NOT NULL,
      applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
    );
    INSERT INTO _migrations VALUES ('001_step', 1, 'Initial schema', '2025-09-30 10:00:00');
    INSERT INTO _migrations VALUES ('002_step', 2, 'Tags', '2025-10-01 11:30:00');
"""


@pytest.fixture
def original(path):
    """A file whose history has the shape of the browser original."""
    change(path, str(ONE.up) + ";" + str(TWO.up) + ";" + ORIGINAL)
    return path


def test_the_originals_history_is_read_as_it_is_and_nothing_is_written(original):
    before = fingerprint(original)
    assert embedmig.get_applied_migrations(original) == [
        Applied(1, "001_step", "Initial schema", "2025-09-30 10:00:00"),
        Applied(2, "002_step", "Tags", "2025-10-01 11:30:00"),
    ]
    assert embedmig.run_migrations(original, [ONE, TWO]).ran == ()
    with embedmig.open(original, [ONE, TWO]) as db:
        assert db["notes"].count == 1
    assert Migrator([ONE, TWO]).status(original).current
    assert Migrator([ONE, TWO]).is_current(original)
    assert fingerprint(original) == before


def test_the_originals_history_is_rebuilt_inside_the_next_run_and_no_row_is_lost(original):
    assert embedmig.run_migrations(original, ALL).ran == ("003_step",)
    assert query(original, "SELECT version, id, description, applied_at, duration_ms, finished FROM _migrations")[
        :2
    ] == [
        (1, "001_step", "Initial schema", "2025-09-30 10:00:00", None, 1),
        (2, "002_step", "Tags", "2025-10-01 11:30:00", None, 1),
    ]
    assert query(original, "SELECT id FROM _migrations ORDER BY version") == [(id,) for id in IDS]
    assert [row[1] for row in query(original, "PRAGMA table_info(_migrations)")][-1] == "finished"


def test_the_originals_history_is_as_it_was_if_the_run_fails(original):
    before = content(original)
    with pytest.raises(MigrationFailed):
        embedmig.run_migrations(original, [ONE, TWO, sql(3, "SELECT nowhere FROM notes")])
    assert content(original) == before


def test_two_rows_of_the_original_that_claim_one_version_are_refused_and_both_named(original):
    change(original, "INSERT INTO _migrations VALUES ('002_other', 2, 'Other', '2025-10-02 00:00:00')")
    error = refused(original, Migrator(ALL), HistoryMismatch)
    assert "two rows claim version 2" in str(error)
    assert "002_step (2025-10-01 11:30:00)" in str(error)
    assert "002_other (2025-10-02 00:00:00)" in str(error)
    assert "Nothing was changed." in str(error)


def test_unknown_extra_columns_of_a_later_embedmig_are_tolerated(notes):
    change(notes, "ALTER TABLE _migrations ADD COLUMN mood TEXT DEFAULT 'fine'; UPDATE _migrations SET mood = 'good'")
    assert embedmig.run_migrations(notes, ALL).ran == ("003_step",)
    assert query(notes, "SELECT version, mood FROM _migrations ORDER BY version") == [
        (1, "good"),
        (2, "good"),
        (3, "fine"),
    ]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("CREATE VIEW _migrations AS SELECT 1 AS id, 2 AS version", "its view _migrations"),
        ("CREATE TABLE _migrations (name TEXT, batch INTEGER)", "its table _migrations has the columns name, batch"),
        ("CREATE TABLE _migrations (version TEXT PRIMARY KEY)", "its table _migrations has the columns version"),
        ("CREATE TABLE _MIGRATIONS (migration_name TEXT)", "its table _migrations has the columns migration_name"),
        (
            "CREATE TABLE _migrations (id TEXT, version TEXT, description TEXT, applied_at TEXT);"
            "INSERT INTO _migrations VALUES ('a', '1.0.3', '', '')",
            "its table _migrations has version '1.0.3'",
        ),
    ],
)
def test_something_else_called_migrations_is_another_apps(path, script, why):
    change(path, script)
    error = refused(path, Migrator(ALL), ForeignDatabase)
    assert "notes.db is another app's file: " in str(error)
    assert why in str(error)


# -- shipped and applied disagree ---------------------------------------------------------------------------------------


def test_a_file_too_new_is_refused_and_says_what_it_has_and_what_wrote_it(path):
    Migrator(ALL, app_version="3.2").migrate(path)
    error = refused(path, Migrator([ONE]), DatabaseTooNew)
    assert str(error) == (
        "notes.db is at version 3, but this app knows versions up to 1 (unknown here: 002_step, 003_step)."
        " Nothing was changed. Update the app to 3.2 or later."
    )
    assert (error.unknown, error.newest, error.version, error.app_version) == (("002_step", "003_step"), 1, 3, "3.2")
    assert (error.data_is_safe, error.may_offer_reset) == (True, False)


def test_a_file_too_new_opens_as_it_is_if_all_that_is_unknown_is_backward_compatible(path):
    newer = [ONE, edited(TWO, backward_compatible=True), edited(THREE, backward_compatible=True)]
    embedmig.run_migrations(path, newer)
    before = fingerprint(path)
    with embedmig.open(path, [ONE]) as db:
        assert db["notes"].count == 1
    assert Migrator([ONE]).is_current(path)
    assert Migrator([ONE]).migrate(path).after == 3
    assert fingerprint(path) == before


def test_one_unknown_migration_that_is_not_backward_compatible_is_enough(path):
    embedmig.run_migrations(path, [ONE, edited(TWO, backward_compatible=True), THREE])
    refused(path, Migrator([ONE]), DatabaseTooNew)


def test_a_backward_compatible_file_is_refused_while_something_shipped_is_pending(path):
    embedmig.run_migrations(path, [ONE, edited(TWO, backward_compatible=True)])
    change(path, "DELETE FROM _migrations WHERE version = 1")
    refused(path, Migrator([ONE]), DatabaseTooNew)


DISAGREEMENTS = {
    "renamed": (
        [edited(ONE, id="001_initial"), TWO],
        "001_step is applied but not shipped (renamed to 001_initial?)",
    ),
    "renamed, with something pending": (
        [ONE, edited(TWO, id="002_labels"), THREE],
        "002_step is applied but not shipped (renamed to 002_labels?)",
    ),
    "reordered": (
        [edited(TWO, version=1), edited(ONE, version=2)],
        "001_step was applied as version 1 and is shipped as version 2",
    ),
    "reordered, with something pending": (
        [edited(TWO, version=1), edited(ONE, version=2), THREE],
        "002_step was applied as version 2 and is shipped as version 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("shipped", "problem"), DISAGREEMENTS.values(), ids=DISAGREEMENTS)
def test_a_history_that_is_not_that_of_the_shipped_migrations_is_refused(notes, shipped, problem):
    error = refused(notes, Migrator(shipped), HistoryMismatch)
    assert problem in error.problems
    assert problem in str(error)
    assert error.applied == ("001_step", "002_step")
    assert error.shipped == tuple(m.id for m in sorted(shipped, key=lambda m: m.version))
    assert "Applied: 001_step, 002_step. Nothing was changed. Ship the migrations under the names" in str(error)
    assert (error.data_is_safe, error.may_offer_reset) == (True, False)


STAMPS = [sql(20240101120000 + i, f"CREATE TABLE t{i} (x)") for i in (0, 5, 17, 30)]


def test_a_removed_migration_is_refused(path):
    embedmig.run_migrations(path, STAMPS[:3])
    error = refused(path, Migrator([STAMPS[0], STAMPS[2], STAMPS[3]]), HistoryMismatch)
    assert error.problems == ("20240101120005_step is applied but not shipped",)


@pytest.mark.parametrize("pending", [[], STAMPS[3:]], ids=["alone", "with a newer one"])
def test_a_late_migration_is_refused_unless_out_of_order_is_allowed(path, pending):
    embedmig.run_migrations(path, [STAMPS[0], STAMPS[2]])
    shipped = STAMPS[:3] + pending
    error = refused(path, Migrator(shipped), HistoryMismatch)
    assert error.problems == (
        "20240101120005_step is pending but older than version 20240101120017 of the file"
        " (the policy out_of_order would run it)",
    )
    report = Migrator(shipped, out_of_order=True).migrate(path)
    assert report.ran == ("20240101120005_step", *(m.id for m in pending))
    assert Migrator(shipped).is_current(path)


def test_a_row_deleted_by_hand_is_a_late_migration(path):
    embedmig.run_migrations(path, ALL)
    change(path, "DELETE FROM _migrations WHERE version = 2")
    error = refused(path, Migrator(ALL), HistoryMismatch)
    assert "002_step is pending but older than version 3 of the file" in str(error)


def test_an_older_app_refuses_a_file_that_got_a_late_migration(path):
    embedmig.run_migrations(path, [STAMPS[0], STAMPS[2]])
    Migrator(STAMPS[:3], out_of_order=True).migrate(path)
    error = refused(path, Migrator([STAMPS[0], STAMPS[2]]), HistoryMismatch)
    assert error.problems == ("20240101120005_step is applied but not shipped",)


# -- edited --------------------------------------------------------------------------------------------------------------

TWO_EDITED = edited(TWO, up="CREATE TABLE tags (id INTEGER PRIMARY KEY, edited)")


def test_an_edited_migration_is_a_warning_when_something_is_pending(notes, caplog):
    assert embedmig.run_migrations(notes, [ONE, TWO_EDITED, THREE]).ran == ("003_step",)
    assert [(r.name, r.levelno, r.message) for r in caplog.records if r.levelno >= logging.WARNING] == [
        (
            "embedmig",
            logging.WARNING,
            f"002_step was edited after it was applied to {notes}: its change will not run again",
        )
    ]


def test_a_launch_with_nothing_pending_compares_ids_alone(notes, caplog):
    before = fingerprint(notes)
    with embedmig.open(notes, [ONE, TWO_EDITED]):
        assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
    assert fingerprint(notes) == before


@pytest.mark.parametrize("more", [[], [THREE]], ids=["nothing pending", "pending"])
def test_an_edited_migration_is_an_error_under_strict(notes, more):
    error = refused(notes, Migrator([ONE, TWO_EDITED, *more], strict=True), HistoryMismatch)
    assert error.problems == ("002_step was edited after it was applied",)
    assert "Put the released text back and ship the change as a new migration." in str(error)


def test_status_lists_what_was_edited(notes):
    assert Migrator([ONE, TWO_EDITED]).status(notes).edited == ("002_step",)


@pytest.mark.parametrize(
    "text",
    ["CREATE TABLE a (x);\r\nCREATE TABLE b (y);\r\n", "\ufeffCREATE TABLE a (x);  \nCREATE TABLE b (y);\n\n\n"],
    ids=["CRLF", "BOM and blanks"],
)
def test_another_checkout_of_the_same_text_is_no_edit(tmp_path, path, text, caplog):
    embedmig.run_migrations(path, write(tmp_path / "lf", **{"001_a.sql": "CREATE TABLE a (x);\nCREATE TABLE b (y);\n"}))
    Migrator(write(tmp_path / "other", **{"001_a.sql": text}), strict=True).migrate(path)


# -- whose file --------------------------------------------------------------------------------------------------------------

OTHERS = [
    sql(1, "CREATE TABLE songs (x)"),
    sql(2, "CREATE TABLE artists (x)"),
    sql(3, "CREATE TABLE albums (x)"),
]


def test_a_history_of_which_no_checksum_agrees_is_another_apps(path):
    embedmig.run_migrations(path, OTHERS[:2])
    error = refused_with_something_pending(path, Migrator(ALL))
    assert "notes.db is another app's file: its history has this app's migration ids" in str(error)


def refused_with_something_pending(path, migrator):
    before = fingerprint(path)
    with pytest.raises(ForeignDatabase) as foreign:
        migrator.open(path)
    assert fingerprint(path) == before
    assert foreign.value.data_is_safe
    return foreign.value


@pytest.mark.parametrize(
    "script",
    ["CREATE TABLE songs (x)", "CREATE VIEW songs AS SELECT 1", "CREATE VIRTUAL TABLE songs USING fts5 (title)"],
)
def test_a_file_with_something_in_it_and_no_history_is_another_apps(path, script):
    change(path, script)
    error = refused(path, Migrator(ALL), ForeignDatabase)
    assert str(error).startswith("notes.db is another app's file: it has songs")
    assert "and no history of migrations. Nothing was changed. Open this app's own file." in str(error)
    assert "detect_version= or a baseline" in str(error)


@pytest.mark.parametrize(
    "script", ["", "PRAGMA user_version = 7;", "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE t;"]
)
def test_an_empty_database_is_a_new_file(path, script):
    change(path, script + "VACUUM;")
    assert embedmig.run_migrations(path, ALL).before == 0


@pytest.mark.parametrize("ours", [0x6E6F7465, 0xFFFFFFFE, 2**31])
def test_an_application_id_claims_a_file_that_has_none(path, ours):
    embedmig.run_migrations(path, [ONE])
    Migrator([ONE, TWO], application_id=ours).migrate(path)
    assert int.from_bytes(path.read_bytes()[68:72], "big") == ours
    with Migrator([ONE, TWO], application_id=ours).open(path) as db:
        assert db["notes"].count == 1
    assert Migrator([ONE, TWO], application_id=ours).is_current(path)
    refused(path, Migrator([ONE, TWO], application_id=7), ForeignDatabase)


def test_a_file_with_another_application_id_is_refused(notes):
    change(notes, "PRAGMA application_id = 0x12345678")
    for shipped in ([ONE, TWO], ALL):
        error = refused(notes, Migrator(shipped, application_id=0x6E6F7465), ForeignDatabase)
        assert "its application_id is 0x12345678, and this app's is 0x6e6f7465" in str(error)
        with pytest.raises(ForeignDatabase):
            Migrator(shipped, application_id=0x6E6F7465).status(notes)


def test_an_application_id_is_undone_with_a_failed_run(path):
    embedmig.run_migrations(path, [ONE])
    with pytest.raises(MigrationFailed):
        Migrator([ONE, BAD], application_id=7).migrate(path)
    assert content(path)["application_id"] == 0


def test_an_application_id_of_a_file_with_nothing_pending_is_not_claimed(notes):
    before = fingerprint(notes)
    Migrator([ONE, TWO], application_id=7).open(notes).close()
    assert fingerprint(notes) == before


@pytest.mark.parametrize("wrong", [0, -1, 2**32, 2**40])
def test_an_application_id_has_32_bits(wrong):
    with pytest.raises(UsageError, match="is not a number of 32 bits above 0"):
        Migrator(ALL, application_id=wrong)


# -- files from before embedmig --------------------------------------------------------------------------------------------

BEFORE = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (1, 'old');"


class Detect:
    """The app's own detect_version, which keeps the connections that it was asked on."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __call__(self, conn):
        self.asked.append(conn.in_transaction)
        if callable(self.answer):
            return self.answer(conn)
        return self.answer


def test_detect_version_is_asked_once_under_the_lock_and_what_it_says_is_recorded(path):
    change(path, BEFORE)
    detect = Detect(1)
    migrator = Migrator(ALL, detect_version=detect)
    assert migrator.migrate(path).ran == ("002_step", "003_step")
    assert detect.asked == [True]
    assert query(path, "SELECT id, duration_ms IS NULL FROM _migrations ORDER BY version") == [
        ("001_step", 1),
        ("002_step", 0),
        ("003_step", 0),
    ]
    assert query(path, "SELECT text FROM notes") == [("old",)]
    with migrator.open(path):
        assert detect.asked == [True]


def test_detect_version_may_say_that_the_file_is_already_at_the_newest(path):
    change(path, BEFORE + str(TWO.up) + ";" + str(THREE.up))
    detect = Detect(3)
    with Migrator(ALL, detect_version=detect).open(path) as db:
        assert [a.id for a in embedmig.get_applied_migrations(db)] == IDS
    assert len(detect.asked) == 1
    assert Migrator(ALL, strict=True).is_current(path)


def test_detect_version_may_say_zero_and_everything_runs(path):
    change(path, "CREATE TABLE unrelated (x)")
    assert Migrator(ALL, detect_version=Detect(0)).migrate(path).ran == tuple(IDS)


def test_detect_version_is_not_asked_about_a_new_file_or_one_with_a_history(path, notes, tmp_path):
    detect = Detect(1)
    Migrator(ALL, detect_version=detect).migrate(tmp_path / "new.db")
    Migrator(ALL, detect_version=detect).migrate(notes)
    assert detect.asked == []


def test_detect_version_that_does_not_know_the_file_refuses_it(path):
    change(path, BEFORE)
    error = refused(path, Migrator(ALL, detect_version=Detect(None)), ForeignDatabase)
    assert "it has notes and no history" in str(error)
    assert "detect_version() does not know it" in str(error)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("1", "detect_version() returned '1'."),
        (True, "detect_version() returned True."),
        (-1, "detect_version() returned -1."),
        (9, "there is no version 9: this app ships versions 1 to 3"),
    ],
)
def test_detect_version_that_answers_nonsense_is_told_so(path, answer, message):
    change(path, BEFORE)
    error = refused(path, Migrator(ALL, detect_version=Detect(answer)), UsageError)
    assert message.lower() in str(error).lower()


def writes(conn):
    conn.execute("UPDATE notes SET text = 'changed'")
    return 1


def writes_and_swallows(conn):
    try:
        conn.execute("UPDATE notes SET text = 'changed'")
    except sqlite3.Error:
        return None
    return 1


@pytest.mark.parametrize("how", ["path", "connection"])
@pytest.mark.parametrize("answer", [writes, writes_and_swallows])
def test_detect_version_may_not_write(path, answer, how):
    change(path, BEFORE)
    before = fingerprint(path)
    migrator = Migrator(ALL, detect_version=Detect(answer))
    with closing(sqlite3.connect(path)) as conn, pytest.raises(embedmig.EmbedmigError):
        migrator.migrate(path if how == "path" else conn)
    assert fingerprint(path) == before


def test_what_detect_version_raises_passes_through_and_changes_nothing(path):
    change(path, BEFORE)
    before = fingerprint(path)

    def answer(conn):
        raise LookupError("the app's own")

    with pytest.raises(LookupError, match="the app's own"):
        Migrator(ALL, detect_version=answer).migrate(path)
    assert fingerprint(path) == before


def test_a_connection_that_may_only_be_read_stays_so_after_detect_version(path):
    change(path, BEFORE)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA query_only = ON")
        with pytest.raises(embedmig.DatabaseReadOnly):
            Migrator(ALL, detect_version=Detect(1)).migrate(conn)
        assert conn.execute("PRAGMA query_only").fetchone() == (1,)


def test_a_failed_run_takes_what_was_detected_back_too(path):
    change(path, BEFORE)
    before = content(path)
    with pytest.raises(MigrationFailed):
        Migrator([ONE, BAD], detect_version=Detect(1)).migrate(path)
    assert content(path) == before


def test_a_baseline_records_up_to_a_version_and_runs_nothing(path):
    change(path, BEFORE + str(TWO.up))
    report = Migrator(ALL).baseline(path, 2)
    assert (report.before, report.after, report.ran) == (0, 2, ("001_step", "002_step"))
    assert query(path, "SELECT id, duration_ms FROM _migrations") == [("001_step", None), ("002_step", None)]
    assert query(path, "SELECT text FROM notes") == [("old",)]
    assert embedmig.run_migrations(path, ALL).ran == ("003_step",)


def test_a_baseline_goes_up_only_and_to_versions_that_are_shipped(notes):
    before = fingerprint(notes)
    with pytest.raises(UsageError, match="already at version 2, above 1"):
        Migrator(ALL).baseline(notes, 1)
    with pytest.raises(UsageError, match=r"(?i)there is no version 9"):
        Migrator(ALL).baseline(notes, 9)
    assert fingerprint(notes) == before


def test_a_baseline_at_the_files_own_version_records_nothing_more(notes):
    assert Migrator(ALL).baseline(notes, 2).ran == ()
    assert len(embedmig.get_applied_migrations(notes)) == 2


def test_a_baseline_of_a_file_that_is_not_there_is_an_error(path):
    with pytest.raises(UsageError, match=r"(?i)there is no database at"):
        Migrator(ALL).baseline(path, 1)
    assert not path.exists()


# -- the three core functions ----------------------------------------------------------------------------------------------


def test_a_migration_can_be_marked_as_applied(path):
    change(path, BEFORE)
    with closing(sqlite3.connect(path)) as conn:
        embedmig.mark_migration_applied(conn, ONE)
        embedmig.mark_migration_applied(conn, TWO)
        assert [a.id for a in embedmig.get_applied_migrations(conn)] == ["001_step", "002_step"]
        assert not conn.in_transaction
    assert embedmig.run_migrations(path, ALL[:2]).ran == ()
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'tags'") == [(0,)]


@pytest.mark.parametrize(
    ("migration", "message"),
    [
        (ONE, "001_step is already applied"),
        (sql(4, "SELECT 1"), "004_step has version 4, but the file is at 2"),
        (edited(ONE, id="001_other"), "001_other has version 1, but the file is at 2"),
    ],
)
def test_marking_out_of_turn_is_an_error(notes, migration, message):
    before = fingerprint(notes)
    with pytest.raises(UsageError) as wrong:
        embedmig.mark_migration_applied(notes, migration)
    assert message in str(wrong.value)
    assert fingerprint(notes) == before


def test_what_was_run_is_what_is_applied(path):
    report = embedmig.run_migrations(path, ALL)
    assert report.ran == tuple(a.id for a in embedmig.get_applied_migrations(path))


# -- questions do not write -----------------------------------------------------------------------------------------------

QUESTIONS = {
    "ready": (lambda p: embedmig.run_migrations(p, ALL), ALL),
    "pending": (lambda p: embedmig.run_migrations(p, [ONE]), ALL),
    "too new": (lambda p: embedmig.run_migrations(p, ALL), [ONE]),
    "renamed": (lambda p: embedmig.run_migrations(p, [ONE, TWO]), [edited(ONE, id="001_initial"), TWO]),
    "late": (lambda p: embedmig.run_migrations(p, [STAMPS[0], STAMPS[2]]), STAMPS),
    "edited": (lambda p: embedmig.run_migrations(p, [ONE, TWO]), [ONE, TWO_EDITED, THREE]),
    "the original's": (lambda p: change(p, BEFORE + ORIGINAL), ALL),
    "empty": (lambda p: change(p, "VACUUM"), ALL),
    "in WAL": (lambda p: (embedmig.run_migrations(p, [ONE]), change(p, "PRAGMA journal_mode = WAL")), ALL),
}
EXPECTED = {  # version, pending, unknown, edited, current
    "ready": (3, (), (), (), True),
    "pending": (1, ("002_step", "003_step"), (), (), False),
    "too new": (3, (), ("002_step", "003_step"), (), False),
    "renamed": (2, ("001_initial",), ("001_step",), (), False),
    "late": (20240101120017, ("20240101120005_step", "20240101120030_step"), (), (), False),
    "edited": (2, ("003_step",), (), ("002_step",), False),
    "the original's": (2, ("003_step",), (), (), False),
    "empty": (0, ("001_step", "002_step", "003_step"), (), (), False),
    "in WAL": (1, ("002_step", "003_step"), (), (), False),
}


@pytest.mark.parametrize("case", QUESTIONS)
def test_status_says_how_the_file_stands_and_writes_nothing(path, case):
    make, shipped = QUESTIONS[case]
    make(path)
    before, beside = fingerprint(path), sorted(path.parent.iterdir())
    status = Migrator(shipped).status(path)
    assert (status.version, status.pending, status.unknown, status.edited, status.current) == EXPECTED[case]
    assert status.path == str(path)
    assert Migrator(shipped).is_current(path) == status.current
    embedmig.get_applied_migrations(path)
    with closing(sqlite3.connect(path)) as conn:
        assert Migrator(shipped).status(conn) == status
        assert not conn.in_transaction
    assert fingerprint(path) == before
    if case != "in WAL":  # SQLite's own sidecars are excepted
        assert sorted(path.parent.iterdir()) == beside


def test_status_of_a_file_that_is_not_there_makes_none(path):
    status = Migrator(ALL).status(path / "not" / "there.db")
    assert (status.version, status.pending, status.applied, status.current) == (0, tuple(IDS), (), False)
    assert Migrator(ALL).is_current(path) is False
    assert list(path.parent.iterdir()) == []
