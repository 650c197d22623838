"""Is a file's schema what its history should have made? The applied migrations are replayed in memory, and the two compared."""

from __future__ import annotations

import sqlite3

from embedmig import definition, difference, history, plan, schema, transaction
from embedmig.errors import DatabaseDrifted, EmbedmigError, UsageError
from embedmig.progress import Watch
from embedmig.questions import Look, ask, explaining, our_history
from embedmig.replay import replayed
from embedmig.report import Drift, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedmig.difference import Objects
    from embedmig.migration import Applied
    from embedmig.migrator import Db, Migrator
    from embedmig.questions import Known

    Found = tuple[str | None, list[Applied], Objects]


def drift(migrator: Migrator, db: Db) -> Drift:
    """How the file's schema differs from what its applied migrations make of an empty database."""

    def question(conn: sqlite3.Connection, path: str | None) -> Found:
        applied = our_history(migrator, conn)
        if applied is None and history.objects(conn):
            raise UsageError(
                f"{EmbedmigError(path=path).name} has no history yet, so nobody can say which schema it should have.",
                hint="Migrate it, or give it a baseline, first.",
            )
        return path, applied or [], difference.objects(conn, _of_another_tool(migrator))

    path, applied, found = ask(db, question, lambda path: (path, [], {}), migrator.timeout)
    with explaining(path):
        return _compared(migrator, definition.find(migrator.migrations), applied, found)


def refuse(migrator: Migrator, conn: sqlite3.Connection, path: str | None) -> None:
    """Raise DatabaseDrifted where migrations are pending on a file that has drifted: the strict policy, before anything is done.

    A file in which a `transactional = False` migration stopped halfway is let through: it can only be completed.
    """
    shipped = definition.find(migrator.migrations)

    def looked() -> tuple[Look, Objects]:
        return Look(migrator, conn, shipped), difference.objects(conn, _of_another_tool(migrator))

    with explaining(path):
        look, found = transaction.patiently(looked, Watch(), migrator.timeout, "is using it")
        if not look.pending or not look.applied or not all(applied.finished for applied in look.applied):
            return
        drifted = _compared(migrator, shipped, look.applied, found)
        if drifted:
            raise DatabaseDrifted(drifted, path=path, version=look.version)


def shown_in(status: Status, migrator: Migrator, db: Db) -> Status:
    """The status with its drift; where it can't be told, a warning says why, and the rest stands."""
    fields = status._fields()
    try:
        fields["drift"] = drift(migrator, db)
    except EmbedmigError as error:
        fields["warnings"] = (*status.warnings, f"whether its schema has drifted can't be told: {error}")
    return Status(**fields)  # type: ignore[arg-type]  # the same fields, by name


def newest_schema(migrator: Migrator) -> str:
    """The schema that all shipped migrations make, as SQL text for review.

    In a stable order: each table with its indexes and triggers, then the views; one statement for each object, as SQLite
    keeps it. Raises what a run on a new file raises.
    """
    shipped = definition.find(migrator.migrations)
    with replayed(migrator, shipped) as conn:
        statements = schema.by_table(conn)
    return f"-- Version {shipped[-1].version}\n" + "".join(f"\n{statement};\n" for statement in statements)


def _compared(migrator: Migrator, shipped: Sequence[Known], applied: Sequence[Applied], found: Objects) -> Drift:
    plan.refuse_disagreement(shipped, applied, out_of_order=True)  # what isn't shipped can't be replayed
    with replayed(migrator, _in_order(shipped, applied, by_time=migrator.out_of_order)) as conn:
        return difference.between(difference.objects(conn, _of_another_tool(migrator)), found)


def _of_another_tool(migrator: Migrator) -> tuple[str, ...]:
    """The tables of the tool that the app came from: they stay in the files that were taken over, and are in no other."""
    if migrator.adopts is None:
        return ()
    from embedmig.formats.registry import named

    return named(migrator.adopts).TABLES


def _in_order(shipped: Sequence[Known], applied: Sequence[Applied], *, by_time: bool) -> list[Known]:
    """The applied migrations in the order in which they ran: that of their versions, unless the policy allows another."""
    known = {s.id: s for s in shipped}
    done = [a for a in applied if a.finished]
    if by_time:
        done.sort(key=lambda a: (a.applied_at, a.version))
    return [known[a.id] for a in done]
