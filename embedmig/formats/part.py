"""What every format is made of: one migration of another tool's folder, what its record in a file says, and how both are read."""

from __future__ import annotations

import os

from embedmig import definition, file
from embedmig.errors import DefinitionError, HistoryMismatch, printable
from embedmig.loader import Folders
from embedmig.naming import quoted
from embedmig.report import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from typing import Protocol

    class Format(Protocol):
        """One other tool: a module of this package."""

        NAME: str
        TABLES: tuple[str, ...]  # its own in a user's file, in lower case

        def parts(self, place: Folders) -> list[Part]:
            """The migrations of its folder, in its own order. DefinitionError names file and line."""

        def record(self, conn: sqlite3.Connection) -> Record | None:
            """What a file's record says, or None where there is none. HistoryMismatch for one that is half-applied."""

        def key(self, name: str) -> str:
            """What the record calls the migration of this name."""


class Part(Value):
    """One migration in another tool's folder.

    `name` is the tool's own for it. `up` and `down` are SQL text with as many lines as its file, so that an error names
    the right one. Where there is a `prelude`, both together are a Python module with up(db) and perhaps down(db).
    """

    name: str
    description: str
    up: str
    down: str | None
    file: str
    down_file: str | None = None
    transactional: bool = True
    recorded: str = ""  # what the record calls it, where that isn't the name
    prelude: str | None = None  # `up` is the source of a Python module, and this stands above it


class Record(Value):
    """What another tool wrote into a user's file: which migrations it has, as keys.

    `through`: the record names one migration, and says that everything up to it is applied too.
    """

    keys: tuple[str, ...]
    through: bool = False


def described(name: str) -> str:
    """A description out of a name: `20210101120000_create_users`, `0001.create-users` -> `Create users`."""
    words = name.lstrip("0123456789.-_").replace("-", " ").replace(".", " ").replace("_", " ")
    return definition.described(" ".join(words.split()) or name)


def number(name: str) -> str:
    """The number in front of a name, without leading zeros; the name itself where it has none."""
    digits = name[: len(name) - len(name.lstrip("0123456789"))]
    return str(int(digits)) if digits else name


# -- a folder ------------------------------------------------------------------------------------------------


def names(place: Folders, *endings: str) -> list[str]:
    """The names of the folder's files with one of these endings, in the order of their letters, but those that begin with a dot or a _."""
    return sorted(name for name in place.names() if name.endswith(endings) and name[0] not in "._")


def wrong(what: str, cure: str) -> DefinitionError:
    return DefinitionError(printable(what) + ".", hint=cure)


# -- a record ------------------------------------------------------------------------------------------------


def columns(conn: sqlite3.Connection, table: str) -> set[str]:
    """The columns of a table of the file, in lower case; none where there is no such table."""
    return {str(row[1]).lower() for row in file.rows(conn, f"PRAGMA main.table_info({quoted(table)})")}


def column(conn: sqlite3.Connection, query: str) -> tuple[str, ...]:
    """The first column of a query's rows, as text."""
    return tuple(str(row[0]) for row in file.rows(conn, query))


def half_applied(what: str, keys: Sequence[str], cure: str) -> HistoryMismatch:
    """The error for a record that says its tool died, or still is, in the middle of something."""
    return HistoryMismatch([what], applied=keys, hint=cure)


def folder(path: str | os.PathLike[str]) -> Folders:
    """The folder itself. DefinitionError where there is none."""
    label = os.path.abspath(os.fspath(path))
    if not os.path.isdir(label):
        raise wrong(f"There is no folder {label}", "Check the name.")
    return Folders([label], None)
