"""The decisions, over plain values: what is pending, what may not run, what is undone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from helpers import sql

from embedmig import (
    Applied,
    DatabaseTooNew,
    EmbedmigError,
    ForeignDatabase,
    HistoryMismatch,
    IrreversibleMigration,
    Migration,
    UsageError,
    plan,
)

ONE, TWO, THREE, FOUR = (sql(n, "SELECT 1", "SELECT 1") for n in (1, 2, 3, 4))
ALL = [ONE, TWO, THREE]


def done(migration: Migration, **more: object) -> Applied:
    """The row that this migration left in a history."""
    return Applied(**({"version": migration.version, "id": migration.id, "description": "", "applied_at": ""} | more))


def begun(migration: Migration) -> Applied:
    """The row of a `transactional=False` migration that died."""
    return done(migration, finished=False)


def named(id: str, version: int) -> Migration:
    return Migration(id, version, "", "SELECT 1")


DONE_ONE, DONE_TWO, DONE_THREE, DONE_FOUR = map(done, (ONE, TWO, THREE, FOUR))
LATE_SHIPPED = [named("001_a", 1), named("002_late", 2), named("003_c", 3)]
TIMESTAMPS = [named("20240101000000_a", 20240101000000), named("20240301000000_b", 20240301000000)]

# -- which version is it, and what is pending -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("applied", "version"),
    [
        ([], 0),
        ([DONE_ONE], 1),
        ([DONE_ONE, DONE_TWO], 2),
        ([DONE_ONE, begun(TWO)], 1),
        ([begun(ONE)], 0),
        ([DONE_ONE, DONE_THREE], 3),
        ([done(TIMESTAMPS[0])], 20240101000000),
    ],
)
def test_a_files_version_is_that_of_its_newest_finished_migration(applied: list[Applied], version: int) -> None:
    assert plan.version_of(applied) == version


PENDING: dict[str, tuple[list[Migration], list[Applied], dict[str, object], list[Migration]]] = {
    "a new file": (ALL, [], {}, ALL),
    "an older file": (ALL, [DONE_ONE], {}, [TWO, THREE]),
    "a current file": (ALL, [DONE_ONE, DONE_TWO, DONE_THREE], {}, []),
    "the only one": ([ONE], [], {}, [ONE]),
    "one that died halfway": (ALL, [DONE_ONE, begun(TWO)], {}, [TWO, THREE]),
    "up to a version": (ALL, [DONE_ONE], {"to": 2}, [TWO]),
    "up to the newest": (ALL, [DONE_ONE], {"to": 3}, [TWO, THREE]),
    "up to where it is": (ALL, [DONE_ONE], {"to": 1}, []),
    "up to 0, where it is": (ALL, [], {"to": 0}, []),
    "a late one, where that is allowed": (LATE_SHIPPED, [done(LATE_SHIPPED[0]), done(LATE_SHIPPED[2])], {"out_of_order": True}, [LATE_SHIPPED[1]]),
    "a late one that began": (LATE_SHIPPED, [done(LATE_SHIPPED[0]), begun(LATE_SHIPPED[1]), done(LATE_SHIPPED[2])], {}, [LATE_SHIPPED[1]]),
    "timestamps": (TIMESTAMPS, [done(TIMESTAMPS[0])], {}, [TIMESTAMPS[1]]),
    "timestamps up to": (TIMESTAMPS, [], {"to": 20240101000000}, [TIMESTAMPS[0]]),
}  # fmt: skip


@pytest.mark.parametrize(("shipped", "applied", "options", "expected"), PENDING.values(), ids=PENDING)
def test_what_is_pending(
    shipped: list[Migration], applied: list[Applied], options: dict[str, object], expected: list[Migration]
) -> None:
    assert plan.pending(shipped, applied, **options) == expected


# -- what is refused ----------------------------------------------------------------------------------------------------

NOT_CHANGED = "Nothing was changed."
NAMES = "Ship the migrations under the names and in the order in which they were released."
RENAMED = [ONE, named("002_renamed", 2), THREE]
MOVED = [named("001_a", 1), named("002_b", 2), named("003_c", 3)]

Act = Callable[[], object]

REFUSED: dict[str, tuple[Act, type[EmbedmigError], str]] = {
    "a newer file": (
        lambda: plan.pending(ALL, [DONE_ONE, DONE_TWO, DONE_THREE, DONE_FOUR]),
        DatabaseTooNew,
        "The database is at version 4, but this app knows versions up to 3 (unknown here: 004_step)."
        " Nothing was changed. Update the app to its newest release.",
    ),
    "a newer file that says who wrote it": (
        lambda: plan.pending([ONE], [DONE_ONE, done(TWO, app_version="1.9"), done(THREE, app_version="2.0")]),
        DatabaseTooNew,
        "The database is at version 3, but this app knows versions up to 1 (unknown here: 002_step, 003_step)."
        " Nothing was changed. Update the app to 2.0 or later.",
    ),
    "a newer file of which something shipped is pending": (
        lambda: plan.pending(ALL, [DONE_ONE, DONE_TWO, DONE_FOUR]),
        DatabaseTooNew,
        "The database is at version 4, but this app knows versions up to 3 (unknown here: 004_step)."
        " Nothing was changed. Update the app to its newest release.",
    ),
    "a newer file in which a migration began": (
        lambda: plan.pending([ONE], [DONE_ONE, begun(TWO)]),
        DatabaseTooNew,
        "The database is at version 1, but this app knows versions up to 1 (unknown here: 002_step)."
        " Nothing was changed. Update the app to its newest release.",
    ),
    "a renamed one": (
        lambda: plan.pending(RENAMED, [DONE_ONE, DONE_TWO]),
        HistoryMismatch,
        "The history of the database is not that of the shipped migrations: 002_step is applied but not shipped (renamed to 002_renamed?)."
        f" Shipped: 001_step, 002_renamed, 003_step. Applied: 001_step, 002_step. Nothing was changed. {NAMES}",
    ),
    "a removed one": (
        lambda: plan.pending(TIMESTAMPS, [done(named("20240201000000_gone", 20240201000000))]),
        HistoryMismatch,
        "The history of the database is not that of the shipped migrations: 20240201000000_gone is applied but not shipped;"
        " 20240101000000_a is pending but older than version 20240201000000 of the file (the policy out_of_order would run it)."
        f" Shipped: 20240101000000_a, 20240301000000_b. Applied: 20240201000000_gone. Nothing was changed. {NAMES}",
    ),
    "a late one": (
        lambda: plan.pending(LATE_SHIPPED, [done(LATE_SHIPPED[0]), done(LATE_SHIPPED[2])]),
        HistoryMismatch,
        "The history of the database is not that of the shipped migrations:"
        " 002_late is pending but older than version 3 of the file (the policy out_of_order would run it)."
        f" Shipped: 001_a, 002_late, 003_c. Applied: 001_a, 003_c. Nothing was changed. {NAMES}",
    ),
    "reordered ones": (
        lambda: plan.pending(MOVED, [done(MOVED[0]), done(MOVED[2], version=2), done(MOVED[1], version=3)]),
        HistoryMismatch,
        "The history of the database is not that of the shipped migrations:"
        " 003_c was applied as version 2 and is shipped as version 3; 002_b was applied as version 3 and is shipped as version 2."
        f" Shipped: 001_a, 002_b, 003_c. Applied: 001_a, 003_c, 002_b. Nothing was changed. {NAMES}",
    ),
    "reordered ones, whatever order is allowed": (
        lambda: plan.pending(MOVED, [done(MOVED[0], version=2)], out_of_order=True),
        HistoryMismatch,
        "The history of the database is not that of the shipped migrations: 001_a was applied as version 2 and is shipped as version 1."
        f" Shipped: 001_a, 002_b, 003_c. Applied: 001_a. Nothing was changed. {NAMES}",
    ),
    "a newer file with a renamed one": (
        lambda: plan.pending(RENAMED, [DONE_ONE, DONE_TWO, DONE_THREE, DONE_FOUR]),
        HistoryMismatch,
        "The history of the database is not that of the shipped migrations:"
        " 002_step is applied but not shipped (renamed to 002_renamed?); 004_step is applied but not shipped."
        f" Shipped: 001_step, 002_renamed, 003_step. Applied: 001_step, 002_step, 003_step, 004_step. Nothing was changed. {NAMES}",
    ),
    "a target below the file": (
        lambda: plan.pending(ALL, [DONE_ONE, DONE_TWO], to=1),
        UsageError,
        "The file is at version 2, above 1. Nothing was changed. A rollback to 1 goes down.",
    ),
    "a target above what is shipped": (
        lambda: plan.pending(ALL, [DONE_ONE], to=4),
        UsageError,
        "There is no version 4: this app ships versions 1 to 3. Nothing was changed. Name one of those.",
    ),
    "a target above what is shipped, nothing pending": (
        lambda: plan.pending(ALL, [DONE_ONE, DONE_TWO, DONE_THREE], to=4),
        UsageError,
        "There is no version 4: this app ships versions 1 to 3. Nothing was changed. Name one of those.",
    ),
    "a target below the file, nothing pending": (
        lambda: plan.pending(ALL, [DONE_ONE, DONE_TWO, DONE_THREE], to=1),
        UsageError,
        "The file is at version 3, above 1. Nothing was changed. A rollback to 1 goes down.",
    ),
    "a target between timestamps": (
        lambda: plan.pending(TIMESTAMPS, [], to=20240201000000),
        UsageError,
        "There is no version 20240201000000: this app ships versions 20240101000000 to 20240301000000."
        " Nothing was changed. Name one of those.",
    ),
    "a target that isn't the only one": (
        lambda: plan.pending([ONE], [], to=2),
        UsageError,
        "There is no version 2: this app ships version 1 only. Nothing was changed. Name one of those.",
    ),
    "a negative target": (
        lambda: plan.pending(ALL, [], to=-1),
        UsageError,
        "There is no version -1: this app ships versions 1 to 3. Nothing was changed. Name one of those.",
    ),
    "a baseline that isn't shipped": (
        lambda: plan.up_to(ALL, [], 4),
        UsageError,
        "There is no version 4: this app ships versions 1 to 3. Nothing was changed. Name one of those.",
    ),
    "a baseline at 0": (
        lambda: plan.up_to(ALL, [], 0),
        UsageError,
        "There is no version 0: this app ships versions 1 to 3. Nothing was changed. Name one of those.",
    ),
    "a baseline below the file": (
        lambda: plan.up_to(ALL, [DONE_ONE, DONE_TWO], 1),
        UsageError,
        "The file is already at version 2, above 1. Nothing was changed. A baseline only goes up.",
    ),
    "a baseline of a newer file": (
        lambda: plan.up_to([ONE], [DONE_ONE, DONE_TWO], 1),
        DatabaseTooNew,
        "The database is at version 2, but this app knows versions up to 1 (unknown here: 002_step)."
        " Nothing was changed. Update the app to its newest release.",
    ),
    "a rollback above the file": (
        lambda: plan.reversal(ALL, [DONE_ONE], 2),
        UsageError,
        "The file is at version 1: it can't be rolled back to 2. Nothing was changed. Name an applied version, or 0.",
    ),
    "a rollback below nothing": (
        lambda: plan.reversal(ALL, [DONE_ONE], -1),
        UsageError,
        "The file is at version 1: it can't be rolled back to -1. Nothing was changed. Name an applied version, or 0.",
    ),
    "a rollback to what was never applied": (
        lambda: plan.reversal(TIMESTAMPS, [done(m) for m in TIMESTAMPS], 20240201000000),
        UsageError,
        "The file is at version 20240301000000: it can't be rolled back to 20240201000000."
        " Nothing was changed. Name an applied version, or 0.",
    ),
    "a rollback of a newer file": (
        lambda: plan.reversal([ONE], [DONE_ONE, DONE_TWO], 0),
        DatabaseTooNew,
        "The database is at version 2, but this app knows versions up to 1 (unknown here: 002_step)."
        " Nothing was changed. Update the app to its newest release.",
    ),
    "a rollback without down": (
        lambda: plan.refuse_irreversible([THREE, named("002_b", 2), named("001_a", 1)], 3),
        IrreversibleMigration,
        "The database can't be rolled back: no down in 002_b, 001_a."
        " Nothing was changed. Give each a down, or restore a backup.",
    ),
    "marking what is applied": (
        lambda: plan.refuse_out_of_turn(ONE, [DONE_ONE]),
        UsageError,
        "001_step is already applied. Nothing was changed. Nothing needs to be marked.",
    ),
    "marking the one after the next": (
        lambda: plan.refuse_out_of_turn(THREE, [DONE_ONE]),
        UsageError,
        "003_step has version 3, but the file is at 1. Nothing was changed. Mark migrations in their order.",
    ),
    "marking the second of a new file": (
        lambda: plan.refuse_out_of_turn(TWO, []),
        UsageError,
        "002_step has version 2, but the file is at 0. Nothing was changed. Mark migrations in their order.",
    ),
    "marking an older one": (
        lambda: plan.refuse_out_of_turn(named("001_other", 1), [DONE_ONE, DONE_TWO]),
        UsageError,
        "001_other has version 1, but the file is at 2. Nothing was changed. Mark migrations in their order.",
    ),
    "marking an older timestamp": (
        lambda: plan.refuse_out_of_turn(TIMESTAMPS[0], [done(TIMESTAMPS[1])]),
        UsageError,
        "20240101000000_a has version 20240101000000, but the file is at 20240301000000."
        " Nothing was changed. Mark migrations in their order.",
    ),
    "an edited one, strictly": (
        lambda: plan.refuse_edits([done(ONE, checksum="old"), done(TWO, checksum="same")], {ONE.id: "new", TWO.id: "same"}, ALL),
        HistoryMismatch,
        "The history of the database is not that of the shipped migrations: 001_step was edited after it was applied."
        " Shipped: 001_step, 002_step, 003_step. Applied: 001_step, 002_step."
        " Nothing was changed. Put the released text back and ship the change as a new migration.",
    ),
    "a stranger's history": (
        lambda: plan.refuse_stranger([done(ONE, checksum="a"), done(TWO, checksum="b")], {ONE.id: "c", TWO.id: "d"}),
        ForeignDatabase,
        "The database is another app's file: its history has this app's migration ids, but none of them with the same content."
        " Nothing was changed. Open this app's own file."
        " (For the developer: released migrations must not be edited; an application_id tells files apart for sure.)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("act", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(act: Act, kind: type[EmbedmigError], message: str) -> None:
    with pytest.raises(EmbedmigError) as caught:
        act()
    assert type(caught.value) is kind
    assert str(caught.value) == message
    assert NOT_CHANGED in message
    assert caught.value.data_is_safe
    assert not caught.value.may_offer_reset


def test_a_refused_history_carries_both_lists() -> None:
    with pytest.raises(HistoryMismatch) as caught:
        plan.pending(RENAMED, [DONE_ONE, DONE_TWO])
    assert caught.value.shipped == ("001_step", "002_renamed", "003_step")
    assert caught.value.applied == ("001_step", "002_step")
    assert caught.value.version == 2


def test_a_newer_file_is_refused_with_what_this_build_lacks() -> None:
    with pytest.raises(DatabaseTooNew) as caught:
        plan.pending([ONE], [DONE_ONE, DONE_TWO, done(THREE, app_version="2.0")])
    assert (caught.value.unknown, caught.value.newest, caught.value.version) == (("002_step", "003_step"), 1, 3)
    assert caught.value.app_version == "2.0"


# -- a file that is too new and yet may be used --------------------------------------------------------------------------

FRIENDLY = {"backward_compatible": True}
OPENS: dict[str, tuple[list[Migration], list[Applied], bool]] = {
    "what it lacks is backward compatible": ([ONE], [DONE_ONE, done(TWO, **FRIENDLY)], True),
    "all of it is": ([ONE], [DONE_ONE, done(TWO, **FRIENDLY), done(THREE, **FRIENDLY)], True),
    "one of them is not": ([ONE], [DONE_ONE, done(TWO, **FRIENDLY), DONE_THREE], False),
    "the older one is not": ([ONE], [DONE_ONE, DONE_TWO, done(THREE, **FRIENDLY)], False),
    "it did not finish": ([ONE], [DONE_ONE, done(TWO, **FRIENDLY, finished=False)], False),
    "something shipped is pending": ([ONE, TWO], [DONE_ONE, done(THREE, **FRIENDLY)], False),
    "something shipped did not finish": ([ONE, TWO], [DONE_ONE, begun(TWO), done(THREE, **FRIENDLY)], False),
    "it is older than the newest shipped one": (
        TIMESTAMPS,
        [done(TIMESTAMPS[0]), done(named("20240201000000_x", 20240201000000), **FRIENDLY), done(TIMESTAMPS[1])],
        False,
    ),
    "shipped ones were reordered": (
        [named("001_a", 1), named("002_b", 2)],
        [done(named("002_b", 1)), done(named("001_a", 2)), done(THREE, **FRIENDLY)],
        False,
    ),
    "nothing is unknown": ([ONE, TWO], [DONE_ONE, DONE_TWO], False),
    "it is only backward compatible itself": ([ONE, TWO], [DONE_ONE, done(TWO, **FRIENDLY)], False),
    "a new file": ([ONE], [], False),
}


@pytest.mark.parametrize(("shipped", "applied", "opens"), OPENS.values(), ids=OPENS)
def test_a_file_too_new_opens_only_if_all_it_adds_is_backward_compatible(
    shipped: list[Migration], applied: list[Applied], opens: bool
) -> None:
    assert plan.opens_as_it_is(shipped, applied) is opens


# -- what is unknown, edited, marked and undone --------------------------------------------------------------------------


def test_unknown_is_what_was_applied_and_is_not_shipped() -> None:
    assert plan.unknown([ONE, THREE], [DONE_ONE, DONE_TWO, DONE_FOUR]) == [DONE_TWO, DONE_FOUR]
    assert plan.unknown(ALL, [DONE_ONE]) == []


EDITED: dict[str, tuple[list[Applied], dict[str, str | None], list[str]]] = {
    "the same": ([done(ONE, checksum="a")], {ONE.id: "a"}, []),
    "another": ([done(ONE, checksum="a"), done(TWO, checksum="b")], {ONE.id: "a", TWO.id: "c"}, [TWO.id]),
    "not known to the file": ([DONE_ONE], {ONE.id: "a"}, []),
    "not known to the build": ([done(ONE, checksum="a")], {ONE.id: None}, []),
    "not shipped": ([done(ONE, checksum="a")], {}, []),
    "it did not finish, and was mended": ([done(ONE, checksum="a", finished=False)], {ONE.id: "b"}, []),
}


@pytest.mark.parametrize(("applied", "checksums", "ids"), EDITED.values(), ids=EDITED)
def test_edited_is_what_has_another_checksum_and_both_are_known(
    applied: list[Applied], checksums: dict[str, str | None], ids: list[str]
) -> None:
    assert plan.edited(applied, checksums) == ids


@pytest.mark.parametrize(
    ("applied", "checksums"),
    [
        ([done(ONE, checksum="a"), done(TWO, checksum="b")], {ONE.id: "a", TWO.id: "x"}),
        ([DONE_ONE], {ONE.id: "a"}),
        ([done(ONE, checksum="a")], {ONE.id: None}),
        ([], {}),
        ([done(ONE, checksum="a", finished=False)], {ONE.id: "b"}),
    ],
    ids=["one of them agrees", "not known to the file", "not known to the build", "a new file", "mended"],
)
def test_a_history_is_not_a_strangers_as_long_as_one_checksum_agrees_or_none_can_be_compared(
    applied: list[Applied], checksums: dict[str, str | None]
) -> None:
    plan.refuse_stranger(applied, checksums)


def test_nothing_edited_is_nothing_to_refuse() -> None:
    plan.refuse_edits([done(ONE, checksum="a"), DONE_TWO], {ONE.id: "a", TWO.id: "b"}, ALL)


@pytest.mark.parametrize(
    ("shipped", "applied", "version", "expected"),
    [
        (ALL, [], 2, [ONE, TWO]),
        (ALL, [DONE_ONE], 2, [TWO]),
        (ALL, [DONE_ONE], 1, []),
        (ALL, [DONE_ONE, begun(TWO)], 2, [TWO]),
        (LATE_SHIPPED, [done(LATE_SHIPPED[0]), done(LATE_SHIPPED[2])], 3, [LATE_SHIPPED[1]]),
    ],
)
def test_a_baseline_records_what_is_shipped_up_to_it_and_not_applied(
    shipped: list[Migration], applied: list[Applied], version: int, expected: list[Migration]
) -> None:
    assert plan.up_to(shipped, applied, version) == expected


@pytest.mark.parametrize(
    ("applied", "to", "expected"),
    [
        ([DONE_ONE, DONE_TWO, DONE_THREE], 1, [THREE, TWO]),
        ([DONE_ONE, DONE_TWO, DONE_THREE], 0, [THREE, TWO, ONE]),
        ([DONE_ONE, DONE_TWO], 2, []),
        ([DONE_ONE, DONE_THREE], 1, [THREE]),
        ([], 0, []),
    ],
)
def test_a_rollback_undoes_from_the_newest_down(applied: list[Applied], to: int, expected: list[Migration]) -> None:
    assert plan.reversal(ALL, applied, to) == expected


def test_what_can_all_be_rolled_back_is_not_refused() -> None:
    plan.refuse_irreversible([THREE, TWO], 3)


@pytest.mark.parametrize(
    ("migration", "applied"),
    [(ONE, []), (TWO, [DONE_ONE]), (TIMESTAMPS[0], []), (TIMESTAMPS[1], [done(TIMESTAMPS[0])]), (TIMESTAMPS[0], [DONE_ONE])],
)  # fmt: skip
def test_the_next_in_order_may_be_marked(migration: Migration, applied: list[Applied]) -> None:
    plan.refuse_out_of_turn(migration, applied)


def test_ids_from_a_file_are_escaped_where_they_are_shown() -> None:
    odd = done(TWO, id="002_\x1b[2J\nrm")
    with pytest.raises(HistoryMismatch) as caught:
        plan.pending(RENAMED, [DONE_ONE, odd])
    assert not re.search(r"[\x00-\x1f]", str(caught.value))
    assert r"002_\x1b[2J\nrm is applied but not shipped" in str(caught.value)
