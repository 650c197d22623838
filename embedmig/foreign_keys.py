"""Foreign keys across a run: which violations are new, and which rows they are.

Enforcement is off while migrations run (https://sqlite.org/lang_altertable.html#otheralter), so
they are looked for by hand: after the last migration of a transaction, since real histories break and
mend in between, and before the first where that is needed to tell new ones from old.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing

from embedmig.migration import HISTORY
from embedmig.naming import folded, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from embedmig.guard import Guard

    Columns = tuple[str, ...] | str
    Key = tuple[str, int | None, str, Columns]  # table, rowid (None: WITHOUT ROWID), parent, key columns or a message
    Found = tuple[str, int | None, str, object]


_NAMES = "SELECT name FROM main.sqlite_master WHERE type = 'table'"


def violations(conn: sqlite3.Connection) -> Counter[Key]:
    """Every row that points to a parent that isn't there, and every foreign key that SQLite can't even check."""
    keys: dict[tuple[str, int], Columns] = {}
    try:
        return Counter(_named(conn, row, keys) for row in conn.execute("PRAGMA main.foreign_key_check"))
    except sqlite3.OperationalError as error:
        if "mismatch" not in str(error):
            raise
    found: Counter[Key] = Counter()
    for table in sorted(tables(conn)):
        try:
            found.update(
                _named(conn, row, keys) for row in conn.execute(f"PRAGMA main.foreign_key_check({quoted(table)})")
            )
        except sqlite3.OperationalError as error:
            if _is_empty(conn, table):
                continue
            parent = str(error).rpartition(" referencing ")[2].strip('"')
            found[table, None, parent, str(error)] += 1
    return found


def _named(
    conn: sqlite3.Connection, row: tuple[str, int | None, str, int], keys: dict[tuple[str, int], Columns]
) -> Key:
    """A violation by the columns of its key: the key's number changes when a table is rebuilt."""
    table, rowid, parent, number = row
    if (table, number) not in keys:
        listed = conn.execute(f"PRAGMA main.foreign_key_list({quoted(table)})").fetchall()
        keys[table, number] = tuple(str(key[3]) for key in listed if key[0] == number)
    return table, rowid, parent, keys[table, number]


class Before:
    """The violations that stand before a transaction's first migration, to tell new ones from them."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.found = violations(conn)
        self.tables = tables(conn)
        self.moved: set[str] = set()  # tables that were dropped or renamed since
        self.altered: set[str] = set()  # those that ALTER TABLE changed, a renamed one under its old name

    def note(self, guard: Guard) -> None:
        """What one migration did."""
        self.moved |= guard.moved
        self.altered |= guard.altered

    def new(self, conn: sqlite3.Connection) -> list[Key]:
        """The violations that were not there before.

        A row that pointed nowhere before is not new because its parent or its column has another name now. In a table
        that was rebuilt or renamed the rows may have other rowids too: there only their number per parent counts.
        """
        moved, altered = self.moved, self.altered
        after = violations(conn)
        gone = self.found - after
        rows = Counter((folded(table), rowid) for table, rowid, _, _ in gone.elements())
        spare = Counter(folded(parent) for table, _, parent, _ in gone.elements() if folded(table) in moved)
        result: list[Key] = []
        for key in sorted((after - self.found).elements(), key=repr):
            table, rowid, parent = folded(key[0]), key[1], folded(key[2])
            renamed = table in altered or parent not in self.tables
            if renamed and rows[table, rowid]:
                rows[table, rowid] -= 1
            elif spare[parent] and (table in moved or table not in self.tables):
                spare[parent] -= 1
            else:
                result.append(key)
        return result


class After:
    """Nothing is asked before: of a large file the rows are gone through once instead of twice, and only where it matters."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.tables = tables(conn)
        self.touched: set[str] = set()  # tables of which rows, columns or indexes may have changed

    def note(self, guard: Guard) -> None:
        """What one migration did."""
        self.touched |= {folded(name or "") for name in guard.touched}

    def new(self, conn: sqlite3.Connection) -> list[Key] | None:
        """No violations where every row points somewhere; None where some point nowhere, since nobody knows which did before.
        Of a key between two tables that the run did not touch nothing changed."""
        if self.tables <= {HISTORY}:
            return None if violations(conn) else []  # all is new: asked at once
        changed = self.touched | (tables(conn) - self.tables)
        for (table,) in conn.execute(_NAMES).fetchall():
            parents = [folded(str(key[2])) for key in conn.execute(f"PRAGMA main.foreign_key_list({quoted(table)})")]
            if parents and (folded(table) in changed or not changed.isdisjoint(parents)) and not _is_sound(conn, table):
                return None
        return []


def tables(conn: sqlite3.Connection) -> set[str]:
    """The names of the file's tables, folded: not by SQL's lower(), in whose place the app may have put its own."""
    return {folded(str(name)) for (name,) in conn.execute(_NAMES)}


def _is_sound(conn: sqlite3.Connection, table: str) -> bool:
    try:
        with closing(conn.execute(f"PRAGMA main.foreign_key_check({quoted(table)})")) as found:
            return found.fetchone() is None
    except sqlite3.OperationalError as error:
        if "mismatch" not in str(error):
            raise
        return _is_empty(conn, table)


def _is_empty(conn: sqlite3.Connection, table: str) -> bool:
    """A key that can't be checked has nothing to check then."""
    return conn.execute(f"SELECT 1 FROM main.{quoted(table)} LIMIT 1").fetchone() is None


def described(conn: sqlite3.Connection, keys: Iterable[Key], most: int = 20) -> list[Found]:
    """The first few violations with the values of their rows, for an error that a person can act upon."""
    found: list[Found] = []
    without_rowid: Counter[tuple[str, str, Columns]] = Counter()
    for table, rowid, parent, columns in list(keys)[:most]:
        if isinstance(columns, str):
            found.append((table, None, parent, columns))
        elif rowid is not None:
            sql = f"SELECT {', '.join(map(quoted, columns))} FROM main.{quoted(table)} WHERE rowid = ?"
            values = conn.execute(sql, (rowid,)).fetchone()
            found.append((table, rowid, parent, dict(zip(columns, values or (), strict=False))))
        else:
            nth = without_rowid[table, parent, columns]
            without_rowid[table, parent, columns] += 1
            found.append((table, None, parent, _row_without_rowid(conn, table, parent, list(columns), nth)))
    return found


def _row_without_rowid(
    conn: sqlite3.Connection, table: str, parent: str, names: list[str], nth: int
) -> dict[str, object]:
    """The nth row of a WITHOUT ROWID table whose parent is missing, by its primary key and the key's columns."""
    info = conn.execute(f"PRAGMA main.table_info({quoted(table)})").fetchall()
    shown = [c[1] for c in info if c[5]] + [name for name in names if name not in {c[1] for c in info if c[5]}]
    listed = [
        key
        for key in conn.execute(f"PRAGMA main.foreign_key_list({quoted(table)})")
        if folded(str(key[2])) == folded(parent)
    ]
    targets = {str(key[3]): key[4] for key in listed}
    primary = [
        c[1] for c in sorted(conn.execute(f"PRAGMA main.table_info({quoted(parent)})"), key=lambda c: int(c[5])) if c[5]
    ]
    conditions = [f"c.{quoted(name)} IS NOT NULL" for name in names]
    if primary or any(targets.values()):
        match = [
            f"p.{quoted(targets.get(name) or primary[i % len(primary)])} = c.{quoted(name)}"
            for i, name in enumerate(names)
        ]
        conditions.append(f"NOT EXISTS (SELECT 1 FROM main.{quoted(parent)} AS p WHERE {' AND '.join(match)})")
    sql = f"SELECT {', '.join('c.' + quoted(n) for n in shown)} FROM main.{quoted(table)} AS c WHERE {' AND '.join(conditions)} LIMIT 1 OFFSET {nth}"
    try:
        values = conn.execute(sql).fetchone()
    except sqlite3.Error:
        values = None
    return dict(zip(shown, values or (), strict=False))
