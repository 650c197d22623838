"""embedmig status, migrate, rollback, baseline: what is said, what is done, the exit status."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from commands import Ran, app
from helpers import fingerprint, query, write

Cli = Callable[..., Ran]

ASKS = (
    "Usage: embedmig rollback [OPTIONS] [DB]\nTry 'embedmig rollback --help' for help.\n\n"
    "Error: This asks before it goes on, and there is no terminal to ask on. Add --yes.\n"
)


def version(path: Path) -> object:
    return query(path, "SELECT max(version) FROM _migrations")[0][0]


# -- status ----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_yet_has_everything_pending_and_is_not_made(cli: Cli, path: Path) -> None:
    app(path.parent)
    ran = cli("status", "notes.db")
    assert ran.out == (
        "There is no file notes.db yet; 3 migrations would make it.\n\n"
        "  VERSION  MIGRATION  APPLIED  TOOK\n"
        "        1  001_notes  pending\n"
        "        2  002_tags   pending\n"
        "        3  003_stars  pending\n"
    )
    assert (ran.status, ran.err) == (0, "")
    assert not path.exists()


def test_an_older_file_shows_what_is_applied_and_what_is_pending(cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("migrate", "notes.db", "--to", "2")
    ran = cli("status", "notes.db")
    head, _, table = ran.told.partition("\n\n")
    assert head == "notes.db is at version 2; 1 migration is pending."
    assert [line.split() for line in table.splitlines()] == [
        ["VERSION", "MIGRATION", "APPLIED", "TOOK"],
        ["1", "001_notes", "<when>", "<ms>"],
        ["2", "002_tags", "<when>", "<ms>"],
        ["3", "003_stars", "pending"],
    ]
    assert ran.status == 0


@pytest.mark.parametrize(
    ("policy", "first"),
    [
        ("adopts='golang-migrate'", "takes over golang-migrate's record"),
        ("detect_version=lambda conn: 2", "asks detect_version()"),
    ],
)
def test_of_a_file_from_before_embedmig_it_is_said_what_comes_first(
    policy: str, first: str, cli: Cli, path: Path
) -> None:
    app(path.parent)
    write(path.parent, **{"theapp.py": f"import embedmig\nM = embedmig.Migrator('migrations/', {policy})\n"})
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE tags (word TEXT);"
            "CREATE TABLE schema_migrations (version uint64, dirty bool); INSERT INTO schema_migrations VALUES (2, 0);"
        )
    before = fingerprint(path)
    ran = cli("status", "notes.db", "-m", "theapp:M")
    head = f"notes.db has no history yet: a launch first {first}, and then runs what is missing."
    assert (ran.status, ran.out.partition("\n")[0]) == (0, head)
    assert fingerprint(path) == before


def test_what_another_tool_has_recorded_is_listed_as_such(cli: Cli, path: Path) -> None:
    app(path.parent)
    write(
        path.parent, **{"theapp.py": "import embedmig\nM = embedmig.Migrator('migrations/', adopts='golang-migrate')\n"}
    )
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE tags (word TEXT);"
            "CREATE TABLE schema_migrations (version uint64, dirty bool); INSERT INTO schema_migrations VALUES (2, 0);"
        )
    assert cli("status", "notes.db", "-m", "theapp:M").out.partition("\n\n")[2] == (
        "  VERSION  MIGRATION  APPLIED                 TOOK\n"
        "        1  001_notes  as golang-migrate says\n"
        "        2  002_tags   as golang-migrate says\n"
        "        3  003_stars  pending\n"
    )


def test_a_strict_app_says_that_it_refuses_a_file_whose_schema_has_drifted(cli: Cli, path: Path) -> None:
    app(path.parent)
    write(path.parent, **{"theapp.py": "import embedmig\nM = embedmig.Migrator('migrations/', strict=True)\n"})
    cli("migrate", "notes.db", "--to", "2")
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE mine (x)")
    ran = cli("status", "notes.db", "-m", "theapp:M")
    assert ran.out.startswith("notes.db is at version 2, and a launch refuses it.\n")
    refused = cli("migrate", "notes.db", "-m", "theapp:M").err.removeprefix("Error: ")
    assert f"Refused: {refused}" in ran.out


def test_a_current_file_has_nothing_pending_and_lists_its_backups(cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("migrate", "notes.db", "--to", "1")
    cli("migrate", "notes.db")
    ran = cli("status", "notes.db")
    assert ran.out.startswith("notes.db is at version 3, the newest; nothing is pending.\n")
    assert ran.out.endswith("\nBackups: notes.db.v0001.bak\n")


def test_the_exit_code_tells_only_where_it_is_asked_for(cli: Cli, path: Path) -> None:
    app(path.parent)
    assert cli("status", "notes.db").status == 0
    assert cli("status", "notes.db", "--exit-code").status == 1
    cli("migrate", "notes.db")
    assert cli("status", "notes.db", "--exit-code").status == 0


def test_a_file_that_is_too_new_says_what_it_has_that_is_not_shipped(cli: Cli, path: Path) -> None:
    folder = app(path.parent)
    cli("migrate", "notes.db")
    (folder / "003_stars.sql").unlink()
    ran = cli("status", "notes.db", "--exit-code")
    assert ran.status == 1
    assert ran.told.startswith("notes.db is at version 3, and a launch refuses it.\n\n")
    assert ran.told.splitlines()[5].split() == ["3", "003_stars", "<when>", "<ms>", "not", "shipped", "here"]
    assert ran.out.endswith(
        "\n\nRefused: notes.db is at version 3, but this app knows versions up to 2 (unknown here: 003_stars). "
        "Nothing was changed. Update the app to its newest release.\n"
    )


def test_an_edited_migration_is_marked(cli: Cli, path: Path) -> None:
    folder = app(path.parent)
    cli("migrate", "notes.db")
    with (folder / "002_tags.sql").open("a") as file:
        file.write("-- and more\n")
    ran = cli("status", "notes.db")
    assert ran.told.splitlines()[4].split() == ["2", "002_tags", "<when>", "<ms>", "edited", "since"]
    assert ran.status == 0


def test_of_many_applied_migrations_the_newest_are_shown(cli: Cli, path: Path) -> None:
    write(path.parent / "migrations", **{f"{n:03}_t.sql": f"CREATE TABLE t{n} (x);" for n in range(1, 13)})
    cli("migrate", "notes.db")
    out = cli("status", "notes.db").out
    assert "005_t" in out and "004_t" not in out
    assert out.endswith("\n  (and 4 earlier ones: embedmig history)\n")


def test_status_as_json_has_every_field_and_the_refusal(cli: Cli, path: Path) -> None:
    folder = app(path.parent)
    cli("migrate", "notes.db")
    (folder / "003_stars.sql").unlink()
    found = json.loads(cli("status", "notes.db", "--json").out)
    assert [applied["id"] for applied in found["applied"]] == ["001_notes", "002_tags", "003_stars"]
    assert (found["version"], found["pending"], found["unknown"], found["current"]) == (3, [], ["003_stars"], False)
    assert found["refusal"]["type"] == "DatabaseTooNew"


# -- migrate -----------------------------------------------------------------------------------------------------------


def test_migrate_makes_the_file_and_tells_what_ran(cli: Cli, path: Path) -> None:
    app(path.parent)
    ran = cli("migrate", "notes.db")
    assert ran.told == "notes.db: version 0 -> 3 in <s>\n  001_notes\n  002_tags\n  003_stars\n"
    assert (ran.status, ran.err) == (0, "")
    assert version(path) == 3


def test_migrate_to_a_version_stops_there_and_the_next_run_keeps_a_backup(cli: Cli, path: Path) -> None:
    app(path.parent)
    assert cli("migrate", "notes.db", "--to", "1").told == "notes.db: version 0 -> 1 in <s>\n  001_notes\n"
    assert cli("migrate", "notes.db").told == (
        "notes.db: version 1 -> 3 in <s>\n  002_tags\n  003_stars\nBackup: notes.db.v0001.bak\n"
    )


def test_a_current_file_is_left_alone(cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("migrate", "notes.db")
    before = fingerprint(path)
    assert cli("migrate", "notes.db") == (0, "notes.db is at version 3; nothing was pending.\n", "")
    assert fingerprint(path) == before


def test_a_version_that_is_not_shipped_is_an_error_of_the_call(cli: Cli, path: Path) -> None:
    app(path.parent)
    assert cli("migrate", "notes.db", "--to", "9") == (
        2,
        "",
        "Error: There is no version 9: this app ships versions 1 to 3. Nothing was changed. Name one of those.\n",
    )


def test_the_report_as_json(cli: Cli, path: Path) -> None:
    app(path.parent)
    found = json.loads(cli("migrate", "notes.db", "--json").out)
    assert found.pop("duration_s") > 0
    assert found == {
        "path": str(path),
        "before": 0,
        "after": 3,
        "ran": ["001_notes", "002_tags", "003_stars"],
        "backup": None,
    }


def test_a_failed_migration_is_a_sentence_on_stderr_and_no_traceback(cli: Cli, path: Path) -> None:
    folder = app(path.parent)
    write(folder, **{"004_wrong.sql": "CREATE TABLE extra (x);\nINSERT INTO nowhere VALUES (1);\n"})
    ran = cli("migrate", "notes.db")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == (
        "Error: notes.db: up of 004_wrong failed (004_wrong.sql, line 2): no such table: nowhere [SQLITE_ERROR]. "
        "Statement: INSERT INTO nowhere VALUES (1);\nEverything was undone: notes.db is still at version 0.\n"
    )


def test_debug_shows_the_traceback_above_the_sentence(cli: Cli, path: Path) -> None:
    folder = app(path.parent)
    write(folder, **{"004_wrong.py": "def up(db):\n    raise KeyError('color')\n"})
    ran = cli("migrate", "notes.db", "--debug")
    assert "Traceback (most recent call last):\n" in ran.err
    assert "KeyError: 'color'" in ran.err
    assert ran.err.splitlines()[-1].startswith("Error: notes.db: up of 004_wrong failed (004_wrong.py, line 2): ")


def test_an_error_as_json_stands_on_stdout_and_its_sentence_on_stderr(cli: Cli, path: Path) -> None:
    folder = app(path.parent)
    write(folder, **{"004_wrong.sql": "INSERT INTO nowhere VALUES (1);\n"})
    ran = cli("migrate", "notes.db", "--json")
    error = json.loads(ran.out)["error"]
    assert (error["type"], error["id"], error["direction"], error["line"]) == ("MigrationFailed", "004_wrong", "up", 1)
    assert ran.err == f"Error: {error['message']}\n"


def test_what_the_library_warns_of_goes_to_stderr(cli: Cli, path: Path) -> None:
    folder = app(path.parent)
    cli("migrate", "notes.db", "--to", "2")
    with (folder / "002_tags.sql").open("a") as file:
        file.write("-- and more\n")
    ran = cli("migrate", "notes.db")
    assert ran.status == 0
    assert ran.err.startswith("WARNING: ") and "002_tags" in ran.err


@pytest.mark.parametrize("command", ["status", "migrate", "rehearse", "backup", "drift"])
def test_a_file_that_is_no_database_is_unreadable(command: str, cli: Cli, path: Path) -> None:
    app(path.parent)
    path.write_text("bread, cheese, olives\n" * 40)
    assert cli(command, "notes.db") == (
        2,
        "",
        "Error: notes.db is not a SQLite database, or is encrypted (file is not a database). Nothing was changed. "
        "Choose another file, or put a backup in its place.\n",
    )


def test_another_apps_file_is_refused(cli: Cli, path: Path) -> None:
    app(path.parent)
    query(path, "CREATE TABLE photos (x)")
    ran = cli("migrate", "notes.db")
    assert ran.status == 1
    assert ran.err.startswith("Error: notes.db is another app's file: it has photos and no history of migrations.")


def test_a_number_is_no_name_of_a_file_that_is_to_be_made(cli: Cli, path: Path) -> None:
    app(path.parent)
    ran = cli("migrate", "2")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.endswith(
        "\nError: There is no file 2. If the version is meant: --to 2. If a file is to be called so: -d 2.\n"
    )
    assert sorted(os.listdir(path.parent)) == ["migrations"]
    assert cli("migrate", "-d", "2").status == 0
    assert cli("migrate", "2").out == "2 is at version 3; nothing was pending.\n"


# -- rollback ----------------------------------------------------------------------------------------------------------


def test_rollback_runs_the_downs_newest_first(cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("migrate", "notes.db")
    ran = cli("rollback", "notes.db", "--to", "1", "--yes")
    assert ran.told == (
        "notes.db: version 3 -> 1 in <s>\n  down of 003_stars\n  down of 002_tags\nBackup: notes.db.v0003.bak\n"
    )
    assert version(path) == 1


def test_rollback_without_a_terminal_does_nothing_unless_yes_is_said(cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("migrate", "notes.db")
    assert cli("rollback", "notes.db", "--to", "1") == (2, "", ASKS)
    assert version(path) == 3


def test_rollback_to_where_the_file_stands_asks_nothing(cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("migrate", "notes.db")
    assert cli("rollback", "notes.db", "--to", "3") == (
        0,
        "notes.db is at version 3; there is nothing to roll back.\n",
        "",
    )


def test_a_migration_without_a_down_is_named(cli: Cli, path: Path) -> None:
    folder = app(path.parent, shipped=1)
    write(folder, **{"002_tags.sql": "CREATE TABLE tags (word TEXT);"})
    cli("migrate", "notes.db")
    assert cli("rollback", "notes.db", "--to", "0", "--yes") == (
        1,
        "",
        "Error: notes.db can't be rolled back: no down in 002_tags. Nothing was changed. Give each a down, or restore a backup.\n",
    )


def test_the_version_that_remains_must_be_said(cli: Cli, path: Path) -> None:
    app(path.parent)
    ran = cli("rollback", "notes.db")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.endswith("Error: Missing option '--to'.\n")


# -- baseline ----------------------------------------------------------------------------------------------------------


def test_baseline_records_and_runs_nothing(cli: Cli, path: Path) -> None:
    app(path.parent)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, color TEXT)")
    assert cli("baseline", "1", "notes.db") == (
        0,
        "notes.db: recorded as version 1 without running anything: 001_notes.\n",
        "",
    )
    assert version(path) == 1
    assert query(path, "SELECT name FROM pragma_table_info('notes')") == [("id",), ("body",), ("color",)]


def test_baseline_of_a_file_that_is_not_there(cli: Cli, path: Path) -> None:
    app(path.parent)
    assert cli("baseline", "1", "notes.db") == (
        2,
        "",
        f"Error: There is no database at {path}. Nothing was changed. Give the path of the file that is meant.\n",
    )
