"""The demo app and its migrations: what becomes of real notes on the way up, on the way down, and on a terminal."""

from __future__ import annotations

import importlib.util
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from helpers import ROOT, content, environment, fingerprint, query, write
from hypothesis import given, settings
from hypothesis import strategies as st

import migrations
from demo_app import MIGRATOR, notes, tour
from embedmig import IrreversibleMigration, Migration, Migrator, Progress

FOLDER = ROOT / "migrations"
NEWEST = 6
VERSIONS = range(1, NEWEST + 1)

TEXTS = [
    (ROOT / "migrations" / "README.md").read_bytes().decode(),
    (ROOT / "LICENSE").read_bytes().decode(),  # begins with a blank line
    "Shopping\nmilk\nbread\n",
    "Written on Windows\r\nbread again\r\n",
    "Written on an old Mac\rbread too\r",
    "only a title",
    "a title and its line break\n",
    "\n\r\n  blank lines first\n",
    "",
    "\n",
    "a \0 in the title\nand a \0 in the body",
    "Überschrift ☃\x85 one line\u2028 for people with other line breaks\nnaïve café",
]
NOTES = {10 * n: text for n, text in enumerate(TEXTS, 1)}  # gaps, as in a file from which notes were deleted


def times(id: int) -> list[str]:
    return [f"2026-01-{id // 10:02}T08:00:00Z", f"2026-02-{id // 10:02}T09:00:00Z"]


def write_notes(path: Path, version: int) -> None:
    """As the release of that version wrote them: one note for each text, two topics for each note."""
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.executemany("INSERT INTO topics VALUES (?, ?)", [(1, "all"), (2, "even"), (3, "odd")])
        for id, text in NOTES.items():
            row = [id, *times(id), text]
            if version < 4:
                conn.execute("INSERT INTO notes (id, created_at, updated_at, body) VALUES (?, ?, ?, ?)", row)
            else:
                row[3:] = split(text)
                conn.execute("INSERT INTO notes (id, created_at, updated_at, title, body) VALUES (?, ?, ?, ?, ?)", row)
            conn.executemany("INSERT INTO notes_topics VALUES (?, ?)", [(id, 1), (id, 2 + id // 10 % 2)])
        if version >= 3:
            conn.execute("INSERT INTO user_settings (key, value) VALUES ('theme', 'dark')")


@pytest.fixture
def file_at(path: Path):
    """`file_at(3)`: the user's file as release 3 left it, with notes in it."""

    def make(version: int) -> Path:
        MIGRATOR.migrate(path, to=version)
        write_notes(path, version)
        return path

    return make


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_loaded_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


split, join = (getattr(load(FOLDER / "004_split_titles.py"), name) for name in ("split", "join"))


def take_back(conn: sqlite3.Connection, version: int, folder: Path = FOLDER) -> None:
    """Roll back one migration, the newest of the file."""
    Migrator(folder, backups=0).rollback(conn, to=version - 1)


def said(conn: sqlite3.Connection) -> dict[str, object]:
    """What the file says: its schema without quotes, blanks and comments, and the rows of its own tables."""
    rows = conn.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master"
        " WHERE tbl_name <> '_migrations' AND tbl_name NOT LIKE 'sqlite_stat%'"  # made by PRAGMA optimize
    ).fetchall()
    blank = re.compile(r"--[^\n]*|[\s\"'\[\]]")
    found: dict[str, object] = {
        f"{kind} {name} on {table}": blank.sub("", sql or "").lower() for kind, name, table, sql in rows
    }
    for table in ("notes", "topics", "notes_topics", "user_settings"):
        if f"table {table} on {table}" in found:
            found[table] = conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
    return found


def hits(path: Path, word: str) -> set[int]:
    return {int(str(id)) for (id,) in query(path, "SELECT rowid FROM notes_fts WHERE notes_fts MATCH ?", word)}


def with_word(word: str) -> set[int]:
    return {id for id, text in NOTES.items() if word in re.split(r"[\W_]+", text.lower())}


def index_is_sound(path: Path) -> bool:
    """FTS5 compares its index with the texts, and raises where they differ."""
    return query(path, "INSERT INTO notes_fts (notes_fts, rank) VALUES ('integrity-check', 1)") == []


# -- up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_of_any_release_keeps_every_note(file_at, version: int) -> None:
    path = file_at(version)
    with MIGRATOR.open(path) as db:
        found = db.execute("SELECT id, title || body, created_at, updated_at FROM notes ORDER BY id").fetchall()
    assert found == [(id, text, *times(id)) for id, text in NOTES.items()]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_of_any_release_keeps_the_topics_of_its_notes(file_at, version: int) -> None:
    path = file_at(version)
    MIGRATOR.migrate(path)
    links = [(id, topic) for id in NOTES for topic in (1, 2 + id // 10 % 2)]
    assert query(path, "SELECT * FROM notes_topics ORDER BY 1, 2") == links
    assert query(path, "SELECT name FROM topics ORDER BY id") == [("all",), ("even",), ("odd",)]
    assert query(path, "PRAGMA foreign_key_check") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_of_any_release_is_searched_whole(file_at, version: int) -> None:
    path = file_at(version)
    MIGRATOR.migrate(path)
    for word in ("bread", "shopping", "title", "license", "migrations", "blank", "windows"):
        assert hits(path, word) == with_word(word), word
    assert index_is_sound(path)


@pytest.mark.parametrize("version", range(3, NEWEST + 1))
def test_a_file_keeps_its_users_settings(file_at, version: int) -> None:
    path = file_at(version)
    MIGRATOR.migrate(path)
    assert query(path, "SELECT key, value FROM user_settings") == [("theme", "dark")]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_path_to_the_newest_version_leads_to_the_same_schema(file_at, tmp_path: Path, version: int) -> None:
    path, new = file_at(version), tmp_path / "new.db"
    Migrator(migrations, strict=True).migrate(path)  # strict: a trigger or view that vanished would be an error
    MIGRATOR.migrate(new)
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1, 2"
    assert query(path, schema) == query(new, schema)


@pytest.mark.parametrize("version", range(2, NEWEST + 1))
def test_the_search_follows_what_is_written_later(file_at, version: int) -> None:
    path = file_at(1)
    MIGRATOR.migrate(path, to=version)
    before = hits(path, "bread")
    query(path, "UPDATE notes SET body = 'butter' WHERE id = 30")
    query(path, "DELETE FROM notes WHERE id = 40")
    columns, values = ("title, ", "'new', ") if version >= 4 else ("", "")
    query(path, f"INSERT INTO notes (id, {columns}body, created_at, updated_at) VALUES (99, {values}'bread', '', '')")
    assert hits(path, "bread") == before - {30, 40} | {99}
    assert hits(path, "butter") == {30}
    assert index_is_sound(path)


def test_a_deleted_note_takes_its_topics_along(file_at) -> None:
    with MIGRATOR.open(file_at(1)) as db:
        db.table("notes").delete(10)
        assert db.execute("SELECT count(*) FROM notes_topics WHERE note_id = 10").fetchone() == (0,)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_second_launch_changes_nothing(file_at, version: int) -> None:
    path = file_at(version)
    MIGRATOR.open(path).close()
    before = fingerprint(path)
    MIGRATOR.open(path).close()
    assert MIGRATOR.migrate(path).ran == ()
    assert fingerprint(path) == before


def test_the_splitting_of_titles_reports_its_rows(file_at) -> None:
    told: list[Progress] = []
    MIGRATOR.migrate(file_at(1), on_progress=told.append)
    reported = {(p.id, p.done, p.total_rows) for p in told if p.total_rows}
    assert ("004_split_titles", len(TEXTS), len(TEXTS)) in reported
    assert {id for id, _, _ in reported} == {"004_split_titles"}


def test_a_title_that_breaks_the_new_rules_is_mended_and_not_refused(file_at) -> None:
    path = file_at(4)
    query(path, "UPDATE notes SET title = NULL WHERE id = 10")
    query(path, "UPDATE notes SET title = 'two' || char(10) || 'lines' WHERE id = 20")
    MIGRATOR.migrate(path)
    assert query(path, "SELECT title FROM notes WHERE id < 30") == [("",), ("two lines",)]
    assert 20 in hits(path, "lines")
    assert index_is_sound(path)


@pytest.mark.parametrize(
    "change", ["title = NULL", "title = 'two' || char(10) || 'lines'", "body = NULL", "pinned = 2", "pinned = NULL"]
)
def test_the_newest_version_takes_no_row_that_breaks_its_rules(file_at, change: str) -> None:
    path = file_at(5)
    with pytest.raises(sqlite3.IntegrityError):
        query(path, f"UPDATE notes SET {change} WHERE id = 10")


def test_pinned_notes_come_first_then_the_newest(file_at) -> None:
    with MIGRATOR.open(file_at(1)) as db:
        db.execute("UPDATE notes SET pinned = 1 WHERE id = 30")
        assert [note.id for note in notes.listed(db, most=3)] == [30, max(NOTES), max(NOTES) - 10]


# -- down ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(2, NEWEST + 1))
def test_down_gives_back_what_the_earlier_release_had(file_at, version: int) -> None:
    path = file_at(version - 1)
    with closing(sqlite3.connect(path)) as conn:
        before = said(conn)
        MIGRATOR.migrate(path, to=version)
        assert said(conn) != before
        take_back(conn, version)
        assert said(conn) == before
    assert version == 2 or index_is_sound(path)


def test_down_of_the_first_migration_leaves_nothing(file_at) -> None:
    with closing(sqlite3.connect(file_at(1))) as conn:
        take_back(conn, 1)
        assert said(conn) == {}


def test_all_the_way_up_and_down_and_up_again_keeps_every_note(file_at) -> None:
    path = file_at(1)
    with closing(sqlite3.connect(path)) as conn:
        old = said(conn)
        MIGRATOR.migrate(path)
        new = said(conn)
        for version in range(NEWEST, 1, -1):
            take_back(conn, version)
        assert said(conn) == old
        MIGRATOR.migrate(path)
        assert said(conn) == new
    assert index_is_sound(path)


@pytest.mark.parametrize("version", [3, 4])
def test_a_taken_back_search_still_finds_everything_and_follows_changes(file_at, version: int) -> None:
    path = file_at(1)
    MIGRATOR.migrate(path, to=version + 1)
    with closing(sqlite3.connect(path)) as conn:
        take_back(conn, version + 1)
    assert hits(path, "bread") == with_word("bread")
    query(path, "UPDATE notes SET body = 'butter' WHERE id = 30")
    assert hits(path, "butter") == {30}
    assert index_is_sound(path)


def test_notes_that_a_later_release_wrote_lose_no_word_on_the_way_down(file_at) -> None:
    path = file_at(4)
    query(path, "DELETE FROM notes_topics")
    query(path, "DELETE FROM notes")
    add = "INSERT INTO notes (id, title, body, created_at, updated_at) VALUES (?, ?, ?, '', '')"
    for row in [(1, "title", "body"), (2, None, "body"), (3, "", "body"), (4, "title", ""), (5, "title", "\r\nbody")]:
        query(path, add, *row)
    with closing(sqlite3.connect(path)) as conn:
        take_back(conn, 4)
    assert query(path, "SELECT body FROM notes ORDER BY id") == [
        ("title\nbody",), ("\nbody",), ("\nbody",), ("title",), ("title\r\nbody",)
    ]  # fmt: skip


TEXT = st.text(st.one_of(st.sampled_from("\r\n\r\n ab\0\x85\u2028"), st.characters(exclude_categories=["Cs"])))


@given(TEXT)
def test_a_split_text_joins_to_the_same_text(text: str) -> None:
    title, body = split(text)
    assert join(title, body) == text
    assert title + body == text
    assert not {"\r", "\n"} & set(title)
    assert body[:1] in ("", "\r", "\n")


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXT, max_size=8))
def test_whatever_the_notes_say_up_and_down_again_is_the_same(texts: list[str]) -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        MIGRATOR.migrate(conn, to=1)
        conn.executemany("INSERT INTO notes VALUES (NULL, ?, '', '')", [(text,) for text in texts])
        conn.commit()
        before = conn.execute("SELECT * FROM notes").fetchall()
        MIGRATOR.migrate(conn)
        take_back(conn, 6)
        take_back(conn, 5)
        take_back(conn, 4)
        assert conn.execute("SELECT * FROM notes").fetchall() == before


# -- the README of the migrations -----------------------------------------------------------------------------


README = (FOLDER / "README.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^### [^\n]*`(\d+_\w+\.\w+)`\n\n```\w+\n(.*?)^```$", README, re.M | re.S))


def test_the_readme_lists_the_migrations_that_are_there() -> None:
    there = sorted(file.name for file in FOLDER.glob("[0-9]*"))
    assert re.findall(r"^\| `(\d+_\w+\.\w+)` \|", README, re.M) == there


def test_the_examples_of_the_readme_run_up_and_down(file_at, tmp_path: Path) -> None:
    assert [*EXAMPLES] == ["007_add_reminders.py", "008_add_colors.sql", "009_trim_topics.py"]
    path = file_at(NEWEST)
    shipped = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("[0-9]*")}
    folder = write(tmp_path / "m", **shipped, **EXAMPLES)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("INSERT INTO topics VALUES (4, '  blanks ')")
        conn.execute("INSERT INTO topics VALUES (5, ' all ')")  # trimmed, it would be a second one
        conn.commit()
        before = said(conn)
        examples = Migrator(folder, strict=True, backups=0)
        examples.migrate(path, to=8)
        foreign_keys = conn.execute('SELECT "table", "from" FROM pragma_foreign_key_list(\'reminders\')').fetchall()
        assert foreign_keys == [("notes", "note_id")]
        assert conn.execute("SELECT DISTINCT color FROM topics").fetchall() == [("grey",)]
        examples.rollback(conn, to=6)
        assert said(conn) == before
        examples.migrate(path)
        assert conn.execute("SELECT name FROM topics WHERE id > 3").fetchall() == [("blanks",), (" all ",)]
        with pytest.raises(IrreversibleMigration, match="no down in 009_trim_topics"):
            examples.rollback(conn, to=6)


def test_the_value_in_the_readme_is_a_migration() -> None:
    (code,) = re.findall(r"^```python\n(from embedmig .*?)^```$", README, re.M | re.S)
    migration = eval(code.partition("\n\n")[2], {"Migration": Migration})
    assert (migration.id, migration.version) == ("007_add_reminders", NEWEST + 1)
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute(migration.up)
        conn.execute(migration.down)


# -- the command line -----------------------------------------------------------------------------------------


def app(*arguments: object, module: str = "demo_app", folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=folder, env=environment() | {"PYTHONIOENCODING": "utf-8"}, capture_output=True, encoding="utf-8", timeout=60,
    )  # fmt: skip


def printed(done: subprocess.CompletedProcess[str]) -> str:
    """What a launch that went well prints, durations left out."""
    assert (done.returncode, done.stderr) == (0, "")
    return re.sub(r"\d+(\.\d+)? ms", "N ms", done.stdout)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder of real files, and some that are no notes."""
    folder = tmp_path / "My texts"
    folder.mkdir()
    (folder / "shopping.md").write_bytes(b"\xef\xbb\xbf# Shopping\r\n\r\nmilk, br\xc3\xb8d\r\n")
    (folder / "old.TXT").write_bytes(b"Caf\xe9\nfrom before UTF-8\x1b[2J")
    (folder / "no note.py").write_text("print()")
    (folder / "a folder.md").mkdir()
    return folder


def test_a_first_launch_makes_the_file_and_tells_what_ran(tmp_path: Path) -> None:
    assert (
        printed(app(folder=tmp_path))
        == f"""\
001_initial  Notes, topics, and which note has which topic.  (N ms)
002_full_text_search  Full-text search in the notes.  (N ms)
003_add_user_settings  Add user settings table.  (N ms)
004_split_titles  Give each note a title: the first line of its text.  (N ms)
005_rebuild_notes  Every note has a title of one line, and can be pinned.  (N ms)
006_index_notes  A page of the list and the note with a given title are found at once, also among 200,000 notes.  (N ms)
{tmp_path / "notes.db"}: version 0 -> 6, 6 migrations in N ms
{tmp_path / "notes.db"}: version 6, applied: 6, pending: nothing
0 notes; --import FOLDER takes some in
"""
    )


def test_a_later_launch_tells_the_status_and_the_notes(file_at, tmp_path: Path) -> None:
    path = file_at(6)
    query(path, "DELETE FROM notes WHERE id > 40")
    before = fingerprint(path)
    assert (
        printed(app("--db", path, folder=tmp_path))
        == f"""\
{path}: version 6, applied: 6, pending: nothing
4 notes:
    40  2026-02-04  Written on Windows  [all, even]
    30  2026-02-03  Shopping  [all, odd]
    20  2026-02-02  (no title)  [all, even]
    10  2026-02-01  # The demo app's migrations  [all, odd]
"""
    )
    assert fingerprint(path) == before


def test_an_older_file_is_brought_up_to_date_by_a_launch(file_at, tmp_path: Path) -> None:
    path = file_at(3)
    done = printed(app("--db", path, folder=tmp_path))
    assert done.startswith("004_split_titles  Give each note a title: the first line of its text.  (N ms)\n005_rebuild")
    assert f"{path}: version 3 -> 6, 3 migrations in N ms\n" in done
    assert f"{len(TEXTS)} notes:\n" in done


def test_a_folder_is_imported_and_a_second_time_adds_nothing(texts: Path, tmp_path: Path) -> None:
    first = printed(app("--db", "n.db", "--import", texts, folder=tmp_path))
    assert f"{texts}: 2 files, 2 of them new\n2 notes:\n" in first
    assert "  # Shopping  [My texts]\n" in first
    assert query(tmp_path / "n.db", "SELECT title, body FROM notes ORDER BY id") == [
        ("Café", "\nfrom before UTF-8\x1b[2J"),
        ("# Shopping", "\r\n\r\nmilk, brød\r\n"),
    ]
    second = printed(app("--db", "n.db", "--import", texts, folder=tmp_path))
    assert f"{texts}: 2 files, 0 of them new\n2 notes:\n" in second


def test_a_search_shows_the_words_in_their_place(texts: Path, tmp_path: Path) -> None:
    printed(app("--import", texts, folder=tmp_path))
    assert printed(app("--search", "utf-8", folder=tmp_path)).splitlines()[1:] == [
        "1 note has utf-8:",
        "     1  Café                            from before [UTF-8] [2J",  # nothing that a terminal would obey
    ]


@pytest.mark.parametrize("words", ['"', '""', "-", "a AND", "NEAR(", "title:", "*", "'", " "])
def test_no_search_is_a_syntax_error(texts: Path, tmp_path: Path, words: str) -> None:
    with MIGRATOR.open(tmp_path / "notes.db") as db:
        notes.add_folder(db, texts)
        assert notes.search(db, words) == []


def test_reset_starts_again(file_at, tmp_path: Path) -> None:
    path = file_at(3)
    done = printed(app("--db", path, "--reset", folder=tmp_path))
    assert done.endswith(f"{path}: version 6, applied: 6, pending: nothing\n0 notes; --import FOLDER takes some in\n")
    assert query(path, "SELECT count(*) FROM notes") == [(0,)]


def a_text(path: Path) -> None:
    path.write_text("no database, but somebody's letter\n" * 40)


def another_apps(path: Path) -> None:
    query(path, "CREATE TABLE customers (name)")


def with_another_id(path: Path) -> None:
    MIGRATOR.migrate(path)
    query(path, "PRAGMA application_id = 7")


def of_a_newer_release(path: Path) -> None:
    MIGRATOR.migrate(path)
    query(path, "INSERT INTO _migrations (version, id, description, applied_at, app_version)"
          " VALUES (7, '007_add_reminders', '', '', '7.0')")  # fmt: skip


@pytest.mark.parametrize("reset", [[], ["--reset"]], ids=["open", "reset"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (a_text, "notes.db is not a SQLite database, or is encrypted (file is not a database). Nothing was changed."),
        (another_apps, "notes.db is another app's file: it has customers and no history of migrations. Nothing was"),
        (with_another_id, "notes.db is another app's file: its application_id is 0x00000007, and this app's is 0x4e4f"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_stays(
    path: Path, tmp_path: Path, make, message: str, reset: list[str]
) -> None:
    make(path)
    before = fingerprint(path)
    done = app(*reset, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)
    assert fingerprint(path) == before


def test_a_file_of_a_newer_release_is_refused_and_stays(path: Path, tmp_path: Path) -> None:
    of_a_newer_release(path)
    before = fingerprint(path)
    done = app(folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "notes.db is at version 7, but this app knows versions up to 6 (unknown here: 007_add_reminders)."
        " Nothing was changed. Update the app to 7.0 or later.\n"
    )
    assert fingerprint(path) == before


def test_a_folder_that_is_not_there_is_said_before_the_file_is_made(tmp_path: Path) -> None:
    done = app("--import", "nowhere", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("error: there is no folder nowhere\n")
    assert list(tmp_path.iterdir()) == []


# -- the tour ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("tour")
    yield folder / "demo.db", printed(app(module="demo_app.tour", folder=folder))


def test_the_tour_upgrades_a_file_of_release_1_with_the_repositorys_texts(toured: tuple[Path, str]) -> None:
    path, told = toured
    assert f"{path}: version 1, applied: 1, pending: 002_full_text_search, 003_add_user_settings, 004_" in told
    assert f"{path}: version 1 -> 6, 5 migrations in N ms\n" in told
    assert "the file's bytes are the same.\n" in told
    assert told.endswith(f"\nTry next: {sys.executable} -m demo_app --db demo.db; make app shows it in a window\n")
    found = [title + body for title, body in query(path, "SELECT title, body FROM notes")]
    assert {notes.text_of(ROOT / name) for name in ("README.md", "LICENSE", "migrations/README.md")} <= {*found}
    assert f"004_split_titles reported {len(found)} of {len(found)} rows.\n" in told
    assert hits(path, "sqlite")


def test_the_tour_shows_the_history_as_the_file_has_it(toured: tuple[Path, str]) -> None:
    path, told = toured
    rows = query(path, "SELECT * FROM _migrations ORDER BY version")
    assert [row[1] for row in rows] == sorted(file.stem for file in FOLDER.glob("[0-9]*"))
    for row in rows:
        assert "|".join("" if value is None else str(value) for value in row) + "\n" in told
    assert query(path, "SELECT version, app_version FROM _migrations")[:2] == [(1, "1.0"), (2, "6.0")]


def test_the_tour_keeps_the_topics_of_every_note(toured: tuple[Path, str]) -> None:
    path, told = toured
    counts = [query(path, f"SELECT count(*) FROM {table}")[0][0] for table in ("notes", "topics", "notes_topics")]
    assert counts[2] == 2 * counts[0] > 0
    both = "{} notes, {} topics, {} notes_topics.\n".format(*counts)
    assert told.count(both) == 2  # before and after


def test_a_second_tour_begins_again(tmp_path: Path) -> None:
    printed(app(module="demo_app.tour", folder=tmp_path))
    query(tmp_path / "demo.db", "DELETE FROM notes")
    told = printed(app(module="demo_app.tour", folder=tmp_path))
    assert told.startswith(
        "The demo.db of the last tour is deleted.\n\nRelease 1.0 of the app makes demo.db:\n001_init"
    )


def test_the_tour_deletes_no_file_but_its_own(tmp_path: Path) -> None:
    another_apps(tmp_path / "demo.db")
    before = content(tmp_path / "demo.db")
    done = app(module="demo_app.tour", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("demo.db is another app's file: it has customers and no history of migrations.")
    assert content(tmp_path / "demo.db") == before


def test_the_command_line_goes_back_and_the_next_launch_comes_up_again(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    MIGRATOR.migrate(path)
    back = subprocess.run(
        [sys.executable, "-m", "demo_app", "--db", path, "--rollback", "3"],
        capture_output=True, text=True, cwd=ROOT, env=environment(), check=True,
    )  # fmt: skip
    assert "version 3, applied: 3, pending: 004_split_titles, 005_rebuild_notes, 006_index_notes" in back.stdout
    assert "notes.db.v0006.bak" in back.stdout
    again = MIGRATOR.migrate(path)
    assert (again.before, again.after) == (3, 6)


def test_the_python_of_a_folder_is_named_as_it_is_typed_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / ".venv" / "bin" / "python"))
    assert tour.python() == str(Path(".venv", "bin", "python"))
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert tour.python() == "/usr/bin/python3"


def test_a_file_to_cause_trouble_is_made_and_the_way_to_open_it_is_told(tmp_path: Path) -> None:
    told = printed(app("failing", module="demo_app.trouble", folder=tmp_path))
    path = Path("trouble", "failing", "notes.db")
    assert told == f"Try next: {sys.executable} -m demo_app --window --db {path}\n"
    assert query(tmp_path / path, "SELECT count(*) FROM user_settings") == [(0,)]
