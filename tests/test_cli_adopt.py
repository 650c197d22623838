"""embedmig adopt: another tool's folder, converted for good. How each is read: test_formats_*.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from commands import Ran
from helpers import query, write

Cli = Callable[..., Ran]

GOOSE = {
    "20240101120000_notes.sql": "-- +goose Up\nCREATE TABLE notes (id INTEGER PRIMARY KEY);\n-- +goose Down\nDROP TABLE notes;\n",
    "20240202120000_tags.sql": "-- +goose Up\nCREATE TABLE tags (word TEXT);\n-- +goose Down\nDROP TABLE tags;\n",
}


def test_a_folder_becomes_numbered_files_and_stays_as_it_is(cli: Cli, path: Path) -> None:
    old = write(path.parent / "db", **GOOSE)
    assert cli("adopt", "db", "--from", "goose", "--into", "steps") == (
        0,
        f"Wrote {Path('steps/001_notes.sql')}\nWrote {Path('steps/002_tags.sql')}\n"
        'Now give Migrator(..., adopts="goose"), so that files which goose has migrated are taken over.\n',
        "",
    )
    assert {file.name: file.read_text() for file in old.iterdir()} == GOOSE
    assert cli("migrate", "notes.db", "-m", "steps").status == 0
    assert query(path, "SELECT id FROM _migrations") == [("001_notes",), ("002_tags",)]


def test_without_a_folder_they_go_where_the_migrations_are_to_be(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "db", **GOOSE)
    found = json.loads(cli("adopt", "db", "--from", "goose", "--json").out)
    assert found == {"written": [str(tmp_path / "migrations" / name) for name in ("001_notes.sql", "002_tags.sql")]}


def test_a_folder_of_another_tool_than_is_said_is_refused(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "db", **GOOSE)
    assert cli("adopt", "db", "--from", "yoyo") == (
        1,
        "",
        "Error: 20240101120000_notes.sql, line 3: `-- +goose Down` divides the file for goose, and is a comment to yoyo. "
        "Nothing was changed. If the folder is goose's, name that.\n",
    )
    assert not (tmp_path / "migrations").exists()


def test_a_tool_that_is_not_known_is_an_error_of_the_call(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "db", **GOOSE)
    ran = cli("adopt", "db", "--from", "hammer")
    assert (ran.status, ran.out) == (2, "")
    assert "hammer" in ran.err and "goose" in ran.err
    assert not (tmp_path / "migrations").exists()


def test_a_folder_that_has_migrations_already_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "db", **GOOSE)
    cli("adopt", "db", "--from", "goose")
    ran = cli("adopt", "db", "--from", "goose")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("Error: ")
    assert len(list((tmp_path / "migrations").iterdir())) == 2
