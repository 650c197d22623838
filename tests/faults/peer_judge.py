"""What became of a file that some migrator was broken on: the same questions for every tool, ours included.

It asks for no more than each tool needs to go on: a sound file, a content that some whole number of migrations makes,
a record that says the same, a next launch that succeeds, the user's rows, and an error that names what went wrong.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

# The migrators' own tables, and SQLite's, are not content.
OWN = ("sqlite_", "_migrations", "_sqlite_migrations", "_yoyo", "yoyo_", "alembic_version", "django_migrations")


class State(NamedTuple):
    """What a file holds, and what its history claims."""

    content: str  # a digest of schema and rows
    recorded: tuple[str, ...]


class Verdict(NamedTuple):
    """What was wrong after one point."""

    damaged: bool = False  # SQLite finds the file damaged, or rows without their parent
    half: bool = False  # content or history is neither that before nor that after any whole migration
    stuck: bool = False  # the next ordinary launch fails, or ends elsewhere
    lost: bool = False  # something that the user wrote is in no file any more
    pretended: bool = False  # the launch said nothing, and the file is not at the newest version
    unnamed: bool = False  # the disk was full, and the error does not say so


class Damaged(Exception):
    """The file can't be read, or is not sound."""


def state(path: Path, recorded: str) -> State:
    """Of the file at `path`; `recorded` is the query for the migrations that its history claims. Raises Damaged."""
    try:
        with closing(sqlite3.connect(path)) as conn:
            for check in ("integrity_check", "foreign_key_check"):
                wrong = [row for row in conn.execute(f"PRAGMA {check}") if row != ("ok",)]
                if wrong:
                    raise Damaged(f"{check}: {wrong[0]}")
            schema = [row for row in _schema(conn) if not row[1].startswith(OWN)]
            digest = hashlib.sha256(repr(schema).encode())
            for kind, name, _, _ in schema:
                if kind == "table":
                    digest.update(repr(sorted(_rows(conn, name), key=repr)).encode())
            return State(digest.hexdigest(), _recorded(conn, recorded))
    except sqlite3.DatabaseError as error:
        raise Damaged(str(error)) from error


def shape(path: Path) -> dict[str, object]:
    """Tables, columns and foreign keys, however the tool spells them: at version 4 they are the same for all."""
    with closing(sqlite3.connect(path)) as conn:
        tables = [name for kind, name, _, _ in _schema(conn) if kind == "table" and not name.startswith(OWN)]
        columns = 'SELECT name, upper(type), "notnull" OR pk, pk FROM pragma_table_info(?)'
        keys = 'SELECT "from", "table", coalesce("to", \'id\'), on_delete FROM pragma_foreign_key_list(?)'
        return {
            table: [sorted(map(list, conn.execute(query, (table,)))) for query in (columns, keys)] for table in tables
        }


def texts(folder: Path) -> set[str]:
    """Every text in any table of any database in the folder: the file, its leftovers, and backups."""
    databases = [path for path in sorted(folder.iterdir()) if path.read_bytes()[:16] == b"SQLite format 3\0"]
    found: set[str] = set()
    for path in databases:
        try:
            with closing(sqlite3.connect(path)) as conn:
                for kind, name, _, _ in _schema(conn):
                    if kind == "table":
                        found.update(value for row in _rows(conn, name) for value in row if isinstance(value, str))
        except sqlite3.DatabaseError:
            continue  # what can't be read is not kept
    return found


def judge(
    outcome: str, after: State | None, next_outcome: str, at_last: State | None, lost: bool, legal: Sequence[State]
) -> Verdict:
    """`outcome`: "done", "killed" or the error's text; `after` and `at_last`: None where the file is damaged."""
    newest = legal[-1]
    return Verdict(
        damaged=after is None or at_last is None,
        half=after is not None and after not in legal,
        stuck=next_outcome != "done" or at_last != newest,
        lost=lost,
        pretended=outcome == "done" and after != newest,
        unnamed=outcome not in ("done", "killed") and "full" not in outcome.lower(),
    )


def _schema(conn: sqlite3.Connection) -> list[tuple[str, str, str | None, int]]:
    """By the name of the table that each thing belongs to, so that an index of the history is history."""
    return conn.execute("SELECT type, tbl_name, sql, name = tbl_name FROM sqlite_master ORDER BY 1, 2, name").fetchall()


def _rows(conn: sqlite3.Connection, table: str) -> Iterable[tuple[object, ...]]:
    return conn.execute('SELECT * FROM "{}"'.format(table.replace('"', '""')))


def _recorded(conn: sqlite3.Connection, query: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(name for (name,) in conn.execute(query)))
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return ()
        raise
