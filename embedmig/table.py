"""rebuild(): one table changed without loss. Here it is decided, on the real connection, before any row is moved.

Any column or constraint may change, and everything that hangs on the table stays, or the change is refused.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import NamedTuple

from embedmig.create_table import Head, head
from embedmig.dependents import Thing, Users, broken, things, users
from embedmig.edits import Edits, edited, renamed, unasked, used_after
from embedmig.errors import RebuildFailed, UsageError, listed, printable
from embedmig.file import rows
from embedmig.naming import folded, quoted
from embedmig.procedure import STORED, Change, Shape, carry_out, in_main, is_sqlites_own, move_aside, shape
from embedmig.savepoint import trial, whole
from embedmig.tokens import pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import sqlite_utils


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
            asked = Asked(new, edits if sql is None else None, copy or {}, where)
            carry_out(db, conn, _decide(db, conn, name, asked, standing))


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
    if not found.is_ordinary or kinds.get(found.name) == "shadow" or is_sqlites_own(folded(found.name)):
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
    there = shape(conn, table).columns
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


class Asked(NamedTuple):
    """What the new table shall be, and what it is filled with."""

    text: str
    edits: Edits | None  # by which the text was made, unless the author wrote it
    copy: Mapping[str, str]
    where: str | None


def _decide(
    db: sqlite_utils.Database | sqlite3.Connection,
    conn: sqlite3.Connection,
    table: str,
    asked: Asked,
    standing: set[tuple[str, str, str]],
) -> Change:
    """Try it without the rows, and look at everything that hangs on the table. Raises RebuildFailed for what would be lost."""
    made = _head(asked.text, table)
    everything = things(conn)
    taken = {folded(thing.name) for thing in everything}
    aside = next(name for name in _names(table) if folded(name) not in taken)
    old = shape(conn, table)
    found = None
    if asked.edits is not None:
        found = users(conn, table, [old.columns[folded(name)][0] for name in asked.edits.drop])
        _refuse_own_use(table, found, asked.edits)
    create = f"{STORED}{asked.text[made.start : made.end]}"
    with trial(conn):
        move_aside(conn, table, aside)
        db.execute(in_main(create))
        new = shape(conn, table)
    if asked.edits is not None:
        _refuse_unasked(table, old, new, asked.edits)
    was = next(thing.sql for thing in everything if thing.key == ("main", "table", table))
    change = Change(table, aside, was, create, old, new, asked.copy, asked.where, everything)
    unknown = [name for name in asked.copy if folded(name) not in map(folded, new.plain)]
    if unknown:
        raise UsageError(f"copy= fills {printable(unknown[0])}, and the new table has no such column to write to.")
    for sql in (*asked.copy.values(), asked.where or ""):
        _refuse_expression(table, old, sql)
    gone = [row[0] for name, row in old.columns.items() if name not in new.columns]
    _refuse_loss(conn, change, found or users(conn, table, gone), standing)
    return change


def _refuse_expression(table: str, old: Shape, sql: str) -> None:
    """What SQLite would take without a word, and for something else than was meant."""
    said, name = pieces(sql), printable(table)
    names = [folded(token.name) for token in said]
    # by its bare name an expression means the old table, but this says the one that is being filled
    if any(three == ("main", ".", folded(table)) for three in zip(names, names[1:], names[2:], strict=False)):
        raise UsageError(f"main.{name} in copy= or where= would be the new table, still empty.", hint=f"Write {name}.")
    if any(token.said == "SELECT" for token in said):
        return  # whose columns are meant in a subquery is not known here
    known = {*old.columns, folded(table), "rowid", "_rowid_", "oid"}
    for before, token, after in zip(["", *names], said, [*names[1:], ""], strict=False):
        elsewhere = before in ("collate", "as") or after == "("  # a collation, a type, a function
        if token.text.startswith('"') and folded(token.name) not in known and not elsewhere:
            # https://sqlite.org/quirks.html#dblquote
            raise UsageError(
                f"{name} has no column {printable(token.text)}, and SQLite would take it for a text.",
                hint="Write a text in single quotes.",
            )


def _names(table: str) -> Iterator[str]:
    number = 0
    while True:
        yield f"embedmig_old{number or ''}_{table}"
        number += 1


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
        move_aside(conn, change.table, change.aside)
        conn.execute(in_main(change.create))
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
