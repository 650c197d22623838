"""What is pending, what to undo, may we at all? Pure decisions over plain values: no file, no SQL, no clock."""

from __future__ import annotations

from embedmig.errors import DatabaseTooNew, ForeignDatabase, HistoryMismatch, IrreversibleMigration, UsageError
from embedmig.migration import TIMESTAMP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol, TypeVar

    from embedmig.migration import Applied, Migration

    class Numbered(Protocol):
        @property
        def id(self) -> str: ...
        @property
        def version(self) -> int: ...

    N = TypeVar("N", bound="Numbered")


def version_of(applied: Sequence[Applied]) -> int:
    """A file's version: that of its newest migration that finished, 0 for none."""
    return max((a.version for a in applied if a.finished), default=0)


def pending(
    shipped: Sequence[N], applied: Sequence[Applied], *, to: int | None = None, out_of_order: bool = False
) -> list[N]:
    """The shipped migrations to run, in order, up to and including version `to`.

    Raises DatabaseTooNew, HistoryMismatch, and UsageError for a `to` that isn't shipped or lies below the file.
    """
    refuse_disagreement(shipped, applied, out_of_order=out_of_order)
    done = {a.id for a in applied if a.finished}
    rest = [s for s in shipped if s.id not in done]
    if to is None:
        return rest
    target = refuse_target(shipped, applied, to)  # also where nothing is pending
    return [s for s in rest if s.version <= target]


def refuse_target(shipped: Sequence[Numbered], applied: Sequence[Applied], to: int) -> int:
    """`to` itself; UsageError if it lies below the file, where only a rollback goes, or isn't shipped."""
    at = version_of(applied)
    if 0 <= to < at:
        raise UsageError(f"The file is at version {at}, above {to}.", hint=f"A rollback to {to} goes down.", version=at)
    if to != at and to not in {s.version for s in shipped}:
        raise UsageError(
            f"There is no version {to}: this app ships {_span(shipped)}.", hint="Name one of those.", version=at
        )
    return to


def _span(shipped: Sequence[Numbered]) -> str:
    first, last = shipped[0].version, shipped[-1].version
    return f"version {first} only" if first == last else f"versions {first} to {last}"


def unknown(shipped: Sequence[Numbered], applied: Sequence[Applied]) -> list[Applied]:
    """What this file has applied and this build does not ship."""
    ids = {s.id for s in shipped}
    return [a for a in applied if a.id not in ids]


def opens_as_it_is(shipped: Sequence[Numbered], applied: Sequence[Applied]) -> bool:
    """May this build use a file that is too new? Only if each unknown migration follows the newest
    shipped one, is marked backward compatible and finished, and nothing shipped is pending."""
    extra = unknown(shipped, applied)
    done = {a.id for a in applied if a.finished}
    return (
        bool(extra)
        and all(a.version > shipped[-1].version and a.backward_compatible and a.finished for a in extra)
        and all(s.id in done for s in shipped)
        and not _moved(shipped, applied)
    )


def refuse_disagreement(shipped: Sequence[Numbered], applied: Sequence[Applied], *, out_of_order: bool = False) -> None:
    """Raise unless the applied migrations are the first of the shipped ones, in their order."""
    refuse_too_new(shipped, applied)
    extra = unknown(shipped, applied)
    problems = [_missing(a, shipped) for a in extra] + _moved(shipped, applied)
    if not out_of_order:
        problems += _late(shipped, applied)
    if problems:
        raise HistoryMismatch(
            problems,
            [s.id for s in shipped],
            [a.id for a in applied],
            version=version_of(applied),
            hint="Ship the migrations under the names and in the order in which they were released.",
        )


def refuse_too_new(shipped: Sequence[Numbered], applied: Sequence[Applied]) -> None:
    """Raise DatabaseTooNew if everything unknown follows the newest shipped migration: a newer build wrote the file."""
    newest, extra = shipped[-1].version, unknown(shipped, applied)
    if extra and all(a.version > newest for a in extra) and not _moved(shipped, applied):
        raise DatabaseTooNew([a.id for a in extra], newest, extra[-1].app_version, version=version_of(applied))


def _missing(applied: Applied, shipped: Sequence[Numbered]) -> str:
    same = [s.id for s in shipped if s.version == applied.version]
    return f"{applied.id} is applied but not shipped" + (f" (renamed to {same[0]}?)" if same else "")


def _moved(shipped: Sequence[Numbered], applied: Sequence[Applied]) -> list[str]:
    versions = {s.id: s.version for s in shipped}
    return [
        f"{a.id} was applied as version {a.version} and is shipped as version {versions[a.id]}"
        for a in applied
        if versions.get(a.id, a.version) != a.version
    ]


def _late(shipped: Sequence[Numbered], applied: Sequence[Applied]) -> list[str]:
    done, at = {a.id for a in applied if a.finished}, version_of(applied)
    known = {a.version for a in applied}
    return [
        f"{s.id} is pending but older than version {at} of the file (the policy out_of_order would run it)"
        for s in shipped
        if s.id not in done and s.version < at and s.version not in known
    ]


def edited(applied: Sequence[Applied], checksums: Mapping[str, str | None]) -> list[str]:
    """The ids whose source is no longer what was applied; where either side is unknown it is no edit.

    What began outside a transaction and did not end is no edit either: it runs again, and may well have been mended.
    """
    return [a.id for a in applied if a.finished and a.checksum and (now := checksums.get(a.id)) and now != a.checksum]


def refuse_stranger(applied: Sequence[Applied], checksums: Mapping[str, str | None]) -> None:
    """Raise ForeignDatabase if the ids agree and not one comparable checksum does: another app's history."""
    comparable = [a for a in applied if a.finished and a.checksum and checksums.get(a.id)]
    if comparable and len(edited(applied, checksums)) == len(comparable):
        raise ForeignDatabase(
            "its history has this app's migration ids, but none of them with the same content",
            version=version_of(applied),
            hint="Open this app's own file. (For the developer: released migrations must not be edited; an application_id tells files apart for sure.)",
        )


def refuse_edits(applied: Sequence[Applied], checksums: Mapping[str, str | None], shipped: Sequence[Numbered]) -> None:
    """Raise HistoryMismatch for edited migrations: the strict policy."""
    if names := edited(applied, checksums):
        raise HistoryMismatch(
            [f"{id} was edited after it was applied" for id in names],
            [s.id for s in shipped],
            [a.id for a in applied],
            version=version_of(applied),
            hint="Put the released text back and ship the change as a new migration.",
        )


def up_to(shipped: Sequence[N], applied: Sequence[Applied], version: int) -> list[N]:
    """What a baseline at `version` records: everything shipped up to it that isn't applied yet."""
    refuse_disagreement(shipped, applied, out_of_order=True)
    if version not in {s.version for s in shipped}:
        raise UsageError(f"There is no version {version}: this app ships {_span(shipped)}.", hint="Name one of those.")
    if version < version_of(applied):
        raise UsageError(
            f"The file is already at version {version_of(applied)}, above {version}.", hint="A baseline only goes up."
        )
    done = {a.id for a in applied if a.finished}
    return [s for s in shipped if s.version <= version and s.id not in done]


def reversal(shipped: Sequence[N], applied: Sequence[Applied], to: int) -> list[N]:
    """The shipped migrations to roll back, newest first, so that version `to` remains."""
    refuse_disagreement(shipped, applied, out_of_order=True)
    at = version_of(applied)
    if to > at or to < 0 or (to and to not in {a.version for a in applied if a.finished}):
        raise UsageError(
            f"The file is at version {at}: it can't be rolled back to {to}.",
            hint="Name an applied version, or 0.",
            version=at,
        )
    done = {a.id for a in applied}
    return [s for s in reversed(shipped) if s.id in done and s.version > to]


def refuse_irreversible(undo: Sequence[Migration], version: int) -> None:
    """Raise IrreversibleMigration naming every migration that has no `down`, before anything runs."""
    if missing := [m.id for m in undo if m.down is None]:
        raise IrreversibleMigration(missing, version=version)


def refuse_out_of_turn(migration: Numbered, applied: Sequence[Applied]) -> None:
    """Raise UsageError unless `migration` is the next in order: what mark_migration_applied asks."""
    at = version_of(applied)
    if any(a.id == migration.id for a in applied):
        raise UsageError(f"{migration.id} is already applied.", hint="Nothing needs to be marked.", version=at)
    gaps_allowed = migration.version >= TIMESTAMP
    if migration.version <= at or not (gaps_allowed or migration.version == at + 1):
        raise UsageError(
            f"{migration.id} has version {migration.version}, but the file is at {at}.",
            hint="Mark migrations in their order.",
            version=at,
        )
