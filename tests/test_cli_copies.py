"""embedmig backup, backups, restore, reset."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Ran, app
from helpers import fingerprint, query

Cli = Callable[..., Ran]
NO_TERMINAL = "\nError: This asks before it goes on, and there is no terminal to ask on. Add --yes.\n"


@pytest.fixture
def notes(cli: Cli, path: Path) -> Path:
    """A file at version 2, with one note, an older backup, and a third migration pending."""
    app(path.parent)
    cli("migrate", "notes.db", "--to", "1")
    query(path, "INSERT INTO notes (body) VALUES ('milk')")
    cli("migrate", "notes.db", "--to", "2")
    return path


def test_backup_makes_a_copy_and_says_where(cli: Cli, notes: Path) -> None:
    assert cli("backup", "notes.db").told == "Backup of notes.db: notes.db.v0002.bak (<size>), verified.\n"
    assert query(notes.parent / "notes.db.v0002.bak", "SELECT body FROM notes") == [("milk",)]


def test_backup_as_json(cli: Cli, notes: Path) -> None:
    made = str(notes) + ".v0002.bak"
    assert json.loads(cli("backup", "notes.db", "--json").out) == {"backup": made, "bytes": os.path.getsize(made)}


def test_backup_of_a_file_that_is_not_there(cli: Cli, path: Path) -> None:
    app(path.parent)
    assert cli("backup", "notes.db") == (
        2,
        "",
        f"Error: There is no database at {path}. Nothing was changed. Give the path of the file that is meant.\n",
    )


def test_backups_are_listed_the_newest_version_first(cli: Cli, notes: Path) -> None:
    cli("backup", "notes.db")
    lines = [line.split() for line in cli("backups", "notes.db").told.splitlines()]
    assert lines == [
        ["VERSION", "CONTENT", "OF", "SIZE", "FILE"],
        ["2", "<when>", "<size>", "notes.db.v0002.bak"],
        ["1", "<when>", "<size>", "notes.db.v0001.bak"],
    ]


def test_backups_as_json(cli: Cli, notes: Path) -> None:
    (found,) = json.loads(cli("backups", "notes.db", "--json").out)
    assert (found["backup"], found["version"]) == (str(notes) + ".v0001.bak", 1)
    assert found["bytes"] == os.path.getsize(found["backup"]) and found["changed"][:2] == "20"


def test_a_file_without_backups(cli: Cli, path: Path) -> None:
    app(path.parent)
    assert cli("backups", "notes.db") == (0, "notes.db has no backups.\n", "")


def test_restore_puts_the_newest_in_its_place_and_keeps_what_was_there(cli: Cli, notes: Path) -> None:
    query(notes, "DELETE FROM notes")
    ran = cli("restore", "-d", "notes.db", "--yes")
    assert ran.told == "notes.db: restored, version 2 -> 1 in <s>\nWhat was in it before: notes.db.v0002.bak\n"
    assert query(notes, "SELECT body FROM notes") == [("milk",)]
    assert query(notes.parent / "notes.db.v0002.bak", "SELECT body FROM notes") == []


def test_restore_takes_the_one_that_is_named(cli: Cli, notes: Path) -> None:
    cli("migrate", "notes.db")
    ran = cli("restore", "notes.db.v0001.bak", "-d", "notes.db", "--yes", "--json")
    report = json.loads(ran.out)
    assert (report["before"], report["after"], report["backup"]) == (3, 1, str(notes) + ".v0003.bak")


def test_restore_of_a_backup_that_is_not_there(cli: Cli, notes: Path) -> None:
    ran = cli("restore", "gone.bak", "-d", "notes.db", "--yes")
    assert ran.status == 2
    assert ran.err.startswith(f"Error: There is no backup at {notes.parent / 'gone.bak'}. Nothing was changed.")


def test_reset_builds_the_file_again_and_keeps_one_copy(cli: Cli, notes: Path) -> None:
    ran = cli("reset", "notes.db", "--yes")
    assert ran.told == (
        "notes.db: deleted at version 2, built again at version 3 in <s>\nWhat was in it: notes.db.v0002-reset.bak\n"
    )
    assert query(notes, "SELECT * FROM notes") == []
    assert query(notes.parent / "notes.db.v0002-reset.bak", "SELECT body FROM notes") == [("milk",)]


def test_reset_without_a_backup_keeps_none(cli: Cli, notes: Path) -> None:
    assert cli("reset", "notes.db", "--yes", "--no-backup").told == (
        "notes.db: deleted at version 2, built again at version 3 in <s>\n"
    )
    assert not (notes.parent / "notes.db.v0002-reset.bak").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_reset_of_a_link_to_nothing_builds_its_file(cli: Cli, notes: Path) -> None:
    link = notes.parent / "link.db"
    link.symlink_to(notes.parent / "gone.db")
    assert cli("reset", "link.db", "--yes").told == ("link.db: deleted at version 0, built again at version 3 in <s>\n")
    assert (notes.parent / "gone.db").exists()


def test_reset_of_another_apps_file_needs_force(cli: Cli, path: Path) -> None:
    app(path.parent)
    query(path, "CREATE TABLE photos (x)")
    ran = cli("reset", "notes.db", "--yes")
    assert ran.status == 1
    assert ran.err.startswith("Error: notes.db is another app's file: ")
    assert cli("reset", "notes.db", "--yes", "--force").status == 0
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'photos'") == [(0,)]


def test_reset_of_a_file_that_is_not_there(cli: Cli, path: Path) -> None:
    app(path.parent)
    assert cli("reset", "notes.db", "--yes") == (
        2,
        "",
        "Error: There is no file notes.db to delete. Nothing was changed. `embedmig migrate` makes one.\n",
    )
    assert not path.exists()


@pytest.mark.parametrize("command", [("restore", "-d", "notes.db"), ("reset", "notes.db"), ("rollback", "notes.db", "--to", "0")])  # fmt: skip
def test_without_a_terminal_nothing_is_done_unless_yes_is_said(command: tuple[str, ...], cli: Cli, notes: Path) -> None:
    before = fingerprint(notes)
    ran = cli(*command)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.endswith(NO_TERMINAL)
    assert fingerprint(notes) == before
