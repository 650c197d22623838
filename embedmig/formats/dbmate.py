"""dbmate: `20210101120000_name.sql` with `-- migrate:up` and `-- migrate:down`, embedmig's own markers too; `schema_migrations`.

Its files: https://github.com/amacneil/dbmate#creating-migrations
Its record: https://github.com/amacneil/dbmate/blob/main/pkg/driver/sqlite/sqlite.go
"""

from __future__ import annotations

import os
import re

from embedmig.definition import text
from embedmig.formats.part import Part, Record, column, columns, described, names, wrong
from embedmig.script import sections

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from embedmig.loader import Folders

NAME = "dbmate"
TABLE = "schema_migrations"
TABLES: tuple[str, ...] = (TABLE,)


def parts(place: Folders) -> list[Part]:
    """By the name, letter by letter: so does dbmate. Its version is the number in front, as text."""
    return [_part(place, name) for name in names(place, ".sql") if name[0].isdigit()]


def _part(place: Folders, name: str) -> Part:
    """A `-- migrate:down` with nothing below it goes down by doing nothing, as dbmate does."""
    said = text(place, name)
    cut = sections(said, name)
    if cut.up == said:
        raise wrong(f"{name}, line 1: there is no -- migrate:up", "Put it above what goes up: dbmate wants it.")
    stem = name.removesuffix(".sql")
    transactional = cut.options.get("transaction") != "false"
    path = os.path.join(place.label, name)
    return Part(stem, described(stem), cut.up, cut.down, path, transactional=transactional)


def record(conn: sqlite3.Connection) -> Record | None:
    found = columns(conn, TABLE)
    if "version" not in found or "dirty" in found:  # with it the table is golang-migrate's
        return None
    return Record(column(conn, f"SELECT version FROM main.{TABLE} ORDER BY version"))


def key(name: str) -> str:
    digits = re.match(r"[0-9]*", name)
    return (digits.group() if digits else "") or name
