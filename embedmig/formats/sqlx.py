"""sqlx: `20210101120000_name.sql`, or the pair `.up.sql` and `.down.sql`; the table `_sqlx_migrations`.

Its files: https://docs.rs/sqlx/latest/sqlx/macro.migrate.html
Its record: https://github.com/launchbadge/sqlx/blob/main/sqlx-sqlite/src/migrate.rs
"""

from __future__ import annotations

import os

from embedmig import file
from embedmig.definition import text
from embedmig.formats.part import Part, Record, columns, described, half_applied, names, number, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from embedmig.loader import Folders

NAME = "sqlx"
TABLE = "_sqlx_migrations"
TABLES: tuple[str, ...] = (TABLE,)
ALONE = "-- no-transaction"  # the first thing in the file


def parts(place: Folders) -> list[Part]:
    """By number; what is not called `<number>_<words>.sql` is no migration of sqlx's, one without a number an error."""
    ups: list[tuple[int, str, str]] = []
    downs: dict[str, str] = {}
    for name in names(place, ".sql"):
        digits, underscore, _ = name.partition("_")
        if not underscore:
            continue
        if not (digits.isascii() and digits.isdigit()):
            raise wrong(f"{name} in {place.label} has no number in front", "Rename it, or take it out of the folder.")
        if name.endswith(".down.sql"):
            downs[name.removesuffix(".down.sql")] = name
        else:
            ups.append((int(digits), name.removesuffix(".sql").removesuffix(".up"), name))
    found = [_part(place, stem, name, downs.pop(stem, None)) for _, stem, name in sorted(ups)]
    if downs:
        alone = next(iter(downs.values()))
        raise wrong(
            f"{alone} in {place.label} has no {alone.removesuffix('.down.sql')}.up.sql", "Add it, or remove it."
        )
    return found


def _part(place: Folders, stem: str, name: str, down: str | None) -> Part:
    up_text, down_text = text(place, name), text(place, down) if down else None
    alone = up_text.startswith(ALONE)
    if down_text is not None and down_text.startswith(ALONE) != alone:
        one, other = (name, down) if alone else (down, name)
        raise wrong(f"{one} runs outside a transaction, and {other} does not", f"Begin both with {ALONE}, or neither.")
    return Part(
        stem, described(stem), up_text, down_text, os.path.join(place.label, name),
        os.path.join(place.label, down) if down else None, transactional=not alone,
    )  # fmt: skip


def record(conn: sqlite3.Connection) -> Record | None:
    if not {"version", "success"} <= columns(conn, TABLE):
        return None
    rows = file.rows(conn, f"SELECT version, success FROM main.{TABLE} ORDER BY version")
    keys = tuple(str(int(version)) for version, _ in rows)
    if failed := [str(int(version)) for version, success in rows if not success]:
        raise half_applied(
            f"sqlx recorded that {', '.join(failed)} did not succeed", keys,
            f"Put a backup from before in its place; or mend the file by hand, and delete that row of {TABLE}.",
        )  # fmt: skip
    return Record(keys)


def key(name: str) -> str:
    return number(name)
