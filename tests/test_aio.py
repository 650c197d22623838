"""The window never freezes: migrations run beside the event loop, can be stopped, and end before anybody goes on."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import aclosing, closing

import pytest
from helpers import content, query, script, sql, write

import embedmig
from embedmig import DatabaseBusy, Migration, MigrationCancelled, MigrationFailed, Migrator, UsageError, aio

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('first')")
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)", "DROP TABLE tags")
THREE = sql(3, "ALTER TABLE notes ADD COLUMN topic TEXT", "ALTER TABLE notes DROP COLUMN topic")
VACUUM = sql(3, "VACUUM", transactional=False)
FOUR = sql(4, "CREATE TABLE settings (key TEXT PRIMARY KEY)")
# Runs until it is interrupted: the last condition is never true.
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0"


@pytest.fixture
def notes(path):
    """A user's file at version 1."""
    embedmig.run_migrations(path, [ONE])
    return path


async def until(condition) -> None:
    while not condition():
        await asyncio.sleep(0.005)


# -- the run, and what it reports ---------------------------------------------------------------------------------------


def test_a_file_is_migrated_while_the_loop_goes_on(notes):
    turns = []

    def wait_for_the_loop(db):
        began = len(turns)
        while len(turns) < began + 3:  # the loop turns while the migration runs
            time.sleep(0.001)

    async def app():
        running = asyncio.ensure_future(aio.migrate(notes, [ONE, Migration("002_wait", 2, "Wait", wait_for_the_loop)]))
        while not running.done():
            turns.append(1)
            await asyncio.sleep(0.001)
        return await running

    report = asyncio.run(app())
    assert (report.before, report.after, report.ran) == (1, 2, ("002_wait",))


def test_progress_is_reported_in_the_loops_own_thread(path):
    seen = []

    async def app():
        await aio.migrate(path, [ONE, TWO], on_progress=lambda now: seen.append((now, threading.get_ident())))

    asyncio.run(app())
    assert {thread for _, thread in seen} == {threading.get_ident()}
    assert [(now.id, now.index, now.total) for now, _ in seen if now.phase == "finished"] == [
        ("001_step", 1, 2),
        ("002_step", 2, 2),
    ]


def test_progress_can_be_iterated(path):
    async def app():
        return [now.id async for now in aio.progress(path, [ONE, TWO]) if now.phase == "started"]

    assert asyncio.run(app()) == ["001_step", "002_step"]
    assert Migrator([ONE, TWO]).is_current(path)


def test_an_iteration_raises_what_the_run_raises(notes):
    before = content(notes)

    async def app():
        async for _ in aio.progress(notes, [ONE, sql(2, "CREATE TABLE notes (x)")]):
            pass

    with pytest.raises(MigrationFailed, match="table notes already exists"):
        asyncio.run(app())
    assert content(notes) == before


def test_leaving_the_iteration_early_undoes_the_run_before_going_on(notes):
    before = content(notes)

    async def app():
        async with aclosing(aio.progress(notes, [ONE, TWO, sql(3, ENDLESS)])) as running:
            async for now in running:
                if now.id == "003_step":
                    break
        assert content(notes) == before  # at once: nobody holds the file any more
        query(notes, "INSERT INTO notes (text) VALUES ('second')")

    asyncio.run(app())


def test_a_migrator_brings_its_own_policy(path):
    asyncio.run(aio.migrate(path, Migrator([ONE], app_version="7")))
    assert query(path, "SELECT app_version FROM _migrations") == [("7",)]


def test_a_policy_beside_a_migrator_is_refused(path):
    with pytest.raises(UsageError) as error:
        asyncio.run(aio.migrate(path, Migrator([ONE]), app_version="7"))
    assert str(error.value) == (
        "A Migrator has its own policy, and here is more: app_version. Nothing was changed. Give it to the Migrator."
    )
    assert not path.exists()


def test_a_connection_is_refused_since_it_belongs_to_its_thread(notes):
    with closing(sqlite3.connect(notes)) as conn, pytest.raises(UsageError) as error:
        asyncio.run(aio.migrate(conn, [ONE, TWO]))
    assert str(error.value) == (
        "A connection belongs to its thread. Nothing was changed. Give the file's path, and open it afterwards."
    )


def test_a_rollback_runs_beside_the_loop_too(path):
    embedmig.run_migrations(path, [ONE, TWO, THREE])
    report = asyncio.run(aio.rollback(path, [ONE, TWO, THREE], to=1))
    assert (report.after, report.ran) == (1, ("003_step", "002_step"))


def test_an_error_is_the_same_as_without_a_loop(notes):
    with closing(sqlite3.connect(notes)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            asyncio.run(aio.migrate(notes, [ONE, TWO], timeout=0.1))
        other.rollback()


# -- stopping it --------------------------------------------------------------------------------------------------------


def test_a_cancelled_task_ends_after_everything_is_undone(notes):
    before = content(notes)
    seen = []

    async def app():
        running = asyncio.ensure_future(aio.migrate(notes, [ONE, TWO, sql(3, ENDLESS)], on_progress=seen.append))
        await until(lambda: any(now.id == "003_step" for now in seen))
        running.cancel()
        with pytest.raises(asyncio.CancelledError, match=r"003_step.*Everything was undone") as stopped:
            await running
        assert running.cancelled()
        assert isinstance(stopped.value.__cause__, MigrationCancelled)
        assert content(notes) == before
        query(notes, "INSERT INTO notes (text) VALUES ('second')")  # no lock is left

    asyncio.run(app())


def test_a_task_that_is_cancelled_again_and_again_still_waits_for_the_end(notes):
    before = content(notes)
    seen = []

    async def app():
        running = asyncio.ensure_future(aio.migrate(notes, [ONE, sql(2, ENDLESS)], on_progress=seen.append))
        await until(lambda: any(now.id == "002_step" for now in seen))
        while not running.done():
            running.cancel()
            await asyncio.sleep(0)
        assert content(notes) == before

    asyncio.run(app())


def test_a_timeout_undoes_the_run(notes):
    before = content(notes)

    async def app():
        async with asyncio.timeout(0.2):
            await aio.migrate(notes, [ONE, sql(2, ENDLESS)])

    with pytest.raises(TimeoutError):
        asyncio.run(app())
    assert content(notes) == before


def test_a_cancellation_that_comes_after_the_commit_says_that_the_commit_was_faster(notes):
    committing, go_on = threading.Event(), threading.Event()

    class SlowToSay(Migrator):
        def migrate(self, *args, **more):
            report = super().migrate(*args, **more)
            committing.set()
            go_on.wait(10)
            return report

    async def app():
        running = asyncio.ensure_future(aio.migrate(notes, SlowToSay([ONE, TWO])))
        await until(committing.is_set)
        running.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError) as stopped:
            await running
        assert str(stopped.value) == f"The commit was faster: {notes} is at version 2."

    asyncio.run(app())
    assert Migrator([ONE, TWO]).is_current(notes)


def test_what_on_progress_raises_undoes_the_run_and_is_raised(notes):
    before = content(notes)

    def fail(now):
        if now.id == "003_step":
            raise ZeroDivisionError("the window was closed")

    with pytest.raises(ZeroDivisionError, match="the window was closed"):
        asyncio.run(aio.migrate(notes, [ONE, TWO, sql(3, ENDLESS)], on_progress=fail))
    assert content(notes) == before


def test_a_loop_that_ends_stops_the_run_that_nobody_waits_for(tmp_path):
    """The app's main coroutine returns while a migration runs: the process ends, and the file is as it was."""
    path = tmp_path / "notes.db"
    embedmig.run_migrations(path, [ONE])
    before = content(path)
    done = script(
        """
        import asyncio, sys
        from helpers import sql
        from embedmig import aio
        ONE, LONG = sql(1, sys.argv[2]), sql(2, sys.argv[3])

        async def app():
            running = asyncio.ensure_future(aio.migrate(sys.argv[1], [ONE, LONG], on_progress=lambda now: seen.append(now.id)))
            while "002_step" not in seen:
                await asyncio.sleep(0.005)

        seen = []
        asyncio.run(app())
        print("ended")
        """,
        path, ONE.up, ENDLESS, timeout=60,
    )  # fmt: skip
    assert done.stdout == "ended\n"
    assert content(path) == before


# -- a file system that must be flushed ---------------------------------------------------------------------------------


class Flushed(list):
    """At each flush, the version at which the file stands."""

    def __init__(self, path, fails: bool = False):
        super().__init__()
        self.path, self.fails = path, fails

    async def __call__(self):
        await asyncio.sleep(0)
        if self.fails:
            raise OSError("no room in the browser's store")
        self.append(query(self.path, "SELECT max(version) FROM _migrations")[0][0])


def test_one_commit_is_flushed_once_before_success_is_told(path):
    flushed = Flushed(path)
    report = asyncio.run(aio.migrate(path, [ONE, TWO, THREE], flush=flushed))
    assert flushed == [3]
    assert (report.before, report.after, len(report.ran)) == (0, 3, 3)


def test_each_commit_is_flushed_where_each_migration_has_its_own(path):
    flushed, seen = Flushed(path), []
    report = asyncio.run(
        aio.migrate(path, [ONE, TWO, THREE], atomic="migration", flush=flushed, on_progress=seen.append)
    )
    assert flushed == [1, 2, 3]
    assert (report.before, report.after, report.ran) == (0, 3, ("001_step", "002_step", "003_step"))
    assert [(now.index, now.total) for now in seen if now.phase == "finished"] == [(1, 3), (2, 3), (3, 3)]


def test_the_commits_around_a_migration_without_a_transaction_are_flushed(path):
    flushed = Flushed(path)
    asyncio.run(aio.migrate(path, [ONE, TWO, VACUUM, FOUR], flush=flushed))
    assert flushed == [2, 3, 4]


def test_a_run_that_is_flushed_often_leaves_the_one_backup_of_before(notes):
    report = asyncio.run(aio.migrate(notes, [ONE, TWO, THREE], atomic="migration", flush=Flushed(notes)))
    assert Migrator([ONE]).backups(notes) == [report.backup] == [f"{notes}.v0001.bak"]


def test_what_stays_of_a_failed_run_is_flushed_before_the_failure_is_told(path):
    flushed = Flushed(path)
    with pytest.raises(MigrationFailed) as error:
        asyncio.run(aio.migrate(path, [ONE, TWO, sql(3, "nonsense")], atomic="migration", flush=flushed))
    assert flushed == [1, 2, 2]
    assert error.value.version == 2


def test_a_flush_that_fails_is_not_told_as_success(path):
    with pytest.raises(OSError, match="no room in the browser's store"):
        asyncio.run(aio.migrate(path, [ONE], flush=Flushed(path, fails=True)))


def test_a_flush_that_fails_does_not_hide_why_the_run_failed(notes):
    with pytest.raises(MigrationFailed) as error:
        asyncio.run(aio.migrate(notes, [ONE, sql(2, "nonsense")], flush=Flushed(notes, fails=True)))
    assert error.value.__notes__ == ['flush() failed, too: OSError("no room in the browser\'s store")']


def test_a_refusal_is_the_same_with_a_flush(notes):
    query(notes, "UPDATE _migrations SET version = 9, id = '009_later'")
    with pytest.raises(embedmig.EmbedmigError) as plain:
        Migrator([ONE, TWO]).migrate(notes)
    with pytest.raises(type(plain.value)) as error:
        asyncio.run(aio.migrate(notes, [ONE, TWO], flush=Flushed(notes)))
    assert str(error.value) == str(plain.value)


def test_a_late_migration_is_flushed_with_the_newest(path):
    embedmig.run_migrations(path, [sql(2025010100, ONE.up), sql(2025010300, TWO.up)])
    flushed = Flushed(path)
    shipped = [sql(2025010100, ONE.up), sql(2025010200, THREE.up), sql(2025010300, TWO.up), sql(2025010400, FOUR.up)]
    report = asyncio.run(aio.migrate(path, shipped, atomic="migration", out_of_order=True, flush=flushed))
    assert flushed == [2025010300, 2025010400]
    assert report.ran == ("2025010200_step", "2025010400_step")


def test_a_rollback_is_flushed_before_it_is_told(path):
    embedmig.run_migrations(path, [ONE, TWO])
    flushed = Flushed(path)
    asyncio.run(aio.rollback(path, [ONE, TWO], to=1, flush=flushed))
    assert flushed == [1]


def test_without_threads_the_work_is_done_in_the_loops_own(tmp_path):
    """As in a browser: threads can't be started, and the loop runs in its own thread what an executor would."""
    folder = write(tmp_path / "m", **{"001_a.sql": "CREATE TABLE a (x);", "002_b.sql": "CREATE TABLE b (x);"})
    done = script(
        """
        import asyncio, sys, threading
        from embedmig import aio

        def refuse(*_): raise RuntimeError("can't start new thread")
        threading.Thread.start = refuse

        class Loop(asyncio.SelectorEventLoop):
            def run_in_executor(self, executor, function, *args):
                future = self.create_future()
                try:
                    future.set_result(function(*args))
                except BaseException as error:
                    future.set_exception(error)
                return future

        async def flush():
            print("flush")

        async def app():
            show = lambda now: print(now.id, now.phase) if now.phase == "finished" else None
            report = await aio.migrate(sys.argv[1], sys.argv[2], atomic="migration", on_progress=show, flush=flush)
            print(report.before, report.after)

        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(app())
        """,
        tmp_path / "notes.db", folder,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["001_a finished", "flush", "002_b finished", "flush", "0 2"]


def test_a_file_from_before_embedmig_is_taken_over_and_flushed(path):
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(ONE.up + ";" + TWO.up)
    flushed = Flushed(path)
    report = asyncio.run(
        aio.migrate(path, [ONE, TWO, THREE], atomic="migration", detect_version=lambda conn: 2, flush=flushed)
    )
    assert (report.after, report.ran, flushed) == (3, ("003_step",), [3])


def test_what_on_progress_raises_after_the_commit_is_raised_with_what_became_of_the_file(notes):
    def fail(now):
        if now.phase == "committing":
            time.sleep(0.5)  # the worker goes on meanwhile
            raise ZeroDivisionError("the window was closed")

    with pytest.raises(ZeroDivisionError) as error:
        asyncio.run(aio.migrate(notes, [ONE, TWO], on_progress=fail))
    assert error.value.__notes__ == [f"The commit was faster: {notes} is at version 2."]
    assert Migrator([ONE, TWO]).is_current(notes)


def test_an_iteration_that_is_cancelled_twice_still_waits_for_the_end(notes):
    before = content(notes)

    async def listen():
        async with aclosing(aio.progress(notes, [ONE, sql(2, ENDLESS)])) as running:
            async for now in running:
                if now.id == "002_step":
                    break

    async def app():
        listening = asyncio.ensure_future(listen())
        while not listening.done():
            await asyncio.sleep(0.01)
            listening.cancel()
        assert content(notes) == before
        query(notes, "INSERT INTO notes (text) VALUES ('second')")

    asyncio.run(app())
