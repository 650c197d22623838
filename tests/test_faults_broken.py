"""The laboratory notices: migrators that are broken on purpose, one thing left out of embedmig in each, are all caught.

A laboratory that finds nothing may be one that looks at nothing.
"""

from __future__ import annotations

from functools import partial

import pytest
from faults import broken, power, vfs
from faults.power import COPIED, LEFT, LEFT_WAL, REBUILD, REBUILD_WAL

if reason := vfs.why_not():
    pytest.skip(reason, allow_module_level=True)

LOOKS = 30  # operations after which the power is cut

LOST = "was reported as done, and the file is at before"
HALF = "the content is neither that before nor that after a whole transaction"
DAMAGED = "the file is damaged: "


def complaints(broken_act, subject):
    """What power cuts show of one subject, run by a broken migrator."""
    chosen = power.named(subject)
    with power.ground() as ground:
        return power.cut(chosen, ground, seed=1, most=LOOKS, act=partial(broken_act, chosen.act)).complaints


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
        (broken.without_syncing_the_folder, COPIED, "a backup was reported as made, and is gone: "),
        (broken.restoring_by_a_copy, LEFT, DAMAGED),
        (broken.restoring_by_a_copy, LEFT_WAL, DAMAGED),
        (broken.restoring_by_a_rename, LEFT, DAMAGED),
        (broken.restoring_by_a_rename, LEFT_WAL, HALF),
    ],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_a_broken_migrator_is_caught_by_a_power_cut(broken_act, subject, sign):
    found = complaints(broken_act, subject)

    assert [what for what in found if sign in what] != [], found[:5]


def test_every_broken_migrator_has_a_row_in_the_table():
    made_to_break = {
        name for name, value in vars(broken).items() if callable(value) and value.__module__ == broken.__name__
    }

    assert {act.__name__ for act, _ in power.BROKEN} == {name for name in made_to_break if not name.startswith("_")}
