"""Which file and which migrations a command means: options, [tool.embedmig] in the nearest pyproject.toml, this folder."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import ONE, Ran, app
from helpers import query, write

Cli = Callable[..., Ran]

WHICH = 'Error: Which file? Give its path, or write database = "notes.db" under [tool.embedmig] in pyproject.toml.\n'
NAME_THEM = "Name them by -m, or by migrations = ... under [tool.embedmig] in pyproject.toml; `embedmig new` writes the first one.\n"

# An app whose migrations need what its own Migrator brings.
DB = """
import embedmig

def prepare(conn):
    conn.create_function("shout", 1, str.upper, deterministic=True)

MIGRATOR = embedmig.Migrator("notes_app.migrations", prepare=prepare, app_version="2.0")
COUNT = 3
"""
SHOUT = "CREATE TABLE notes (body TEXT); INSERT INTO notes VALUES (shout('hello'));"


def config(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(textwrap.dedent(text), encoding="utf-8")


def notes_app(folder: Path) -> None:
    write(folder / "notes_app", **{"__init__.py": "", "db.py": DB})
    write(folder / "notes_app" / "migrations", **{"__init__.py": "", "001_shout.sql": SHOUT})


def test_the_file_must_be_named(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    ran = cli("status")
    assert ran.status == 2
    assert ran.err.endswith(WHICH)


def test_a_file_may_be_named_by_its_place_or_by_an_option(cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("migrate", "-d", "notes.db")
    assert cli("status", "notes.db").out == cli("status", "--database", "notes.db").out


def test_two_different_files_are_refused(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    ran = cli("migrate", "notes.db", "-d", "other.db")
    assert ran.status == 2
    assert ran.err.endswith("\nError: Two files are named: notes.db and other.db.\n")
    assert sorted(os.listdir(tmp_path)) == ["migrations"]


def test_without_a_configuration_the_migrations_are_those_in_this_folder(cli: Cli, path: Path) -> None:
    """And no package `migrations` that happens to be installed: this repository itself has one."""
    ran = cli("migrate", "notes.db")
    assert ran.status == 2
    assert ran.err.endswith(f"\nError: There is no folder migrations here. {NAME_THEM}")
    assert not path.exists()


def test_migrations_that_are_elsewhere_are_named_and_not_taken(cli: Cli, path: Path) -> None:
    write(path.parent / "notes_app" / "migrations", **{"001_notes.sql": ONE})
    ran = cli("migrate", "notes.db")
    assert ran.status == 2
    there = Path("notes_app/migrations")
    assert ran.err.endswith(f"\nError: There is no folder migrations here, but {there}. {NAME_THEM}")
    assert not path.exists()


def test_a_pyproject_that_can_t_be_read_is_not_passed_over(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    (tmp_path / "pyproject.toml").mkdir()
    ran = cli("migrate", "notes.db")
    assert ran.status == 2
    assert f"\nError: {tmp_path / 'pyproject.toml'} can't be read: " in ran.err
    assert not (tmp_path / "notes.db").exists()


def test_the_nearest_pyproject_says_both_also_from_a_folder_below(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "steps", **{"001_notes.sql": ONE})
    config(tmp_path, '[tool.embedmig]\nmigrations = "steps"\ndatabase = "data/notes.db"\n')
    below = tmp_path / "docs" / "pages"
    below.mkdir(parents=True)
    config(below, "[project]\nname = 'other'\n")  # has no [tool.embedmig]
    monkeypatch.chdir(below)
    assert cli("migrate").status == 0
    assert query(tmp_path / "data" / "notes.db", "SELECT id FROM _migrations") == [("001_notes",)]


def test_a_name_with_a_blank_that_no_terminal_shows_is_taken_as_it_stands(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    config(tmp_path, '[tool.embedmig]\ndatabase = "my\u00a0notes.db"\n')
    assert cli("migrate").status == 0
    assert (tmp_path / "my\u00a0notes.db").exists()


def test_an_option_wins_over_the_configuration(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    write(tmp_path / "steps", **{"001_other.sql": "CREATE TABLE other (x);"})
    config(tmp_path, '[tool.embedmig]\nmigrations = "migrations"\ndatabase = "notes.db"\n')
    assert cli("migrate", "other.db", "-m", "steps").told == "other.db: version 0 -> 1 in <s>\n  001_other\n"
    assert not (tmp_path / "notes.db").exists()


def test_a_package_is_found_in_the_projects_folder(cli: Cli, path: Path) -> None:
    write(path.parent / "notes_app" / "migrations", **{"__init__.py": "", "001_notes.sql": ONE})
    assert cli("migrate", "notes.db", "-m", "notes_app.migrations").status == 0


def test_migrations_of_this_folder_may_import_each_other(cli: Cli, path: Path) -> None:
    write(
        path.parent / "migrations",
        **{
            "__init__.py": "",
            "_words.py": "WORD = 'tags'\n",
            "001_tags.py": "from ._words import WORD\n\ndef up(db):\n    db.table(WORD).create({'id': int})\n",
        },
    )
    assert cli("migrate", "notes.db").status == 0
    assert query(path, "SELECT name FROM sqlite_master WHERE name = 'tags'") == [("tags",)]


def test_the_apps_own_migrator_brings_its_policy(cli: Cli, path: Path) -> None:
    notes_app(path.parent)
    config(path.parent, '[tool.embedmig]\nmigrations = "notes_app.db:MIGRATOR"\ndatabase = "notes.db"\n')
    assert cli("migrate").status == 0
    assert query(path, "SELECT body FROM notes") == [("HELLO",)]
    assert query(path, "SELECT app_version FROM _migrations") == [("2.0",)]


def test_without_it_what_it_prepares_is_missing(cli: Cli, path: Path) -> None:
    notes_app(path.parent)
    ran = cli("migrate", "notes.db", "-m", "notes_app.migrations")
    assert "no such function: shout" in ran.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("notes_app.db:MIGRATION", "The module notes_app.db has no MIGRATION. Name the app's own: MIGRATION = embedmig.Migrator(...)."),
        ("notes_app.db:COUNT", "The module notes_app.db has a COUNT that is not a Migrator. Name the app's own: COUNT = embedmig.Migrator(...)."),
        ("notes_app.dbx:MIGRATOR", "notes_app.dbx can't be imported: ModuleNotFoundError: No module named 'notes_app.dbx'"),
        ("notes_app.broken:MIGRATOR", "notes_app.broken can't be imported: ZeroDivisionError: division by zero"),
        ("notes_app.steps", f"There is no package and no folder notes_app.steps. {NAME_THEM.rstrip()}"),
        ("steps/", f"There is no package and no folder steps/. {NAME_THEM.rstrip()}"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(name: str, said: str, cli: Cli, path: Path) -> None:
    notes_app(path.parent)
    write(path.parent / "notes_app", **{"broken.py": "1 / 0\n"})
    ran = cli("migrate", "notes.db", "-m", name)
    assert ran.status == 2
    assert ran.err.partition("Error: ")[2] == f"{said}\n"
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.embedmig]\nmigration = 'steps'\n", "[tool.embedmig] has no 'migration'. It has migrations, database, schema."),
        ("[tool.embedmig]\ndatabase = 3\n", "[tool.embedmig] database is not a text."),
        ("[tool.embedmig]\ndatabase = ''\n", "[tool.embedmig] database is not a text."),
        ("[tool]\nembedmig = 'steps'\n", "tool.embedmig is not a table."),
        ("tool = 3\n", "tool is not a table."),
        ("[tool.embedmig\n", "can't be read: Expected ']' at the end of a table declaration (at line 1, column 15)."),
    ],
)  # fmt: skip
def test_a_configuration_that_is_wrong_is_an_error_of_the_call(text: str, said: str, cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    config(tmp_path, text)
    ran = cli("status", "notes.db")
    assert ran.status == 2
    assert ran.err.splitlines()[-1] in (
        f"Error: {tmp_path / 'pyproject.toml'}: {said}",
        f"Error: {tmp_path / 'pyproject.toml'} {said}",
    )


def test_a_set_of_migrations_that_is_wrong_is_named_and_no_error_of_the_call(cli: Cli, path: Path) -> None:
    folder = app(path.parent)
    (folder / "002_tags.sql").rename(folder / "004_tags.sql")
    assert cli("migrate", "notes.db") == (
        1,
        "",
        "Error: Version 2 is missing: 003_stars.sql has version 3. Nothing was changed. Versions run 1, 2, 3, ... "
        "without gaps, unless they are timestamps of ten digits or more.\n",
    )
