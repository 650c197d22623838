"""A restore puts a whole backup in place: whoever looks, even after a kill, finds the old file or the restored one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from helpers import content, fingerprint, query, script, sql, start

import embedmig
from embedmig import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseTooNew,
    EmbedmigError,
    Migrator,
    NotADatabase,
    UnusablePath,
    UsageError,
)

ONE = sql(
    1,
    """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300)
    INSERT INTO notes SELECT i, printf('%0500d', i) FROM n;
    """,
)
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")
THREE = sql(3, "ALTER TABLE notes ADD COLUMN pinned INTEGER")
ALL = [ONE, TWO, THREE]

posix = pytest.mark.skipif(os.name == "nt", reason="permissions, links and signals of POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell who has a file open and is idle")


def names(folder: Path) -> list[str]:
    """Everything that lies in a folder, but for what SQLite leaves beside a file that was only read."""
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.endswith(("-wal", "-shm")))


def sidecars(path: Path) -> list[str]:
    return [end for end in ("-journal", "-wal", "-shm") if path.with_name(path.name + end).exists()]


def worked_on(path: Path, text: str = "written by the user") -> None:
    query(path, "UPDATE notes SET text = ? WHERE id = 1", text)


def first_note(path: str | Path) -> object:
    return query(path, "SELECT text FROM notes WHERE id = 1")[0][0]


@pytest.fixture
def lived(path):
    """A file at version 3, with a backup of version 1 and one of version 2, each with its own first note."""
    Migrator(ALL).migrate(path, to=1)
    for version in (2, 3):
        worked_on(path, f"of version {version - 1}")
        Migrator(ALL).migrate(path, to=version)
    worked_on(path, "of version 3")
    return path


# -- a real process that is killed at every moment -----------------------------------------------------------------------

KILLS = """
    import importlib, os, random, shutil, signal, sys, time, traceback
    from pathlib import Path

    room = importlib.import_module(sys.argv[1])
    act, found = getattr(room, sys.argv[2]), getattr(room, sys.argv[3])
    template = Path(sys.argv[4])
    copies = 0

    def copied():
        global copies
        copies += 1
        return Path(shutil.copytree(template, template.with_name(f"copy {copies}"))) / "notes.db"

    def acting(path, moment=0):
        # a child that does it, and is killed just before the file is touched for the `moment`th time
        left = moment

        def dying(event, args):
            nonlocal left
            if event in ("open", "os.remove", "os.rename", "os.utime", "os.chmod", "sqlite3.connect"):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        child = os.fork()
        if child == 0:
            try:
                if moment:
                    sys.addaudithook(dying)
                act(path)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        return child

    act(copied())  # everything is imported now
    began = time.monotonic()
    act(copied())
    took = time.monotonic() - began

    code, moment = -1, 0
    while code:
        moment += 1
        path = copied()
        code = os.waitstatus_to_exitcode(os.waitpid(acting(path, moment), 0)[1])
        assert code in (0, -signal.SIGKILL), code
        print(found(path) if code else "not killed any more", flush=True)
    for _ in range(12):
        path = copied()
        child = acting(path)
        time.sleep(took * random.random() * 1.2)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print(found(path), flush=True)
    path = copied()
    act(path)
    print(found(path), flush=True)
"""


def after_kills(act: Callable[[Path], object], found: Callable[[Path], str], template: Path) -> list[str]:
    """What is `found(path)` in copies of the folder `template` after `act(path)` was killed: at each of its steps
    on the disk, then at random moments within SQLite's work, and last where it was not killed."""
    done = script(KILLS, act.__module__, act.__name__, found.__name__, template, timeout=120)
    lines = done.stdout.splitlines()
    lines.remove("not killed any more")
    assert len(lines) > 20
    return lines


# -- which one, and what is said ---------------------------------------------------------------------------------------


def test_the_newest_backup_is_restored_unless_one_is_named(lived):
    report = Migrator(ALL).restore(lived)
    assert first_note(lived) == "of version 2"
    assert content(lived) == content(f"{lived}.v0002.bak")
    assert (report.path, report.before, report.after, report.ran) == (str(lived), 3, 2, ())
    assert report.duration_s > 0


@pytest.mark.parametrize("kind", [str, Path])
def test_a_named_backup_is_restored(lived, kind):
    backup = f"{lived}.v0001.bak"
    report = Migrator(ALL).restore(lived, kind(backup))
    assert content(lived) == content(backup)
    assert (report.before, report.after) == (3, 1)
    assert first_note(lived) == "of version 1"


def test_a_backup_may_be_named_from_the_working_folder_and_lie_anywhere(lived, tmp_path, monkeypatch):
    (tmp_path / "stick").mkdir()
    shutil.move(f"{lived}.v0001.bak", tmp_path / "stick" / "holiday.db")
    monkeypatch.chdir(tmp_path)
    assert Migrator(ALL).restore("notes.db", "stick/holiday.db").after == 1
    assert first_note(lived) == "of version 1"


def test_what_was_there_is_kept_as_a_backup(lived):
    before = content(lived)
    report = Migrator(ALL).restore(lived)
    assert report.backup == f"{lived}.v0003.bak"
    assert content(report.backup) == before
    Migrator(ALL).restore(lived)
    assert content(lived) == before


def test_what_was_there_is_kept_even_of_an_app_that_makes_no_backups(lived):
    before = content(lived)
    report = Migrator(ALL, backups=0).restore(lived)
    assert report.backup == f"{lived}.v0003.bak"
    assert content(report.backup) == before
    assert names(lived.parent) == ["notes.db", *(f"notes.db.v000{version}.bak" for version in (1, 2, 3))]


def test_the_next_launch_migrates_a_restored_file_again(lived):
    Migrator(ALL).restore(lived, f"{lived}.v0001.bak")
    with embedmig.open(lived, ALL) as db:
        assert db["notes"].get(1) == {"id": 1, "text": "of version 1", "pinned": None}
    assert query(lived, "SELECT version FROM _migrations ORDER BY version") == [(1,), (2,), (3,)]


def test_a_restore_of_the_very_version_that_the_file_has_keeps_both(lived):
    chosen = Migrator(ALL).backup(lived)
    good = fingerprint(chosen)
    worked_on(lived, "a mistake")
    mistaken = content(lived)
    report = Migrator(ALL).restore(lived)
    assert (report.before, report.after) == (3, 3)
    assert first_note(lived) == "of version 3"
    assert report.backup == f"{lived}.v0003-replaced.bak"
    assert content(report.backup) == mistaken
    assert fingerprint(chosen) == good
    assert Migrator(ALL).backups(lived)[:2] == [report.backup, chosen]  # the latest work first


def test_the_backup_that_is_restored_never_makes_room_for_the_copy_of_what_was_there(lived):
    oldest = f"{lived}.v0001.bak"
    good = fingerprint(oldest)
    report = Migrator(ALL, backups=2).restore(lived, oldest)
    assert first_note(lived) == "of version 1"
    assert fingerprint(oldest) == good
    assert Migrator(ALL).backups(lived) == [report.backup, f"{lived}.v0002.bak", oldest]


def test_a_restore_that_is_asked_for_twice_loses_nothing(lived):
    Migrator(ALL).backup(lived)
    worked_on(lived, "no mistake after all")
    Migrator(ALL).restore(lived)
    Migrator(ALL).restore(lived)
    assert "no mistake after all" in {first_note(backup) for backup in Migrator(ALL).backups(lived)}


def test_a_restore_says_so_in_the_log(lived, caplog):
    caplog.set_level("INFO", "embedmig")
    Migrator(ALL).restore(lived)
    assert [r.getMessage() for r in caplog.records] == [f"{lived}: restored notes.db.v0002.bak, version 3 -> 2"]


def test_a_backup_of_a_newer_app_is_restored_as_it_is_and_the_launch_says_that_it_is_too_new(lived):
    Migrator([ONE]).restore(lived, Migrator(ALL).backup(lived))
    before = content(lived)
    with pytest.raises(DatabaseTooNew):
        Migrator([ONE]).migrate(lived)
    assert content(lived) == before


# -- where the file is missing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["nothing", "no bytes"])
def test_a_backup_is_restored_where_there_is_no_file(lived, there):
    lived.unlink()
    if there == "no bytes":
        lived.touch()
    report = Migrator(ALL).restore(lived)
    assert (report.before, report.after, report.backup) == (0, 2, None)
    assert content(lived) == content(f"{lived}.v0002.bak")
    assert not list(lived.parent.glob("*.part*"))


def test_a_backup_is_restored_into_a_folder_that_is_made(lived, tmp_path):
    path = tmp_path / "a new" / "folder" / "notes.db"
    Migrator(ALL).restore(path, f"{lived}.v0001.bak")
    assert content(path) == content(f"{lived}.v0001.bak")


@posix
def test_a_file_that_is_restored_where_there_is_none_is_as_private_as_its_backup(lived):
    lived.unlink()
    Path(f"{lived}.v0002.bak").chmod(0o600)
    Migrator(ALL).restore(lived)
    assert lived.stat().st_mode & 0o777 == 0o600


@posix
def test_a_restored_file_keeps_its_own_permissions(lived):
    lived.chmod(0o600)
    Path(f"{lived}.v0002.bak").chmod(0o644)
    Migrator(ALL).restore(lived)
    assert lived.stat().st_mode & 0o777 == 0o600


# -- what a crash left -----------------------------------------------------------------------------------------------

HOT = """
    import os, signal, sqlite3, sys
    conn = sqlite3.connect(sys.argv[1], isolation_level=None)
    conn.execute("PRAGMA cache_size = 5")  # so that changes reach the file before COMMIT
    conn.execute("BEGIN IMMEDIATE")
    conn.execute("UPDATE notes SET text = printf('%0500d', -id)")
    os.kill(os.getpid(), signal.SIGKILL)
"""
LEFT_IN_WAL = """
    import os, signal, sqlite3, sys
    conn = sqlite3.connect(sys.argv[1])
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("UPDATE notes SET text = 'in the wal' WHERE id % 2 = 0")
    conn.commit()
    os.kill(os.getpid(), signal.SIGKILL)
"""
CRASHES = {"a hot journal": (HOT, "-journal"), "a wal": (LEFT_IN_WAL, "-wal")}


def crashed(path: Path, left: str) -> None:
    """Another process dies while it writes to the file, and leaves this beside it."""
    code, end = CRASHES[left]
    assert script(code, path, check=False).returncode == -signal.SIGKILL
    assert path.with_name(path.name + end).stat().st_size > 10_000


@posix
@pytest.mark.parametrize("left", CRASHES)
def test_what_a_crash_left_beside_the_file_neither_harms_the_restored_content_nor_is_lost(lived, left):
    worked_on(lived, "before the crash")
    crashed(lived, left)
    report = Migrator(ALL).restore(lived)
    assert sidecars(lived) == []
    assert content(lived) == content(f"{lived}.v0002.bak")
    kept = query(report.backup, "SELECT text FROM notes WHERE id IN (1, 2)")
    assert kept == [("before the crash",), ("in the wal" if left == "a wal" else f"{2:0500}",)]
    assert names(lived.parent) == ["notes.db", *(f"notes.db.v000{version}.bak" for version in (1, 2, 3))]


@posix
@pytest.mark.parametrize("there", ["nothing", "no bytes"])
@pytest.mark.parametrize("left", CRASHES)
def test_sidecars_without_their_file_do_no_harm_to_the_restored_content(lived, left, there):
    crashed(lived, left)
    lived.unlink()
    if there == "no bytes":
        lived.touch()
    Migrator(ALL).restore(lived)
    assert first_note(lived) == "of version 2"  # and a hot journal would have been played back by now
    assert content(lived) == content(f"{lived}.v0002.bak")


@posix
def test_a_half_written_file_of_a_restore_that_died_is_replaced(lived):
    lived.unlink()
    for end in ("", "-journal", "-wal"):
        lived.with_name("notes.db.part" + end).write_bytes(b"half a copy" * 500)
    Migrator(ALL).restore(lived)
    assert content(lived) == content(f"{lived}.v0002.bak")


@posix
def test_a_link_that_somebody_put_in_the_way_is_not_followed(lived, tmp_path):
    (tmp_path / "victim").write_text("precious")
    lived.unlink()
    lived.with_name("notes.db.part").symlink_to(tmp_path / "victim")
    Migrator(ALL).restore(lived)
    assert (tmp_path / "victim").read_text() == "precious"
    assert not lived.is_symlink()
    assert first_note(lived) == "of version 2"


# -- killed ----------------------------------------------------------------------------------------------------------


def restoring(path: Path) -> None:
    """What is killed in the tests below."""
    Migrator(ALL).restore(path, f"{path}.v0001.bak")


def restored_or_not(path: Path) -> str:
    """What a launch finds after a kill; `old.db` is a clean copy of what was there."""
    kept = path.with_name("notes.db.v0003.bak")
    old = content(path.with_name("old.db"))
    if kept.exists():
        assert content(kept) == old
    if not path.exists():
        return "none"
    if path.read_bytes() == path.with_name("old.db").read_bytes() and query_fails(path):
        return "old"
    query(path, "SELECT count(*) FROM sqlite_master")  # recovers what the kill left
    now = content(path)
    assert Migrator(ALL).migrate(path).after == 3
    return {True: "old", False: "restored" if now == content(f"{path}.v0001.bak") else "something else"}[now == old]


def query_fails(path: Path) -> bool:
    try:
        query(path, "SELECT count(*) FROM sqlite_master")
    except sqlite3.DatabaseError:
        return True
    return False


@posix
@pytest.mark.parametrize("left", ["nothing", "nothing, in WAL mode", *CRASHES])
def test_a_restore_killed_at_any_moment_leaves_the_old_content_or_the_restored(lived, tmp_path, left):
    query(lived, f"PRAGMA journal_mode = {'WAL' if 'wal' in left.lower() else 'DELETE'}")
    if left in CRASHES:
        crashed(lived, left)
    template = tmp_path / "template"
    template.mkdir()
    for entry in tmp_path.glob("notes.db*"):
        shutil.copy(entry, template)
    query(lived, "SELECT count(*) FROM sqlite_master")  # recovered
    with closing(sqlite3.connect(lived)) as source, closing(sqlite3.connect(template / "old.db")) as clean:
        source.backup(clean)
    found = after_kills(restoring, restored_or_not, template)
    assert set(found) == {"old", "restored"}
    assert (found[0], found[-1]) == ("old", "restored")


def garbage_or_restored(path: Path) -> str:
    """What is found after a kill where the live file was no database: nothing is lost, and a second try works."""
    aside = path.with_name("notes.db.unreadable")
    if path.exists() and path.read_bytes() == GARBAGE:
        found = "old"
        with pytest.raises(EmbedmigError):
            Migrator(ALL).connect(path)
    else:
        found = "restored" if path.exists() and query(path, "SELECT 1 FROM sqlite_master") else "none"
    assert found == "old" or aside.read_bytes() == GARBAGE
    assert found != "restored" or content(path) == content(f"{path}.v0001.bak")
    restoring(path)
    assert content(path) == content(f"{path}.v0001.bak")
    return found


GARBAGE = b"Dear diary,\n" * 1000


@posix
def test_a_restore_over_no_database_killed_at_any_moment_loses_nothing(lived, tmp_path):
    (tmp_path / "template").mkdir()
    (tmp_path / "template" / "notes.db").write_bytes(GARBAGE)
    shutil.copy(f"{lived}.v0001.bak", tmp_path / "template")
    found = after_kills(restoring, garbage_or_restored, tmp_path / "template")
    assert set(found) == {"old", "restored"}  # never nothing: the next launch would make a new file
    assert (found[0], found[-1]) == ("old", "restored")


# -- in use ------------------------------------------------------------------------------------------------------------

USER = """
    import sqlite3, sys
    path, doing = sys.argv[1:]
    conn = sqlite3.connect(path, isolation_level=None)
    if doing != "has not read yet":
        rows = conn.execute("SELECT * FROM notes")
        rows.fetchone() if doing == "reads" else rows.fetchall()
    if doing == "writes":
        conn.execute("BEGIN IMMEDIATE")
        conn.execute("UPDATE notes SET text = 'x' WHERE id = 5")
    print("has it open", flush=True)
    sys.stdin.readline()
    conn.close()
"""
DOING = [
    pytest.param("has not read yet", marks=linux),
    pytest.param("is idle", marks=linux),
    "reads",
    "writes",
]


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("doing", DOING)
def test_a_restore_is_refused_while_another_process_has_the_file_open_and_works_when_it_closes(lived, journal, doing):
    query(lived, f"PRAGMA journal_mode = {journal}")
    before, there = content(lived), names(lived.parent)
    with start(USER, lived, doing) as user:
        assert user.stdout.readline() == "has it open\n", user.stderr.read()
        with pytest.raises(DatabaseBusy, match=r"^notes\.db is busy: another process has it open") as busy:
            Migrator(ALL, timeout=0.2).restore(lived)
        assert "Nothing was changed. Close other windows of the app and try again." in str(busy.value)
        user.communicate("enough", timeout=60)
    assert user.returncode == 0
    assert content(lived) == before
    assert names(lived.parent) == there
    assert Migrator(ALL).restore(lived).after == 2


@linux
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_restore_is_refused_while_this_very_process_has_the_file_open_and_takes_no_lock_from_it(lived, journal):
    query(lived, f"PRAGMA journal_mode = {journal}")
    before = content(lived)
    with closing(sqlite3.connect(lived, isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match=r"^notes\.db is busy: this very process has it open"):
            Migrator(ALL, timeout=0.2).restore(lived)
        still_locked = script(
            "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')",
            lived,
            check=False,
        )
        assert "database is locked" in still_locked.stderr
    assert content(lived) == before


# -- a file that SQLite can't read ---------------------------------------------------------------------------------------


def _noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def _text(path: Path) -> None:
    path.write_text("Dear diary,\n" * 1000)


def _short_text(path: Path) -> None:
    path.write_text("Dear diary,\n")


def _damaged_page(path: Path) -> None:
    with path.open("r+b") as handle:
        handle.seek(4096 * 10)
        handle.write(b"\xff" * 4096)


def _cut_short(path: Path) -> None:
    os.truncate(path, 4096 * 7 + 1000)


def _damaged_schema(path: Path) -> None:
    with path.open("r+b") as handle:
        handle.seek(100)
        handle.write(b"\xff" * 500)


UNREADABLE = [_noise, _text, _short_text, _damaged_page, _cut_short, _damaged_schema]


@pytest.mark.parametrize("spoil", UNREADABLE)
def test_a_file_that_cannot_be_read_is_moved_aside_and_its_new_name_is_told(lived, spoil, caplog):
    spoil(lived)
    spoilt = lived.read_bytes()
    report = Migrator(ALL).restore(lived)
    assert content(lived) == content(f"{lived}.v0002.bak")
    assert (report.before, report.after, report.backup) == (0, 2, f"{lived}.unreadable")
    assert Path(report.backup).read_bytes() == spoilt
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warnings == [f"{lived} could not be read: it is now called {lived}.unreadable"]


@posix
@pytest.mark.parametrize("left", CRASHES)
def test_no_row_is_lost_from_what_a_crash_left_beside_a_file_that_cannot_be_read(lived, left):
    crashed(lived, left)
    with lived.open("r+b") as handle:
        handle.write(b"overwritten by a failing disk")
    Migrator(ALL).restore(lived)
    aside = b"".join(entry.read_bytes() for entry in lived.parent.glob("notes.db.unreadable*"))
    assert (b"in the wal" if left == "a wal" else f"{300:0500}".encode()) in aside
    assert sidecars(lived) == []
    assert content(lived) == content(f"{lived}.v0002.bak")


def test_what_was_moved_aside_before_is_not_overwritten(lived):
    for number in range(3):
        lived.write_text(f"Dear diary, {number}\n" * 1000)
        Migrator(ALL).restore(lived)
    aside = [name for name in names(lived.parent) if "unreadable" in name]
    assert aside == ["notes.db.unreadable", "notes.db.unreadable-2", "notes.db.unreadable-3"]
    assert [lived.with_name(name).read_text()[:13] for name in aside] == [f"Dear diary, {n}" for n in range(3)]


def test_a_file_with_two_rows_for_one_version_is_restored_and_kept(lived):
    query(lived, "CREATE TABLE double AS SELECT * FROM _migrations")
    query(lived, "DROP TABLE _migrations")
    query(lived, "ALTER TABLE double RENAME TO _migrations")
    query(lived, "UPDATE _migrations SET version = 1")
    before = content(lived)
    report = Migrator(ALL).restore(lived)
    assert content(lived) == content(f"{lived}.v0002.bak")
    assert content(report.backup) == before


@pytest.mark.parametrize("verb", ["migrate", "connect", "status"])
def test_while_an_app_shows_why_it_refused_a_file_the_same_process_can_restore_it(path, verb):
    Migrator([ONE]).migrate(path)
    Migrator([ONE]).backup(path)
    path.write_text("somebody's letter\n" * 100)
    with pytest.raises(NotADatabase) as shown:
        getattr(Migrator(ALL), verb)(path)
    assert Migrator(ALL).restore(path).after == 1
    assert shown.value.path == str(path), "held until here, with its traceback"


# -- backups that are none -----------------------------------------------------------------------------------------------


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _of_nothing(path: Path) -> None:
    path.unlink()
    query(path, "VACUUM")


@pytest.mark.parametrize("spoil", [*UNREADABLE, _emptied, _of_nothing])
def test_a_damaged_backup_is_refused_and_the_file_stays(lived, spoil):
    backup = Path(f"{lived}.v0002.bak")
    spoil(backup)
    before = {entry.name: entry.read_bytes() for entry in lived.parent.iterdir()}
    with pytest.raises((DatabaseDamaged, NotADatabase)) as refused:
        Migrator(ALL).restore(lived)
    assert refused.value.path == str(backup)
    assert str(refused.value).startswith("notes.db.v0002.bak is ")
    assert "***" not in str(refused.value), "SQLite's heading, where its finding should be"
    assert {entry.name: entry.read_bytes() for entry in lived.parent.iterdir()} == before


def test_there_is_nothing_to_restore_where_no_backup_was_made(path):
    Migrator([ONE]).migrate(path)
    before = fingerprint(path)
    with pytest.raises(UsageError, match=f"^There is no backup of {path}"):
        Migrator([ONE]).restore(path)
    assert fingerprint(path) == before


def test_a_backup_that_is_not_there_is_an_error(lived):
    before = fingerprint(lived)
    with pytest.raises(UsageError, match=f"^There is no backup at {lived}.v0007.bak"):
        Migrator(ALL).restore(lived, f"{lived}.v0007.bak")
    assert fingerprint(lived) == before
    assert names(lived.parent) == ["notes.db", "notes.db.v0001.bak", "notes.db.v0002.bak"]


def test_a_folder_is_no_backup(lived, tmp_path):
    (tmp_path / "folder").mkdir()
    before = fingerprint(lived)
    with pytest.raises(UnusablePath, match="folder"):
        Migrator(ALL).restore(lived, tmp_path / "folder")
    assert fingerprint(lived) == before


@pytest.mark.parametrize("name", ["notes.db", "link.db"])
@posix
def test_the_file_is_no_backup_of_itself(lived, name):
    lived.with_name("link.db").symlink_to(lived)
    before = fingerprint(lived)
    with pytest.raises(UsageError):
        Migrator(ALL, timeout=0.1).restore(lived, lived.with_name(name))
    assert fingerprint(lived) == before


# -- odd files and places ------------------------------------------------------------------------------------------------


def test_a_file_in_wal_mode_is_restored_and_no_sidecar_is_left(lived):
    query(lived, "PRAGMA journal_mode = WAL")
    Migrator(ALL).restore(lived)
    assert sidecars(lived) == []
    assert content(lived) == content(f"{lived}.v0002.bak")


def test_a_named_backup_that_is_itself_in_wal_mode_is_restored_with_the_rows_in_its_wal(lived, tmp_path):
    other = tmp_path / "other.db"
    shutil.copy(f"{lived}.v0001.bak", other)
    query(other, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(other)) as user:
        user.execute("UPDATE notes SET text = 'in the wal' WHERE id = 1")
        user.commit()
        Migrator(ALL).restore(lived, other)
    assert first_note(lived) == "in the wal"


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_backup_with_pages_of_another_size_is_restored(lived, journal):
    query(lived, f"PRAGMA journal_mode = {journal}")
    backup = f"{lived}.v0002.bak"
    with closing(sqlite3.connect(backup)) as conn:
        conn.execute("PRAGMA page_size = 8192")
        conn.execute("VACUUM")
    Migrator(ALL).restore(lived)
    assert content(lived) == content(backup)
    assert query(lived, "PRAGMA page_size") == [(8192,)]


@posix
def test_a_restore_through_a_link_restores_its_target_and_keeps_the_link(tmp_path, lived):
    (tmp_path / "desk").mkdir()
    link = tmp_path / "desk" / "link.db"
    link.symlink_to(lived)
    report = Migrator(ALL).restore(link)
    assert link.is_symlink()
    assert report.backup == f"{lived}.v0003.bak"
    assert content(lived) == content(f"{lived}.v0002.bak")
    assert names(tmp_path / "desk") == ["link.db"]


@posix
def test_a_restore_through_a_link_to_nothing_makes_the_target(tmp_path, lived):
    (tmp_path / "desk").mkdir()
    link = tmp_path / "desk" / "link.db"
    lived.unlink()
    link.symlink_to(lived)
    Migrator(ALL).restore(link)
    assert link.is_symlink()
    assert content(lived) == content(f"{lived}.v0002.bak")
    assert names(tmp_path / "desk") == ["link.db"]


@posix
def test_a_file_with_two_names_is_not_restored(lived, tmp_path):
    os.link(lived, tmp_path / "second.db")
    before = fingerprint(lived)
    with pytest.raises(UnusablePath, match="hard links"):
        Migrator(ALL).restore(lived)
    assert fingerprint(lived) == before


def with_its_function(conn: sqlite3.Connection) -> None:
    conn.create_function("is_polite", 1, lambda text: 1, deterministic=True)


def test_a_file_whose_checks_use_the_app_s_functions_is_restored(path):
    one = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT CHECK (is_polite(text)))")
    migrator = Migrator([one], prepare=with_its_function)
    migrator.migrate(path)
    backup = migrator.backup(path)
    query(path, "CREATE TABLE more (x)")
    before = content(backup, history=True)["schema"]
    migrator.restore(path)
    assert query(path, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name") == before


NOBODY = """
    import os, shutil, sys
    import embedmig
    from embedmig import Migrator
    from test_restore import ALL

    def done(path, backup):
        Migrator(ALL).restore(path, backup)

    path, backup, scratch = sys.argv[1:]
    shutil.copy(backup, scratch)
    os.truncate(scratch, 700)
    for _ in range(2):  # everything is imported now, what a failure needs included
        done(scratch, backup)
    try:
        done(scratch, scratch + "x")
    except embedmig.EmbedmigError:
        embedmig.DatabaseReadOnly, embedmig.UnusablePath, embedmig.DiskFull
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        done(path, backup)
        print("restored")
    except embedmig.EmbedmigError as error:
        print(type(error).__name__, error)
"""


@posix
@pytest.mark.parametrize("there", ["a database", "nothing", "no database"])
def test_a_folder_that_may_only_be_read_is_told_and_nothing_is_changed(lived, tmp_path, there):
    with tempfile.TemporaryDirectory() as shelf:  # pytest's own folders are for one user only
        Path(shelf).chmod(0o755)
        folder, backup = Path(shelf) / "app", Path(shelf) / "backup.bak"
        folder.mkdir()
        shutil.copy(f"{lived}.v0001.bak", backup)
        if there == "a database":
            shutil.copy(lived, folder / "notes.db")
        elif there == "no database":
            _text(folder / "notes.db")
        for entry in (backup, *folder.iterdir()):
            entry.chmod(0o666)
        folder.chmod(0o555)
        before = {entry.name: entry.read_bytes() for entry in folder.iterdir()}
        said = script(NOBODY, folder / "notes.db", backup, tmp_path / "scratch.db").stdout
        assert {entry.name: entry.read_bytes() for entry in folder.iterdir()} == before
        folder.chmod(0o755)
    kind, _, sentence = said.partition(" ")
    assert kind in ("DatabaseReadOnly", "UnusablePath")
    assert "Nothing was changed." in sentence


def test_a_database_in_memory_has_nothing_to_restore_into(lived):
    with pytest.raises(EmbedmigError, match="memory"):
        Migrator(ALL).restore(":memory:", f"{lived}.v0001.bak")


def test_a_backup_that_the_user_asked_for_is_not_replaced_by_what_a_restore_replaces(lived):
    asked_for = Migrator(ALL).backup(lived)
    before = content(asked_for)
    query(lived, "INSERT INTO notes (text) VALUES ('later')")
    report = Migrator(ALL).restore(lived, f"{lived}.v0001.bak")
    assert report.backup == f"{lived}.v0003-replaced.bak"
    assert content(asked_for) == before
    assert query(report.backup, "SELECT count(*) FROM notes WHERE text = 'later'") == [(1,)]


def test_a_wal_beside_a_file_of_no_bytes_is_kept_by_a_restore(lived):
    lived.write_bytes(b"")
    wal = lived.with_name("notes.db-wal")
    wal.write_bytes(b"all that is left of it" * 100)
    report = Migrator(ALL).restore(lived)
    assert Path(f"{report.backup}-wal").read_bytes() == b"all that is left of it" * 100
    assert first_note(lived) == "of version 2"
