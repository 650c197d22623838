"""The demo app in its window, at launch: real processes, a real browser."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import chromium
import pytest
import window
from helpers import content, fingerprint, query
from selenium.webdriver.chrome.webdriver import WebDriver
from window import focused, go, held, press, see, served, text, unfit, until

import migrations
from demo_app import APPLICATION_ID, MIGRATOR
from demo_app.release import NEWEST, as_of
from demo_app.window import upgrade
from demo_app.window.launch import Launch
from embedmig import Migrator, Progress

MANY = 60_000  # notes: an upgrade of two seconds and more, which has to be seen


@pytest.fixture(scope="module")
def many_notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "notes.db"
    as_of(2).migrate(path)
    query(
        path,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO notes (body, created_at, updated_at)"
        " SELECT 'Note ' || i || char(10) || 'What note ' || i || ' says.', '2026-01-01', '2026-01-01' FROM n",
        MANY,
    )
    return path


@pytest.fixture
def large(many_notes: Path, path: Path) -> Path:
    """A file of version 2 whose upgrade takes long enough to be seen."""
    shutil.copy(many_notes, path)
    return path


def bar(page: WebDriver) -> float:
    return float(page.find_element("css selector", "[role=progressbar]").get_attribute("aria-valuenow") or 0)


def rows_written(page: WebDriver) -> bool:
    return f"of {MANY:,} rows" in text(page)


@chromium.needed
def test_a_first_launch_makes_the_file_and_shows_the_notes(page, path):
    with served(path) as app:
        go(page, app)
        see(page, "Notes", "Data", "Quit")
        assert unfit(page) == []
    assert MIGRATOR.is_current(path)


@chromium.needed
def test_a_launch_with_nothing_pending_shows_no_upgrade_and_leaves_every_byte(page, path):
    MIGRATOR.migrate(path)
    before = fingerprint(path)
    with served(path) as app:
        go(page, app)
        assert "brought up to date" not in see(page, "Data", "Quit")
    assert fingerprint(path) == before
    assert os.listdir(path.parent) == [path.name]


@chromium.needed
def test_an_upgrade_is_seen_with_its_migrations_its_bar_and_its_rows_and_then_the_notes(page, large):
    with served(large) as app:
        go(page, app)
        see(
            page,
            "Your notes are being brought up to date",
            "Add user settings",
            "Split titles",
            "Rebuild notes",
            "Cancel",
        )
        until(lambda: rows_written(page) and focused(page) == "Cancel", "no rows, or no way to stop")
        with held(app):
            assert unfit(page) == []
            first = bar(page)
        until(lambda: bar(page) > first, "the bar stands still")
        see(page, f"Your notes were brought up to date: version 2 to {NEWEST}. A backup is kept.", "Quit")
        assert chromium.errors(page) == []
    assert [row[0] for row in query(large, "SELECT app_version FROM _migrations")] == [
        "2.0",
        "2.0",
        *[f"{NEWEST}.0"] * (NEWEST - 2),
    ]


@chromium.needed
def test_a_cancelled_upgrade_leaves_what_the_older_release_wrote_and_begins_anew_when_asked(page, large):
    before = content(large)
    with served(large) as app:
        go(page, app)
        until(lambda: rows_written(page), "no rows")
        press(page, "Cancel")
        see(page, "The upgrade was stopped", "Everything was undone: notes.db is still at version 2.")
        assert content(large) == before
        assert unfit(page) == []
        assert window.buttons(page) == ["Try again", "Quit"]
        until(lambda: focused(page) == "Try again", "the keyboard is not on the way on")
        press(page, "Try again")
        see(page, f"version 2 to {NEWEST}")


@chromium.needed
def test_ctrl_c_in_the_middle_of_an_upgrade_undoes_it_and_nothing_outlives_it(page, large):
    before = content(large)
    with served(large) as app:
        go(page, app)
        until(lambda: rows_written(page), "no rows")
        app.process.send_signal(signal.SIGINT)
        assert app.process.wait(window.PATIENCE_S) == 0
    assert content(large) == before
    assert "Traceback" not in "".join(app.lines)


@chromium.needed
def test_of_two_windows_that_launch_at_once_one_upgrades_and_the_other_goes_on_by_itself(page, large):
    with served(large) as one:
        go(page, one)
        until(lambda: rows_written(page), "no rows")
        with held(one), served(large) as other:  # in the middle of it, with the lock
            go(page, other)
            see(page, "Another window of this app is at work on the file. This one goes on by itself")
            assert unfit(page) == []
            one.process.send_signal(signal.SIGCONT)
            assert f"version 2 to {NEWEST}" not in see(page, "Data", "Quit"), "it was the other that did it"
    ran = query(large, "SELECT count(*), count(DISTINCT id) FROM _migrations")
    assert ran == [(NEWEST, NEWEST)]


@chromium.needed
def test_a_window_that_waits_for_another_can_be_stopped_and_closed_at_once(page, large):
    with served(large) as one:
        go(page, one)
        until(lambda: rows_written(page), "no rows")
        with held(one), served(large) as other:
            go(page, other)
            see(page, "Another window of this app is at work on the file.")
            press(page, "Cancel")
            see(page, "The upgrade was stopped")
            press(page, "Quit")
            assert other.process.wait(window.PATIENCE_S) == 0


@chromium.needed
def test_quit_closes_the_file_says_so_and_ends_the_program(page, path):
    with served(path) as app:
        go(page, app)
        press(page, "Quit")
        see(page, "Your notes are closed", "You can close this window.")
        assert app.process.wait(window.PATIENCE_S) == 0
        until(
            lambda: not page.execute_script("return window.socket.active"), "the page tries to reconnect, to whomever"
        )
        told = page.find_element("id", "popup")  # "Connection lost"
        until(
            lambda: told.get_attribute("aria-hidden") == "false", "NiceGUI no longer tells it: there is nothing to hide"
        )
        assert told.value_of_css_property("display") == "none"  # without that it comes two seconds later
    port = int(app.origin.rpartition(":")[2])
    with socket.socket() as knock:
        assert knock.connect_ex(("127.0.0.1", port)) != 0
    assert os.listdir(path.parent) == [path.name]


@chromium.needed
def test_an_older_release_shows_its_notes_and_the_newer_one_keeps_what_was_written_there(page, path):
    with served(path, "--as-of", 2) as app:
        go(page, app)
        see(page, "Release 2.0", "0 notes")
        page.find_element("css selector", "input").send_keys("Written by release 2.0")
        press(page, "Add")
        see(page, "1 note", "Written by release 2.0")
        assert unfit(page) == []
    with served(path) as app:
        go(page, app)
        see(page, "Written by release 2.0", "Data", "Quit")


@chromium.needed
def test_no_request_leaves_the_machine_and_nobody_else_gets_in(page, path):
    with served(path) as app:
        go(page, app)
        see(page, "Quit")
        assert chromium.foreign(page, app.origin) == []
        assert len(chromium.resources(page)) > 5
        page.get(app.origin + "/?key=guessed")
        assert "Quit" not in see(page, "Start the app again: this address is none of its.")
        page.get(app.address.replace("127.0.0.1", "localhost"))
        see(page, "Invalid host header")
        port = int(app.origin.rpartition(":")[2])
        for own in {address[4][0] for address in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {
            "127.0.0.1",
            "127.0.1.1",
        }:
            with socket.socket() as knock:
                assert knock.connect_ex((own, port)) != 0


# -- a launch without a window -------------------------------------------------------------------------------------------


def test_who_cancels_before_the_upgrade_has_begun_finds_the_file_as_it_was(path):
    as_of(2).migrate(path)
    before = fingerprint(path)
    launch = Launch(str(path), MIGRATOR)

    async def cancelled_at_once() -> None:
        beginning = asyncio.ensure_future(launch.begin())
        await asyncio.sleep(0)
        launch.cancel()
        await beginning

    asyncio.run(cancelled_at_once())
    assert (launch.stage, str(launch.error)) == (
        "refused",
        "notes.db: stopped on request. Nothing was changed. Start again when it suits: it begins anew.",
    )
    assert fingerprint(path) == before


@pytest.mark.parametrize("presses", [1, 2])
def test_two_tabs_that_press_try_again_begin_one_launch(path, presses):
    MIGRATOR.migrate(path)
    opened: list[sqlite3.Connection] = []
    launch = Launch(str(path), Migrator(migrations, application_id=APPLICATION_ID, prepare=opened.append))

    async def begin() -> None:
        await asyncio.gather(*(launch.begin() for _ in range(presses)))
        await launch.end()

    asyncio.run(begin())
    assert len(opened) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell who has a file open and is idle")
def test_a_reset_that_an_open_connection_prevents_is_told_and_the_notes_are_opened_again(path):
    MIGRATOR.migrate(path)
    query(path, "INSERT INTO notes (title, created_at, updated_at) VALUES ('Kept', '', '')")
    launch = Launch(str(path), MIGRATOR)

    async def reset() -> object:
        await launch.begin()
        await launch.reset()
        found = await launch.file.do(lambda db: db.execute("SELECT title FROM notes").fetchall())
        await launch.end()
        return found

    with closing(sqlite3.connect(path)) as other:
        other.execute("SELECT 1 FROM notes").fetchall()
        assert asyncio.run(reset()) == [("Kept",)]
    assert launch.stage == "open"
    assert launch.trouble.startswith("notes.db is busy: this very process has it open.")
    assert launch.file is not None


# -- what the page of an upgrade says, as a table ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "says", "how_far", "signs"),
    [
        (None, "Another window of this app is at work on the file. This one goes on by itself as soon as that one is done.", 0.0, "ooo"),
        (Progress(None, 0, 3, "checking the file"), "Checking the file", 0.0, "ooo"),
        (Progress(None, 0, 3, "backing up", 5, 10), "Making a backup", 0.0, "ooo"),
        (Progress("003_add_user_settings", 1, 3, "started"), "1 of 3: Add user settings", 0.0, ".oo"),
        (Progress("004_split_titles", 2, 3, "running", 50, 100), "2 of 3: Split titles", 0.5, "x.o"),
        (Progress("004_split_titles", 2, 3, "finished", 100, 100), "2 of 3: Split titles", 2 / 3, "xxo"),
        (Progress("005_rebuild_notes", 3, 3, "committing"), "Writing to the disk", 1.0, "xxx"),
    ],
)  # fmt: skip
def test_the_page_of_an_upgrade_says_what_is_done_and_how_far_it_is(now, says, how_far, signs):
    shown = {"check_circle": "x", "pending": ".", "radio_button_unchecked": "o"}
    assert upgrade.told(now) == says
    assert upgrade.fraction(now) == how_far
    assert "".join(shown[upgrade.state(number, now)] for number in (1, 2, 3)) == signs
