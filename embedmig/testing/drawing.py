"""One draw: tables filled in their order, each row tried on the database itself until SQLite takes it."""

from __future__ import annotations

import random
import sqlite3

from hypothesis import strategies as st

from embedmig.errors import UsageError, printable
from embedmig.file import rows
from embedmig.naming import quoted
from embedmig.testing.expressions import Column, as_sql
from embedmig.testing.values import LEFT_OUT, LITERAL, index
from embedmig.tokens import pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from hypothesis.strategies import DrawFn, SearchStrategy

    from embedmig.testing.checks import Case, Relation
    from embedmig.testing.tables import Key, Table

    Row = dict[str, object]  # column -> None, int, float, str or bytes; a column that is left out gets its default
    Drawn = dict[str, list[Row]]  # table -> its rows, tables and rows in the order in which they can be inserted
    Own = Mapping[str | tuple[str, ...], SearchStrategy[Any]]

TRIES = 40  # of a table's first row; later ones fail more often for good, for want of other parents or keys
TRIES_AFTER = 10
GIVEN_UP = 120  # tries, over several draws, after which a table that never took a row is an error ...
GIVEN_UP_LATE = 1000  # ... and where it may be for want of fitting rows in other tables
PARENTS = 50  # rows of a parent that a foreign key may refer to
NEIGHBOURS = 6  # tries that change as little as can be
_SIZES = st.integers(0, 15)  # 0 is none, so that one table in sixteen is empty


class Filler:
    """The tables in their order, strategies of one's own, and how each table has fared so far."""

    def __init__(self, order: list[list[Table]], columns: Own, max_size: int, *, alone: bool = False) -> None:
        self.order, self.max_size, self.alone = order, max_size, alone
        self.tables = {table.name.lower(): table for component in order for table in component}
        self.own: dict[str, list[tuple[tuple[str, ...], SearchStrategy[Any]]]] = {name: [] for name in self.tables}
        for key, strategy in columns.items():
            table, names = self._meant(key)
            self.own[table].append((names, st.tuples(strategy) if isinstance(key, str) else strategy))
        widths = {name: 1 + 2 * len(table.columns) for name, table in self.tables.items()}
        self.bytes = {name: st.binary(min_size=width, max_size=width) for name, width in widths.items()}
        self.refused = dict.fromkeys(self.tables, 0)
        self.taken: set[str] = set()

    def _meant(self, key: str | tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """The table and the columns that a key of `columns=` names, in lower case."""
        names = [name.lower() for name in ((key,) if isinstance(key, str) else key)]
        parts = [(next(iter(self.tables)), "", name) if self.alone else name.rpartition(".") for name in names]
        table = parts[0][0] if parts else ""
        known = [column.lower() for column in self.tables[table].columns] if table in self.tables else []
        if not known or any(part[0] != table or part[2] not in known for part in parts):
            form = "'column'" if self.alone else "'table.column'"
            raise UsageError(
                f"columns={{{printable(repr(key))}: ...}} names no column that is drawn.",
                hint=f"A key is {form}, or a tuple of such names of one table. Generated columns are never drawn.",
            )
        return table, tuple(part[2] for part in parts)

    def draw(self, draw: DrawFn, conn: sqlite3.Connection, again: Callable[[], None]) -> Drawn:
        """Draw rows for every table, and insert them: the caller undoes that, as `again` does before everything is inserted anew."""
        filling = _Filling(self, draw, conn, again)
        for component in self.order:
            filling.component(component)
        return filling.drawn


class _Filling:
    """What stands so far in one draw."""

    def __init__(self, filler: Filler, draw: DrawFn, conn: sqlite3.Connection, again: Callable[[], None]) -> None:
        self.filler, self.draw, self.conn, self.again = filler, draw, conn, again
        self.drawn: Drawn = {}
        self.said: list[tuple[str, tuple[object, ...]]] = []
        self.awaited: dict[str, list[dict[str, object]]] = {}  # keys that rows refer to, of tables that come later

    def component(self, component: list[Table]) -> None:
        """Tables that refer to each other in a circle may refer to rows that come later; if those don't come, there are none."""
        stood, circle = len(self.said), len(component) > 1
        if circle:
            self.awaited = {table.name.lower(): [] for table in component}
        for table in component:
            self.table(table, self.awaited.pop(table.name.lower(), []))
        doubtful = [table for table in component if circle or not all(_is_written(table, key) for key in table.keys)]
        if any(_dangles(self.conn, table) for table in doubtful):
            self.drawn |= {table.name: [] for table in component}
            del self.said[stood:]
            self.stand_again()

    def stand_again(self) -> None:
        self.again()
        for sql, parameters in self.said:
            self.conn.execute(sql, parameters)

    def table(self, table: Table, awaited: list[dict[str, object]]) -> None:
        name = table.name.lower()
        taken = self.drawn[table.name] = []
        size = self.draw(_SIZES)
        size = 1 + (size - 1) % self.filler.max_size if size and self.filler.max_size else 0
        parents = [self.parents(key) for key in table.keys]
        if not awaited and any(self.is_orphan(table, key, rows) for key, rows in zip(table.keys, parents, strict=True)):
            return
        for i in range(max(size, len(awaited))):
            data = self.draw(self.filler.bytes[name])
            fixed = dict(awaited[i]) if i < len(awaited) else {}
            for columns, strategy in self.filler.own[name]:
                fixed.update(_values(columns, self.draw(strategy)))
            row = self.row(table, data, fixed, parents)
            if row is None:
                break
            taken.append(row)
            self.filler.taken.add(name)
            for n, key in enumerate(table.keys):
                if key.parent == name:
                    parents[n] = self.parents(key)

    def is_orphan(self, table: Table, key: Key, parents: list[tuple[object, ...]]) -> bool:
        """Has it to refer to a row of another table, which has none and gets none? UsageError if that table is not filled at all."""
        if (
            parents
            or key.parent in self.awaited
            or key.parent == table.name.lower()
            or not table.required.issuperset(key.columns)
        ):
            return False
        if any(column in key.columns for columns, _ in self.filler.own[table.name.lower()] for column in columns):
            return False
        if key.parent not in self.filler.tables:
            raise _no_parent(table, key, alone=self.filler.alone)
        return True

    def parents(self, key: Key) -> list[tuple[object, ...]]:
        """The first rows that a foreign key may refer to."""
        names = [quoted(column) for column in key.target]
        there = " AND ".join(f"{name} IS NOT NULL" for name in names)
        try:
            return rows(
                self.conn,
                f"SELECT DISTINCT {', '.join(names)} FROM main.{quoted(key.parent)} WHERE {there} LIMIT {PARENTS}",
            )
        except sqlite3.OperationalError:
            return []  # no such table, or no such column: the key can only be NULL

    def row(
        self, table: Table, data: bytes, fixed: dict[str, object], parents: list[list[tuple[object, ...]]]
    ) -> Row | None:
        """One row that SQLite has taken, or None if it took none of those that were tried."""
        name = table.name.lower()
        why = ""
        for n in range(TRIES_AFTER if self.drawn[table.name] else TRIES):
            awaited = {parent: len(keys) for parent, keys in self.awaited.items()}
            made = self.made(table, _varied(table, data, n, why), fixed, parents)
            if made is not None:
                if (refusal := self.refusal(table, made)) is None:
                    return made
                why = refusal
                self.filler.refused[name] += 1
            for parent, before in awaited.items():
                del self.awaited[parent][before:]
        most = GIVEN_UP if why.startswith("CHECK") and not table.keys else GIVEN_UP_LATE
        if name not in self.filler.taken and self.filler.refused[name] >= most and not _any(self.conn, table):
            raise _unfillable(table, why, most, alone=self.filler.alone)
        return None

    def refusal(self, table: Table, row: Row) -> str | None:
        """Insert it; what SQLite says against it, or None."""
        sql, parameters = table.statement(tuple(row)), tuple(row.values())
        try:
            if self.conn.execute(sql, parameters).rowcount == 0:
                return "a trigger passes over the row with RAISE(IGNORE)"
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            if not self.conn.in_transaction:  # RAISE(ROLLBACK) took everything with it
                self.stand_again()
            return str(error)
        self.said.append((sql, parameters))
        return None

    # -- one row ----------------------------------------------------------------------------------------------

    def made(
        self, table: Table, data: bytes, fixed: dict[str, object], parents: list[list[tuple[object, ...]]]
    ) -> Row | None:
        """A row as the data says, or None if a foreign key has no row to refer to."""
        case = table.cases[data[0] % len(table.cases)]
        found = dict(fixed)
        own: list[Key] = []
        for key, options in zip(table.keys, parents, strict=True):
            at = 1 + 2 * table.names.index(key.columns[0]) if key.columns[0] in table.names else 0
            if not self.referred(table, key, options, case, data[at : at + 2], found, own):
                return None
        for i, name in enumerate(table.names):
            if name not in found:
                found[name] = case.cells[name].at(data[1 + 2 * i], data[2 + 2 * i])
        for key in own:
            for column, target in zip(key.columns, key.target, strict=True):
                found[column] = found.get(target)  # a key that is left out makes one more try
        if case.relations:
            linked = {column for key in table.keys for column in key.columns}
            for relation in case.relations:
                _mend(self.conn, relation, found, linked | fixed.keys())
        return {
            column: value
            for column, name in zip(table.columns, table.names, strict=True)
            if (value := found[name]) is not LEFT_OUT
        }

    def referred(
        self, table: Table, key: Key, options: list[tuple[object, ...]], case: Case, data: bytes,
        found: dict[str, object], own: list[Key],
    ) -> bool:  # fmt: skip
        """Choose the row that a foreign key refers to, write it into `found`; False if there is none.

        A key with a NULL refers to nothing. A row that must refer to one of its own table, and is the first, refers to itself
        (then the key goes into `own`); in a circle of tables it may refer to one that comes later.
        """
        open_columns = [column for column in key.columns if column not in found]
        if not open_columns or any(found.get(column, 0) is None for column in key.columns):
            return True
        cells = {column: case.cells[column] for column in open_columns if column in case.cells}
        nullable = [column for column, cell in cells.items() if cell.null]
        fitting = [row for row in options if all(found.get(c, v) == v for c, v in zip(key.columns, row, strict=True))]
        itself = key.parent == table.name.lower()
        late = self.awaited.get(key.parent)
        nowhere = not fitting and late is None
        if nullable and (data[0] < 32 or nowhere or any(not cells[column].pool for column in nullable)):
            found.update(dict.fromkeys(nullable))
        elif fitting and (late is None or data[0] < 128):
            found.update(zip(key.columns, fitting[index(data[0], data[1]) % len(fitting)], strict=True))
        elif itself and len(open_columns) == len(key.columns):
            own.append(key)
            found.update(dict.fromkeys(key.columns, LEFT_OUT))
        elif late is not None:
            cells = self.filler.tables[key.parent].cases[0].cells
            new = {
                target: found.get(c, cells[target].at(LITERAL, data[1]))
                for c, target in zip(key.columns, key.target, strict=True)
            }
            if new not in late:
                late.append(new)
            found.update(zip(key.columns, new.values(), strict=True))
        else:
            return False
        return True


def _varied(table: Table, data: bytes, n: int, why: str) -> bytes:
    """The same data for the first try, its neighbours, which are as simple, for some more, then any.

    After `UNIQUE constraint failed: t.a, t.b` only those columns are varied.
    """
    if n == 0:
        return data
    if n >= NEIGHBOURS:
        return random.Random(data + bytes([n])).randbytes(len(data))
    twins = {word.rpartition(".")[2].lower() for word in why.rpartition("failed: ")[2].split(", ")}
    chosen = [name in twins for name in table.names]
    if not (why.startswith("UNIQUE") and any(chosen)):
        chosen = [True] * len(chosen)
    neighbour = bytearray(data)
    for i, change in enumerate(chosen):
        if change:
            neighbour[2 + 2 * i] = (data[2 + 2 * i] + n) % 256
    return bytes(neighbour)


def _mend(conn: sqlite3.Connection, relation: Relation, row: dict[str, object], fixed: set[str]) -> None:
    """Change one column so that the relation holds, unless it holds. SQLite has the last word when the row is inserted."""
    names = [name for name, value in row.items() if value is not LEFT_OUT]
    given = f"(SELECT {', '.join('? AS ' + as_sql(Column(name)) for name in names)})"
    left, right = as_sql(relation.left), as_sql(relation.right)
    try:
        sql = f"SELECT ({left} {relation.sign} {right}) IS NOT FALSE, {left}, {right} FROM {given}"
        holds, one, other = conn.execute(sql, [row[name] for name in names]).fetchone()
    except sqlite3.Error:
        return  # a column that was left out, or a function that refuses these values
    if holds:
        return
    mirrored = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(relation.sign, relation.sign)
    sides = [(relation.left, relation.sign, other), (relation.right, mirrored, one)]
    free = [
        (side.name, sign, value) for side, sign, value in sides if isinstance(side, Column) and side.name not in fixed
    ]
    if len(free) == 2 and one != other and mirrored != relation.sign:
        row[free[0][0]], row[free[1][0]] = row[free[1][0]], row[free[0][0]]
    elif free:
        name, sign, value = free[0]
        row[name] = value if sign in ("=", "is", "<=", ">=") else _beside(value, -1 if sign == "<" else 1)


def _beside(value: object, way: int) -> object:
    if isinstance(value, int | float):
        return value + way
    if isinstance(value, str):
        return value + "a" if way > 0 else value[:-1]
    return value


def _values(columns: tuple[str, ...], drawn: object) -> list[tuple[str, object]]:
    if not isinstance(drawn, tuple | list) or len(drawn) != len(columns):
        raise UsageError(
            f"The strategy for {printable(', '.join(columns))} drew {printable(repr(drawn))}.",
            hint="Let it draw tuples of one value for each of these columns.",
        )
    return list(zip(columns, drawn, strict=True))


def _is_written(table: Table, key: Key) -> bool:
    """Can an INSERT choose what this foreign key refers to? Not where a column of it is generated."""
    return set(key.columns) <= set(table.names)


def _dangles(conn: sqlite3.Connection, table: Table) -> bool:
    try:
        return bool(rows(conn, f"PRAGMA main.foreign_key_check({quoted(table.name)})"))
    except sqlite3.OperationalError:
        return False  # a key that SQLite can't check


def _any(conn: sqlite3.Connection, table: Table) -> bool:
    return bool(rows(conn, f"SELECT 1 FROM main.{quoted(table.name)} LIMIT 1"))


# -- what is said when there is no way -------------------------------------------------------------------------------


def _no_parent(table: Table, key: Key, *, alone: bool) -> UsageError:
    here, there = (
        printable(f"{name} ({', '.join(columns)})")
        for name, columns in ((table.name, key.columns), (key.parent, key.target))
    )
    return UsageError(
        f"No row for {here} could be drawn: it must refer to a row of {there}, and there is none.",
        hint=f"Insert rows of {printable(key.parent)} first, or draw both with database()."
        if alone
        else f"Make the table {printable(key.parent)}, or pass a strategy of your own: columns={_example(table, list(key.columns), alone)}.",
    )


def _unfillable(table: Table, why: str, tries: int, *, alone: bool) -> UsageError:
    words = {token.text.strip('"`[]').lower() for token in pieces(why)}
    named = [column for column in table.columns if column.lower() in words]
    return UsageError(
        f"No row for {printable(table.name)} could be drawn: of {tries} and more that were tried SQLite took none"
        f" ({printable(why)}).",
        hint=f"Pass a strategy of your own: columns={_example(table, named or list(table.columns[:1]), alone)}.",
    )


def _example(table: Table, columns: list[str], alone: bool) -> str:
    names = [repr(column if alone else f"{table.name}.{column}") for column in columns]
    if len(names) == 1:
        return printable(f"{{{names[0]}: st.just(...)}}")
    return printable(f"{{({', '.join(names)}): st.tuples(...)}}")
