"""The page of the data: history, backups, reports and a reset, by real files in a real browser."""

from __future__ import annotations

from pathlib import Path

import chromium
import pytest
from helpers import ROOT, fingerprint, query
from window import button, focused, go, press, see, served, text, unfit, until

from demo_app import MIGRATOR, fill
from demo_app.release import as_of

pytestmark = chromium.needed


@pytest.fixture
def old(path: Path) -> Path:
    """A file of release 2.0, with notes in it."""
    fill.fill(path, as_of(2), 40, ROOT / "docs")
    return path


def cells(page) -> list[list[str]]:
    return page.execute_script(
        "return [...document.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.innerText))"
    )


def answer(page, name: str) -> None:
    """Press a button of the question that is asked."""
    asked = "[role=alertdialog] button"
    found = until(
        lambda: [one for one in page.find_elements("css selector", asked) if one.text == name and one.is_enabled()],
        f"no answer {name}",
    )
    found[0].click()


def test_the_page_tells_what_was_done_to_the_file_when_and_by_which_release(page, old):
    with served(old) as app:
        go(page, app)
        press(page, "Data")
        see(page, str(old), "6, by release 6.0 of the app", "Version 2", "notes.db.v0002.bak")
        rows = until(lambda: cells(page), "no history")
        assert [(row[0], row[1], row[4]) for row in rows] == [
            (str(one.version), one.description, one.app_version) for one in reversed(MIGRATOR.status(old).applied)
        ]
        assert [row[4] for row in rows] == ["6.0"] * 4 + ["2.0"] * 2
        assert all(row[3].endswith(" ms") for row in rows)
        until(lambda: page.find_elements("css selector", "[role=img] svg"), "the schema is not drawn")
        assert {"notes", "topics", "notes_topics"} <= {*text(page).split()}
        assert (unfit(page), chromium.foreign(page, app.origin), chromium.errors(page)) == ([], [], [])


def test_the_reports_change_nothing_in_the_file(page, old):
    with served(old, "--as-of", 2) as app:
        before = fingerprint(old)
        go(page, app)
        press(page, "Data")
        press(page, "Examine the file")
        see(page, "All is well.", "integrity_check  ok", "002_full_text_search")
        press(page, "Rehearse")
        see(
            page,
            "It would go well, from version 2 to 6,",
            "It needs ",
            " of free room on the disk.",
            "004_split_titles",
            "What becomes of the schema",
        )
        assert unfit(page) == []
        assert fingerprint(old) == before
    assert MIGRATOR.status(old).version == 2


def test_a_damaged_index_is_found_by_the_examination(page, path):
    fill.fill(path, MIGRATOR, 40, ROOT / "docs")
    query(path, "PRAGMA foreign_keys = OFF")
    query(path, "INSERT INTO notes_topics VALUES (999, 1)")
    with served(path) as app:
        go(page, app)
        press(page, "Data")
        press(page, "Rehearse")
        see(page, "Nothing is pending: the file and this release are both at version 6.")
        press(page, "Examine the file")
        see(page, "Not all is well", "WRONG: 1 of notes_topics point to no row of notes")


def test_backups_are_made_restored_and_deleted(page, old):
    with served(old) as app:
        go(page, app)
        press(page, "Data")
        press(page, "Back up now")
        see(page, "notes.db.v0006.bak is what your notes are now.", "Version 6")
        query(old, "DELETE FROM notes")
        press(page, "Restore notes.db.v0006.bak")
        see(page, "Restore version 6 of ", "Your notes will be those of ", "kept as another backup.")
        until(lambda: focused(page) == "Cancel", "the keyboard does not begin on the safe answer")
        answer(page, "Restore")
        see(page, "40 notes", "Restored version 6 of ")
        assert query(old, "SELECT count(*) FROM notes") == [(40,)]
        press(page, "Data")
        press(page, "Delete notes.db.v0002.bak")
        see(page, "Delete this backup?")
        answer(page, "Cancel")
        until(lambda: "Delete this backup?" not in text(page), "the question stays")
        press(page, "Delete notes.db.v0002.bak")
        answer(page, "Delete")
        until(lambda: "notes.db.v0002.bak" not in text(page), "it is still listed")
        assert not old.with_name("notes.db.v0002.bak").exists()
        assert old.with_name("notes.db.v0006.bak").exists()


def test_a_reset_needs_the_word_and_keeps_a_backup(page, old):
    with served(old) as app:
        go(page, app)
        press(page, "Data")
        press(page, "Reset…")
        see(page, "Delete all notes?")
        until(lambda: focused(page) == "Type reset to go on", "the keyboard is elsewhere")
        assert not button(page, "Delete all notes").is_enabled()
        page.switch_to.active_element.send_keys("reset")
        until(lambda: button(page, "Delete all notes").is_enabled(), "the word does not count")
        answer(page, "Delete all notes")
        see(page, "No notes yet")
        assert query(old, "SELECT count(*) FROM notes") == [(0,)]
        press(page, "Data")
        see(page, "notes.db.v0006-reset.bak")


def test_a_backup_of_a_newer_release_is_not_offered(page, path):
    MIGRATOR.migrate(path)
    kept = MIGRATOR.backup(path)
    path.unlink()
    as_of(2).migrate(path)
    with served(path, "--as-of", 2) as app:
        go(page, app)
        press(page, "Data")
        see(page, Path(kept).name, "Of a newer release")
        assert f"Restore {Path(kept).name}" not in [one.accessible_name for one in page.find_elements("css selector", "button")]  # fmt: skip
