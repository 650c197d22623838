"""embedmig check, renumber, doctor: how they answer on the command line. What they find: test_check.py, test_renumber.py, test_doctor.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import TWO, Ran, app
from helpers import query, write

Cli = Callable[..., Ran]


def errors(ran: Ran) -> list[str]:
    """The lines of a check, its notes left out: they depend on what is installed."""
    return [line for line in ran.out.splitlines() if "note: " not in line]


# -- check -------------------------------------------------------------------------------------------------------------


def test_migrations_that_are_fit(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    ran = cli("check")
    assert (ran.status, errors(ran), ran.err) == (0, ["The migrations are fit to be shipped."], "")


def test_what_is_wrong_is_named_with_its_file_and_counted(cli: Cli, tmp_path: Path) -> None:
    write(app(tmp_path), **{"002_words.sql": TWO})
    ran = cli("check")
    assert ran.status == 1
    assert errors(ran) == [
        f"{Path('migrations/002_words.sql')}: error: 2 migrations claim version 2: 002_tags.sql, 002_words.sql. "
        "Renumber the one that nobody has yet: embedmig renumber 002_words",
        "1 error, 0 warnings.",
    ]


def test_a_warning_fails_only_where_it_is_strict(cli: Cli, tmp_path: Path) -> None:
    write(app(tmp_path), **{"004_away.sql": "-- migrate:up\nDROP TABLE tags;\n"})
    ran = cli("check")
    assert (ran.status, errors(ran)[-1]) == (0, "0 errors, 1 warning.")
    assert ": warning: " in errors(ran)[0] and "drops the table tags" in errors(ran)[0]
    assert cli("check", "--strict").status == 1


def test_a_schema_that_the_configuration_names_must_be_the_newest(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path, shipped=2)
    (tmp_path / "pyproject.toml").write_text('[tool.embedmig]\nschema = "schema.sql"\n')
    cli("schema", "--write", "schema.sql")
    assert cli("check").status == 0
    app(tmp_path, shipped=3)
    ran = cli("check")
    assert ran.status == 1
    assert errors(ran)[0].startswith("schema.sql")


def test_check_as_json(cli: Cli, tmp_path: Path) -> None:
    write(app(tmp_path), **{"004_wrong.sql": "INSERT INTO nowhere VALUES (1);"})
    ran = cli("check", "--json")
    assert ran.status == 1
    found = [one for one in json.loads(ran.out)["findings"] if one["level"] == "error"]
    assert {one["line"] for one in found} == {1}
    assert {one["file"] for one in found} == {str(Path("migrations/004_wrong.sql"))}


# -- renumber ----------------------------------------------------------------------------------------------------------


def test_renumber_says_what_it_renamed(cli: Cli, tmp_path: Path) -> None:
    write(app(tmp_path), **{"002_words.sql": "CREATE TABLE words (word TEXT);"})
    assert cli("renumber", "002_words") == (0, f"{Path('migrations/002_words.sql')} -> 004_words.sql\n", "")
    assert cli("check").status == 0


def test_renumber_as_json(cli: Cli, tmp_path: Path) -> None:
    folder = write(app(tmp_path), **{"002_words.sql": "CREATE TABLE words (word TEXT);"})
    (renamed,) = json.loads(cli("renumber", "002_words", "--to", "4", "--json").out)["renamed"]
    assert Path(renamed["from"]).resolve() == folder / "002_words.sql"
    assert Path(renamed["to"]).resolve() == folder / "004_words.sql"


def test_an_applied_migration_keeps_its_number(cli: Cli, path: Path) -> None:
    folder = app(path.parent)
    cli("migrate", "notes.db")
    ran = cli("renumber", "003_stars", "--db", "notes.db")
    assert ran.status == 2
    assert (folder / "003_stars.sql").exists()


# -- doctor ------------------------------------------------------------------------------------------------------------


def test_the_report_of_a_sound_file(cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("migrate", "notes.db")
    ran = cli("doctor", "notes.db")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("versions\n  embedmig ")
    assert "\nhistory\n  version    3\n" in ran.out
    assert json.loads(cli("doctor", "notes.db", "--json").out)["healthy"] is True


@pytest.mark.parametrize("migrations", ["nowhere", "migrations"])
def test_a_file_that_can_not_be_read_has_a_report_too(migrations: str, cli: Cli, path: Path) -> None:
    app(path.parent)
    path.write_text("bread, cheese, olives\n" * 40)
    ran = cli("doctor", "notes.db", "-m", migrations)
    assert ran.status == 1
    assert "notes.db is not a SQLite database" in ran.out
    assert ("There is no package and no folder nowhere." in ran.out) == (migrations == "nowhere")


def test_doctor_of_a_drifted_file_tells_it(cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("migrate", "notes.db")
    query(path, "CREATE TABLE extra (x)")
    assert "table extra" in cli("doctor", "notes.db").out
