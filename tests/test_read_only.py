"""`open(read_only=True)`: any version of the file for viewing and export; never migrated, never written, never made."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from helpers import content, fingerprint, query, script, sql, start
from test_launches import HOLDER, line_of, tell

import embedmig
from embedmig import (
    DatabaseBusy,
    DatabaseDamaged,
    ForeignDatabase,
    HistoryMismatch,
    Migrator,
    NotADatabase,
    UnusablePath,
)

ROWS = 300
ONE = sql(
    1,
    f"""
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})
    INSERT INTO notes SELECT i, printf('%0200d', i) FROM n;
    """,
)
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")
THREE = sql(3, "CREATE TABLE pins (id INTEGER PRIMARY KEY)")
APP = Migrator([ONE, TWO])
posix_only = pytest.mark.skipif(os.name == "nt", reason="users and permissions of POSIX")
JOURNALS = pytest.mark.parametrize("journal", ["delete", "wal"])


def written_at(path: Path, version: int, journal: str = "delete") -> None:
    """The file at a version: 1 is older than the app, 2 current, 3 too new."""
    Migrator([ONE, TWO, THREE], backups=0).migrate(path, to=version)
    query(path, f"PRAGMA journal_mode = {journal}")


def names(folder: Path) -> list[str]:
    return sorted(name.name for name in folder.iterdir() if not name.name.endswith(("-wal", "-shm")))


# -- what opens ---------------------------------------------------------------------------------------------------


@JOURNALS
@pytest.mark.parametrize("version", [1, 2, 3], ids=["older", "current", "too new"])
def test_a_file_of_any_version_opens_and_is_not_migrated(path: Path, version: int, journal: str) -> None:
    written_at(path, version, journal)
    before, said = fingerprint(path), []
    with APP.open(path, read_only=True, on_progress=said.append) as db:
        assert db["notes"].count == ROWS
        assert [row["version"] for row in db["_migrations"].rows] == list(range(1, version + 1))
    assert fingerprint(path) == before
    assert names(path.parent) == ["notes.db"]
    assert said == []


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_plain_connection_and_the_function_open_it_too(path: Path, version: int) -> None:
    written_at(path, version)
    with closing(embedmig.connect(path, [ONE, TWO], read_only=True)) as conn:
        assert conn.execute("SELECT count(*) FROM notes").fetchone() == (ROWS,)
    with embedmig.open(path, [ONE, TWO], read_only=True) as db:
        assert db["notes"].count == ROWS


def test_a_file_whose_history_is_not_ours_to_continue_opens(path: Path) -> None:
    Migrator([ONE, sql(2, "CREATE TABLE other (x)", name="other")]).migrate(path)
    with pytest.raises(HistoryMismatch):
        APP.open(path)
    before = fingerprint(path)
    with APP.open(path, read_only=True) as db:
        assert db["notes"].count == ROWS
    assert fingerprint(path) == before


def test_a_hard_linked_file_is_refused_all_the_same(path: Path) -> None:
    written_at(path, 2)
    path.with_name("twin.db").hardlink_to(path)
    with pytest.raises(UnusablePath, match="hard links"):
        APP.open(path, read_only=True)


def test_a_symbolic_link_is_followed(path: Path) -> None:
    written_at(path.with_name("target.db"), 1)
    path.symlink_to(path.with_name("target.db"))
    with APP.open(path, read_only=True) as db:
        assert db["notes"].count == ROWS


@pytest.mark.parametrize("name", ["100% of it.db", "what? no.db", "a#b.db", "ноты é.db", "file:x.db", "a&mode=rwc.db"])
@pytest.mark.skipif(os.name == "nt", reason="characters that Windows does not allow")
def test_a_name_that_means_something_in_a_uri_is_just_a_name(tmp_path: Path, name: str) -> None:
    written_at(tmp_path / name, 1)
    with APP.open(tmp_path / name, read_only=True) as db:
        assert db["notes"].count == ROWS
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("DELETE FROM notes")
    assert names(tmp_path) == [name]


# -- what does not --------------------------------------------------------------------------------------------------


def in_a_folder_that_is_not_there(path: Path) -> Path:
    return path.parent / "new" / "notes.db"


def empty(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize("make", [lambda path: None, in_a_folder_that_is_not_there, empty])
def test_a_file_that_is_not_there_is_not_made(path: Path, make: Callable[[Path], Path | None]) -> None:
    given = make(path) or path
    before = names(path.parent)
    with pytest.raises(UnusablePath) as refused:
        APP.open(given, read_only=True)
    assert str(refused.value).lower() == (
        f"there is no database at {given}. nothing was changed. give the path of the file that is meant.".lower()
    )
    assert refused.value.path == str(given)
    assert names(path.parent) == before


def test_there_is_nothing_to_read_in_memory() -> None:
    with pytest.raises(UnusablePath, match="no database at :memory:"):
        APP.open(":memory:", read_only=True)


BAD: dict[str, tuple[Callable[[Path], object], type[embedmig.EmbedmigError]]] = {
    "a text": (lambda path: path.write_bytes(b"Dear Ann,\n" * 500), NotADatabase),
    "a byte": (lambda path: path.write_bytes(b"S"), NotADatabase),
    "cut in half": (lambda path: (written_at(path, 2), os.truncate(path, path.stat().st_size // 8192 * 4096)), DatabaseDamaged),
    "a folder": (lambda path: path.mkdir(), UnusablePath),
    "something else under the history's name": (lambda path: query(path, "CREATE TABLE _migrations (bird)"), ForeignDatabase),
}  # fmt: skip


@pytest.mark.parametrize(("make", "error"), BAD.values(), ids=BAD)
def test_what_no_one_can_read_is_refused_and_stays(path: Path, make: Callable[[Path], object], error: Any) -> None:
    make(path)
    before = path.is_file() and fingerprint(path)
    with pytest.raises(error, match="Nothing was changed"):
        APP.open(path, read_only=True)
    assert (path.is_file() and fingerprint(path)) == before


def test_another_apps_application_id_is_refused(path: Path) -> None:
    written_at(path, 2)
    query(path, "PRAGMA application_id = 7")
    with pytest.raises(ForeignDatabase, match="0x00000007"):
        Migrator([ONE, TWO], application_id=8).open(path, read_only=True)


# -- nothing can be written --------------------------------------------------------------------------------------------

WRITES = [
    "INSERT INTO notes (text) VALUES ('x')",
    "UPDATE notes SET text = 'x'",
    "DELETE FROM notes",
    "CREATE TABLE t (x)",
    "DROP TABLE notes",
    "ALTER TABLE notes ADD COLUMN c",
    "PRAGMA user_version = 9",
    "PRAGMA application_id = 9",
    "DELETE FROM _migrations",
    "REINDEX",
]
SILENT = ["PRAGMA journal_mode = WAL", "PRAGMA journal_mode = DELETE", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM"]


def nothing_can_be_written(conn: sqlite3.Connection, path: Path) -> None:
    """Whatever the app says on this connection, each byte of the file stays."""
    before = fingerprint(path)
    for statement in WRITES:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            conn.execute(statement)
        conn.rollback()
        assert fingerprint(path) == before, statement
    for statement in SILENT:
        try:
            conn.execute(statement).fetchall()
        except sqlite3.OperationalError:
            pass  # or SQLite says nothing and does nothing
        assert fingerprint(path) == before, statement


@JOURNALS
@pytest.mark.parametrize("version", [1, 2, 3], ids=["older", "current", "too new"])
def test_nothing_can_be_written(path: Path, version: int, journal: str) -> None:
    written_at(path, version, journal)
    with closing(APP.connect(path, read_only=True)) as conn:
        nothing_can_be_written(conn, path)
    assert query(path, "PRAGMA journal_mode") == [(journal,)]


def test_sqlite_utils_cannot_write_either(path: Path) -> None:
    written_at(path, 2)
    before = fingerprint(path)
    with APP.open(path, read_only=True) as db:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db["notes"].insert({"text": "x"})
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db["notes"].enable_fts(["text"])
    assert fingerprint(path) == before


# -- WAL, and what others write meanwhile ---------------------------------------------------------------------------------

WRITER = """
    import sqlite3, sys
    conn = sqlite3.connect(sys.argv[1], isolation_level=None)
    conn.execute("PRAGMA wal_autocheckpoint = 0")
    conn.execute("INSERT INTO notes (text) VALUES ('in the -wal')")
    print("written", flush=True)
    sys.stdin.readline()
    conn.close()
"""


def test_rows_that_wait_in_the_wal_are_seen(path: Path) -> None:
    written_at(path, 1, "wal")
    with start(WRITER, path) as writer:
        assert line_of(writer) == "written"
        with APP.open(path, read_only=True) as db:
            assert db["notes"].count == ROWS + 1
        tell(writer, "enough")
    assert query(path, "SELECT count(*) FROM notes") == [(ROWS + 1,)]


@JOURNALS
def test_it_opens_while_another_process_holds_the_write_lock(path: Path, journal: str) -> None:
    written_at(path, 1, journal)
    with start(HOLDER, path) as holder:
        assert line_of(holder) == "held"
        with Migrator([ONE, TWO], timeout=0).open(path, read_only=True) as db:
            assert db["notes"].count == ROWS
        tell(holder, "enough")


def test_a_file_locked_for_readers_too_is_given_up_after_the_timeout_that_was_asked_for(path: Path) -> None:
    written_at(path, 1)
    with start(HOLDER.replace("IMMEDIATE", "EXCLUSIVE"), path) as holder:
        assert line_of(holder) == "held"
        with pytest.raises(DatabaseBusy, match=r"notes\.db is busy: another process .*; waited \d+\.\d s\.") as busy:
            Migrator([ONE, TWO], timeout=0.2).open(path, read_only=True)
        tell(holder, "enough")
    assert 0.2 <= busy.value.waited_s < 3


# -- after a crash ----------------------------------------------------------------------------------------------------------


def crashed(path: Path, journal: str, ends: tuple[str, ...] = ("", "-journal", "-wal")) -> None:
    """A file at version 1 as a power cut in the middle of a change leaves it: with its journal, or its -wal."""
    with tempfile.TemporaryDirectory() as folder:
        live = Path(folder) / "notes.db"
        written_at(live, 1, journal)
        with closing(sqlite3.connect(live, isolation_level=None)) as conn:
            conn.execute("PRAGMA cache_size = 5")
            conn.execute("UPDATE notes SET text = 'written since'")
            conn.execute("BEGIN")
            conn.execute("UPDATE notes SET text = 'never committed ' || printf('%0400d', id)")
            for end in ends:
                if os.path.exists(f"{live}{end}"):
                    shutil.copyfile(f"{live}{end}", f"{path}{end}")


@JOURNALS
def test_a_file_left_by_a_crash_shows_what_was_committed(path: Path, journal: str) -> None:
    crashed(path, journal)
    assert sorted(name.name for name in path.parent.iterdir()) == [
        "notes.db",
        {"delete": "notes.db-journal", "wal": "notes.db-wal"}[journal],
    ]
    with APP.open(path, read_only=True) as db:
        assert db.execute("SELECT text, count(*) FROM notes GROUP BY text").fetchall() == [("written since", ROWS)]


@JOURNALS
def test_a_file_left_by_a_crash_cannot_be_written_by_the_app_after_sqlite_recovered_it(
    path: Path, journal: str
) -> None:
    crashed(path, journal)
    with closing(APP.connect(path, read_only=True)) as conn:
        nothing_can_be_written(conn, path)
    assert query(path, "SELECT count(*), min(text) FROM notes") == [(ROWS, "written since")]
    assert query(path, "PRAGMA journal_mode") == [(journal,)]
    assert query(path, "SELECT max(version) FROM _migrations") == [(1,)]


# -- a folder that may only be read ------------------------------------------------------------------------------------------

NOBODY = """
    import sys
    import embedmig
    from pathlib import Path
    from test_bad_inputs import as_nobody, load_everything
    from test_read_only import APP

    load_everything()
    path = Path(sys.argv[1])
    as_nobody(path.parent, mode="x", name="proof")
    try:
        with APP.open(path, read_only=True) as db:
            print("opened", db.execute("SELECT count(*), min(text) FROM notes").fetchone())
            try:
                db.execute("DELETE FROM notes")
            except Exception as error:
                print("may not write:", error)
    except embedmig.EmbedmigError as error:
        print(type(error).__name__, error.data_is_safe, error)
"""


@pytest.fixture
def shelf():
    """A folder that other users may enter: pytest's own are for one user only."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)


def seen_by_nobody(path: Path) -> list[str]:
    """What another user is told, who may not write in the folder; every name and byte there is as it was."""
    for name in path.parent.iterdir():
        name.chmod(0o444)
    path.parent.chmod(0o555)
    before = {name.name: name.read_bytes() for name in path.parent.iterdir()}
    said = script(NOBODY, path).stdout.splitlines()
    assert {name.name: name.read_bytes() for name in path.parent.iterdir()} == before
    return said


OPENED = ["opened (300, '" + "0" * 199 + "1')", "may not write: attempt to write a readonly database"]


@posix_only
@JOURNALS
@pytest.mark.parametrize("version", [1, 2, 3], ids=["older", "current", "too new"])
def test_a_file_in_a_folder_that_may_only_be_read_opens(shelf: Path, version: int, journal: str) -> None:
    written_at(shelf / "notes.db", version, journal)
    assert names(shelf) == sorted(name.name for name in shelf.iterdir())  # no sidecars
    assert seen_by_nobody(shelf / "notes.db") == OPENED


@posix_only
def test_a_wal_file_with_both_sidecars_in_a_folder_that_may_only_be_read_shows_the_newest_rows(shelf: Path) -> None:
    crashed(shelf / "notes.db", "wal", ("", "-wal", "-shm"))
    assert seen_by_nobody(shelf / "notes.db") == ["opened (300, 'written since')", OPENED[1]]


@posix_only
@pytest.mark.parametrize("journal", ["delete", "wal"], ids=["a hot journal", "a -wal"])
def test_what_a_crash_left_in_a_folder_that_may_only_be_read_is_an_error_with_a_cure_that_helps(
    shelf: Path, journal: str
) -> None:
    crashed(shelf / "notes.db", journal)
    (said,) = seen_by_nobody(shelf / "notes.db")
    assert said.startswith("DatabaseReadOnly True notes.db can't be ")
    assert "this user may not write" in said
    assert "read_only=True" not in said  # that is what was tried


# -- prepare -----------------------------------------------------------------------------------------------------------------


def wants_wal(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA journal_mode = WAL").fetchall()


@pytest.mark.parametrize("version", [1, 2, 3], ids=["older", "current", "too new"])
def test_a_prepare_that_wants_wal_is_a_logged_warning_and_the_file_opens(
    path: Path, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    written_at(path, version)
    before = fingerprint(path)
    with Migrator([ONE, TWO], prepare=wants_wal).open(path, read_only=True) as db:
        assert db["notes"].count == ROWS
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: prepare() wants to write, and the file is open for reading: attempt to write a readonly database"
    ]
    assert fingerprint(path) == before
    assert names(path.parent) == ["notes.db"]


def test_a_prepare_that_wants_wal_is_content_with_a_wal_file(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    written_at(path, 2, "wal")
    with Migrator([ONE, TWO], prepare=wants_wal).open(path, read_only=True) as db:
        assert db["notes"].count == ROWS
    assert caplog.records == []


def test_a_prepare_that_wants_wal_does_not_get_it_on_a_file_left_by_a_crash(path: Path) -> None:
    crashed(path, "delete")
    with Migrator([ONE, TWO], prepare=wants_wal).open(path, read_only=True) as db:
        assert db["notes"].count == ROWS
    assert query(path, "PRAGMA journal_mode") == [("delete",)]


def test_what_prepare_registers_is_there(path: Path) -> None:
    written_at(path, 3)

    def register(conn: sqlite3.Connection) -> None:
        conn.create_function("shout", 1, str.upper)
        conn.execute("PRAGMA foreign_keys = ON")

    with Migrator([ONE, TWO], prepare=register).open(path, read_only=True) as db:
        assert db.execute("SELECT shout('a')").fetchone() == ("A",)
        assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_prepare_that_fails_for_another_reason_fails_the_open(path: Path) -> None:
    written_at(path, 2)

    def fails(conn: sqlite3.Connection) -> None:
        conn.execute("SELECT nonsense")

    with pytest.raises(embedmig.EmbedmigError, match="no such column: nonsense"):
        Migrator([ONE, TWO], prepare=fails).open(path, read_only=True)


def test_it_is_left_as_it_was_for_the_next_real_launch(path: Path) -> None:
    written_at(path, 1)
    before = content(path)
    with APP.open(path, read_only=True):
        assert APP.status(path).pending == ("002_step",)
    assert content(path) == before
    assert APP.migrate(path).ran == ("002_step",)
