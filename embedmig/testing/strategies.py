"""Rows that a table accepts, as hypothesis strategies: one table's, or a whole database's.

Each row is tried on the database itself, inside a savepoint that is undone: what is drawn can be inserted,
whatever constraint or trigger stands in the way.
"""

from __future__ import annotations

import sqlite3
import weakref
from contextlib import contextmanager
from functools import cache

from hypothesis import strategies as st

from embedmig import file, savepoint
from embedmig.errors import UsageError, printable
from embedmig.naming import quoted
from embedmig.policy import migrator_of
from embedmig.testing import tables
from embedmig.testing.drawing import Filler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlite_utils
    from hypothesis.strategies import DrawFn, SearchStrategy

    from embedmig.loader import Source
    from embedmig.migrator import Migrator
    from embedmig.testing.drawing import Drawn as Drawn
    from embedmig.testing.drawing import Own as Own
    from embedmig.testing.drawing import Row as Row

    Open = sqlite3.Connection | sqlite_utils.Database


def rows(db: Open, table: str, *, max_size: int = 5, columns: Own | None = None) -> SearchStrategy[list[Row]]:
    """Draws a list of rows that can be inserted into `table` as `db` stands at the moment of the draw; nothing of it is inserted.

    Foreign keys refer to rows that `db` has, or to each other. `columns`: strategies of one's own, `{"total": st.just(0)}`,
    or for several columns at once `{("net", "vat", "total"): ...}`, of tuples. Raises UsageError for a table that isn't there
    and, when drawn, where the table's constraints can't be met. Integers reach the edges of 64 bits, text has NUL, emoji and
    right-to-left script; NaN, infinities and a NULL in a primary key are never drawn. The schema is read once, here.
    """
    conn = _connection(db)
    with _plain(conn):
        found = tables.read(conn, table.lower())
    if not found:
        raise UsageError(
            f"There is no table {printable(table)} that rows could be drawn for.",
            hint="Name a table of the file: not a view, a virtual table other than full-text and R-tree, or one that SQLite or embedmig keeps for itself.",
        )
    (only,) = found.values()
    filler = Filler([[only]], columns or {}, max_size, alone=True)

    @st.composite
    def drawn(draw: DrawFn) -> list[Row]:
        with _plain(conn), savepoint.aside(conn) as again:
            return filler.draw(draw, conn, again)[only.name]

    return drawn()


def filling(db: Open, *, max_size: int = 3, columns: Own | None = None) -> SearchStrategy[Drawn]:
    """Draws rows for every table of `db`, up to `max_size` each, that can be inserted beside what it holds.

    The value is plain data, `{table: [row, ...]}`, in an order in which `fill()` can insert it; nothing is inserted by the draw.
    Keys of `columns` are `"table.column"`. The schema is read once, here. Raises UsageError as rows() does.
    """
    conn = _connection(db)
    with _plain(conn):
        filler = Filler(tables.in_order(tables.read(conn)), columns or {}, max_size)

    @st.composite
    def drawn(draw: DrawFn) -> Drawn:
        with _plain(conn), savepoint.aside(conn) as again:
            return filler.draw(draw, conn, again)

    return drawn()


def database(
    migrations: Source | Migrator, version: int | None = None, *, max_size: int = 3, columns: Own | None = None
) -> SearchStrategy[Drawn]:
    """Draws rows for every table that the migrations have made at `version`, the newest unless one is named.

    As filling(), on a database in memory that is made at the first draw. A Migrator in place of the migrations
    brings its `prepare`, for constraints that call the app's own functions. If the migrations insert rows, they
    must be the same rows each time.
    """
    migrator = migrator_of(migrations, {})

    @cache
    def made() -> tuple[sqlite3.Connection, Filler]:
        conn = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(made, conn.close)  # with the strategy, or at the end of the process
        if migrator.prepare is not None:
            migrator.prepare(conn)
        migrator.migrate(conn, to=version)
        conn.row_factory, conn.text_factory = None, str
        return conn, Filler(tables.in_order(tables.read(conn)), columns or {}, max_size)

    @st.composite
    def drawn(draw: DrawFn) -> Drawn:
        conn, filler = made()
        with savepoint.aside(conn) as again:
            return filler.draw(draw, conn, again)

    return drawn()


def fill(db: Open, drawn: Drawn) -> None:
    """Insert what was drawn, all or nothing; foreign keys, if they are enforced, are looked at once everything stands.

    Triggers fire as for any INSERT. No transaction stays open, unless one was open before.
    """
    conn = _connection(db)
    with savepoint.together(conn):
        for name, of_table in drawn.items():
            for row in of_table:
                columns = (
                    f"({', '.join(map(quoted, row))}) VALUES ({', '.join('?' * len(row))})" if row else "DEFAULT VALUES"
                )
                conn.execute(f"INSERT INTO main.{quoted(name)} {columns}", tuple(row.values()))


@contextmanager
def _plain(conn: sqlite3.Connection) -> Iterator[None]:
    """Plain tuples of plain values, whatever factories the caller's connection has."""
    factories = conn.row_factory, conn.text_factory
    conn.row_factory, conn.text_factory = None, str
    try:
        yield
    finally:
        conn.row_factory, conn.text_factory = factories


def _connection(db: Open) -> sqlite3.Connection:
    conn = file.connection_of(db)
    if conn is None:
        raise UsageError(
            f"{printable(repr(db))} is no open connection.",
            hint="Give a sqlite3.Connection or a sqlite_utils.Database.",
        )
    return conn
