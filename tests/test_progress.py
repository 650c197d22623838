"""Long work is visible and can be stopped; whatever stops it, everything is undone."""

from __future__ import annotations

import ctypes
import os
import signal
import sqlite3
import threading
import time
from collections import deque
from contextlib import closing, suppress

import pytest
from helpers import content, query, sql

import embedmig
from embedmig import Migration, MigrationCancelled, MigrationFailed, Migrator, Progress

WAITING = "waiting for another launch"

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('first')")
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")
# Runs until it is interrupted: the last condition is never true.
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0"
ENDLESS_INSERT = """
    CREATE TABLE numbers (i);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO numbers SELECT i FROM n;
"""


@pytest.fixture
def notes(path):
    """A user's file at version 1."""
    embedmig.run_migrations(path, [ONE])
    return path


def act(up, version: int = 2) -> Migration:
    return Migration(f"{version:03}_act", version, "Act", up)


class Seen(list):
    """Keeps what is reported."""

    def __call__(self, progress: Progress) -> None:
        self.append(progress)


# -- what is reported ----------------------------------------------------------------------------------------------


def test_the_beginning_and_the_end_of_each_migration_are_reported(path):
    seen = Seen()
    embedmig.Migrator([ONE, TWO, act(lambda db: None, 3)]).migrate(path, on_progress=seen)
    assert [(p.phase, p.id, p.index, p.total) for p in seen if p.phase in ("started", "finished")] == [
        ("started", "001_step", 1, 3),
        ("finished", "001_step", 1, 3),
        ("started", "002_step", 2, 3),
        ("finished", "002_step", 2, 3),
        ("started", "003_act", 3, 3),
        ("finished", "003_act", 3, 3),
    ]


@pytest.mark.parametrize("verb", ["open", "connect"])
def test_opening_reports_as_migrating_does(path, verb):
    seen = Seen()
    with closing(getattr(embedmig, verb)(path, [ONE, TWO], on_progress=seen)):
        pass
    assert [(p.index, p.total) for p in seen if p.phase == "finished"] == [(1, 2), (2, 2)]


def test_only_what_is_pending_is_counted(notes):
    seen = Seen()
    Migrator([ONE, TWO]).migrate(notes, on_progress=seen)
    assert {(p.id, p.index, p.total) for p in seen if p.phase == "finished"} == {("002_step", 1, 1)}


def test_what_a_file_from_before_embedmig_already_has_is_not_counted(path):
    query(path, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    seen = []
    Migrator([ONE, TWO], detect_version=lambda conn: 1).migrate(path, on_progress=seen.append)
    assert [(p.id, p.index, p.total) for p in seen if p.phase == "finished"] == [("002_step", 1, 1)]


def test_each_migration_in_its_own_transaction_is_counted_through(path):
    seen = Seen()
    Migrator([ONE, TWO, act(lambda db: None, 3)], atomic="migration").migrate(path, on_progress=seen)
    assert [(p.id, p.index, p.total) for p in seen if p.phase == "finished"] == [
        ("001_step", 1, 3),
        ("002_step", 2, 3),
        ("003_act", 3, 3),
    ]


def test_nothing_pending_reports_nothing(notes):
    seen = Seen()
    Migrator([ONE]).migrate(notes, on_progress=seen)
    with Migrator([ONE]).open(notes, on_progress=seen):
        assert seen == []


def test_a_report_is_frozen(path):
    seen = Seen()
    Migrator([ONE]).migrate(path, on_progress=seen)
    with pytest.raises(AttributeError, match="frozen"):
        seen[0].done = 7


def test_time_only_goes_forward(path):
    seen = Seen()
    Migrator([ONE, TWO]).migrate(path, on_progress=seen)
    elapsed = [p.elapsed_s for p in seen]
    assert elapsed == sorted(elapsed)
    assert elapsed[0] >= 0


@pytest.mark.parametrize("how", ["sql", "python"])
def test_a_long_statement_is_reported_several_times_a_second(notes, how):
    seen, took = Seen(), []
    long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000) SELECT count(*) FROM n;"

    def up(db):
        began = time.monotonic()
        db.execute(long).fetchall()
        took.append(time.monotonic() - began)

    if how == "sql":
        began = time.monotonic()
        Migrator([ONE, sql(2, long)]).migrate(notes, on_progress=seen)
        took.append(time.monotonic() - began - 0.1)
    else:
        Migrator([ONE, act(up)]).migrate(notes, on_progress=seen)
    running = [p for p in seen if p.phase == "running"]
    assert {(p.index, p.total) for p in running} == {(1, 1)}
    assert len(running) >= 5 * took[0] * 0.5
    assert running[-1].elapsed_s > running[0].elapsed_s


def rows_of_a_list(db, progress):
    for row in progress(list(range(1000))):
        db.execute("INSERT INTO notes (text) VALUES (?)", [row])


def rows_of_a_generator(db, progress):
    for row in progress((i for i in range(1000)), total=1000):
        db.execute("INSERT INTO notes (text) VALUES (?)", [row])


def rows_into_insert_all(db, progress):
    db["notes"].insert_all({"text": str(row)} for row in progress(range(1000)))


@pytest.mark.parametrize("up", [rows_of_a_list, rows_of_a_generator, rows_into_insert_all])
def test_rows_are_counted_where_the_migration_reports_them(notes, up):
    seen = Seen()
    Migrator([ONE, act(up)]).migrate(notes, on_progress=seen)
    (end,) = [p for p in seen if p.phase == "finished"]
    assert (end.done, end.total_rows) == (1000, 1000)
    assert query(notes, "SELECT count(*) FROM notes") == [(1001,)]


def test_rows_that_are_counted_outside_a_transaction_are_told_at_the_end_too(notes):
    seen = Seen()
    apart = Migration("002_apart", 2, "Apart", rows_of_a_list, transactional=False)
    Migrator([ONE, apart]).migrate(notes, on_progress=seen)
    (end,) = [p for p in seen if (p.phase, p.id) == ("finished", "002_apart")]
    assert (end.done, end.total_rows) == (1000, 1000)


def test_rows_of_unknown_number_have_no_total(notes):
    def up(db, progress):
        assert sum(progress(i for i in range(10))) == 45

    seen = Seen()
    Migrator([ONE, act(up)]).migrate(notes, on_progress=seen)
    assert [(p.done, p.total_rows) for p in seen if p.phase == "finished"] == [(10, None)]


def test_slow_rows_are_reported_while_they_are_worked_on(notes):
    def up(db, progress):
        for _ in progress(range(30)):
            time.sleep(0.02)

    seen = Seen()
    Migrator([ONE, act(up)]).migrate(notes, on_progress=seen)
    between = [p.done for p in seen if p.phase == "running" and 0 < p.done < 30]
    assert between == sorted(between)
    assert len(between) >= 2


def test_the_rows_of_one_migration_are_not_shown_in_the_next(notes):
    seen = Seen()
    Migrator([ONE, act(rows_of_a_list), act(lambda db: None, 3)]).migrate(notes, on_progress=seen)
    assert {(p.done, p.total_rows) for p in seen if p.id == "003_act"} == {(None, None)}


def test_a_migration_that_nobody_watches_may_report_too(notes):
    assert Migrator([ONE, act(rows_of_a_list)]).migrate(notes).after == 2


# -- stopped on request ----------------------------------------------------------------------------------------------


class Soon:
    """`cancel` and `on_progress` in one: asks to stop once a report of that phase has come."""

    def __init__(self, phase: str, id: str | None = None) -> None:
        self.phase, self.id = phase, id
        self.event = threading.Event()

    def __call__(self, progress: Progress) -> None:
        if progress.phase == self.phase and (self.id is None or progress.id == self.id):
            self.event.set()


def long_statement(db):
    db.execute(ENDLESS).fetchall()


def long_insert(db):
    db.executescript(ENDLESS_INSERT)


def long_statement_by_conn(db):
    db.conn.execute(ENDLESS).fetchall()


def long_loop(db, progress):
    for i in progress(iter(int, 1)):
        db.execute("INSERT INTO notes (text) VALUES (?)", [i])


def slow_loop(db, progress):
    """Python's time, not SQLite's: only `progress` can notice that it shall stop."""
    for _ in progress(iter(int, 1)):
        time.sleep(0.01)


def swallowing(up):
    """The author catches every error, and goes on writing."""

    def act(db):
        for _ in range(3):
            with suppress(Exception):
                up(db)
        db.execute("INSERT INTO notes (text) VALUES ('after it')")

    return act


def swallowing_everything(db):
    try:
        long_insert(db)
    except BaseException:
        return


CANCELLED = {
    "SELECT in SQL": sql(2, ENDLESS + ";", name="act"),
    "INSERT in SQL": sql(2, ENDLESS_INSERT, name="act"),
    "SELECT": act(long_statement),
    "SELECT by db.conn": act(long_statement_by_conn),
    "INSERT": act(long_insert),
    "a quick loop over rows": act(long_loop),
    "a slow loop over rows": act(slow_loop),
    "SELECT, swallowed": act(swallowing(long_statement)),
    "SELECT by db.conn, swallowed": act(swallowing(long_statement_by_conn)),
    "INSERT, swallowed": act(swallowing(long_insert)),
    "INSERT, everything swallowed": act(swallowing_everything),
}


@pytest.mark.parametrize(
    ("what", "how"),
    [(what, "path") for what in CANCELLED]
    + [(what, "sqlite3") for what in ("SELECT", "a quick loop over rows", "INSERT, swallowed")],
)
def test_a_run_that_is_cancelled_stops_and_everything_is_undone(notes, what, how):
    before, soon = content(notes), Soon("running", "002_act")
    with closing(sqlite3.connect(notes)) as conn:
        db = notes if how == "path" else conn
        with pytest.raises(MigrationCancelled) as cancelled:
            Migrator([ONE, CANCELLED[what], sql(3, "DROP TABLE notes")]).migrate(
                db, on_progress=soon, cancel=soon.event
            )
        assert not conn.in_transaction
    assert (cancelled.value.id, cancelled.value.version) == ("002_act", 1)
    assert str(cancelled.value) == (
        "notes.db: stopped on request in 002_act. Everything was undone: notes.db is still at version 1."
        " Start again when it suits: it begins anew."
    )
    assert content(notes) == before


def test_a_run_is_cancelled_by_another_thread(notes):
    before, cancel = content(notes), threading.Event()
    timer = threading.Timer(0.05, cancel.set)
    timer.start()
    with pytest.raises(MigrationCancelled):
        Migrator([ONE, act(long_statement)]).migrate(notes, cancel=cancel)
    timer.join()
    assert content(notes) == before


def test_a_wait_for_the_lock_is_cancelled(notes):
    before, soon = content(notes), Soon(WAITING)
    with closing(sqlite3.connect(notes, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(MigrationCancelled, match=r"notes.db: stopped on request\."):
            Migrator([ONE, TWO]).migrate(notes, on_progress=soon, cancel=soon.event)
    assert content(notes) == before


def test_a_wait_for_a_reader_is_cancelled(notes):
    before, soon = content(notes), Soon(WAITING)
    with closing(sqlite3.connect(notes)) as reader:
        rows = reader.execute("SELECT * FROM notes, pragma_function_list")
        assert next(rows)
        with pytest.raises(MigrationCancelled):
            Migrator([ONE, TWO]).migrate(notes, on_progress=soon, cancel=soon.event)
        rows.close()
    assert content(notes) == before


@pytest.mark.parametrize("verb", ["open", "connect", "migrate"])
def test_what_is_cancelled_before_it_begins_changes_nothing(notes, verb):
    before, cancel = content(notes), threading.Event()
    cancel.set()
    with pytest.raises(MigrationCancelled):
        getattr(Migrator([ONE, TWO]), verb)(notes, cancel=cancel)
    assert content(notes) == before


def test_cancelling_between_transactions_keeps_what_was_done(notes):
    soon = Soon("started", "003_act")
    with pytest.raises(MigrationCancelled) as cancelled:
        Migrator([ONE, TWO, act(long_statement, 3)], atomic="migration").migrate(
            notes, on_progress=soon, cancel=soon.event
        )
    assert cancelled.value.version == 2
    assert "What follows 002_step was undone: notes.db stands at version 2." in str(cancelled.value)
    assert query(notes, "SELECT max(version) FROM _migrations") == [(2,)]


def test_a_cancelled_run_can_be_started_again(notes):
    soon = Soon("running")
    with pytest.raises(MigrationCancelled):
        Migrator([ONE, sql(2, ENDLESS_INSERT)]).migrate(notes, on_progress=soon, cancel=soon.event)
    assert Migrator([ONE, TWO]).migrate(notes, on_progress=soon).ran == ("002_step",)


# -- what on_progress raises --------------------------------------------------------------------------------------------


class TheAppsOwn(Exception):
    pass


ERRORS = [TheAppsOwn("x"), sqlite3.OperationalError("of another database"), SystemExit(3), KeyboardInterrupt()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("phase", ["checking the file", "started", "running", "finished"])
@pytest.mark.parametrize("up", [long_statement, swallowing(long_insert)], ids=["raised", "swallowed"])
def test_what_on_progress_raises_passes_through_and_everything_is_undone(notes, error, phase, up):
    before = content(notes)
    if phase == "finished":
        up = rows_of_a_list

    def on_progress(progress):
        if progress.phase == phase:
            raise error

    with closing(sqlite3.connect(notes)) as conn:
        with pytest.raises(type(error)) as raised:
            Migrator([ONE, act(up)]).migrate(conn, on_progress=on_progress)
        assert raised.value is error
        assert not conn.in_transaction
    assert content(notes) == before


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_on_progress_raises_within_a_loop_over_rows_passes_through(notes, error):
    before = content(notes)

    def on_progress(progress):
        if progress.done:
            raise error

    with pytest.raises(type(error)) as raised:
        Migrator([ONE, act(slow_loop)]).migrate(notes, on_progress=on_progress)
    assert raised.value is error
    assert content(notes) == before


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_on_progress_raises_while_waiting_passes_through(notes, error):
    before = content(notes)

    def on_progress(progress):
        if progress.phase == WAITING:
            raise error

    with closing(sqlite3.connect(notes, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(type(error)) as raised:
            Migrator([ONE, TWO]).migrate(notes, on_progress=on_progress)
    assert raised.value is error
    assert content(notes) == before


def test_on_progress_may_look_at_the_file_itself(notes):
    counts = []

    def on_progress(progress):
        counts.append(query(notes, "SELECT count(*) FROM notes")[0][0])

    Migrator([ONE, sql(2, "INSERT INTO notes (text) VALUES ('second')")]).migrate(notes, on_progress=on_progress)
    assert set(counts) == {1}


# -- Ctrl-C ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    "up", [long_statement, long_insert, swallowing(long_statement), swallowing(long_insert), swallowing_everything]
)
def test_ctrl_c_in_a_long_statement_is_a_keyboard_interrupt_and_everything_is_undone(notes, up):
    before = content(notes)

    def on_progress(progress):
        if progress.phase == "running":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        Migrator([ONE, act(up)]).migrate(notes, on_progress=on_progress)
    assert content(notes) == before


CTRL_C = f"SELECT ctrl_c({signal.SIGINT:d})"


def able_to_ctrl_c(db):
    """C's own raise(): Python's functions would look for signals themselves."""
    db.conn.create_function("ctrl_c", 1, getattr(ctypes.CDLL(None), "raise"))
    return db


def ctrl_c_while_sqlite_works(db):
    able_to_ctrl_c(db).conn.execute(f"{CTRL_C} UNION ALL SELECT * FROM ({ENDLESS})").fetchall()


def ctrl_c_just_before_a_statement_is_compiled(db):
    one_after_the_other(able_to_ctrl_c(db), CTRL_C, "INSERT INTO notes (text) VALUES ('late')")


def ctrl_c_just_before_a_cached_statement(db):
    cached = "SELECT * FROM notes"
    one_after_the_other(able_to_ctrl_c(db), cached, CTRL_C, cached)


def one_after_the_other(db, *statements: str) -> None:
    """No line of Python runs in between, so that embedmig's own callbacks are where the signal is noticed."""
    deque(map(db.conn.execute, statements), maxlen=0)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("how", ["path", "sqlite3"])
@pytest.mark.parametrize(
    "up",
    [
        ctrl_c_while_sqlite_works,
        ctrl_c_just_before_a_statement_is_compiled,
        ctrl_c_just_before_a_cached_statement,
        swallowing(ctrl_c_while_sqlite_works),
    ],
)
def test_ctrl_c_is_not_lost_in_a_callback_of_embedmigs_own(notes, up, how):
    before = content(notes)
    with closing(sqlite3.connect(notes)) as conn, pytest.raises(KeyboardInterrupt):
        Migrator([ONE, act(up)]).migrate(notes if how == "path" else conn)
    assert content(notes) == before


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_from_outside_in_a_long_statement_is_a_keyboard_interrupt(notes):
    before = content(notes)
    timer = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        Migrator([ONE, act(long_insert)]).migrate(notes)
    timer.join()
    assert content(notes) == before


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_while_waiting_for_the_lock_is_a_keyboard_interrupt(notes):
    before = content(notes)
    timer = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT])
    with closing(sqlite3.connect(notes, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            Migrator([ONE, TWO], timeout=60).migrate(notes)
    timer.join()
    assert content(notes) == before


def test_a_migration_that_interrupts_itself_has_failed(notes):
    before = content(notes)

    def up(db):
        threading.Timer(0.05, db.conn.interrupt).start()
        db.execute(ENDLESS).fetchall()

    with pytest.raises((MigrationFailed, MigrationCancelled)) as stopped:
        Migrator([ONE, act(up)]).migrate(notes)
    assert "Everything was undone: notes.db is still at version 1." in str(stopped.value)
    assert content(notes) == before
