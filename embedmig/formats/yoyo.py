"""yoyo: `0001.name.sql` with `0001.name.rollback.sql`, or `0001.name.py` with steps; the table `_yoyo_migration`.

Its files: https://ollycope.com/software/yoyo/latest/#migration-files
Its record: https://hg.sr.ht/~olly/yoyo/browse/yoyo/internalmigrations/v2.py (and v1.py, before yoyo 6)
"""

from __future__ import annotations

import os
import re

from embedmig import file
from embedmig.definition import text
from embedmig.formats import yoyo_steps
from embedmig.formats.part import Part, Record, column, columns, described, half_applied, names, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from embedmig.loader import Folders

NAME = "yoyo"
TABLE = "_yoyo_migration"
LOCK = "yoyo_lock"
TABLES: tuple[str, ...] = (TABLE, LOCK, "_yoyo_log", "_yoyo_version")

_DIRECTIVE = re.compile(r"\s*--\s*(transactional|depends)\s*:\s*(.*)\Z")


def parts(place: Folders) -> list[Part]:
    """By the letters of their names, each behind those that it depends on."""
    found: dict[str, Part] = {}
    depends: dict[str, set[str]] = {}
    for name in names(place, ".py", ".sql"):
        stem = os.path.splitext(name)[0]
        if name.endswith(".rollback.sql"):
            continue
        if name.startswith("post-apply"):
            raise wrong(
                f"{name} in {place.label} runs after every run of yoyo's", "Move it into prepare=, and take it out."
            )
        if stem in found:
            raise wrong(f"{name} and {os.path.basename(found[stem].file)} are both {stem}", "Rename or remove one.")
        found[stem], depends[stem] = _from_sql(place, name) if name.endswith(".sql") else _from_python(place, name)
    return list(_in_order(found, depends))


def _from_sql(place: Folders, name: str) -> tuple[Part, set[str]]:
    stem, said = name.removesuffix(".sql"), text(place, name)
    directives, comment = _head(said)
    transactional = directives.get("transactional", "true").strip().lower()
    if transactional not in ("true", "false"):
        raise wrong(f"{name}: `-- transactional: {transactional}`", "Write true or false.")
    back = f"{stem}.rollback.sql"
    there = os.path.exists(place.path(back))
    part = Part(
        stem, comment or described(stem), said, text(place, back) if there else None, place.path(name),
        place.path(back) if there else None, transactional=transactional == "true",
    )  # fmt: skip
    return part, set(directives.get("depends", "").split())


def _head(said: str) -> tuple[dict[str, str], str]:
    """The directives in the comments above the first statement, and the first of its other lines."""
    directives: dict[str, str] = {}
    comment = ""
    for line in said.split("\n"):
        if directive := _DIRECTIVE.match(line):
            directives[directive[1]] = f"{directives.get(directive[1], '')} {directive[2]}"
        elif line.strip() and not line.lstrip().startswith("--"):
            break
        else:
            comment = comment or line.strip().strip("-").strip()
    return directives, comment


def _from_python(place: Folders, name: str) -> tuple[Part, set[str]]:
    stem = name.removesuffix(".py")
    found = yoyo_steps.read(text(place, name).replace("\r\n", "\n"), name)
    part = Part(
        stem, found.description or described(stem), found.up, found.down, place.path(name), found.down_file,
        transactional=found.transactional, prelude=found.prelude,
    )  # fmt: skip
    return part, found.depends


def _in_order(found: dict[str, Part], depends: dict[str, set[str]]) -> Iterable[Part]:
    for stem, needs in depends.items():
        if missing := sorted(needs - set(found)):
            name = os.path.basename(found[stem].file)
            raise wrong(f"{name} depends on {', '.join(missing)}, which is not there", "Add it, or mend the name.")
    rest, done = dict(found), set[str]()
    while rest:
        free = next((stem for stem in rest if depends[stem] <= done), None)
        if free is None:
            raise wrong(f"These depend on each other in a circle: {', '.join(rest)}", "Break the circle.")
        done.add(free)
        yield rest.pop(free)


def record(conn: sqlite3.Connection) -> Record | None:
    """A row of the lock that stands there means that yoyo is at work, or was killed: then what it last ran may not be recorded."""
    found = columns(conn, TABLE)
    name = "migration_id" if "migration_id" in found else "id"
    if name not in found:
        return None
    keys = column(conn, f"SELECT {name} FROM main.{TABLE} ORDER BY rowid")
    if "pid" in columns(conn, LOCK) and (held := file.rows(conn, f"SELECT pid FROM main.{LOCK}")):
        raise half_applied(
            f"yoyo's lock is held by process {held[0][0]}", keys,
            "Close the app's older release. If it does not run, it was killed while it migrated: put a backup from before in its"
            f" place; or see by hand that its last migration is recorded, and delete the row of {LOCK}.",
        )  # fmt: skip
    return Record(keys)


def key(name: str) -> str:
    return name
