"""A launch comes in between two steps of a restore or a reset: what it wrote is in the file, or in a backup that is told.

Real launches, started at the very step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import query, script, sql, start
from test_restore import ALL, CRASHES, crashed, first_note, names, posix, sidecars, worked_on

from embedmig import DatabaseBusy, DiskFull, Migrator, backup, disk, transaction, wholefile

LAUNCH = """
    import sys
    import embedmig
    from test_restore import ALL

    def said(progress):
        print(progress.phase, flush=True)

    with embedmig.open(sys.argv[1], ALL, on_progress=said) as db:
        db.execute("UPDATE notes SET text = 'typed meanwhile' WHERE id = 1")
        db.conn.commit()
    print("typed", flush=True)
"""
WAITING = "waiting for another launch\n"

# An app that opens its file by itself: it tries to write when it is told to, and says how that went.
OTHER = """
    import sqlite3, sys
    conn = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
    for line in sys.stdin:
        try:
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("CREATE TABLE typed AS SELECT 'meanwhile'")
            conn.execute("COMMIT")
        except sqlite3.OperationalError as error:
            print(error, flush=True)
        else:
            print("typed", flush=True)
    conn.close()
"""


def after_first(monkeypatch: pytest.MonkeyPatch, room: Any, name: str, then: Callable[[], object]) -> None:
    """Do `then` once, after the first call of that function."""
    real = getattr(room, name)

    def first(*args: Any, **more: Any) -> Any:
        found = real(*args, **more)
        monkeypatch.setattr(room, name, real)
        then()
        return found

    monkeypatch.setattr(room, name, first)


def launched_in_the_transfer(path, monkeypatch):
    """A list that gets the process of a launch, which waits, right before the first transfer of pages."""
    launched = []

    def launch() -> None:
        launched.append(start(LAUNCH, path))
        assert launched[0].stdout.readline() == WAITING

    real = backup.transfer
    monkeypatch.setattr(backup, "transfer", lambda *args: (launched or launch(), real(*args)))
    return launched


def on_leaving(monkeypatch: pytest.MonkeyPatch, room: Any, name: str, then: Callable[[], object]) -> None:
    """Do `then` once, right after the first `with` of that kind was left."""
    real = getattr(room, name)

    @contextmanager
    def left(*args: Any) -> Iterator[None]:
        monkeypatch.setattr(room, name, real)
        with real(*args):
            yield
        then()

    monkeypatch.setattr(room, name, left)


@pytest.fixture
def used(path: Path) -> Path:
    """A file at version 3 on which the user has worked, and a backup of version 2."""
    Migrator(ALL).migrate(path, to=2)
    worked_on(path)
    Migrator(ALL).migrate(path)
    return path


def gone(path: Path, there: str) -> None:
    path.unlink()
    if there == "no bytes":
        path.touch()


# -- restore -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["nothing", "no bytes"])
def test_what_a_launch_makes_of_a_missing_file_before_it_is_restored_is_kept_as_a_backup(used, monkeypatch, there):
    gone(used, there)
    after_first(monkeypatch, wholefile, "size", lambda: script(LAUNCH, used))
    report = Migrator(ALL).restore(used)
    assert (report.before, report.after) == (3, 2)
    assert first_note(report.backup) == "typed meanwhile"
    assert first_note(used) == "written by the user"
    assert names(used.parent) == ["notes.db", "notes.db.v0002.bak", "notes.db.v0003.bak"]


@pytest.mark.parametrize("there", ["nothing", "no bytes", "a file"])
def test_a_launch_that_comes_while_a_file_is_restored_waits_and_writes_into_the_restored_file(used, monkeypatch, there):
    if there != "a file":
        gone(used, there)
    launched = launched_in_the_transfer(used, monkeypatch)
    Migrator(ALL, backups=0).restore(used)
    with launched[0] as child:
        said, wrong = child.communicate(timeout=60)
    assert (said.splitlines()[-1:], wrong) == (["typed"], "")
    assert first_note(used) == "typed meanwhile"


SLOW = """
    import sys
    from embedmig import Migration, Migrator

    def up(db):
        db.execute("CREATE TABLE notes (text TEXT)")
        print("in up", flush=True)
        sys.stdin.readline()
        db.execute("INSERT INTO notes VALUES ('of the launch')")

    Migrator([Migration("001_slow", 1, "", up)]).migrate(sys.argv[1])
"""


@pytest.mark.parametrize("verb", ["restore", "reset"])
def test_a_file_that_a_first_launch_is_just_making_is_left_alone(used, verb):
    used.unlink()
    with start(SLOW, used) as launch:
        assert launch.stdout.readline() == "in up\n", launch.stderr.read()
        with pytest.raises(DatabaseBusy):
            getattr(Migrator(ALL, timeout=0.1), verb)(used)
        assert launch.communicate("go on\n", timeout=60) == ("", "")
    assert query(used, "SELECT text FROM notes") == [("of the launch",)]
    assert names(used.parent) == ["notes.db", "notes.db.v0002.bak"]


def test_of_two_restores_of_a_file_that_can_not_be_read_the_second_keeps_what_is_there_by_then(used, monkeypatch):
    used.write_bytes(b"Dear diary,\n" * 1000)

    def another() -> None:
        script("import sys; from test_restore import ALL, Migrator; Migrator(ALL).restore(sys.argv[1])", used)
        worked_on(used, "typed meanwhile")

    after_first(monkeypatch, wholefile, "is_unreadable", another)
    report = Migrator(ALL).restore(used)
    assert first_note(report.backup) == "typed meanwhile"
    assert first_note(used) == "written by the user"
    assert names(used.parent) == [
        "notes.db",
        "notes.db.unreadable",
        "notes.db.v0002-replaced.bak",
        "notes.db.v0002.bak",
    ]


def test_of_two_forced_resets_of_a_file_that_can_not_be_read_the_second_keeps_what_is_there_by_then(used, monkeypatch):
    used.write_bytes(b"Dear diary,\n" * 1000)

    def another() -> None:
        script("import sys; from test_restore import ALL, Migrator; Migrator(ALL).reset(sys.argv[1], force=True)", used)
        worked_on(used, "typed meanwhile")

    after_first(monkeypatch, wholefile, "is_unreadable", another)
    report = Migrator(ALL).reset(used, force=True)
    assert report.backup == f"{used}.v0003-reset.bak"
    assert first_note(report.backup) == "typed meanwhile"


@posix
@pytest.mark.parametrize("left", CRASHES)
def test_the_sidecars_of_a_file_that_is_gone_are_kept_by_a_restore(used, left):
    crashed(used, left)
    alone = {end: used.with_name(used.name + end).read_bytes() for end in sidecars(used)}
    used.unlink()
    report = Migrator(ALL).restore(used)
    assert {end: Path(report.backup + end).read_bytes() for end in alone} == alone
    assert first_note(used) == "written by the user"


def test_a_file_that_can_not_be_read_stays_where_there_is_no_room_for_the_backup(used, monkeypatch):
    used.write_bytes(b"Dear diary,\n" * 1000)
    monkeypatch.setattr(disk, "free_bytes", lambda path: 1000)
    with pytest.raises(DiskFull, match="there is no room for the backup that is to take its place"):
        Migrator(ALL).restore(used)
    assert used.read_bytes() == b"Dear diary,\n" * 1000
    assert names(used.parent) == ["notes.db", "notes.db.v0002.bak"]


# -- reset -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_what_a_launch_writes_once_a_reset_has_emptied_the_file_stays(used, monkeypatch, journal):
    query(used, f"PRAGMA journal_mode = {journal}")
    on_leaving(monkeypatch, transaction, "alone", lambda: script(LAUNCH, used))
    report = Migrator(ALL).reset(used)
    assert first_note(report.backup) == "written by the user"
    assert first_note(used) == "typed meanwhile"


@pytest.mark.parametrize("there", ["nothing", "no bytes"])
def test_what_a_launch_makes_of_a_missing_file_before_it_is_reset_stays(used, monkeypatch, there):
    gone(used, there)
    after_first(monkeypatch, wholefile, "size", lambda: script(LAUNCH, used))
    Migrator(ALL).reset(used)
    assert first_note(used) == "typed meanwhile"


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_launch_that_waits_for_a_file_that_is_being_reset_writes_into_the_new_one(used, monkeypatch, journal):
    query(used, f"PRAGMA journal_mode = {journal}")
    waiting = launched_in_the_transfer(used, monkeypatch)
    Migrator(ALL).reset(used, keep_backup=False)
    with waiting[0] as child:
        said, wrong = child.communicate(timeout=60)
    assert (said.splitlines()[-1:], wrong) == (["typed"], "")
    assert first_note(used) == "typed meanwhile"
    assert sidecars(used) == []


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_an_app_that_opened_the_file_while_it_was_emptied_is_locked_out_until_it_is_built(used, monkeypatch, journal):
    query(used, f"PRAGMA journal_mode = {journal}")
    waiting, answers = [], []

    def ask() -> None:
        waiting[0].stdin.write("now\n")
        waiting[0].stdin.flush()
        answers.append(waiting[0].stdout.readline())

    def up(db: Any) -> None:
        db.execute("PRAGMA cache_size = 5")  # pages: the change spills to the file, and its journal counts
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        db.execute(
            "INSERT INTO notes SELECT key, printf('%0500d', 1) FROM json_each('[' || substr(replace(hex(zeroblob(300)), '00', ',0'), 2) || ']')"
        )
        ask()

    real = backup.transfer
    monkeypatch.setattr(
        backup, "transfer", lambda *args: (waiting or (waiting.append(start(OTHER, used)), ask()), real(*args))
    )
    Migrator([sql(1, up), *ALL[1:]]).reset(used, keep_backup=False)
    with waiting[0] as child:
        ask()
        child.communicate(timeout=60)
    assert answers == ["database is locked\n", "database is locked\n", "typed\n"]
    assert query(used, "SELECT * FROM typed") == [("meanwhile",)]
