"""A migration made ready to run in one direction: every statement split, every function checked, before the lock is taken."""

from __future__ import annotations

import os
import sqlite3

from embedmig.definition import wants_progress
from embedmig.errors import DefinitionError
from embedmig.script import Statement, runnable, words
from embedmig.transaction import ALLOWED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.migration import Migration
    from embedmig.run import Run

# what a ROLLBACK takes back with the file, or we with the settings
_UNDONE = {"USER_VERSION", "APPLICATION_ID", *map(str.upper, ALLOWED)}


class Task:
    """A migration made ready to run in one direction: its function, or its statements."""

    def __init__(self, migration: Migration, direction: str = "up", checksum: str | None = None) -> None:
        self.migration = migration
        self.id = migration.id
        self.direction = direction
        self.checksum = checksum
        self.transactional = migration.transactional
        self.statement: Statement | None = None  # the one that runs, for errors
        action = migration.up if direction == "up" else migration.down
        self.function = None if isinstance(action, str) else action
        self.takes = "" if self.function is None else wants_progress(self.function)
        self.statements: list[Statement] = []
        self.skipped: list[Statement] = []
        if isinstance(action, str):
            self.statements, self.skipped = runnable(action, file=self.name, transactional=self.transactional)
        self._refuse_old_sqlite()

    @property
    def can_run_again(self) -> bool:
        """Is it after a ROLLBACK as if it had never run? Not with Python, nor with a pragma that stays on the connection:
        under another case_sensitive_like the same statement finds other rows."""
        pragmas = (statement.text for statement in self.statements if statement.text[:6].upper() == "PRAGMA")
        return self.function is None and all(_pragma(text) in _UNDONE for text in pragmas)

    @property
    def file(self) -> str | None:
        """The file that this direction comes from, where there is one."""
        return (self.migration.down_file if self.direction == "down" else None) or self.migration.file

    @property
    def name(self) -> str:
        """The file's name, or the id of a migration made in code."""
        return os.path.basename(self.file) if self.file else self.id

    def _refuse_old_sqlite(self) -> None:
        needs = self.migration.requires_sqlite
        if needs and tuple(map(int, needs.split("."))) > sqlite3.sqlite_version_info:
            raise DefinitionError(
                f"{self.id} needs SQLite {needs}, and this Python has {sqlite3.sqlite_version}.",
                hint="Ship the app with a newer Python or SQLite.",
            )

    def act(self, run: Run) -> None:
        """Do it, on the connection as it is."""
        if self.function is None:
            run.conn.text_factory = bytes  # nobody reads what comes back, so it need not be UTF-8
            try:
                for statement in self.statements:
                    self.statement = statement
                    for _ in run.conn.execute(statement.text):
                        pass  # a SELECT or a RETURNING runs to its end
                self.statement = None
            finally:
                run.conn.text_factory = str
            return
        db = run.database()
        run.conn.execute(
            "PRAGMA recursive_triggers = ON"
        )  # as sqlite-utils has it; SQL files run with SQLite's own default
        if self.takes == "second":
            result = self.function(db, run.watch.rows)
        elif self.takes == "name":
            result = self.function(db, progress=run.watch.rows)
        else:
            result = self.function(db)
        if hasattr(result, "__await__") or hasattr(result, "gi_frame") or hasattr(result, "ag_frame"):
            if hasattr(result, "close"):
                result.close()  # else Python would warn that it was never awaited
            raise TypeError(
                f"{self.direction} returned a {type(result).__name__} that nobody runs: write a plain function"
            )


def _pragma(statement: str) -> str:
    """The name in a PRAGMA statement, upper case."""
    _, first, dot, second = (*words(statement, 4), "", "", "")[:4]
    return second if dot == "." else first
