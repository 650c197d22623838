"""embedmig history, rehearse, drift, schema: looked at, and not touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Ran, app
from helpers import fingerprint, query, write

Cli = Callable[..., Ran]


@pytest.fixture
def notes(cli: Cli, path: Path) -> Path:
    """A file at version 1 with two notes; two migrations are pending."""
    app(path.parent)
    cli("migrate", "notes.db", "--to", "1")
    query(path, "INSERT INTO notes (body) VALUES ('milk'), ('bread')")
    return path


# -- history ---------------------------------------------------------------------------------------------------------


def test_history_shows_every_row(cli: Cli, notes: Path) -> None:
    cli("migrate", "notes.db")
    lines = cli("history", "notes.db").told.splitlines()
    assert [line.split() for line in lines] == [
        ["VERSION", "APPLIED", "TOOK", "RELEASE", "MIGRATION"],
        ["1", "<when>", "<ms>", "001_notes"],
        ["2", "<when>", "<ms>", "002_tags"],
        ["3", "<when>", "<ms>", "003_stars"],
    ]


def test_history_needs_no_migrations_and_escapes_what_a_terminal_would_obey(cli: Cli, notes: Path) -> None:
    query(notes, "UPDATE _migrations SET id = '001_\x1b[2Jnotes', app_version = '2.0'")
    assert cli("history", "notes.db", "-m", "nowhere").out.splitlines()[1].endswith("2.0      001_\\x1b[2Jnotes")


def test_history_as_json(cli: Cli, notes: Path) -> None:
    (found,) = json.loads(cli("history", "notes.db", "--json").out)
    assert (found["id"], found["version"], found["finished"]) == ("001_notes", 1, True)


def test_a_file_without_a_history(cli: Cli, path: Path) -> None:
    query(path, "CREATE TABLE photos (x)")
    assert cli("history", "notes.db") == (0, "notes.db has no history.\n", "")


def test_history_of_a_file_that_is_not_there(cli: Cli, path: Path) -> None:
    assert cli("history", "notes.db") == (
        2,
        "",
        "Error: There is no file notes.db. Nothing was changed. Give the path of the file that is meant.\n",
    )
    assert not path.exists()


def test_the_picture_of_how_the_schema_came_to_be(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path)
    assert cli("history", "--picture", "docs/history.svg").out == f"Wrote {Path('docs/history.svg')}.\n"
    assert (tmp_path / "docs" / "history.svg").read_text().startswith("<svg ")


# -- rehearse ----------------------------------------------------------------------------------------------------------


def test_a_rehearsal_shows_what_would_happen_and_touches_nothing(cli: Cli, notes: Path) -> None:
    write(
        notes.parent / "migrations",
        **{"004_more.sql": "INSERT INTO notes (body) VALUES ('jam'); UPDATE notes SET stars = 1;"},
    )
    before = fingerprint(notes)
    ran = cli("rehearse", "notes.db")
    assert (ran.status, ran.err) == (0, "")
    parts = ran.told.split("\n\n")
    assert parts[0] == "Rehearsed on a copy of notes.db, which was not touched: version 1 -> 4 in <s>."
    assert [line.split() for line in parts[1].splitlines()] == [
        ["TIME", "ROWS", "WRITTEN", "GROWS", "BY", "MIGRATION"],
        ["<ms>", "0", "<size>", "002_tags"],
        ["<ms>", "0", "<size>", "003_stars"],
        ["<ms>", "4", "<size>", "004_more"],
    ]
    assert parts[2] == (
        "  TABLE  ROWS BEFORE  ROWS AFTER\n  notes            2           3\n  tags             -           0"
    )
    assert "  +CREATE TABLE tags (word TEXT);" in ran.out.splitlines()
    assert parts[-1] == "The real run needs up to <size> on the disk, its backup included; <size> are free.\n"
    assert fingerprint(notes) == before


def test_a_rehearsal_of_a_current_file(cli: Cli, notes: Path) -> None:
    cli("migrate", "notes.db")
    assert cli("rehearse", "notes.db") == (0, "notes.db is at version 3; nothing is pending.\n", "")


def test_a_rehearsal_that_fails_says_that_nothing_was_changed(cli: Cli, notes: Path) -> None:
    write(notes.parent / "migrations", **{"004_wrong.sql": "INSERT INTO nowhere VALUES (1);"})
    ran = cli("rehearse", "notes.db")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.endswith("This was a rehearsal: nothing was changed.\n")


def test_a_rehearsal_as_json(cli: Cli, notes: Path) -> None:
    found = json.loads(cli("rehearse", "notes.db", "--json").out)
    assert found["report"]["ran"] == ["002_tags", "003_stars"]
    assert [one["id"] for one in found["per_migration"]] == ["002_tags", "003_stars"]
    assert found["rows_after"] == {"notes": 2, "tags": 0}


# -- drift -------------------------------------------------------------------------------------------------------------


def test_a_file_that_has_not_drifted(cli: Cli, notes: Path) -> None:
    assert cli("drift", "notes.db") == (0, "notes.db has the schema that its history makes.\n", "")


def test_a_file_that_has_drifted_shows_how_and_fails(cli: Cli, notes: Path) -> None:
    query(notes, "ALTER TABLE notes ADD COLUMN color TEXT")
    query(notes, "CREATE INDEX notes_by_body ON notes (body)")
    assert cli("drift", "notes.db") == (
        1,
        "notes.db does not have the schema that its history makes (-: what that makes, +: what the file has).\n\n"
        "  unexpected: index notes_by_body\n"
        "  + CREATE INDEX notes_by_body ON notes (body)\n"
        "  different: table notes\n"
        "    body TEXT\n"
        "  + color TEXT\n"
        "    PRIMARY KEY (id)\n",
        "",
    )


def test_drift_as_json(cli: Cli, notes: Path) -> None:
    query(notes, "DROP TABLE notes")
    ran = cli("drift", "notes.db", "--json")
    assert ran.status == 1
    found = json.loads(ran.out)
    assert (found["missing"], found["unexpected"], found["different"]) == (["table notes"], [], [])


# -- schema ------------------------------------------------------------------------------------------------------------

SCHEMA = """\
-- Version 2

CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);

CREATE TABLE tags (word TEXT);
"""


def test_the_newest_schema_as_sql(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path, shipped=2)
    assert cli("schema") == (0, SCHEMA, "")
    assert json.loads(cli("schema", "--json").out) == {"version": 2, "sql": SCHEMA}


def test_the_schema_is_written_for_review_and_only_when_it_changed(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path, shipped=2)
    assert cli("schema", "--write", "schema.sql").out == "Wrote schema.sql.\n"
    assert (tmp_path / "schema.sql").read_bytes() == SCHEMA.encode()
    assert cli("schema", "--write", "schema.sql").out == "schema.sql is up to date.\n"


def test_the_diagram_as_mermaid_or_as_svg(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path, shipped=2)
    assert cli("schema", "--diagram").out.startswith("erDiagram\n    notes {\n")
    assert cli("schema", "--diagram", "--write", "schema.svg").out == "Wrote schema.svg.\n"
    assert (tmp_path / "schema.svg").read_text().startswith("<svg ")


def test_where_nothing_can_be_written_it_says_so(cli: Cli, tmp_path: Path) -> None:
    app(tmp_path, shipped=2)
    (tmp_path / "docs").write_text("a file")
    ran = cli("schema", "--write", "docs/schema.sql")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("Error: docs/schema.sql can't be written: ")
