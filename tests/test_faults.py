"""A sample of the fault laboratory: every subject broken by every fault, at a few places of each. `make faults` tries them all."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from faults import child, remains, subjects, vfs
from faults.child import FAULTS, Fault, Outcome
from faults.judge import Judge
from faults.points import Bench, ground, spread
from faults.subjects import Subject

from embedmig import DiskFull

PLACES = 2  # of each subject and fault; all of it together has 60 seconds on two cores that nobody else uses
SEED = int(os.environ.get("FAULTS_SEED", random.SystemRandom().randrange(10**6)))
SUBJECTS = {subject.name: subject for subject in subjects.subjects() + remains.subjects()}

pytestmark = pytest.mark.skipif(vfs.why_not() is not None, reason=str(vfs.why_not()))


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = ground()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module", autouse=True)
def _said(request: pytest.FixtureRequest) -> Iterator[None]:
    began = time.monotonic()
    yield
    used = f"\nfaults: FAULTS_SEED={SEED}, {PLACES} places of each; {time.monotonic() - began:.0f} s used of 60"
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(used)


@pytest.mark.parametrize("name", SUBJECTS)
def test_wherever_it_breaks_the_file_is_as_before_or_as_after_and_the_error_says_so(name: str, folder: Path) -> None:
    bench = Bench(SUBJECTS[name], folder)  # counts the operations: fewer than the floor is an error
    complaints = [c for fault in FAULTS for c in bench.run(fault, spread(PLACES, SEED)).complaints]
    assert complaints == [], f"FAULTS_SEED={SEED}"


# -- the laboratory itself -----------------------------------------------------------------------------------------------


def half(path: Path) -> None:
    """A migration that commits in its middle."""
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("ALTER TABLE notes ADD COLUMN words INTEGER")
        conn.execute("UPDATE notes SET words = 1")
        conn.commit()
        conn.execute("UPDATE notes SET words = 2")
        conn.commit()


@pytest.fixture
def plain() -> Subject:
    return SUBJECTS["transactional=False in the middle, rollback journal"]


def test_a_commit_in_the_middle_is_complained_of(plain: Subject, folder: Path) -> None:
    end = subjects.Stage("after", half)
    bench = Bench(plain._replace(act=half, stages=(plain.stages[0], end), launch=subjects.nothing, floor=1), folder)
    found = bench.run(FAULTS[0])
    assert "its content is neither that of before nor that after a whole transaction (version 1)" in " ".join(
        found.complaints
    )


def test_fewer_operations_than_the_floor_are_an_error(plain: Subject, folder: Path) -> None:
    with pytest.raises(AssertionError, match="is the injector hooked in"):
        Bench(plain._replace(floor=10**6), folder)


@pytest.mark.parametrize(
    ("number", "op", "said"),
    [
        (errno.ENOSPC, "write", "database or disk is full"),
        (errno.EIO, "write", "disk I/O error"),
        (errno.EIO, "sync", "disk I/O error"),
        (errno.EIO, "read", "database disk image is malformed"),  # so SQLite itself calls it
        (errno.EMFILE, "create", "unable to open database file"),
        (errno.EINTR, "write", "SQLite tries again"),
    ],
)
def test_sqlite_meets_the_error_where_it_would_meet_it(number: int, op: str, said: str, folder: Path) -> None:
    path = folder / "t.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript("CREATE TABLE t (x); INSERT INTO t VALUES (1);")

    def act(path: Path) -> str:
        with closing(sqlite3.connect(path)) as conn:
            conn.execute("PRAGMA cache_size = 1")
            conn.execute("UPDATE t SET x = x + 1")
            conn.commit()
        return "SQLite tries again"

    outcome = child.broken(act, path, Fault("once", frozenset({op}), number), 3 if op == "read" else 1)
    assert outcome.struck.startswith(op)
    assert str(outcome.error or outcome.result) == said


def test_an_error_that_is_untrue_is_complained_of(plain: Subject, folder: Path) -> None:
    bench = Bench(plain, folder)
    path = subjects.fill(plain, folder / "now")
    plain.act(path)
    error = DiskFull("no room", version=1)
    error.may_offer_reset = True
    said = bench.judge.complaints(path, FAULTS[3], Outcome("raised", "write notes.db", error, f"DiskFull: {error}"))
    assert [line.partition(":")[0] for line in said] == [
        "its cause is not named", "it offers a reset", "it says version 1, and the file is at 4",
        "it says that nothing was changed, and something was",
    ]  # fmt: skip


def test_a_file_that_is_gone_a_part_that_is_left_and_a_lost_backup_are_complained_of(folder: Path) -> None:
    careful = SUBJECTS["backup and upgrade, rollback journal"]
    bench = Bench(careful, folder)
    path = subjects.fill(careful, folder / "now")
    path.with_name("notes.db.v0003.bak.part").touch()
    path.unlink()
    said = Judge(careful, bench.legal).complaints(path, FAULTS[0], Outcome("killed", "killed"))
    assert said[:2] == [
        "its content is neither that of before nor that after a whole transaction (version 0)",
        "neither the file nor a backup holds what the user had",
    ]
