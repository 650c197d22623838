"""Give a migration the next free number: two branches made the same one, or one was merged late.

Only the names change, so version control sees a rename, and the checksum stays.
"""

from __future__ import annotations

import os
import re
import time
from itertools import groupby

from embedmig import disk, file, loader
from embedmig.errors import DefinitionError, EmbedmigError, UsageError, listed, printable
from embedmig.loader import Shipped
from embedmig.migration import TIMESTAMP
from embedmig.questions import applied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def twins(source: str) -> list[list[Shipped]]:
    """The migrations of a package or a folder that share a version, for each such version all of them. Files are named, not read."""
    try:
        found = sorted(loader.files(loader.place_of(source)), key=_version)
    except DefinitionError:
        return []  # something else is wrong
    return [alike for _, group in groupby(found, _version) if len(alike := list(group)) > 1]


def renumber(folder: str, id: str, *, to: int | None = None, db: str | None = None) -> tuple[tuple[str, str], ...]:
    """Rename the file or the two files of a migration to the next free version; returns the old and the new path of each.

    `to`: that version instead. `db`: a file that must not have it yet. Raises UsageError, and renames nothing, where no such
    migration is there, where it is applied in `db`, and where its number would be missing afterwards.
    """
    found = loader.files(loader.place_of(os.path.join(os.path.abspath(folder), "")))
    chosen = _chosen(found, id, folder)
    others = [one for one in found if one is not chosen]
    if db is not None:
        _refuse_applied(chosen, db)
    version = following([one.version for one in others]) if to is None else to
    _refuse_number(chosen, others, version, to, folder)
    renamed = _names(chosen, version)
    for index, (old, new) in enumerate(renamed):
        try:
            disk.rename(old, new)
        except OSError as error:
            for done, was in ((new, old) for old, new in renamed[:index]):
                disk.rename(done, was)
            what = f"{printable(old)} can't be renamed: {error.strerror}."
            raise EmbedmigError(what, hint="Check the permissions of its folder.") from error
    return tuple(renamed)


def following(versions: Sequence[int]) -> int:
    """The version after these: the next number, or the time now where they are times, in digits or in unix seconds."""
    newest = max(versions, default=0)
    if newest < TIMESTAMP:
        return newest + 1
    now = int(time.strftime("%Y%m%d%H%M%S", time.gmtime())) if newest >= 10**13 else int(time.time())
    return max(now, newest + 1)


def _version(one: Shipped) -> int:
    return one.version


def _chosen(found: Sequence[Shipped], id: str, folder: str) -> Shipped:
    """By its id; the name of one of its files, or its path, will do."""
    name = os.path.basename(id)
    alike = [one for one in found if name in (one.up, one.down)] or [one for one in found if name == one.id]
    if len(alike) > 1:
        what = f"{len(alike)} migrations in {printable(folder)} are called {printable(id)}."
        raise UsageError(what, hint=f"Name the file: {' or '.join(printable(one.up) for one in alike)}.")
    if alike:
        return alike[0]
    same = [one.id for one in found if name.isascii() and name.isdecimal() and one.version == int(name)]
    hint = (
        f"Do you mean {' or '.join(map(printable, same))}?"
        if same
        else f"There are: {listed(one.id for one in found)}."
    )
    raise UsageError(f"No migration in {printable(folder)} is called {printable(id)}.", hint=hint)


def _refuse_applied(chosen: Shipped, db: str) -> None:
    if not file.size(file.located(db)):
        raise UsageError(f"There is no database at {printable(db)}.", hint="Give the path of the file that is meant.")
    if any(one.id == chosen.id for one in applied(db)):
        what = f"{printable(chosen.id)} is applied in {printable(os.path.basename(db))}, and its history knows it by this name."
        raise UsageError(what, hint="Renumber the other one, or roll this one back there first.")


def _refuse_number(chosen: Shipped, others: Sequence[Shipped], version: int, to: int | None, folder: str) -> None:
    versions = {one.version for one in others}
    if version == chosen.version and version not in versions:
        what = f"{printable(chosen.id)} has {'the next free version' if to is None else f'version {to}'} already."
        raise UsageError(what, hint="There is nothing to renumber.")
    if version in versions or not 0 < version < 2**63:
        why = "is taken" if version in versions else "is no version: they run from 1"
        raise UsageError(f"{version} {why}.", hint="Leave the number out: then it is the next free one.")
    numbers = [one for one in sorted({*versions, version}) if one < TIMESTAMP]
    if missing := next((n for n, one in enumerate(numbers, 1) if one != n), None):
        what = f"Version {missing} would be missing in {printable(folder)} if {printable(chosen.id)} became {version}."
        raise UsageError(what, hint="Versions run 1, 2, 3, ... without gaps.")


def _names(chosen: Shipped, version: int) -> list[tuple[str, str]]:
    """Its files, old and new: the digits change, with as many zeros before them as there were."""
    digits = re.match(r"\d+", chosen.id)
    assert digits is not None  # the loader has read a version from it
    width = len(digits[0])
    names = [name for name in (chosen.up, chosen.down) if name is not None]
    return [(chosen.place.path(name), chosen.place.path(f"{version:0{width}}{name[width:]}")) for name in names]
