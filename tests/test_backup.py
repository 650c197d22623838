"""A backup stands before a change to a file with data: whole, verified, as private as the file, and few of them."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import sqlite_utils
from helpers import content, fingerprint, query, sql, start
from test_restore import after_kills, worked_on

import embedmig
from embedmig import (
    DatabaseBusy,
    DatabaseDamaged,
    DiskFull,
    EmbedmigError,
    Migration,
    MigrationCancelled,
    MigrationFailed,
    Migrator,
    UnusablePath,
    UsageError,
    file,
)
from embedmig import backup as backup_of

ONE = sql(
    1,
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('first'), ('second')",
    "DROP TABLE notes",
)
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)", "DROP TABLE tags")
THREE = sql(3, "ALTER TABLE notes ADD COLUMN pinned INTEGER", "ALTER TABLE notes DROP COLUMN pinned")
ALL = [ONE, TWO, THREE]
FAILS = sql(2, "INSERT INTO notes (text) VALUES ('half done'); INSERT INTO nowhere VALUES (1)")

posix = pytest.mark.skipif(os.name == "nt", reason="permissions, links and signals of POSIX")


def names(folder: Path) -> list[str]:
    """Everything that lies in a folder, but for what SQLite leaves beside a file that was only read."""
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.endswith(("-wal", "-shm")))


def identity(path: str | Path) -> tuple[int, int, int]:
    """Of a file as it lies on the disk: another copy under the same name has another."""
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns, found.st_size


def damage(path: Path) -> None:
    """Overwrite a page in the middle of a file, as a failing disk does."""
    with path.open("r+b") as handle:
        handle.seek(path.stat().st_size // 4096 // 2 * 4096)
        handle.write(b"\xff" * 4096)


NOTES = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);"
FILLED = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)"
    " INSERT INTO notes SELECT i, printf('%0500d', i) FROM n;"
)
ROWS = sql(1, NOTES + FILLED)
BULKY = sql(1, f"{NOTES}{FILLED} CREATE INDEX by_text ON notes (text)")


# -- when one is made ------------------------------------------------------------------------------------------------

VERBS = {
    "migrate": lambda path: Migrator(ALL).migrate(path),
    "migrate a connection": lambda path: _on(sqlite3.connect(path), Migrator(ALL).migrate),
    "migrate a Database": lambda path: _on(sqlite_utils.Database(path), Migrator(ALL).migrate),
    "rollback": lambda path: Migrator(ALL).rollback(path, to=1),
    "rollback a connection": lambda path: _on(sqlite3.connect(path), lambda conn: Migrator(ALL).rollback(conn, to=1)),
    "restore": lambda path: Migrator(ALL).restore(path, path.with_name("notes.db.v0001.bak")),
    "reset": lambda path: Migrator(ALL).reset(path),
}


def _on(db, verb):
    with closing(db):
        return verb(db)


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_backup_stands_before_a_change_to_a_file_with_data(path, verb, journal):
    Migrator([ONE]).migrate(path)
    Migrator([ONE, TWO]).migrate(path)
    query(path, f"PRAGMA journal_mode = {journal}")
    query(path, "INSERT INTO notes (text) VALUES ('written by the user')")
    before = content(path)
    report = VERBS[verb](path)
    name = "notes.db.v0002-reset.bak" if verb == "reset" else "notes.db.v0002.bak"
    assert report.backup == str(path.with_name(name))
    assert content(report.backup) == before
    assert content(path) != before
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak", name]


def test_no_backup_is_made_of_a_new_file_nor_where_nothing_is_pending(path):
    assert Migrator(ALL).migrate(path).backup is None
    assert Migrator(ALL).migrate(path).backup is None
    with embedmig.open(path, ALL):
        assert names(path.parent) == ["notes.db"]


def test_a_file_without_a_history_that_is_taken_over_is_backed_up_as_version_0(path):
    query(path, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    before = content(path)
    report = Migrator(ALL, detect_version=lambda conn: 1).migrate(path)
    assert report.backup == str(path) + ".v0000.bak"
    assert content(report.backup) == before


def test_a_backup_has_the_rows_that_are_still_in_the_wal(path):
    Migrator([ONE]).migrate(path)
    query(path, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path)) as other_window:
        other_window.execute("INSERT INTO notes (text) VALUES ('in the wal')")
        other_window.commit()
        backup = Migrator(ALL).migrate(path).backup
    assert query(backup, "SELECT text FROM notes") == [("first",), ("second",), ("in the wal",)]


def test_a_backup_of_a_wal_file_stands_alone_and_grows_no_sidecars_when_it_is_read(path):
    Migrator([ONE]).migrate(path)
    query(path, "PRAGMA journal_mode = WAL")
    backup = Migrator([ONE]).backup(path)
    with closing(sqlite3.connect(backup)) as conn:
        assert conn.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert conn.execute("SELECT count(*) FROM notes").fetchone() == (2,)
        assert [entry.name for entry in path.parent.glob("*.bak*")] == ["notes.db.v0001.bak"]


def test_a_file_is_backed_up_and_the_copy_checked_before_the_first_migration(path):
    Migrator([ONE]).migrate(path)
    phases = []
    Migrator(ALL).migrate(path, on_progress=lambda p: phases.append(p.phase))
    assert phases[:3] == ["backing up", "checking the file", "started"]


def test_a_file_whose_backup_already_stands_is_still_checked_itself(path):
    Migrator([BULKY]).migrate(path)
    backup = Path(Migrator([BULKY]).backup(path))
    then, good = path.stat(), identity(backup)
    damage(path)
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))  # a bad sector leaves no mark on the file
    before = fingerprint(path)
    with pytest.raises(DatabaseDamaged) as damaged:
        Migrator([BULKY, TWO]).migrate(path)
    assert damaged.value.path == str(path)
    assert fingerprint(path) == before
    assert identity(backup) == good


def registered(conn):
    conn.create_function("weigh", 1, len, deterministic=True)


WEIGHED = Migration(
    "001_weighed", 1, "",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT CHECK (weigh(text) < 1000));"
    f"{FILLED} CREATE INDEX by_weight ON notes (weigh(text))",
)  # fmt: skip


def test_a_file_that_only_the_app_can_check_is_checked_on_the_apps_connection(path):
    old, new = (Migrator(shipped, prepare=registered) for shipped in ([WEIGHED], [WEIGHED, TWO]))
    old.migrate(path)
    backup = Path(old.backup(path))
    with closing(sqlite3.connect(path)) as conn:
        registered(conn)
        conn.execute("UPDATE notes SET text = 'changed' WHERE id = 1")
        conn.commit()
    good = identity(backup)
    damage(path)
    before = fingerprint(path)
    with pytest.raises(DatabaseDamaged) as damaged:
        new.migrate(path)
    assert damaged.value.path == str(path)
    assert fingerprint(path) == before
    assert identity(backup) == good
    assert names(path.parent) == ["notes.db", backup.name]


def test_a_file_that_only_the_app_can_check_is_damaged_also_where_its_copy_can_not_leave_wal(path):
    def prepared(conn):
        conn.create_collation("app", lambda one, other: (one > other) - (one < other))
        conn.execute("PRAGMA journal_mode = WAL")

    sorted_by_the_app = sql(2, "CREATE TABLE words (word TEXT COLLATE app PRIMARY KEY)")
    Migrator([ROWS, sorted_by_the_app], prepare=prepared).migrate(path)
    query(path, "DELETE FROM notes WHERE id > 250")
    with path.open("r+b") as handle:
        handle.seek(55)
        handle.write(b"\x20")  # as if each commit cut off the free pages, by a map of pages that is not there
    before = fingerprint(path)
    with pytest.raises(DatabaseDamaged, match="ptr") as damaged:
        Migrator([ROWS, sorted_by_the_app, THREE], prepare=prepared).migrate(path)
    assert damaged.value.path == str(path)
    assert fingerprint(path) == before
    assert [name for name in names(path.parent) if "v0002" in name or "part" in name] == []


def test_nobody_is_warned_of_a_copy_that_can_not_be_checked_where_the_file_was(path, caplog):
    Migrator([WEIGHED], prepare=registered).migrate(path)
    caplog.clear()
    report = Migrator([WEIGHED, TWO], prepare=registered).migrate(path)
    assert report.backup
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == []


def test_a_copy_that_went_wrong_is_no_damage_of_the_file_and_no_reason_to_reset(path, monkeypatch):
    Migrator([BULKY]).migrate(path)
    before, copied = fingerprint(path), backup_of.transfer

    def badly(source, copy, watch, timeout):
        copied(source, copy, watch, timeout)
        copy.execute("PRAGMA writable_schema = ON")
        copy.execute("DELETE FROM sqlite_master WHERE name = 'by_text'")
        copy.commit()

    monkeypatch.setattr(backup_of, "transfer", badly)
    with pytest.raises(
        UnusablePath, match=r"The backup notes\.db\.v0001\.bak can't be made: .*Nothing was changed"
    ) as refused:
        Migrator([BULKY, TWO]).migrate(path)
    assert (refused.value.data_is_safe, refused.value.may_offer_reset) == (True, False)
    assert fingerprint(path) == before
    assert names(path.parent) == ["notes.db"]


ADDED = sql(2, "ALTER TABLE notes ADD COLUMN pinned INTEGER")  # takes no page


def zeroed(copy):
    with open(copy, "r+b") as handle:
        handle.write(bytes(4096))


def overwritten(copy):
    with open(copy, "r+b") as handle:
        handle.seek(4096)
        handle.write(b"\xff" * 4096)


def cut(copy):
    os.truncate(copy, 4096 * 3)


def misspelt(copy):
    Path(copy).write_bytes(Path(copy).read_bytes().replace(b"CREATE TABLE notes", b"CREATE TABLX notes"))


@pytest.mark.parametrize("harm", [zeroed, overwritten, cut, misspelt])
def test_a_copy_that_sqlite_can_not_even_read_tells_nothing_of_the_file(path, harm):
    Migrator([BULKY]).migrate(path)
    before = fingerprint(path)

    def on_progress(progress):
        if progress.phase == "checking the file" and os.path.exists(part := f"{path}.v0001.bak.part"):
            harm(part)

    with pytest.raises(UnusablePath, match=r"can't be made: the file is sound, and the copy of it is not") as refused:
        Migrator([BULKY, TWO]).migrate(path, on_progress=on_progress)
    assert (refused.value.path, refused.value.may_offer_reset) == (str(path), False)
    assert fingerprint(path) == before
    assert names(path.parent) == ["notes.db"]


@pytest.mark.parametrize("lost", ["the number of the first", "the list"])
def test_a_file_with_a_damaged_list_of_free_pages_is_refused_although_leaving_wal_mends_the_copy(path, lost):
    def prepared(conn):
        conn.execute("PRAGMA auto_vacuum = INCREMENTAL")
        conn.execute("PRAGMA journal_mode = WAL")

    Migrator([ROWS], prepare=prepared).migrate(path)
    query(path, "DELETE FROM notes WHERE id > 250")  # what is free stands at the end
    good = identity(Migrator([ROWS]).backup(path))
    query(path, "UPDATE notes SET text = 'changed' WHERE id = 1")
    with path.open("r+b") as handle:
        handle.seek(32)
        first = int.from_bytes(handle.read(4))
        handle.seek(64)
        handle.write(bytes(4))  # FULL instead of INCREMENTAL: each commit cuts off what it takes for free
        handle.seek(32 if lost == "the number of the first" else (first - 1) * 4096 + 4)
        handle.write(bytes(4))
    before = fingerprint(path)
    with pytest.raises(DatabaseDamaged, match="freelist") as damaged:
        Migrator([ROWS, ADDED]).migrate(path)
    assert damaged.value.path == str(path)
    assert fingerprint(path) == before
    assert identity(path.with_name("notes.db.v0001.bak")) == good
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak"]


def without_its_module(path):
    """A virtual table of which only the app loads the module."""
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA writable_schema = ON")
        text = "CREATE VIRTUAL TABLE places USING geo(x, y)"
        conn.execute("INSERT INTO sqlite_master VALUES ('table', 'places', 'places', 0, ?)", [text])
        conn.commit()


def nothing_more(path):
    query(path, "CREATE VIRTUAL TABLE words USING fts5 (text)")


@pytest.mark.parametrize(("made", "checks"), [(without_its_module, 2), (nothing_more, 1)])
def test_a_file_is_checked_beside_its_copy_where_a_table_can_only_be_checked_by_the_app(path, made, checks):
    Migrator([ONE]).migrate(path)
    made(path)
    phases = []
    Migrator(ALL).migrate(path, on_progress=lambda said: phases.append((said.phase, said.id)))
    assert phases.count(("checking the file", None)) == checks


def test_a_change_by_another_process_waits_until_the_backup_and_the_migration_are_through(path):
    Migrator([ONE]).migrate(path)
    refused = []

    def on_progress(progress):
        if progress.phase == "backing up" and not refused:
            with closing(sqlite3.connect(path, timeout=0)) as other, pytest.raises(sqlite3.OperationalError) as locked:
                other.execute("INSERT INTO notes (text) VALUES ('between backup and migration')")
            refused.append(str(locked.value))

    report = Migrator([ONE, TWO]).migrate(path, on_progress=on_progress)
    assert refused == ["database is locked"]
    assert content(report.backup)["notes"] == content(path)["notes"]


# -- Migrator.backup and .backups ------------------------------------------------------------------------------------


def test_a_backup_can_be_asked_for_at_any_time(path):
    Migrator([ONE]).migrate(path)
    before = content(path)
    made = Migrator(ALL).backup(path)
    assert made == str(path) + ".v0001.bak"
    assert content(made) == content(path) == before


def test_a_backup_that_still_is_the_file_is_found_and_not_made_again(path):
    Migrator([ONE]).migrate(path)
    made = identity(Migrator([ONE]).backup(path))
    assert identity(Migrator([ONE]).backup(path)) == made


def test_backups_are_listed_with_the_newest_version_first(path):
    shipped = [sql(version, f"CREATE TABLE t{version} (x)") for version in range(1, 12)]
    for version in (1, 2, 9, 10, 11):
        Migrator(shipped, backups=9).migrate(path, to=version)
    found = Migrator(shipped).backups(path)
    assert [Path(name).name for name in found] == [f"notes.db.v{v:04}.bak" for v in (10, 9, 2, 1)]
    assert [query(name, "SELECT max(version) FROM _migrations") for name in found] == [[(10,)], [(9,)], [(2,)], [(1,)]]
    assert Migrator(shipped).status(path).backups == tuple(found)


def test_backups_are_listed_by_their_numbers_where_versions_are_timestamps(path):
    early, late = sql(2024_01_31_0900, "CREATE TABLE t (x)"), sql(20240131090000, "CREATE TABLE u (x)")
    later = sql(20240131090001, "CREATE TABLE v (x)")
    for shipped in ([early], [early, late], [early, late, later]):
        Migrator(shipped).migrate(path)
    assert [Path(n).name for n in Migrator([early]).backups(path)] == [
        "notes.db.v20240131090000.bak",
        "notes.db.v202401310900.bak",
    ]


def test_a_file_that_is_not_there_has_no_backups(path):
    assert Migrator(ALL).backups(path) == []


@pytest.mark.parametrize(
    ("where", "says"),
    [("notes.db", "There is no database at {}."), (":memory:", "A database in memory has no file.")],
)
def test_there_is_no_backup_of_nothing(tmp_path, where, says):
    path = where if where == ":memory:" else str(tmp_path / where)
    with pytest.raises(UsageError) as refused:
        Migrator(ALL).backup(path)
    assert says.format(path).lower() in str(refused.value).lower()
    assert names(tmp_path) == []


def test_a_backup_waits_for_a_writer_no_longer_than_its_timeout(path):
    Migrator([ONE]).migrate(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match=r"is writing to it; waited 0\.\d s"):
            Migrator([ONE], timeout=0.1).backup(path)
    assert names(path.parent) == ["notes.db"]


ASKED = """
    import os, sys
    from embedmig import Migrator
    from test_backup import ONE

    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(10):
        os.utime(sys.argv[1])  # so that it seems changed
        Migrator([ONE]).backup(sys.argv[1])
    print("made")
"""


def test_backups_that_are_asked_for_by_many_at_once_come_one_after_another(path):
    Migrator([ONE]).migrate(path)
    before = content(path)
    several = [start(ASKED, path) for _ in range(4)]
    assert [process.stdout.readline() for process in several] == ["ready\n"] * 4
    for process in several:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60) for process in several]
    assert said == [("made\n", "")] * 4
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak"]
    assert content(f"{path}.v0001.bak") == before


@posix
@pytest.mark.parametrize("name", ["my notes.db", "50%20?#.db", "żółw 🐢.db", "a'b\"c.db", "notes", "-wal.db"])
def test_a_file_of_any_name_is_backed_up_beside_itself(tmp_path, name):
    path = tmp_path / name
    Migrator([ONE]).migrate(path)
    before = content(path)
    made = Migrator(ALL).migrate(path).backup
    assert Path(made) == tmp_path / f"{name}.v0001.bak"
    assert content(made) == before


def test_a_name_too_long_for_a_backup_is_told_before_anything_is_changed(tmp_path):
    path = tmp_path / ("n" * 245)  # a journal's name still fits into a file system's 255
    Migrator([ONE]).migrate(path)
    before = fingerprint(path)
    with pytest.raises(UnusablePath, match=r"The backup n+\.v0001\.bak can't be made: File name too long"):
        Migrator(ALL).migrate(path)
    assert fingerprint(path) == before


@posix
def test_the_backup_of_a_link_s_target_stands_beside_the_target(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "notes.db", tmp_path / "link.db"
    Migrator([ONE]).migrate(target)
    link.symlink_to(target)
    report = Migrator(ALL).migrate(link)
    assert report.backup == f"{target}.v0001.bak"
    assert Migrator(ALL).backups(link) == Migrator(ALL).backups(target) == [report.backup]
    assert names(tmp_path) == ["link.db", "real"]
    assert link.is_symlink()


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_backup_is_as_private_as_the_file(path, mode):
    Migrator([ONE]).migrate(path)
    path.chmod(mode)
    made = Path(Migrator(ALL).migrate(path).backup)
    assert made.stat().st_mode & 0o7777 == mode


@posix
def test_a_backup_is_private_from_its_first_byte(path):
    Migrator([ONE]).migrate(path)
    path.chmod(0o600)
    modes = set()

    class Looking(threading.Event):
        def is_set(self):
            modes.update(part.stat().st_mode & 0o777 for part in path.parent.glob("*.part"))
            return False

    Migrator(ALL).migrate(path, cancel=Looking())
    assert modes == {0o600}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may give a file away")
def test_a_backup_belongs_to_the_owner_of_the_file(path):
    Migrator([ONE]).migrate(path)
    os.chown(path, 65534, 65533)
    found = os.stat(Migrator(ALL).migrate(path).backup)
    assert (found.st_uid, found.st_gid) == (65534, 65533)


# -- few of them -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_ten_failed_launches_leave_one_backup_and_copy_the_unchanged_file_once(path, journal):
    Migrator([ONE]).migrate(path)
    query(path, f"PRAGMA journal_mode = {journal}")
    before = content(path)
    copies = set()
    for _ in range(10):
        with pytest.raises(MigrationFailed) as failed:
            Migrator([ONE, FAILS]).migrate(path)
        assert failed.value.backup == str(path) + ".v0001.bak"
        copies.add(identity(failed.value.backup))
    assert len(copies) == 1
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak"]
    assert content(failed.value.backup) == content(path) == before


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_file_that_was_worked_on_between_two_attempts_is_backed_up_anew(path, journal):
    Migrator([ONE]).migrate(path)
    query(path, f"PRAGMA journal_mode = {journal}")
    with pytest.raises(MigrationFailed) as failed:
        Migrator([ONE, FAILS]).migrate(path)
    older = identity(failed.value.backup)
    query(path, "UPDATE notes SET text = 'FIRST' WHERE id = 1")  # the size stays
    with pytest.raises(MigrationFailed) as failed:
        Migrator([ONE, FAILS]).migrate(path)
    assert identity(failed.value.backup) != older
    assert query(failed.value.backup, "SELECT text FROM notes") == [("FIRST",), ("second",)]
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak"]


def test_work_that_is_still_in_the_wal_is_backed_up_anew(path):
    Migrator([ONE]).migrate(path)
    query(path, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path)) as other_window:
        made = Migrator([ONE]).backup(path)
        other_window.execute("UPDATE notes SET text = 'FIRST' WHERE id = 1")
        other_window.commit()
        assert Migrator([ONE]).backup(path) == made
    assert query(made, "SELECT text FROM notes") == [("FIRST",), ("second",)]


def test_a_backup_that_was_cut_short_is_made_again(path):
    Migrator([ONE]).migrate(path)
    made = Path(Migrator([ONE]).backup(path))
    before = content(made)
    os.truncate(made, 4096)
    os.utime(made, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    Migrator([ONE]).backup(path)
    assert content(made) == before


@pytest.mark.parametrize(("keep", "kept"), [(1, [5]), (2, [5, 4]), (3, [5, 4, 3]), (9, [5, 4, 3, 2, 1])])
def test_the_backups_of_the_newest_versions_are_kept(path, keep, kept):
    shipped = [sql(version, f"CREATE TABLE t{version} (x)") for version in range(1, 7)]
    for version in range(1, 7):
        Migrator(shipped, backups=keep).migrate(path, to=version)
    assert [Path(n).name for n in Migrator(shipped).backups(path)] == [f"notes.db.v{v:04}.bak" for v in kept]


def test_the_backup_that_was_just_made_is_kept_although_its_version_is_the_oldest(path):
    for version in (1, 2, 3):
        Migrator(ALL).migrate(path, to=version)
    Migrator(ALL).rollback(path, to=1)
    made = Migrator(ALL, backups=2).migrate(path).backup
    assert made == str(path) + ".v0001.bak"
    assert [Path(n).name for n in Migrator(ALL).backups(path)] == ["notes.db.v0003.bak", "notes.db.v0001.bak"]


def test_backups_0_makes_none_and_deletes_none(path):
    Migrator([ONE]).migrate(path)
    assert Migrator([ONE, TWO]).migrate(path).backup is not None
    report = Migrator(ALL, backups=0).migrate(path)
    assert report.backup is None
    assert Migrator(ALL, backups=0).rollback(path, to=1).backup is None
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak"]


NO_BACKUPS = [
    "notes.db.vX.bak",
    "notes.db.v.bak",
    "notes.db.v-1.bak",
    "notes.db.v0001",
    "notes.db.v0001.bak.txt",
    "notes.db.v²³.bak",
    "notes.db.version 1.bak",
    "notes.db.0001.bak",
    "old notes.db.v0001.bak",
    "notes.v0001.bak",
]


def test_a_file_that_only_looks_like_a_backup_is_not_counted_and_not_deleted(path):
    for name in NO_BACKUPS:
        path.with_name(name).write_text("somebody else's")
    Migrator([ONE]).migrate(path)
    assert Migrator(ALL).backups(path) == []
    Migrator([ONE, TWO], backups=1).migrate(path)
    made = Migrator(ALL, backups=1).migrate(path).backup
    assert Migrator(ALL).backups(path) == [made]
    assert {name for name in NO_BACKUPS if path.with_name(name).read_text() != "somebody else's"} == set()


def test_the_backup_of_a_file_whose_name_begins_alike_is_neither_counted_nor_deleted(tmp_path):
    path, other = tmp_path / "notes.db", tmp_path / "notes.db.v2"
    Migrator([ONE]).migrate(other)
    theirs = Migrator([ONE]).backup(other)
    Migrator([ONE]).migrate(path)
    assert Migrator(ALL).backups(path) == []
    Migrator(ALL, backups=1).migrate(path)
    assert Migrator(ALL).backups(other) == [theirs]
    assert query(theirs, "SELECT count(*) FROM notes") == [(2,)]


def test_a_folder_with_a_backup_s_name_is_no_backup(path):
    Migrator([ONE]).migrate(path)
    path.with_name("notes.db.v0000.bak").mkdir()
    assert Migrator(ALL).backups(path) == []
    assert Migrator(ALL, backups=1).migrate(path).after == 3
    assert path.with_name("notes.db.v0000.bak").is_dir()


# -- what a crash or an enemy left -------------------------------------------------------------------------------------


def test_the_half_written_copy_of_a_launch_that_died_is_replaced(path):
    Migrator([ONE]).migrate(path)
    before = content(path)
    for end in ("", "-journal", "-wal"):
        path.with_name("notes.db.v0001.bak.part" + end).write_bytes(b"half a copy" * 500)
    made = Migrator(ALL).migrate(path).backup
    assert content(made) == before
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak"]


@posix
@pytest.mark.parametrize("name", ["notes.db.v0001.bak.part", "notes.db.v0001.bak"])
@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_a_link_that_somebody_put_in_a_backup_s_place_is_not_followed(tmp_path, name, there):
    path, victim = tmp_path / "app" / "notes.db", tmp_path / "victim"
    Migrator([ONE]).migrate(path)
    if there:
        victim.write_text("precious")
    path.with_name(name).symlink_to(victim)
    made = Path(Migrator(ALL).migrate(path).backup)
    assert not made.is_symlink()
    assert query(made, "SELECT count(*) FROM notes") == [(2,)]
    assert victim.read_text() == "precious" if there else not victim.exists()


@pytest.mark.parametrize("name", ["notes.db.v0001.bak.part", "notes.db.v0001.bak"])
def test_a_folder_in_a_backup_s_place_is_told_and_nothing_is_changed(path, name):
    Migrator([ONE]).migrate(path)
    path.with_name(name).mkdir()
    before, there = fingerprint(path), names(path.parent)
    with pytest.raises(UnusablePath, match=r"^The backup|^the backup notes\.db\.v0001\.bak can't be made: "):
        Migrator(ALL).migrate(path)
    assert fingerprint(path) == before
    assert names(path.parent) == there


# -- killed ------------------------------------------------------------------------------------------------------------

LARGE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text BLOB)", "DROP TABLE notes")
KILLED = """
    import os, signal, sys
    from pathlib import Path
    from embedmig import Migrator
    from test_backup import LARGE, TWO

    path = Path(sys.argv[1])

    class Copying:
        phase = ""

        def on_progress(self, progress):
            self.phase = progress.phase

        def is_set(self):  # asked after each stretch of the copy
            part = path.with_name("notes.db.v0001.bak.part")
            if self.phase == "backing up" and part.exists() and 0 < part.stat().st_size < path.stat().st_size:
                os.kill(os.getpid(), signal.SIGKILL)
            return False

    copying = Copying()
    Migrator([LARGE, TWO]).migrate(path, on_progress=copying.on_progress, cancel=copying)
"""


@posix
def test_a_launch_killed_in_the_middle_of_the_copy_leaves_no_half_backup_and_the_next_one_makes_it(path):
    Migrator([LARGE]).migrate(path)
    query(path, "INSERT INTO notes (text) VALUES (zeroblob(20000000)), ('last')")
    before = fingerprint(path)
    with start(KILLED, path) as process:
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    # the journal is that of the run's first write, which says that the file may be written; it goes with the next launch
    assert set(names(path.parent)) - {"notes.db-journal"} == {"notes.db", "notes.db.v0001.bak.part"}
    assert fingerprint(path) == before
    assert Migrator([LARGE, TWO]).backups(path) == []
    made = Migrator([LARGE, TWO]).migrate(path).backup
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak"]
    assert query(made, "SELECT length(text) FROM notes") == [(20_000_000,), (4,)]


def killable(path: Path) -> None:
    """What is killed at every moment in the test below."""
    Migrator([ONE]).backup(path)


def found_after_a_kill(path: Path) -> str:
    """What a launch that comes after it finds, and what it makes of it."""
    backup = path.with_name("notes.db.v0001.bak")
    assert query(path, "SELECT text FROM notes WHERE id = 3") == [("new",)]
    found = query(backup, "SELECT count(*) FROM notes")[0][0] if backup.exists() else 0
    assert Migrator([ONE, TWO]).migrate(path).backup == str(backup)
    assert content(backup)["notes"] == content(path)["notes"]
    assert not list(path.parent.glob("*.part*"))
    return {0: "none", 2: "the older", 3: "the newer"}[found]


@posix
@pytest.mark.parametrize("older", [False, True], ids=["the first backup", "one that replaces an older"])
def test_a_backup_killed_at_any_moment_is_whole_or_not_there(tmp_path, older):
    path = tmp_path / "template" / "notes.db"
    Migrator([ONE]).migrate(path)
    if older:
        Migrator([ONE]).backup(path)
    query(path, "INSERT INTO notes (text) VALUES ('new')")
    found = after_kills(killable, found_after_a_kill, path.parent)
    assert set(found) <= {"the older" if older else "none", "the newer"}
    assert found[0] == ("the older" if older else "none")
    assert found[-1] == "the newer"


# -- failure ---------------------------------------------------------------------------------------------------------


def _cancelled(event):
    event.set()


def _interrupted(event):
    raise KeyboardInterrupt


def _raising(event):
    raise ZeroDivisionError("in the app's own callback")


@pytest.mark.parametrize(
    ("then", "raises"),
    [(_cancelled, MigrationCancelled), (_interrupted, KeyboardInterrupt), (_raising, ZeroDivisionError)],
    ids=["cancelled", "interrupted", "an error of the callback"],
)
@pytest.mark.parametrize("older", [False, True], ids=["the first", "over an older one"])
def test_what_stops_a_backup_leaves_nothing_of_it_behind(path, then, raises, older):
    Migrator([BULKY]).migrate(path)
    if older:
        Migrator([BULKY]).backup(path)
        query(path, "UPDATE notes SET text = 'changed'")
    before = {entry.name: entry.read_bytes() for entry in path.parent.iterdir()}
    stop = threading.Event()

    def on_progress(progress):
        if progress.phase == "backing up":
            then(stop)

    with pytest.raises(raises):
        Migrator([BULKY, TWO]).migrate(path, on_progress=on_progress, cancel=stop)
    assert {entry.name: entry.read_bytes() for entry in path.parent.iterdir()} == before


@pytest.mark.parametrize(
    "verb",
    [
        lambda path: Migrator([BULKY, TWO]).migrate(path),
        lambda path: Migrator([BULKY]).backup(path),
        lambda path: Migrator([BULKY]).reset(path),
    ],
    ids=["migrate", "backup", "reset"],
)
def test_a_damaged_file_is_not_backed_up_and_its_backup_is_not_replaced(path, verb):
    Migrator([BULKY]).migrate(path)
    good = identity(Migrator([BULKY]).backup(path))
    damage(path)
    before = fingerprint(path)
    with pytest.raises(DatabaseDamaged) as damaged:
        verb(path)
    assert (damaged.value.data_is_safe, damaged.value.may_offer_reset) == (False, True)
    assert damaged.value.path == str(path)
    assert "***" not in str(damaged.value), "SQLite's heading, where its finding should be"
    assert fingerprint(path) == before
    assert identity(path.with_name("notes.db.v0001.bak")) == good
    assert names(path.parent) == ["notes.db", "notes.db.v0001.bak"]


def test_a_copy_that_can_not_be_opened_leaves_the_file_closed(path, monkeypatch):
    Migrator(ALL).migrate(path)
    opened, read, write = [], file.connect_to_read, file.connect

    def refuse_the_copy(name: str, **more: int) -> sqlite3.Connection:
        if name.endswith(".part"):
            raise sqlite3.OperationalError("unable to open database file")  # too many open files, say
        return write(name, **more)

    monkeypatch.setattr(file, "connect_to_read", lambda name: opened.append(read(name)) or opened[-1])
    monkeypatch.setattr(file, "connect", refuse_the_copy)
    worked_on(path)
    with pytest.raises(EmbedmigError):
        Migrator([*ALL, sql(4, "CREATE TABLE more (x)")]).migrate(path)
    assert opened
    for conn in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            conn.execute("SELECT 1")


# -- a disk without room ---------------------------------------------------------------------------------------------


@contextmanager
def disk_of(tmp_path: Path, megabytes: int):
    """A real disk that is soon full: a tmpfs, which only root may mount, and only on Linux."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    if sys.platform != "linux":
        pytest.skip("NO SMALL DISK: tmpfs is Linux's; what a full disk does stays untested here")
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    with suppress(FileNotFoundError):
        mounted = subprocess.run(command, capture_output=True, text=True)
        if mounted.returncode == 0:
            try:
                yield folder
            finally:
                subprocess.run(["umount", str(folder)], check=True)
            return
    pytest.skip("NO SMALL DISK: this user may not mount a tmpfs; what a full disk does stays untested here")


@pytest.fixture
def small_disk(tmp_path):
    with disk_of(tmp_path, 10) as folder:
        yield folder


def filled(folder: Path, megabytes: int) -> Path:
    """A file with so much in it."""
    path = folder / "notes.db"
    Migrator([LARGE]).migrate(path)
    for _ in range(megabytes):
        query(path, "INSERT INTO notes (text) VALUES (zeroblob(1000000))")
    return path


def test_no_room_for_the_backup_is_an_error_before_anything_starts(small_disk):
    path = filled(small_disk, 6)
    before = content(path)
    phases = []
    with pytest.raises(DiskFull) as full:
        Migrator([LARGE, TWO]).migrate(path, on_progress=lambda p: phases.append(p.phase))
    assert phases == []
    assert re.fullmatch(
        r"The disk is full: the backup needs 6\.\d MB and 4\.\d MB are free\. Nothing was changed\."
        r" Free some space and start the app again\.",
        str(full.value),
    )
    assert (full.value.path, full.value.data_is_safe) == (str(path), True)
    assert content(path) == before
    assert names(small_disk) == ["notes.db"]


@pytest.mark.parametrize(
    "verb",
    [
        lambda path: Migrator([LARGE]).backup(path),
        lambda path: Migrator([LARGE]).rollback(path, to=0),
        lambda path: Migrator([LARGE]).reset(path),
        lambda path: Migrator([LARGE]).restore(path, path.parent.parent / "older.bak"),
        lambda path: _on(sqlite3.connect(path), Migrator([LARGE, TWO]).migrate),
    ],
    ids=["backup", "rollback", "reset", "restore", "migrate a connection"],
)
def test_a_disk_without_room_for_the_backup_stops_every_verb_before_it_changes_anything(small_disk, verb):
    Migrator([LARGE]).migrate(small_disk.parent / "older.bak")
    path = filled(small_disk, 6)
    before = content(path)
    with pytest.raises(DiskFull) as full:
        verb(path)
    assert (full.value.path, full.value.data_is_safe) == (str(path), True)
    assert content(path) == before
    assert names(small_disk) == ["notes.db"]


def test_a_restore_over_no_database_that_finds_no_room_leaves_what_was_there_in_its_place(small_disk):
    older = filled(small_disk.parent, 6)
    path = small_disk / "notes.db"
    path.write_bytes(b"Dear diary,\n" * 500_000)
    before = fingerprint(path)
    with pytest.raises(DiskFull) as full:
        Migrator([LARGE]).restore(path, older)
    assert "Nothing was changed." in str(full.value)
    assert names(small_disk) == ["notes.db"]
    assert fingerprint(path) == before


def test_a_disk_that_is_full_although_there_seemed_to_be_room_leaves_no_half_backup(small_disk):
    path = filled(small_disk, 1)
    query(path, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path)) as writer:  # what it writes is in -wal, and not seen in the file's size
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("INSERT INTO notes (text) VALUES (zeroblob(4500000))")
        writer.commit()
        with pytest.raises(DiskFull) as full:
            Migrator([LARGE, TWO]).migrate(path)
        assert full.value.data_is_safe
        assert query(path, "SELECT count(*), sum(length(text)) FROM notes") == [(2, 5_500_000)]
        assert names(small_disk) == ["notes.db"]


def test_without_backups_there_need_not_be_room_for_one(small_disk):
    path = filled(small_disk, 6)
    assert Migrator([LARGE, TWO], backups=0).migrate(path).after == 2


def test_a_backup_that_already_stands_needs_no_room_again(small_disk):
    path = filled(small_disk, 4)
    fails = sql(2, "INSERT INTO nowhere VALUES (1)")
    for _ in range(2):
        with pytest.raises(MigrationFailed):
            Migrator([LARGE, fails]).migrate(path)
    assert Migrator([LARGE, TWO]).migrate(path).after == 2


@pytest.mark.parametrize(
    ("journal", "megabytes", "warned"),
    [
        ("delete", 2, None),
        ("wal", 2, None),
        ("delete", 3, r"7\.\d MB are free on its disk; a run may need up to 9\.\d MB"),
        ("wal", 3, r"7\.\d MB are free on its disk; a run may need up to 12\.\d MB"),
    ],
)
def test_a_disk_with_little_room_is_warned_about(small_disk, caplog, journal, megabytes, warned):
    path = filled(small_disk, megabytes)
    query(path, f"PRAGMA journal_mode = {journal}")
    Migrator([LARGE, TWO]).migrate(path)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == bool(warned)
    assert not warned or re.fullmatch(re.escape(f"{path}: ") + warned, warnings[0])
