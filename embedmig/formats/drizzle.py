"""drizzle-kit: `0000_name.sql` in the order of `meta/_journal.json`; the table `__drizzle_migrations`.

Its files: https://orm.drizzle.team/docs/drizzle-kit-generate
Its record: https://github.com/drizzle-team/drizzle-orm/blob/main/drizzle-orm/src/sqlite-core/dialect.ts

A row of the record says by `created_at` which migration it is: the journal's `when`. There is no down.
`--> statement-breakpoint` ends a statement in embedmig's files too, so the text stays as it is.
"""

from __future__ import annotations

import os

from embedmig import file
from embedmig.definition import text
from embedmig.formats.part import Part, Record, columns, described, folder, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from embedmig.loader import Folders

NAME = "drizzle"
TABLE = "__drizzle_migrations"
TABLES: tuple[str, ...] = (TABLE,)
JOURNAL = "_journal.json"


def parts(place: Folders) -> list[Part]:
    if not os.path.isfile(os.path.join(place.label, "meta", JOURNAL)):
        what = f"There is no meta/{JOURNAL} in {place.label}"
        raise wrong(what, "Give the folder that is `out` in drizzle.config, written by drizzle-kit 0.31 or before.")
    return [_part(place, tag, when) for tag, when in _journal(folder(os.path.join(place.label, "meta")))]


def _journal(meta: Folders) -> list[tuple[str, int]]:
    import json

    try:
        return [(str(entry["tag"]), int(entry["when"])) for entry in json.loads(text(meta, JOURNAL))["entries"]]
    except json.JSONDecodeError as error:
        raise wrong(f"meta/{JOURNAL}, line {error.lineno}: {error.msg}", "Mend it.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise wrong(f"meta/{JOURNAL}: {error!r} is not as drizzle-kit writes it", "Mend it.") from error


def _part(place: Folders, tag: str, when: int) -> Part:
    name = f"{tag}.sql"
    return Part(tag, described(tag), text(place, name), None, os.path.join(place.label, name), recorded=f"{tag} {when}")


def record(conn: sqlite3.Connection) -> Record | None:
    if not {"hash", "created_at"} <= columns(conn, TABLE):
        return None
    rows = file.rows(conn, f"SELECT created_at FROM main.{TABLE} ORDER BY created_at")
    return Record(tuple(str(int(when)) for (when,) in rows))


def key(name: str) -> str:
    """`0000_name 1700000000000` is known by the number behind it."""
    return name.split()[-1]
