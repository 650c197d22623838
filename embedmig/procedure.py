"""SQLite's own procedure for changing a table, by its numbers (https://sqlite.org/lang_altertable.html#otheralter).

Steps 1, 2 and 10 to 12, foreign keys and the transaction, are those of the run. One thing is done otherwise: the old table moves
aside and the new one is made under its own name, so that its text is to the letter what the author wrote; with
legacy_alter_table on and foreign keys off, no other table, trigger or view follows the old one.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

from embedmig.create_table import head
from embedmig.dependents import Thing, searches, things
from embedmig.errors import RebuildFailed, UsageError, printable
from embedmig.file import rows
from embedmig.naming import folded, quoted
from embedmig.tokens import pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlite_utils


class Shape(NamedTuple):
    """A table as SQLite has understood it."""

    # by their folded names: name, type, not null, default, place in the key, hidden
    columns: dict[str, tuple[Any, ...]]
    alias: str | None  # the INTEGER PRIMARY KEY, which is the rowid
    # another name for the rowid; None in a WITHOUT ROWID table, and where columns have taken all three
    rowid: str | None
    references: list[tuple[Any, ...]]

    @property
    def row(self) -> str | None:
        """By what a row's number is asked for, as it may stand in SQL."""
        return quoted(self.alias) if self.alias else self.rowid

    @property
    def plain(self) -> list[str]:
        """The columns that are written to: not the generated ones."""
        return [row[0] for row in self.columns.values() if row[5] == 0]


class Change(NamedTuple):
    """One rebuild, decided: what is carried out needs no further question."""

    table: str
    aside: str  # the old table's name meanwhile
    sql: str  # the old table's text
    create: str  # the new one's, as SQLite will store it
    old: Shape
    new: Shape
    copy: Mapping[str, str]
    where: str | None
    things: list[Thing]  # of the whole file, before

    @property
    def own(self) -> list[Thing]:
        """The table's indexes and triggers, which go with the old one."""
        return [t for t in self.things if t.kind in ("index", "trigger") and folded(t.table) == folded(self.table)]


def carry_out(db: sqlite_utils.Database | sqlite3.Connection, conn: sqlite3.Connection, change: Change) -> None:
    """SQLite's procedure, by its numbers."""
    table, aside = change.table, f"main.{quoted(change.aside)}"
    counter = _counter(conn, table)
    keys = _keys(conn, table, change.old)
    # 3. "Remember the format of all indexes, triggers, and views associated with table X": change.own. The views stay.
    # 7. "Change the name", which is done first here, and to the old table:
    move_aside(conn, table, change.aside)
    # 4. "Use CREATE TABLE to construct a new table":
    db.execute(in_main(change.create))
    # 5. "Transfer content":
    _refuse_other_count(conn, change, arrived=db.execute(_copying(change)).rowcount)
    # 6. "Drop the old table":
    db.execute(f"DROP TABLE {aside}")
    # 8. "Use CREATE INDEX, CREATE TRIGGER, and CREATE VIEW to reconstruct": the indexes in one pass over rows that are there
    for thing in change.own:
        db.execute(thing.again)
    # 9. "If any views refer to table X in a way that is affected by the schema change": refused by then, or dropped.
    _search_anew(db, conn, change)
    _restore_counter(conn, change, counter)
    _forget_statistics(conn, change, keys)
    _compare(conn, change)


def move_aside(conn: sqlite3.Connection, table: str, aside: str) -> None:
    """Rename the old table so that nothing follows it: no foreign key, no trigger, no view."""
    legacy = rows(conn, "PRAGMA legacy_alter_table")[0][0]
    conn.execute("PRAGMA legacy_alter_table = ON")
    try:
        conn.execute(f"ALTER TABLE main.{quoted(table)} RENAME TO {quoted(aside)}")
    except sqlite3.OperationalError as error:
        if "after rename" not in str(error):
            raise
        problem = f"SQLite can't set the old one aside ({error})"
        hint = f"A CHECK or an index that says {printable(table)}.column must say column alone."
        raise RebuildFailed(table, [problem], hint=hint) from error
    finally:
        conn.execute(f"PRAGMA legacy_alter_table = {legacy}")


def _copying(change: Change) -> str:
    """The INSERT that fills the new table: in the order of the rowids, so that each row is put at the end."""
    old, new, table = change.old, change.new, quoted(change.table)
    copy = {folded(name): sql for name, sql in change.copy.items()}
    values: dict[str, str] = {}
    for name in new.plain:
        if folded(name) in copy:
            values[quoted(name)] = f"({copy[folded(name)]}\n)"
        elif folded(name) in old.columns:
            values[quoted(name)] = f"{table}.{quoted(old.columns[folded(name)][0])}"
        elif name == new.alias and old.row:
            values[quoted(name)] = f"{table}.{old.row}"
    if new.alias is None and new.rowid and old.row:
        values[new.rowid] = f"{table}.{old.row}"
    if not values:
        raise UsageError("No column of the new table is in the old one.", hint="Say in copy= what is copied.")
    order = f" ORDER BY {table}.{old.row}" if old.row else ""
    # OR ABORT: an ON CONFLICT clause of the new table would remove rows, or the whole transaction (https://sqlite.org/lang_conflict.html)
    return f"INSERT OR ABORT INTO main.{table} ({', '.join(values)}) {_selecting(change, ', '.join(values.values()))}{order}"


def _selecting(change: Change, what: str) -> str:
    """A SELECT from the rows that are copied. In subqueries of the author the table's name means the old one too."""
    table, aside = quoted(change.table), f"main.{quoted(change.aside)}"
    written = bool(change.copy) or change.where is not None
    rowid = f", {change.old.rowid} AS {change.old.rowid}" if change.old.rowid else ""
    named = f"WITH {table} AS (SELECT *{rowid} FROM {aside}) " if written else ""
    return f"{named}SELECT {what} FROM {aside} AS {table}" + (f" WHERE ({change.where}\n)" if change.where else "")


def _refuse_other_count(conn: sqlite3.Connection, change: Change, arrived: int) -> None:
    before = rows(conn, _selecting(change, "count(*)"))[0][0]
    if before != arrived:
        problem = f"of {before} rows {arrived} would arrive: an expression in copy= takes several together"
        raise RebuildFailed(change.table, [problem], hint="Put aggregates such as max() into a subquery.")


def _search_anew(db: sqlite_utils.Database | sqlite3.Connection, conn: sqlite3.Connection, change: Change) -> None:
    """Let full-text tables read their text again where it may be another now: SQLite takes an index at odds with it for damage."""
    old, new = change.old, change.new
    copied = {folded(name) for name in change.copy}
    alias = folded(new.alias or "")
    moved = alias in copied or (alias in old.columns and new.alias != old.alias)  # the rowids may be others
    others = change.where is not None or moved
    for search in searches(conn, change.table):
        read = {folded(row[1]) for row in rows(conn, f"PRAGMA main.table_xinfo({quoted(search.name)})") if row[6] == 0}
        if others or any(name in copied or _kind(old, name) != _kind(new, name) for name in read & new.columns.keys()):
            db.execute(f"INSERT INTO {search.place} ({quoted(search.name)}) VALUES ('rebuild')")


def _kind(table: Shape, name: str) -> object:
    """What decides how a value is stored: the type, and that nobody computes it. Generated columns are never the same."""
    row = table.columns.get(name)
    return object() if row is None or row[5] else row[1].upper()


def _counter(conn: sqlite3.Connection, table: str) -> int | None:
    """How far AUTOINCREMENT has counted (https://sqlite.org/autoinc.html), or None."""
    if not rows(conn, "SELECT 1 FROM main.sqlite_master WHERE name = 'sqlite_sequence'"):
        return None
    found = rows(
        conn, f"SELECT CAST(seq AS INTEGER) FROM main.sqlite_sequence WHERE name = {_text(table)} COLLATE NOCASE"
    )
    return found[0][0] if found else None


def _restore_counter(conn: sqlite3.Connection, change: Change, before: int | None) -> None:
    """Ids that were given once are not given again: the counter is that of the old table, which went with it."""
    if not (_counts(change.sql) and _counts(change.create)):
        return
    now = _counter(conn, change.table)
    if before is not None and now is not None and folded(change.new.alias or "") in map(folded, change.copy):
        before = max(before, now)  # the ids may be others
    if now != before:
        name = _text(head(change.create).name)
        conn.execute(f"DELETE FROM main.sqlite_sequence WHERE name = {name}")
        if before is not None:
            conn.execute(f"INSERT INTO main.sqlite_sequence (name, seq) VALUES ({name}, {before})")


def _counts(text: str) -> bool:
    return any(token.said == "AUTOINCREMENT" for token in pieces(text))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _keys(conn: sqlite3.Connection, table: str, seen: Shape) -> dict[str, list[tuple[Any, ...]]]:
    """The indexes that SQLite made for PRIMARY KEY and UNIQUE, numbered by it, with their columns."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for _, name, _, origin, *_ in rows(conn, f"PRAGMA main.index_list({quoted(table)})"):
        if origin != "c":
            # the key of a WITHOUT ROWID table has the table's own name in the statistics
            known = table if origin == "pk" and seen.rowid is None else name
            found[known] = [row[2:] for row in rows(conn, f"PRAGMA main.index_xinfo({quoted(name)})") if row[5]]
    return found


def _forget_statistics(conn: sqlite3.Connection, change: Change, before: dict[str, list[tuple[Any, ...]]]) -> None:
    """What ANALYZE found stays (https://sqlite.org/fileformat2.html#stat1tab), but for keys that are others now."""
    after = _keys(conn, change.table, change.new)
    stale = ", ".join(_text(name) for name in before if after.get(name) != before[name])
    for (kept,) in rows(conn, "SELECT name FROM main.sqlite_master WHERE name IN ('sqlite_stat1', 'sqlite_stat4')"):
        if stale:
            conn.execute(
                f"DELETE FROM main.{kept} WHERE tbl = {_text(change.table)} COLLATE NOCASE AND idx IN ({stale})"
            )


def _compare(conn: sqlite3.Connection, change: Change) -> None:
    """The schema must now be what it was, but for the one text that was asked for."""
    expected = {_key(thing): (str(thing), thing.sql) for thing in change.things}
    expected["main", "table", folded(change.table)] = (f"table {change.table}", change.create)
    found = {_key(thing): (str(thing), thing.sql) for thing in things(conn)}
    problems = [f"{name} would be gone" for key, (name, _) in expected.items() if key not in found]
    problems += [
        f"{name} would appear" for key, (name, _) in found.items() if key not in expected and not is_sqlites_own(key[2])
    ]
    problems += [
        f"{name} would read {' '.join(found[key][1].split())}" for key, (name, sql) in expected.items()
        if key in found and found[key][1] != sql
    ]  # fmt: skip
    if problems:
        raise RebuildFailed(change.table, problems)


def _key(thing: Thing) -> tuple[str, str, str]:
    return thing.schema, thing.kind, folded(thing.name)


def is_sqlites_own(name: str) -> bool:
    return name.startswith("sqlite_")  # sqlite_sequence comes with the first AUTOINCREMENT


STORED = "CREATE TABLE "  # so SQLite begins each table's text, whatever the author wrote


def in_main(create: str) -> str:
    return f"{STORED}main.{create.removeprefix(STORED)}"


def shape(conn: sqlite3.Connection, table: str) -> Shape:
    place = f"main.{quoted(table)}"
    info = rows(conn, f"PRAGMA main.table_xinfo({quoted(table)})")
    columns = {folded(row[1]): tuple(row[1:]) for row in info}
    rowid = next((name for name in ("rowid", "_rowid_", "oid") if name not in columns), None)
    try:
        conn.execute(f"EXPLAIN SELECT {rowid or 'NULL'} FROM {place}").close()
    except sqlite3.OperationalError:
        rowid = None  # it is WITHOUT ROWID
    # a primary key that has no index of its own is the rowid (https://sqlite.org/lang_createtable.html#rowid)
    key = [row[1] for row in info if row[5]]
    indexed = any(row[3] == "pk" for row in rows(conn, f"PRAGMA main.index_list({quoted(table)})"))
    alias = key[0] if len(key) == 1 and not indexed else None
    return Shape(columns, alias, rowid, _references(conn, table))


def _references(conn: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    """The foreign keys: to which table, from which columns to which, and what they do."""
    found: dict[int, list[Any]] = {}
    for number, _, parent, column, target, *does in rows(conn, f"PRAGMA main.foreign_key_list({quoted(table)})"):
        key = found.setdefault(number, [parent, (), (), *does])
        key[1] += (column,)
        key[2] += (target,)
    return [tuple(key) for key in found.values()]
