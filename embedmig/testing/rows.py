"""Rows that a table accepts, as hypothesis strategies: one table's, or a whole database's."""

from __future__ import annotations

import sqlite3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlite_utils
    from hypothesis.strategies import SearchStrategy

    from embedmig.loader import Source
    from embedmig.migrator import Migrator

    Row = dict[str, object]  # column -> None, int, float, str or bytes; a column that is left out gets its default
    Drawn = dict[str, list[Row]]  # table -> its rows, tables and rows in the order in which they can be inserted
    Own = Mapping[str | tuple[str, ...], SearchStrategy[object]]


def rows(
    db: sqlite3.Connection | sqlite_utils.Database, table: str, *, max_size: int = 5, columns: Own | None = None
) -> SearchStrategy[list[Row]]:
    """Draws a list of rows that can be inserted into `table` as `db` stands at the moment of the draw; nothing of it is inserted.

    `columns`: strategies of one's own, `{"total": st.just(0)}`; for several columns at once
    `{("net", "vat", "total"): ...}`, of tuples. UsageError where the table's constraints can't be met.
    """
    raise NotImplementedError


def filling(
    db: sqlite3.Connection | sqlite_utils.Database, *, max_size: int = 3, columns: Own | None = None
) -> SearchStrategy[Drawn]:
    """Draws rows for every table of `db`, as it stands: its schema is read once, here. Keys of `columns`: `"table.column"`."""
    raise NotImplementedError


def database(
    migrations: Source | Migrator, version: int | None = None, *, max_size: int = 3, columns: Own | None = None
) -> SearchStrategy[Drawn]:
    """Draws rows for every table that the migrations have made at `version`, the newest unless one is named.

    The value is plain data, `{table: [row, ...]}`: `fill(db, drawn)` inserts it into a file at that version. A Migrator
    in place of migrations brings its `prepare`. `columns`: strategies of one's own, `{"invoices.total": ...}`, for
    several columns at once `{("invoices.net", "invoices.vat"): ...}`, of tuples.
    """
    raise NotImplementedError


def fill(db: sqlite3.Connection | sqlite_utils.Database, drawn: Drawn) -> None:
    """Insert what was drawn, all or nothing; foreign keys are looked at once everything stands, if they are enforced."""
    raise NotImplementedError
