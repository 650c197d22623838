"""The power is cut in the middle of everything that embedmig does to a file: whatever a disk may then have kept is whole.

A sample of what `make faults` does for every operation: each subject, evenly spread operations, the seed printed.
"""

from __future__ import annotations

import os
import random

import pytest
from faults import power, vfs
from faults.budget import said
from faults.durable import KEPT, LOST, REORDERED, TORN, Disk, Operation

SEED = int(os.environ.get("FAULTS_SEED", random.SystemRandom().randrange(10**6)))
LOOKS = 8  # operations of each subject after which the power is cut, in seven ways each

if reason := vfs.why_not():
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="module", autouse=True)
def _said(request):
    with said(request, "power cuts", SEED, 40):
        yield


@pytest.mark.parametrize("subject", power.SUBJECTS, ids=lambda subject: subject.name)
def test_what_a_power_cut_leaves_is_whole_and_what_was_reported_as_done_is_there(subject):
    with power.ground() as ground:
        outcome = power.cut(subject, ground, seed=SEED, most=LOOKS)

    assert outcome.complaints == []
    assert outcome.points >= 7 * LOOKS


# -- the disk itself -----------------------------------------------------------------------------------------------------

OLD, NEW = b"o" * 2048, b"n" * 2048
WRITTEN = Operation("write", "a", 0, NEW)
SYNCED, FOLDER_SYNCED = Operation("sync", "a"), Operation("sync folder")
RENAMED, DELETED, MADE = Operation("rename", "a", other="b"), Operation("delete", "a"), Operation("create", "a")


@pytest.mark.parametrize(
    ("before", "done", "contents", "names", "found"),
    [
        ({"a": OLD}, [WRITTEN], KEPT, KEPT, {"a": NEW}),
        ({"a": OLD}, [WRITTEN], LOST, KEPT, {"a": OLD}),
        ({"a": OLD}, [WRITTEN, SYNCED], LOST, LOST, {"a": NEW}),
        ({"a": OLD}, [Operation("truncate", "a", 3)], LOST, KEPT, {"a": OLD}),
        ({"a": OLD}, [Operation("truncate", "a", 3)], KEPT, KEPT, {"a": b"ooo"}),
        ({"a": b""}, [Operation("write", "a", 2, b"!")], KEPT, KEPT, {"a": b"\0\0!"}),
        ({}, [MADE, WRITTEN, SYNCED], LOST, LOST, {}),
        ({}, [MADE, WRITTEN, SYNCED, FOLDER_SYNCED], LOST, LOST, {"a": NEW}),
        ({}, [MADE, WRITTEN, FOLDER_SYNCED], LOST, LOST, {"a": b""}),
        ({"a": OLD}, [DELETED], LOST, LOST, {"a": OLD}),
        ({"a": OLD}, [DELETED], LOST, KEPT, {}),
        ({"a": OLD}, [DELETED, FOLDER_SYNCED], LOST, LOST, {}),
        ({"a": OLD, "b": NEW}, [RENAMED], LOST, LOST, {"a": OLD, "b": NEW}),
        ({"a": OLD, "b": NEW}, [RENAMED], LOST, KEPT, {"b": OLD}),
        ({"b": OLD}, [MADE, WRITTEN, RENAMED], LOST, KEPT, {"b": b""}),
        ({"b": OLD}, [MADE, WRITTEN, SYNCED, RENAMED], LOST, KEPT, {"b": NEW}),
        ({"a-shm": OLD}, [], KEPT, KEPT, {}),
    ],
)
def test_a_disk_owes_content_once_the_file_was_synced_and_a_name_once_its_folder_was(
    before, done, contents, names, found
):
    disk = Disk(before)

    for operation in done:
        disk.do(operation)

    assert disk.found(contents, names, random.Random(1)) == found


def test_what_was_not_synced_may_be_torn_at_a_sector():
    disk = Disk({"a": OLD})
    disk.do(WRITTEN)

    found = {disk.found(TORN, KEPT, random.Random(seed))["a"] for seed in range(50)}

    assert len(found) > 4
    assert {data[n : n + 512] for data in found for n in range(0, 2048, 512)} == {OLD[:512], NEW[:512]}


def test_a_later_write_may_reach_the_disk_before_an_earlier_one():
    disk = Disk({"a": b"12"})
    disk.do(Operation("write", "a", 0, b"A"))
    disk.do(Operation("write", "a", 1, b"B"))

    found = {disk.found(REORDERED, KEPT, random.Random(seed))["a"] for seed in range(50)}

    assert found == {b"12", b"A2", b"1B", b"AB"}


def test_the_same_seed_finds_the_same_disk():
    disk = Disk({"a": OLD})
    disk.do(WRITTEN)

    assert disk.found(REORDERED, KEPT, random.Random(7)) == disk.found(REORDERED, KEPT, random.Random(7))
