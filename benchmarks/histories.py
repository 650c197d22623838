"""What the apps of the benchmarks have shipped: the same steps for every migrator, as SQL and as Python."""

from __future__ import annotations

from typing import NamedTuple

TABLES = 100  # five migrations for each; what comes later changes these


class Step(NamedTuple):
    """One migration. `body` is Python that calls execute(sql, parameters) and executemany(sql, rows); ? is written as {p}.

    `own` holds what a migrator has means of its own for, by its key: that text stands in the place of the body.
    """

    version: int
    statements: tuple[str, ...]
    body: str = ""
    own: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, never changed

    def python(self, key: str, kind: str, placeholder: str = "?") -> str:
        """The lines of the migration's function; where the history is of SQL, they execute just that."""
        body = self.body if kind == "python" else ""
        text = self.own.get(key) or body or "\n".join(f'execute("""{s}""")' for s in self.statements)
        return text.replace("{p}", placeholder)


ROW_BY_ROW = """\
for id, name in execute("SELECT id, name FROM {table} WHERE note IS NULL").fetchall():
    execute("UPDATE {table} SET note = {p} WHERE id = {p}", (name, id))"""


def many(count: int) -> list[Step]:
    """A plausible history: tables, indexes, columns and a few rows, and for long changes to these."""
    return [_step(version) for version in range(1, count + 1)]


def _step(version: int) -> Step:
    block, part = divmod(version - 1, 5)
    table = f"t{block % TABLES}"
    fill = f"UPDATE {table} SET note = name WHERE note IS NULL"
    early = (
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, added TEXT)",
        f"CREATE INDEX {table}_name ON {table} (name)",
        f"ALTER TABLE {table} ADD COLUMN note TEXT",
        f"INSERT INTO {table} (name, note) VALUES ('one', 'a;b'), ('two', NULL)",
        fill,
    )
    late = (
        f"INSERT INTO {table} (name, note) VALUES ('three', NULL)",
        f"DROP INDEX {table}_name",
        f"CREATE INDEX {table}_name ON {table} (name)",
        f"DELETE FROM {table} WHERE name = 'three' AND id < 3",
        fill,
    )
    body = ROW_BY_ROW.replace("{table}", table) if part == 4 else ""
    return Step(version, ((early if block < TABLES else late)[part],), body)
