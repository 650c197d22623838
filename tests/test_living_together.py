"""Several users of one file at once: other processes, other threads, other connections of this very process."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import sqlite_utils
from helpers import content, query, sql, start
from test_launches import line_of, tell

import embedmig
from embedmig import DatabaseBusy, DatabaseTooNew, EmbedmigError, Migration, Migrator

ONE = sql(
    1,
    """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300)
    INSERT INTO notes SELECT i, printf('%0200d', i) FROM n;
    CREATE TABLE runs (migration INTEGER);
    """,
    "DROP TABLE notes; DROP TABLE runs",
)
TWO = sql(2, "ALTER TABLE notes ADD COLUMN pinned INTEGER DEFAULT 0; INSERT INTO runs VALUES (2)", "SELECT 1")
THREE = sql(3, "CREATE TABLE tags (id INTEGER PRIMARY KEY); INSERT INTO runs VALUES (3)")
JOURNALS = pytest.mark.parametrize("journal", ["delete", "wal"])


@pytest.fixture(params=["delete", "wal"])
def notes(request: pytest.FixtureRequest, path: Path) -> Path:
    """A user's file at version 1, in each journal mode."""
    Migrator([ONE]).migrate(path)
    query(path, f"PRAGMA journal_mode = {request.param}")
    return path


# -- another process runs on the old schema -------------------------------------------------------------------------

OLDER_APP = """
    import sys
    import embedmig
    from test_living_together import ONE, TWO, THREE

    migrator = embedmig.Migrator([ONE])
    db = None
    for line in sys.stdin:
        try:
            word, _, rest = line.rstrip().partition(" ")
            if word == "open":
                db, path = migrator.open(rest), rest
                print("open", flush=True)
            elif word == "close":
                db.conn.close()
                print("closed", flush=True)
            else:
                print(eval(line), flush=True)
        except Exception as error:
            print(type(error).__name__, error, flush=True)
"""


def asked(process: Popen[str], expression: str) -> str:
    """What a process says to an expression of Python."""
    tell(process, expression)
    return line_of(process)


@pytest.fixture(scope="module")
def processes() -> Iterator[list[Popen[str]]]:
    """Two processes of the older release, which do what they are told."""
    with start(OLDER_APP) as one, start(OLDER_APP) as two:
        yield [one, two]
        one.communicate(timeout=60)
        two.communicate(timeout=60)


@pytest.fixture
def another(processes: list[Popen[str]]) -> Popen[str]:
    """A process that does not have the file open."""
    return processes[1]


@pytest.fixture
def older_app(notes: Path, processes: list[Popen[str]]) -> Iterator[Popen[str]]:
    """A process of the older release that has the file open, has used it, and idles."""
    process = processes[0]
    assert asked(process, f"open {notes}") == "open"
    assert asked(process, "db['notes'].count") == "300"
    assert asked(process, "db['notes'].insert({'text': 'by the older app'}).last_pk") == "301"
    yield process
    assert asked(process, "close") == "closed"


def test_a_launch_while_another_process_runs_on_the_old_schema_upgrades(notes: Path, older_app: Popen[str]) -> None:
    report = Migrator([ONE, TWO], timeout=5).migrate(notes)
    assert report.ran == ("002_step",)
    assert query(notes, "SELECT count(*), sum(pinned) FROM notes") == [(301, 0)]


def test_the_older_app_goes_on_reading_and_writing_after_the_upgrade(notes: Path, older_app: Popen[str]) -> None:
    Migrator([ONE, TWO]).migrate(notes)
    assert asked(older_app, "db['notes'].count") == "301"
    assert asked(older_app, "db['notes'].insert({'text': 'once more'}).last_pk") == "302"
    assert asked(older_app, "sorted(next(db['notes'].rows))") == "['id', 'pinned', 'text']"
    assert query(notes, "SELECT text, pinned FROM notes WHERE id > 300") == [
        ("by the older app", 0),
        ("once more", 0),
    ]


def test_the_older_app_can_notice_that_another_launch_moved_the_file_on(notes: Path, older_app: Popen[str]) -> None:
    assert asked(older_app, "migrator.is_current(db)") == "True"
    Migrator([ONE, TWO]).migrate(notes)
    assert asked(older_app, "migrator.is_current(db)") == "False"
    assert asked(older_app, "migrator.is_current(db.conn)") == "False"
    assert asked(older_app, "migrator.is_current(path)") == "False"


def test_the_older_app_is_not_alarmed_by_what_it_can_live_with(notes: Path, older_app: Popen[str]) -> None:
    marked = Migration(**(TWO._fields() | {"backward_compatible": True}))
    Migrator([ONE, marked]).migrate(notes)
    assert asked(older_app, "migrator.is_current(db)") == "True"


def test_two_older_apps_that_idle_are_no_obstacle_either(
    notes: Path, older_app: Popen[str], another: Popen[str]
) -> None:
    assert asked(another, f"open {notes}") == "open"
    assert asked(another, "db['notes'].count") == "301"
    assert Migrator([ONE, TWO], timeout=5).migrate(notes).ran == ("002_step",)
    assert asked(another, "db['notes'].count") == "301"
    assert asked(another, "close") == "closed"


def test_a_rollback_while_another_process_runs_goes_through_as_well(notes: Path, older_app: Popen[str]) -> None:
    Migrator([ONE, TWO]).migrate(notes)
    assert Migrator([ONE, TWO], timeout=5).rollback(notes, to=1).after == 1
    assert asked(older_app, "migrator.is_current(db)") == "True"


READER = """
    import sqlite3, sys, threading

    stop = threading.Event()
    conn = sqlite3.connect(sys.argv[1])
    seen = set()

    def read():
        try:
            cursor = conn.execute("SELECT * FROM notes")
            rows = cursor.fetchall()
            columns = [column[0] for column in cursor.description]
            seen.add(f"{len(rows)} rows of {columns}, {sorted({len(row) for row in rows})} wide")
        except sqlite3.Error as error:
            seen.add(f"{type(error).__name__} {error}")

    def wait():
        sys.stdin.readline()
        stop.set()

    read()
    print("reading", flush=True)
    threading.Thread(target=wait, daemon=True).start()
    while not stop.is_set():
        read()
    read()
    print(sorted(seen), flush=True)
    conn.close()
"""


def slow_rebuild(db: Any) -> None:
    """A new notes table in place of the old one, larger than a small cache, so that changes reach the file before COMMIT."""
    db.execute("PRAGMA cache_size = 5")
    db.execute("CREATE TABLE new (id INTEGER PRIMARY KEY, text TEXT, pinned INTEGER)")
    for row in db.execute("SELECT id, text FROM notes").fetchall():
        db.execute("INSERT INTO new VALUES (?, ?, 0)", row)
    db.execute("DROP TABLE notes")
    db.execute("ALTER TABLE new RENAME TO notes")


def test_readers_see_the_old_or_the_new_schema_and_never_an_error(notes: Path) -> None:
    with start(READER, notes) as one, start(READER, notes) as two:
        assert [line_of(one), line_of(two)] == ["reading", "reading"]
        Migrator([ONE, Migration("002_step", 2, "step 2", slow_rebuild), THREE]).migrate(notes)
        for reader in (one, two):
            tell(reader, "enough")
            assert line_of(reader) == str(
                ["300 rows of ['id', 'text', 'pinned'], [3] wide", "300 rows of ['id', 'text'], [2] wide"]
            )


def upgraded_by(process: Popen[str], path: Path) -> None:
    """Let another process bring the file to version 2."""
    assert asked(process, f"embedmig.Migrator([ONE, TWO]).migrate({str(path)!r}).after") == "2"


def test_a_reader_in_the_middle_of_its_rows_sees_them_all_as_they_were(path: Path, another: Popen[str]) -> None:
    Migrator([ONE]).migrate(path)
    query(path, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path)) as reader:
        rows = reader.execute("SELECT * FROM notes")
        first = next(rows)
        upgraded_by(another, path)
        rest = rows.fetchall()
        assert (first, len(rest), {len(row) for row in rest}) == ((1, f"{1:0200}"), 299, {2})
        assert len(reader.execute("SELECT * FROM notes").fetchone()) == 3


# -- is_current on a connection that stays open ------------------------------------------------------------------------


@pytest.mark.parametrize("handed", ["connection", "database"])
def test_is_current_notices_that_another_process_moved_the_file_on(
    notes: Path, another: Popen[str], handed: str
) -> None:
    migrator = Migrator([ONE])
    with closing(migrator.connect(notes)) as conn:
        db: Any = conn if handed == "connection" else sqlite_utils.Database(conn, execute_plugins=False)
        assert migrator.is_current(db)
        upgraded_by(another, notes)
        assert not migrator.is_current(db)
        assert not conn.in_transaction


def test_is_current_turns_true_when_another_process_did_the_work(notes: Path, another: Popen[str]) -> None:
    migrator = Migrator([ONE, TWO])
    with closing(sqlite3.connect(notes)) as conn:
        assert not migrator.is_current(conn)
        upgraded_by(another, notes)
        assert migrator.is_current(conn)


def test_is_current_is_not_disturbed_by_what_others_write(notes: Path) -> None:
    migrator = Migrator([ONE])
    with closing(migrator.connect(notes)) as conn:
        query(notes, "INSERT INTO notes (text) VALUES ('by somebody else')")
        query(notes, "CREATE INDEX by_text ON notes (text)")
        assert migrator.is_current(conn)


def test_is_current_sees_a_file_that_was_emptied(notes: Path) -> None:
    migrator = Migrator([ONE])
    with closing(migrator.connect(notes)) as conn:
        with closing(sqlite3.connect(":memory:")) as empty, closing(sqlite3.connect(notes)) as other:
            empty.backup(other)
        assert not migrator.is_current(conn)


# -- threads of one process -------------------------------------------------------------------------------------------------


def at_once(count: int, action: Callable[[int], object]) -> list[object]:
    """What each of several threads came to: a value, or the exception that it raised."""
    barrier, found = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        barrier.wait(60)
        try:
            found[number] = action(number)  # type: ignore[call-overload]
        except BaseException as error:
            found[number] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return found


@JOURNALS
@pytest.mark.parametrize("at", [0, 1], ids=["a new file", "an older file"])
def test_two_migrators_in_threads_of_one_process_run_each_migration_once(path: Path, journal: str, at: int) -> None:
    def prepare(conn: sqlite3.Connection) -> None:
        conn.execute(f"PRAGMA journal_mode = {journal}").fetchall()

    if at:
        Migrator([ONE], prepare=prepare).migrate(path)
    reports: Any = at_once(8, lambda _: Migrator([ONE, TWO, THREE], prepare=prepare).migrate(path))
    pending = ("001_step", "002_step", "003_step")[at:]
    assert sorted(report.ran for report in reports) == [()] * 7 + [pending]
    assert {report.after for report in reports} == {3}
    assert query(path, "SELECT migration FROM runs ORDER BY rowid") == [(2,), (3,)]
    assert query(path, "SELECT version FROM _migrations ORDER BY version") == [(1,), (2,), (3,)]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


def test_one_migrator_may_be_used_by_several_threads(notes: Path) -> None:
    migrator = Migrator([ONE, TWO])

    def launch(_: int) -> object:
        with migrator.open(notes) as db:
            return db["notes"].count, migrator.is_current(notes), migrator.status(notes).version

    assert at_once(6, launch) == [(300, True, 2)] * 6


def test_an_older_and_a_newer_build_at_once_end_at_the_newer(notes: Path) -> None:
    builds = [Migrator([ONE, TWO]), Migrator([ONE, TWO, THREE])]
    older, newer = at_once(2, lambda number: builds[number].migrate(notes))
    assert isinstance(newer, embedmig.Report)
    assert newer.after == 3
    assert isinstance(older, (embedmig.Report, DatabaseTooNew))
    assert query(notes, "SELECT version FROM _migrations ORDER BY version") == [(1,), (2,), (3,)]
    assert query(notes, "SELECT migration FROM runs ORDER BY rowid") == [(2,), (3,)]


QUESTIONS: dict[str, Callable[[Migrator, Any], object]] = {
    "migrate": lambda migrator, conn: migrator.migrate(conn).after,
    "status": lambda migrator, conn: (lambda found: (found.version, found.current))(migrator.status(conn)),
    "is_current": lambda migrator, conn: migrator.is_current(conn),
    "get_applied_migrations": lambda _, conn: len(embedmig.get_applied_migrations(conn)),
}
ANSWERS: dict[str, set[object]] = {
    "migrate": {3},
    "status": {(0, False), (1, False), (3, True)},  # of one moment, not half of each
    "is_current": {True, False},
    "get_applied_migrations": {0, 1, 3},
}


@pytest.mark.parametrize("moment", range(1, 16))
@pytest.mark.parametrize("at", [0, 1], ids=["a new file", "an older file"])
@pytest.mark.parametrize("verb", QUESTIONS)
def test_another_launch_may_complete_between_any_two_statements_of_ours(
    path: Path, verb: str, at: int, moment: int
) -> None:
    if at:
        Migrator([ONE]).migrate(path)
    statements: list[str] = []

    def another_launch(statement: str) -> None:
        statements.append(statement)
        if len(statements) == moment:
            with suppress(DatabaseBusy):  # by then it is we who hold the lock
                Migrator([ONE, TWO, THREE], timeout=0).migrate(path)

    with closing(sqlite3.connect(path)) as conn:
        conn.set_trace_callback(another_launch)  # called as each statement begins
        assert QUESTIONS[verb](Migrator([ONE, TWO, THREE], timeout=5), conn) in ANSWERS[verb]
        conn.set_trace_callback(None)
    Migrator([ONE, TWO, THREE]).migrate(path)
    assert query(path, "SELECT migration FROM runs ORDER BY rowid") == [(2,), (3,)]
    assert query(path, "SELECT version FROM _migrations ORDER BY version") == [(1,), (2,), (3,)]


# -- other connections of this very process ----------------------------------------------------------------------------------


def test_a_file_is_migrated_while_this_process_holds_another_idle_connection_to_it(notes: Path) -> None:
    with closing(sqlite3.connect(notes)) as idle:
        assert len(idle.execute("SELECT * FROM notes").fetchone()) == 2
        report = Migrator([ONE, TWO], timeout=5).migrate(notes)
        assert report.ran == ("002_step",)
        assert len(idle.execute("SELECT * FROM notes").fetchone()) == 3
        idle.execute("INSERT INTO notes (text) VALUES ('by the idle one')")
        idle.commit()
    assert query(notes, "SELECT count(*) FROM notes WHERE pinned = 0") == [(301,)]
    assert query(report.backup, "SELECT count(*) FROM notes") == [(300,)]


def test_a_connection_is_migrated_while_this_process_holds_another_idle_one(notes: Path) -> None:
    with closing(sqlite3.connect(notes)) as idle, closing(sqlite3.connect(notes)) as conn:
        assert idle.execute("SELECT count(*) FROM notes").fetchone() == (300,)
        assert Migrator([ONE, TWO], timeout=5).migrate(conn).ran == ("002_step",)
        assert idle.execute("SELECT sum(pinned) FROM notes").fetchone() == (0,)


INTRUDER = """
    import sqlite3, sys
    for line in sys.stdin:
        conn = sqlite3.connect(line.rstrip(), timeout=0, isolation_level=None)
        try:
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("INSERT INTO notes (text) VALUES ('by the intruder')")
            conn.execute("COMMIT")
            print("written", flush=True)
        except sqlite3.OperationalError as error:
            print(error, flush=True)
        finally:
            conn.close()
"""


@pytest.fixture(scope="module")
def intruder() -> Iterator[Popen[str]]:
    """A second process that tries to write to a file when it is told its path, and says how it went."""
    with start(INTRUDER) as process:
        yield process
        process.communicate(timeout=60)


VERBS: dict[str, Callable[[Migrator, Path], object]] = {
    "status": lambda migrator, path: migrator.status(path),
    "is_current": lambda migrator, path: migrator.is_current(path),
    "migrate": lambda migrator, path: migrator.migrate(path),
    "open": lambda migrator, path: migrator.open(path).conn.close(),
    "open, nothing pending": lambda _, path: Migrator([ONE], timeout=0).open(path).conn.close(),
    "open to read": lambda migrator, path: migrator.open(path, read_only=True).conn.close(),
    "rollback": lambda migrator, path: Migrator([ONE], timeout=0).rollback(path, to=0),
    "baseline": lambda migrator, path: migrator.baseline(path, 2),
    "rehearse": lambda migrator, path: migrator.rehearse(path),
    "backup": lambda migrator, path: migrator.backup(path),
    "backups": lambda migrator, path: migrator.backups(path),
    "restore": lambda migrator, path: migrator.restore(path),
    "reset": lambda migrator, path: migrator.reset(path),
    "reset by force": lambda migrator, path: migrator.reset(path, force=True),
    "get_applied_migrations": lambda _, path: embedmig.get_applied_migrations(path),
    "mark_migration_applied": lambda migrator, path: migrator.mark(path, TWO),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_no_verb_drops_the_lock_that_another_connection_of_this_process_holds(
    notes: Path, intruder: Popen[str], verb: Callable[[Migrator, Path], object]
) -> None:
    migrator = Migrator([ONE, TWO], timeout=0)
    migrator.backup(notes)  # so that there is something to restore
    query(notes, "INSERT INTO notes (text) VALUES ('written since')")
    with closing(sqlite3.connect(notes, isolation_level=None)) as ours:
        ours.execute("BEGIN IMMEDIATE")
        ours.execute("INSERT INTO notes (text) VALUES ('ours')")
        with suppress(EmbedmigError):  # what needs the file for itself says that it is busy
            verb(migrator, notes)
        assert asked(intruder, str(notes)) == "database is locked"
        ours.execute("COMMIT")
    assert query(notes, "SELECT text FROM notes WHERE id > 300") == [("written since",), ("ours",)]
    assert query(notes, "SELECT version FROM _migrations") == [(1,)]
    assert query(notes, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_no_verb_drops_the_lock_under_which_another_connection_of_this_process_reads(
    path: Path, intruder: Popen[str], verb: Callable[[Migrator, Path], object]
) -> None:
    Migrator([ONE]).migrate(path)  # in WAL mode a reader locks nobody out
    before = content(path)
    migrator = Migrator([ONE, TWO], timeout=0)
    migrator.backup(path)
    with closing(sqlite3.connect(path)) as ours:
        rows = ours.execute("SELECT * FROM notes")
        assert next(rows) == (1, f"{1:0200}")
        with suppress(EmbedmigError):
            verb(migrator, path)
        assert asked(intruder, str(path)) == "database is locked"
        assert len(rows.fetchall()) == 299
    assert content(path) == before


@pytest.mark.skipif(os.name == "nt" or sys.platform == "cygwin", reason="POSIX locks")
def test_reading_the_file_by_ordinary_means_would_have_dropped_them(path: Path, intruder: Popen[str]) -> None:
    Migrator([ONE]).migrate(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as ours:
        ours.execute("BEGIN IMMEDIATE")
        assert asked(intruder, str(path)) == "database is locked"
        path.read_bytes()
        assert asked(intruder, str(path)) == "written"  # so the tests above can fail
