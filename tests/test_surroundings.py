"""Where a file lies and what lies beside it: a sync program is warned about, in the log and in the status, never refused."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from helpers import query, sql

import embedmig
from embedmig import Migrator

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('first')")
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")

SYNCHRONISED = [
    "Dropbox",
    "Dropbox (Personal)",
    "Library/CloudStorage/Dropbox-Team",
    "OneDrive",
    "OneDrive - Contoso Ltd",
    "Library/CloudStorage/OneDrive-Personal",
    "Library/Mobile Documents/com~apple~CloudDocs",
    "iCloudDrive",
    "iCloud Drive",
    "Google Drive",
    "GoogleDrive",
    "Library/CloudStorage/GoogleDrive-ann@example.com/My Drive",
    "Nextcloud",
    "ownCloud",
    "Syncthing",
    "pCloudDrive",
]
CONFLICTS = [
    "notes (Ann's conflicted copy 2024-01-02).db",
    "notes (conflicted copy 2024-01-02 101112).db",
    "notes (Ann's MacBook's conflicted copy 2024-01-02 (1)).db",
    "notes.sync-conflict-20240102-101112-ABCDEFG.db",
    "notes_conflict-20240102-101112.db",
    "notes_conf(1).db",
]
ORDINARY_FOLDERS = ["Documents", "notes", "my-drives", "drive", "drop box", "clouds", "conflicted copy"]
ORDINARY_NEIGHBOURS = [
    "notes.db.v0001.bak",
    "notes.db.v0001.bak.part",
    "notes.db-wal-of-yore",
    "notes-old.db",
    "notes2.db",
    "notes about conflicts.txt",
    "other (Ann's conflicted copy 2024-01-02).db",
    "notes2 (Ann's conflicted copy 2024-01-02).db",  # of the file notes2.db
    "notes2.sync-conflict-20240102-101112-ABCDEFG.db",
]
COPIES = "which copies files while they are in use: keep it elsewhere, sync an export"


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def in_folder(tmp_path: Path, folder: str, at: int = 1) -> Path:
    """The user's file in a folder of that name, at a version; 0: not there yet."""
    path = tmp_path / folder / "notes.db"
    if at:
        Migrator([ONE, TWO]).migrate(path, to=at)
    return path


@pytest.mark.parametrize("folder", SYNCHRONISED)
@pytest.mark.parametrize("at", [0, 1], ids=["a new file", "an older file"])
def test_a_synchronised_folder_is_warned_about_and_the_file_is_migrated(
    tmp_path: Path, folder: str, at: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = in_folder(tmp_path, folder, at)
    caplog.clear()
    assert Migrator([ONE, TWO]).migrate(path).after == 2
    (said,) = warnings_of(caplog)
    assert said.startswith(f"{path}: it lies in ")
    assert said.endswith(COPIES)
    assert said.split("it lies in ")[1].split(",")[0] in folder.split("/")
    assert query(path, "SELECT text FROM notes") == [("first",)]


@pytest.mark.parametrize("folder", SYNCHRONISED)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_the_status_of_a_file_in_a_synchronised_folder_says_so(tmp_path: Path, folder: str, at: int) -> None:
    path = in_folder(tmp_path, folder, at)
    status = Migrator([ONE, TWO]).status(path)
    (said,) = status.warnings
    assert said.startswith("it lies in ")
    assert said.endswith(COPIES)
    assert status.version == at


def test_a_folder_far_above_counts_too(tmp_path: Path) -> None:
    path = in_folder(tmp_path, "Dropbox/office/2024/notes")
    assert Migrator([ONE]).status(path).warnings == (f"it lies in Dropbox, {COPIES}",)


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_second_version_left_by_a_sync_program_is_warned_about_and_the_file_is_migrated(
    path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    Migrator([ONE]).migrate(path)
    path.with_name(name).write_bytes(b"what Ann wrote elsewhere")
    said = f"a sync program left a second version beside it: {name}"
    assert Migrator([ONE, TWO]).status(path).warnings == (said,)
    assert Migrator([ONE, TWO]).migrate(path).after == 2
    assert warnings_of(caplog) == [f"{path}: {said}"]
    assert path.with_name(name).read_bytes() == b"what Ann wrote elsewhere"


def test_of_many_second_versions_a_few_are_named(path: Path) -> None:
    Migrator([ONE]).migrate(path)
    for day in range(1, 6):
        path.with_name(f"notes (conflicted copy 2024-01-0{day}).db").touch()
    (said,) = Migrator([ONE]).status(path).warnings
    assert said.endswith(", ".join(f"notes (conflicted copy 2024-01-0{day}).db" for day in (1, 2, 3)))


def test_both_are_said_of_a_file_to_which_both_applies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = in_folder(tmp_path, "Dropbox")
    path.with_name(CONFLICTS[0]).touch()
    caplog.clear()
    Migrator([ONE, TWO]).migrate(path)
    assert [said.split(": ")[1].split(" ")[0] for said in warnings_of(caplog)] == ["it", "a"]


@pytest.mark.parametrize("folder", ORDINARY_FOLDERS)
def test_an_ordinary_folder_is_nothing_to_warn_about(
    tmp_path: Path, folder: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = in_folder(tmp_path, folder)
    assert Migrator([ONE, TWO]).status(path).warnings == ()
    Migrator([ONE, TWO]).migrate(path)
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("name", ORDINARY_NEIGHBOURS)
def test_an_ordinary_neighbour_is_nothing_to_warn_about(
    path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    Migrator([ONE]).migrate(path)
    path.with_name(name).touch()
    assert Migrator([ONE, TWO]).status(path).warnings == ()
    Migrator([ONE, TWO]).migrate(path)
    assert warnings_of(caplog) == []


def test_our_own_backups_are_nothing_to_warn_about(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Migrator([ONE]).migrate(path)
    Migrator([ONE, TWO]).migrate(path)
    Migrator([ONE, TWO]).restore(path)
    assert len(Migrator([ONE, TWO]).backups(path)) == 2
    assert Migrator([ONE, TWO]).status(path).warnings == ()
    assert warnings_of(caplog) == []


def test_where_a_link_leads_is_what_counts(tmp_path: Path) -> None:
    target = in_folder(tmp_path, "Dropbox")
    link = tmp_path / "notes.db"
    link.symlink_to(target)
    assert Migrator([ONE]).status(link).warnings == (f"it lies in Dropbox, {COPIES}",)
    plain = in_folder(tmp_path, "Documents")
    shortcut = tmp_path / "Dropbox" / "shortcut.db"
    shortcut.symlink_to(plain)
    assert Migrator([ONE]).status(shortcut).warnings == ()


def test_a_launch_with_nothing_pending_says_it_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = in_folder(tmp_path, "Dropbox")
    caplog.clear()
    with embedmig.open(path, [ONE]) as db:
        assert db["notes"].count == 1
    assert warnings_of(caplog) == []


def test_a_folder_of_which_the_name_is_odd_is_shown_on_one_line(tmp_path: Path) -> None:
    path = in_folder(tmp_path, "Dropbox (\x1b[2J\nof Ann)")
    path.with_name("notes (conflicted copy\r\x07).db").touch()
    warnings = Migrator([ONE]).status(path).warnings
    assert warnings == (
        f"it lies in Dropbox (\\x1b[2J\\nof Ann), {COPIES}",
        "a sync program left a second version beside it: notes (conflicted copy\\r\\x07).db",
    )
