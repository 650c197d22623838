"""diesel: a folder for each migration, `2021-01-01-120000_name/up.sql` and `down.sql`; the table `__diesel_schema_migrations`.

Its folders: https://docs.rs/diesel_migrations/latest/diesel_migrations/struct.FileBasedMigrations.html
Its record: https://github.com/diesel-rs/diesel/blob/master/diesel/src/migration/setup_migration_table.sql
"""

from __future__ import annotations

import os

from embedmig.definition import text
from embedmig.formats.part import Part, Record, column, columns, described, folder, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from embedmig.loader import Folders

NAME = "diesel"
TABLE = "__diesel_schema_migrations"
TABLES: tuple[str, ...] = (TABLE,)


def parts(place: Folders) -> list[Part]:
    """By the text in front of the first `_`, without its dashes: so does diesel."""
    here = [name for name in place.names() if name[0] != "." and os.path.isdir(place.path(name))]
    return [_part(folder(place.path(name)), name) for name in sorted(here, key=lambda name: (key(name), name))]


def _part(place: Folders, name: str) -> Part:
    """An empty up.sql is an error to diesel, and a migration whose down.sql is empty or missing can't go down."""
    there = place.names()
    if "up.sql" not in there:
        raise wrong(f"{place.label} has no up.sql", "Add it, or take the folder away.")
    up = text(place, "up.sql")
    if not up:
        raise wrong(f"{place.path('up.sql')} is empty", "Write what it does, or take its folder away.")
    down = text(place, "down.sql") if "down.sql" in there else ""
    return Part(
        name, described(name), up, down or None, place.path("up.sql"), place.path("down.sql") if down else None,
        transactional=_in_transaction(place) if "metadata.toml" in there else True,
    )  # fmt: skip


def _in_transaction(place: Folders) -> bool:
    import tomllib

    try:
        said = tomllib.loads(text(place, "metadata.toml")).get("run_in_transaction", True)
    except tomllib.TOMLDecodeError as error:
        raise wrong(f"{place.path('metadata.toml')}: {error}", "Write run_in_transaction = true or false.") from error
    if not isinstance(said, bool):
        raise wrong(f"{place.path('metadata.toml')}: run_in_transaction is {said!r}", "Write true or false.")
    return said


def record(conn: sqlite3.Connection) -> Record | None:
    if "version" not in columns(conn, TABLE):
        return None
    return Record(column(conn, f"SELECT version FROM main.{TABLE} ORDER BY version"))


def key(name: str) -> str:
    return name.partition("_")[0].replace("-", "")
