"""What reviewers found about files as a whole, once each: every test here failed before its bug was mended."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from helpers import content, fingerprint, query, script, sql, start

import embedmig
from embedmig import DatabaseBusy, ForeignKeyViolations, Migrator, UnusablePath

ONE = sql(1, "CREATE TABLE notes (text)")
TWO = sql(2, "CREATE TABLE tags (name)")
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT randomblob(1000) FROM n"
POSIX_ROOT = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may become somebody else")


def names(folder):
    return sorted(os.listdir(folder))


def texts(path):
    return [row[0] for row in query(path, "SELECT text FROM notes")]


def made(path, *rows, mode="delete"):
    """A file at version 1 with these notes."""
    with closing(embedmig.connect(path, [ONE])) as conn:
        conn.executemany("INSERT INTO notes VALUES (?)", [(row,) for row in rows])
        conn.commit()
        assert conn.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)
    return path


def large(path, rows=3000):
    made(path, "first")
    query(path, "INSERT INTO notes " + NUMBERS.format(rows))
    return path


def shipped(last):
    return [sql(version, f"CREATE TABLE t{version} (text)") for version in range(1, last + 1)]


@pytest.fixture
def open_folder():
    """A folder that somebody else may reach: pytest's own are for one user alone."""
    folder = Path(tempfile.mkdtemp(prefix="embedmig-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(action):
    """Do it in a child that is somebody else; its exit code is 0 if it returned."""
    for module in pkgutil.iter_modules(embedmig.__path__, "embedmig."):
        if not module.ispkg and not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # whoever the child becomes may not read where embedmig lies
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            action()
            code = 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# -- nothing that was committed is lost --------------------------------------------------------------------------------

WRITER = """
    import sqlite3, sys, time
    from contextlib import closing
    number = 0
    while True:
        number += 1
        try:
            with closing(sqlite3.connect(sys.argv[1], timeout=0)) as conn:
                conn.execute("INSERT INTO notes VALUES (?)", (f"row {number}",))
                conn.commit()
        except sqlite3.Error:
            continue  # at once: it comes in as soon as it can
        print(f"row {number}", flush=True)
        time.sleep(0.01)
"""


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("verb", ["restore", "reset"])
def test_a_row_that_another_process_commits_meanwhile_is_in_the_file_or_in_the_copy(path, tmp_path, verb, mode):
    large(path)
    migrator = Migrator([ONE], backups=20)
    older = tmp_path / "older.bak"
    os.rename(migrator.backup(path), older)
    query(path, f"PRAGMA journal_mode = {mode}")
    committed = []
    with start(WRITER, path) as writer:
        try:
            for _ in range(300):
                committed.append(writer.stdout.readline())
                try:
                    migrator.restore(path, older) if verb == "restore" else migrator.reset(path)
                    break
                except DatabaseBusy:
                    pass  # refused: nothing can be lost
        finally:
            writer.kill()
        committed += writer.communicate()[0].splitlines()
    kept = {text for file in tmp_path.glob("notes.db*") if file.suffix in (".db", ".bak") for text in texts(file)}
    whole = {row.strip() for row in committed}
    assert len(whole) > 0
    assert whole - kept == set()


# -- whose owner is somebody else --------------------------------------------------------------------------------------


@POSIX_ROOT
def test_a_reset_that_may_not_delete_the_emptied_file_builds_it_anew_in_its_place(open_folder):
    path = made(open_folder / "notes.db", "mine")
    path.chmod(0o666)
    open_folder.chmod(0o1777)  # the sticky bit: all may make files there, and delete their own alone
    migrator = Migrator([ONE, TWO])

    def act():
        with pytest.raises(PermissionError):
            os.unlink(path)
        report = migrator.reset(path)
        assert (report.before, report.after) == (1, 2)

    assert as_nobody(act) == 0
    assert names(open_folder) == ["notes.db", "notes.db.v0001-reset.bak"]
    assert texts(path) == []
    assert migrator.is_current(path)
    assert texts(open_folder / "notes.db.v0001-reset.bak") == ["mine"]


@POSIX_ROOT
def test_a_backup_that_may_only_be_read_is_restored_by_an_ordinary_user(open_folder):
    path = made(open_folder / "notes.db", "mine")
    backup = Path(Migrator([ONE]).backup(path))
    for file in (backup, path, open_folder):
        os.chown(file, 65534, 65534)
    backup.chmod(0o444)
    path.unlink()

    def act():
        Migrator([ONE]).restore(path)
        with closing(embedmig.connect(path, [ONE])) as conn:
            conn.execute("INSERT INTO notes VALUES ('written')")
            conn.commit()

    assert as_nobody(act) == 0
    assert texts(path) == ["mine", "written"]
    assert texts(backup) == ["mine"]


# -- sidecars without their file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["-journal", "-wal"])
@pytest.mark.parametrize("verb", ["connect", "migrate"])
def test_a_journal_without_its_file_is_refused_and_stays(path, ending, verb):
    left = Path(f"{path}{ending}")
    left.write_bytes(b"x" * 4096)
    with pytest.raises(UnusablePath, match=f"notes.db{ending} is there, and the database that it belongs to is not"):
        getattr(Migrator([ONE]), verb)(path)
    assert names(path.parent) == [left.name]
    assert left.read_bytes() == b"x" * 4096


@pytest.mark.parametrize("ending", ["-journal", "-wal"])
def test_a_reset_takes_away_the_journal_of_a_file_that_is_gone(path, ending):
    Path(f"{path}{ending}").write_bytes(b"x" * 4096)
    assert Migrator([ONE]).reset(path, force=True).after == 1
    assert names(path.parent) == ["notes.db"]


def test_ten_launches_at_once_of_a_new_file_never_take_its_journal_for_one_left_alone(path):
    launch = """
        import sys
        import embedmig
        from helpers import sql
        shipped = [sql(1, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('once')")]
        sys.stdin.readline()
        embedmig.connect(sys.argv[1], shipped).close()
    """
    launches = [start(launch, path) for _ in range(10)]
    for one in launches:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=60)[1] for one in launches]
    assert said == [""] * 10
    assert texts(path) == ["once"]


# -- restore and reset -------------------------------------------------------------------------------------------------


def test_a_file_in_wal_mode_is_in_wal_mode_after_a_restore(path):
    made(path, "a", mode="wal")
    Migrator([ONE, TWO]).migrate(path)
    Migrator([ONE, TWO]).restore(path, f"{path}.v0001.bak")
    assert query(path, "PRAGMA journal_mode") == [("wal",)]
    assert texts(path) == ["a"]


def test_a_restore_after_a_reset_brings_back_what_the_reset_took(path):
    migrator = Migrator([ONE])
    made(path, "old")
    migrator.backup(path)
    query(path, "INSERT INTO notes VALUES ('a year of notes')")
    kept = migrator.reset(path).backup
    migrator.restore(path)
    assert texts(path) == ["old", "a year of notes"]
    assert texts(kept) == ["old", "a year of notes"]


def test_six_resets_in_a_row_keep_the_latest_three(path):
    migrator = Migrator([ONE])
    for life in range(1, 7):
        made(path, f"life {life}")
        assert texts(migrator.reset(path).backup) == [f"life {life}"]
    kept = migrator.backups(path)
    assert sorted(text for name in kept for text in texts(name)) == ["life 4", "life 5", "life 6"]
    assert names(path.parent) == sorted(["notes.db", *map(os.path.basename, kept)])
    migrator.restore(path)
    assert texts(path) == ["life 6"]


def test_upgrades_do_not_push_out_the_copy_that_a_reset_made(path):
    with closing(embedmig.connect(path, shipped(1))) as conn:
        conn.execute("INSERT INTO t1 VALUES ('precious')")
        conn.commit()
    kept = Migrator(shipped(1)).reset(path).backup
    for last in range(2, 7):
        Migrator(shipped(last)).migrate(path)
    assert query(kept, "SELECT text FROM t1") == [("precious",)]
    assert names(path.parent) == [
        "notes.db",
        "notes.db.v0001-reset.bak",
        "notes.db.v0003.bak",
        "notes.db.v0004.bak",
        "notes.db.v0005.bak",
    ]


# -- held by another process -------------------------------------------------------------------------------------------

HOLDER = """
    import sqlite3, sys
    conn = sqlite3.connect(sys.argv[1], isolation_level=None)
    conn.execute("BEGIN EXCLUSIVE")
    print("held", flush=True)
    sys.stdin.readline()
    conn.close()
"""


@pytest.mark.parametrize("verb", ["backup", "baseline"])
def test_a_verb_waits_as_long_as_timeout_says_for_a_process_that_holds_the_file_alone(path, verb):
    made(path, "a")
    migrator = Migrator([ONE, TWO], timeout=0.3)
    before = fingerprint(path)
    with start(HOLDER, path) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DatabaseBusy, match=r"waited \d+\.\d s") as busy:
            migrator.backup(path) if verb == "backup" else migrator.baseline(path, 2)
        holder.communicate("go\n")
    assert busy.value.waited_s >= 0.3
    assert fingerprint(path) == before
    assert names(path.parent) == ["notes.db"]


# -- what is left behind -----------------------------------------------------------------------------------------------

WHILE_COPYING = """
    import os, signal, sys, time
    import embedmig
    from helpers import sql
    seen = []

    def on_progress(progress):
        if progress.phase != "backing up":
            return
        seen.append(progress)
        if len(seen) == 1:
            time.sleep(0.12)  # the next report is due: while the copy is made
        elif sys.argv[2] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            raise RuntimeError("stopped by the app")

    shipped = [sql(1, "CREATE TABLE notes (text)"), sql(2, "CREATE TABLE tags (name)")]
    embedmig.connect(sys.argv[1], shipped, on_progress=on_progress)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_the_part_of_a_killed_backup_and_its_sidecars_are_removed_by_the_next_launch_that_makes_one(path):
    large(path)
    before = content(path)
    assert script(WHILE_COPYING, path, "killed", check=False).returncode == -signal.SIGKILL
    assert "notes.db.v0001.bak.part" in names(path.parent)
    for ending in ("-journal", "-wal", "-shm"):
        Path(f"{path}.v0001.bak.part{ending}").write_bytes(b"x")
    assert content(path) == before
    Migrator([ONE, TWO]).migrate(path)
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak"]
    assert content(f"{path}.v0001.bak") == before


def test_a_backup_that_fails_leaves_nothing_beside_the_file(path):
    large(path)
    before = fingerprint(path)
    failed = script(WHILE_COPYING, path, "raised", check=False)
    assert "stopped by the app" in failed.stderr
    assert names(path.parent) == ["notes.db"]
    assert fingerprint(path) == before


def test_a_killed_rehearsal_leaves_nothing_beside_the_file(path, tmp_path_factory):
    made(path, "a")
    before = fingerprint(path)
    elsewhere = tmp_path_factory.mktemp("temp")
    killed = """
        import os, sys, tempfile
        tempfile.tempdir = sys.argv[2]
        from embedmig import Migrator
        from helpers import sql
        die = sql(2, lambda db: os._exit(9))
        Migrator([sql(1, "CREATE TABLE notes (text)"), die]).rehearse(sys.argv[1])
    """
    assert script(killed, path, elsewhere, check=False).returncode == 9
    assert names(path.parent) == ["notes.db"]
    assert fingerprint(path) == before
    assert [file.name for file in elsewhere.glob("*/notes.db")] == ["notes.db"]


def test_a_rehearsal_tells_the_foreign_keys_that_a_step_outside_a_transaction_breaks(path):
    family = sql(1, "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id))")
    embedmig.connect(path, [family]).close()
    before = fingerprint(path)
    breaks = sql(2, "INSERT INTO c VALUES (7)", transactional=False)
    with pytest.raises(ForeignKeyViolations, match="rehearsal: nothing was changed") as broken:
        Migrator([family, breaks]).rehearse(path)
    assert broken.value.total == 1
    assert fingerprint(path) == before


# -- where the file is -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
def test_a_link_into_a_folder_that_is_not_there_yet_is_followed_and_the_folder_made(path, tmp_path):
    path.symlink_to(tmp_path / "not yet" / "there" / "real.db")
    embedmig.connect(path, [ONE]).close()
    assert path.is_symlink()
    assert query(tmp_path / "not yet" / "there" / "real.db", "SELECT id FROM _migrations") == [("001_step",)]
