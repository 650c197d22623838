"""The page of the notes, as its user has it: a real process, a real browser, keys that are really pressed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import chromium
import pytest
from helpers import ROOT, query
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from window import Served, focused, go, press, see, served, text, unfit, until

from demo_app import MIGRATOR, fill, notes

pytestmark = chromium.needed

MANY = 130
OWN = {"Zebras at noon": "stripes\nand grass", "Yaks": "live high <b>up</b>", "Stripes": "of a tiger"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many notes, and three on top that no text of ours is like."""
    path = tmp_path_factory.mktemp("notes") / "notes.db"
    fill.fill(path, MIGRATOR, MANY, ROOT / "docs")
    with MIGRATOR.open(path) as db:
        for title, below in OWN.items():
            notes.create(db, f"{title}\n{below}", ["animals"], "2100-01-01T00:00:00Z")
    return path


@pytest.fixture(scope="module")
def app(file: Path) -> Iterator[Served]:
    with served(file) as app:
        yield app


@pytest.fixture
def opened(page: WebDriver, app: Served) -> WebDriver:
    go(page, app)
    see(page, " notes", "Zebras at noon")
    until(lambda: field(page, "Title").get_attribute("value"), "no note is shown")
    return page


def field(page: WebDriver, name: str) -> WebElement:
    def named() -> WebElement | None:
        found = page.find_elements("css selector", "input, textarea")
        return next((one for one in found if one.is_displayed() and one.accessible_name == name), None)

    return until(named, f"no field {name!r}")


def fill_in(page: WebDriver, name: str, value: str) -> WebElement:
    """Type into a field, in the place of what it has."""
    one = field(page, name)
    one.click()
    one.send_keys(Keys.CONTROL, "a")
    one.send_keys(Keys.DELETE, value) if value else one.send_keys(Keys.DELETE)
    return one


def lines(page: WebDriver) -> list[str]:
    """The titles of the list."""
    return page.execute_script(
        "return [...document.querySelectorAll('[role=option]')].map(one => one.innerText.split('\\n')[0].trim())"
    )


def lists(page: WebDriver, *titles: str) -> None:
    """Wait until the list is this."""
    try:
        until(lambda: lines(page) == list(titles), "")
    except AssertionError:
        raise AssertionError(f"the list is not {titles}, but {lines(page)}") from None


def choose(page: WebDriver, title: str) -> None:
    def chosen() -> bool:
        for one in page.find_elements("css selector", "[role=option]"):
            if title in one.text:
                one.click()
                return True
        return False

    until(chosen, f"{title} is not in the list")
    until(lambda: field(page, "Title").get_attribute("value") == title, f"{title} is not shown")


def keys(page: WebDriver, *pressed: str) -> None:
    ActionChains(page).send_keys(*pressed).perform()


def said(page: WebDriver, title: str) -> object:
    """What the page says of a note is true: wait until it is saved."""
    return see(page, "Saved ", title)


# -- the list and the search ------------------------------------------------------------------------------------------


def test_the_notes_are_shown_to_everyone_and_nobody_else_is_asked(opened, app):
    assert unfit(opened) == []
    assert chromium.foreign(opened, app.origin) == []
    assert chromium.errors(opened) == []
    options = opened.find_elements("css selector", "[role=listbox] [role=option]")
    assert [one.get_attribute("aria-selected") for one in options[:2]] == ["true", "false"]


def test_the_list_grows_as_it_is_scrolled_until_it_has_every_note(opened):
    assert len(lines(opened)) == 50
    area = opened.find_element("css selector", ".q-scrollarea__container")
    for number in (100, MANY + len(OWN)):
        opened.execute_script("arguments[0].scrollTop = arguments[0].scrollHeight", area)
        until(lambda number=number: len(lines(opened)) >= number, f"{len(lines(opened))} lines")
    assert "Show more" not in text(opened)


def test_a_search_answers_as_it_is_typed(opened):
    fill_in(opened, "Search the notes", "strip")
    lists(opened, "Stripes", "Zebras at noon")  # in the title first
    see(opened, "2 found")
    marks = opened.find_elements("css selector", "[role=option] mark")
    assert [one.text for one in marks] == ["Stripes", "stripes"]
    keys(opened, "es gra")
    lists(opened, "Zebras at noon")
    fill_in(opened, "Search the notes", 'zzz" OR (')
    see(opened, "Nothing found")


def test_who_types_fast_sees_what_was_typed_last(opened):
    box = field(opened, "Search the notes")
    for letter in "the stripes":
        box.send_keys(letter)
    for _ in "the ":
        box.send_keys(Keys.HOME, Keys.DELETE)
    lists(opened, "Stripes", "Zebras at noon")
    time.sleep(0.3)  # an answer to an earlier question would come now
    lists(opened, "Stripes", "Zebras at noon")


def test_a_notes_text_is_text_in_the_list_too(opened):
    fill_in(opened, "Search the notes", "yak")
    lists(opened, "Yaks")
    assert "live high <b>up</b>" in text(opened)


def test_the_keyboard_alone_is_enough(opened):
    keys(opened, "/")
    until(lambda: focused(opened) == "Search the notes", focused(opened))
    keys(opened, "stripes")
    lists(opened, "Stripes", "Zebras at noon")
    keys(opened, Keys.ARROW_DOWN)
    until(lambda: field(opened, "Title").get_attribute("value") == "Zebras at noon", "the second is not shown")
    keys(opened, Keys.ARROW_UP)
    until(lambda: field(opened, "Title").get_attribute("value") == "Stripes", "the first is not shown")
    keys(opened, "n")
    until(lambda: focused(opened) == "Title" and not field(opened, "Title").get_attribute("value"), "no new note")
    keys(opened, "By keys alone")
    said(opened, "By keys alone")


def test_a_topic_shows_its_notes_only(opened):
    box = field(opened, "Topic")
    box.click()
    see(opened, "animals (3)")
    keys(opened, "anim")
    options = ".q-menu .q-item"
    until(lambda: [one.text for one in opened.find_elements("css selector", options)] == ["animals (3)"], "all topics")
    keys(opened, Keys.ARROW_DOWN, Keys.ENTER)
    lists(opened, "Stripes", "Yaks", "Zebras at noon")


# -- a note -------------------------------------------------------------------------------------------------------------


def test_what_is_typed_is_saved_by_itself(opened, file):
    press(opened, "New note")
    until(lambda: focused(opened) == "Title", focused(opened))
    keys(opened, "A list")
    fill_in(opened, "Text", "milk\nbread")
    said(opened, "A list")
    until(
        lambda: query(file, "SELECT body FROM notes WHERE title = 'A list'") == [("\nmilk\nbread",)], "it is not saved"
    )
    until(lambda: "A list" in lines(opened), "its line does not say so")
    assert unfit(opened) == []


def test_a_note_that_is_left_at_once_is_saved_and_no_other(opened, file):
    choose(opened, "Yaks")
    field(opened, "Text").send_keys(" and far")
    choose(opened, "Stripes")
    wanted = "\nlive high <b>up</b> and far"
    until(lambda: query(file, "SELECT body FROM notes WHERE title = 'Yaks'") == [(wanted,)], "it is not saved")
    assert query(file, "SELECT body FROM notes WHERE title = 'Stripes'") == [("\nof a tiger",)]


def test_topics_come_and_go_with_their_chips(opened, file):
    choose(opened, "Stripes")
    topics = "SELECT name FROM topics JOIN notes_topics ON topic_id = topics.id JOIN notes ON note_id = notes.id WHERE title = 'Stripes' ORDER BY 1"
    field(opened, "Topics").send_keys("cats", Keys.ENTER)
    until(lambda: query(file, topics) == [("animals",), ("cats",)], "it has no new topic")
    field(opened, "Topics").send_keys(Keys.BACKSPACE)
    until(lambda: query(file, topics) == [("animals",)], "it keeps the topic")


def test_a_pinned_note_comes_first(opened):
    choose(opened, "Zebras at noon")
    pinned = opened.find_element("css selector", "[role=checkbox]")
    pinned.click()
    until(lambda: lines(opened)[0] == "Zebras at noon", "it is not first")
    pinned.click()
    until(lambda: lines(opened)[0] != "Zebras at noon", "it stays first")


def test_a_note_is_deleted_only_after_a_question(opened, file):
    press(opened, "New note")
    until(lambda: focused(opened) == "Title", focused(opened))
    keys(opened, "To be deleted")
    said(opened, "To be deleted")
    press(opened, "Delete")
    see(opened, "Delete this note?")
    until(lambda: focused(opened) == "Cancel", focused(opened))
    keys(opened, Keys.ENTER)
    until(lambda: "Delete this note?" not in text(opened), "the question stays")
    assert query(file, "SELECT count(*) FROM notes WHERE title = 'To be deleted'") == [(1,)]
    press(opened, "Delete")
    see(opened, "Delete this note?")
    answers = "[role=alertdialog] button:last-child"
    until(lambda: opened.find_element("css selector", answers).is_enabled(), "no answer")
    opened.find_element("css selector", answers).click()
    until(lambda: "To be deleted" not in lines(opened), "it stays in the list")
    assert query(file, "SELECT count(*) FROM notes WHERE title = 'To be deleted'") == [(0,)]


def test_a_note_that_another_window_deleted_is_not_saved_and_that_is_said(opened, file):
    press(opened, "New note")
    until(lambda: focused(opened) == "Title", focused(opened))
    keys(opened, "Soon gone")
    said(opened, "Soon gone")
    query(file, "DELETE FROM notes WHERE title = 'Soon gone'")
    keys(opened, "!")
    see(opened, "Not saved: this note was deleted meanwhile.")


def test_of_two_windows_that_change_one_note_each_keeps_what_it_wrote(opened, file):
    press(opened, "New note")
    until(lambda: focused(opened) == "Title", focused(opened))
    keys(opened, "Here")
    said(opened, "Here")
    until(lambda: query(file, "SELECT 1 FROM notes WHERE title = 'Here'"), "it is not saved")
    query(file, "UPDATE notes SET title = 'There', updated_at = '2100-01-01T00:00:01Z' WHERE title = 'Here'")
    keys(opened, " again")
    see(opened, "This note was changed in another window: both are kept, yours as a new note.")
    until(lambda: {"There", "Here again"} <= {*lines(opened)}, "the list has not both")
    keys(opened, ", and on")
    until(lambda: "Here again, and on" in lines(opened), "its line does not say so")
    found = query(file, "SELECT title FROM notes WHERE title GLOB 'Here again*' OR title = 'There' ORDER BY title")
    assert found == [("Here again, and on",), ("There",)]
    assert field(opened, "Title").get_attribute("value") == "Here again, and on"


def test_what_the_file_does_not_take_stays_in_its_field_and_is_tried_again(opened, file):
    press(opened, "New note")
    until(lambda: focused(opened) == "Title", focused(opened))
    query(file, "CREATE TRIGGER full BEFORE UPDATE ON notes BEGIN SELECT RAISE(ABORT, 'no room'); END")
    try:
        keys(opened, "Not yet")
        see(opened, "Not saved: no room. It is tried again with the next change.")
    finally:
        query(file, "DROP TRIGGER full")
    keys(opened, ", but now")
    said(opened, "Not yet, but now")
    assert query(file, "SELECT count(*) FROM notes WHERE title = 'Not yet, but now'") == [(1,)]


def test_what_was_typed_a_moment_ago_is_saved_when_the_app_quits(page, path):
    with MIGRATOR.open(path) as db:
        notes.create(db, "Last words")
    with served(path) as app:
        go(page, app)
        until(lambda: field(page, "Title").get_attribute("value") == "Last words", "no note is shown")
        field(page, "Text").send_keys("of mine")
        press(page, "Quit")
        see(page, "Your notes are closed")
        assert app.process.wait(20) == 0
    assert query(path, "SELECT body FROM notes") == [("\nof mine",)]


# -- folders --------------------------------------------------------------------------------------------------------------


def test_notes_go_out_as_files_and_come_in_again(opened, file, tmp_path):
    folder = tmp_path / "out"
    (count,) = query(file, "SELECT count(*) FROM notes")[0]
    menu(opened, "Export to a folder…")
    see(opened, "Nothing is overwritten.")
    assert unfit(opened) == []
    fill_in(opened, "Folder", str(folder))
    press(opened, "Export")
    see(opened, f"{count} notes were written to {folder}")
    assert len(list(folder.iterdir())) == count
    (folder / "one more.md").write_text("Brought in\nfrom a folder")
    menu(opened, "Import a folder…")
    fill_in(opened, "Folder", str(folder)).send_keys(Keys.ENTER)
    see(opened, f"{count + 1} files, 1 of them new")
    assert query(file, "SELECT body FROM notes WHERE title = 'Brought in'") == [("\nfrom a folder",)]


def test_a_folder_that_is_not_there_is_named(opened, tmp_path):
    menu(opened, "Import a folder…")
    fill_in(opened, "Folder", str(tmp_path / "nowhere"))
    press(opened, "Import")
    see(opened, f"Nothing was imported. {tmp_path / 'nowhere'}: No such file or directory.")


def menu(page: WebDriver, entry: str) -> None:
    press(page, "Import and export")

    def chosen() -> bool:
        for one in page.find_elements("css selector", ".q-menu .q-item"):
            if one.text == entry:
                one.click()
                return True
        return False

    until(chosen, f"no {entry} in the menu")
