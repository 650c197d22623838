"""Many files at once, on any executor: each file is alone, and a failure is a result."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from helpers import content, query, script, sql, write

import embedmig
from embedmig import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseTooNew,
    Migration,
    MigrationFailed,
    Migrator,
    definition,
    fleet,
)
from embedmig.errors import NotADatabase, UsageError

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('first')")
TWO = sql(2, "ALTER TABLE notes ADD COLUMN topic TEXT")
SPAWN = multiprocessing.get_context("spawn")


def processes() -> Executor:
    return ProcessPoolExecutor(2, mp_context=SPAWN)


def files(folder: Path, count: int, migrations=(ONE,)) -> list[Path]:
    """Users' files at version 1."""
    folder.mkdir(exist_ok=True)
    first = folder / "first.db"
    embedmig.run_migrations(first, list(migrations))
    made = [folder / f"{number:03}.db" for number in range(count)]
    for path in made:
        path.write_bytes(first.read_bytes())
    first.unlink()
    return made


def versions(paths) -> Counter:
    return Counter(result.after for result in fleet.status(paths))


# -- each file is migrated, whatever the executor ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [None, partial(ThreadPoolExecutor, 2), processes], ids=["default", "threads", "processes"]
)
def test_every_file_is_brought_to_the_newest_version(tmp_path, make):
    paths = files(tmp_path, 60)
    found = list(fleet.migrate(paths, [ONE, TWO], make, chunk=7))
    assert sorted(result.path for result in found) == sorted(map(str, paths))
    assert {(result.before, result.after, result.error) for result in found} == {(1, 2, None)}
    assert versions(paths) == {2: 60}


def test_an_executor_of_the_callers_is_used_and_left_open(tmp_path):
    paths = files(tmp_path, 10)
    with processes() as pool:
        assert len(list(fleet.migrate(paths[:5], [ONE, TWO], pool, chunk=2))) == 5
        assert len(list(fleet.migrate(paths[5:], [ONE, TWO], pool, chunk=2))) == 5
    assert versions(paths) == {2: 10}


def test_a_second_call_finds_nothing_to_do(tmp_path):
    paths = files(tmp_path, 10)
    list(fleet.migrate(paths, [ONE, TWO], backups=0))
    before = [path.read_bytes() for path in paths]
    assert {(r.before, r.after) for r in fleet.migrate(paths, [ONE, TWO], backups=0)} == {(2, 2)}
    assert [path.read_bytes() for path in paths] == before


def test_a_migrator_brings_its_own_policy(tmp_path):
    [path] = files(tmp_path, 1)
    list(fleet.migrate([path], Migrator([ONE, TWO], app_version="9")))
    assert query(path, "SELECT app_version FROM _migrations WHERE version = 2") == [("9",)]


def test_migrations_of_a_folder_reach_other_processes(tmp_path):
    folder = write(
        tmp_path / "m",
        **{"001_a.sql": "CREATE TABLE a (x);", "002_b.py": 'def up(db):\n    db.execute("CREATE TABLE b (x)")\n'},
    )
    paths = [tmp_path / f"{number}.db" for number in range(4)]
    assert [r.error for r in fleet.migrate(paths, folder, processes, chunk=2)] == [None] * 4


def test_files_that_make_their_thread_wait_get_more_threads_and_those_that_do_not_get_none(tmp_path):
    paths, threads, locks = files(tmp_path, 8), set(), []
    waiting = Migrator([ONE, TWO], timeout=0.5, prepare=lambda conn: threads.add(threading.get_ident()))
    for path in paths:
        locks.append(sqlite3.connect(path))
        locks[-1].execute("BEGIN IMMEDIATE")
    assert {type(r.error) for r in fleet.migrate(paths, waiting, chunk=1)} == {DatabaseBusy}
    assert 1 < len(threads) <= fleet.THREADS
    for lock in locks:
        lock.close()
    threads.clear()
    assert {r.error for r in fleet.migrate(paths, waiting, chunk=8)} == {None}
    assert len(threads) == 1


@pytest.mark.parametrize("chunk", [1, 2])
def test_files_that_wait_do_not_wait_for_one_that_takes_long_where_another_thread_has_time(tmp_path, chunk):
    paths, others = files(tmp_path, 2 * chunk), threading.Event()

    def up(db):
        if db.execute("PRAGMA database_list").fetchone()[2] == str(paths[0]):
            assert others.wait(10)

    found = []
    for result in fleet.migrate(paths, [ONE, Migration("002_long", 2, "Long", up)], chunk=chunk, backups=0):
        found.append(result)
        others.set()
    assert {result.error for result in found} == {None}
    assert sorted(result.path for result in found) == list(map(str, paths))


def test_a_worker_reads_the_migrations_once_in_a_call_and_anew_in_the_next(tmp_path, monkeypatch):
    folder, paths = (
        write(tmp_path / "m", **{"001_a.sql": "CREATE TABLE a (x);"}),
        files(tmp_path / "data", 6, [sql(1, "CREATE TABLE a (x);", name="a")]),
    )
    read, looked = definition.find, []
    monkeypatch.setattr(definition, "find", lambda source: looked.append(source) or read(source))
    with ThreadPoolExecutor(1) as pool:
        assert {r.after for r in fleet.migrate(paths, folder, pool, chunk=2)} == {1}
        write(folder, **{"002_b.sql": "CREATE TABLE b (x);"})
        assert {r.after for r in fleet.migrate(paths, folder, pool, chunk=2)} == {2}
    assert len(looked) == 2
    assert query(paths[5], "SELECT id FROM _migrations ORDER BY version") == [("001_a",), ("002_b",)]


def test_status_counts_the_files_at_each_version_and_writes_nothing(tmp_path):
    paths = files(tmp_path, 5)
    embedmig.run_migrations(paths[0], [ONE, TWO])
    (tmp_path / "new.db").touch()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert versions([*paths, tmp_path / "new.db", tmp_path / "absent.db"]) == {1: 4, 2: 1, 0: 2}
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


# -- a failure is a result ---------------------------------------------------------------------------------------------


def test_each_failure_is_a_result_and_the_others_go_on(tmp_path):
    paths = files(tmp_path, 12)
    too_new, busy, damaged, other = paths[:4]
    embedmig.run_migrations(too_new, [ONE, TWO, sql(3, "CREATE TABLE later (x)")])
    damaged.write_bytes(damaged.read_bytes()[:5000])
    other.write_text("bread, cheese, olives\n" * 40)
    kept = {path: path.read_bytes() for path in (too_new, damaged, other)}
    with closing(sqlite3.connect(busy, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        found = {Path(r.path): r for r in fleet.migrate(paths, [ONE, TWO], processes, chunk=3, timeout=0.1)}
    assert {path: type(found[path].error) for path in paths[:4]} == {
        too_new: DatabaseTooNew, busy: DatabaseBusy, damaged: DatabaseDamaged, other: NotADatabase,
    }  # fmt: skip
    assert found[too_new].after == 3
    assert {(found[path].after, found[path].error) for path in paths[4:]} == {(2, None)}
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="needs a right that can be dropped")
def test_a_file_that_may_not_be_written_is_a_result(tmp_path):
    paths = files(tmp_path, 4)
    os.chmod(tmp_path, 0o777)
    for path in paths:
        os.chmod(path, 0o666)
    os.chmod(paths[1], 0o444)
    done = script(
        """
        import os, sys
        for folder in (os.path.dirname(sys.argv[1]),):
            while folder != "/":
                os.chmod(folder, os.stat(folder).st_mode | 0o755)
                folder = os.path.dirname(folder)
        from helpers import sql
        from embedmig import fleet
        ONE, TWO = sql(1, sys.argv[5]), sql(2, "ALTER TABLE notes ADD COLUMN topic TEXT")
        list(fleet.migrate([sys.argv[1]], [ONE, TWO]))  # loads what a run needs: nobody may read it there later
        os.setgid(65534); os.setuid(65534)
        try:
            open(sys.argv[2], "r+b")
        except PermissionError:
            print("the write fails here")
        for result in sorted(fleet.migrate(sys.argv[1:5], [ONE, TWO], chunk=1), key=lambda r: r.path):
            print(result.after, type(result.error).__name__)
        """,
        *paths, ONE.up,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "the write fails here",
        "2 NoneType",
        "1 DatabaseReadOnly",
        "2 NoneType",
        "2 NoneType",
    ]


def test_a_failed_migration_is_named_across_processes(tmp_path):
    paths = files(tmp_path, 2)
    before = content(paths[0])
    for result in fleet.migrate(paths, [ONE, sql(2, "SELECT 1;\nnonsense")], processes):
        assert isinstance(result.error, MigrationFailed)
        assert (result.error.id, result.error.line, result.after) == ("002_step", 2, 1)
        assert "Everything was undone" in str(result.error)
    assert content(paths[0]) == before


class Unpicklable(Exception):
    def __init__(self, one, other):
        super().__init__(one)


def refuse(conn):
    raise Unpicklable("the app's own refusal", 2)


def test_an_exception_that_no_process_can_send_still_says_what_it_said(tmp_path):
    [path] = files(tmp_path, 1)
    [result] = fleet.migrate([path], [ONE, TWO], processes, prepare=refuse)
    assert str(result.error) == "Unpicklable: the app's own refusal"


def test_a_migration_that_exits_fails_for_its_own_file_alone(tmp_path):
    paths = files(tmp_path, 5)
    query(paths[2], "PRAGMA user_version = 7")

    def up(db):
        if db.execute("PRAGMA user_version").fetchone() == (7,):
            sys.exit("not this one")

    found = fleet.migrate(paths, [ONE, Migration("002_exits", 2, "Exits", up)], backups=0)
    assert [str(r.error) for r in found] == ["None", "None", "SystemExit: not this one", "None", "None"]
    assert versions(paths) == {2: 4, 1: 1}


def test_migrations_that_no_process_can_be_sent_are_refused_by_name(tmp_path):
    paths = files(tmp_path, 3)
    local = Migration("002_local", 2, "Local", lambda db: None)
    with pytest.raises(UsageError, match=r"The migrations can't be sent to another process: .* or use threads"):
        list(fleet.migrate(paths, [ONE, local], processes))
    assert versions(paths) == {1: 3}
    assert [r.error for r in fleet.migrate(paths, [ONE, local])] == [None] * 3  # threads need no sending


def test_a_chunk_of_no_files_is_refused(tmp_path):
    with pytest.raises(UsageError, match="chunk=0 is not a number of files"):
        fleet.migrate([], [ONE], chunk=0)


# -- workers die, callers stop -----------------------------------------------------------------------------------------


def die_once(db):
    """Kill this worker at the file that nobody has died of yet."""
    marker = Path(db.execute("PRAGMA database_list").fetchone()[2]).parent / "died"
    if db.conn.execute("PRAGMA user_version").fetchone()[0] == 7 and not marker.exists():
        marker.touch()
        kill_this_process()
    db.execute("ALTER TABLE notes ADD COLUMN topic TEXT")


def die_always(db):
    if db.conn.execute("PRAGMA user_version").fetchone()[0] == 7:
        kill_this_process()
    db.execute("ALTER TABLE notes ADD COLUMN topic TEXT")


def kill_this_process():
    if os.name == "posix":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(1)


DIES_ONCE, DIES_ALWAYS = (Migration("002_topic", 2, "Topic", up) for up in (die_once, die_always))


def deadly(tmp_path) -> list[Path]:
    paths = files(tmp_path, 40)
    query(paths[17], "PRAGMA user_version = 7")
    return paths


def test_a_pool_of_ours_whose_worker_was_killed_is_replaced_and_every_file_gets_there(tmp_path):
    paths = deadly(tmp_path)
    found = list(fleet.migrate(paths, [ONE, DIES_ONCE], processes, chunk=4, backups=0))
    assert (tmp_path / "died").exists()
    assert len({result.path for result in found}) == len(found) == 40
    assert {(result.after, result.error) for result in found} == {(2, None)}


def test_a_file_that_kills_every_worker_leaves_each_file_at_its_old_or_new_version(tmp_path):
    paths = deadly(tmp_path)
    found = {Path(r.path): r for r in fleet.migrate(paths, [ONE, DIES_ALWAYS], processes, chunk=4, backups=0)}
    assert len(found) == 40
    assert "terminated abruptly" in str(found[paths[17]].error)
    assert set(versions(paths)) == {1, 2}
    assert query(paths[17], "SELECT max(version) FROM _migrations") == [(1,)]
    query(paths[17], "PRAGMA user_version = 0")
    assert {r.error for r in fleet.migrate(paths, [ONE, DIES_ALWAYS], backups=0)} == {None}
    assert versions(paths) == {2: 40}


def test_a_pool_of_the_callers_that_broke_gives_results_and_a_second_call_finishes(tmp_path):
    paths = deadly(tmp_path)
    with processes() as pool:
        found = list(fleet.migrate(paths, [ONE, DIES_ONCE], pool, chunk=4, backups=0))
    assert sorted(result.path for result in found) == sorted(map(str, paths))
    assert any(result.error is not None for result in found)
    assert {r.error for r in fleet.migrate(paths, [ONE, DIES_ONCE], processes, chunk=4, backups=0)} == {None}
    assert versions(paths) == {2: 40}


def test_a_cancelled_fleet_begins_no_further_file(tmp_path):
    paths, cancel, seen = files(tmp_path, 60), threading.Event(), []

    def wait_at_the_fifth(db):
        if db.execute("PRAGMA user_version").fetchone() == (5,):
            assert cancel.wait(60)
        db.execute("ALTER TABLE notes ADD COLUMN topic TEXT")

    for number, path in enumerate(paths, 1):
        query(path, f"PRAGMA user_version = {number}")
    slow = Migration("002_topic", 2, "Topic", wait_at_the_fifth)
    one = partial(ThreadPoolExecutor, 1)
    for result in fleet.migrate(paths, [ONE, slow], one, chunk=1, cancel=cancel, backups=0):
        seen.append(result)
        if len(seen) == 3:
            cancel.set()
    assert 4 <= len(seen) < 60  # those that were under way are told as well
    assert versions(paths) == {2: len(seen), 1: 60 - len(seen)}


def test_a_fleet_that_was_cancelled_before_begins_nothing(tmp_path):
    paths, cancel = files(tmp_path, 3), threading.Event()
    cancel.set()
    assert list(fleet.migrate(paths, [ONE, TWO], cancel=cancel)) == []
    assert versions(paths) == {1: 3}


@pytest.mark.parametrize("chunk", [1, 25])
def test_a_cancel_is_heard_while_no_result_comes(chunk, tmp_path):
    """The workers are busy with one long file: those behind it are never begun, be they of the same task or of another."""
    paths, cancel, began = files(tmp_path, 20), threading.Event(), threading.Event()

    def wait(db):
        began.set()
        while not cancel.is_set():
            time.sleep(0.005)
        time.sleep(0.2)  # long enough for the others to be taken back

    threading.Thread(target=lambda: began.wait(20) and cancel.set(), daemon=True).start()
    slow = Migration("002_wait", 2, "Wait", wait)
    found = list(
        fleet.migrate(paths, [ONE, slow], partial(ThreadPoolExecutor, 1), chunk=chunk, cancel=cancel, backups=0)
    )
    assert len(found) == 1
    assert versions(paths) == {2: 1, 1: 19}


def test_who_stops_listening_stops_the_work(tmp_path):
    paths = files(tmp_path, 60)
    running = fleet.migrate(paths, [ONE, TWO], partial(ThreadPoolExecutor, 1), chunk=1, backups=0)
    next(running)
    running.close()
    found = versions(paths)
    time.sleep(0.1)
    assert versions(paths) == found  # nobody works on when close() has returned
    assert found[1] > 0


def test_a_fleet_that_nobody_listens_to_starts_no_worker(tmp_path):
    def refuse():
        raise AssertionError("a pool was made")

    fleet.migrate(files(tmp_path, 2), [ONE, TWO], refuse).close()


class InPlace(Executor):
    """Runs each task where it stands, and counts those that wait to be fetched."""

    def submit(self, function, /, *args, **more):
        future: Future = Future()
        future.set_result(function(*args, **more))
        return future


def test_only_so_many_paths_are_held_whatever_their_number(tmp_path):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield tmp_path / "absent.db"

    running = fleet.status(endless(), InPlace(), chunk=10)
    for _ in range(1000):
        next(running)
    running.close()
    assert taken <= 1000 + 10 * (fleet.IN_FLIGHT + 1)


def test_a_migration_that_migrates_other_files_leaves_those_after_it_to_their_own_migrations(tmp_path):
    """An app's workspace brings its documents along, on an executor that runs all in one thread."""
    document = sql(1, "CREATE TABLE document (x)", name="document")

    def up(db):
        db.execute("CREATE TABLE workspace (x)")
        beside = db.execute("PRAGMA database_list").fetchone()[2] + ".document"
        assert [r.error for r in fleet.migrate([beside], [document], InPlace())] == [None]

    paths = [tmp_path / f"{number}.db" for number in range(3)]
    workspace = Migration("001_workspace", 1, "Workspace", up)
    assert [r.error for r in fleet.migrate(paths, [workspace], InPlace())] == [None] * 3
    assert [query(path, "SELECT id FROM _migrations") for path in paths] == [[("001_workspace",)]] * 3


def test_equal_calls_are_told_apart(tmp_path):
    """Dask runs equal calls once: each run's tasks carry something of their own."""
    calls = []

    class Listening(InPlace):
        def submit(self, function, /, *args, **more):
            calls.append(pickle.dumps(args))
            return super().submit(function, *args, **more)

    for _ in range(2):
        list(fleet.status([tmp_path / "absent.db"], Listening()))
    assert len(set(calls)) == 2


# -- Dask ------------------------------------------------------------------------------------------------------------------


def test_a_dask_cluster_migrates_every_file(tmp_path):
    """In a process of its own: a cluster starts threads, loops and workers, and warns of much that is not ours."""
    pytest.importorskip("distributed")
    paths = deadly(tmp_path)
    app = tmp_path / "app.py"
    app.write_text(
        "import sys\n"
        "from dask.distributed import Client, LocalCluster\n"
        "from embedmig import fleet\n"
        "import test_fleet\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:\n"
        "        for migrations in ([test_fleet.ONE, test_fleet.DIES_ONCE],) * 2:\n"
        "            with client.get_executor() as executor:\n"
        "                found = list(fleet.migrate(sys.argv[1:], migrations, executor, chunk=4, backups=0))\n"
        "            print(len(found), {(r.before, r.after, r.error) for r in found})\n"
    )
    done = script(
        "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')", app, *paths
    )
    first, second = done.stdout.splitlines()
    assert (tmp_path / "died").exists()
    assert first.startswith("40 ") and "None)" in first and "Error" not in first
    assert second == "40 {(2, 2, None)}"  # a second run is run, not remembered
    assert versions(paths) == {2: 40}


if __name__ == "__main__":
    sys.exit("run by pytest")
