"""Everything about a database that a rebuild may not change, as one value that two tests can compare."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from grammar import double

SETTINGS = (
    "legacy_alter_table",
    "foreign_keys",
    "recursive_triggers",
    "defer_foreign_keys",
    "writable_schema",
    "ignore_check_constraints",
)


def standing(conn: sqlite3.Connection) -> dict[str, Any]:
    """Schema, rows with their rowids and storage classes, counters, statistics, violations, what full text and views answer."""
    tables = [
        n for (n,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_stat1'")
    ]
    found: dict[str, Any] = {f"table {name}": table(conn, name) for name in tables if name != "sqlite_sequence"}
    found["schema"] = schema(conn)
    found["in which triggers fire"] = order(conn)
    found["sqlite_sequence"] = rows(conn, "SELECT name, seq FROM sqlite_sequence ORDER BY name", "sqlite_sequence")
    found["sqlite_stat1"] = rows(conn, "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY tbl, idx", "sqlite_stat1")
    found["views"] = {
        name: attempt(conn, f"SELECT * FROM {double(name)}")
        for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name").fetchall()
    }
    found["violations"] = attempt(conn, "PRAGMA foreign_key_check")
    found["integrity"] = attempt(conn, "PRAGMA integrity_check")
    found["settings"] = {name: conn.execute(f"PRAGMA {name}").fetchone() for name in SETTINGS}
    if "search" in tables:
        for word in ("w1", "w2 OR w3", "é"):
            found[f"search {word}"] = rows(
                conn, f"SELECT rowid, * FROM search WHERE search MATCH '{word}' ORDER BY rowid"
            )
    return found


def schema(conn: sqlite3.Connection) -> dict[tuple[str, str], tuple[str, str | None]]:
    return {
        (kind, name): (of, sql)
        for kind, name, of, sql in conn.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
    }


def order(conn: sqlite3.Connection) -> dict[str, list[str]]:
    """SQLite fires the triggers of a table in an order that follows from that in sqlite_master."""
    found: dict[str, list[str]] = {}
    for of, name in conn.execute(
        "SELECT lower(tbl_name), name FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid"
    ):
        found.setdefault(of, []).append(name)
    return found


def table(conn: sqlite3.Connection, name: str) -> dict[str, Any]:
    """What PRAGMAs say of one table, and its rows."""
    found: dict[str, Any] = {}
    found["columns"] = conn.execute(
        'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)', (name,)
    ).fetchall()
    found["options"] = conn.execute(
        "SELECT wr, strict FROM pragma_table_list(?) WHERE schema = 'main'", (name,)
    ).fetchall()
    found["foreign keys"] = conn.execute("SELECT * FROM pragma_foreign_key_list(?)", (name,)).fetchall()
    indexes = conn.execute('SELECT name, "unique", origin, partial FROM pragma_index_list(?)', (name,)).fetchall()
    found["indexes"] = {
        i[0]: (i[1:], conn.execute("SELECT * FROM pragma_index_xinfo(?)", i[:1]).fetchall()) for i in indexes
    }
    found["rows"] = attempt(conn, "SELECT rowid, * FROM search") if name == "search" else stored(conn, name)
    return found


def stored(conn: sqlite3.Connection, name: str) -> list[tuple[Any, ...]]:
    """The rows, each with its rowid and the storage class of each value."""
    columns = [n for (n,) in conn.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1", (name,))]
    values = [part for c in columns for part in (double(c), f"typeof({double(c)})")]
    found = conn.execute(f"SELECT {', '.join(rowid(conn, name) + values)} FROM main.{double(name)}").fetchall()
    return sorted(found, key=repr)


def rowid(conn: sqlite3.Connection, name: str) -> list[str]:
    """The name under which the rowid can be asked for; none where there is no rowid, or no name is left."""
    without = conn.execute("SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'", (name,)).fetchone()[0]
    taken = {n.lower() for (n,) in conn.execute("SELECT name FROM pragma_table_xinfo(?)", (name,))}
    return [] if without else [n for n in ("rowid", "oid", "_rowid_") if n not in taken][:1]


def rows(conn: sqlite3.Connection, sql: str, needs: str = "") -> list[tuple[Any, ...]]:
    if needs and not conn.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (needs,)).fetchone():
        return []
    return conn.execute(sql).fetchall()


def attempt(conn: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]] | str:
    """The rows of a statement, in an order of their own, or why there are none."""
    try:
        return sorted(conn.execute(sql).fetchall(), key=repr)
    except sqlite3.Error as error:
        return str(error)


def behaviour(conn: sqlite3.Connection, name: str, again: Iterable[tuple[str, tuple[Any, ...]]]) -> list[Any]:
    """What happens in a copy of the database when its rows are written: triggers, defaults, CHECKs and foreign keys at work.

    `again` are statements, with their parameters, that insert the rows once more.
    """
    with closing(sqlite3.connect(":memory:")) as copy:
        copy.deserialize(conn.serialize())  # backup() would wait for ever for the transaction that is open
        copy.execute("PRAGMA foreign_keys = ON")
        columns = [n for (n,) in conn.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (name,))]
        same = ", ".join(f"{double(c)} = {double(c)}" for c in columns)
        changes: list[tuple[str, tuple[Any, ...]]] = [
            ("UPDATE log SET v = v", ()), ("INSERT INTO log (v) VALUES ('new')", ()), ("DELETE FROM log WHERE v = 2", ()),
            (f"UPDATE main.{double(name)} SET {same}", ()), (f"DELETE FROM main.{double(name)}", ()), *again,
        ]  # fmt: skip
        seen: list[Any] = []
        for sql, parameters in changes:
            try:
                copy.execute(sql, parameters)
                copy.commit()
                seen.append("done")
            except sqlite3.Error as error:
                copy.rollback()
                # which of several foreign keys SQLite comes to first is not told by anything
                seen.append(str(error).partition(" - ")[0])
        kept = [
            n
            for n in ("log", "child", name)
            if copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (n,)).fetchone()
        ]
        return [
            *seen,
            *(stored(copy, n) for n in kept),
            rows(copy, "SELECT * FROM sqlite_sequence ORDER BY name", "sqlite_sequence"),
        ]
