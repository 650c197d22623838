"""A file from before embedmig: what it already has, as the record of the tool before it says, or the app's detect_version()."""

from __future__ import annotations

import sqlite3

from embedmig import definition, history, plan
from embedmig.errors import (
    DefinitionError,
    EmbedmigError,
    ForeignDatabase,
    HistoryMismatch,
    UsageError,
    listed,
    printable,
)
from embedmig.formats.registry import named
from embedmig.guard import asking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedmig.formats.part import Format, Record
    from embedmig.loader import Shipped
    from embedmig.migration import Migration
    from embedmig.migrator import Migrator

    Known = Shipped | Migration


def has_record(migrator: Migrator, conn: sqlite3.Connection) -> bool:
    """Is there a record of the tool that the app came from, be it in order or not?"""
    if migrator.adopts is None:
        return False
    try:
        return _record(conn, named(migrator.adopts)) is not None
    except HistoryMismatch:
        return True


def recorded(migrator: Migrator, conn: sqlite3.Connection, shipped: Sequence[Known]) -> set[str]:
    """The ids that a launch will take over from that record; none where it will refuse, or there is nothing to take over."""
    if not history.objects(conn) or migrator.adopts is None:
        return set()
    format = named(migrator.adopts)
    try:
        record = _record(conn, format)
        known = [definition.load(one) for one in shipped] if record is not None else []
        return {one.id for one in taken_over(known, record, format)} if record is not None else set()
    except EmbedmigError:
        return set()


def _record(conn: sqlite3.Connection, format: Format) -> Record | None:
    try:
        return format.record(conn)
    except (TypeError, ValueError) as error:
        what = f"{format.NAME}'s record has what {format.NAME} does not write: {error}"
        raise HistoryMismatch([what], hint="Put a backup in its place.") from error


def adopted(migrator: Migrator, conn: sqlite3.Connection, shipped: Sequence[Known], *, own: bool) -> list[Migration]:
    """Under the lock: the shipped migrations that a file with tables and no history already has."""
    if not history.objects(conn):
        return []
    if migrator.adopts is not None:
        format = named(migrator.adopts)
        record = _record(conn, format)
        if record is not None:
            return taken_over([definition.load(known) for known in shipped], record, format)
    if migrator.detect_version is None:
        return []
    version = _detected(migrator, conn, own=own)
    return [definition.with_checksum(known) for known in plan.up_to(shipped, [], version)] if version else []


def _detected(migrator: Migrator, conn: sqlite3.Connection, *, own: bool) -> int:
    """What the app's own detect_version() says. ForeignDatabase where it says that the file is none of the app's."""
    assert migrator.detect_version is not None
    version, error = None, None
    with asking(conn, cached=not own) as guard:
        try:
            version = migrator.detect_version(conn)
        except sqlite3.Error as refused:
            error = refused
    if guard.denied or guard.lost:
        called = guard.denied or "the end of the transaction"
        what = f"detect_version() may only read, and tried this: {called}."
        raise UsageError(what, hint="Let it ask, and return an int.") from error
    if error is not None:
        raise error
    if version is None:
        what = f"it has {listed(history.objects(conn))} and no history, and detect_version() does not know it"
        raise ForeignDatabase(what, hint="Open this app's own file.")
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        cure = "Return the file's version as an int, or None for a stranger's file."
        raise UsageError(f"detect_version() returned {version!r}.", hint=cure)
    return version


# -- another tool's record: plain values from here on ------------------------------------------------------------


def taken_over(shipped: Sequence[Migration], record: Record, format: Format) -> list[Migration]:
    """The shipped migrations that a record says are applied, in order; HistoryMismatch where it can't be told.

    A migration is known to the tool by what it `adopts`; where no shipped one adopts anything of this tool's, by its own id.
    """
    names = _names(shipped, format)
    known = [key for keys in names.values() for key in keys]  # in order
    _refuse_twins(names, record, format)
    problems = [f"{format.NAME} recorded {key}, which no shipped migration adopts" for key in _unknown(record, known)]
    done = set(record.keys)
    if record.through:
        done.update(*(known[: known.index(key)] for key in record.keys if key in known))
    for id, keys in names.items():
        missing = [key for key in keys if key not in done]
        if 0 < len(missing) < len(keys):
            problems.append(f"{id} stands for several, and {format.NAME} has not applied {', '.join(missing)}")
    if problems:
        cure = f"Update the app to its newest release; if it says the same, open the file once with the last one that used {format.NAME}."
        developer = "(For the developer: what each migration adopts is told in docs/come-from-another-tool.md.)"
        raise HistoryMismatch(problems, list(names), record.keys, hint=f"{cure} {developer}")
    return [definition.with_checksum(m) for m in shipped if names[m.id] and done.issuperset(names[m.id])]


def _names(shipped: Sequence[Migration], format: Format) -> dict[str, list[str]]:
    """By which keys the tool's record knows each shipped migration."""
    said = {m.id: [key for name in m.adopts if (key := _key(name, format)) is not None] for m in shipped}
    return said if any(said.values()) else {m.id: [format.key(m.id)] for m in shipped}


def _key(name: str, format: Format) -> str | None:
    """`goose: 00001_users` -> "1", if the format is goose."""
    tool, _, own = name.partition(": ")
    return format.key(own) if named(tool) is format else None


def _refuse_twins(names: Mapping[str, Sequence[str]], record: Record, format: Format) -> None:
    """Raise DefinitionError where two migrations adopt what a file has once: which of them it has can't be told."""
    owners: dict[str, str] = {}
    for id, keys in names.items():
        for key in keys:
            other = owners.setdefault(key, id)
            if other != id and record.keys.count(key) == 1:  # drizzle may record one number twice: then it has both
                what = f"{other} and {id} both adopt {format.NAME}'s {printable(key)}, and a file has it once"
                raise DefinitionError(what + ".", hint="Say which of the two it is.")


def _unknown(record: Record, known: Sequence[str]) -> list[str]:
    """What a file has and nobody adopts. sqlite-utils keeps several sets of migrations in one file: those of others are
    passed over, but not all of them; then it is the app that doesn't know its own."""
    ours = set(map(_set_of, known))
    if ours.isdisjoint(map(_set_of, record.keys)):
        return list(record.keys)
    return [key for key in record.keys if key not in known and _set_of(key) in ours]


def _set_of(key: str) -> str:
    """`creatures:create_table` -> "creatures"; no other tool has sets."""
    migration_set, colon, _ = key.partition(":")
    return migration_set if colon else ""
