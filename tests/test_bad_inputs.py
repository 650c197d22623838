"""Sixty things that can be wrong with a user's file, its place, its neighbours or what is to be run on it.

Each has one right answer, and none of them costs data. `INPUTS` is the list; each of its rows has a case below,
or is covered by a test that `ELSEWHERE` names.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import pkgutil
import shutil
import socket
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from helpers import content, query, script, sql, write

import embedmig
from embedmig import (
    DatabaseDamaged,
    DatabaseReadOnly,
    DatabaseTooNew,
    DefinitionError,
    EmbedmigError,
    ForeignDatabase,
    HistoryMismatch,
    Migration,
    MigrationFailed,
    Migrator,
    NotADatabase,
    UnusablePath,
    UsageError,
)

INPUTS = {
    1: "the file is missing",
    2: "its parent folder is missing",
    3: "a file of 0 bytes",
    4: "a file of 1 byte",
    5: "a text, a picture, an encrypted file",
    6: "cut in half",
    7: "cut in mid-page",
    8: "the last page zeroed",
    9: "the first page zeroed",
    10: "a write version of a later SQLite in its header",
    11: "a read version of a later SQLite in its header",
    12: "a schema format of a later SQLite",
    13: "schema text that only a later SQLite can read",
    14: "one object twice in the schema",
    15: "the name of an object is not UTF-8",
    16: "a folder, a loop of links",
    17: "a device, a pipe, a socket",
    18: "a file that may only be read",
    19: "a folder that may only be read",
    20: "the same, and the file in WAL mode",
    21: "the same, and a -wal is left",
    22: "a file that may not even be read",
    23: "a -wal that belongs to somebody else",
    24: "-wal or -journal is a folder",
    25: "rubbish in -wal or -journal",
    26: "the journal of another database",
    27: "a hot journal, a -wal after a crash",
    28: "a connection that may only read",
    29: "a hard link",
    30: "odd names: a URI, in memory, empty, ~, NUL",
    31: "newer than the app",
    32: "an unknown version in the middle, a gap",
    33: "an applied migration was edited",
    34: "two migrations with one number, or one name but for case and accents",
    35: "no migrations found",
    36: "tables and no history",
    37: "another app's file",
    38: "something else under the history's name",
    39: "user_version negative, huge, the app's own",
    40: "a row of the history deleted by hand",
    41: "locked by another writer for long",
    42: "a reader that never ends",
    43: "a second connection inside a migration",
    44: "a migration that commits, rolls back, begins, closes",
    45: "a migration that is async, a generator, of a wrong arity",
    46: "sys.exit() and KeyboardInterrupt in a migration",
    47: "an unfinished RETURNING, an open SELECT",
    48: "a view over a missing table",
    49: "a trigger or an index with the app's own function or collation",
    50: "a virtual table whose module is missing",
    51: "foreign keys that are broken already",
    52: "a foreign key to what is not unique",
    53: "the disk is full",
    54: "COMMIT fails with an I/O error",
    55: "something stands where the backup goes",
    56: "scripts: BOM, CRLF, NUL, Latin-1, UTF-16, unfinished, empty",
    57: "UTF-16, odd pages, auto_vacuum",
    58: "a caller's connection with settings of its own",
    59: "a synchronised folder, a network drive",
    60: "the clock was moved back",
}
ELSEWHERE = {
    18: ["test_launches.py::test_a_file_that_may_only_be_read_opens_and_is_not_changed_with_nothing_pending"],
    27: ["test_launches.py::test_a_killed_launch_leaves_the_old_content_and_the_next_one_completes"],
    28: ["test_launches.py::test_a_connection_that_may_only_read_opens_with_nothing_pending_and_is_refused_with_something"],
    33: ["test_bad_inputs.py::test_an_edited_migration_is_a_logged_warning"],
    41: ["test_launches.py::test_a_launch_waits_for_its_timeout_and_says_for_how_long"],
    42: ["test_launches.py::test_a_reader_that_does_not_end_is_named_and_everything_is_undone"],
    44: ["test_guard.py::test_what_would_end_the_transaction_is_refused_and_everything_is_undone"],
    45: [
        "test_definition.py::test_a_wrong_python_file_is_refused_before_there_is_a_database",
        "test_definition.py::test_a_wrong_value_is_refused_before_there_is_a_database",
    ],
    46: ["test_bad_inputs.py::test_an_exit_in_a_migration_passes_through_and_everything_is_undone"],
    51: ["test_foreign_keys.py::test_rows_that_pointed_nowhere_before_are_not_blamed_on_the_migration"],
    52: ["test_foreign_keys.py::test_a_mismatch_does_not_hide_the_rows_of_other_tables"],
    53: ["test_guard.py::test_a_full_disk_in_sql_leaves_every_byte_as_it_was"],
    56: [
        "test_definition.py::test_files_run_with_windows_line_ends_and_a_bom",
        "test_definition.py::test_sql_that_is_not_utf_8_is_refused_by_file_and_line",
        "test_definition.py::test_a_wrong_sql_file_is_refused_by_file_and_line",
        "test_script.py::test_an_unfinished_script_is_refused_by_file_and_line",
    ],
    59: ["test_surroundings.py::test_a_synchronised_folder_is_warned_about_and_the_file_is_migrated"],
}  # fmt: skip

ROWS = 300
NOTES = f"""
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})
    INSERT INTO notes SELECT i, printf('%0200d', i) FROM n;
"""
ONE = sql(1, NOTES)
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")
THREE = sql(3, "CREATE TABLE pins (id INTEGER PRIMARY KEY)")
SQLITE = sqlite3.sqlite_version


# -- the verbs ----------------------------------------------------------------------------------------------------


def upgrade(path: Path | str, *migrations: Migration, **policy: Any) -> None:
    """A launch with something pending: version 2, unless other migrations are given."""
    with closing(embedmig.connect(path, [ONE, *(migrations or [TWO])], **policy)):
        pass


def launch(path: Path | str, **policy: Any) -> None:
    """A launch with nothing pending."""
    with closing(embedmig.connect(path, [ONE], **policy)):
        pass


def python(up: Callable[..., object]) -> Callable[[Path], None]:
    """A launch whose second migration is this function."""
    return lambda path: upgrade(path, Migration("002_step", 2, "step 2", up), timeout=0.2)


def on_a_connection(*, begin: str | None = None, uri: str = "", **settings: Any) -> Callable[[Path], None]:
    """The upgrade of a connection that the caller made."""

    def act(path: Path) -> None:
        name = f"{path.as_uri()}?{uri}" if uri else path
        with closing(sqlite3.connect(name, uri=bool(uri), **settings)) as conn:
            if begin:
                conn.execute(begin)
            Migrator([ONE, TWO]).migrate(conn)

    return act


def shipping(**files: str) -> Callable[[Path], None]:
    """A launch of an app that ships these files."""

    def act(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            embedmig.open(path, write(Path(folder) / "migrations", **files))

    return act


# -- the inputs -----------------------------------------------------------------------------------------------------


def nothing(path: Path) -> None:
    pass


def older(path: Path) -> None:
    """The user's file, as the older release left it."""
    Migrator([ONE]).migrate(path)


def after(*statements: str) -> Callable[[Path], None]:
    """The older file, after something was done to it."""

    def make(path: Path) -> None:
        older(path)
        for statement in statements:
            query(path, statement)

    return make


def holding(data: bytes) -> Callable[[Path], None]:
    return lambda path: void(path.write_bytes(data))


def with_bytes(offset: int, data: bytes) -> Callable[[Path], None]:
    """The older file with other bytes at a place of it, counted from the end if negative."""

    def make(path: Path) -> None:
        older(path)
        with path.open("r+b") as file:
            file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
            file.write(data)

    return make


def cut(size: Callable[[int], int]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        older(path)
        os.truncate(path, size(path.stat().st_size))

    return make


def cut_and_backed_up(path: Path) -> None:
    older(path)
    Migrator([ONE]).backup(path)
    os.truncate(path, path.stat().st_size // 8192 * 4096)


def with_schema_row(statement: str) -> Callable[[Path], None]:
    """The older file with a schema that SQLite itself would not write."""

    def make(path: Path) -> None:
        older(path)
        with closing(sqlite3.connect(path)) as conn:
            conn.execute("PRAGMA writable_schema = ON")
            conn.execute(statement)
            conn.commit()

    return make


def with_a_latin_1_name(path: Path) -> None:
    older(path)
    query(path, "CREATE TABLE kaffeeX (x)")
    path.write_bytes(path.read_bytes().replace(b"kaffeeX", b"kaffee\xe9"))


def beside(end: str, data: bytes | None, *before: str) -> Callable[[Path], None]:
    """The older file and a neighbour of it: a file with this content, or a folder."""

    def make(path: Path) -> None:
        after(*before)(path)
        neighbour = Path(f"{path}{end}")
        if data is None:
            neighbour.mkdir()
        else:
            neighbour.write_bytes(data)

    return make


def crashed(path: Path, journal: str = "delete", *, keep: tuple[str, ...] = ("", "-journal", "-wal")) -> None:
    """The older file, written to since, as a power cut in the middle of a change leaves it: with its journal, or its -wal."""
    with tempfile.TemporaryDirectory() as folder:
        live = Path(folder) / "notes.db"
        older(live)
        with closing(sqlite3.connect(live, isolation_level=None)) as conn:
            conn.execute(f"PRAGMA journal_mode = {journal}").fetchall()
            conn.execute("PRAGMA cache_size = 5")
            conn.execute("UPDATE notes SET text = 'written since ' || text")
            conn.execute("BEGIN")
            conn.execute("UPDATE notes SET text = 'never committed ' || text")
            for end in keep:
                if os.path.exists(f"{live}{end}"):
                    shutil.copyfile(f"{live}{end}", f"{path}{end}")


def without_its_file(journal: str) -> Callable[[Path], None]:
    """A backup, and sidecars of a crash whose own file is gone."""

    def make(path: Path) -> None:
        older(path)
        Migrator([ONE]).backup(path)
        path.unlink()
        crashed(path, journal, keep=("-journal", "-wal"))

    return make


def crashed_with_a_backup(journal: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        older(path)
        Migrator([ONE]).backup(path)
        path.unlink()
        crashed(path, journal)

    return make


def a_folder(path: Path) -> None:
    path.mkdir()


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's name may have about 100 characters
        try:
            listening.bind(path.name)
        finally:
            os.chdir(here)


def hard_linked(path: Path) -> None:
    older(path)
    path.with_name("twin.db").hardlink_to(path)


def newer(path: Path) -> None:
    Migrator([ONE, TWO, THREE], app_version="3.0").migrate(path)


def diverged(path: Path) -> None:
    Migrator([ONE, sql(2, "CREATE TABLE other (x)", name="other"), THREE]).migrate(path)


def without_its_second_row(path: Path) -> None:
    newer(path)
    query(path, "DELETE FROM _migrations WHERE version = 2")


def of_another_history(path: Path) -> None:
    Migrator([sql(1, "CREATE TABLE customers (name)")]).migrate(path)


def file_without_history(path: Path) -> None:
    query(path, "CREATE TABLE customers (name)")


def with_pragmas(*pragmas: str) -> Callable[[Path], None]:
    """A file that was made with these."""

    def make(path: Path) -> None:
        Migrator([ONE], prepare=lambda conn: [conn.execute(f"PRAGMA {pragma}") for pragma in pragmas]).migrate(path)

    return make


def own(conn: sqlite3.Connection) -> None:
    """What the app registers on each connection."""
    conn.create_function("apps_own", 1, str.upper, deterministic=True)
    conn.create_collation("apps_own", lambda a, b: (a > b) - (a < b))


def with_an_own_function(path: Path) -> None:
    older(path)
    with closing(sqlite3.connect(path)) as conn:
        own(conn)
        conn.execute("CREATE INDEX i ON notes (apps_own(text))")
        conn.commit()


def with_an_own_collation(path: Path) -> None:
    older(path)
    with closing(sqlite3.connect(path)) as conn:
        own(conn)
        conn.execute("CREATE INDEX i ON notes (text COLLATE apps_own)")
        conn.commit()


def void(_: object) -> None:
    pass


# -- what is said in a child, as somebody who may do less ------------------------------------------------------------------

NOBODY = 65534


def as_nobody(folder: Path, *, mode: str, name: str) -> None:
    """Become somebody else, and prove that this user can't do the thing that the case is about."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        open(folder / name, mode).close()
    except PermissionError:
        return
    raise AssertionError(f"{name} can be opened with {mode!r}")


def with_files_limited(folder: Path) -> None:
    """From now on no file can grow by more than two pages: the write fails, and so does COMMIT."""
    import resource

    most = (folder / "notes.db").stat().st_size + 8192
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    with pytest.raises(OSError), (folder / "proof").open("wb", buffering=0) as file:
        file.write(bytes(most))
        file.write(b"one more")
    (folder / "proof").unlink()


def load_everything() -> None:
    """Whoever a process becomes may not read where Python and embedmig lie."""
    for name in ("grp", "pwd", "logging", "shutil", "urllib.parse", "urllib.request"):
        importlib.import_module(name)
    for module in pkgutil.iter_modules(embedmig.__path__, "embedmig."):
        importlib.import_module(module.name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notes.db"
        older(path)
        upgrade(path)
        embedmig.open(path, [ONE], read_only=True).conn.close()
        Migrator([ONE]).status(path)


CHILD = """
    import json, sys
    import test_bad_inputs as t

    t.load_everything()
    case, folder = t.REFUSED[sys.argv[1]], t.Path(sys.argv[2])
    case.child(folder)
    print(json.dumps(t.outcome(case, folder / "notes.db")))
"""


def may_only_read_the_file(path: Path) -> None:
    older(path)
    path.chmod(0o444)
    path.parent.chmod(0o777)


def may_only_read_the_folder(*before: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        after(*before)(path)
        path.chmod(0o666)
        path.parent.chmod(0o555)

    return make


def may_only_read_the_folder_of_a_crash(path: Path) -> None:
    crashed(path, "wal")
    for name in path.parent.iterdir():
        name.chmod(0o666)
    path.parent.chmod(0o555)


def may_not_even_read_it(path: Path) -> None:
    older(path)
    path.chmod(0o000)
    path.parent.chmod(0o777)


def with_a_wal_of_somebody_else(path: Path) -> None:
    crashed(path, "wal")
    path.chmod(0o666)
    path.parent.chmod(0o777)
    Path(f"{path}-wal").chmod(0o600 if os.getuid() == 0 else 0o000)


def me() -> str:
    if os.name == "nt":
        return ""
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


# -- the table of what is refused --------------------------------------------------------------------------------------------


class Refused(NamedTuple):
    """An input, the verb, and what a person is told: the error, words of what happened and of the cure."""

    make: Callable[[Path], object]  # returns what is given to the verb, where that is not the path
    error: type[EmbedmigError]
    words: tuple[str, ...]
    act: Callable[[Any], object] = upgrade
    data_is_safe: bool = True
    may_offer_reset: bool = False
    left: tuple[str, ...] = ()  # names that stand there in addition afterwards
    child: Callable[[Path], object] | None = None  # the verb is called in a process of its own, after this


WRITABLE = "Make the file and its folder writable"
BACKUP = ("notes.db.v0001.bak",)  # made before the migration failed
OWN_FILE = "Open this app's own file."
DAMAGED: dict[str, Any] = {"data_is_safe": False, "may_offer_reset": True}
NOT_IN_FOLDER = partial(as_nobody, mode="x", name="proof")
RESTORE = "Restore a backup"
GONE = ("is there, and the database that it belongs to is not", "Put notes.db back beside it")
LATER = "newer SQLite"
ANOTHER = "Choose another file, or put a backup in its place."
UNDONE = "Everything was undone: notes.db is still at version 1."
SHIPPED = "Ship the migrations under the names and in the order in which they were released."
REGISTER = "Register the app's functions and collations in prepare=."
ONCE = {"001_step.sql": NOTES}
OPEN: list[sqlite3.Cursor] = []  # keeps the cursors of sloppy migrations alive


def leaves_returning_unfinished(db: Any) -> None:
    OPEN.append(db.execute("INSERT INTO notes (text) VALUES ('a'), ('b') RETURNING id"))


def drops_what_it_still_reads(db: Any) -> None:
    rows = db.execute("SELECT * FROM notes")
    rows.fetchone()
    db.execute("DROP TABLE notes")


def opens_a_second_connection(db: Any) -> None:
    path = db.execute("PRAGMA database_list").fetchone()[2]
    with closing(sqlite3.connect(path, timeout=0)) as second:
        second.execute("INSERT INTO notes (text) VALUES ('by the other connection')")


def column_dropped(db: Any) -> None:
    db.execute("ALTER TABLE plain DROP COLUMN b")


def upgraded(path: Path, up: str, **policy: Any) -> None:
    upgrade(path, sql(2, up), **policy)


REFUSED: dict[str, Refused] = {
    "2 a file stands where the folder should be": Refused(
        lambda path: (path.write_text("a file"), path / "notes.db")[1],
        UnusablePath,
        ("notes.db/notes.db can't be reached: Not a directory.", "Check the path and its permissions."),
    ),
    "2 a folder that may not be made": Refused(
        lambda path: (path.parent.chmod(0o555), path.parent / "new" / "notes.db")[1],
        UnusablePath,
        ("/new can't be made: Permission denied.", "Choose another folder."),
        act=lambda path: upgrade(path.parent / "new" / "notes.db"),
        child=NOT_IN_FOLDER,
    ),
    "4 one byte": Refused(holding(b"S"), NotADatabase, ("it has 1 byte", ANOTHER)),
    "4 almost a header": Refused(holding(b"SQLite format 3\0" + bytes(495)), NotADatabase, ("511 bytes", ANOTHER)),
    "5 a text": Refused(holding(b"Dear Ann,\n" * 500), NotADatabase, ("not a SQLite database, or is encrypted", ANOTHER)),
    "5 a picture": Refused(holding(b"\x89PNG\r\n\x1a\n" + bytes(4096)), NotADatabase, ("not a SQLite database", ANOTHER)),
    "5 encrypted": Refused(holding(bytes(i * 7919 >> 3 & 255 for i in range(8192))), NotADatabase, ("is encrypted", ANOTHER)),
    "6 cut in half": Refused(
        cut(lambda size: size // 8192 * 4096), DatabaseDamaged, ("notes.db is damaged", RESTORE), **DAMAGED
    ),
    "6 cut in half, nothing pending": Refused(
        cut(lambda size: size // 8192 * 4096), DatabaseDamaged, ("notes.db is damaged", RESTORE), launch, **DAMAGED
    ),
    "6 cut in half, and a backup is there": Refused(
        cut_and_backed_up, DatabaseDamaged, ("notes.db is damaged", "Restore notes.db.v0001.bak"), **DAMAGED
    ),
    "7 cut in mid-page": Refused(
        cut(lambda size: size - 1000), DatabaseDamaged, ("notes.db is damaged", RESTORE), **DAMAGED
    ),
    "8 the last page zeroed": Refused(
        with_bytes(-4096, bytes(4096)), DatabaseDamaged, ("notes.db is damaged", RESTORE), **DAMAGED
    ),
    "9 the first page zeroed": Refused(with_bytes(0, bytes(4096)), NotADatabase, ("not a SQLite database", ANOTHER)),
    "9 the first page zeroed, nothing pending": Refused(
        with_bytes(0, bytes(4096)), NotADatabase, ("not a SQLite database", ANOTHER), launch
    ),
    "10 a later write version": Refused(with_bytes(18, b"\3"), EmbedmigError, (LATER, SQLITE)),
    "11 a later read version": Refused(with_bytes(19, b"\3"), EmbedmigError, (LATER, SQLITE)),
    "12 a later schema format": Refused(with_bytes(44, (9).to_bytes(4, "big")), EmbedmigError, (LATER, SQLITE)),
    "13 later schema text": Refused(
        with_schema_row("INSERT INTO sqlite_master VALUES ('table', 'o', 'o', 0, 'CREATE TABLE o (x) STRICTER')"),
        EmbedmigError,
        ("malformed database schema (o)", "STRICTER", LATER, SQLITE),
    ),
    "14 one object twice": Refused(
        with_schema_row("INSERT INTO sqlite_master SELECT * FROM sqlite_master WHERE name = 'notes'"),
        DatabaseDamaged,
        ("notes.db is damaged", "table notes already exists", RESTORE),
        **DAMAGED,
    ),
    "15 a name in Latin-1": Refused(with_a_latin_1_name, EmbedmigError, ("UTF-8", "kaffee"), left=BACKUP),
    "16 a folder": Refused(a_folder, UnusablePath, ("is a folder.", "Give the path of a file in it.")),
    "16 a loop of links": Refused(a_loop, UnusablePath, ("can't be reached: Too many levels", "Check the path")),
    "17 a device": Refused(
        lambda path: "/dev/null", UnusablePath, ("/dev/null is a device or a pipe", "Give the path of a file.")
    ),
    "17 a link to a device": Refused(
        lambda path: path.symlink_to("/dev/null"), UnusablePath, ("is a device or a pipe", "Give the path of a file.")
    ),
    "17 a pipe": Refused(a_pipe, UnusablePath, ("is a device or a pipe, not a file.", "Give the path of a file.")),
    "17 a socket": Refused(a_socket, UnusablePath, ("not a file.", "Give the path of a file.")),
    "18 a file that may only be read": Refused(
        may_only_read_the_file,
        DatabaseReadOnly,
        ("this user may not write the file", WRITABLE, "read-only"),
        child=partial(as_nobody, mode="r+b", name="notes.db"),
    ),
    "19 a folder that may only be read": Refused(
        may_only_read_the_folder(),
        DatabaseReadOnly,
        ("this user may not write in the folder {folder}", WRITABLE, "read-only"),
        child=NOT_IN_FOLDER,
    ),
    "20 the same in WAL mode": Refused(
        may_only_read_the_folder("PRAGMA journal_mode = WAL"),
        DatabaseReadOnly,
        ("this user may not write in the folder {folder}", WRITABLE, "read-only"),
        child=NOT_IN_FOLDER,
    ),
    "20 the same in WAL mode, nothing pending": Refused(
        may_only_read_the_folder("PRAGMA journal_mode = WAL"),
        DatabaseReadOnly,
        ("this user may not write in the folder {folder}", WRITABLE, "read-only"),
        act=launch,
        child=NOT_IN_FOLDER,
    ),
    "21 the same, and a -wal is left": Refused(
        may_only_read_the_folder_of_a_crash,
        DatabaseReadOnly,
        ("this user may not write in the folder {folder}", WRITABLE),
        act=launch,
        child=NOT_IN_FOLDER,
    ),
    "22 a file that may not even be read": Refused(
        may_not_even_read_it,
        EmbedmigError,
        ("this user may not read",),
        act=launch,
        child=partial(as_nobody, mode="rb", name="notes.db"),
    ),
    "23 a -wal that belongs to somebody else": Refused(
        with_a_wal_of_somebody_else,
        UnusablePath,
        ("notes.db-wal stands beside it and can't be used", "whom it belongs to", me()),
        act=launch,
        child=partial(as_nobody, mode="rb", name="notes.db-wal"),
    ),
    "24 -wal is a folder": Refused(
        beside("-wal", None), UnusablePath, ("notes.db-wal stands beside it and can't be used", "Check what it is")
    ),
    "24 -wal is a folder, in WAL mode": Refused(
        beside("-wal", None, "PRAGMA journal_mode = WAL"),
        UnusablePath,
        ("notes.db-wal stands beside it and can't be used", "Check what it is"),
    ),
    "24 -journal is a folder": Refused(
        beside("-journal", None), UnusablePath, ("notes.db-journal stands beside it and can't be used", "Check what it is")
    ),
    "26 the journal of a file that is gone": Refused(
        lambda path: crashed(path, keep=("-journal",)), UnusablePath, GONE
    ),
    "26 the -wal of a file that is gone": Refused(
        lambda path: crashed(path, "wal", keep=("-wal",)), UnusablePath, GONE
    ),
    "28 a connection that may only read": Refused(
        older, DatabaseReadOnly, ("notes.db can't be written", WRITABLE), on_a_connection(uri="mode=ro")
    ),
    "28 an immutable one": Refused(
        older, DatabaseReadOnly, ("notes.db can't be written", WRITABLE), on_a_connection(uri="immutable=1")
    ),
    "29 a hard link": Refused(hard_linked, UnusablePath, ("2 names (hard links)", "Copy the file and open the copy.")),
    "29 a hard link, nothing pending": Refused(hard_linked, UnusablePath, ("2 names (hard links)",), launch),
    "29 a hard link, by a connection": Refused(hard_linked, UnusablePath, ("2 names (hard links)",), on_a_connection()),
    "30 a URI": Refused(
        lambda path: f"file:{path}", UnusablePath, ("is a URI, not a path.", "Give the path itself", "read-only")
    ),
    "30 empty": Refused(lambda path: "", UnusablePath, ("The path of the database is empty", "Give the path of a file.")),
    "30 ~": Refused(
        lambda path: "~/notes.db", UnusablePath, ("starts with ~, which nobody expands here", "os.path.expanduser()")
    ),
    "30 NUL": Refused(
        lambda path: f"{path}\0.txt", UnusablePath, ("The path has a NUL character in it", "Give the path of a file.")
    ),
    "31 newer than the app": Refused(
        newer,
        DatabaseTooNew,
        ("version 3", "versions up to 2", "(unknown here: 003_step)", "Update the app to 3.0 or later."),
    ),
    "32 an unknown version in the middle": Refused(
        diverged,
        HistoryMismatch,
        ("002_other is applied but not shipped", "Shipped: 001_step, 002_step, 003_step", "Applied: 001_step, 002_other", SHIPPED),
        act=lambda path: upgrade(path, TWO, THREE),
    ),
    "32 a gap": Refused(
        without_its_second_row,
        HistoryMismatch,
        ("002_step is pending but older than version 3", "Applied: 001_step, 003_step", SHIPPED),
        act=lambda path: upgrade(path, TWO, THREE, sql(4, "CREATE TABLE four (x)")),
    ),
    "33 an edited migration, strictly": Refused(
        older,
        HistoryMismatch,
        ("001_step was edited after it was applied", "Put the released text back"),
        act=lambda path: embedmig.open(path, [sql(1, NOTES + "\nSELECT 1;"), TWO], strict=True),
    ),
    "34 two with one number": Refused(
        older, DefinitionError, ("002_a.sql", "002_b.sql"),
        shipping(**ONCE, **{"002_a.sql": "SELECT 1", "002_b.sql": "SELECT 2"}),
    ),
    "34 one number in two ways": Refused(
        older, DefinitionError, ("002_a.sql", "2_b.sql"),
        shipping(**ONCE, **{"002_a.sql": "SELECT 1", "2_b.sql": "SELECT 2"}),
    ),
    "34 one name but for case": Refused(
        older, DefinitionError, ("002_Tags.py", "002_tags.sql"),
        shipping(**ONCE, **{"002_tags.sql": "SELECT 1", "002_Tags.py": "def up(db): pass"}),
    ),
    "34 one name but for how its accent is written": Refused(
        older, DefinitionError, ("002_caf\u00e9.sql", "002_cafe\u0301.py"),
        shipping(**ONCE, **{"002_caf\u00e9.sql": "SELECT 1", "002_cafe\u0301.py": "def up(db): pass"}),
    ),
    "35 no migrations in the folder": Refused(older, DefinitionError, ("no migrations",), shipping()),
    "35 an empty list": Refused(older, DefinitionError, ("list of migrations is empty",), lambda path: embedmig.open(path, [])),
    "36 tables and no history": Refused(
        file_without_history,
        ForeignDatabase,
        ("it has customers and no history of migrations", OWN_FILE, "detect_version= or a baseline"),
    ),
    "37 another application_id": Refused(
        after("PRAGMA application_id = 7"),
        ForeignDatabase,
        ("its application_id is 0x00000007, and this app's is 0x6e6f7465", OWN_FILE),
        act=lambda path: upgrade(path, application_id=0x6E6F7465),
    ),
    "37 another application_id, nothing pending": Refused(
        after("PRAGMA application_id = 7"),
        ForeignDatabase,
        ("its application_id is 0x00000007, and this app's is 0x6e6f7465", OWN_FILE),
        act=lambda path: launch(path, application_id=0x6E6F7465),
    ),
    "37 another app's history": Refused(
        of_another_history, ForeignDatabase, ("none of them with the same content", OWN_FILE)
    ),
    "38 a table of the history's name": Refused(
        lambda path: void(query(path, "CREATE TABLE _migrations (bird, season)")),
        ForeignDatabase,
        ("its table _migrations has the columns bird, season", OWN_FILE),
    ),
    "38 a view of the history's name": Refused(
        lambda path: void(query(path, "CREATE VIEW _migrations AS SELECT 1 AS id, 2 AS version")),
        ForeignDatabase,
        ("its view _migrations has the columns id, version", OWN_FILE),
    ),
    "38 a version that is no number": Refused(
        lambda path: void([
            query(path, "CREATE TABLE _migrations (id, version)"),
            query(path, "INSERT INTO _migrations VALUES ('a', 'spring')"),
        ]),
        ForeignDatabase,
        ("its table _migrations has version 'spring'",),
    ),
    "40 a row of the history deleted by hand": Refused(
        without_its_second_row,
        HistoryMismatch,
        ("002_step is pending but older than version 3", "Applied: 001_step, 003_step", SHIPPED),
        act=lambda path: upgrade(path, TWO, THREE),
    ),
    "40 the newest row deleted by hand": Refused(
        lambda path: void([upgrade(path), query(path, "DELETE FROM _migrations WHERE version = 2")]),
        MigrationFailed,
        ("up of 002_step failed", "table tags already exists", UNDONE),
        left=BACKUP,
    ),
    "43 a second connection inside a migration": Refused(
        older,
        MigrationFailed,
        ("database is locked", "Did it open a second connection? Only the given db can write during the run.", UNDONE),
        act=python(opens_a_second_connection),
        left=BACKUP,
    ),
    "47 an unfinished RETURNING": Refused(
        older,
        MigrationFailed,
        ("002_step", "statements in progress", "An INSERT ... RETURNING was not read to its end.", UNDONE),
        act=python(leaves_returning_unfinished),
        left=BACKUP,
    ),
    "47 an open SELECT": Refused(
        older,
        MigrationFailed,
        ("002_step", "database table is locked", "read it to its end", UNDONE),
        act=python(drops_what_it_still_reads),
        left=BACKUP,
    ),
    "48 a view over a missing table": Refused(
        after("CREATE TABLE plain (a, b)", "CREATE VIEW broken AS SELECT * FROM missing"),
        MigrationFailed,
        ("error in view broken", "Drop the view", UNDONE),
        act=python(column_dropped),
        left=BACKUP,
    ),
    "48 the same in SQL": Refused(
        after("CREATE TABLE plain (a, b)", "CREATE VIEW broken AS SELECT * FROM missing"),
        MigrationFailed,
        ("error in view broken", "Drop the view", "ALTER TABLE plain RENAME TO simple", UNDONE),
        act=partial(upgraded, up="ALTER TABLE plain RENAME TO simple"),
        left=BACKUP,
    ),
    "49 a trigger with the app's function": Refused(
        after("CREATE TRIGGER t AFTER INSERT ON notes BEGIN SELECT apps_own(new.text); END"),
        MigrationFailed,
        ("no such function: apps_own", REGISTER, UNDONE),
        act=partial(upgraded, up="INSERT INTO notes (text) VALUES ('a')"),
        left=BACKUP,
    ),
    "49 an index with the app's function": Refused(
        with_an_own_function,
        MigrationFailed,
        ("unknown function: apps_own", REGISTER, UNDONE),
        act=partial(upgraded, up="INSERT INTO notes (text) VALUES ('a')"),
        left=BACKUP,
    ),
    "49 an index with the app's collation": Refused(
        with_an_own_collation,
        MigrationFailed,
        ("no such collation sequence: apps_own", REGISTER, UNDONE),
        act=partial(upgraded, up="INSERT INTO notes (text) VALUES ('a')"),
        left=BACKUP,
    ),
    "54 COMMIT fails": Refused(
        older,
        EmbedmigError,
        ("disk I/O error", "notes.db"),
        act=partial(upgraded, up="CREATE TABLE copy AS SELECT * FROM notes"),
        left=BACKUP,
        child=with_files_limited,
    ),
    "55 a folder has the backup's name": Refused(
        beside(".v0001.bak", None), UnusablePath, ("the backup notes.db.v0001.bak can't be made", "backups=0")
    ),
    "55 a folder stands where the backup is made": Refused(
        beside(".v0001.bak.part", None), UnusablePath, ("the backup notes.db.v0001.bak can't be made", "backups=0")
    ),
    "58 a connection in a transaction": Refused(
        older, UsageError, ("open transaction", "Commit or roll back first"), on_a_connection(begin="BEGIN")
    ),
}  # fmt: skip
if sys.version_info >= (3, 12):
    for on in (True, False):
        REFUSED[f"58 a connection with autocommit={on}"] = Refused(
            older,
            UsageError,
            (f"autocommit={on}", "Leave autocommit out of sqlite3.connect()."),
            on_a_connection(autocommit=on),
        )


# -- the table of what goes well ------------------------------------------------------------------------------------------------


class GoesWell(NamedTuple):
    """An input that is no obstacle: afterwards a question about the file has this answer, and these names are there."""

    make: Callable[[Path], object]
    act: Callable[[Any], object] = upgrade
    question: str = ""  # where none is asked, all notes are there and the version is 2
    answer: tuple[object, ...] = ()
    names: tuple[str, ...] = ("notes.db", *BACKUP)
    of: str = "notes.db"  # the file that is asked; none, if empty


ALL_NOTES = "SELECT count(*), min(text), max(text) FROM notes"
AS_WRITTEN = (ROWS, f"{1:0200}", f"{ROWS:0200}")
AS_WRITTEN_SINCE = (ROWS, f"written since {1:0200}", f"written since {ROWS:0200}")
VERSION = "SELECT max(version) FROM _migrations"


def restore(path: Path) -> None:
    Migrator([ONE, TWO]).restore(path)


def in_another_thread(path: Path) -> None:
    with closing(sqlite3.connect(path, check_same_thread=False)) as conn:
        thread = threading.Thread(target=Migrator([ONE, TWO]).migrate, args=[conn])
        thread.start()
        thread.join()


def on_a_dressed_up_connection(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.row_factory = lambda cursor, row: {"a row": "of the caller's"}
        conn.text_factory = bytes
        Migrator([ONE, TWO]).migrate(conn)
        assert conn.execute("SELECT 1").fetchone() == {"a row": "of the caller's"}
        assert (conn.isolation_level, conn.text_factory) == (None, bytes)


GOES_WELL: dict[str, GoesWell] = {
    "1 the file is missing": GoesWell(nothing, names=("notes.db",)),
    "2 the folders are missing": GoesWell(
        nothing,
        act=lambda path: upgrade(path.parent / "a" / "b" / "notes.db"),
        names=("a", "a/b", "a/b/notes.db"),
        of="a/b/notes.db",
    ),
    "3 a file of 0 bytes": GoesWell(holding(b""), names=("notes.db",)),
    "10 a later write version, nothing pending": GoesWell(
        with_bytes(18, b"\3"), launch, VERSION, (1,), names=("notes.db",)
    ),
    "25 rubbish in -wal": GoesWell(beside("-wal", b"rubbish " * 700)),
    "25 rubbish in -wal, in WAL mode": GoesWell(beside("-wal", b"rubbish " * 700, "PRAGMA journal_mode = WAL")),
    "25 rubbish in -journal": GoesWell(beside("-journal", b"rubbish " * 700)),
    "25 an empty -journal": GoesWell(beside("-journal", b"")),
    "26 a backup restored beside the journal of a file that is gone": GoesWell(
        without_its_file("delete"), restore, ALL_NOTES, AS_WRITTEN, names=("notes.db", *BACKUP, "notes.db.unreadable-journal")
    ),
    "26 a backup restored beside the -wal of a file that is gone": GoesWell(
        without_its_file("wal"), restore, ALL_NOTES, AS_WRITTEN, names=("notes.db", *BACKUP, "notes.db.unreadable-wal")
    ),
    "26 a backup restored over a file with a hot journal": GoesWell(
        crashed_with_a_backup("delete"), restore, ALL_NOTES, AS_WRITTEN, names=("notes.db", *BACKUP, "notes.db.v0001-replaced.bak")
    ),
    "26 a backup restored over a file with a -wal": GoesWell(
        crashed_with_a_backup("wal"), restore, ALL_NOTES, AS_WRITTEN, names=("notes.db", *BACKUP, "notes.db.v0001-replaced.bak")
    ),
    "27 a hot journal": GoesWell(crashed, upgrade, ALL_NOTES, AS_WRITTEN_SINCE),
    "27 a -wal after a crash": GoesWell(
        lambda path: crashed(path, "wal"), upgrade, ALL_NOTES, AS_WRITTEN_SINCE
    ),
    "30 in memory": GoesWell(lambda path: ":memory:", names=(), of=""),
    "33 an edited migration": GoesWell(
        lambda path: Migrator([ONE, TWO]).migrate(path),
        lambda path: upgrade(path, sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY, edited)"), THREE),
        VERSION, (3,), names=("notes.db", "notes.db.v0002.bak"),
    ),
    "38 more columns than we know": GoesWell(after("ALTER TABLE _migrations ADD COLUMN a_later_embedmigs TEXT")),
    "39 user_version is negative": GoesWell(after("PRAGMA user_version = -1"), upgrade, "PRAGMA user_version", (-1,)),
    "39 user_version is huge": GoesWell(
        after("PRAGMA user_version = 2147483647"), upgrade, "PRAGMA user_version", (2147483647,)
    ),
    "39 user_version is the app's own": GoesWell(after("PRAGMA user_version = 7"), upgrade, "PRAGMA user_version", (7,)),
    "48 a view over a missing table that nobody touches": GoesWell(after("CREATE VIEW broken AS SELECT * FROM missing")),
    "49 an index with the app's function": GoesWell(
        with_an_own_function, partial(upgraded, up="INSERT INTO notes (text) VALUES ('a')", prepare=own), VERSION, (2,)
    ),
    "49 an index with the app's collation": GoesWell(
        with_an_own_collation, partial(upgraded, up="INSERT INTO notes (text) VALUES ('a')", prepare=own), VERSION, (2,)
    ),
    "49 a function that nobody registers and nothing needs": GoesWell(with_an_own_function),
    "50 a virtual table whose module is missing": GoesWell(
        with_schema_row(
            "INSERT INTO sqlite_master VALUES ('table', 'w', 'w', 0, 'CREATE VIRTUAL TABLE w USING module_of_another_app(x)')"
        )
    ),
    "55 half a backup of a launch that died": GoesWell(beside(".v0001.bak.part", b"half")),
    "55 the same, and its journal": GoesWell(beside(".v0001.bak.part-journal", b"half")),
    "55 an older backup of the same version": GoesWell(
        beside(".v0001.bak", b"old"), upgrade, ALL_NOTES, AS_WRITTEN, of="notes.db.v0001.bak"
    ),
    "57 UTF-16": GoesWell(with_pragmas("encoding = 'UTF-16be'"), upgrade, "PRAGMA encoding", ("UTF-16be",)),
    "57 small pages": GoesWell(with_pragmas("page_size = 512"), upgrade, "PRAGMA page_size", (512,)),
    "57 large pages": GoesWell(with_pragmas("page_size = 65536"), upgrade, "PRAGMA page_size", (65536,)),
    "57 auto_vacuum": GoesWell(with_pragmas("auto_vacuum = FULL"), upgrade, "PRAGMA auto_vacuum", (1,)),
    "57 UTF-16 in its backup": GoesWell(
        with_pragmas("encoding = 'UTF-16le'", "page_size = 1024"), upgrade, ALL_NOTES, AS_WRITTEN, of="notes.db.v0001.bak"
    ),
    "58 row_factory, text_factory, isolation_level": GoesWell(older, on_a_dressed_up_connection),
    "58 a connection of another thread": GoesWell(older, in_another_thread),
    "60 applied in the future": GoesWell(
        after("UPDATE _migrations SET applied_at = '2999-12-31T23:59:59.999+14:00'"),
        lambda path: upgrade(path, TWO, THREE),
        "SELECT group_concat(version) FROM (SELECT version FROM _migrations ORDER BY applied_at)", ("2,3,1",),
    ),
}  # fmt: skip


# -- the tests ---------------------------------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """How a verb ended, as it comes out of another process too."""

    kind: str
    message: str
    path: str | None
    data_is_safe: bool
    may_offer_reset: bool


def outcome(case: Refused, given: object) -> Outcome:
    try:
        case.act(given)
    except EmbedmigError as error:
        return Outcome(type(error).__name__, str(error), error.path, error.data_is_safe, error.may_offer_reset)
    finally:
        OPEN.clear()
    return Outcome("nothing was refused", "", None, True, False)


def listing(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything in a folder: each name with its kind, its permissions and its bytes."""
    found: dict[str, tuple[object, ...]] = {}
    for name in sorted(folder.rglob("*")):
        seen = name.lstat()
        bytes_: object = None
        if name.is_symlink():
            bytes_ = os.readlink(name)
        elif name.is_file():
            bytes_ = name.read_bytes() if os.access(name, os.R_OK) else (seen.st_size, seen.st_mtime_ns)
        found[name.relative_to(folder).as_posix()] = (seen.st_mode, bytes_)
    return found


@pytest.fixture
def shelf():
    """A folder that other users may enter: pytest's own are for one user only."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.skipif(os.name == "nt", reason="users, links and devices of POSIX")
def test_it_is_refused_and_every_byte_stays(name: str, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, path = REFUSED[name], shelf / "notes.db"
    made = case.make(path)
    given = path if made is None else made
    monkeypatch.chdir(shelf)
    before = listing(shelf)
    found = outcome(case, given) if case.child is None else Outcome(*json.loads(script(CHILD, name, shelf).stdout))
    if case.error is EmbedmigError:  # which one of them is not what matters
        assert issubclass(getattr(embedmig, found.kind), EmbedmigError)
    else:
        assert found.kind == case.error.__name__, found.message
    missing = [words for words in case.words if words.format(folder=shelf).lower() not in found.message.lower()]
    assert not missing, found.message
    if isinstance(given, Path) and case.error is not UsageError:
        assert found.path == str(given)
        assert given.name in found.message or str(given.parent) in found.message or case.error is DefinitionError
    assert (found.data_is_safe, found.may_offer_reset) == (case.data_is_safe, case.may_offer_reset)
    now = listing(shelf)
    assert set(now) == {*before, *case.left}
    assert {name: now[name] for name in before} == before


@pytest.mark.parametrize("name", GOES_WELL)
def test_it_goes_well_and_nothing_is_lost(name: str, tmp_path: Path) -> None:
    case, path = GOES_WELL[name], tmp_path / "notes.db"
    made = case.make(path)
    case.act(made if isinstance(made, str) else path)
    if case.of:
        asked = [(case.question, case.answer)] if case.question else [(ALL_NOTES, AS_WRITTEN), (VERSION, (2,))]
        assert [query(tmp_path / case.of, question) for question, _ in asked] == [[answer] for _, answer in asked]
        if not name.startswith("49 "):  # there it needs the app's own function
            assert query(tmp_path / case.of, "PRAGMA integrity_check") == [("ok",)]
    assert sorted(found.relative_to(tmp_path).as_posix() for found in tmp_path.rglob("*")) == sorted(case.names)


@pytest.mark.parametrize("row", INPUTS)
def test_every_bad_input_has_a_case(row: int) -> None:
    cases = [name for name in (*REFUSED, *GOES_WELL) if name.split()[0] == str(row)]
    assert cases or ELSEWHERE.get(row), f"{row}: {INPUTS[row]}"


def test_every_case_is_of_a_bad_input() -> None:
    assert (
        {int(name.split()[0]) for name in (*REFUSED, *GOES_WELL)} | set(ELSEWHERE) == set(range(1, 61)) == set(INPUTS)
    )


@pytest.mark.parametrize("name", [name for names in ELSEWHERE.values() for name in names])
def test_what_is_covered_elsewhere_is_there(name: str) -> None:
    file, *inside = name.split("::")
    found: list[ast.AST] = [ast.parse((Path(__file__).parent / file).read_text())]
    for part in inside:
        body = [child for node in found for child in getattr(node, "body", [])]
        found = [node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == part]
    assert len(found) == 1
    assert isinstance(found[0], ast.FunctionDef)


# -- what does not fit into the tables -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_an_exit_in_a_migration_passes_through_and_everything_is_undone(path: Path, stop: BaseException) -> None:
    older(path)
    before = content(path)

    def up(db: Any) -> None:
        db.execute("DELETE FROM notes")
        raise stop

    with pytest.raises(type(stop)) as raised:
        upgrade(path, Migration("002_step", 2, "step 2", up))
    assert raised.value is stop
    assert content(path) == before


def test_an_edited_migration_is_a_logged_warning(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Migrator([ONE, TWO]).migrate(path)
    upgrade(path, sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY, edited)"), THREE)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"002_step was edited after it was applied to {path}: its change will not run again"
    ]
    assert query(path, "SELECT count(*) FROM pragma_table_info('tags')") == [(1,)]
