"""What a failed migration's error says: which of all the things that SQLite, Python and the guard told is the cause."""

from __future__ import annotations

import sqlite3

from embedmig import diagnosis, file, history
from embedmig.definition import line_in
from embedmig.disk import is_no_room
from embedmig.errors import (
    UNCHANGED,
    DatabaseDamaged,
    DiskFull,
    EmbedmigError,
    MigrationCancelled,
    MigrationFailed,
    TransactionBroken,
    printable,
)
from embedmig.guard import LOST
from embedmig.plan import version_of
from embedmig.transaction import undo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from embedmig.guard import Guard
    from embedmig.report import Report
    from embedmig.run import Run
    from embedmig.task import Task

OUTSIDE = "It ran outside a transaction"
UNKNOWN = "Whether the last change was written is not known: start the app again, it finds out."


def where(run: Run, task: Task) -> dict[str, Any]:
    """What every error of a migration knows of its place."""
    return {"id": task.id, "direction": task.direction, "file": task.file, "path": run.path}


def explained(run: Run, error: Exception, task: Task, guard: Guard) -> EmbedmigError:
    """The error for an exception that `up` or `down` raised: never masking what SQLite said first."""
    place = where(run, task) | {"line": _line(error, task), "statement": _statement(run, error, task)}
    cause = sqlite_error(error)
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if guard.denied and guard.denied != LOST:
        return _broken(run, task, guard, error)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_CANTOPEN and _is_full(run)):
        return DiskFull(f"in {task.direction} of {task.id}", path=run.path)
    if code == sqlite3.SQLITE_READONLY:
        return diagnosis.explained(error, run.path)
    if code == sqlite3.SQLITE_CORRUPT and (damage := _damage(run)):
        return DatabaseDamaged(damage, path=run.path)  # and not a full-text index at odds with its table
    if guard.denied or (guard.lost and _is_about_the_connection(error)):
        return lost(run, task, guard, error)
    if code == sqlite3.SQLITE_INTERRUPT and not guard.lost:
        return MigrationCancelled(task.id, path=run.path)
    name = getattr(cause, "sqlite_errorname", None) or type(error).__name__
    if isinstance(error, EmbedmigError):  # of rebuild(), say: what became of the data is this run's to tell
        return MigrationFailed(error.what().removesuffix("."), **place, cause=name, hint=error.hint)
    return MigrationFailed(str(error) or type(error).__name__, **place, cause=name, hint=hint(error))


def let_go(error: BaseException, conn: sqlite3.Connection) -> None:
    """Close the cursors that are kept by the traceback of a migration's error.

    With one of them open SQLite would keep the file open too, after close() and until the error is forgotten: a reset would find this
    very process in its way, and Windows would neither rename nor delete the file.
    """
    errors, seen = [error], set[int]()
    while errors:
        one = errors.pop()
        seen.add(id(one))
        errors += [other for other in (one.__cause__, one.__context__) if other is not None and id(other) not in seen]
        step = one.__traceback__
        while step is not None:
            for value in list(step.tb_frame.f_locals.values()):
                if isinstance(value, sqlite3.Cursor) and value.connection is conn:
                    try:
                        value.close()
                    except sqlite3.ProgrammingError:
                        pass  # the author closed the connection
            step = step.tb_next


def lost(run: Run, task: Task, guard: Guard, error: Exception | None = None) -> EmbedmigError:
    """The error for a migration that went on, or hid the error: by what was its transaction lost, as far as anybody saw?"""
    fatal = run.fatal if guard.lost else None
    if fatal is None:
        return _broken(run, task, guard, error)
    first, statement = fatal
    code = getattr(first, "sqlite_errorcode", 0) & 0xFF
    found: EmbedmigError
    if code == sqlite3.SQLITE_FULL:
        found = DiskFull(f"in {task.direction} of {task.id}", path=run.path)
    elif code == sqlite3.SQLITE_IOERR:
        found = diagnosis.explained(first, run.path)
    else:
        found = TransactionBroken(LOST, **where(run, task), statement=statement, cause=None)
    found.__cause__ = first
    return found


def _broken(run: Run, task: Task, guard: Guard, error: Exception | None) -> TransactionBroken:
    return TransactionBroken(
        guard.denied or "it lost its transaction",
        **where(run, task),
        line=_line(error, task) if error else None,
        statement=_statement(run, error, task) if error else None,
        kept=None if guard.denied else "Everything was undone, unless the migration committed by itself.",
    )


def _is_full(run: Run) -> bool:
    """A temporary file that SQLite could not make, since the disk is full? It says of that only that it can't open it."""
    reason = diagnosis.why_no_file(run.path) if run.path else None
    return reason is not None and is_no_room(reason)


def _damage(run: Run) -> str | None:
    """What is wrong with the file itself: asked after the transaction is undone, since until then SQLite repeats its error."""
    undo(run.conn)
    try:
        return diagnosis.damage(run.conn)
    except sqlite3.Error as error:
        broken = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        return str(error) if broken else None


def _line(error: BaseException, task: Task) -> int | None:
    return task.statement.line if task.statement else line_in(error, task.file)


def _statement(run: Run, error: BaseException, task: Task) -> str | None:
    if task.statement:
        return task.statement.text
    failed = run.failed
    return failed[1] if failed is not None and sqlite_error(error) is failed[0] else None


def state_after(run: Run, error: EmbedmigError) -> None:
    """Complete an error after everything was undone: at which version the file stands now, and what stayed."""
    error.path = error.path or run.path
    error.backup = error.backup or run.backup
    if error.kept == UNKNOWN:
        return
    at = _version_now(run)
    if at is None:
        if run.ran and error.kept == type(error).default_kept:
            error.kept = f"What follows {run.ran[-1]} was undone."
        return
    error.version = at
    if error.kept.startswith(OUTSIDE):
        error.kept += f" {run.name} stands at version {at}."
        return
    if error.kept != type(error).default_kept:
        return
    if run.ran:
        error.kept = f"What follows {run.ran[-1]} was undone: {run.name} stands at version {at}."
    elif isinstance(error, (MigrationFailed, MigrationCancelled, DiskFull)):
        error.kept = f"Everything was undone: {run.name} is still at version {at}."


def came_after(error: Exception, report: Report) -> None:
    """Complete an error that was raised after a run was through: by handing the file back, say. It is not as it was."""
    if isinstance(error, EmbedmigError) and report.ran and error.kept == UNCHANGED:
        error.version = report.after
        error.kept = f"Before that {error.name} was brought to version {report.after}."


def _version_now(run: Run) -> int | None:
    for again in (False, True):
        try:
            conn = file.connect_to_read(run.path) if again and run.path else run.conn
            try:
                return version_of(history.read(conn) or ())
            finally:
                if conn is not run.conn:
                    conn.close()
        except (sqlite3.Error, EmbedmigError):
            continue  # the author closed the connection, perhaps: ask on another
    return None


def sqlite_error(error: BaseException | None) -> BaseException | None:
    """The SQLite error in a chain of exceptions, since authors wrap them."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, sqlite3.Error):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _is_about_the_connection(error: BaseException) -> bool:
    return isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error)


def hint(error: BaseException) -> str:
    text = str(error)
    if "malformed" in text:
        return (
            "The file is sound: a full-text index is at odds with its table, perhaps. Its 'rebuild' command mends it."
        )
    if "database table is locked" in text:
        return "A query is still open: read it to its end, or close its cursor, before changing the table."
    if "database is locked" in text:
        return "Did it open a second connection? Only the given db can write during the run."
    if "cannot VACUUM" in text:
        return "Mark the migration transactional = False: VACUUM can't run inside a transaction."
    if "statements in progress" in text:
        return "An INSERT ... RETURNING was not read to its end."
    if "error in view" in text:
        name = text.partition("error in view ")[2].partition(":")[0].partition(" after ")[0]  # "after drop column"
        return f"Drop the view {printable(name)} first in the migration, and create it anew where it is wanted."
    if "unable to open database file" in text:
        return "SQLite could not make a file that it needs: is the disk full, or the one for temporary files?"
    if any(words in text for words in ("no such function", "unknown function", "no such collation")):
        return "Register the app's functions and collations in prepare=."
    return ""
