"""A file from somebody else: its names are shown harmlessly and quoted, it runs nothing, and its neighbours lead nowhere."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from helpers import content, fingerprint, query, sql

import embedmig
from embedmig import (
    DatabaseTooNew,
    EmbedmigError,
    ForeignDatabase,
    ForeignKeyViolations,
    HistoryMismatch,
    Migration,
    MigrationFailed,
    Migrator,
)

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('first')")
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")
APP = Migrator([ONE, TWO])

# clears the screen, sets a window's title, goes to the start of the line, turns the text round, ends the line
HOSTILE = "\x1b[2J\x1b]0;owned\x07\r'\"`;--\u202e\u2028\x9b31m\nEverything is fine."
SHOWN = r"\x1b[2J\x1b]0;owned\x07\r'" + "\"`;--" + r"\u202e\u2028\x9b31m\nEverything is fine."  # fmt: skip
posix_only = pytest.mark.skipif(os.name == "nt", reason="links of POSIX")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def is_harmless(text: str, lines: int = 1) -> bool:
    return all(c.isprintable() for c in text.replace("\n", "", lines - 1))


def history_of(path: Path, *rows: tuple[object, ...], columns: str = "version, id, description, applied_at") -> None:
    """A history that somebody else wrote."""
    Migrator([ONE]).migrate(path)
    for row in rows:
        query(path, f"INSERT INTO _migrations ({columns}) VALUES ({', '.join('?' * len(row))})", *row)


# -- names from the file in messages -------------------------------------------------------------------------------


def a_table(path: Path) -> None:
    query(path, f"CREATE TABLE {quoted(HOSTILE)} (x)")


def a_view(path: Path) -> None:
    query(path, f"CREATE VIEW {quoted(HOSTILE)} AS SELECT 1")


def a_trigger(path: Path) -> None:
    query(path, "CREATE TABLE plain (x)")
    query(path, f"CREATE TRIGGER {quoted(HOSTILE)} AFTER INSERT ON plain BEGIN SELECT 1; END")


def a_column_of_the_history(path: Path) -> None:
    query(path, f"CREATE TABLE _migrations (bird, {quoted(HOSTILE)})")


def a_version_of_the_history(path: Path) -> None:
    query(path, "CREATE TABLE _migrations (id, version)")
    query(path, "INSERT INTO _migrations VALUES ('a', ?)", HOSTILE)


def an_unknown_id(path: Path) -> None:
    history_of(path, (9, HOSTILE, "", ""))


def an_app_version(path: Path) -> None:
    history_of(path, (9, "009_x", "", "", HOSTILE), columns="version, id, description, applied_at, app_version")


def an_id_in_the_middle(path: Path) -> None:
    history_of(path, (2, HOSTILE, "", ""))


def two_rows_of_one_version(path: Path) -> None:
    query(path, "CREATE TABLE _migrations (id, version, applied_at)")
    query(path, "INSERT INTO _migrations VALUES (?, 1, ?), ('b', 1, ?)", HOSTILE, HOSTILE, HOSTILE)


MESSAGES: dict[str, tuple[Callable[[Path], None], type[EmbedmigError]]] = {
    "a table": (a_table, ForeignDatabase),
    "a view": (a_view, ForeignDatabase),
    "a trigger": (a_trigger, ForeignDatabase),
    "a column of the history": (a_column_of_the_history, ForeignDatabase),
    "a version of the history": (a_version_of_the_history, ForeignDatabase),
    "an unknown id": (an_unknown_id, DatabaseTooNew),
    "an app_version": (an_app_version, DatabaseTooNew),
    "an id in the middle": (an_id_in_the_middle, HistoryMismatch),
    "two rows of one version": (two_rows_of_one_version, HistoryMismatch),
}


@pytest.mark.parametrize(("make", "error"), MESSAGES.values(), ids=MESSAGES)
def test_a_name_from_a_strangers_file_is_shown_with_its_control_characters_escaped(
    path: Path, make: Callable[[Path], None], error: type[EmbedmigError], caplog: pytest.LogCaptureFixture
) -> None:
    make(path)
    before = fingerprint(path)
    with pytest.raises(error) as refused:
        APP.open(path)
    assert is_harmless(str(refused.value)), ascii(str(refused.value))
    assert r"\x1b[2J" in str(refused.value)
    assert all(is_harmless(record.getMessage()) for record in caplog.records)
    assert fingerprint(path) == before
    assert [name.name for name in path.parent.iterdir()] == ["notes.db"]


def test_the_whole_name_is_shown_escaped_and_nothing_of_it_is_dropped(path: Path) -> None:
    a_table(path)
    with pytest.raises(ForeignDatabase) as refused:
        APP.open(path)
    assert f"it has {SHOWN} and no history" in str(refused.value)


def test_what_sqlite_says_of_a_name_is_escaped_too(path: Path) -> None:
    Migrator([ONE]).migrate(path)
    query(path, f"CREATE VIEW {quoted(HOSTILE)} AS SELECT * FROM missing")
    query(path, "CREATE TABLE plain (a, b)")
    before = content(path)
    with pytest.raises(MigrationFailed, match="error in view") as failed:
        embedmig.open(path, [ONE, sql(2, "ALTER TABLE plain DROP COLUMN b")])
    assert is_harmless(str(failed.value), lines=2), ascii(str(failed.value))
    assert content(path) == before


def test_a_schema_that_sqlite_cannot_read_is_escaped_too(path: Path) -> None:
    Migrator([ONE]).migrate(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA writable_schema = ON")
        conn.execute(
            "INSERT INTO sqlite_master VALUES ('table', ?, ?, 0, ?)", (HOSTILE, HOSTILE, "CREATE TABLE o (x) ?")
        )
        conn.commit()
    before = fingerprint(path)
    with pytest.raises(EmbedmigError) as refused:
        APP.open(path)
    assert is_harmless(str(refused.value)), ascii(str(refused.value))
    assert fingerprint(path) == before


def test_a_vanished_trigger_is_logged_with_its_name_escaped(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Migrator([ONE]).migrate(path)
    query(path, f"CREATE TRIGGER {quoted(HOSTILE)} AFTER INSERT ON notes BEGIN SELECT 1; END")
    rebuild = """
        CREATE TABLE new (id INTEGER PRIMARY KEY, text TEXT);
        INSERT INTO new SELECT * FROM notes;
        DROP TABLE notes;
        ALTER TABLE new RENAME TO notes;
    """
    embedmig.run_migrations(path, [ONE, sql(2, rebuild)])
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said.startswith(r"002_step lost trigger \x1b[2j\x1b]0;owned\x07\r")
    assert is_harmless(said)


def test_the_status_hands_names_over_as_they_are(path: Path) -> None:
    an_unknown_id(path)
    assert APP.status(path).unknown == (HOSTILE,)  # values are for programs; messages are for terminals


# -- names from the file in SQL ----------------------------------------------------------------------------------------------

INJECTIONS = [
    'x"; DROP TABLE t; --',
    "x'; DROP TABLE t; --",
    "x]; DROP TABLE t; --",
    "x`); DROP TABLE t; --",
    '"',
    "select",
    "a, b",
    "a b",
    "main.t",
    "t) ; DROP TABLE t",
    HOSTILE,
]


@pytest.mark.parametrize("name", INJECTIONS, ids=ascii)
@pytest.mark.parametrize("without_rowid", [False, True], ids=["rowid", "without rowid"])
@pytest.mark.parametrize("which", ["child", "parent", "column"])
def test_a_violation_in_a_table_with_an_odd_name_is_described_and_nothing_else_happens(
    path: Path, name: str, without_rowid: bool, which: str
) -> None:
    child, parent, column = (name if which == part else part for part in ("child", "parent", "column"))
    make = f"""
        CREATE TABLE t (x); INSERT INTO t VALUES ('still here');
        CREATE TABLE {quoted(parent)} (id INTEGER PRIMARY KEY);
        CREATE TABLE {quoted(child)} (
            key TEXT PRIMARY KEY NOT NULL, {quoted(column)} INTEGER REFERENCES {quoted(parent)}
        ){" WITHOUT ROWID" if without_rowid else ""};
    """
    first = sql(1, make)
    Migrator([first]).migrate(path)
    before = content(path)
    broken = sql(2, f"INSERT INTO {quoted(child)} VALUES ('k', 42)")
    with pytest.raises(ForeignKeyViolations) as refused:
        Migrator([first, broken]).migrate(path)
    ((table, rowid, above, row),) = refused.value.violations
    assert (table, rowid, above) == (child, None if without_rowid else 1, parent)
    assert row == ({"key": "k", column: 42} if without_rowid else {column: 42})
    assert is_harmless(str(refused.value))
    assert content(path) == before
    assert query(path, "SELECT x FROM t") == [("still here",)]


@pytest.mark.parametrize("name", INJECTIONS, ids=ascii)
def test_a_key_that_sqlite_cannot_even_check_is_described_whatever_its_names_are(path: Path, name: str) -> None:
    first = sql(1, f"CREATE TABLE t (x); INSERT INTO t VALUES (1); CREATE TABLE {quoted(name)} (a, b)")
    Migrator([first]).migrate(path)
    before = content(path)
    mismatch = sql(2, f"CREATE TABLE child (c REFERENCES {quoted(name)}(a)); INSERT INTO child VALUES (1)")
    with pytest.raises(ForeignKeyViolations) as refused:
        Migrator([first, mismatch]).migrate(path)
    assert [violation[0] for violation in refused.value.violations] == ["child"]
    assert "foreign key mismatch" in str(refused.value)
    assert is_harmless(str(refused.value))
    assert content(path) == before


def test_rows_of_tables_with_odd_names_are_counted_in_a_rehearsal(path: Path) -> None:
    first = sql(
        1, "".join(f"CREATE TABLE {quoted(name)} (x); INSERT INTO {quoted(name)} VALUES (1);" for name in INJECTIONS)
    )
    Migrator([first]).migrate(path)
    before = fingerprint(path)
    rehearsal = Migrator([first, TWO]).rehearse(path)
    assert rehearsal.rows_before == dict.fromkeys(INJECTIONS, 1)
    assert rehearsal.rows_after == {**dict.fromkeys(INJECTIONS, 1), "tags": 0}
    assert fingerprint(path) == before


def test_triggers_of_odd_names_are_put_back_after_transform(path: Path) -> None:
    Migrator([ONE]).migrate(path)
    for name in INJECTIONS:
        query(path, f"CREATE TRIGGER {quoted(name)} AFTER DELETE ON notes BEGIN SELECT 1; END")
    before = query(path, "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name")

    def up(db: Any) -> None:
        db["notes"].transform(rename={"text": "body"})

    Migrator([ONE, Migration("002_step", 2, "step 2", up)]).migrate(path)
    assert query(path, "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name") == before


# -- names from the file in paths ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["../../evil", "/tmp/evil", "1/../evil", -1, 10**18])
def test_nothing_that_the_file_says_of_its_version_leads_out_of_its_folder(tmp_path: Path, version: object) -> None:
    path = tmp_path / "deep" / "down" / "notes.db"
    path.parent.mkdir(parents=True)
    query(path, "CREATE TABLE _migrations (id, version)")
    query(path, "INSERT INTO _migrations VALUES ('001_step', ?)", version)
    migrator = Migrator([ONE, TWO], timeout=0)
    for verb in (migrator.open, migrator.backup, lambda path: migrator.reset(path, force=True)):
        try:
            made = verb(path)
        except EmbedmigError as error:
            assert is_harmless(str(error))
        else:
            getattr(getattr(made, "conn", None), "close", int)()
    assert [name for name in tmp_path.rglob("*") if name.is_file() and name.parent != path.parent] == []


# -- links and files that lie in wait ------------------------------------------------------------------------------------------


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the user's that a link would have us overwrite."""
    victim = tmp_path / "home" / "precious.txt"
    victim.parent.mkdir()
    victim.write_text("precious")
    return victim


@posix_only
@pytest.mark.parametrize("name", ["notes.db.v0001.bak.part", "notes.db.v0001.bak", "notes.db.v0001.bak.part-journal"])
@pytest.mark.parametrize("dangling", [False, True], ids=["to a file", "to nothing"])
def test_a_link_that_stands_where_a_backup_is_made_is_not_followed(
    path: Path, victim: Path, name: str, dangling: bool
) -> None:
    Migrator([ONE]).migrate(path)
    before = content(path)
    if dangling:
        victim.unlink()
    path.with_name(name).symlink_to(victim)
    report = APP.migrate(path)
    made = Path(str(report.backup))
    assert (made.name, made.is_symlink()) == ("notes.db.v0001.bak", False)
    assert content(made) == before
    assert victim.exists() is not dangling
    assert dangling or victim.read_text() == "precious"
    assert sorted(name.name for name in path.parent.iterdir()) == ["home", "notes.db", "notes.db.v0001.bak"]


@posix_only
def test_a_link_back_to_the_file_itself_is_no_backup_of_it(path: Path) -> None:
    Migrator([ONE]).migrate(path)
    before = content(path)
    path.with_name("notes.db.v0001.bak").symlink_to(path)
    report = APP.migrate(path)
    made = Path(str(report.backup))
    assert not made.is_symlink()
    assert content(made) == before


@posix_only
def test_a_file_that_only_looks_like_the_backup_is_no_backup(path: Path) -> None:
    Migrator([ONE]).migrate(path)
    before = content(path)
    lookalike, seen = path.with_name("notes.db.v0001.bak"), path.stat()
    lookalike.write_bytes(b"x" * seen.st_size)
    os.utime(lookalike, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert content(str(APP.migrate(path).backup)) == before


@posix_only
@pytest.mark.parametrize("name", ["notes.db.part", "notes.db.unreadable"])
def test_a_link_that_stands_where_a_restore_works_is_not_followed(path: Path, victim: Path, name: str) -> None:
    Migrator([ONE]).migrate(path)
    before = content(path)
    APP.backup(path)
    path.write_bytes(b"rubbish, no database at all\n" * 100)
    path.with_name(name).symlink_to(victim)
    APP.restore(path)
    assert content(path) == before
    assert victim.read_text() == "precious"


@posix_only
def test_a_link_that_stands_where_a_reset_works_is_not_followed(path: Path, victim: Path) -> None:
    Migrator([ONE]).migrate(path)
    path.with_name("notes.db.v0001.bak").symlink_to(victim)
    path.with_name("notes.db-journal").symlink_to(victim)
    try:
        APP.reset(path)
    except EmbedmigError as error:
        assert "notes.db" in str(error)
    assert victim.read_text() == "precious"


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o666])
def test_a_backup_is_for_nobodys_eyes_that_may_not_see_the_file(path: Path, mode: int) -> None:
    Migrator([ONE]).migrate(path)
    path.chmod(mode)
    seen: list[int] = []

    def look(_: object) -> None:
        part = path.with_name("notes.db.v0001.bak.part")
        if part.exists():
            seen.append(part.stat().st_mode & 0o777)

    old = os.umask(0)
    try:
        if mode == 0o444 and os.getuid() != 0:
            pytest.skip("only root may write what nobody may")
        report = Migrator([ONE, TWO]).migrate(path, on_progress=look)
    finally:
        os.umask(old)
    assert Path(str(report.backup)).stat().st_mode & 0o777 == mode
    assert all(found & ~mode & 0o077 == 0 for found in seen)


# -- opening runs nothing --------------------------------------------------------------------------------------------------------

TRAPS = [
    "CREATE VIEW trap AS SELECT canary('view')",
    "CREATE VIEW extension AS SELECT load_extension('evil')",
    "CREATE VIEW unknown AS SELECT no_such_function_here()",
    "CREATE TRIGGER on_notes AFTER INSERT ON notes BEGIN SELECT canary('trigger'); END",
    "CREATE TRIGGER on_update BEFORE UPDATE ON notes BEGIN SELECT load_extension('evil'); END",
    "CREATE TRIGGER on_delete BEFORE DELETE ON notes BEGIN SELECT no_such_function_here(); END",
    "CREATE TRIGGER instead INSTEAD OF INSERT ON trap BEGIN DELETE FROM notes; END",
    "CREATE TABLE trapped (x DEFAULT (canary('default')), y AS (canary('generated')))",
]


@pytest.fixture
def trapped(path: Path) -> Path:
    """A file from a stranger who knows this app: our own history, and a trap in whatever SQLite can be told to run."""
    Migrator([ONE]).migrate(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.create_function("canary", 1, str, deterministic=True)
        for trap in TRAPS:
            conn.execute(trap)
        conn.commit()
    return path


OPENS: dict[str, Callable[[Migrator, Path], object]] = {
    "open": lambda migrator, path: migrator.open(path).conn.close(),
    "connect": lambda migrator, path: migrator.connect(path).close(),
    "open to read": lambda migrator, path: migrator.open(path, read_only=True).conn.close(),
    "status": lambda migrator, path: migrator.status(path),
    "is_current": lambda migrator, path: migrator.is_current(path),
    "backup": lambda migrator, path: migrator.backup(path),
    "get_applied_migrations": lambda migrator, path: embedmig.get_applied_migrations(path),
}


@pytest.mark.parametrize("act", OPENS.values(), ids=OPENS)
def test_opening_a_strangers_file_runs_nothing_of_it(trapped: Path, act: Callable[[Migrator, Path], object]) -> None:
    sung: list[str] = []

    def prepare(conn: sqlite3.Connection) -> None:
        conn.create_function("canary", 1, sung.append)

    before = fingerprint(trapped)
    act(Migrator([ONE], prepare=prepare), trapped)
    assert sung == []
    assert fingerprint(trapped) == before


def test_migrating_it_runs_nothing_that_the_migration_does_not_touch(trapped: Path) -> None:
    sung: list[str] = []

    def prepare(conn: sqlite3.Connection) -> None:
        conn.create_function("canary", 1, sung.append)

    Migrator([ONE, TWO], prepare=prepare).migrate(trapped)
    assert sung == []
    assert query(trapped, "SELECT text FROM notes") == [("first",)]


def test_a_strangers_file_with_functions_that_nobody_has_is_no_obstacle(trapped: Path) -> None:
    with Migrator([ONE]).open(trapped) as db:
        assert db["notes"].count == 1
    assert APP.migrate(trapped).ran == ("002_step",)


@pytest.mark.parametrize("read_only", [False, True])
def test_no_extension_can_be_loaded_from_sql_on_what_is_handed_back(path: Path, read_only: bool) -> None:
    Migrator([ONE]).migrate(path)
    with closing(Migrator([ONE]).connect(path, read_only=read_only)) as conn:
        for sql_text in ("SELECT load_extension('evil')", "SELECT load_extension('evil', 'entry')"):
            with pytest.raises(sqlite3.OperationalError, match=r"not authorized|no such function"):
                conn.execute(sql_text)


def test_no_extension_can_be_loaded_by_a_migration(path: Path) -> None:
    Migrator([ONE]).migrate(path)
    before = content(path)
    with pytest.raises(MigrationFailed, match=r"not authorized|no such function"):
        embedmig.open(path, [ONE, sql(2, "CREATE TABLE t (x); SELECT load_extension('evil')")])
    assert content(path) == before


def test_a_trigger_on_the_history_cannot_make_a_run_lie(path: Path) -> None:
    Migrator([ONE]).migrate(path)
    query(
        path,
        "CREATE TRIGGER eats AFTER INSERT ON _migrations BEGIN DELETE FROM _migrations WHERE version = new.version; END",
    )
    before = content(path)
    try:
        report = APP.migrate(path)
    except EmbedmigError:
        assert content(path) == before
    else:
        assert report.after == 2
        assert query(path, "SELECT version FROM _migrations") == [(1,), (2,)]


def test_a_temporary_table_of_the_history_s_name_is_not_believed(path: Path) -> None:
    Migrator([ONE]).migrate(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TEMP TABLE _migrations AS SELECT * FROM main._migrations")
        conn.execute("INSERT INTO temp._migrations (version, id, finished) VALUES (2, '002_step', 1)")
        conn.commit()
        assert not APP.is_current(conn)
        assert APP.migrate(conn).ran == ("002_step",)
    assert query(path, "SELECT version FROM _migrations") == [(1,), (2,)]
