"""embedmig new: the next migration's file."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Ran, app
from helpers import write

Cli = Callable[..., Ran]


def test_the_first_one_makes_the_folder(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "Add notes!") == (0, f"Wrote {Path('migrations/001_add_notes.py')}\n", "")
    assert (tmp_path / "migrations" / "001_add_notes.py").read_text() == (
        '"""Add notes."""\n\nfrom sqlite_utils import Database\n\n\n'
        'def up(db: Database) -> None:\n    raise NotImplementedError("write this migration")\n\n\n'
        'def down(db: Database) -> None:\n    raise NotImplementedError("undo what up() did, or delete this function")\n'
    )


def test_the_next_one_gets_the_next_number(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    assert cli("new", "add_words", "--sql").out == f"Wrote {Path('migrations/004_add_words.sql')}\n"
    assert (tmp_path / "migrations" / "004_add_words.sql").read_bytes() == (
        b"-- Add words.\n\n-- migrate:up\nSELECT * FROM write_this_migration;\n\n"
        b"-- migrate:down\nSELECT * FROM undo_what_stands_above_or_delete_this_section;\n"
    )


@pytest.mark.parametrize("more", [(), ("--sql",)])
def test_a_file_that_was_not_filled_in_is_not_applied(more: tuple[str, ...], cli: Cli, path: Path) -> None:
    app(path.parent)
    cli("new", "words", *more)
    ran = cli("migrate", "notes.db")
    assert ran.status == 1
    assert "up of 004_words failed (004_words." in ran.err
    assert ran.err.endswith("Everything was undone: notes.db is still at version 0.\n")


def test_the_file_passes_ruff(cli: Cli, tmp_path: Path) -> None:
    cli("new", "add_notes")
    file = tmp_path / "migrations" / "001_add_notes.py"
    for tool in (["ruff", "check", "--isolated", "--select", "ALL", "--ignore", "INP001,N999,EM101,D,ARG001,CPY"], ["ruff", "format", "--isolated", "--check"]):  # fmt: skip
        done = subprocess.run([sys.executable, "-m", *tool, file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("neighbour", "expected"),
    [
        ("01_a.sql", "02_b.sql"),
        ("0041_a.up.sql", "0042_b.sql"),
        ("999_a.sql", "1000_b.sql"),
        ("_007_a.sql", "001_b.sql"),
    ],
)
def test_the_number_is_written_as_its_neighbours_are(neighbour: str, expected: str, cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "migrations", **{neighbour: "SELECT 1;"})
    assert cli("new", "b", "--sql").out == f"Wrote {Path('migrations', expected)}\n"


def test_a_folder_of_timestamps_gets_the_time(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "migrations", **{"20240101000000_a.sql": "SELECT 1;"})
    id = json.loads(cli("new", "b", "--sql", "--json").out)["id"]
    assert len(id) == len("20240101000000_b") and int(id[:14]) > 20240101000000


def test_a_folder_of_unix_seconds_gets_those_of_now(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "migrations", **{"1700000000_a.sql": "SELECT 1;"})
    id = json.loads(cli("new", "b", "--sql", "--json").out)["id"]
    assert abs(int(id.removesuffix("_b")) - time.time()) < 600


def test_a_timestamp_of_the_future_is_not_overtaken(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "migrations", **{"29990101000000_a.sql": "SELECT 1;"})
    assert cli("new", "b", "--sql").out == f"Wrote {Path('migrations/29990101000001_b.sql')}\n"


def test_it_is_written_where_the_apps_migrator_has_them(cli: Cli, tmp_path: Path) -> None:
    write(
        tmp_path / "notes_app",
        **{"__init__.py": "", "db.py": "import embedmig\nM = embedmig.Migrator('notes_app.steps')\n"},
    )
    write(tmp_path / "notes_app" / "steps", **{"__init__.py": "", "001_a.sql": "SELECT 1;"})
    assert cli("new", "b", "-m", "notes_app.db:M").out == f"Wrote {Path('notes_app/steps/002_b.py')}\n"


def test_a_package_that_is_not_there_yet_is_made_as_a_folder(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "notes_app", **{"__init__.py": ""})
    assert cli("new", "a", "-m", "notes_app.steps").out == f"Wrote {Path('notes_app/steps/001_a.py')}\n"


ONLY = (
    'The migrations in notes_app/migrations are the only ones here. Say once that they are meant: migrations = "notes_app/migrations" '
    "under [tool.embedmig] in pyproject.toml.\n"
)


@pytest.mark.parametrize("there", ["001_a.sql", "__init__.py"])
def test_where_nothing_is_said_the_only_package_of_migrations_gets_it(there: str, cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "notes_app" / "migrations", **{there: ""})
    id = "002_b" if there == "001_a.sql" else "001_b"
    assert cli("new", "b") == (0, f"Wrote {Path('notes_app', 'migrations', id + '.py')}\n{ONLY}", "")
    assert not (tmp_path / "migrations").exists()


def test_the_folder_here_goes_before_one_elsewhere(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    write(tmp_path / "notes_app" / "migrations", **{"001_a.sql": ""})
    assert cli("new", "b").out == f"Wrote {Path('migrations/004_b.py')}\n"


def test_of_two_packages_none_is_taken(cli: Cli, tmp_path: Path) -> None:
    for name in ("notes_app", "src/todo_app"):
        write(tmp_path / name / "migrations", **{"001_a.sql": ""})
    ran = cli("new", "b")
    assert ran.status == 2
    both = f"{Path('notes_app/migrations')}, {Path('src/todo_app/migrations')}"
    assert ran.err.endswith(f"\nError: Several folders of migrations are here: {both}. Name one by -m.\n")
    assert not (tmp_path / "migrations").exists()


def test_a_name_without_letters_is_refused(cli: Cli, tmp_path: Path) -> None:
    ran = cli("new", "!!")
    assert ran.status == 2
    assert ran.err.endswith("Error: '!!' has no letter or digit to call a file by.\n")
    assert not (tmp_path / "migrations").exists()


def test_where_nothing_can_be_written_it_says_so(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "migrations").write_text("a file")
    ran = cli("new", "a")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"Error: {tmp_path / 'migrations' / '001_a.py'} can't be written: ")
