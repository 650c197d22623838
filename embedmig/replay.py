"""The shipped migrations run on an empty database in memory: what the schema of a file should be."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager

from embedmig import file, guard, history, verbs
from embedmig.errors import EmbedmigError
from embedmig.progress import Watch, passed_through
from embedmig.questions import explaining

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from embedmig.migrator import Migrator
    from embedmig.questions import Known
    from embedmig.task import Task


@contextmanager
def replayed(
    migrator: Migrator, chosen: Sequence[Known], after: Callable[[Task, sqlite3.Connection], None] | None = None
) -> Iterator[sqlite3.Connection]:
    """A database in memory on which these migrations ran, in this order, `prepare` first; `after` is called after each.

    Python migrations run too, on tables without rows, as for a new file. Raises what a run raises.
    """
    conn = file.connect(file.MEMORY, cached_statements=0)
    try:
        with _said_of_a_replay():
            verbs.prepare(migrator, conn, None)
            _run(migrator, conn, chosen, after)
        yield conn
    finally:
        conn.close()


def step(migrator: Migrator, conn: sqlite3.Connection, task: Task, *, strict: bool) -> list[str]:
    """Run one migration in one direction on a database in memory; returns the statements that were said.

    `strict`: an index, trigger or view that vanishes is an error. Raises what a run raises, after it was undone.
    """
    run = verbs.run_of(migrator, conn, None, own=True, watch=Watch())
    run.quiet, run.strict = True, strict
    said: list[str] = []
    guard.follow(conn, said.append)
    try:
        with passed_through(), explaining(None), verbs.completing(run):
            run.through(lambda: [task])
    finally:
        guard.follow(conn, None)
    return said


def _run(
    migrator: Migrator,
    conn: sqlite3.Connection,
    chosen: Sequence[Known],
    after: Callable[[Task, sqlite3.Connection], None] | None,
) -> None:
    ready = verbs.Ready(migrator)
    ready.tasks(chosen)  # what can't be loaded says so before anything runs
    run = verbs.run_of(migrator, conn, None, own=True, watch=Watch())
    run.quiet, run.strict = True, False  # what vanished then was told then
    if after is not None:
        run.observe = lambda task, _ms, _guard: after(task, conn)

    def rest() -> list[Task]:
        done = {applied.id for applied in history.read(conn) or () if applied.finished}
        return ready.tasks([known for known in chosen if known.id not in done])

    with passed_through():
        run.through(rest)


@contextmanager
def _said_of_a_replay() -> Iterator[None]:
    try:
        with explaining(None):
            yield
    except EmbedmigError as error:
        error.data_is_safe, error.kept = (
            True,
            "That was in memory, to see which schema comes of it: nothing was changed.",
        )
        raise
