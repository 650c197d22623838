"""What the fault laboratory (tests/faults) found in embedmig, each as a sentence of its own."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from faults import child, points, subjects, vfs
from faults.child import Fault, Outcome
from helpers import query, sql

from embedmig import DatabaseDamaged, DiskFull, EmbedmigError, Migrator

ONE = sql(1, "CREATE TABLE t (x)")
TWO = sql(2, "ALTER TABLE t ADD COLUMN y; UPDATE t SET y = length(x)")
THREE = sql(3, "CREATE INDEX t_x ON t (x)")

pytestmark = pytest.mark.skipif(vfs.why_not() is not None, reason=str(vfs.why_not()))

UNREADABLE = Fault("EIO once", frozenset({"read"}), errno.EIO)
FULL = Fault("ENOSPC for ever", child.GROW, errno.ENOSPC, lasting=True)
DEAD = Fault("EIO for ever", child.CHANGE | {"open"}, errno.EIO, lasting=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file at version 1 with some pages of rows, and some that are free, in a folder of its own."""
    path = tmp_path / "point" / "notes.db"
    Migrator([ONE]).migrate(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.executemany("INSERT INTO t VALUES (?)", [(f"{n} " * 50,) for n in range(200)])
        conn.executescript("CREATE TABLE old AS SELECT * FROM t; DROP TABLE old;")
        conn.commit()
    return path


def each(act: Callable[[Path], object], path: Path, fault: Fault) -> Iterator[Outcome]:
    """What became of the process, for every place at which the fault can strike: the file is then as it was left."""
    before = path.parent.with_name("before")
    shutil.copytree(path.parent, before)
    for k in range(1, child.points(fault, child.operations(act, path)) + 1):
        shutil.rmtree(path.parent)
        shutil.copytree(before, path.parent)
        yield child.broken(act, path, fault, k)


def version_of(path: Path) -> object:
    return query(path, "SELECT max(version) FROM _migrations")[0][0]


def open_it(path: Path) -> None:
    Migrator([ONE, TWO], backups=0).connect(path).close()


def restore_it(path: Path) -> None:
    Migrator([ONE]).restore(path)


def test_a_page_that_could_not_be_read_once_is_no_damage_and_no_reason_to_reset(path: Path) -> None:
    errors = [outcome.error for outcome in each(open_it, path, UNREADABLE) if outcome.error]
    assert len(errors) > 10
    assert {type(error) for error in errors if isinstance(error, DatabaseDamaged) or error.may_offer_reset} == set()
    checked = "notes.db: SQLite says: disk I/O error. Nothing was changed. Start the app again; if it happens again, check the disk."
    assert checked in {str(error).replace(f"{path.parent}/", "") for error in errors}


def test_a_file_that_could_not_be_read_once_is_not_moved_aside_by_restore(path: Path) -> None:
    Migrator([ONE]).backup(path)
    query(path, "INSERT INTO t VALUES ('of today')")
    for _ in each(restore_it, path, UNREADABLE):
        assert list(path.parent.glob("*.unreadable")) == []


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_disk_that_stays_full_is_called_full_wherever_it_shows_and_the_words_about_the_file_are_true(
    path: Path, mode: str
) -> None:
    query(path, f"PRAGMA journal_mode = {mode}")
    told = set()
    for outcome in each(open_it, path, FULL):
        if outcome.error is None:  # only what comes after the last write that counts was refused
            assert version_of(path) == 2
            continue
        assert isinstance(outcome.error, DiskFull), outcome.text
        version = version_of(path)
        assert outcome.error.version in (version, None)
        told.add((version, outcome.error.kept))
    assert (1, "Everything was undone: notes.db is still at version 1.") in told
    after = {(2, "Before that notes.db was brought to version 2.")} if mode == "WAL" else set()
    assert {text for text in told if text[0] == 2} == after


def test_a_disk_that_dies_after_a_first_commit_is_not_said_to_have_changed_nothing(path: Path) -> None:
    def act(path: Path) -> None:
        Migrator([ONE, TWO, THREE], backups=0, atomic="migration").migrate(path)

    told = set()
    for outcome in each(act, path, DEAD):
        version = version_of(path)
        if outcome.error is not None:
            assert isinstance(outcome.error, EmbedmigError), outcome.text
            told.add((version, outcome.error.kept))
    assert (2, "What follows 002_step was undone.") in told
    assert {
        kept for version, kept in told if version > 1 and kept in ("Nothing was changed.", "Everything was undone.")
    } == set()


def test_a_commit_of_which_nobody_can_know_is_told_without_a_version(path: Path) -> None:
    query(path, "PRAGMA journal_mode = WAL")
    unknown = [
        outcome.error.version
        for outcome in each(open_it, path, DEAD)
        if isinstance(outcome.error, EmbedmigError) and outcome.error.kept.startswith("Whether the last change")
    ]
    assert unknown
    assert set(unknown) == {None}


def test_a_folder_that_could_not_be_looked_at_once_is_there_all_the_same(tmp_path: Path) -> None:
    def act(path: Path) -> None:
        Migrator([ONE]).connect(path).close()

    path = tmp_path / "point" / "notes.db"
    path.parent.mkdir()
    errors = [
        str(outcome.error)
        for outcome in each(act, path, Fault("EIO", frozenset({"os.stat"}), errno.EIO))
        if outcome.error
    ]
    assert errors
    assert [error for error in errors if "File exists" in error] == []


@pytest.mark.parametrize("mode", ["rollback journal", "WAL"])
def test_of_a_migration_outside_a_transaction_is_not_told_what_nobody_knows(tmp_path, mode):
    bench = points.Bench(subjects.named(f"transactional=False in the middle, {mode}"), tmp_path)
    found = bench.run(Fault("a dead disk, from one sync on", frozenset({"sync"}), errno.EIO, lasting=True))
    assert found.complaints == []
