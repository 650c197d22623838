"""The laboratory notices: migrators that are broken on purpose, one thing left out of embedmig in each, are all caught.

A laboratory that finds nothing may be one that looks at nothing.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import pytest
from faults import broken, power, vfs

if reason := vfs.why_not():
    pytest.skip(reason, allow_module_level=True)

LOOKS = 30  # operations after which the power is cut

LOST = "was reported as done, and the file is at before"
HALF = "the content is neither that before nor that after a whole transaction"
DAMAGED = "the file is damaged: "
REBUILD, REBUILD_WAL = "rebuild of a parent, rollback journal", "rebuild of a parent, WAL"


def complaints(broken_act, subject, folder):
    """What power cuts show of one subject, run by a broken migrator."""
    chosen = next(s for s in power.SUBJECTS if s.name == subject)
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="broken-", dir=shared if shared.is_dir() else folder) as ground:
        act = partial(broken_act, chosen.act)
        return power.cut(chosen, Path(ground), seed=1, most=LOOKS, act=act).complaints


@pytest.mark.parametrize(
    ("broken_act", "subject", "sign"),
    [
        (broken.with_full, REBUILD, f"version 3 {LOST}"),
        (broken.without_any_sync, REBUILD, DAMAGED),
        (broken.without_any_sync, REBUILD_WAL, f"version 3 {LOST}"),
        (broken.without_a_transaction, REBUILD, HALF),
        (broken.without_a_transaction, REBUILD_WAL, HALF),
        (broken.recording_afterwards, REBUILD, HALF),
        (broken.recording_afterwards, REBUILD_WAL, HALF),
        (broken.without_syncing_the_backup, "reset, rollback journal", "a backup is damaged: "),
        (broken.without_syncing_the_backup, "reset, WAL", "a backup is damaged: "),
        (broken.restoring_by_a_copy, "restore after a kill, rollback journal", DAMAGED),
        (broken.restoring_by_a_copy, "restore after a kill, WAL", DAMAGED),
        (broken.restoring_by_a_rename, "restore after a kill, rollback journal", DAMAGED),
        (broken.restoring_by_a_rename, "restore after a kill, WAL", HALF),
    ],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_a_broken_migrator_is_caught_by_a_power_cut(broken_act, subject, sign, tmp_path):
    found = complaints(broken_act, subject, tmp_path)

    assert [what for what in found if sign in what] != [], found[:5]
