"""Any table that SQLite can write, rebuilt in any way: what was not asked to change is as it was, to the last byte.

Each file is made twice: the table changed by rebuild(), and everything made anew around the changed table by plain
statements. Both must say the same. What is not tried even once, of SQLite's grammar or of the changes, fails the test.
"""

from __future__ import annotations

import os
import random
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import grammar
import grammar_around
import grammar_changes
import pytest
from grammar import double, lower
from grammar_around import File, files
from grammar_changes import Change, changes
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from standing import behaviour, standing

import embedmig
from embedmig.errors import printable

BUDGET_S = 60
BATCH, AT_LEAST = 50, 4  # examples in a batch, and batches
SEED = int(os.environ.get("EMBEDMIG_SEED", random.SystemRandom().randrange(2**31)))
# making a failure smaller takes minutes: only for who asks for it, with the seed that failed
PHASES = (Phase.generate, Phase.shrink) if "EMBEDMIG_SHRINK" in os.environ else (Phase.generate,)

TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)|\s+|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*\]|[\w$.]+|.""", re.S
)


@st.composite
def lives(draw: Callable[..., Any], aims: tuple[str, ...]) -> tuple[File, Change, bool]:
    """A file, a change of its table, and whether legacy_alter_table happens to be on."""
    file = draw(files(aims))
    return file, draw(changes(file, aims)), draw(st.booleans())


@pytest.mark.slow
def test_a_rebuilt_table_and_all_that_hangs_on_it_stay_but_for_what_was_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    everything = grammar.PRODUCTIONS | grammar_around.PRODUCTIONS | grammar_changes.PRODUCTIONS
    seen: Counter[str] = Counter()
    began, batch = time.monotonic(), 0
    while batch < AT_LEAST or (everything - seen.keys() and time.monotonic() - began < BUDGET_S):
        # after the first half what was not hit yet is aimed at
        aims = tuple(sorted(everything - seen.keys())) or ("",)
        _batch(SEED * 1000 + batch, ("",) if batch < AT_LEAST // 2 else aims, seen)
        batch += 1
    used = time.monotonic() - began
    with capsys.disabled():
        print(f"\n{seen['']} rebuilds in {used:.1f} s, {len(seen) - 1} productions, EMBEDMIG_SEED={SEED}")
    assert sorted(everything - seen.keys()) == []


def _batch(number: int, aims: tuple[str, ...], seen: Counter[str]) -> None:
    @seed(number)
    @settings(max_examples=BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=PHASES)
    @given(lives(aims))
    def lived(life: tuple[File, Change, bool]) -> None:
        file, change, legacy = life
        try:
            _live(file, change, legacy)
        except BaseException as error:
            error.add_note(_said(file, change))
            raise
        seen.update({"", *file.productions, *change.productions})

    lived()


def _live(file: File, change: Change, legacy: bool) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        file.make(conn)
        conn.execute(f"PRAGMA legacy_alter_table = {legacy:d}")
        before = standing(conn)
        conn.execute("BEGIN")
        if change.rule == "refused":
            with pytest.raises((embedmig.EmbedmigError, sqlite3.Error)):
                _rebuild(conn, file, change)
            assert (apart := differences(standing(conn), before)) == {}, apart
        elif change.kind == "rename":
            _renamed(conn, file, change)
        else:
            if change.dropping:
                without = Change(
                    change.rule,
                    change.kind,
                    {k: v for k, v in change.arguments.items() if k != "dropping"},
                    change.table,
                )
                with pytest.raises(embedmig.RebuildFailed) as caught:
                    _rebuild(conn, file, without)
                assert [
                    name
                    for name in change.dropping
                    if printable(name) not in str(caught.value) and _direct(file, change, name)
                ] == []
                assert (apart := differences(standing(conn), before)) == {}, apart
            _rebuild(conn, file, change)
            _compare(conn, file, change, before)
        assert conn.in_transaction
        conn.execute("ROLLBACK")
        assert (apart := differences(standing(conn), before)) == {}, apart


def _direct(file: File, change: Change, name: str) -> bool:
    """Does it use the dropped column itself?"""
    thing = next(t for t in file.things if t.name == name)
    return not thing.needs


def _rebuild(conn: sqlite3.Connection, file: File, change: Change) -> None:
    arguments = dict(change.arguments)
    if "sql" in arguments and arguments["sql"] is None:
        arguments["sql"] = conn.execute(
            "SELECT sql FROM sqlite_master WHERE name = ? AND type = 'table'", (file.table.name,)
        ).fetchone()[0]
    embedmig.rebuild(conn, file.table.name, **arguments)


def _compare(conn: sqlite3.Connection, file: File, change: Change, before: dict[str, Any]) -> None:
    after, name = standing(conn), file.table.name
    moved = _moved(conn, file, change)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as world:
        file.make(world, change.table, lambda w: _insert(w, name, moved), change.dropping)
        anew = standing(world)
        # a mismatch is told of the first table that SQLite comes to
        mismatch = all("mismatch" in found["violations"] for found in (after, anew))
        expected = before | {"violations": after["violations"] if mismatch else anew["violations"]}
        expected |= {key: anew[key] for key in ("views", "integrity", f"table {name}")}
        expected["schema"] = _expected_schema(file, change, before["schema"], anew["schema"], after["schema"])
        fires = {
            of: [n for n in names if n not in change.dropping] for of, names in before["in which triggers fire"].items()
        }
        expected["in which triggers fire"] = {of: names for of, names in fires.items() if names}
        kept = change.table.autoincrement
        expected["sqlite_sequence"] = [row for row in before["sqlite_sequence"] if row[0] != name or kept]
        expected["sqlite_stat1"] = [
            row for row in before["sqlite_stat1"] if row[1] not in change.dropping and _same_index(name, row, before, anew)
        ]  # fmt: skip
        if change.unsearched:  # full text has read its rows again: it answers as anew, whatever its own tables hold
            expected |= {key: after[key] for key in after if key.startswith("table search_")}
            expected |= {key: anew[key] for key in anew if key.startswith("search") or key == "table search"}
        if "WITHOUT" in file.table.options and "WITHOUT" not in change.table.options:
            # other indexes stand for its keys: what is said of one that is no more must go
            about = {row[1] for row in after["sqlite_stat1"] if row[0] == name}
            assert about <= {None, *anew[f"table {name}"]["indexes"]}
            expected["sqlite_stat1"] = after["sqlite_stat1"]
        if bool(change.table.rowid) != bool(file.table.rowid):  # there are other rowids, or none
            expected[f"table {name}"]["rows"] = after[f"table {name}"]["rows"] = len(anew[f"table {name}"]["rows"])
        if change.rule == "edit":
            # its words are compared above; here blanks and comments of types and defaults are none
            for found in (after, expected):
                columns = [(*c[:1], _bare(c[1]), c[2], _bare(c[3]), *c[4:]) for c in found[f"table {name}"]["columns"]]
                found[f"table {name}"] = found[f"table {name}"] | {"columns": columns}
        assert (apart := differences(after, expected)) == {}, apart
        for _, counted in [row for row in expected["sqlite_sequence"] if row[0] == name]:
            world.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
            world.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (name, counted))
        again = [_insertion(name, moved.columns, row) for row in moved.rows]
        found, wanted = behaviour(conn, name, again), behaviour(world, name, again)
        assert found == wanted, (found, wanted)


def _same_index(table: str, row: tuple[Any, ...], before: dict[str, Any], anew: dict[str, Any]) -> bool:
    """Is what ANALYZE found about this index still about the same index?"""
    if row[0] != table:
        return True
    was, now = (_index(found[f"table {table}"], table, row[1]) for found in (before, anew))
    made_by_name = row[1] is None or not (row[1] == table or row[1].startswith("sqlite_autoindex_"))
    return made_by_name or was == now


def _index(found: dict[str, Any], table: str, name: str) -> Any:
    """The columns of an index; that of a WITHOUT ROWID table's key goes by the table's name there."""
    keys = [index for index, (about, _) in found["indexes"].items() if about[1] == "pk" and found["options"][0][0]]
    _, columns = found["indexes"].get(keys[0] if name == table and keys else name, (None, []))
    return [column[2:] for column in columns if column[5]]


class Moved:
    """What plain statements would put into the changed table."""

    def __init__(self, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        self.columns, self.rows = columns, rows


def _moved(conn: sqlite3.Connection, file: File, change: Change) -> Moved:
    """Asked of a copy of the file as it was before."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as old:
        file.make(old)
        old_columns = {lower(c.name): c.name for c in file.table.columns}
        values = {
            c.name: double(old_columns[lower(c.name)]) for c in change.table.stored if lower(c.name) in old_columns
        }
        values |= change.expressions
        if change.table.rowid and file.table.rowid and not change.table.alias:
            values = {change.table.rowid: file.table.rowid} | values
        elif change.table.rowid and not change.table.alias and file.table.alias:
            values = {change.table.rowid: double(file.table.alias)} | values
        sql = f"SELECT {', '.join(values.values())} FROM {double(file.table.name)} WHERE {change.where}"
        rowid = change.table.rowid
        return Moved([c if c == rowid else double(c) for c in values], old.execute(sql).fetchall())


def _insertion(table: str, columns: list[str], row: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    return f"INSERT INTO main.{double(table)} ({', '.join(columns)}) VALUES ({', '.join('?' * len(row))})", row


def _insert(conn: sqlite3.Connection, table: str, moved: Moved) -> None:
    for row in moved.rows:
        conn.execute(*_insertion(table, moved.columns, row))


def _expected_schema(file: File, change: Change, before: Any, anew: Any, after: Any) -> Any:
    """As it was, without what was to be dropped, and with the new table and the indexes of its keys."""
    name = file.table.name
    mine = [key for key in before if key == ("table", name) or (before[key][0] == name and before[key][1] is None)]
    kept = {key: value for key, value in before.items() if key not in mine and key[1] not in change.dropping}
    new = {
        key: value for key, value in anew.items() if key == ("table", name) or (value[0] == name and value[1] is None)
    }
    if change.rule == "edit":
        assert ("table", name) in after
        _compare_words(change, before["table", name][1], anew["table", name][1], after["table", name][1])
        new["table", name] = after["table", name]
    elif change.arguments["sql"] is None:
        new["table", name] = before["table", name]
    return kept | new


def _compare_words(change: Change, before: str, expected: str, after: str) -> None:
    """After a small edit: the words that there should be, and every comment that stood beside what did not change."""
    # a comma between two constraints of a table may be there or not: SQLite itself tells where another is missing
    words = [Counter(word for word in _words(sql) if word != ",") for sql in (expected, after)]
    if change.to_the_letter:
        assert words[1] - words[0] == {} == words[0] - words[1], (expected, after)
    if change.kind not in ("drop", "drop_constraints", "options") and not change.kind.endswith(("None", "False")):
        lost = Counter(_comments(before)) - Counter(_comments(after))
        assert (
            lost.total() <= len(before) - len(after)
            or change.kind in ("retype", "default", "collate", "check", "foreign_keys")
            or lost == {}
        ), lost


def _bare(sql: str | None) -> str | None:
    return sql and "".join(_words(sql))


def _words(sql: str) -> list[str]:
    return [m.group().upper() for m in TOKEN.finditer(sql) if m.lastgroup != "comment" and m.group().strip()]


def _comments(sql: str) -> list[str]:
    return [m.group() for m in TOKEN.finditer(sql) if m.lastgroup == "comment"]


def _renamed(conn: sqlite3.Connection, file: File, change: Change) -> None:
    """Everything is as SQLite's own RENAME COLUMN makes it; where that refuses, so does rebuild()."""
    ((old, new),) = change.arguments["rename"].items()
    outcomes: list[Any] = []
    for written in (double(new), new):
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            file.make(copy)
            try:
                copy.execute(f"ALTER TABLE {double(file.table.name)} RENAME COLUMN {double(old)} TO {written}")
            except sqlite3.Error as error:
                outcomes.append(error)
            else:
                copy.execute(f"PRAGMA legacy_alter_table = {conn.execute('PRAGMA legacy_alter_table').fetchone()[0]}")
                outcomes.append(standing(copy))
    if isinstance(outcomes[0], sqlite3.Error):
        with pytest.raises((embedmig.EmbedmigError, sqlite3.Error)):
            _rebuild(conn, file, change)
        return
    _rebuild(conn, file, change)
    after = standing(conn)
    assert min((differences(after, outcome) for outcome in outcomes if isinstance(outcome, dict)), key=len) == {}


def differences(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Only what differs, so that a failure can be read."""
    apart: dict[str, Any] = {}
    for key in sorted({*found, *expected}):
        one, other = found.get(key), expected.get(key)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            apart[key] = {k: (one.get(k), other.get(k)) for k in {*one, *other} if one.get(k) != other.get(k)}
        else:
            apart[key] = (one, other)
    return apart


def _said(file: File, change: Change) -> str:
    """The example as SQL, to be tried by hand."""
    lines = [
        file.table.sql,
        *(repr(row) for row in zip(file.table.rowids, file.table.rows, strict=True)),
        file.child,
        *file.search,
    ]
    lines += [thing.sql for thing in file.things] + [f"ahead={file.ahead} analyzed={file.analyzed}"]
    return "\n".join([*lines, f"{change.rule}: {change.kind}", repr(change.arguments), f"EMBEDMIG_SEED={SEED}"])
