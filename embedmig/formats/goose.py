"""goose: `00001_name.sql` with `-- +goose Up` and `-- +goose Down` sections; the table `goose_db_version`.

Its files: https://pressly.github.io/goose/documentation/annotations/
Its record: https://github.com/pressly/goose/blob/main/internal/dialects/sqlite3.go
"""

from __future__ import annotations

import os
import re

from embedmig import file
from embedmig.definition import text
from embedmig.formats.part import Part, Record, columns, described, names, number, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from embedmig.loader import Folders

NAME = "goose"
TABLE = "goose_db_version"
TABLES: tuple[str, ...] = (TABLE,)

_MARKER = re.compile(r"[ \t]*--[ \t]*\+goose[ \t]+(.*?)\s*\Z", re.I)
_MUST_START = "Begin with -- +goose Up."


def parts(place: Folders) -> list[Part]:
    """Files without a number in front are no migrations of goose's; a migration in Go can't be read."""
    found = [name for name in names(place, ".sql", ".go") if re.match(r"[0-9]+_", name)]
    for name in found:
        if name.endswith(".go") and not name.endswith("_test.go"):
            raise wrong(f"{name} is a migration in Go", "Write what it does in SQL, under the same number.")
    found = [name for name in found if name.endswith(".sql")]
    return [_part(place, name) for name in sorted(found, key=lambda name: (int(number(name)), name))]


def _part(place: Folders, name: str) -> Part:
    """As goose reads it: a Down section that is there and empty goes down by doing nothing, a missing one can't."""
    sections, transactional = _sections(text(place, name), name)
    if "up" not in sections:
        raise _at(name, 1, "there is no -- +goose Up", _MUST_START)
    stem, down = name.removesuffix(".sql"), sections.get("down")
    return Part(
        stem, described(stem), "\n".join(sections["up"]), None if down is None else "\n".join(down),
        os.path.join(place.label, name), transactional=transactional,
    )  # fmt: skip


def _sections(said: str, name: str) -> tuple[dict[str, list[str]], bool]:
    """The lines of Up and Down, each on its own number, and whether they run in a transaction."""
    sections: dict[str, list[str]] = {}
    now, transactional, begun = "", True, 0
    for line, content in enumerate(said.split("\n"), 1):
        marker = _MARKER.match(content)
        if marker and content[0] in " \t":
            raise _at(name, line, "an indented marker is a comment to goose", "Put it at the beginning of its line.")
        kept = "" if marker else content
        match marker.group(1).lower() if marker else "":
            case "up" | "down" as direction:
                if direction in sections or begun or (direction == "down" and "up" not in sections):
                    raise _at(name, line, f"-- +goose {direction.title()} is out of place", _MUST_START)
                now = direction
                sections[now] = [""] * (line - 1)
            case "statementbegin":
                if not now or begun:
                    raise _at(name, line, "-- +goose StatementBegin is out of place", "Put it below Up or Down.")
                begun = line
            case "statementend":
                if not begun:
                    raise _at(name, line, "-- +goose StatementEnd without its StatementBegin", "Add it.")
                begun, kept = 0, _end(sections[now])
            case "no transaction":
                transactional = False
            case "envsub on" | "envsubst on":
                raise _at(
                    name, line, "it takes values from the environment", "Write them out: users have none of yours."
                )
            case other if other not in ("", "envsub off", "envsubst off"):
                raise _at(name, line, f"unknown marker: {content.strip()}", "Known are those of goose's documentation.")
        if now:
            sections[now].append(kept)
        elif kept.strip() and not kept.lstrip().startswith("--"):
            raise _at(name, line, "there is SQL above -- +goose Up", _MUST_START)
    if begun:
        raise _at(name, begun, "-- +goose StatementBegin without its StatementEnd", "Add it.")
    return sections, transactional


def _end(section: list[str]) -> str:
    """What stands for a StatementEnd: nothing behind a semicolon, else the sign that ends a statement all the same."""
    before = next((line.rstrip() for line in reversed(section) if line.strip()), ";")
    return "" if before.endswith(";") else "--> statement-breakpoint"


def _at(name: str, line: int, what: str, cure: str) -> Exception:
    return wrong(f"{name}, line {line}: {what}", cure)


def record(conn: sqlite3.Connection) -> Record | None:
    """Of each version the newest row counts: older releases of goose add one with is_applied = 0 when it goes down."""
    if not {"version_id", "is_applied"} <= columns(conn, TABLE):
        return None
    newest: dict[int, bool] = {}
    for version, applied in file.rows(conn, f"SELECT version_id, is_applied FROM main.{TABLE} ORDER BY id DESC"):
        newest.setdefault(int(version), bool(applied))
    return Record(tuple(str(version) for version in sorted(newest) if newest[version] and version > 0))


def key(name: str) -> str:
    return number(name)
