"""`doctor`: a report that can be pasted into a bug report, on files in any state."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers import fingerprint, query, sql, start

import embedmig
from embedmig import Migrator
from embedmig.doctor import Examined, examine

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, title)", name="notes")
TWO = sql(2, "CREATE TABLE tags (note REFERENCES notes (id)); CREATE INDEX tags_note ON tags (note)", name="tags")
APP = Migrator((ONE, TWO), app_version="1.2")


@pytest.fixture
def made(path: Path) -> Path:
    APP.connect(path).close()
    return path


def part(examined: Examined, title: str) -> str:
    """One section of the text, without what differs from day to day."""
    section = next(s for s in examined.text().split("\n\n") if s.startswith(title + "\n"))
    section = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+Z| UTC)", "TIME", section)
    return re.sub(r"\b\d+ ms", "N ms", section)


def wrong(examined: Examined) -> dict[str, object]:
    """What is wrong or not known, by section."""
    return {s.title: (*s.troubles, *([f"? {s.unknown}"] if s.unknown else [])) for s in examined.sections if s.troubles or s.unknown}  # fmt: skip


def test_of_a_sound_file_everything_is_told(made: Path) -> None:
    found = examine(APP, str(made))
    assert found.healthy
    assert [section.title for section in found.sections] == [
        "versions", "file", "sidecars", "room", "backups", "settings", "history", "migrations", "schema", "integrity", "foreign keys",
    ]  # fmt: skip
    assert part(found, "versions").splitlines()[1::2][:2] == [
        f"  embedmig      {embedmig.__version__}",
        f"  SQLite        {sqlite3.sqlite_version}",
    ]
    assert part(found, "history") == (
        "history\n"
        "  version    2\n"
        "  001_notes  TIME, N ms, app 1.2\n"
        "  002_tags   TIME, N ms, app 1.2"
    )  # fmt: skip
    assert part(found, "migrations") == "migrations\n  shipped  2, the newest is 002_tags\n  pending  none"
    assert part(found, "schema") == "schema\n  objects  table: 3, index: 1\n  drift    none"
    assert part(found, "integrity") == "integrity\n  integrity_check  ok"
    assert part(found, "foreign keys") == "foreign keys\n  foreign_key_check  ok"
    assert part(found, "sidecars") == "sidecars\n  none"


def test_the_same_for_programs(made: Path) -> None:
    told = json.loads(json.dumps(examine(APP, str(made)).as_json()))
    assert told["healthy"] is True
    assert told["history"]["version"] == 2
    assert told["integrity"] == {"integrity_check": "ok", "troubles": [], "unknown": None}


def test_no_row_is_shown_and_nothing_is_written(made: Path) -> None:
    query(made, "INSERT INTO tags VALUES ('a secret')")
    before, beside = fingerprint(made), os.listdir(made.parent)
    found = examine(APP, str(made))
    assert "secret" not in found.text()
    assert wrong(found) == {"foreign keys": ("1 of tags point to no row of notes.",)}
    assert (fingerprint(made), os.listdir(made.parent)) == (before, beside)


def test_the_home_of_whose_file_it_is_is_not_told(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(made.parent))
    monkeypatch.setenv("USERPROFILE", str(made.parent))
    assert f"path         ~{os.sep}notes.db\n" in examine(APP, str(made)).text()


def test_pending_is_no_illness(path: Path) -> None:
    Migrator((ONE,)).connect(path).close()
    found = examine(APP, str(path))
    assert found.healthy
    assert part(found, "migrations") == "migrations\n  shipped  2, the newest is 002_tags\n  pending  002_tags"


def test_backups_and_sidecars_are_listed(made: Path) -> None:
    APP.backup(made)
    with closing(sqlite3.connect(made)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("INSERT INTO notes VALUES (1, 2)")
        other.commit()
        found = examine(APP, str(made))
    size = made.with_name("notes.db.v0002.bak").stat().st_size
    assert part(found, "backups") == f"backups\n  notes.db.v0002.bak  {size} bytes, TIME"
    assert re.fullmatch(r"sidecars\n  notes.db-wal  \d+ bytes\n  notes.db-shm  \d+ bytes", part(found, "sidecars"))
    assert "journal mode    wal" in part(found, "settings")


@pytest.mark.skipif(os.name == "nt" or not Path("/proc/self/fd").is_dir(), reason="only Linux sees idle users")
def test_who_has_it_open_is_told(made: Path) -> None:
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM notes').fetchall(); print('open', flush=True); input()"
    with start(code, made) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert "open in      another process" in part(examine(APP, str(made)), "file")
        other.communicate("\n")
    assert "open in      no other process, as far as can be seen" in part(examine(APP, str(made)), "file")


# -- files that are not well -----------------------------------------------------------------------------------------------


def test_a_damaged_file_is_reported_as_far_as_it_goes(made: Path) -> None:
    made.write_bytes(made.read_bytes()[:5000])
    said = "? notes.db is damaged: it is cut short."
    assert wrong(examine(APP, str(made))) == dict.fromkeys(
        ("settings", "history", "migrations", "schema", "integrity", "foreign keys"), (said,)
    )


def test_damage_inside_is_what_sqlite_says_of_it(made: Path) -> None:
    data = bytearray(made.read_bytes())
    with closing(sqlite3.connect(made)) as conn:
        page = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tags_note'").fetchone()[0]
    data[(page - 1) * 4096 : (page - 1) * 4096 + 8] = b"\xff" * 8
    made.write_bytes(data)
    found = examine(APP, str(made))
    assert wrong(found)["integrity"][0].startswith(("*** in database main ***", "Tree", "On tree page", "row", "? "))  # type: ignore[index]
    assert part(found, "history").startswith("history\n  version    2\n")


def test_a_false_alarm_of_an_older_sqlite_is_none_here(path: Path) -> None:
    """3.40.0 to 3.41.0 find NULLs in a healthy table whose primary key is not made of its first columns."""
    table = "CREATE TABLE w (a NOT NULL, x TEXT NOT NULL, p NOT NULL, PRIMARY KEY (a, p)) WITHOUT ROWID"
    app = Migrator((sql(1, f"{table}; INSERT INTO w VALUES (1, 'x', 5)"),))
    app.connect(path).close()
    assert examine(app, str(path)).healthy


def test_what_is_no_database_says_so(path: Path) -> None:
    path.write_bytes(b"I am a text, and a long one. " * 100)
    found = examine(APP, str(path))
    assert not found.healthy
    assert part(found, "integrity") == (
        "integrity\n  NOT KNOWN: notes.db is not a SQLite database, or is encrypted (file is not a\n    database)."
    )
    assert "I am a text" not in found.text()


def test_a_file_that_is_too_new_is_reported(made: Path) -> None:
    found = examine(Migrator((ONE,)), str(made))
    assert wrong(found) == {
        "migrations": ("notes.db is at version 2, but this app knows versions up to 1 (unknown here: 002_tags).",),
        "schema": ("? notes.db is at version 2, but this app knows versions up to 1 (unknown here: 002_tags).",),
    }
    assert "002_tags   TIME, N ms, app 1.2" in part(found, "history")


def test_another_apps_file_is_reported(path: Path) -> None:
    query(path, "CREATE TABLE songs (x)")
    found = examine(APP, str(path))
    assert part(found, "history") == "history\n  version  none: it has no history"
    said = "? notes.db is another app's file: it has songs and no history of migrations."
    assert wrong(found) == {"migrations": (said,), "schema": (said,)}
    assert "objects  table: 1" in part(found, "schema")


def test_an_edited_migration_and_a_drifted_schema_are_troubles(made: Path) -> None:
    query(made, "CREATE INDEX mine ON notes (title)")
    edited = Migrator((ONE, sql(2, TWO.up + " ", name="tags") if isinstance(TWO.up, str) else TWO))
    assert wrong(examine(edited, str(made))) == {"schema": ("unexpected: index mine.",)}
    edited = Migrator((ONE, sql(2, f"-- other\n{TWO.up}", name="tags")))
    assert wrong(examine(edited, str(made)))["migrations"] == ("002_tags was edited after it was applied.",)


def test_a_migration_that_stopped_halfway_is_told(made: Path) -> None:
    query(made, "UPDATE _migrations SET finished = 0 WHERE version = 2")
    assert wrong(examine(APP, str(made)))["history"] == (
        "002_tags began and did not finish: the next launch runs it again.",
    )


def test_without_migrations_the_file_is_reported_all_the_same(made: Path) -> None:
    found = examine(None, str(made), trouble="There is no package called notes_app.")
    assert wrong(found) == {
        "migrations": ("? There is no package called notes_app.",),
        "schema": ("? There is no package called notes_app.",),
    }
    assert part(found, "integrity") == "integrity\n  integrity_check  ok"


def test_migrations_that_are_wrong_are_told(made: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    assert wrong(examine(Migrator(tmp_path / "m"), str(made)))["migrations"] == (
        f"? No migrations in {tmp_path / 'm'}.",
    )


def test_a_locked_file_says_that_it_is_locked(made: Path) -> None:
    with closing(sqlite3.connect(made)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = wrong(examine(Migrator((ONE, TWO), timeout=0.1), str(made)))
    assert set(found) == {"settings", "history", "migrations", "schema", "integrity", "foreign keys"}
    assert re.fullmatch(r"\? notes.db is busy: .* is using it.*", found["integrity"][0])  # type: ignore[index]


def test_a_path_without_a_file_is_reported(path: Path) -> None:
    found = examine(APP, str(path))
    assert wrong(found) == {"file": ("There is no such file.",)}
    assert not path.exists()


def test_sidecars_without_their_file_are_told(path: Path) -> None:
    path.with_name("notes.db-wal").write_bytes(b"x" * 100)
    assert wrong(examine(APP, str(path)))["sidecars"] == ("They stand there without their file.",)


def test_a_folder_and_a_hard_link_are_told(made: Path, tmp_path: Path) -> None:
    assert "is a folder" in wrong(examine(APP, str(tmp_path)))["file"][0]  # type: ignore[index]
    os.link(made, tmp_path / "other.db")
    assert "has 2 names (hard links)" in wrong(examine(APP, str(made)))["file"][0]  # type: ignore[index]


def broken(conn: sqlite3.Connection) -> None:
    conn.execute("SELECT nope")


def test_a_prepare_that_fails_does_not_end_the_report(made: Path) -> None:
    found = examine(Migrator((ONE, TWO), prepare=broken), str(made))
    assert part(found, "integrity") == "integrity\n  integrity_check  ok"
    assert wrong(found).keys() == {"schema"}  # its replay needs what prepare() would set


def with_function(conn: sqlite3.Connection) -> None:
    conn.create_function("is_fine", 1, lambda _: 1, deterministic=True)


def test_the_apps_functions_are_there_for_the_integrity_check(path: Path) -> None:
    app = Migrator(
        (sql(1, "CREATE TABLE t (x); CREATE INDEX fine ON t (is_fine(x)); INSERT INTO t VALUES (1)"),),
        prepare=with_function,
    )
    app.connect(path).close()
    assert examine(app, str(path)).healthy
    found = wrong(examine(Migrator(app.migrations), str(path)))
    assert "is_fine" in str(found["integrity"])


def test_no_line_of_what_is_wrong_is_wider_than_a_terminal(path: Path) -> None:
    query(path, "CREATE TABLE songs (x)")
    lines = examine(APP, str(path)).text().splitlines()
    assert max(len(line) for line in lines if not line.startswith(("  path", "  platform"))) <= 80
