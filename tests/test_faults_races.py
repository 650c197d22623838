"""Launches race while some of them are killed or told Ctrl-C; every step is struck; memory and open files run out.

A sample of what `make faults` does; the seed is printed.
"""

from __future__ import annotations

import logging
import os
import random

import pytest
from faults import power, races, vfs
from faults.budget import said
from faults.child import Outcome, forked

from embedmig import EmbedmigError

SEED = int(os.environ.get("FAULTS_SEED", random.SystemRandom().randrange(10**6)))

pytestmark = pytest.mark.skipif(vfs.why_not() is not None, reason=str(vfs.why_not()))

CHOSEN = {  # of each trouble, the beginnings of the subjects' names that are tried here
    "race": ("upgrade", "transactional=False"), "race with a reset": ("reset",), "step": ("rollback", "restore, ", "reset"),
    "memory": ("rollback", "restore"), "open files": ("backup", "reset"),
}  # fmt: skip
SAMPLE = [
    job for job in races.jobs(races=1, steps=4, limits=4)
    if job.subject.startswith(CHOSEN[job.trouble]) and not (job.number == races.TERM and "upgrade" in job.subject)
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _said(request):
    with said(request, "races", SEED, 30):
        yield


@pytest.fixture(autouse=True)
def _quiet():
    """Ten processes that warn of each other say nothing here."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("job", SAMPLE, ids=lambda job: f"{job.subject}, {job.trouble} {job.number or ''}".rstrip())
def test_whatever_befalls_the_processes_the_file_is_as_before_or_as_after_and_the_next_launch_succeeds(job):
    row = races.done(job, SEED)

    assert row.complaints == []
    assert row.points == job.most


def test_open_files_that_run_out_are_named_wherever_it_shows():
    with power.ground() as folder:
        track = races.Track(power.named("backup and upgrade, WAL"), folder)
        act = track.subject.act
        outcomes = [forked(lambda: races._with_less(act, track.fresh(), "open files", n)) for n in range(12)]  # noqa: B023

    errors = [outcome.error for outcome in outcomes if outcome.how == "raised"]
    assert [error for error in errors if not isinstance(error, EmbedmigError)] == []
    assert any("The app's migrations can't be read" in str(error) for error in errors)


# -- the laboratory itself -----------------------------------------------------------------------------------------------


def test_a_launch_that_fails_beside_the_struck_ones_is_a_complaint():
    failed = Outcome("raised", error=EmbedmigError("It went wrong."), text="EmbedmigError: It went wrong.")

    assert races._of_a_racer(failed, False, races.KILL, False) == ["a launch raised: EmbedmigError: It went wrong."]
    assert races._of_a_racer(failed, True, races.KILL, False) != []
    assert races._of_a_racer(Outcome("died of SIGKILL"), True, races.KILL, False) == []
    assert races._of_a_racer(Outcome("died of SIGKILL"), False, races.KILL, False) != []


def test_a_connection_that_an_interrupted_process_left_open_is_found(tmp_path):
    import sqlite3

    path = tmp_path / "notes.db"
    kept = []

    def act(path):
        conn = sqlite3.connect(path, isolation_level=None)
        kept.append(conn)
        conn.execute("CREATE TABLE t (x)")
        conn.execute("BEGIN IMMEDIATE")
        raise KeyboardInterrupt

    outcome = forked(lambda: races._to_step(act, path, 0, races.INT))

    assert "database is locked" in outcome.text
