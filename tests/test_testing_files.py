"""Files for tests of one's own: at any version, brought further, of released versions; and the names of `embedmig.testing`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers import fingerprint, query, script, sql

import embedmig.testing
from embedmig import EmbedmigError, Migration, Migrator, UsageError
from embedmig.testing import advance, database_at, golden, suite

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
TWO = sql(2, "ALTER TABLE notes ADD COLUMN title TEXT", "ALTER TABLE notes DROP COLUMN title")
THREE = sql(3, "CREATE TABLE tags (name TEXT)")
ALL = [ONE, TWO, THREE]


def versions(db: object) -> list[int]:
    return [version for (version,) in db.execute("SELECT version FROM _migrations ORDER BY version")]


# -- database_at and advance -------------------------------------------------------------------------------------------


def test_a_database_at_a_version_has_the_rows_that_it_is_given():
    with closing(database_at(ALL, 2, {"notes": [{"body": "x", "title": "y"}, {"body": None}]})) as db:
        assert versions(db) == [1, 2]
        assert list(db["notes"].rows) == [{"id": 1, "body": "x", "title": "y"}, {"id": 2, "body": None, "title": None}]


def test_a_database_at_version_0_is_empty():
    with closing(database_at(ALL, 0)) as db:
        assert db.table_names() == []


def test_a_database_is_made_at_a_path_and_never_over_a_file(path):
    with closing(database_at(ALL, 1, {"notes": [{"body": "x"}]}, path=path)):
        pass
    assert query(path, "SELECT body FROM notes") == [("x",)]
    before = fingerprint(path)
    with pytest.raises(
        UsageError, match=r"is there already\. Nothing was changed\. Give the path of a file that is not there yet\.$"
    ):
        database_at(ALL, 1, path=path)
    assert fingerprint(path) == before


def test_a_row_that_does_not_fit_leaves_no_connection_open(path):
    with pytest.raises((sqlite3.Error, embedmig.EmbedmigError)):
        database_at(ALL, 1, {"notes": [{"title": "y"}]}, path=path)


def test_a_database_is_brought_further_step_by_step():
    with closing(database_at(ALL, 1, {"notes": [{"body": "x"}]})) as db:
        assert advance(db, ALL, to=2).ran == ("002_step",)
        assert advance(db, ALL).ran == ("003_step",)
        assert list(db["notes"].rows) == [{"id": 1, "body": "x", "title": None}]


def test_a_file_is_brought_further_without_a_backup(path):
    database_at(ALL, 1, {"notes": [{"body": "x"}]}, path=path).close()
    assert advance(path, Migrator(ALL)).backup is None
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


# -- golden files ------------------------------------------------------------------------------------------------------


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A folder of files as the releases of an app left them, one of them in WAL mode with its newest row still in the WAL."""
    folder = tmp_path / "golden"
    folder.mkdir()
    database_at(ALL, 1, {"notes": [{"body": "of version 1"}]}, path=folder / "v1.db").close()
    script(
        """
        import os, sys
        from embedmig.testing import database_at
        from test_testing_files import ALL
        db = database_at(ALL, 2, path=sys.argv[1])
        db.execute("PRAGMA journal_mode = WAL").fetchall()
        db["notes"].insert({"body": "of version 2"})
        os._exit(0)
        """,
        folder / "v2.db",
    )
    assert (folder / "v2.db-wal").stat().st_size
    return folder


@pytest.mark.parametrize("name", ["v1.db", "v2.db"])
def test_a_golden_file_comes_as_a_copy_at_the_newest_version(released, name):
    before = {entry.name: entry.read_bytes() for entry in released.iterdir()}
    with closing(golden(released / name, ALL)) as db:
        assert versions(db) == [1, 2, 3]
        assert [row["body"] for row in db["notes"].rows] == [f"of version {name[1]}"]
    assert {entry.name: entry.read_bytes() for entry in released.iterdir()} == before


def test_a_suite_tries_every_golden_file(released):
    checks = suite(ALL, golden=released)
    assert list(checks._cases("test_a_released_file_reaches_the_newest_version")) == ["v1.db", "v2.db"]
    for file in released.glob("*.db"):
        checks().test_a_released_file_reaches_the_newest_version(file)


def test_a_golden_file_whose_rows_are_lost_is_told(released):
    bad = [*ALL, sql(4, "DELETE FROM notes", name="forgets")]
    with pytest.raises(AssertionError) as caught:
        golden(released / "v1.db", bad)
    assert str(caught.value).startswith(
        "v1.db: 004_forgets loses rows:\n    notes has 0 of its 1 rows\nKeep every row."
    )
    with pytest.raises(pytest.fail.Exception, match=r"^v1\.db: 004_forgets loses rows"):
        suite(bad, golden=released)().test_a_released_file_reaches_the_newest_version(released / "v1.db")


def test_a_golden_file_that_gets_another_schema_is_told(released):
    """The migration was edited after the release that wrote the file."""
    with pytest.raises(AssertionError) as caught:
        golden(released / "v2.db", [ONE, sql(2, "ALTER TABLE notes ADD COLUMN title TEXT DEFAULT ''"), THREE])
    assert str(caught.value) == (
        "v2.db, from version 2, gets another schema (+) than a new file (-):\n"
        "    different: table notes\n"
        "      body TEXT\n"
        "    - title TEXT DEFAULT ''\n"
        "    + title TEXT\n"
        "      PRIMARY KEY (id)\n"
        "Write a migration that makes the two alike."
    )


def test_a_golden_file_that_cannot_be_opened_is_told(released):
    with pytest.raises(
        AssertionError, match=r"^v2\.db: The database is at version 2, but this app knows versions up to 1"
    ):
        golden(released / "v2.db", [ONE])


def test_a_folder_without_golden_files_is_an_error(tmp_path):
    with pytest.raises(UsageError) as caught:
        suite(ALL, golden=tmp_path)
    assert str(caught.value) == (
        f"There are no files of released versions in {tmp_path}. Nothing was changed. Keep one of each released version there,"
        " called *.db or *.sqlite or *.sqlite3 or *.db3; database_at(..., path=) makes one."
    )


def test_migrations_that_do_not_load_have_no_golden_files(released):
    with pytest.raises(embedmig.DefinitionError):
        golden(released / "v1.db", [ONE, THREE])


# -- the names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", embedmig.testing.__all__)
def test_each_public_name_is_there_and_says_what_it_is(name):
    assert getattr(embedmig.testing, name).__name__ == name
    assert getattr(embedmig.testing, name).__doc__


def test_the_names_are_loaded_when_they_are_used():
    done = script(
        """
        import sys, embedmig.testing
        print(sorted(m for m in sys.modules if m.startswith("embedmig")), "hypothesis" in sys.modules)
        for name in embedmig.testing.__all__:
            assert callable(getattr(embedmig.testing, name)), name
        assert set(embedmig.testing.__all__) <= set(dir(embedmig.testing))
        import embedmig.testing.strategies, embedmig.testing.suites
        assert callable(embedmig.testing.rows)
        """
    )
    assert done.stdout == "['embedmig', 'embedmig.testing'] False\n"


def test_an_unknown_name_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'embedmig\.testing' has no attribute 'suit'$"):
        _ = embedmig.testing.suit


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no database at .*notes.db"),
        (b"", "There is no database at .*notes.db"),
        (b"bread, cheese, olives\n" * 40, "notes.db is not a SQLite database"),
    ],
    ids=["missing", "empty", "text"],
)
def test_a_golden_file_that_is_none_is_told_by_its_name(tmp_path, content, said):
    path = tmp_path / "notes.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EmbedmigError, match=said):
        golden(path, [Migration("001_notes", 1, "Notes", "CREATE TABLE notes (x)")])
