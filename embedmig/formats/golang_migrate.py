"""golang-migrate: pairs `0001_name.up.sql` and `.down.sql`; the table `schema_migrations` with one row and its `dirty`.

Its files: https://github.com/golang-migrate/migrate/blob/master/MIGRATIONS.md
Its record: https://github.com/golang-migrate/migrate/blob/master/database/sqlite/sqlite.go
"""

from __future__ import annotations

import os
import re

from embedmig import file
from embedmig.definition import text
from embedmig.formats.part import Part, Record, columns, described, half_applied, names, number, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from embedmig.loader import Folders

NAME = "golang-migrate"
TABLE = "schema_migrations"
TABLES: tuple[str, ...] = (TABLE,)

_FILE = re.compile(r"([0-9]+)_(.*)\.(down|up)\.([^.]+)\Z")
OURS = (".sqlite3", ".sqlite")  # 0001_name.sqlite3.up.sql stands in for 0001_name.up.sql
OTHERS = (".postgres", ".postgresql", ".mysql", ".mariadb", ".cockroach", ".cockroachdb", ".mssql", ".sqlserver")


def parts(place: Folders) -> list[Part]:
    """By number. A direction without its file does nothing when it goes up, as golang-migrate has it, and can't go down."""
    chosen: dict[tuple[int, str], dict[str, str]] = {}
    for name in names(place, ""):
        if not (cut := _FILE.match(name)):
            continue
        digits, words, direction, ending = cut.groups()
        if words.endswith(OTHERS):
            continue
        if ending != "sql":
            raise wrong(f"{name} is not SQL", "Write what it does as a .sql file, under the same number.")
        plain = next((words.removesuffix(end) for end in OURS if words.endswith(end)), None)
        files = chosen.setdefault((int(digits), f"{digits}_{words if plain is None else plain}"), {})
        if plain is not None or direction not in files:  # SQLite's own one comes first
            files[direction] = name
    return [_part(place, stem, files) for (_, stem), files in sorted(chosen.items())]


def _part(place: Folders, stem: str, files: dict[str, str]) -> Part:
    up, down = files.get("up"), files.get("down")
    return Part(
        stem, described(stem), text(place, up) if up else "", text(place, down) if down else None,
        os.path.join(place.label, up or str(down)), os.path.join(place.label, down) if down else None,
    )  # fmt: skip


def record(conn: sqlite3.Connection) -> Record | None:
    if not {"version", "dirty"} <= columns(conn, TABLE):
        return None
    rows = file.rows(conn, f"SELECT version, dirty FROM main.{TABLE}")
    keys = tuple(str(int(version)) for version, _ in rows if int(version) >= 0)
    if any(dirty for _, dirty in rows):
        what = f"golang-migrate left it dirty at version {', '.join(keys) or '0'}: its last migration did not end"
        raise half_applied(
            what, keys,
            "Put a backup from before in its place; or mend the file by hand, and set the version that it then has with `migrate force`.",
        )  # fmt: skip
    return Record(keys, through=True)


def key(name: str) -> str:
    return number(name)
