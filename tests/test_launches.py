"""Exactly once, however many launch; and a launch that is killed leaves the old content, which the next one completes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
from helpers import UNMEASURED, content, fingerprint, query, script, sql, start, write

import embedmig
from embedmig import DatabaseBusy, DatabaseReadOnly, Migrator

AT_ONCE = 10
WAITING = "waiting for another launch"

SHIPPED = {
    "001_notes.sql": """\
        CREATE TABLE runs (migration INTEGER, by INTEGER);
        CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
        INSERT INTO notes (text) VALUES ('first'), ('second');
        INSERT INTO runs VALUES (1, NULL);
        """,
    "002_search.py": """\
        import os, time

        def up(db):
            db["notes"].enable_fts(["text"], create_triggers=True)
            time.sleep(0.02)  # long enough for the others to come
            db["runs"].insert({"migration": 2, "by": os.getpid()})
        """,
    "003_pinned.sql": """\
        ALTER TABLE notes ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
        UPDATE notes SET pinned = pinned + 1;
        INSERT INTO runs VALUES (3, NULL);
        """,
    "004_upper.py": """\
        import os

        def up(db, progress):
            for row in progress(list(db["notes"].rows)):
                db["notes"].update(row["id"], {"text": row["text"].upper() + "!"})
            db["runs"].insert({"migration": 4, "by": os.getpid()})
        """,
}

LAUNCHER = """
    import sys
    import sqlite_utils
    import embedmig, embedmig.verbs, embedmig.database

    folder, journal = sys.argv[1:]

    def prepare(conn):
        conn.execute(f"PRAGMA journal_mode = {journal}").fetchall()

    migrator = embedmig.Migrator(embedmig.migrator.loader.os.path.join(folder, ""), prepare=prepare)
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            with migrator.open(line.rstrip()) as db:
                print("found", [row["pinned"] for row in db["notes"].rows], flush=True)
        except BaseException as error:
            print(type(error).__name__, error, flush=True)
"""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The app's migrations, SQL and Python."""
    return write(tmp_path_factory.mktemp("app") / "migrations", **SHIPPED)


def line_of(process) -> str:
    """The next line that a process says; what went wrong in it, if it says nothing more."""
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.stderr.read())
    return line.rstrip()


def tell(process, text: str) -> None:
    process.stdin.write(text + "\n")
    process.stdin.flush()


@pytest.fixture(scope="module", params=["delete", "wal"])
def launchers(request, shipped):
    """Ten processes of the app, which have imported everything and wait for a word to begin."""
    processes = [start(LAUNCHER, shipped, request.param) for _ in range(AT_ONCE)]
    try:
        assert [line_of(process) for process in processes] == ["ready"] * AT_ONCE
        yield processes
    finally:
        for process in processes:
            process.communicate(timeout=60)


@pytest.mark.parametrize("at", [0, 1, 3], ids=["absent", "at version 1", "at version 3"])
def test_ten_launches_at_once_all_succeed_and_each_migration_runs_once(launchers, shipped, tmp_path, at):
    for round in range(3):
        path = tmp_path / f"round {round}" / "notes.db"
        if at:
            Migrator(shipped).migrate(path, to=at)
        for process in launchers:
            tell(process, str(path))
        assert [line_of(process) for process in launchers] == ["found [1, 1]"] * AT_ONCE
        assert query(path, "SELECT migration FROM runs ORDER BY rowid") == [(1,), (2,), (3,), (4,)]
        assert query(path, "SELECT text, pinned FROM notes") == [("FIRST!", 1), ("SECOND!", 1)]
        assert query(path, "SELECT version FROM _migrations ORDER BY version") == [(1,), (2,), (3,), (4,)]
        assert query(path, "PRAGMA integrity_check") == [("ok",)]


def test_ten_launches_at_once_with_nothing_pending_change_no_byte(launchers, shipped, path):
    tell(launchers[0], str(path))
    line_of(launchers[0])
    before = content(path), fingerprint(path)
    for process in launchers:
        tell(process, str(path))
    assert [line_of(process) for process in launchers] == ["found [1, 1]"] * AT_ONCE
    assert (content(path), fingerprint(path)) == before


# -- waiting ------------------------------------------------------------------------------------------------------

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('first')")
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")

SLOW = """
    import sys
    import embedmig
    from helpers import sql

    def up(db):
        db.execute("CREATE TABLE tags (id INTEGER PRIMARY KEY)")
        print("in up", flush=True)
        sys.stdin.readline()

    first = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('first')")
    embedmig.connect(sys.argv[1], [first, embedmig.Migration("002_step", 2, "step 2", up)]).close()
"""

HOLDER = """
    import sqlite3, sys
    conn = sqlite3.connect(sys.argv[1], isolation_level=None)
    conn.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    sys.stdin.readline()
    conn.close()
"""


def test_a_launch_that_comes_during_a_long_upgrade_waits_says_so_and_finds_nothing_to_do(path):
    embedmig.run_migrations(path, [ONE])
    waits = []

    def on_progress(progress):
        if progress.phase == WAITING:
            waits.append(progress.elapsed_s)
            if len(waits) == 3:
                tell(slow, "go on")

    with start(SLOW, path) as slow:
        assert line_of(slow) == "in up"
        report = Migrator([ONE, TWO]).migrate(path, on_progress=on_progress)
        assert slow.wait(60) == 0, slow.stderr.read()
    assert (report.after, report.ran) == (2, ())
    assert len(waits) >= 3
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    assert query(path, "SELECT count(*) FROM _migrations") == [(2,)]


def test_a_launch_waits_for_its_timeout_and_says_for_how_long(path):
    embedmig.run_migrations(path, [ONE])
    before = content(path)
    with start(HOLDER, path) as holder:
        assert line_of(holder) == "held"
        with pytest.raises(
            DatabaseBusy, match=r"^notes.db is busy: another process is writing to it; waited 0\.\d s\."
        ) as busy:
            Migrator([ONE, TWO], timeout=0.3).open(path)
        holder.communicate("enough", timeout=60)
    assert 0.3 <= busy.value.waited_s < 1
    assert busy.value.data_is_safe
    assert not busy.value.may_offer_reset
    assert "Close other windows of the app and try again." in str(busy.value)
    assert content(path) == before
    assert embedmig.run_migrations(path, [ONE, TWO]).after == 2


def test_the_error_of_a_busy_file_says_at_which_version_it_is(path):
    embedmig.run_migrations(path, [ONE])
    with start(HOLDER, path) as holder:
        assert line_of(holder) == "held"
        with pytest.raises(DatabaseBusy) as busy:
            Migrator([ONE, TWO], timeout=0).migrate(path)
        holder.communicate("enough", timeout=60)
    assert (busy.value.version, busy.value.path) == (1, str(path))
    assert "Nothing was changed." in str(busy.value)


def test_nothing_pending_opens_while_another_process_holds_the_write_lock(path):
    embedmig.run_migrations(path, [ONE, TWO])
    before = fingerprint(path)
    with start(HOLDER, path) as holder:
        assert line_of(holder) == "held"
        with embedmig.open(path, [ONE, TWO], timeout=0) as db:
            assert [row["text"] for row in db["notes"].rows] == ["first"]
        assert Migrator([ONE, TWO]).is_current(path)
        holder.communicate("enough", timeout=60)
    assert fingerprint(path) == before


def test_a_reader_holds_up_the_commit_and_then_it_works(path):
    embedmig.run_migrations(path, [ONE])
    phases = []
    with closing(sqlite3.connect(path)) as reader:
        rows = reader.execute("SELECT * FROM notes, pragma_function_list")
        assert next(rows)

        def on_progress(progress):
            phases.append((progress.id, progress.phase))
            if progress.phase == WAITING:
                rows.close()

        report = Migrator([ONE, TWO]).migrate(path, on_progress=on_progress)
    assert report.ran == ("002_step",)
    assert phases.index(("002_step", "finished")) < phases.index(("002_step", WAITING))


def test_a_reader_that_does_not_end_is_named_and_everything_is_undone(path):
    embedmig.run_migrations(path, [ONE])
    before = content(path)
    with closing(sqlite3.connect(path)) as reader:
        rows = reader.execute("SELECT * FROM notes, pragma_function_list")
        assert next(rows)
        with pytest.raises(DatabaseBusy, match="another process is reading it and does not end; waited") as busy:
            Migrator([ONE, TWO], timeout=0.2).migrate(path)
        assert busy.value.version == 1
        rows.close()
    assert content(path) == before


def test_a_reader_in_wal_mode_holds_up_nothing(path):
    embedmig.run_migrations(path, [ONE])
    query(path, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path)) as reader:
        rows = reader.execute("SELECT text FROM notes, pragma_function_list")
        assert next(rows)
        assert Migrator([ONE, TWO], timeout=0).migrate(path).ran == ("002_step",)
        assert next(rows) == ("first",)
        rows.close()


@pytest.fixture
def locked_out(path):
    """A file that nobody else may even read: so it is while another launch's changes outgrow SQLite's cache."""
    embedmig.run_migrations(path, [ONE])
    with start(HOLDER.replace("IMMEDIATE", "EXCLUSIVE"), path) as holder:
        assert line_of(holder) == "held"
        yield holder
        holder.communicate("enough", timeout=60)


@pytest.mark.parametrize("migrations", [[ONE], [ONE, TWO]], ids=["nothing pending", "pending"])
def test_a_file_locked_for_readers_too_is_waited_for_and_the_wait_is_reported(path, locked_out, migrations):
    phases = []

    def on_progress(progress):
        phases.append(progress.phase)
        if phases == [WAITING]:
            tell(locked_out, "enough")

    with Migrator(migrations).open(path, on_progress=on_progress) as db:
        assert db["notes"].count == 1
    assert phases[0] == WAITING


@pytest.mark.parametrize("migrations", [[ONE], [ONE, TWO]], ids=["nothing pending", "pending"])
def test_a_file_locked_for_readers_too_is_given_up_after_the_timeout(path, locked_out, migrations):
    with pytest.raises(DatabaseBusy) as busy:
        Migrator(migrations, timeout=0.2).open(path)
    assert 0.2 <= busy.value.waited_s < 2


def test_is_current_says_no_of_a_file_that_cannot_be_read_now(path, locked_out):
    assert Migrator([ONE]).is_current(path) is False


# -- killed -------------------------------------------------------------------------------------------------------

OLD = sql(
    1,
    """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300)
    INSERT INTO notes SELECT i, printf('%0500d', i) FROM n;
    """,
)
DYING = """
    import signal, sys, time
    import embedmig
    from helpers import sql
    from test_launches import OLD, NEW

    path, journal, moment = sys.argv[1:]

    def prepare(conn):
        conn.execute(f"PRAGMA journal_mode = {journal}").fetchall()
        conn.execute("PRAGMA cache_size = 5")  # so that changes reach the file before COMMIT

    def here(what):
        if what == moment:
            print("here", flush=True)
            time.sleep(60)

    def up(db):
        here("at the beginning of up")
        for i in range(1, 300):
            db.execute("UPDATE notes SET text = text || 'changed' WHERE id = ?", [i])
            if i == 150:
                here("in the middle of up")
        here("at the end of up")

    def on_progress(progress):
        here(f"{progress.phase} {progress.id}")

    migrations = [OLD, *NEW[:1], embedmig.Migration("003_step", 3, "step 3", up), *NEW[2:]]
    with embedmig.open(path, migrations, prepare=prepare, on_progress=on_progress):
        here("after it")
"""
NEW = [
    sql(2, "ALTER TABLE notes ADD COLUMN pinned INTEGER DEFAULT 0; UPDATE notes SET pinned = id % 2"),
    sql(3, "UPDATE notes SET text = text || 'changed' WHERE id < 300"),
    sql(4, "CREATE INDEX by_text ON notes (text)"),
]
MOMENTS = [
    "started 002_step",
    "finished 002_step",
    "in the middle of up",
    "at the end of up",
    "finished 004_step",
    "checking the file 004_step",
]


def killed(path: Path, journal: str, moment: str, how: int = signal.SIGKILL) -> subprocess.Popen[str]:
    """A launch that is killed at that very moment."""
    with start(DYING, path, journal, moment) as process:
        assert line_of(process) == "here"
        process.send_signal(how)
        process.wait(60)
    return process


def as_the_older_app_sees_it(path: Path) -> list[tuple[object, ...]]:
    return query(path, "SELECT count(*), min(text), max(text), sum(length(text)) FROM notes")


@pytest.mark.parametrize(
    ("journal", "moment"),
    [("delete", moment) for moment in MOMENTS] + [("wal", moment) for moment in ("in the middle of up", MOMENTS[-1])],
)
def test_a_killed_launch_leaves_the_old_content_and_the_next_one_completes(path, journal, moment):
    embedmig.run_migrations(path, [OLD])
    query(path, f"PRAGMA journal_mode = {journal}")
    before, seen = content(path), as_the_older_app_sees_it(path)
    assert killed(path, journal, moment).returncode == -signal.SIGKILL
    assert Migrator([OLD]).status(path).version == 1
    assert as_the_older_app_sees_it(path) == seen
    with embedmig.open(path, [OLD]) as db:
        assert db["notes"].count == 300
    assert content(path) == before
    assert embedmig.run_migrations(path, [OLD, *NEW]).ran == ("002_step", "003_step", "004_step")
    assert query(path, "SELECT count(*) FROM notes WHERE text LIKE '%changed' AND pinned = id % 2") == [(299,)]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_launch_killed_after_its_commit_is_complete(path, journal):
    embedmig.run_migrations(path, [OLD])
    assert killed(path, journal, "after it").returncode == -signal.SIGKILL
    assert embedmig.run_migrations(path, [OLD, *NEW]).ran == ()
    assert query(path, "SELECT count(*) FROM notes WHERE text LIKE '%changed'") == [(299,)]


def test_a_launch_killed_while_it_makes_a_new_file_leaves_nothing_that_the_next_one_minds(path):
    killed(path, "delete", "in the middle of up")
    assert embedmig.run_migrations(path, [OLD, *NEW]).before == 0
    assert query(path, "SELECT count(*) FROM notes WHERE text LIKE '%changed'") == [(299,)]


def test_a_launch_waits_for_one_that_is_killed_and_does_the_work_itself(path):
    embedmig.run_migrations(path, [OLD])

    def on_progress(progress):
        if progress.phase == WAITING and dying.poll() is None:
            dying.kill()
            dying.wait(60)

    with start(DYING, path, "delete", "started 002_step") as dying:
        assert line_of(dying) == "here"
        report = Migrator([OLD, *NEW]).migrate(path, on_progress=on_progress)
    assert report.ran == ("002_step", "003_step", "004_step")


# -- asked to stop ---------------------------------------------------------------------------------------------------

ENDLESS = """
    import signal, sqlite3, sys
    import embedmig
    from helpers import query, sql
    from test_launches import OLD

    said = []

    def on_progress(progress):
        if progress.phase == "running" and not said:
            said.append(progress)
            print("running", flush=True)

    def stop(signum, frame):
        raise SystemExit(7)

    if sys.argv[2] == "handled":
        signal.signal(signal.SIGTERM, stop)
    endless = (
        "CREATE TABLE numbers (i);"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO numbers SELECT i FROM n WHERE i < 0"
    )
    conn = sqlite3.connect(sys.argv[1])
    try:
        embedmig.Migrator([OLD, sql(2, endless)]).migrate(conn, on_progress=on_progress)
    finally:
        print("undone", not conn.in_transaction, query(sys.argv[1], "SELECT count(*) FROM sqlite_master"), flush=True)
        conn.close()
"""


@pytest.mark.parametrize(
    ("how", "handler", "code"),
    [
        (signal.SIGINT, "default", -signal.SIGINT),
        (signal.SIGTERM, "handled", 7),
        (signal.SIGTERM, "default", -signal.SIGTERM),
    ],
    ids=["SIGINT", "SIGTERM with a handler", "SIGTERM"],
)
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_signal_during_a_long_statement_stops_it_and_everything_is_undone(path, how, handler, code):
    embedmig.run_migrations(path, [OLD])
    before = content(path)
    process = start(ENDLESS, path, handler, **UNMEASURED)
    try:
        assert line_of(process) == "running"
        time.sleep(0.02)  # it is in SQLite again
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code
    if code != -signal.SIGTERM:
        assert "undone True [(3,)]" in out  # notes, the history, and the index of its ids
    if how == signal.SIGINT:
        assert err.rstrip().endswith("KeyboardInterrupt")
    assert query(path, "SELECT count(*) FROM notes") == [(300,)]  # recovers, if a journal was left
    assert content(path) == before


# -- a file that may only be read --------------------------------------------------------------------------------------

UNPRIVILEGED = """
    import os, sys
    import embedmig
    from embedmig import DatabaseReadOnly, Migrator, diagnosis
    from test_launches import ONE, TWO

    path, pending = sys.argv[1], sys.argv[2] == "pending"
    migrator = Migrator([ONE, TWO] if pending else [ONE])
    migrator.migrate(":memory:")
    with migrator.open(":memory:") as db:  # everything is imported now
        db["notes"].count
    str(embedmig.EmbedmigError()), diagnosis.explained
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        open(path, "r+b").close()
        open(os.path.join(os.path.dirname(path), "proof"), "w").close()
    except PermissionError as refused:
        print("may not write", os.path.basename(refused.filename))
    try:
        with migrator.open(path) as db:
            print("opened", [row["text"] for row in db["notes"].rows])
    except embedmig.EmbedmigError as error:
        print(type(error).__name__, error.version, error.data_is_safe, error)
"""


@pytest.fixture
def shelf():
    """A folder that everybody may read: pytest's own are for one user only."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)


def seen_by_another_user(path: Path, pending: str, file: int, folder: int) -> list[str]:
    """What a launch says to a user who may not write; every name and byte there is as it was."""
    path.chmod(file)
    path.parent.chmod(folder)
    before = {name.name: name.read_bytes() for name in path.parent.iterdir()}
    done = script(UNPRIVILEGED, path, pending)
    assert {name.name: name.read_bytes() for name in path.parent.iterdir()} == before
    return done.stdout.splitlines()


users = pytest.mark.skipif(os.name == "nt", reason="users and permissions of POSIX")
may_write = pytest.mark.parametrize(
    ("file", "folder", "proof"),
    [(0o444, 0o555, "notes.db"), (0o444, 0o777, "notes.db"), (0o666, 0o555, "proof")],
    ids=["neither", "the folder only", "the file only"],
)


@users
@may_write
def test_a_file_that_may_only_be_read_opens_and_is_not_changed_with_nothing_pending(shelf, file, folder, proof):
    embedmig.run_migrations(shelf / "notes.db", [ONE])
    said = seen_by_another_user(shelf / "notes.db", "nothing", file, folder)
    assert said == [f"may not write {proof}", "opened ['first']"]


@users
@may_write
def test_a_file_that_may_only_be_read_is_refused_and_not_changed_with_something_pending(shelf, file, folder, proof):
    embedmig.run_migrations(shelf / "notes.db", [ONE])
    said = seen_by_another_user(shelf / "notes.db", "pending", file, folder)
    assert said[0] == f"may not write {proof}"
    why = "write the file" if proof == "notes.db" else f"write in the folder {shelf}"
    assert said[1].startswith("DatabaseReadOnly 1 True ")
    assert f"this user may not {why}" in said[1]
    assert "Nothing was changed." in said[1]


@users
def test_a_wal_file_in_a_folder_that_may_only_be_read_is_an_error_of_its_own(shelf):
    embedmig.run_migrations(shelf / "notes.db", [ONE])
    query(shelf / "notes.db", "PRAGMA journal_mode = WAL")
    said = seen_by_another_user(shelf / "notes.db", "nothing", 0o666, 0o555)
    assert said[0] == "may not write proof"
    assert said[1].startswith("DatabaseReadOnly ")
    assert f"this user may not write in the folder {shelf}" in said[1]


def test_a_connection_that_may_only_read_opens_with_nothing_pending_and_is_refused_with_something(path):
    embedmig.run_migrations(path, [ONE])
    before = fingerprint(path)
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as conn:
        assert embedmig.run_migrations(conn, [ONE]).ran == ()
        with pytest.raises(DatabaseReadOnly) as refused:
            embedmig.run_migrations(conn, [ONE, TWO])
        assert refused.value.version == 1
        assert "Nothing was changed." in str(refused.value)
    assert fingerprint(path) == before
