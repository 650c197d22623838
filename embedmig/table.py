"""One table rebuilt without loss: any column or constraint may change, and everything that hangs on the table stays.

SQLite's ALTER TABLE can't do most changes; its manual gives a procedure of twelve steps for all others
(https://sqlite.org/lang_altertable.html#otheralter), which is quoted beside the statements below. Steps 1, 2 and 10 to 12,
foreign keys and the transaction, are those of the run. One thing is done otherwise: the old table moves aside and the new one
is made under its own name, so that its text is to the letter what the author wrote; with legacy_alter_table on
and foreign keys off, no other table, trigger or view follows the old one.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Any, NamedTuple

from embedmig.create_table import Head, folded, head, tokens
from embedmig.dependents import Thing, Users, broken, things, users
from embedmig.edits import Edits, edited, renamed, unasked, used_after
from embedmig.errors import RebuildFailed, UsageError, listed, printable
from embedmig.file import rows
from embedmig.foreign_keys import quoted
from embedmig.transaction import trial, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import sqlite_utils


class Shape(NamedTuple):
    """A table as SQLite has understood it."""

    columns: dict[
        str, tuple[Any, ...]
    ]  # by their folded names: name, type, not null, default, place in the key, hidden
    alias: str | None  # the INTEGER PRIMARY KEY, which is the rowid
    rowid: (
        str | None
    )  # another name for the rowid; None in a WITHOUT ROWID table, and where columns have taken all three
    references: list[tuple[Any, ...]]

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


def rebuild(
    db: sqlite_utils.Database | sqlite3.Connection,
    table: str,
    sql: str | None = None,
    *,
    copy: Mapping[str, str] | None = None,
    where: str | None = None,
    dropping: Iterable[str] = (),
    rename: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    add: Sequence[str] = (),
    drop_constraints: Sequence[str] = (),
    retype: Mapping[str, str | None] | None = None,
    default: Mapping[str, str | None] | None = None,
    not_null: Mapping[str, bool] | None = None,
    unique: Mapping[str, bool] | None = None,
    check: Mapping[str, str | None] | None = None,
    collate: Mapping[str, str | None] | None = None,
    foreign_keys: Mapping[str, str | None] | None = None,
    primary_key: Sequence[str] | None = None,
    options: str | None = None,
) -> None:
    """Change any column or constraint of a table, and lose nothing else. For use in a migration.

    Either `sql` is the new CREATE TABLE text, or the others are small edits of the text that is stored: columns to `rename`,
    to `drop` and to `add` (`add` takes constraints too), `{column: SQL}` for `retype`, `default`, `check`, `collate` and
    `foreign_keys` (None takes the clause away), `{column: bool}` for `not_null` and `unique`, the names of `primary_key`,
    the names of constraints for `drop_constraints`, and `options` ("STRICT", "WITHOUT ROWID", "").

    Columns are copied by name; `copy` says by which SQL expression of the old columns a column is filled instead, `where` which rows are
    kept. Rowids, indexes, triggers, views, foreign keys, counters and statistics stay; names in `dropping` are dropped.

    Raises UsageError for what can't be done here, RebuildFailed for what would be lost, and SQLite's own error where a row
    breaks a new rule. The table is then as it was, and so is everything else.
    """
    conn: sqlite3.Connection = db if isinstance(db, sqlite3.Connection) else db.conn
    edits = Edits(
        drop, add, drop_constraints, retype or {}, default or {}, not_null or {}, unique or {}, check or {},
        collate or {}, foreign_keys or {}, primary_key, options,
    )  # fmt: skip
    if sql is not None and edits.any:
        raise UsageError("rebuild() takes the new CREATE TABLE text or small edits, not both.")
    if not (sql or edits.any or rename or copy or where or dropping):
        raise UsageError("rebuild() was asked for no change.")
    _refuse_connection(conn)
    name = _stored(conn, table).name
    with whole(conn):
        standing = {thing.key for thing in broken(conn)}
        _drop(conn, dropping)
        _rename(conn, name, rename or {})
        text = _stored(conn, name).sql
        new = edited(text, edits) if sql is None else sql
        if new == text and not copy and not where:
            _refuse_broken(conn, name, standing)
        else:
            _carry_out(db, conn, _decide(conn, name, new, edits if sql is None else None, copy or {}, where, standing))


# -- may it be done at all? --------------------------------------------------------------------------------------------


def _refuse_connection(conn: sqlite3.Connection) -> None:
    if not conn.in_transaction:
        raise UsageError(
            "rebuild() needs a transaction: without one a failure would leave half of it.",
            hint="Call it in a migration, or begin one.",
        )
    # 1. "If foreign key constraints are enabled, disable them using PRAGMA foreign_keys=OFF." It can't be done here:
    if rows(conn, "PRAGMA foreign_keys")[0][0]:  # the pragma is silently ignored inside a transaction
        raise UsageError(
            "Foreign keys are enforced on this connection, so dropping the old table would delete the rows that point to it.",
            hint="Call it in a migration, or switch them off before the transaction begins.",
        )


def _stored(conn: sqlite3.Connection, table: str) -> Thing:
    """The table as the file has it. Raises UsageError for what is no ordinary table."""
    named = [t for t in things(conn) if t.kind in ("table", "view") and folded(t.name) == folded(table)]
    if any(thing.schema == "temp" for thing in named):
        raise UsageError(
            f"A temporary table stands before {printable(table)}: SQLite would take the one for the other.",
            hint="Drop the temporary one first.",
        )
    if not named:
        raise UsageError(f"There is no table {printable(table)} to rebuild.")
    (found,) = named
    kinds = {row[1]: row[2] for row in rows(conn, "PRAGMA main.table_list")}  # an older SQLite has no such list
    if not found.is_ordinary or kinds.get(found.name) == "shadow" or _own(folded(found.name)):
        said = "a view" if found.kind == "view" else "a virtual table" if found.is_virtual else "kept by SQLite itself"
        raise UsageError(
            f"{printable(found.name)} is {said}, and can't be rebuilt.", hint="Drop it and create it anew."
        )
    return found


def _drop(conn: sqlite3.Connection, names: Iterable[str]) -> None:
    """Drop triggers, views, indexes and full-text tables by name."""
    for name in [names] if isinstance(names, str) else names:
        found = [thing for thing in things(conn) if folded(thing.name) == folded(name) and not thing.is_ordinary]
        if not found:
            raise UsageError(f"There is no trigger, view, index or full-text table {printable(name)} to drop.")
        conn.execute(f"DROP {found[0].kind} {found[0].place}")


def _rename(conn: sqlite3.Connection, table: str, names: Mapping[str, str]) -> None:
    """Rename columns by SQLite's own RENAME COLUMN, so that indexes, triggers, views and foreign keys follow."""
    there = _shape(conn, table).columns
    missing = [name for name in names if folded(name) not in there]
    if missing:
        raise UsageError(
            f"{printable(table)} has no column {printable(missing[0])}; it has {listed(c[0] for c in there.values())}."
        )
    # a name that is still another column's must wait: first all such columns step aside
    waiting = {
        old: f"embedmig_renamed_{number}" for number, (old, new) in enumerate(names.items()) if folded(new) in there
    }
    for old, new in waiting.items():
        _rename_column(conn, table, old, new)
    for old, new in names.items():
        _rename_column(conn, table, waiting.get(old, old), new)


def _rename_column(conn: sqlite3.Connection, table: str, old: str, new: str) -> None:
    conn.execute(f"ALTER TABLE main.{quoted(table)} RENAME COLUMN {quoted(old)} TO {_bare(new)}")


def _bare(name: str) -> str:
    """A name without quotes where it needs none: SQLite writes it into every text as it stands in the statement."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        return quoted(name)
    with closing(sqlite3.connect(":memory:")) as conn:
        try:
            found = conn.execute(f"SELECT {name} FROM (SELECT 'x' AS {name})").fetchone()[0]
        except sqlite3.Error:  # a keyword
            return quoted(name)
    return name if found == "x" else quoted(name)


# -- decide ------------------------------------------------------------------------------------------------------------


def _decide(
    conn: sqlite3.Connection,
    table: str,
    text: str,
    edits: Edits | None,
    copy: Mapping[str, str],
    where: str | None,
    standing: set[tuple[str, str, str]],
) -> Change:
    """Try it without the rows, and look at everything that hangs on the table. Raises RebuildFailed for what would be lost."""
    made = _head(text, table)
    everything = things(conn)
    taken = {folded(thing.name) for thing in everything}
    aside = next(name for name in _names(table) if folded(name) not in taken)
    old = _shape(conn, table)
    found = None
    if edits is not None:
        found = users(conn, table, [old.columns[folded(name)][0] for name in edits.drop])
        _refuse_own_use(table, found, edits)
    create = f"{_STORED}{text[made.start : made.end]}"
    with trial(conn):
        _move_aside(conn, table, aside)
        conn.execute(_in_main(create))
        new = _shape(conn, table)
    if edits is not None:
        _refuse_unasked(table, old, new, edits)
    was = next(thing.sql for thing in everything if thing.key == ("main", "table", table))
    change = Change(table, aside, was, create, old, new, copy, where, everything)
    unknown = [name for name in copy if folded(name) not in map(folded, new.plain)]
    if unknown:
        raise UsageError(f"copy= fills {printable(unknown[0])}, and the new table has no such column to write to.")
    gone = [row[0] for name, row in old.columns.items() if name not in new.columns]
    _refuse_loss(conn, change, found or users(conn, table, gone), standing)
    return change


def _names(table: str) -> Iterator[str]:
    number = 0
    while True:
        yield f"embedmig_old{number or ''}_{table}"
        number += 1


_STORED = "CREATE TABLE "  # so SQLite begins each table's text, whatever the author wrote


def _in_main(create: str) -> str:
    return f"{_STORED}main.{create.removeprefix(_STORED)}"


def _head(text: str, table: str) -> Head:
    made = head(text)
    if folded(made.name) != folded(table) or folded(made.schema) not in ("", "main"):
        raise UsageError(
            f"The CREATE TABLE text makes {printable(made.name)}, and {printable(table)} is to be rebuilt.",
            hint="Write the table's own name.",
        )
    return made


def _refuse_own_use(table: str, found: Users, edits: Edits) -> None:
    """A CHECK or a key of the table itself that uses a column that goes must be edited too."""
    text = edited(found.text, renamed(edits, found.names))
    problems = []
    for column, name in found.names.items():
        problems += [f"{part.replace(name, column)} uses {column}, which goes" for part in used_after(text, name)]
    if problems:
        hint = "Edit or drop each part of the table that does, or give the new CREATE TABLE text."
        raise RebuildFailed(table, problems + _uses(found), hint=f"{hint} {_DROPPING}" if _uses(found) else hint)


def _uses(found: Users) -> list[str]:
    return [f"{_user(thing)} uses {column}, which goes" for column, used in found.of.items() for thing in used]


_DROPPING = "Name in dropping= what shall go, and create it anew afterwards where it is wanted."


def _refuse_unasked(table: str, old: Shape, new: Shape, edits: Edits) -> None:
    """After small edits SQLite must see what was asked for, and nothing else that changed."""
    problems = unasked(old.columns, new.columns, edits)
    if not edits.drop_constraints:
        touched = {*map(folded, edits.drop), *map(folded, edits.foreign_keys)}
        kept = [key for key in old.references if not touched & {*map(folded, key[1])}]
        problems += [f"the foreign key to {key[0]} would go" for key in kept if key not in new.references]
    if problems:
        raise RebuildFailed(table, problems, hint="Give the new CREATE TABLE text instead.")


def _refuse_loss(conn: sqlite3.Connection, change: Change, found: Users, standing: set[tuple[str, str, str]]) -> None:
    """What would not survive: told by name, before any row is moved. `standing` is what was broken before."""
    using = {thing.key for used in found.of.values() for thing in used}
    with trial(conn):
        _move_aside(conn, change.table, change.aside)
        conn.execute(_in_main(change.create))
        for thing in things(conn):
            if thing.kind == "trigger" and (thing.key in using or folded(thing.table) == folded(change.aside)):
                conn.execute(f"DROP TRIGGER {thing.place}")
        for thing in change.own:
            if thing.kind == "trigger" and thing.key not in using:
                conn.execute(thing.again)
        _refuse_broken(conn, change.table, standing | using, _uses(found))


def _refuse_broken(
    conn: sqlite3.Connection, table: str, known: set[tuple[str, str, str]], problems: Sequence[str] = ()
) -> None:
    found = [*problems, *(f"{thing}: {why}" for thing, why in broken(conn).items() if thing.key not in known)]
    if found:
        raise RebuildFailed(table, found, hint=_DROPPING)


def _user(thing: Thing) -> str:
    return f"the foreign key of {thing.name}" if thing.kind == "table" else str(thing)


def _shape(conn: sqlite3.Connection, table: str) -> Shape:
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


# -- carry it out ------------------------------------------------------------------------------------------------------


def _carry_out(db: sqlite_utils.Database | sqlite3.Connection, conn: sqlite3.Connection, change: Change) -> None:
    """SQLite's procedure, by its numbers."""
    table, aside = change.table, f"main.{quoted(change.aside)}"
    counter = _counter(conn, table)
    keys = _key_indexes(conn, table)
    # 3. "Remember the format of all indexes, triggers, and views associated with table X": change.own. The views stay.
    # 7. "Change the name", which is done first here, and to the old table:
    _move_aside(conn, table, change.aside)
    # 4. "Use CREATE TABLE to construct a new table":
    db.execute(_in_main(change.create))
    # 5. "Transfer content":
    db.execute(_copying(change))
    if change.where is None:
        _refuse_other_count(conn, change)
    # 6. "Drop the old table":
    db.execute(f"DROP TABLE {aside}")
    # 8. "Use CREATE INDEX, CREATE TRIGGER, and CREATE VIEW to reconstruct": the indexes in one pass over rows that are there
    for thing in change.own:
        db.execute(thing.again)
    # 9. "If any views refer to table X in a way that is affected by the schema change": refused by then, or dropped.
    _restore_counter(conn, change, counter)
    _forget_statistics(conn, table, keys)
    _compare(conn, change)


def _move_aside(conn: sqlite3.Connection, table: str, aside: str) -> None:
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
    rowid = quoted(old.alias) if old.alias else old.rowid
    values: dict[str, str] = {}
    for name in new.plain:
        if folded(name) in copy:
            values[quoted(name)] = f"({copy[folded(name)]}\n)"
        elif folded(name) in old.columns:
            values[quoted(name)] = f"{table}.{quoted(old.columns[folded(name)][0])}"
        elif name == new.alias and rowid:
            values[quoted(name)] = f"{table}.{rowid}"
    if new.alias is None and new.rowid and rowid:
        values[new.rowid] = f"{table}.{rowid}"
    if not values:
        raise UsageError("No column of the new table is in the old one.", hint="Say in copy= what is copied.")
    sql = f"INSERT INTO main.{table} ({', '.join(values)}) "
    if change.copy or change.where:  # in their subqueries the table's name means the old one
        sql += f"WITH {table} AS (SELECT * FROM main.{quoted(change.aside)}) "
    sql += f"SELECT {', '.join(values.values())} FROM main.{quoted(change.aside)} AS {table}"
    sql += f" WHERE ({change.where}\n)" if change.where else ""
    return sql + (f" ORDER BY {table}.{rowid}" if rowid else "")


def _refuse_other_count(conn: sqlite3.Connection, change: Change) -> None:
    before, after = (
        rows(conn, f"SELECT count(*) FROM main.{quoted(name)}")[0][0] for name in (change.aside, change.table)
    )
    if before != after:
        raise RebuildFailed(
            change.table, [f"of its {before} rows only {after} would stay: an ON CONFLICT clause of the new table removes the others"],
            hint="Say in where= which rows are kept, or mend them in copy=.",
        )  # fmt: skip


def _counter(conn: sqlite3.Connection, table: str) -> int | None:
    """How far AUTOINCREMENT has counted (https://sqlite.org/autoinc.html), or None."""
    if not rows(conn, "SELECT 1 FROM main.sqlite_master WHERE name = 'sqlite_sequence'"):
        return None
    found = rows(conn, f"SELECT seq FROM main.sqlite_sequence WHERE name = {_text(table)} COLLATE NOCASE")
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
    return any(token.said == "AUTOINCREMENT" for token in tokens(text))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _key_indexes(conn: sqlite3.Connection, table: str) -> dict[str, list[tuple[Any, ...]]]:
    """The indexes that SQLite made for PRIMARY KEY and UNIQUE, numbered by it, with their columns."""
    made = [row[1] for row in rows(conn, f"PRAGMA main.index_list({quoted(table)})") if row[3] != "c"]
    return {name: [row[2:] for row in rows(conn, f"PRAGMA main.index_xinfo({quoted(name)})")] for name in made}


def _forget_statistics(conn: sqlite3.Connection, table: str, before: dict[str, list[tuple[Any, ...]]]) -> None:
    """What ANALYZE found stays (https://sqlite.org/fileformat2.html#stat1tab), but for keys that are others now."""
    after = _key_indexes(conn, table)
    stale = [_text(name) for name in before if after.get(name) != before[name]]
    for name in rows(conn, "SELECT name FROM main.sqlite_master WHERE name IN ('sqlite_stat1', 'sqlite_stat4')"):
        if stale:
            conn.execute(
                f"DELETE FROM main.{name[0]} WHERE tbl = {_text(table)} COLLATE NOCASE AND idx IN ({', '.join(stale)})"
            )


def _compare(conn: sqlite3.Connection, change: Change) -> None:
    """The schema must now be what it was, but for the one text that was asked for."""
    expected = {_key(thing): (str(thing), thing.sql) for thing in change.things}
    expected["main", "table", folded(change.table)] = (f"table {change.table}", change.create)
    found = {_key(thing): (str(thing), thing.sql) for thing in things(conn)}
    problems = [f"{name} would be gone" for key, (name, _) in expected.items() if key not in found]
    problems += [f"{name} would appear" for key, (name, _) in found.items() if key not in expected and not _own(key[2])]
    problems += [
        f"{name} would read {' '.join(found[key][1].split())}" for key, (name, sql) in expected.items()
        if key in found and found[key][1] != sql
    ]  # fmt: skip
    if problems:
        raise RebuildFailed(change.table, problems)


def _key(thing: Thing) -> tuple[str, str, str]:
    return thing.schema, thing.kind, folded(thing.name)


def _own(name: str) -> bool:
    return name.startswith("sqlite_")  # sqlite_sequence comes with the first AUTOINCREMENT
