"""What the window says of a file that it does not open, and what it lets its owner do: every page from a file made to cause it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import chromium
import pytest
import window
from helpers import content, fingerprint, query
from window import button, buttons, focused, go, press, see, served, text, unfit, until

import embedmig
from demo_app import MIGRATOR, trouble
from demo_app.release import NEWEST
from demo_app.window.refusals import Backup, refusal

BACKUP = Backup("/home/ada/notes.db.v0002.bak", 2, datetime(2026, 11, 22, 18, 40), behind=True)
RESTORE = "Restore the backup of version 2…"
PATH = {"path": "/home/ada/notes.db"}


@pytest.mark.parametrize(
    ("error", "title", "says", "kept", "names"),
    [
        (
            embedmig.DatabaseTooNew(["006_x"], 5, "6.0", version=6, **PATH),
            "These notes are from a newer release",
            "notes.db is at version 6, but this app knows versions up to 5 (unknown here: 006_x).",
            "Nothing was changed.",
            ("Quit", RESTORE),
        ),
        (
            embedmig.ForeignDatabase("it has customers and no history of migrations", **PATH),
            "This file belongs to another app",
            "notes.db is another app's file: it has customers and no history of migrations.",
            "Nothing was changed.",
            ("Quit",),
        ),
        (
            embedmig.NotADatabase("file is not a database", **PATH),
            "This is not a file of notes",
            "notes.db is not a SQLite database, or is encrypted (file is not a database).",
            "Nothing was changed.",
            ("Quit", RESTORE),
        ),
        (
            embedmig.DatabaseDamaged("row 3 missing from index i", **PATH),
            "The file is damaged",
            "notes.db is damaged: row 3 missing from index i.",
            "Nothing was changed.",
            ("Quit", RESTORE, "Reset…", "Copy the report"),
        ),
        (
            embedmig.DatabaseReadOnly("attempt to write a readonly database", **PATH),
            "The notes can't be written",
            "notes.db can't be written: attempt to write a readonly database.",
            "Nothing was changed.",
            ("Try again", "Quit"),
        ),
        (
            embedmig.DiskFull("there is no room for the backup notes.db.v0002.bak", **PATH),
            "The disk is full",
            "The disk is full: there is no room for the backup notes.db.v0002.bak.",
            "Nothing was changed.",
            ("Try again", "Quit"),
        ),
        (
            embedmig.DatabaseBusy(0.0, "has it open", "notes.exe", **PATH),
            "Another program is using the file",
            "notes.db is busy: notes.exe has it open.",
            "Nothing was changed.",
            ("Try again", "Quit"),
        ),
        (
            embedmig.MigrationFailed("no such table: t", id="003_x", statement="SELECT a FROM t", cause="SQLITE_ERROR", **PATH),
            "The upgrade did not work",
            "notes.db: up of 003_x failed: no such table: t [SQLITE_ERROR].",
            "Everything was undone.",
            ("Try again", "Quit", RESTORE, "Copy the report"),
        ),
        (
            embedmig.ForeignKeyViolations([("notes", 1, "topics", {"id": 2})], total=1, id="003_x", **PATH),
            "The upgrade did not work",
            "notes.db: after up of 003_x, 1 row points to a parent that is not there: notes rowid 1 -> topics (id=2).",
            "Everything was undone.",
            ("Try again", "Quit", RESTORE, "Copy the report"),
        ),
        (
            embedmig.MigrationCancelled("003_x", **PATH),
            "The upgrade was stopped",
            "notes.db: stopped on request in 003_x.",
            "Everything was undone.",
            ("Try again", "Quit"),
        ),
        (
            embedmig.HistoryMismatch(["001_a is missing"], ["001_a"], ["001_b"], **PATH),
            "The file's history is not this app's",
            "The history of notes.db is not that of the shipped migrations: 001_a is missing. Shipped: 001_a. Applied: 001_b.",
            "Nothing was changed.",
            ("Quit", RESTORE, "Copy the report"),
        ),
        (
            embedmig.UnusablePath("/home/ada is a folder.", **PATH),
            "The notes can't be opened",
            "/home/ada is a folder.",
            "Nothing was changed.",
            ("Try again", "Quit", "Copy the report"),
        ),
        (
            embedmig.DefinitionError("two migrations have version 3", **PATH),
            "This release of the app is broken",
            "two migrations have version 3",
            "Nothing was changed.",
            ("Quit", "Copy the report"),
        ),
        (
            ZeroDivisionError("division by zero"),
            "The notes can't be opened",
            "division by zero.",
            "Nothing is known of the file's state.",
            ("Quit", "Copy the report"),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_a_refusal_says_what_happened_what_became_of_the_data_and_offers_only_what_is_safe(
    error, title, says, kept, names
):
    said = refusal(error, BACKUP)
    assert (said.title, said.sentence, said.kept, said.buttons) == (title, says, kept, names)


@pytest.mark.parametrize(
    "error",
    [
        embedmig.MigrationFailed("no such table: t", id="003_x", **PATH),
        embedmig.ForeignKeyViolations([("notes", 1, "topics", {"id": 2})], total=1, id="003_x", **PATH),
    ],
)
def test_who_has_an_upgrade_that_failed_is_told_what_to_do(error):
    assert refusal(error).cure == (
        "Try again. If it fails again, copy the report and send it to the app's makers; your notes stay as they were."
    )


def test_no_backup_is_offered_where_there_is_none():
    assert refusal(embedmig.NotADatabase("file is not a database")).buttons == ("Quit",)


def test_every_error_that_may_offer_a_reset_does_and_no_other():
    kinds = [getattr(embedmig, name) for name in embedmig.__all__]
    errors = [
        kind.__new__(kind) for kind in kinds if isinstance(kind, type) and issubclass(kind, embedmig.EmbedmigError)
    ]
    for error in errors:
        embedmig.EmbedmigError.__init__(error, "")
    offered = {type(error) for error in errors if error.may_offer_reset}
    assert offered == {embedmig.DatabaseDamaged}


# -- the pages ---------------------------------------------------------------------------------------------------------


@contextmanager
def refused(page, path: Path, *arguments: object, says: tuple[str, ...], names: list[str], **more: object):
    """The page of a refusal: it says all this, has these buttons, and can be used by everybody; the file's bytes stay."""
    before = fingerprint(path)
    with served(path, *arguments, **more) as app:
        go(page, app)
        see(page, *says)
        assert buttons(page) == names
        until(lambda: focused(page) == names[0], f"the keyboard is not on {names[0]}")
        assert unfit(page) == []
        assert chromium.errors(page) == []
        assert fingerprint(path) == before
        yield app


@chromium.needed
def test_a_file_too_new_goes_back_to_its_backup_when_asked_and_is_kept_beside_it(page, path):
    trouble.newer(path)
    newer = content(path)
    with refused(
        page, path,
        says=("These notes are from a newer release", "Nothing was changed.", f"Update the app to {NEWEST + 1}.0 or later."),
        names=["Quit", f"Restore the backup of version {NEWEST}…"],
    ):  # fmt: skip
        press(page, f"Restore the backup of version {NEWEST}…")
        made = f"{datetime.fromtimestamp(path.with_name(f'notes.db.v{NEWEST:04}.bak').stat().st_mtime):%Y-%m-%d %H:%M}"
        see(
            page,
            f"Restore version {NEWEST} of {made}?",
            f"Your notes will be those of {made}. What is there now is kept",
        )
        until(lambda: focused(page) == "Cancel", "the keyboard is not on the safe one")
        press(page, "Restore")
        see(page, "Data", "Quit", f"Restored version {NEWEST} of {made}.")
    assert MIGRATOR.is_current(path)
    assert content(path.with_name(f"notes.db.v{NEWEST + 1:04}.bak")) == newer


@chromium.needed
def test_a_strangers_file_can_only_be_left_alone(page, path):
    trouble.stranger(path)
    with refused(
        page, path, says=("This file belongs to another app", "it has customers", "Nothing was changed."), names=["Quit"]
    ) as app:  # fmt: skip
        assert "developer" not in text(page)
        press(page, "Quit")
        assert app.process.wait(window.PATIENCE_S) == 0


@chromium.needed
def test_what_is_no_database_makes_way_for_the_backup_and_is_not_deleted(page, path):
    trouble.text(path)
    letter = path.read_bytes()
    with refused(
        page, path, says=("This is not a file of notes", "Nothing was changed."),
        names=["Quit", "Restore the backup of version 1…"],
    ):  # fmt: skip
        press(page, "Restore the backup of version 1…")
        see(page, "This release of the app brings it up to date again right away. What is there now is kept")
        press(page, "Restore")
        see(page, "Data", "Quit", "Restored version 1 of ", f", and brought up to date: version 1 to {NEWEST}.")
    assert MIGRATOR.is_current(path)
    assert letter in [file.read_bytes() for file in path.parent.iterdir()]


@chromium.needed
def test_a_damaged_file_is_reset_only_when_the_word_was_typed_and_is_put_aside(page, path):
    trouble.damaged(path)
    damaged = path.read_bytes()
    with refused(
        page, path, says=("The file is damaged", "Nothing was changed."),
        names=["Quit", "Restore the backup of version 1…", "Reset…", "Copy the report", 'Expand "Details"'],
    ):  # fmt: skip
        press(page, "Reset…")
        see(page, "Begin again without your notes?", "Type reset to go on")
        until(lambda: focused(page) == "Type reset to go on", "the keyboard is not where the word is typed")
        assert not button(page, "Reset").is_enabled()
        page.switch_to.active_element.send_keys("rese")
        assert not button(page, "Reset").is_enabled()
        page.switch_to.active_element.send_keys("t")
        until(lambda: button(page, "Reset").is_enabled(), "the word was typed")
        assert unfit(page) == []
        press(page, "Reset")
        see(page, "Data", "Quit")
    assert query(path, "SELECT count(*) FROM notes") == [(0,)]
    assert damaged in [file.read_bytes() for file in path.parent.iterdir()]


@chromium.needed
def test_an_upgrade_that_failed_can_be_reported_and_tried_again(page, path):
    trouble.failing(path)
    with refused(
        page, path,
        says=("The upgrade did not work", "up of 003_add_user_settings failed", "still at version 2.", "Try again. If it fails again, copy the report"),
        names=["Try again", "Quit", "Restore the backup of version 2…", "Copy the report", "Expand \"Details\""],
    ) as app:  # fmt: skip
        page.execute_cdp_cmd(
            "Browser.grantPermissions",
            {"origin": app.origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
        )
        press(page, "Copy the report")
        see(page, "The report is in the clipboard.")
        report = page.execute_script("return navigator.clipboard.readText()")
        assert "CREATE TABLE" not in text(page)
        assert (
            'table "user_settings" already exists' in report
            and "CREATE TABLE" in report
            and "Traceback" in report
            and "SQLite" in report
        )
        query(path, "DROP TABLE user_settings")
        press(page, "Try again")
        see(page, "Data", "Quit")
    assert MIGRATOR.is_current(path)


@chromium.needed
@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_in_a_folder_that_may_not_be_written_the_page_says_so_and_goes_on_when_that_is_mended(page, tmp_path):
    path = tmp_path / "locked" / "notes.db"
    path.parent.mkdir()
    trouble.read_only(path)
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []  # for root too
    command = [*bound, sys.executable, "-m", "demo_app"]
    try:
        with refused(
            page, path, says=("The notes can't be written", "Nothing was changed."), names=["Try again", "Quit"],
            command=command,
        ):  # fmt: skip
            path.parent.chmod(0o755)
            path.chmod(0o644)
            press(page, "Try again")
            see(page, "Data", "Quit")
    finally:
        path.parent.chmod(0o755)


@chromium.needed
def test_on_a_full_disk_the_page_says_so_and_goes_on_when_there_is_room_again(page, tmp_path):
    with small_disk(tmp_path) as folder:
        path = folder / "notes.db"
        trouble.older(path)
        fill = folder / "fill"
        room = shutil.disk_usage(folder).free
        fill.write_bytes(b"x" * (room - 100_000))
        with refused(page, path, says=("The disk is full", "Nothing was changed."), names=["Try again", "Quit"]):
            fill.unlink()
            press(page, "Try again")
            see(page, "Data", "Quit")


@contextmanager
def small_disk(tmp_path: Path):
    """A real disk that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("NO SMALL DISK: this user may not mount a tmpfs; the page of a full disk stays untested here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
