"""What hangs on a table: which triggers, views and indexes use a column, and which no longer compile. SQLite itself is asked.

Both questions are asked inside a transaction, and whatever was done to get the answer is taken back.
"""

from __future__ import annotations

import re
import sqlite3
from typing import NamedTuple

from embedmig.create_table import trigger_event
from embedmig.file import rows
from embedmig.naming import folded, quoted
from embedmig.savepoint import trial
from embedmig.tokens import pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Thing(NamedTuple):
    """A table, index, trigger or view of the file, or of this connection alone (`schema` is "temp")."""

    schema: str
    kind: str
    name: str
    table: str
    sql: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.schema, self.kind, self.name

    @property
    def place(self) -> str:
        """As it may stand in SQL."""
        return f"{self.schema}.{quoted(self.name)}"

    def __str__(self) -> str:
        return f"{'temporary ' if self.schema == 'temp' else ''}{self.kind} {self.name}"

    @property
    def is_virtual(self) -> bool:
        return self.sql[:20].upper().startswith("CREATE VIRTUAL ")

    @property
    def is_ordinary(self) -> bool:
        """Is it a table with rows of its own?"""
        return self.kind == "table" and not self.is_virtual

    @property
    def again(self) -> str:
        """The statement that makes it, in the schema in which it is: `CREATE UNIQUE INDEX main.name ON ...`."""
        start = re.match(r"CREATE (?:UNIQUE )?\w+ ", self.sql)
        assert start is not None  # SQLite writes this part of the text itself
        return f"{start.group()}{self.schema}.{self.sql[start.end() :]}"


def things(conn: sqlite3.Connection) -> list[Thing]:
    """Everything that has a CREATE text, in the order in which it was made."""
    found = []
    for schema in ("main", "temp"):
        sql = f"SELECT type, name, tbl_name, sql FROM {schema}.sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
        found += [Thing(schema, *row) for row in rows(conn, sql)]
    return found


class Users(NamedTuple):
    """Which things use which column, and the table's own text with other names for the columns in question."""

    of: dict[str, list[Thing]]
    text: str
    names: dict[str, str]


def users(conn: sqlite3.Connection, table: str, columns: Sequence[str]) -> Users:
    """Ask SQLite who uses these columns: it rewrites the text of each thing that does when the column gets another name.

    So quoting, aliases and UPDATE OF are understood as SQLite understands them
    (https://sqlite.org/lang_altertable.html#alter_table_rename_column).
    """
    found: dict[str, list[Thing]] = {}
    names = {column: f"embedmig_gone_{number}" for number, column in enumerate(columns)}
    with trial(conn):
        for column, name in names.items():
            before = {thing.key: thing.sql for thing in things(conn)}
            _rename(conn, f"ALTER TABLE main.{quoted(table)} RENAME COLUMN {quoted(column)} TO {name}")
            found[column] = [
                thing for thing in things(conn)
                if before[thing.key] != thing.sql and (thing.kind, thing.name) != ("table", table)
            ]  # fmt: skip
        text = next(t.sql for t in things(conn) if t.key == ("main", "table", table))
    return Users(found, text, names)


def _rename(conn: sqlite3.Connection, sql: str) -> None:
    """ALTER TABLE ... RENAME, without what stands in its way: SQLite refuses while any view or trigger is broken."""
    while True:
        try:
            conn.execute(sql)
        except sqlite3.OperationalError as error:
            found = [
                t for t in things(conn) if str(error).startswith(f"error in {t.kind} {t.name}") and t.kind != "table"
            ]
            if not found:
                raise
            thing = max(found, key=lambda thing: len(thing.name))
            conn.execute(f"DROP {thing.kind} {thing.place}")
        else:
            return


_SEARCH = re.compile(r"CREATE VIRTUAL TABLE .*\bUSING\b.*\bfts\d\b", re.I | re.S)


def searches(conn: sqlite3.Connection, table: str) -> list[Thing]:
    """The full-text tables that read their text from this table, or from a view on it (https://sqlite.org/fts5.html#external_content_tables)."""
    everything, sources = things(conn), {folded(table)}
    for view in everything:  # in the order in which they were made: a view on a view comes after it
        if view.kind == "view" and any(folded(token.name) in sources for token in pieces(view.sql)):
            sources.add(folded(view.name))
    return [thing for thing in everything if content_of(thing.sql) in sources]


def content_of(sql: str) -> str | None:
    """The table or view, in lower case, from which a full-text table reads its text; "" where nothing keeps it.

    None for what keeps its text itself, or is no full-text table (https://sqlite.org/fts5.html#external_content_and_contentless_tables).
    """
    if not _SEARCH.match(sql):
        return None
    said = [folded(token.name) for token in pieces(sql)]
    triples = zip(said, said[1:], said[2:], strict=False)
    return next((third for one, two, third in triples if (one, two) == ("content", "=")), None)


def broken(conn: sqlite3.Connection) -> dict[Thing, str]:
    """The views and triggers that SQLite can't compile, and full-text tables without their content, with SQLite's words."""
    everything = things(conn)
    found: dict[Thing, str] = {}
    for thing in everything:
        if thing.kind == "view" and (error := _error(conn, f"EXPLAIN SELECT * FROM {thing.place}")):
            found[thing] = error
        # a full-text table looks at the table that keeps its text when it is read, and not before
        if content_of(thing.sql) and (error := _error(conn, f"SELECT * FROM {thing.place} LIMIT 1")):
            found[thing] = error
    views = {(view.schema, folded(view.name)) for view in found if view.kind == "view"}
    fired: dict[tuple[str, str], list[Thing]] = {}
    for trigger in everything:
        if trigger.kind == "trigger" and (trigger.schema, folded(trigger.table)) not in views:
            schema = "" if trigger.schema == "temp" else "main."
            target = schema + quoted(trigger.table)
            fired.setdefault((target, trigger_event(trigger.sql)[0]), []).append(trigger)
    for (target, event), triggers in fired.items():
        if error := _fires(conn, target, event):
            found |= _guilty(conn, target, event, triggers) or dict.fromkeys(triggers, error)
    return found


def _guilty(conn: sqlite3.Connection, target: str, event: str, triggers: Sequence[Thing]) -> dict[Thing, str]:
    """Which of the triggers that fire together does not compile? Each is tried without the others."""
    found: dict[Thing, str] = {}
    for trigger in triggers:
        with trial(conn):
            for other in triggers:
                if other != trigger:
                    conn.execute(f"DROP TRIGGER {other.place}")
            if error := _fires(conn, target, event):
                found[trigger] = error
    return found


def _fires(conn: sqlite3.Connection, target: str, event: str) -> str | None:
    """SQLite's words against a statement that fires the triggers of a table or view, or None where it compiles."""
    if event == "INSERT":
        return _error(conn, f"EXPLAIN INSERT INTO {target} DEFAULT VALUES")
    if event == "DELETE":
        return _error(conn, f"EXPLAIN DELETE FROM {target}")
    schema, _, name = target.partition(".") if target.startswith("main.") else ("", "", target)
    info = rows(conn, f"PRAGMA {schema + '.' if schema else ''}table_xinfo({name})")
    columns = [quoted(row[1]) for row in info if row[6] == 0]
    return _error(conn, f"EXPLAIN UPDATE {target} SET {', '.join(f'{column} = {column}' for column in columns)}")


def _error(conn: sqlite3.Connection, sql: str) -> str | None:
    try:
        conn.execute(sql).close()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 1) & 0xFF != sqlite3.SQLITE_ERROR:
            raise
        return str(error)
    return None
