"""After Ctrl-C: what became of the file, told by what stands on the disk then and stood there before."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import NamedTuple

from embedmig import backup, file, plan
from embedmig.cli.command import Stopped, Subject
from embedmig.errors import EmbedmigError, printable
from embedmig.migrator import get_applied_migrations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.migration import Applied


class Standing(NamedTuple):
    """What stands at a path, and beside it."""

    applied: list[Applied] | None  # None: it can't be told
    # SQLite's number of the schema (https://sqlite.org/pragma.html#pragma_schema_version) and how many objects it has; None
    # where it can't be read. A backup that is put into a file adds one to that file's number, an empty one too: what keeps
    # its number was not replaced, even where the history would be the same.
    schema: tuple[int, int] | None
    stamp: tuple[int, ...] | None  # of the file itself; None where there is none
    # The names that begin with the file's, and which file each is; None where the folder can't be read.
    beside: frozenset[tuple[str, int]] | None

    @property
    def version(self) -> int | None:
        return None if self.applied is None else plan.version_of(self.applied)

    def is_as(self, before: Standing) -> bool:
        if self.schema is None or before.schema is None:
            return self.stamp == before.stamp
        return (self.schema, self.applied) == (before.schema, before.applied)


def _standing(subject: Subject) -> Standing:
    try:
        path = file.locate(subject.path)
    except EmbedmigError:  # the command will refuse it
        return Standing(None, None, None, None)
    return Standing(_applied(path), _schema(path), _stamp(path), _beside(path))


def _applied(path: str) -> list[Applied] | None:
    try:
        return get_applied_migrations(path)
    except EmbedmigError:
        return None


def _schema(path: str) -> tuple[int, int] | None:
    try:
        if not file.size(path):
            return 0, 0
        with closing(file.connect_to_read(path)) as conn:
            (number,), (count,) = (
                file.rows(conn, sql)[0]
                for sql in ("PRAGMA main.schema_version", "SELECT count(*) FROM main.sqlite_master")
            )
    except (EmbedmigError, sqlite3.Error):
        return None
    return number, count


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _beside(path: str) -> frozenset[tuple[str, int]] | None:
    folder, name = os.path.split(os.path.realpath(path))
    try:
        with os.scandir(folder) as found:
            return frozenset((one.name, one.inode()) for one in found if one.name.startswith(name + "."))
    except OSError:
        return None


# -- what is new beside it ---------------------------------------------------------------------------------------------


def _moved(subject: Subject, before: Standing, after: Standing) -> str:
    """What a file that SQLite could make nothing of is called now, "" where none was moved aside."""
    return ", ".join(
        printable(name + end) for name, end in _new(subject, before, after) if end.startswith(".unreadable")
    )


def _kept(subject: Subject, before: Standing, after: Standing) -> str:
    """A sentence about the copy that was made of what was in it, or where it was moved to; "" where there is neither."""
    new = _new(subject, before, after)
    copies = (name + end for name, end in new if end.startswith(".v") and backup.version_in(end[len(".v") :]) >= 0)
    where = _moved(subject, before, after) or ", ".join(map(printable, copies))
    return f" What was in it: {where}." if where else ""


def _new(subject: Subject, before: Standing, after: Standing) -> list[tuple[str, str]]:
    """The names of what came to stand beside it, each in two: the file's own, and how it goes on."""
    if before.beside is None or after.beside is None:
        return []
    name = os.path.basename(os.path.realpath(subject.path))
    return sorted((name, found[len(name) :]) for found, _ in after.beside - before.beside)


# -- what each command says --------------------------------------------------------------------------------------------


@contextmanager
def _told(subject: Subject, tell: Callable[[Subject, Standing, Standing], str]) -> Iterator[None]:
    before = _standing(subject)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise Stopped(f"Stopped by Ctrl-C. {tell(subject, before, _standing(subject))}") from interrupt


def undone_by_ctrl_c(subject: Subject) -> AbstractContextManager[None]:
    """Ctrl-C undoes a run; say so, and at which version the file stands."""
    return _told(subject, _left_by_a_run)


def reset_told(subject: Subject) -> AbstractContextManager[None]:
    """Ctrl-C during a reset: is the file as it was, gone, or built again?"""
    return _told(subject, _left_by_a_reset)


def restore_told(subject: Subject) -> AbstractContextManager[None]:
    """Ctrl-C during a restore: is the file as it was, moved aside, or restored?"""
    return _told(subject, _left_by_a_restore)


def _left_by_a_run(subject: Subject, before: Standing, after: Standing) -> str:
    now, then = after.version, before.version
    if now is None or then is None:
        return f"What was running on {subject.name} was undone."
    if now == then:
        return f"Everything was undone: {subject.name} is at version {now}, as before."
    return f"What was running was undone: {subject.name} is at version {now}, and was at {then}."


def _left_by_a_reset(subject: Subject, before: Standing, after: Standing) -> str:
    kept = _kept(subject, before, after)
    if after.is_as(before):
        return f"{subject.name} is as it was."
    if after.schema is not None and not after.schema[1]:
        return f"{subject.name} was deleted, and not built again: `embedmig migrate` does that.{kept}"
    # a row of before: it is not this reset that changed the file
    if after.applied and not any(one in (before.applied or ()) for one in after.applied):
        return f"{subject.name} was deleted and built again: it is at version {after.version}.{kept}"
    return _not_known(subject, kept)


def _left_by_a_restore(subject: Subject, before: Standing, after: Standing) -> str:
    if moved := _moved(subject, before, after):
        return f"What stood at {subject.name} is now called {moved}. {_in_its_place(subject, after)}"
    if after.is_as(before):
        if after.version is None:
            return f"{subject.name} is as it was."
        return f"Everything was undone: {subject.name} is at version {after.version}, as before."
    kept = _kept(subject, before, after)
    if after.version is None:
        return _not_known(subject, kept)
    was = "" if before.version in (None, after.version) else f", and was at {before.version}"
    return f"{subject.name} was overwritten by the backup: it is at version {after.version}{was}.{kept}"


def _in_its_place(subject: Subject, after: Standing) -> str:
    if after.version is None:
        return _not_known(subject, "")
    if after.schema is not None and not after.schema[1]:
        return "Nothing was put in its place: restore once more does that."
    return f"{subject.name} is at version {after.version}."


def _not_known(subject: Subject, kept: str) -> str:
    return f"What became of {subject.name} is not known: `embedmig doctor` looks at it.{kept}"
