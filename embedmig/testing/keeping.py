"""What a migration must keep: the rows of its users, and what the previous release needs."""

from __future__ import annotations

import sqlite3

from embedmig.errors import EmbedmigError, MigrationFailed, printable
from embedmig.naming import quoted
from embedmig.testing import content, strategies
from embedmig.testing.subject import Refuted, told, unclean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from embedmig.migration import Migration
    from embedmig.task import Task
    from embedmig.testing.content import Content
    from embedmig.testing.strategies import Drawn
    from embedmig.testing.subject import Step, Subject

_LOST = (
    "Keep every row. If they go on purpose, say so in the migration: loses_rows = True. Rows of a table that no statement"
    " names go by a trigger or by ON DELETE CASCADE, which works where foreign keys are switched on."
)
_SUCH_ROWS = "Such rows may be in a user's file: mend them on the way, or let the migration cope with them."


def look_at(subject: Subject, conn: sqlite3.Connection, version: int) -> None:
    """Migrate a file with rows to the newest version, and down again as far as there is a `down`; Refuted if any are lost."""
    try:
        steps = subject.steps(conn)
    except MigrationFailed as error:
        raise Refuted(
            told(f"Rows that version {version} allows make a migration fail:", [str(error)], _SUCH_ROWS)
        ) from error
    for step in steps:
        _refuse_loss(step, subject.accept)
    if dirt := unclean(conn):
        raise Refuted(
            told(f"SQLite's own checks find fault with the file that version {version} became:", dirt, _SUCH_ROWS)
        )
    _down_again(subject, conn, steps, version)


def _refuse_loss(step: Step, accept: Collection[str]) -> None:
    migration = step.migration
    before = {name: table for name, table in step.before.items() if name not in accept}
    if problems := content.lost(before, step.after, step.named, loses_rows=migration.loses_rows):
        raise Refuted(told(f"{migration.id} loses rows:", problems, _LOST))


def _down_again(subject: Subject, conn: sqlite3.Connection, steps: list[Step], version: int) -> None:
    undone = steps[next((i for i in range(len(steps), 0, -1) if steps[i - 1].migration.down is None), 0) :]
    left = _left_alone(undone)
    found: list[tuple[str, Content]] = []

    def after(task: Task, _ms: int, _guard: object) -> None:
        found.append((task.id, content.of(conn)))

    if not undone:
        return
    try:
        subject.roll_back(conn, subject.before(undone[0].migration), observe=after)
    except EmbedmigError as error:
        raise Refuted(told("Rows that went up can't come down:", [str(error)], "Let down cope with them.")) from error
    for (id, now), step, columns in zip(found, reversed(undone), reversed(left), strict=True):
        if problems := content.not_back(step.before, now, columns, subject.accept):
            cure = f"Let down put back what it moves. If it is meant: suite(..., accept=[{problems[0].partition(':')[0]!r}])."
            raise Refuted(told(f"After down of {id}, what its up had left alone is not as it was:", problems, cure))


def _left_alone(steps: list[Step]) -> list[content.Left]:
    """For each step the columns that neither it nor a later one changed."""
    found: list[content.Left] = []
    for step in reversed(steps):
        columns = content.left_alone(step.before, step.after)
        found.append(columns & found[-1] if found else columns)
    return found[::-1]


def refuse_missing(before: Content, after: Content, migration: Migration) -> None:
    """Refuted where a table or a column of the previous version is no longer there."""
    columns = {name: set(table.columns) - set(after[name].columns) for name, table in before.items() if name in after}
    gone = [f"table {name}" for name in before if name not in after]
    gone += [f"column {name}.{column}" for name, missing in columns.items() for column in sorted(missing)]
    if gone:
        raise Refuted(
            told(f"{migration.id} is marked backward_compatible, and the previous release would miss:", gone, _MARKED)
        )


_MARKED = (
    "Keep them until no release needs them any more, and give what is new a default; or take backward_compatible"
    " from the migration: then the previous release refuses such a file."
)


def use_as_before(conn: sqlite3.Connection, drawn: Drawn, migration: Migration) -> None:
    """Insert, change and delete rows of the previous version in a file that has this migration; Refuted where one fails."""
    did = "insert"
    try:
        strategies.fill(conn, drawn)
        did = "change"
        conn.execute("PRAGMA foreign_keys = OFF")  # whose rows go first is not the question
        for table, rows in drawn.items():
            for column in sorted({column for row in rows for column in row}):
                conn.execute(f"UPDATE main.{quoted(table)} SET {quoted(column)} = {quoted(column)}")
        did = "delete"
        for table in reversed(drawn):
            conn.execute(f"DELETE FROM main.{quoted(table)}")
    except (sqlite3.Error, EmbedmigError) as error:
        what = f"{migration.id} is marked backward_compatible, and the previous release can't {did} its rows any more:"
        raise Refuted(told(what, [printable(error)], _MARKED)) from error
