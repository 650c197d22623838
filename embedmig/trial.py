"""The shipped migrations tried one after another on a database in memory, each up, down and up again; what is wrong is collected."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from embedmig import dependents, difference, file, losses, names, schema
from embedmig.errors import EmbedmigError, MigrationFailed, printable
from embedmig.file import rows
from embedmig.finding import ERROR, WARNING, Finding, near
from embedmig.naming import folded, quoted
from embedmig.script import Statement
from embedmig.tokens import tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from embedmig.names import Unknown
    from embedmig.task import Task

    Step = Callable[[Task, bool], list[str]]  # runs one, strictly or not, and returns what it said

_IN = re.compile(r"error in (view|trigger) (.+?): (.+)", re.S)  # ALTER TABLE says it of another object than its own
MARK = "If that is meant, mark it: -- migrate:up loses_rows:true, in Python loses_rows = True."


class Trial:
    """One database in memory, and what was found so far."""

    def __init__(self, step: Step, conn: sqlite3.Connection) -> None:
        self.step, self.conn = step, conn
        self.found: list[Finding] = []
        self.broken: set[tuple[str, str]] = set()  # views, triggers and full-text tables, told already
        self.reads_sql = names.is_available()

    def goes_on(self, up: Task, down: Task | None, *, is_new: bool) -> bool:
        """Try one migration; True unless it failed, so that the next one has no ground to stand on."""
        before, columns = difference.texts(self.conn), _columns(self.conn)
        unknown = self._unknown(up)
        said = self._ran(up, unknown)
        if said is None:
            return False
        self._look_at_the_broken(up, unknown)
        if is_new and _does_nothing(up):
            self._add(WARNING, f"{_called(up)} does nothing.", up, cure="Write it, or take its file away.")
        if is_new and not up.migration.loses_rows:
            self._look_for_losses(up, said, columns)
        if down is not None:
            with closing(file.connect(file.MEMORY)) as spare:
                self.conn.backup(spare)
                if not self._comes_back(up, down, before):
                    spare.backup(self.conn)  # the next one stands on what users have
        return True

    # -- up ------------------------------------------------------------------------------------------------

    def _unknown(self, task: Task) -> list[Unknown]:
        if task.function is not None or not self.reads_sql:
            return []
        return names.unknown(self.conn, _text(task), task.statements)

    def _ran(self, task: Task, unknown: Sequence[Unknown]) -> list[str] | None:
        """Run it; what it said, or None where it failed. What vanishes is told, and it goes on without."""
        try:
            return self.step(task, True)
        except EmbedmigError as error:
            first = error
        try:
            said = self.step(task, False)
        except EmbedmigError:
            self._failed(task, first, unknown)
            return None
        self._failed(task, first, ())
        return said

    def _failed(self, task: Task, error: EmbedmigError, unknown: Sequence[Unknown]) -> None:
        """What SQLite refused, at its place; and what was looked up in vain behind it, which would be refused next."""
        line, said = getattr(error, "line", None), str(error.args[0])
        if (other := _IN.match(said)) and self._blames(task, other[1], other[2], other[3], unknown):
            return
        failed = next((s for s in task.statements if s.line == line and _is_cause(s, error)), None)
        later = [one for one in unknown if failed is None or one.line >= failed.line]
        for one in later:
            self._tell(task, one.sentence, one)
        at = names.located(said, failed, self.conn, _text(task), task.statements) if failed else None
        if at is not None and (at.line, at.column) not in {(one.line, one.column) for one in later}:
            self._tell(task, at.sentence, at)
        elif at is None:
            what = _said(task, error)
            self._add(ERROR, what, task, line, error.hint)

    def _tell(self, task: Task, sentence: str, at: Unknown) -> None:
        self._add(ERROR, f"{_called(task)}: {sentence}.", task, at.line, at.cure, at.column)

    def _add(
        self,
        level: str,
        sentence: str,
        task: Task,
        line: int | None = None,
        cure: str | None = None,
        column: int | None = None,
    ) -> None:
        line, column = (
            (line or None, column) if task.file else (None, None)
        )  # of a text in code nobody counts the lines
        self.found.append(Finding(level, sentence, task.file and near(task.file), line, column, cure or None))

    # -- what is there now -----------------------------------------------------------------------------------

    def _look_at_the_broken(self, task: Task, unknown: Sequence[Unknown]) -> None:
        """Views, triggers and full-text tables that SQLite stored and can't use. What was looked up in vain elsewhere, SQLite knew better."""
        found = {(thing.kind, thing.name): said for thing, said in dependents.broken(self.conn).items()}
        for (kind, name), said in found.items():
            if (kind, name) in self.broken:
                continue
            if not self._blames(task, kind, name, said, unknown):
                what = f"After {printable(task.id)} the {kind} {printable(name)} can't be used: {printable(said)}."
                self._add(ERROR, what, task)
        self.broken = set(found)

    def _blames(self, task: Task, kind: str, name: str, said: str, unknown: Sequence[Unknown]) -> bool:
        """Tell which words of a view or a trigger are to blame, where this very migration creates it."""
        made = next((s for s in task.statements if _makes(s, kind, name)), None)
        if made is None:
            return False
        places = [one for one in unknown if one.line in names.lines(made)]
        if not places and (at := names.located(said, made, self.conn, _text(task), task.statements)):
            places = [at]
        what = f"the {kind} {printable(name)} can't be used"
        for one in places:
            self._tell(task, f"{what}: {one.sentence}", one)
        if not places:
            self._add(ERROR, f"{_called(task)}: {what}: {printable(said)}.", task, made.line)
        return True

    def _look_for_losses(self, task: Task, said: Sequence[str], columns: losses.Columns) -> None:
        by_code = task.function is not None
        statements = [Statement(0, text) for text in said] if by_code else task.statements
        for line, what in losses.of(statements, columns, read_by_code=by_code):
            sentence = f"{printable(task.id)} {what}, and what users have there is lost."
            self._add(WARNING, sentence, task, line, MARK)

    # -- down, and up again ------------------------------------------------------------------------------------

    def _comes_back(self, up: Task, down: Task, before: difference.Objects) -> bool:
        """Down, and up again: is all as after the first up?"""
        after, unknown = difference.texts(self.conn), self._unknown(down)
        if self._ran(down, unknown) is None:
            return True  # it was undone
        if left := difference.between(before, difference.texts(self.conn)):
            what = f"down of {printable(up.id)} does not lead back to the schema from before: {left.in_words()}."
            self._add(WARNING, what, down, cure="Let it undo all that up does.")
        try:
            self.step(up, False)
        except EmbedmigError as error:
            what, line = f"After its down, {_said(up, error)}", getattr(error, "line", None)
            self._add(ERROR, what, up, line, "Let down undo all that up does.")
            return False
        if left := difference.between(after, difference.texts(self.conn)):
            what = f"{printable(up.id)} up, down and up again does not make what up alone does: {left.in_words()}."
            self._add(ERROR, what, down, cure="Let down undo all that up does.")
        return not left


def _does_nothing(task: Task) -> bool:
    """Is it without a statement, or a function that names nothing at all, and so can do nothing?"""
    if task.function is None:
        return not task.statements
    code = getattr(task.function, "__code__", None)
    return code is not None and not code.co_names and not code.co_freevars


def _text(task: Task) -> str:
    action = task.migration.up if task.direction == "up" else task.migration.down
    return action if isinstance(action, str) else ""


def _called(task: Task) -> str:
    return printable(task.id) if task.direction == "up" else f"down of {printable(task.id)}"


def _said(task: Task, error: EmbedmigError) -> str:
    """The error without the file that it is not about."""
    if type(error) is MigrationFailed:
        return f"{_called(task)} fails: {printable(error.args[0])}."
    return error.what().removeprefix("the database: ")


def _is_cause(statement: Statement, error: EmbedmigError) -> bool:
    """Is it the statement that the error shows, of which that has the beginning?"""
    return statement.text.startswith((getattr(error, "statement", None) or "").removesuffix(" ..."))


def _makes(statement: Statement, kind: str, name: str) -> bool:
    """Does it create this view or trigger?"""
    said = [token.meaning.strip("\"'") for token in tokens(statement.text[:500])]
    return said[:1] == ["create"] and kind in said[:3] and folded(name) in said[:8]


def _columns(conn: sqlite3.Connection) -> dict[str, list[str]]:
    """Of each table the columns in which somebody's data can be: none that are generated, and no index of another table's text."""
    names = [
        one.name
        for one in schema.made(conn)
        if one.shape in ("table", "virtual") and dependents.content_of(one.sql) is None
    ]
    return {
        name: [row[1] for row in rows(conn, f"PRAGMA main.table_xinfo({quoted(name)})") if not row[6]] for name in names
    }
