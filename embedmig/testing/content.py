"""Every row of a file as plain values, and what became of the rows in a migration."""

from __future__ import annotations

from collections import Counter

from embedmig.errors import printable
from embedmig.migration import HISTORY
from embedmig.naming import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable
    from typing import NamedTuple

    class Table(NamedTuple):
        """The columns of a table, in lower case, and its rows as they follow from its key."""

        columns: tuple[str, ...]
        rows: list[tuple[object, ...]]

else:
    from collections import namedtuple

    Table = namedtuple("Table", "columns rows")

if TYPE_CHECKING:
    Content = dict[str, Table]  # by the table's name in lower case
    Left = set[tuple[str, str]]  # columns: table, column

NOTHING = Table((), [])


def of(conn: sqlite3.Connection) -> Content:
    """All tables of a file, the history, SQLite's own, virtual and shadow tables left out."""
    text_factory, conn.text_factory = conn.text_factory, _decoded
    try:
        found = [(str(row[1]), row[4]) for row in conn.execute("PRAGMA main.table_list") if row[2] == "table"]
        ours = [(n, w) for n, w in found if not n.lower().startswith("sqlite_") and n.lower() != HISTORY]
        return {name.lower(): _table(conn, name, without_rowid) for name, without_rowid in ours}
    finally:
        conn.text_factory = text_factory


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _table(conn: sqlite3.Connection, name: str, without_rowid: int) -> Table:
    cursor = conn.execute(f"SELECT * FROM main.{quoted(name)}{'' if without_rowid else ' ORDER BY rowid'}")
    return Table(tuple(column[0].lower() for column in cursor.description), cursor.fetchall())


def difference(one: Content, other: Content, accept: Collection[str] = ()) -> list[str]:
    """The first difference in each table, in words; columns and tables in `accept` may differ."""
    lines: list[str] = []
    for name in sorted(one.keys() | other.keys()):
        if name in accept:
            continue
        before, after = (_kept(found.get(name, NOTHING), name, accept) for found in (one, other))
        if gone := list((before - after).elements()):
            lines.append(f"{name}: {gone[0]}" + (f" is {next(iter(after - before))}" if after - before else " is gone"))
        elif more := list((after - before).elements()):
            lines.append(f"{name}: {more[0]} was not there")
    return [printable(line) for line in lines]


def differing(one: Content, other: Content, accept: Collection[str] = ()) -> list[str]:
    """The names, as `accept` takes them, of what differs: columns, or tables where it isn't a column's matter."""
    names: list[str] = []
    for name in sorted(one.keys() | other.keys()):
        before, after = (found.get(name, NOTHING) for found in (one, other))
        if name in accept or _kept(before, name, accept) == _kept(after, name, accept):
            continue
        same = len(before.rows) == len(after.rows) and before.columns == after.columns
        columns = [
            f"{name}.{column}"
            for index, column in enumerate(before.columns)
            if same and f"{name}.{column}" not in accept and _column(before, index) != _column(after, index)
        ]
        names += columns or [name]
    return names


def _kept(table: Table, name: str, accept: Collection[str]) -> Counter[str]:
    if not any(f"{name}.{column}" in accept for column in table.columns):
        return Counter(_shown(table.columns, row) for row in table.rows)
    return _projected(table, [column for column in table.columns if f"{name}.{column}" not in accept])


def _projected(table: Table, columns: Iterable[str]) -> Counter[str]:
    """The rows by these columns alone. As text, since to Python 1, 1.0 and True are the same."""
    chosen = list(columns)
    where = [table.columns.index(column) for column in chosen]
    return Counter(_shown(chosen, [row[index] for index in where]) for row in table.rows)


def _shown(columns: Iterable[str], row: Iterable[object]) -> str:
    return "(" + ", ".join(f"{column}={value!r}" for column, value in zip(columns, row, strict=True)) + ")"


def lost(before: Content, after: Content, named: Collection[str], *, loses_rows: bool) -> list[str]:
    """What a migration took from a user without saying so; `named` are the tables that its statements write to by name.

    No row of any other table is changed or gone. Of the tables that it names, no more rows are gone than have come to
    others of them, where a migration may have moved them to, unless it `loses_rows`.
    """
    problems: list[str] = []
    fewer: list[str] = []
    balance = 0
    for name in sorted(before.keys() | set(named)):
        old, new = before.get(name, NOTHING), after.get(name, NOTHING)
        if name in named:
            balance += len(new.rows) - len(old.rows)
            if len(new.rows) < len(old.rows):
                stays = (
                    f"has {len(new.rows)} of its {len(old.rows)} rows"
                    if name in after
                    else f"is gone, and its {len(old.rows)} rows"
                )
                fewer.append(f"{name} {stays}")
        elif (gone := _kept(old, name, ()) - _kept(new, name, ())) and not (
            loses_rows and len(new.rows) < len(old.rows)
        ):
            many = f"{gone.total()} of its {len(old.rows)} rows, such as {next(iter(gone))}"
            problems.append(f"{name}, which no statement of it names, lost or changed {many}")
    if balance < 0 and not loses_rows:
        problems += fewer
    return [printable(problem) for problem in problems]


def left_alone(before: Content, after: Content) -> Left:
    """The columns in which nothing happened: as many rows, the same values in the same order."""
    found: Left = set()
    for name, table in before.items():
        other = after.get(name)
        if other is None or len(other.rows) != len(table.rows):
            continue
        for index, column in enumerate(table.columns):
            if column in other.columns and _column(table, index) == _column(other, other.columns.index(column)):
                found.add((name, column))
    return found


def _column(table: Table, index: int) -> list[str]:
    return [repr(row[index]) for row in table.rows]


def not_back(before: Content, after: Content, left: Left, accept: Collection[str] = ()) -> list[str]:
    """What did not come back by `down`, of the columns that `up` had left alone."""
    problems: list[str] = []
    for name in sorted({table for table, _ in left}):
        columns = [c for c in before[name].columns if (name, c) in left and f"{name}.{c}" not in accept]
        if name in accept or not columns:
            continue
        other = after.get(name)
        if other is None or not set(columns) <= set(other.columns):
            missing = "table" if other is None else "column"
            problems.append(f"{name}: a {missing} that up had left alone is gone")
        elif missing_rows := _projected(before[name], columns) - _projected(other, columns):
            instead = _projected(other, columns) - _projected(before[name], columns)
            came = f"came back as {next(iter(instead))}" if instead else "did not come back"
            problems.append(f"{name}: {next(iter(missing_rows))} {came}")
    return [printable(problem) for problem in problems]
