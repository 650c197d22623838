"""Pictures of what the shipped migrations make: the newest schema, and how it came to be. Text, for the repository.

All are drawn from a replay in memory and raise what a run on a new file raises. The SVG is self-contained, light and dark by
the reader's own setting; the same schema always gives the same text.
"""

from __future__ import annotations

import sqlite3

from embedmig import definition, entities, evolution, outline
from embedmig.replay import replayed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.migrator import Migrator
    from embedmig.task import Task


def entities_svg(migrator: Migrator) -> str:
    """The tables and views of the newest schema with their columns, and a line for each foreign key."""
    tables, version = _newest(migrator)
    return entities.picture(tables, f"The schema of version {version}")


def entities_mermaid(migrator: Migrator) -> str:
    """The same as a mermaid `erDiagram`, which GitHub and others draw inside Markdown."""
    return entities.mermaid(_newest(migrator)[0])


def evolution_svg(migrator: Migrator) -> str:
    """How tables and columns came, changed and went from version to version."""
    shipped = definition.find(migrator.migrations)
    versions: list[evolution.Version] = []

    def after(task: Task, conn: sqlite3.Connection) -> None:
        versions.append(evolution.Version(task.migration.version, task.id, outline.tables(conn)))

    with replayed(migrator, shipped, after):
        pass
    return evolution.picture(versions, f"The schema from version {shipped[0].version} to {shipped[-1].version}")


def _newest(migrator: Migrator) -> tuple[tuple[outline.Table, ...], int]:
    shipped = definition.find(migrator.migrations)
    with replayed(migrator, shipped) as conn:
        return outline.tables(conn), shipped[-1].version
