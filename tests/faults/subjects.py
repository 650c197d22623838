"""What is broken: real upgrades of real files, each with the contents that it may leave behind.

A subject's legal contents are not written down here: each is reached by running something unbroken (`stages`), and what it
leaves is noted (`legal()`). Everything is a function at the top of a module, so that subjects travel between processes.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import migrations as demo
from embedmig import Migration, MigrationFailed, Migrator

NOTES = 2_000
OURS = 0x6C61620A  # the application_id, which each launch compares
Act = Callable[[Path], object]


class Stage(NamedTuple):
    """The end of a whole transaction: how a fresh file gets there, unbroken. Without `keeps`, a backup must hold the file before."""

    name: str
    act: Act
    keeps: bool = True


class Subject(NamedTuple):
    """One thing that a user's file goes through.

    `make(path)` makes the file before, with what stands beside it; `act(path)` is what the broken process does; `launch(path)` is
    what the user does next: start the app again. `floor`: with fewer operations the injector is not hooked.
    """

    name: str
    make: Act
    act: Act
    stages: tuple[Stage, ...]  # from the file before, `nothing`, to the end
    launch: Act
    floor: int = 1


class Legal(NamedTuple):
    """The contents that a subject may leave: of each the stage that it is, and the content after the next launch from there."""

    before: str
    stages: dict[str, Stage]
    launched: dict[str, str]


def legal(subject: Subject, folder: Path) -> Legal:
    """Run every stage unbroken in a folder of its own, and note what is there then and after the next launch."""
    stages: dict[str, Stage] = {}
    launched: dict[str, str] = {}
    for stage in subject.stages:
        own = folder / stage.name.replace(" ", "-")
        own.mkdir(parents=True)
        path = own / "notes.db"
        subject.make(path)
        stage.act(path)
        found = content(path)
        stages[found] = stage
        subject.launch(path)
        launched[found] = content(path)
        shutil.rmtree(own)
    return Legal(next(iter(stages)), stages, launched)


# -- what a file says ----------------------------------------------------------------------------------------------------

NOTHING = "nothing"  # no file, an empty one, or a database without a table


def content(path: Path) -> str:
    """A digest of schema, rows and history, without the times in it; AssertionError where SQLite or its foreign keys complain.

    The tables in which a full-text index keeps its words depend on how it came about: they are left out, and the index checked
    against its table instead.
    """
    if not path.exists() or not path.stat().st_size:
        return NOTHING
    with closing(sqlite3.connect(path)) as conn:
        return content_on(conn)


def content_on(conn: sqlite3.Connection) -> str:
    if (found := conn.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
        raise AssertionError(f"integrity_check: {found[:3]}")
    if found := conn.execute("PRAGMA foreign_key_check").fetchall():
        raise AssertionError(f"foreign_key_check: {found[:3]}")
    schema = conn.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    version = conn.execute("PRAGMA user_version").fetchone()[0]
    if not schema and not version:
        return NOTHING
    indexes = [name for _, name, _, sql in schema if sql and "USING fts5" in sql]
    seen = hashlib.sha256(repr((schema, version, conn.execute("PRAGMA application_id").fetchone()[0])).encode())
    for kind, name, _, _ in schema:
        if kind != "table" or name == "_migrations" or any(name.startswith(index) for index in indexes):
            continue
        for row in sorted(map(repr, conn.execute(f'SELECT * FROM "{name}"'))):
            seen.update(row.encode())
    for name in indexes:
        conn.execute(f"INSERT INTO {name} ({name}) VALUES ('integrity-check')")
        conn.rollback()
    seen.update(repr(history(conn)).encode())
    return seen.hexdigest()[:16]


def history(conn: sqlite3.Connection) -> list[tuple[object, ...]]:
    """The rows of the history without when and how long; of an unfinished one no checksum either."""
    if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = '_migrations'").fetchall():
        return []
    checksum = "CASE finished WHEN 1 THEN checksum END"
    sql = f"SELECT version, id, description, {checksum}, app_version, finished FROM _migrations ORDER BY version"
    return conn.execute(sql).fetchall()


def version(path: Path) -> int:
    """The file's version, as it stands in its history."""
    if not path.exists() or not path.stat().st_size:
        return 0
    with closing(sqlite3.connect(path)) as conn:
        return max((int(str(row[0])) for row in history(conn) if row[-1]), default=0)  # one that began is not there yet


def backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob(path.name + ".v*.bak"))


# -- what the app does ---------------------------------------------------------------------------------------------------


def small(conn: sqlite3.Connection) -> None:
    """Large pages, so that a file has few of them; fewer still in the cache, so that changed ones spill long before COMMIT."""
    conn.execute("PRAGMA page_size = 32768")  # of a new file
    conn.execute("PRAGMA cache_size = 10")


def small_wal(conn: sqlite3.Connection) -> None:
    small(conn)
    conn.execute("PRAGMA journal_mode = WAL")


def app(migrations: object, wal: bool, **policy: object) -> Migrator:
    return Migrator(migrations, application_id=OURS, prepare=small_wal if wal else small, timeout=2.0, **policy)  # type: ignore[arg-type]


def launch(migrator: Migrator, path: Path) -> None:
    migrator.connect(path).close()


def migrate(migrator: Migrator, path: Path, to: int | None = None) -> object:
    return migrator.migrate(path, to=to)


def nothing(path: Path) -> None:
    """The file before: nothing happens to it."""


def reaching(migrator: Migrator, versions: Iterable[int], start: str = "before") -> tuple[Stage, ...]:
    """The file before, and then each version as the end of a transaction."""
    ups = (Stage(f"version {v}", partial(migrate, migrator, to=v)) for v in versions)
    return Stage(start, nothing), *ups


# -- the demo app's files ------------------------------------------------------------------------------------------------

HEAD = 6
WORDS = ["salt", "bread", "river", "lamp", "stone", "letter", "window", "garden", "winter", "engine"]


def make_notes(migrator: Migrator, at: int, path: Path) -> None:
    """The demo app's file at a version, with 2,000 notes in it; at version 0 there is no file."""
    if not at:
        return
    migrator.migrate(path, to=at)
    title = at >= 4
    with closing(sqlite3.connect(path)) as conn:
        conn.executemany("INSERT INTO topics (name) VALUES (?)", [(word,) for word in WORDS])
        for n in range(1, NOTES + 1):
            first, rest = f"Note {n}", f"\n{WORDS[n % 10]} and {WORDS[n // 10 % 10]}"
            columns, texts = ("title, body", (first, rest)) if title else ("body", (first + rest,))
            marks = ", ".join("?" * (len(texts) + 3))
            conn.execute(
                f"INSERT INTO notes (id, {columns}, created_at, updated_at) VALUES ({marks})",
                (n, *texts, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            )
            conn.execute("INSERT INTO notes_topics VALUES (?, ?)", (n, n % 10 + 1))
        if at >= 3:
            conn.execute("INSERT INTO user_settings VALUES (1, 'theme', 'dark')")
        conn.commit()
    for backup in backups(path):
        backup.unlink()


def upgrade(at: int, wal: bool) -> Subject:
    """The demo app's history from a version to head, in one transaction and without a backup."""
    quick = app(demo, wal, backups=0)
    return Subject(
        f"upgrade from version {at}",
        partial(make_notes, quick, at),
        partial(launch, quick),
        reaching(quick, [HEAD]),
        partial(launch, quick),
    )


def one_each(wal: bool) -> Subject:
    each = app(demo, wal, backups=0, atomic="migration")
    make = partial(make_notes, each, 1)
    return Subject('atomic="migration"', make, partial(migrate, each), reaching(each, range(2, HEAD + 1)), partial(launch, each))  # fmt: skip


def backed_up(wal: bool) -> Subject:
    careful = app(demo, wal)
    make = partial(make_notes, careful, 3)
    before, after = reaching(careful, [HEAD])
    return Subject("backup and upgrade", make, partial(migrate, careful), (before, after._replace(keeps=False)), partial(launch, careful))  # fmt: skip


def rolled_back(wal: bool) -> Subject:
    careful = app(demo, wal)
    back = partial(_roll_back, careful)
    stages = (Stage("before", nothing), Stage("version 3", back, keeps=False))
    return Subject("rollback", partial(make_notes, careful, HEAD), back, stages, partial(launch, careful))


def _roll_back(migrator: Migrator, path: Path) -> object:
    return migrator.rollback(path, to=3)


def restored(wal: bool) -> Subject:
    careful = app(demo, wal)
    put = partial(_restore, careful)
    stages = (Stage("before", nothing), Stage("version 3", put, keeps=False))
    return Subject("restore", partial(_make_with_backup, careful), put, stages, partial(launch, careful))


def _make_with_backup(migrator: Migrator, path: Path) -> None:
    make_notes(migrator, 3, path)
    migrator.migrate(path)  # leaves a backup of version 3
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE notes SET pinned = 1 WHERE id % 7 = 0")  # what the user did since
        conn.commit()


def _restore(migrator: Migrator, path: Path) -> object:
    return migrator.restore(path)


def reset(wal: bool) -> Subject:
    careful = app(demo, wal)
    act = partial(_reset, careful)
    stages = (Stage("before", nothing), Stage("deleted", _delete, keeps=False), Stage("built anew", act, keeps=False))
    return Subject("reset", partial(make_notes, careful, HEAD), act, stages, partial(launch, careful))


def _delete(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _reset(migrator: Migrator, path: Path) -> object:
    return migrator.reset(path)


# -- histories that the demo app does not have -----------------------------------------------------------------------------

AUTHORS = """
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE books (id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES authors (id) ON DELETE CASCADE, title TEXT);
"""
REBUILD = """
CREATE TABLE new_authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER);
INSERT INTO new_authors (id, name) SELECT id, name FROM authors;
DROP TABLE authors;
ALTER TABLE new_authors RENAME TO authors;
"""


def index_books(db) -> None:  # type: ignore[no-untyped-def]
    db.table("authors").transform(rename={"born": "year_of_birth"})
    db.table("books").create_index(["author"])


PARENTS = [
    Migration("001_authors", 1, "authors and books", AUTHORS),
    Migration("002_rebuild", 2, "authors have names", REBUILD),
    Migration("003_index", 3, "books by author", index_books, checksum="index"),
]


def rebuilt(wal: bool) -> Subject:
    quick = app(PARENTS, wal, backups=0)
    return Subject(
        "rebuild of a parent", partial(_make_authors, quick), partial(migrate, quick), reaching(quick, [3]), partial(launch, quick))  # fmt: skip


def _make_authors(migrator: Migrator, path: Path) -> None:
    migrator.migrate(path, to=1)
    with closing(sqlite3.connect(path)) as conn:
        conn.executemany(
            "INSERT INTO authors VALUES (?, ?)", [(n, f"author number {n} of {NOTES}") for n in range(1, NOTES + 1)]
        )
        conn.executemany("INSERT INTO books VALUES (?, ?, ?)", [(n, n % NOTES + 1, f"book {n}") for n in range(1, NOTES + 1)])  # fmt: skip
        conn.commit()


TABLE = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE old (body TEXT);"
DROP = "ALTER TABLE notes ADD COLUMN words INTEGER; DROP TABLE old;"
INDEX = "CREATE INDEX IF NOT EXISTS notes_by_body ON notes (body);"
COUNT = "UPDATE notes SET words = length(body) - length(replace(body, ' ', '')) + 1;"


def vacuumed(outside: str = INDEX + "VACUUM;") -> list[Migration]:
    return [
        Migration("001_notes", 1, "notes", TABLE),
        Migration("002_words", 2, "words", DROP),
        Migration("003_vacuum", 3, "vacuum", outside, transactional=False),
        Migration("004_count", 4, "count", COUNT),
    ]


def outside(wal: bool) -> Subject:
    """A migration that can't run in a transaction, in the middle: then all-or-nothing holds for each stretch between."""
    quick = app(vacuumed(), wal, backups=0)
    one, two = reaching(quick, [2])
    stages = (
        one, two,
        Stage("3 began", partial(_break_off, wal, "SELECT no_such_function();")),
        Stage("3 made its index", partial(_break_off, wal, INDEX + "SELECT no_such_function();")),
        *reaching(quick, [3, 4])[1:],
    )  # fmt: skip
    return Subject(
        "transactional=False in the middle", partial(_make_plain, quick), partial(migrate, quick), stages, partial(launch, quick))  # fmt: skip


def _break_off(wal: bool, script: str, path: Path) -> None:
    try:
        app(vacuumed(script), wal, backups=0).migrate(path)
    except MigrationFailed:
        return
    raise AssertionError("it did not break off")


def _make_plain(migrator: Migrator, path: Path) -> None:
    migrator.migrate(path, to=1)
    with closing(sqlite3.connect(path)) as conn:
        conn.executemany(
            "INSERT INTO notes VALUES (?, ?)", [(n, f"note {n} in a few words") for n in range(1, NOTES + 1)]
        )
        conn.executemany("INSERT INTO old VALUES (?)", [(f"{n} " * 20,) for n in range(500)])
        conn.commit()


# The fewest operations on files that each may show: in rollback-journal mode and in WAL mode. Some four fifths of what was counted.
FLOORS = {
    "upgrade from version 0": (120, 225),
    "upgrade from version 1": (270, 380),
    "upgrade from version 2": (275, 380),
    "upgrade from version 3": (270, 375),
    "upgrade from version 4": (160, 205),
    "upgrade from version 5": (105, 140),
    'atomic="migration"': (395, 430),
    "backup and upgrade": (345, 455),
    "rollback": (390, 490),
    "restore": (255, 290),
    "reset": (255, 365),
    "rebuild of a parent": (105, 125),
    "transactional=False in the middle": (180, 130),
}


def subjects() -> list[Subject]:
    """All of them: each in rollback-journal mode and in WAL mode."""
    found = []
    for wal in (False, True):
        chosen = [
            *(upgrade(at, wal) for at in range(HEAD)),
            one_each(wal), backed_up(wal), rolled_back(wal), restored(wal), reset(wal), rebuilt(wal), outside(wal),
        ]  # fmt: skip
        mode = "WAL" if wal else "rollback journal"
        found += [s._replace(name=f"{s.name}, {mode}", floor=FLOORS[s.name][wal]) for s in chosen]
    return found


def named(name: str) -> Subject:
    return next(subject for subject in subjects() if subject.name == name)


def fill(subject: Subject, folder: Path) -> Path:
    """Make a subject's file before in an empty folder; returns its path."""
    folder.mkdir(parents=True)
    path = folder / "notes.db"
    subject.make(path)
    return path
