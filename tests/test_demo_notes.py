"""What the demo app asks of its file: pages of a list, a search as it is typed, notes written, taken in and given out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ROOT, environment, query
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from demo_app import MIGRATOR, fill, notes
from demo_app.release import as_of

AT = "2026-01-{:02}T08:00:00Z"
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    with MIGRATOR.open(path) as db:
        yield db


def wrote(db: Database, *texts: str, topics: tuple[str, ...] = ()) -> list[int]:
    """Notes with these texts, a day between each."""
    return [notes.create(db, text, topics, AT.format(day)) for day, text in enumerate(texts, 1)]


def titles(found: list[notes.Listed]) -> list[str]:
    return [one.title for one in found]


def all_pages(turn, most: int) -> list[int]:
    """The ids of every page, one after the other, as somebody who scrolls sees them."""
    found: list[notes.Listed] = []
    while page := turn(after=found[-1] if found else None, most=most):
        found += page
    return [one.id for one in found]


# -- the list -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 3, 7, 50])
def test_the_pages_of_the_list_are_the_whole_list(db: Database, most: int) -> None:
    for number in range(20):
        id = notes.create(db, f"note {number}", ["even"] if number % 2 == 0 else [], AT.format(1 + number // 3))
        notes.pin(db, id, number % 5 == 0)
    ordered = [id for (id,) in db.execute("SELECT id FROM notes ORDER BY pinned DESC, updated_at DESC, id DESC")]
    even = [id for id in ordered if id % 2 == 1]
    assert all_pages(lambda **page: notes.listed(db, **page), most) == ordered
    assert all_pages(lambda **page: notes.listed(db, topic="even", **page), most) == even


def test_a_note_that_was_just_written_does_not_shift_the_next_page(db: Database) -> None:
    wrote(db, "one", "two", "three", "four")
    first = notes.listed(db, most=2)
    notes.create(db, "five", at=AT.format(9))
    assert titles(first) + titles(notes.listed(db, after=first[-1], most=2)) == ["four", "three", "two", "one"]


def test_a_page_of_the_list_reads_no_other_note(db: Database) -> None:
    plans: list[str] = []

    def explained(sql: str, given: object = ()) -> object:
        plans.extend(row[3] for row in db.conn.execute(f"EXPLAIN QUERY PLAN {sql}", given))
        return db.conn.execute(sql, given)

    class Asked:
        execute = staticmethod(explained)

    notes.listed(Asked())
    notes.add(db, "a text", [], AT.format(1))
    explained("SELECT 1 FROM notes WHERE title = ? AND body = ?", ("a", "b"))
    assert [plan for plan in plans if "notes" in plan and "notes_topics" not in plan] == [
        "SEARCH notes USING INDEX notes_by_recent ((pinned,updated_at)<(?,?))",
        "SEARCH notes USING INDEX notes_by_title (title=?)",
    ]
    assert not [plan for plan in plans if "SCAN notes" in plan or "TEMP B-TREE" in plan]


@pytest.mark.parametrize(("count", "said"), [(0, "0 notes"), (1, "1 note"), (2, "2 notes"), (20_000, "20,000 notes")])
def test_a_number_of_notes_is_said_as_people_say_it(count: int, said: str) -> None:
    assert notes.number(count) == said


# -- the search -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("milk", ["Milky way", "Shopping", "Cows"]),  # the last word goes on
        ("shop mil", ["Cows"]),  # but no other may
        ("milk bre", ["Shopping"]),
        ("mil bre", []),
        ("MILKY", ["Milky way"]),
        ("cafe", ["Café"]),
        ("shop", ["Shopping", "Cows"]),
        ("m", []),  # a single letter is a word
        ("a", ["Cows"]),
        ("日", ["日本語"]),  # not in scripts where it says much
        ("milk - bread", ["Shopping"]),
        ("", []),
        ("  ", []),
        ("\0way\0", ["Milky way"]),
    ],
)
def test_a_search_finds_notes_by_all_words(db: Database, words: str, found: list[str]) -> None:
    wrote(db, "Shopping\nmilk, bread", "Cows\ngive milk to a shop", "Café", "日本語", "Milky way")
    assert sorted(titles(notes.search(db, words))) == sorted(found)
    assert notes.matches(db, words) == len(found)


def test_a_search_shows_titles_first_and_then_the_newest(db: Database) -> None:
    wrote(db, "Milk, old", "old\nmilk", "Milk, new", "new\nmilk")
    assert titles(notes.search(db, "milk")) == ["Milk, new", "Milk, old", "new", "old"]


def test_a_topic_of_many_notes_is_listed_and_searched_like_one_of_few(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote(db, "Milk 1", "a\nmilk", "no", topics=("farm",))
    wrote(db, "Milk 2")

    def seen() -> list[list[int]]:
        turns = (lambda **page: notes.listed(db, topic="farm", **page), lambda **page: notes.search(db, "milk", topic="farm", **page))  # fmt: skip
        return [all_pages(turn, 1) for turn in turns]

    few = seen()
    monkeypatch.setattr(notes, "FEW", 2)
    assert few == seen() == [[3, 2, 1], [1, 2]]


@pytest.mark.parametrize("most", [1, 2, 3, 50])
def test_the_pages_of_a_search_are_all_that_is_found(db: Database, most: int) -> None:
    wrote(db, "Milk 1", "a\nmilk", "Milk 2", "b\nmilk", "c\nmilk", "no", topics=("farm",))
    wrote(db, "Milk 3")
    assert all_pages(lambda **page: notes.search(db, "milk", **page), most) == [7, 3, 1, 5, 4, 2]
    assert all_pages(lambda **page: notes.search(db, "milk", topic="farm", **page), most) == [3, 1, 5, 4, 2]


def test_a_search_marks_the_words_in_their_place(db: Database) -> None:
    wrote(db, "Shopping\nbread and milk")
    (hit,) = notes.search(db, "mil", marks=("<", ">"))
    assert (hit.shown.split(), hit.marked) == (["bread", "and", "<milk>"], "Shopping")
    (hit,) = notes.search(db, "milk sho", marks=("<", ">"))
    assert (hit.shown.split(), hit.title, hit.marked) == (["bread", "and", "<milk>"], "Shopping", "<Shopping>")


def test_a_page_that_was_pasted_is_a_search_like_any_other(db: Database) -> None:
    page = (ROOT / "LICENSE").read_text()
    (id,) = wrote(db, page)
    assert [one.id for one in notes.search(db, page)] == [id]
    assert notes.search(db, "(" * 100_000 + " xyzzy" * 1000) == []


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(TEXT, st.text(st.sampled_from("\"'*^:(){}-+ \0aANDORNEAR"))))
def test_whatever_is_typed_is_no_syntax(db: Database, words: str) -> None:
    found = notes.search(db, words)
    assert len(found) == min(50, notes.matches(db, words))


# -- to change ------------------------------------------------------------------------------------------------------


def test_a_note_is_read_as_it_was_saved(db: Database) -> None:
    id = notes.create(db, "", at=AT.format(1))
    assert notes.save(db, id, title="Title\nof one line", text="Text\n\nin lines\n", at=AT.format(2))
    notes.set_topics(db, id, ["work", "  home  office ", "work", " "])
    notes.pin(db, id, True)
    wanted = notes.Note(id, "Title of one line", "Text\n\nin lines\n", True, AT.format(2), ("home office", "work"))
    assert notes.note(db, id) == wanted
    assert titles(notes.search(db, "lines")) == ["Title of one line"]


def test_a_change_of_the_title_keeps_the_line_breaks_of_the_text(db: Database) -> None:
    (id,) = wrote(db, "Old\r\nfrom Windows\r\n")
    notes.save(db, id, title="New", text=notes.note(db, id).text)
    assert db.execute("SELECT title, body FROM notes").fetchall() == [("New", "\r\nfrom Windows\r\n")]


def test_what_is_saved_is_there_for_the_next_launch(path: Path) -> None:
    with MIGRATOR.open(path) as db:
        (id,) = wrote(db, "one")
        notes.save(db, id, title="two", text="")
        notes.pin(db, id, True)
        notes.set_topics(db, id, ["t"])
    assert query(path, "SELECT title, body, pinned FROM notes") == [("two", "", 1)]
    assert query(path, "SELECT name FROM topics JOIN notes_topics ON topic_id = id") == [("t",)]


def test_a_note_that_was_deleted_meanwhile_is_not_saved(db: Database) -> None:
    (id,) = wrote(db, "one")
    notes.delete(db, id)
    assert notes.save(db, id, title="two", text="") is False
    assert notes.note(db, id) is None
    notes.set_topics(db, id, ["t"])
    assert notes.topics(db) == []


def test_a_note_that_was_changed_meanwhile_stays_and_the_text_becomes_another(db: Database) -> None:
    (id,) = wrote(db, "one\nold", topics=("t",))
    assert notes.keep(db, id, AT.format(1), title="mine", text="").id == id
    notes.save(db, id, title="theirs", text="new", at=AT.format(2))
    other, at = notes.keep(db, id, AT.format(1), title="mine\ntoo", text="more\n")
    assert notes.note(db, id) == notes.Note(id, "theirs", "new", False, AT.format(2), ("t",))
    assert notes.note(db, other) == notes.Note(other, "mine too", "more\n", False, at, ("t",))
    assert notes.keep(db, other, at, title="mine again", text="").id == other
    assert notes.count(db) == 2
    notes.delete(db, id)
    assert notes.keep(db, id, AT.format(2), title="late", text="") is None


def test_a_topic_goes_with_its_last_note(db: Database) -> None:
    first, second = wrote(db, "one", "two", topics=("both",))
    notes.set_topics(db, first, ["both", "first"])
    assert notes.topics(db) == [("both", 2), ("first", 1)]
    notes.delete(db, first)
    assert notes.topics(db) == [("both", 1)]
    notes.set_topics(db, second, [])
    assert notes.topics(db) == []


# -- files in and out ------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(TEXT, unique=True, max_size=6))
@example(["\ufeffa byte order mark", "\r\n", ""])
def test_what_is_exported_is_imported_as_it_was(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("export")
    with MIGRATOR.open(":memory:") as db:
        wrote(db, *texts)
        assert notes.export(db, folder / "new") == len(texts)
        assert notes.add_folder(db, folder / "new") == (0, len(texts))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Shopping", "000007 Shopping.md"),
        ("../../etc/passwd", "000007 etc passwd.md"),
        ("CON", "000007 CON.md"),
        ("a\0b:c?*", "000007 a b c.md"),
        ("", "000007.md"),
        ("Überschrift ☃", "000007 Überschrift.md"),
        ("long " * 40, "000007 long long long long long long long long.md"),
    ],
)
def test_a_title_makes_a_file_name_that_every_system_takes(title: str, name: str) -> None:
    assert notes.file_name(7, title) == name


def test_an_export_overwrites_nothing(db: Database, tmp_path: Path) -> None:
    wrote(db, "one")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "000001 one.md").write_text("mine")
    with pytest.raises(FileExistsError, match="mine is not empty"):
        notes.export(db, tmp_path / "mine")
    assert (tmp_path / "mine" / "000001 one.md").read_text() == "mine"


def test_an_import_that_fails_takes_nothing_in(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1.md").write_text("one")
    (tmp_path / "2.md").write_text("two")

    def unreadable(path: Path) -> str:
        if path.name == "2.md":
            raise PermissionError(f"{path} can't be read")
        return "one"

    monkeypatch.setattr(notes, "text_of", unreadable)
    with pytest.raises(PermissionError):
        notes.add_folder(db, tmp_path)
    assert (notes.count(db), notes.topics(db)) == (0, [])


# -- many -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(1, 7))
def test_a_file_of_any_release_can_be_filled_and_upgraded(path: Path, version: int) -> None:
    assert fill.fill(path, as_of(version), 300, ROOT / "docs") == 300
    assert MIGRATOR.status(path).version == version
    MIGRATOR.migrate(path)
    assert query(path, "INSERT INTO notes_fts (notes_fts, rank) VALUES ('integrity-check', 1)") == []
    assert query(path, "SELECT count(*), count(DISTINCT title || body) FROM notes") == [(300, 300)]
    assert query(path, "SELECT count(*) FROM notes WHERE title = ''") == [(0,)]
    assert query(path, "SELECT count(*) FROM notes_topics") == [(300,)]
    assert query(path, "PRAGMA foreign_key_check") == []


def test_a_filled_file_says_what_the_texts_say(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "python").mkdir(parents=True)
    (folder / "plain.md").write_text(
        "The first sentence of it. The second\nof it.\n\nAnother paragraph, of one line\n\nshort"
    )
    (folder / "python" / "code.py").write_text(
        '"""What the module is for."""\ndef f():\n    """What the function does: 1.\n\n        indented\n    """\n    text = """\nno docstring, but a text of many words\n"""\n'
    )  # fmt: skip
    assert fill.fill(path, MIGRATOR, 4, folder) == 4
    assert {*query(path, "SELECT title || body, name FROM notes JOIN notes_topics ON note_id = notes.id JOIN topics ON topics.id = topic_id")} == {
        ("The first sentence of it.\nThe second of it.", "plain"),
        ("Another paragraph, of one line", "plain"),
        ("What the module is for.", "python"),
        ("What the function does: 1.", "python"),
    }  # fmt: skip


def test_notes_that_are_there_stay_when_more_are_written(path: Path) -> None:
    fill.fill(path, MIGRATOR, 20, ROOT / "docs")
    before = query(path, "SELECT * FROM notes")
    fill.fill(path, MIGRATOR, 30, ROOT / "docs")
    assert query(path, "SELECT * FROM notes LIMIT 20") == before
    assert query(path, "SELECT count(*) FROM notes_topics") == [(50,)]


def test_a_folder_with_little_text_gives_few_notes(path: Path, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("One paragraph, and no more\n\nAnd another one after it\n")
    assert fill.fill(path, MIGRATOR, 1000, tmp_path) == 3  # each of the two, and both


def test_python_brings_texts_enough(path: Path) -> None:
    assert fill.fill(path, MIGRATOR, 2000) == 2000
    with MIGRATOR.open(path) as db:
        assert notes.matches(db, "return") > 20


def test_the_command_line_fills_the_file_of_an_older_release(path: Path) -> None:
    done = module("--db", path, "--as-of", 2, "--fill", 50, "--import", ROOT / "docs")
    assert re.search(rf"^{path}: 50 notes written in \d+\.\d s\n{path}: version 2, applied: 2", done.stdout, re.M)
    assert (done.returncode, done.stderr) == (0, "")
    assert query(path, "SELECT count(*) FROM notes") == [(50,)]


def module(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demo_app", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60)
