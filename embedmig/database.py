"""The `sqlite_utils.Database` that migrations get: long scripts in linear time, triggers kept by transform()."""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlite_utils
import sqlite_utils.db

from embedmig.naming import quoted
from embedmig.script import statements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Database(sqlite_utils.Database):
    """What `up(db)` and `down(db)` are given. `failed` keeps the last statement that SQLite refused, for the error."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.failed: tuple[sqlite3.Error, str] | None = None
        self.fatal: tuple[sqlite3.Error, str] | None = None  # the first after which the transaction was gone
        # no plugins: what happens to be installed must not change a migration
        super().__init__(conn, execute_plugins=False, recursive_triggers=False)

    def execute(self, sql: str, parameters: Sequence[Any] | dict[str, Any] | None = None) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except sqlite3.Error as error:
            self._remember(error, sql)
            raise

    def _remember(self, error: sqlite3.Error, sql: str) -> None:
        self.failed = (error, sql)
        if self.fatal is None and not self.conn.in_transaction:
            self.fatal = self.failed

    def executescript(self, sql: str) -> sqlite3.Cursor:
        """Execute a script inside the run's transaction, statement by statement, in linear time.

        sqlite3's own executescript() commits first; sqlite-utils' is quadratic in the length of a statement.
        """
        cursor = self.conn.cursor()
        for statement in statements(sql):
            try:
                cursor.execute(statement.text)
            except sqlite3.Error as error:
                self._remember(error, statement.text)
                raise
        return cursor

    def table(self, table_name: str, **kwargs: Any) -> Table:
        super().table(table_name)  # refuses the name of a view
        kwargs.setdefault("strict", self.strict)
        return Table(self, table_name, **kwargs)


class Table(sqlite_utils.db.Table):
    """A table whose transform() keeps its triggers: sqlite-utils drops them all, the full-text ones included."""

    def transform(self, **changes: Any) -> Table:
        triggers = [] if changes.get("keep_table") else self.triggers
        super().transform(**changes)
        kept = {trigger.name for trigger in self.triggers}
        for trigger in triggers:
            if trigger.name not in kept:
                self.db.execute(trigger.sql)
        if triggers:
            self._try_triggers()
        return self

    def _try_triggers(self) -> None:
        """Compile what would fire them, so that a trigger on a column that is gone fails here and not at the user's next edit."""
        name = quoted(self.name)
        columns = [c.name for c in self.columns]
        assignments = ", ".join(f"{quoted(c)} = {quoted(c)}" for c in columns)
        for sql in (f"INSERT INTO {name} DEFAULT VALUES", f"UPDATE {name} SET {assignments}", f"DELETE FROM {name}"):
            try:
                self.db.execute(f"EXPLAIN {sql}").fetchall()
            except sqlite3.OperationalError as error:
                raise sqlite3.OperationalError(
                    f"after transform() of {self.name} one of its triggers"
                    f" ({', '.join(t.name for t in self.triggers)}) no longer works: {error}."
                    " Drop it before and create it anew after"
                ) from error
