"""A bare `PRAGMA user_version`: the number of the newest migration that a file has, 0 for none (https://sqlite.org/pragma.html#pragma_user_version)."""

from __future__ import annotations

from embedmig import file
from embedmig.errors import UsageError
from embedmig.formats.part import Record, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from embedmig.formats.part import Part
    from embedmig.loader import Folders

NAME = "user_version"
TABLES: tuple[str, ...] = ()


def parts(place: Folders) -> list[Part]:
    raise UsageError(
        "user_version is a number in the file: it has no folder to convert.",
        hint="Write the migrations as 001_x.sql, 002_y.sql, ... so that N is what a file with user_version N has.",
    )


def record(conn: sqlite3.Connection) -> Record | None:
    version = int(file.rows(conn, "PRAGMA main.user_version")[0][0])
    return Record((str(version),), through=True) if version else None


def key(name: str) -> str:
    return number(name)
