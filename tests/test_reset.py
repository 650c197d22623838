"""A reset deletes only what is safe to delete, keeps a copy, and builds the file again from version 1."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from helpers import content, query, script, sql, start, write
from test_restore import (
    ALL,
    CRASHES,
    DOING,
    USER,
    after_kills,
    crashed,
    first_note,
    linux,
    names,
    posix,
    sidecars,
    with_its_function,
    worked_on,
)

import embedmig
from embedmig import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseTooNew,
    DefinitionError,
    ForeignDatabase,
    HistoryMismatch,
    MigrationFailed,
    Migrator,
    NotADatabase,
    UnusablePath,
    UsageError,
)

ONE, TWO, THREE = ALL
IDS = ("001_step", "002_step", "003_step")
FRESH = f"{1:0500}"  # the first note of a file that was just built


@pytest.fixture
def used(path):
    """A file at version 3 on which the user has worked."""
    Migrator(ALL).migrate(path)
    worked_on(path)
    return path


def everything(folder: Path) -> dict[str, bytes]:
    """Every name in a folder and every byte, but for what SQLite leaves beside a file that was only read."""
    return {name: (folder / name).read_bytes() for name in names(folder) if (folder / name).is_file()}


# -- what it does ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_reset_builds_the_file_from_version_1_and_keeps_a_copy_of_what_was_there(used, journal):
    query(used, f"PRAGMA journal_mode = {journal}")
    before = content(used)
    report = Migrator(ALL).reset(used)
    assert sidecars(used) == []
    assert (report.path, report.before, report.after, report.ran) == (str(used), 3, 3, IDS)
    assert report.duration_s > 0
    assert report.backup == f"{used}.v0003-reset.bak"
    assert content(report.backup) == before
    assert first_note(used) == FRESH
    assert names(used.parent) == ["notes.db", "notes.db.v0003-reset.bak"]


def test_a_reset_keeps_no_copy_where_that_is_asked_for(used):
    report = Migrator(ALL).reset(used, keep_backup=False)
    assert report.backup is None
    assert first_note(used) == FRESH
    assert names(used.parent) == ["notes.db"]


def test_a_reset_keeps_a_copy_even_of_an_app_that_makes_no_backups(used):
    before = content(used)
    report = Migrator(ALL, backups=0).reset(used)
    assert content(report.backup) == before


def test_the_copy_that_a_reset_kept_outlives_the_next_upgrade(path):
    Migrator([ONE]).migrate(path)
    worked_on(path)
    Migrator([ONE]).reset(path)
    Migrator(ALL).migrate(path)  # which backs up the new file, of the same version
    assert "written by the user" in {first_note(backup) for backup in Migrator(ALL).backups(path)}


def test_the_copy_that_a_reset_kept_can_be_restored(used):
    before = content(used)
    Migrator(ALL).restore(used, Migrator(ALL).reset(used).backup)
    assert content(used) == before


def test_an_older_file_is_not_migrated_before_it_is_reset(path):
    Migrator([ONE]).migrate(path)
    report = Migrator([ONE, sql(2, "INSERT INTO notes (id, text) SELECT max(id) + 1, 'x' FROM notes"), THREE]).reset(
        path
    )
    assert (report.before, report.after) == (1, 3)
    assert report.backup == f"{path}.v0001-reset.bak"
    assert query(report.backup, "SELECT count(*) FROM _migrations") == [(1,)]


@pytest.mark.parametrize("there", ["nothing", "not even a folder", "no bytes"])
def test_a_missing_file_is_just_built(tmp_path, there):
    path = tmp_path / ("a/new/folder" if there == "not even a folder" else "") / "notes.db"
    if there == "no bytes":
        path.touch()
    report = Migrator(ALL).reset(path)
    assert (report.before, report.after, report.ran, report.backup) == (0, 3, IDS, None)
    assert first_note(path) == FRESH
    assert names(path.parent) == ["notes.db"]


@posix
@pytest.mark.parametrize("left", CRASHES)
def test_what_a_crash_left_beside_the_file_is_recovered_into_the_copy_and_gone(used, left):
    crashed(used, left)
    report = Migrator(ALL).reset(used)
    assert sidecars(used) == []
    assert query(used, "SELECT text FROM notes WHERE id = 2") == [(f"{2:0500}",)]
    kept = query(report.backup, "SELECT text FROM notes WHERE id IN (1, 2)")
    assert kept == [("written by the user",), ("in the wal" if left == "a wal" else f"{2:0500}",)]


@posix
@pytest.mark.parametrize("left", CRASHES)
def test_sidecars_without_their_file_do_no_harm_to_the_file_that_is_built(used, left):
    crashed(used, left)
    used.unlink()
    Migrator(ALL).reset(used)
    assert first_note(used) == FRESH
    assert content(used)["schema"]


NEIGHBOURS = [
    "notes.db.part",
    "notes.db.bak",
    "notes.db-wal2",
    "notes.db-journal.txt",
    "notes.db-mj12345678",
    "notes.db.unreadable",
    "notes.dbx",
    "notes.db ",
    "notes",
    "notes-wal",
    "other.db",
    "other.db-wal",
    "other.db-journal",
]


@pytest.mark.parametrize("options", [{}, {"keep_backup": False}, {"force": True}], ids=["", "without copy", "forced"])
def test_nothing_but_the_file_and_its_three_sidecars_is_deleted(used, options):
    for name in NEIGHBOURS:
        used.with_name(name).write_text("somebody else's")
    query(used, "PRAGMA journal_mode = WAL")
    Migrator(ALL).reset(used, **options)
    assert first_note(used) == FRESH
    assert [name for name in NEIGHBOURS if used.with_name(name).read_text() != "somebody else's"] == []


def test_a_file_with_pages_of_another_size_is_reset(used):
    with closing(sqlite3.connect(used)) as conn:
        conn.execute("PRAGMA page_size = 8192")
        conn.execute("VACUUM")
    Migrator(ALL).reset(used)
    assert first_note(used) == FRESH


def test_a_file_whose_checks_use_the_app_s_functions_is_reset(path):
    one = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT CHECK (is_polite(text)))")
    migrator = Migrator([one], prepare=with_its_function)
    migrator.migrate(path)
    query(path, "CREATE TABLE more (x)")
    assert migrator.reset(path).ran == ("001_step",)
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'more'") == [(0,)]


# -- before anything is deleted ------------------------------------------------------------------------------------------


def test_wrong_migrations_are_found_before_anything_is_deleted(used, tmp_path):
    shipped = write(tmp_path / "m", **{"001_a.sql": "CREATE TABLE a (x)", "003_b.sql": "CREATE TABLE b (x)"})
    before = everything(used.parent)
    with pytest.raises(DefinitionError):
        Migrator(shipped).reset(used)
    assert everything(used.parent) == before


def test_a_build_that_fails_says_where_the_copy_of_what_was_there_is(used):
    before = content(used)
    with pytest.raises(MigrationFailed) as failed:
        Migrator([*ALL, sql(4, "INSERT INTO nowhere VALUES (1)")]).reset(used)
    assert content(f"{used}.v0003-reset.bak") == before
    assert failed.value.backup == f"{used}.v0003-reset.bak"
    assert failed.value.version == 0


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("doing", DOING)
def test_a_reset_is_refused_while_another_process_has_the_file_open_and_works_when_it_closes(used, journal, doing):
    query(used, f"PRAGMA journal_mode = {journal}")
    before, there = content(used), names(used.parent)
    with start(USER, used, doing) as user:
        assert user.stdout.readline() == "has it open\n", user.stderr.read()
        with pytest.raises(DatabaseBusy, match=r"^notes\.db is busy: another process has it open") as busy:
            Migrator(ALL, timeout=0.2).reset(used, keep_backup=False, force=True)
        assert "Nothing was changed. Close other windows of the app and try again." in str(busy.value)
        assert not busy.value.may_offer_reset
        user.communicate("enough", timeout=60)
    assert user.returncode == 0
    assert content(used) == before
    assert names(used.parent) == there
    assert Migrator(ALL).reset(used).ran == IDS


@linux
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_reset_is_refused_while_this_very_process_has_the_file_open(used, journal):
    query(used, f"PRAGMA journal_mode = {journal}")
    before = content(used)
    with embedmig.open(used, ALL) as db:
        with pytest.raises(DatabaseBusy, match=r"^notes\.db is busy: this very process has it open"):
            Migrator(ALL, timeout=0.2).reset(used)
        assert db["notes"].get(1)["text"] == "written by the user"
    assert content(used) == before
    assert Migrator(ALL).reset(used).ran == IDS


SLOW_LAUNCH = """
    import sys
    from embedmig import Migration, Migrator
    from test_restore import ALL

    def up(db):
        print("in up", flush=True)
        sys.stdin.readline()

    Migrator([*ALL, Migration("004_slow", 4, "", up)]).migrate(sys.argv[1])
"""


def test_a_reset_is_refused_while_another_launch_upgrades_the_file(used):
    with start(SLOW_LAUNCH, used) as launch:
        assert launch.stdout.readline() == "in up\n", launch.stderr.read()
        with pytest.raises(DatabaseBusy):
            Migrator(ALL, timeout=0.2).reset(used)
        launch.communicate("enough", timeout=60)
    assert launch.returncode == 0
    assert query(used, "SELECT max(version) FROM _migrations") == [(4,)]
    assert first_note(used) == "written by the user"


# -- whose file it is ----------------------------------------------------------------------------------------------------


def _application_id(path: Path) -> None:
    query(path, "PRAGMA application_id = 7")


def _no_history(path: Path) -> None:
    query(path, "DROP TABLE _migrations")


def _history_of_something_else(path: Path) -> None:
    query(path, "DROP TABLE _migrations")
    query(path, "CREATE TABLE _migrations (bird TEXT)")
    query(path, "INSERT INTO _migrations VALUES ('swallow')")


def _history_with_doubles(path: Path) -> None:
    query(path, "CREATE TABLE double AS SELECT * FROM _migrations")
    query(path, "DROP TABLE _migrations")
    query(path, "ALTER TABLE double RENAME TO _migrations")
    query(path, "UPDATE _migrations SET version = 1")


def _too_new(path: Path) -> None:
    Migrator([*ALL, sql(4, "CREATE TABLE later (x)")]).migrate(path)
    path.with_name("notes.db.v0003.bak").unlink()


OTHERS = {
    "of another app": (_application_id, ForeignDatabase, None),
    "without a history": (_no_history, ForeignDatabase, None),
    "with a history of something else": (_history_of_something_else, ForeignDatabase, None),
    "with two rows for one version": (_history_with_doubles, HistoryMismatch, None),
    "too new": (_too_new, DatabaseTooNew, 4),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_that_is_not_this_app_s_is_refused(used, kind):
    spoil, error, _ = OTHERS[kind]
    spoil(used)
    before = everything(used.parent)
    with pytest.raises(error) as refused:
        Migrator(ALL, application_id=1).reset(used)
    assert refused.value.path == str(used)
    assert "Nothing was changed." in str(refused.value)
    assert everything(used.parent) == before


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_that_is_not_this_app_s_is_reset_by_force_and_a_copy_is_kept(used, kind):
    spoil, _, version = OTHERS[kind]
    spoil(used)
    before = content(used)
    report = Migrator(ALL, application_id=1).reset(used, force=True)
    assert (report.after, report.ran) == (3, IDS)
    assert version is None or report.before == version
    assert first_note(used) == FRESH
    assert content(report.backup) == before


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_that_is_not_this_app_s_is_reset_by_force_without_a_copy(used, kind):
    OTHERS[kind][0](used)
    assert Migrator(ALL, application_id=1).reset(used, force=True, keep_backup=False).backup is None
    assert first_note(used) == FRESH
    assert names(used.parent) == ["notes.db"]


def _noise(path: Path) -> None:
    path.write_bytes(bytes(range(1, 256)) * 100)


def _short(path: Path) -> None:
    path.write_text("Dear diary,\n")


def _text(path: Path) -> None:
    path.write_text("Dear diary,\n" * 1000)


def _damaged_page(path: Path) -> None:
    with path.open("r+b") as handle:
        handle.seek(4096 * 10)
        handle.write(b"\xff" * 4096)


def _cut_short(path: Path) -> None:
    os.truncate(path, 4096 * 7 + 1000)


UNREADABLE = {
    "noise": (_noise, NotADatabase),
    "short": (_short, NotADatabase),
    "text": (_text, NotADatabase),
    "damaged": (_damaged_page, DatabaseDamaged),
    "cut short": (_cut_short, DatabaseDamaged),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_cannot_be_read_is_refused(used, kind):
    spoil, error = UNREADABLE[kind]
    spoil(used)
    before = everything(used.parent)
    with pytest.raises(error) as refused:
        Migrator(ALL).reset(used)
    assert refused.value.path == str(used)
    assert everything(used.parent) == before


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_cannot_be_read_is_reset_by_force_and_moved_aside(used, kind):
    UNREADABLE[kind][0](used)
    spoilt = used.read_bytes()
    report = Migrator(ALL).reset(used, force=True)
    assert (report.before, report.after, report.ran) == (0, 3, IDS)
    assert first_note(used) == FRESH
    assert report.backup == f"{used}.unreadable"
    assert Path(report.backup).read_bytes() == spoilt
    assert names(used.parent) == ["notes.db", "notes.db.unreadable"]


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_cannot_be_read_is_deleted_by_force_where_no_copy_is_asked_for(used, kind):
    UNREADABLE[kind][0](used)
    assert Migrator(ALL).reset(used, force=True, keep_backup=False).backup is None
    assert first_note(used) == FRESH
    assert names(used.parent) == ["notes.db"]


# -- places ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("force", [False, True])
def test_a_database_in_memory_has_no_file_to_delete(force):
    with pytest.raises(UsageError, match=r"(?i)^a database in memory has no file to delete\."):
        Migrator(ALL).reset(":memory:", force=force)


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_is_not_reset(tmp_path, force):
    folder = tmp_path / "notes.db"
    folder.mkdir()
    (folder / "inside").write_text("precious")
    with pytest.raises(UnusablePath, match=f"{folder} is a folder"):
        Migrator(ALL).reset(folder, force=force)
    assert (folder / "inside").read_text() == "precious"
    assert names(tmp_path) == ["notes.db"]


@posix
def test_a_pipe_is_not_reset(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UnusablePath, match="a device or a pipe"):
        Migrator(ALL).reset(pipe, force=True)
    assert pipe.is_fifo()


@posix
def test_a_file_with_two_names_is_not_reset(used, tmp_path):
    os.link(used, tmp_path / "second.db")
    before = everything(tmp_path)
    with pytest.raises(UnusablePath, match="hard links"):
        Migrator(ALL).reset(used, force=True)
    assert everything(tmp_path) == before


@posix
@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_a_link_stays_and_its_target_is_reset(tmp_path, there):
    target, link = tmp_path / "real" / "notes.db", tmp_path / "link.db"
    target.parent.mkdir()
    link.symlink_to(target)
    if there:
        Migrator(ALL).migrate(link)
        worked_on(target)
        query(target, "PRAGMA journal_mode = WAL")
    report = Migrator(ALL).reset(link)
    assert link.is_symlink()
    assert first_note(target) == first_note(link) == FRESH
    assert report.backup == (f"{target}.v0003-reset.bak" if there else None)
    assert names(tmp_path) == ["link.db", "real"]


NOBODY = """
    import os, sys
    import embedmig
    from embedmig import Migrator
    from test_restore import ALL

    path, scratch = sys.argv[1:]
    for _ in range(2):  # everything is imported now, what a failure needs included
        Migrator(ALL).reset(scratch)
    try:
        Migrator(ALL).reset(os.path.dirname(scratch))
    except embedmig.EmbedmigError:
        embedmig.DatabaseReadOnly, embedmig.UnusablePath, embedmig.DatabaseBusy
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    for options in ({}, {"keep_backup": False}, {"force": True, "keep_backup": False}):
        try:
            Migrator(ALL).reset(path, **options)
            print("reset")
        except embedmig.EmbedmigError as error:
            print(type(error).__name__, error)
"""


@posix
@pytest.mark.parametrize(
    ("there", "file", "folder"),
    [(True, 0o666, 0o555), (True, 0o444, 0o777), (False, 0o666, 0o555)],
    ids=[
        "a file in a folder that may only be read",
        "a file that may only be read",
        "an empty folder that may only be read",
    ],
)
def test_what_may_only_be_read_is_told_and_nothing_is_changed(used, tmp_path, there, file, folder):
    with tempfile.TemporaryDirectory() as shelf:  # pytest's own folders are for one user only
        path = Path(shelf) / "notes.db"
        if there:
            shutil.copy(used, path)
            path.chmod(file)
        Path(shelf).chmod(folder)
        before = everything(path.parent)
        said = script(NOBODY, path, tmp_path / "scratch.db").stdout.splitlines()
        assert everything(path.parent) == before
        Path(shelf).chmod(0o755)
        why = "write the file" if folder == 0o777 else f"write in the folder {shelf}"
    expected = f"DatabaseReadOnly notes.db can't be written: this user may not {why}. Nothing was changed."
    assert len(said) == 3
    assert [line for line in said if not line.startswith(expected)] == []


# -- killed ------------------------------------------------------------------------------------------------------------


def resetting(path: Path) -> None:
    """What is killed in the test below."""
    Migrator(ALL).reset(path)


def old_empty_or_new(path: Path) -> str:
    """What a launch finds after a kill, and that it works; `old.db` is a clean copy of what was there."""
    old, backup = content(path.with_name("old.db")), Path(f"{path}.v0003-reset.bak")
    query(path, "SELECT count(*) FROM sqlite_master")  # recovers what the kill left
    now = content(path)
    found = "old" if now == old else "new" if len(now.get("_migrations", ())) == 3 else "empty"
    assert found != "empty" or now["schema"] == []
    if found != "old" or backup.exists():
        assert content(backup) == old
    assert Migrator(ALL).migrate(path).after == 3
    assert first_note(path) == ("written by the user" if found == "old" else FRESH)
    return found


@posix
@pytest.mark.parametrize("left", ["nothing", "nothing, in WAL mode", *CRASHES])
def test_a_reset_killed_at_any_moment_leaves_the_old_content_or_an_empty_file(used, tmp_path, left):
    query(used, f"PRAGMA journal_mode = {'WAL' if 'wal' in left.lower() else 'DELETE'}")
    if left in CRASHES:
        crashed(used, left)
    template = tmp_path / "template"
    template.mkdir()
    for entry in tmp_path.glob("notes.db*"):
        shutil.copy(entry, template)
    query(used, "SELECT count(*) FROM sqlite_master")  # recovered
    with closing(sqlite3.connect(used)) as source, closing(sqlite3.connect(template / "old.db")) as clean:
        source.backup(clean)
    found = after_kills(resetting, old_empty_or_new, template)
    assert set(found) <= {"old", "empty", "new"}
    assert {"old", "empty"} <= set(found)
    assert (found[0], found[-1]) == ("old", "new")


def fails_with_a_cursor_of_its_own(db):
    cursor = db.conn.cursor()
    cursor.execute("SELECT * FROM notes")
    cursor.fetchone()
    raise ValueError("after the first row")


def fails_while_it_mends_another_error(db):
    try:
        fails_with_a_cursor_of_its_own(db)
    except ValueError:
        raise KeyError("the second error") from None


@pytest.mark.parametrize("fails", [fails_with_a_cursor_of_its_own, fails_while_it_mends_another_error])
def test_a_failed_launch_leaves_the_file_closed_so_that_the_app_can_offer_a_reset_at_once(used, fails):
    with pytest.raises(MigrationFailed) as caught:
        Migrator([*ALL, sql(4, fails)]).migrate(used)
    assert Migrator(ALL).reset(used).after == 3
    assert caught.value.id == "004_step"  # the error is still held, as an app that shows it holds it


def test_a_reset_of_a_file_in_which_nothing_is_keeps_no_copy_of_it(path):
    query(path, "CREATE TABLE t (x)")
    query(path, "DROP TABLE t")
    report = Migrator(ALL).reset(path)
    assert report.backup is None
    assert names(path.parent) == ["notes.db"]
