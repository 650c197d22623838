"""Alembic: the record alone, `alembic_version`. Its migrations are Python that only Alembic and SQLAlchemy can run.

Its record: https://alembic.sqlalchemy.org/en/latest/api/runtime.html (version_table, one row for each head)
"""

from __future__ import annotations

from embedmig.errors import UsageError
from embedmig.formats.part import Record, column, columns, half_applied

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from embedmig.formats.part import Part
    from embedmig.loader import Folders

NAME = "alembic"
TABLE = "alembic_version"
TABLES: tuple[str, ...] = (TABLE,)


def parts(place: Folders) -> list[Part]:
    raise UsageError(
        "Alembic's migrations can't be converted: only Alembic can run them.",
        hint="Write 001_initial.sql with the schema of the newest revision, and the line `-- adopts alembic: <revision>` on top of it.",
    )


def record(conn: sqlite3.Connection) -> Record | None:
    if "version_num" not in columns(conn, TABLE):
        return None
    heads = column(conn, f"SELECT version_num FROM main.{TABLE}")
    if len(heads) > 1:
        raise half_applied(
            f"Alembic recorded {len(heads)} heads: {', '.join(heads)}", heads,
            "Open it once with the app's last release that used Alembic, or merge the heads there.",
        )  # fmt: skip
    return Record(heads, through=True)


def key(name: str) -> str:
    return name
