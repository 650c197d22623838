"""embedmig backup, backups, restore, reset."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType, FunctionType

import pytest
from commands import Ran, app
from helpers import fingerprint, query

import embedmig
from embedmig import backup, disk, log, wholefile
from embedmig.migrator import Migrator
from embedmig.reset import reset
from embedmig.run import Run

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


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


@contextmanager
def ctrl_c_at(function: Callable[..., object], before_it: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C as this function of embedmig's begins for the first time; what somebody else does right before it."""
    assert isinstance(function, FunctionType)

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is function.__code__:
            sys.setprofile(None)
            before_it()
            signal.raise_signal(signal.SIGINT)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)


def stopped(cli: Cli, function: Callable[..., object], *arguments: str, before_it: Callable[[], object] = int) -> str:
    """What a command says that Ctrl-C stops there."""
    with ctrl_c_at(function, before_it):
        ran = cli(*arguments, "--yes")
    assert (ran.status, ran.out) == (1, "")
    return ran.err.partition("Error: Stopped by Ctrl-C. ")[2].removesuffix("\n")


GONE = "notes.db was deleted, and not built again: `embedmig migrate` does that."
RESETS: dict[str, tuple[Callable[..., object], str]] = {
    "nothing was done yet": (wholefile.keep, "notes.db is as it was."),
    "a copy was made": (backup.prune, "notes.db is as it was."),
    "it was emptied": (Migrator.migrate, f"{GONE} What was in it: notes.db.v0000-reset.bak."),
}


@pytest.mark.parametrize("moment", RESETS)
def test_an_interrupted_reset_of_another_apps_file_says_whether_it_was_emptied(
    moment: str, cli: Cli, path: Path
) -> None:
    app(path.parent)
    query(path, "CREATE TABLE photos (x)")
    function, told = RESETS[moment]
    assert stopped(cli, function, "reset", "notes.db", "--force") == told
    assert (query(path, "SELECT name FROM sqlite_master") == []) == (moment == "it was emptied")


def test_an_interrupted_reset_without_a_copy_names_none(cli: Cli, notes: Path) -> None:
    assert stopped(cli, Migrator.migrate, "reset", "notes.db", "--no-backup") == GONE


def test_an_interrupted_reset_names_the_copy_that_it_made_not_one_of_a_later_version(cli: Cli, notes: Path) -> None:
    cli("migrate", "notes.db")
    cli("rollback", "notes.db", "--to", "2", "--yes")
    query(notes, "INSERT INTO notes (body) VALUES ('bread')")
    told = stopped(cli, Migrator.migrate, "reset", "notes.db")
    assert told == f"{GONE} What was in it: notes.db.v0002-reset.bak."
    assert query(notes.parent / "notes.db.v0002-reset.bak", "SELECT body FROM notes") == [("milk",), ("bread",)]
    assert (notes.parent / "notes.db.v0003.bak").exists()


def test_an_interrupted_reset_of_a_file_that_was_built_again_says_its_version(cli: Cli, notes: Path) -> None:
    assert stopped(cli, Run._optimize, "reset", "notes.db") == (
        "notes.db was deleted and built again: it is at version 3. What was in it: notes.db.v0002-reset.bak."
    )


BREAD = b"bread, cheese, olives\n" * 40
UNKNOWN = "What became of notes.db is not known: `embedmig doctor` looks at it. What was in it: notes.db.v0002"


@pytest.mark.parametrize(
    ("command", "moment", "told"),
    [
        (("reset", "notes.db"), Migrator.migrate, f"{UNKNOWN}-reset.bak."),
        (("restore", "-d", "notes.db"), log.info, f"{UNKNOWN}.bak."),
    ],
)
def test_where_the_file_cant_be_read_after_ctrl_c_it_says_so(
    command: tuple[str, ...], moment: Callable[..., object], told: str, cli: Cli, notes: Path
) -> None:
    assert stopped(cli, moment, *command, before_it=lambda: notes.write_bytes(BREAD)) == told


def test_a_reset_interrupted_while_another_launch_migrates_claims_nothing(cli: Cli, notes: Path) -> None:
    def launch() -> None:
        with closing(embedmig.connect(notes, notes.parent / "migrations")):
            pass

    told = stopped(cli, reset, "reset", "notes.db", before_it=launch)
    assert told == f"{UNKNOWN}.bak."


def test_an_interrupted_reset_of_an_unreadable_file_says_what_it_is_called_now(cli: Cli, path: Path) -> None:
    app(path.parent)
    path.write_bytes(BREAD)
    assert stopped(cli, disk.move_aside, "reset", "notes.db", "--force") == "notes.db is as it was."
    told = stopped(cli, Migrator.migrate, "reset", "notes.db", "--force")
    assert told == f"{GONE} What was in it: notes.db.unreadable."
    assert (path.parent / "notes.db.unreadable").read_bytes() == BREAD


MOVED = "What stood at notes.db is now called notes.db.unreadable."
OVER_BREAD: dict[str, tuple[Callable[..., object], str]] = {
    "a copy is being made": (backup.transfer, "notes.db is as it was."),
    "the copy is ready": (disk.move_aside, "notes.db is as it was."),
    "the file has a second name": (disk.replace, "notes.db is as it was."),
    "the backup stands there": (log.info, f"{MOVED} notes.db is at version 1."),
}


@pytest.mark.parametrize("moment", OVER_BREAD)
def test_an_interrupted_restore_over_an_unreadable_file_says_where_that_is(moment: str, cli: Cli, notes: Path) -> None:
    notes.write_bytes(BREAD)
    function, told = OVER_BREAD[moment]
    assert stopped(cli, function, "restore", "-d", "notes.db") == told
    moved = moment == "the backup stands there"
    assert (notes.parent / ("notes.db.unreadable" if moved else "notes.db")).read_bytes() == BREAD


OVERWRITTEN = "notes.db was overwritten by the backup: it is at version 2. What was in it: notes.db.v0002-replaced.bak."
RESTORES: dict[str, tuple[Callable[..., object], str]] = {
    "a copy was made": (backup.prune, "Everything was undone: notes.db is at version 2, as before."),
    "it was overwritten": (log.info, OVERWRITTEN),
}


@pytest.mark.parametrize("moment", RESTORES)
def test_an_interrupted_restore_of_the_same_version_says_whether_it_was_overwritten(
    moment: str, cli: Cli, notes: Path
) -> None:
    cli("backup", "notes.db")
    query(notes, "DELETE FROM notes")
    function, told = RESTORES[moment]
    assert stopped(cli, function, "restore", "-d", "notes.db") == told
    assert query(notes, "SELECT body FROM notes") == ([("milk",)] if moment == "it was overwritten" else [])
