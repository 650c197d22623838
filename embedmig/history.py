"""The `_migrations` table: read, record, forget. All SQL about it stands here, and says `main._migrations`.

Loaded at every launch: reading needs nothing but the connection.
"""

from __future__ import annotations

from embedmig.file import rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from embedmig.migration import Applied, Migration

COLUMNS = (
    "version", "id", "description", "applied_at", "duration_ms", "checksum", "app_version", "backward_compatible", "finished",
)  # fmt: skip
CREATE = """\
CREATE TABLE main._migrations (
  version INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  applied_at TEXT NOT NULL, -- ISO 8601, UTC
  duration_ms INTEGER, -- NULL: not known
  checksum TEXT,
  app_version TEXT,
  backward_compatible INTEGER NOT NULL DEFAULT 0,
  finished INTEGER NOT NULL DEFAULT 1 -- 0: began outside a transaction and did not end
)"""


FEW = 100  # rows: fewer are read quicker one by one than a statement that joins them is compiled


def ids(conn: sqlite3.Connection, *, few: bool = False) -> tuple[list[str], int] | None:
    """The applied ids in version order and the file's version, in one cheap query; None where read() must look closer."""
    import sqlite3

    try:
        if few:
            found = rows(conn, "SELECT id, version, finished FROM main._migrations ORDER BY version")
            whole = bool(found) and all(row[2] for row in found)
            return ([str(row[0]) for row in found], int(str(found[-1][1]))) if whole else None
        # one row with all ids: a launch compares thousands of them in a moment. Should SQLite ever join them in
        # another order, the comparison fails and the launch looks closer.
        found = rows(
            conn,
            "SELECT group_concat(id, char(10)), max(version), min(finished) FROM"
            " (SELECT id, version, finished FROM main._migrations ORDER BY version)",
        )
    except (sqlite3.Error, UnicodeDecodeError, ValueError):
        return None
    joined, version, finished = found[0]
    return (str(joined).split("\n"), int(str(version))) if joined and finished else None


def applied_ids(conn: sqlite3.Connection) -> set[str]:
    """The ids that the history shows, in a run, where the table is there."""
    return {str(row[0]) for row in rows(conn, "SELECT id FROM main._migrations WHERE finished")}


def read(conn: sqlite3.Connection) -> list[Applied] | None:
    """The file's history in version order, or None where it has none. Never writes.

    Rows of the original's shape (id, version, description, applied_at) are read as they are.
    Raises ForeignDatabase if `_migrations` is something else, HistoryMismatch if two rows claim one version.
    """
    shape = _shape(conn)
    if shape is None:
        return None
    columns = [name if name in shape else "NULL" for name in COLUMNS]
    columns[3] = f"CAST({columns[3]} AS TEXT)"  # declared as TIMESTAMP in the original: detect_types= would convert it
    found = [
        _applied(row) for row in rows(conn, f"SELECT {', '.join(columns)} FROM main._migrations ORDER BY version, id")
    ]
    _refuse_doubles(found)
    return found


def same_as(applied: list[Applied] | None) -> Callable[[sqlite3.Connection], None]:
    """A check for a copy: it must have this very history."""

    def check(conn: sqlite3.Connection) -> None:
        from embedmig.errors import DatabaseDamaged

        if read(conn) != applied:
            raise DatabaseDamaged("the copy does not have the history of the file")

    return check


def _applied(row: tuple[object, ...]) -> Applied:
    from embedmig.errors import ForeignDatabase, printable
    from embedmig.migration import HISTORY, Applied

    version, id, description, applied_at, duration, checksum, app_version, compatible, finished = row
    if not isinstance(version, int):
        try:
            version = int(str(version))
        except ValueError:
            raise ForeignDatabase(f"its table {HISTORY} has version {printable(repr(version))}") from None
    return Applied(
        version,
        str(id),
        str(description or ""),
        str(applied_at or ""),
        duration if isinstance(duration, int) else None,
        checksum if isinstance(checksum, str) else None,
        app_version if isinstance(app_version, str) else None,
        bool(compatible),
        finished is None or bool(finished),
    )


def _shape(conn: sqlite3.Connection) -> list[str] | None:
    """The columns of the history table, or None where there is no such thing in the file."""
    found = rows(
        conn, "SELECT type FROM main.sqlite_master WHERE lower(name) = '_migrations' AND type IN ('table', 'view')"
    )
    if not found:
        return None
    columns = [str(row[1]) for row in rows(conn, "PRAGMA main.table_info(_migrations)")]
    if found[0][0] != "table" or not {"id", "version"} <= set(columns):
        from embedmig.errors import ForeignDatabase
        from embedmig.migration import HISTORY

        raise ForeignDatabase(
            f"its {found[0][0]} {HISTORY} has the columns {', '.join(columns)}, which is no history of embedmig's",
            hint="Open this app's own file.",
        )
    return columns


def _refuse_doubles(found: list[Applied]) -> None:
    from embedmig.errors import HistoryMismatch
    from embedmig.migration import HISTORY

    for one, other in zip(found, found[1:], strict=False):
        if one.version == other.version or one.id == other.id:
            raise HistoryMismatch(
                [
                    f"two rows claim version {one.version}: {a.id} ({a.applied_at}) and {b.id} ({b.applied_at})"
                    for a, b in [(one, other)]
                ],
                [],
                [a.id for a in found],
                hint=f"Give one of the two rows in {HISTORY} its own version.",
            )


def prepare(conn: sqlite3.Connection) -> None:
    """Inside a run: make the table, or rebuild the original's shape without losing a row."""
    shape = _shape(conn)
    if shape is None:
        conn.execute(CREATE)
    elif not set(COLUMNS) <= set(shape):
        rows = read(conn) or []
        conn.execute("DROP TABLE main._migrations")
        conn.execute(CREATE)
        record(conn, [tuple(row._fields().values()) for row in rows])
    else:
        conn.execute("DELETE FROM main._migrations WHERE finished = 0")  # what died halfway begins anew


def has_trigger(conn: sqlite3.Connection) -> bool:
    """Does what is recorded set off a trigger? A stranger's, or a temporary one of the app's: no migration may make one."""
    sql = "SELECT 1 FROM {}.sqlite_master WHERE type = 'trigger' AND tbl_name = '_migrations' COLLATE NOCASE"
    return bool(rows(conn, f"{sql.format('main')} UNION ALL {sql.format('temp')}"))


def objects(conn: sqlite3.Connection, most: int = 5) -> list[str]:
    """Names of a few tables, views and triggers that are neither SQLite's own nor ours."""
    found = rows(
        conn,
        "SELECT name FROM main.sqlite_master WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        f" AND lower(name) <> '_migrations' ORDER BY rowid LIMIT {most}",
    )
    return [str(row[0]) for row in found]


def row(
    migration: Migration,
    *,
    duration_ms: int | None,
    checksum: str | None,
    app_version: str | None,
    finished: bool = True,
) -> tuple[object, ...]:
    """The row of one migration, applied now: what record() takes."""
    import datetime

    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    compatible = int(migration.backward_compatible)
    known = (migration.version, migration.id, migration.description, now)
    return (*known, duration_ms, checksum, app_version, compatible, int(finished))


def record(conn: sqlite3.Connection, rows: Iterable[tuple[object, ...]]) -> None:
    """Write rows into the history, in one statement: each would be compiled anew."""
    # the columns are named, so that a table with more of them (a later embedmig's) takes the rows too
    columns, marks = ", ".join(COLUMNS), ", ".join("?" * len(COLUMNS))
    conn.executemany(f"INSERT INTO main._migrations ({columns}) VALUES ({marks})", rows)


def forget(conn: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Take rows out of the history: what a rollback does."""
    conn.executemany("DELETE FROM main._migrations WHERE id = ?", [(id,) for id in ids])
