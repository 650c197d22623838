"""What the fault laboratory (tests/faults) found in backup, restore and reset, each as a sentence of its own."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from faults import child, points, vfs
from faults.child import CHANGE, GROW, Fault, Outcome
from helpers import content, sql

from embedmig import DiskFull, EmbedmigError, Migrator, UnusablePath

APP = Migrator([sql(1, "CREATE TABLE t (x)"), sql(2, "CREATE INDEX t_x ON t (x)")], timeout=1.0)

pytestmark = pytest.mark.skipif(vfs.why_not() is not None, reason=str(vfs.why_not()))

DEAD = Fault("EIO for ever", CHANGE | {"open", "os.open"}, errno.EIO, lasting=True)
FULL = Fault("ENOSPC for ever", GROW, errno.ENOSPC, lasting=True)
UNLISTED = Fault("EIO once", frozenset({"os.listdir"}), errno.EIO)
UNRENAMED = Fault("EIO for ever", frozenset({"os.rename", "os.unlink"}), errno.EIO, lasting=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file at version 2 with a backup of version 1, and a row since then; in a folder of its own."""
    path = tmp_path / "point" / "notes.db"
    APP.migrate(path, to=1)
    with closing(sqlite3.connect(path)) as conn:
        conn.executemany("INSERT INTO t VALUES (?)", [(f"{n} " * 50,) for n in range(200)])
        conn.commit()
    APP.migrate(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("INSERT INTO t VALUES ('of today')")
        conn.commit()
    return path


def back_up(path: Path) -> None:
    APP.backup(path)


def restore(path: Path) -> None:
    APP.restore(path)


def reset(path: Path) -> None:
    APP.reset(path)


def some(act: Callable[[Path], None], path: Path, fault: Fault, most: int = 25) -> Iterator[Outcome]:
    """What became of the process, for places evenly spread over those at which the fault can strike: the file is as it was left."""
    before = path.parent.with_name("before")
    shutil.copytree(path.parent, before)
    for k in points.spread(most, seed=1)(child.points(fault, child.operations(act, path))):
        shutil.rmtree(path.parent)
        shutil.copytree(before, path.parent)
        yield child.broken(act, path, fault, k)


@pytest.mark.parametrize("verb", [back_up, restore, reset])
@pytest.mark.parametrize("fault", [DEAD, UNRENAMED], ids=["no disk", "no rename and no delete"])
def test_whatever_the_system_refuses_is_an_error_of_embedmig_and_its_words_are_true(
    path: Path, verb: Callable[[Path], None], fault: Fault
) -> None:
    before = content(path)
    errors = 0
    for outcome in some(verb, path, fault):
        errors += outcome.how == "raised"
        if outcome.how == "raised":
            assert isinstance(outcome.error, EmbedmigError), outcome.text
            if "Nothing was changed" in str(outcome.error):
                assert path.exists() and content(path) == before, outcome.text

    assert errors


def test_a_disk_that_stays_full_is_called_full_by_a_reset_also_after_the_file_was_emptied(path: Path) -> None:
    errors = [outcome.error for outcome in some(reset, path, FULL) if outcome.how == "raised"]

    assert {type(error) for error in errors} == {DiskFull}
    assert any(
        "The file was emptied before that; notes.db.v0002-reset.bak is what was in it." in str(e) for e in errors
    )


def test_a_folder_that_can_not_be_listed_is_not_a_folder_without_backups(path: Path) -> None:
    errors = {
        str(outcome.error) for outcome in some(restore, path, UNLISTED) if isinstance(outcome.error, UnusablePath)
    }

    expected = "The system refuses point: Input/output error. Nothing was changed. Check its permissions and the disk."
    assert expected in errors
    assert not [error for error in errors if "There is no backup" in error]


def test_an_older_backup_that_can_not_be_deleted_is_no_reason_not_to_migrate(path: Path, caplog, monkeypatch) -> None:
    def refuse(*names: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", names[0])

    from embedmig import backup

    last = APP.backup(path)
    monkeypatch.setattr(backup.disk, "remove", refuse)
    backup.prune(str(path), 1, last)

    assert "an older backup can't be deleted and stays" in caplog.text


def test_a_restore_that_raised_changed_nothing_and_one_that_was_made_all_the_same_does_not_raise(path: Path) -> None:
    once = Fault("EIO once", frozenset({"delete", "sync"}), errno.EIO)
    before = content(path)
    for outcome in some(restore, path, once):
        assert (outcome.how == "raised") == (content(path) == before), outcome.text


def test_a_backup_that_could_not_be_looked_at_once_is_not_said_to_be_missing(path: Path) -> None:
    told = [
        outcome
        for outcome in some(restore, path, Fault("EIO once", frozenset({"os.stat"}), errno.EIO))
        if outcome.error
    ]
    assert [outcome.text for outcome in told if "Input/output error" not in outcome.text] == []
    assert {isinstance(outcome.error, EmbedmigError) for outcome in told} == {True}
