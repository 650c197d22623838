"""The life of a user's file: releases, launches of old and new builds, failures, kills, rollbacks, resets, backups, restores, in any order.

A state machine draws what happens next, and a model in plain Python says what the file must be then: which
migrations it has, which tables, which rows. At least 200 lives of 30 steps; the seed is printed.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from typing import Any, ClassVar, NamedTuple

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from embedmig import (
    DatabaseTooNew,
    DiskFull,
    IrreversibleMigration,
    Migration,
    MigrationCancelled,
    MigrationFailed,
    Migrator,
    Progress,
)

LIVES, STEPS = 200, 30
SHARED_MEMORY = "/dev/shm"  # where there is one: thousands of small files, and each is synced many times

# -- the model ---------------------------------------------------------------------------------------------------------

Rows = dict[int, tuple[int | None, ...]]  # by id, the other columns in order


class Table(NamedTuple):
    columns: tuple[str, ...]  # after id
    rows: Rows


class State(NamedTuple):
    """What a file is: the migrations that it has, and its tables."""

    ids: tuple[str, ...]
    tables: dict[str, Table]


EMPTY = State((), {})


class Change(NamedTuple):
    """One migration, as SQL and as what it does to the model."""

    up: str
    down: str | None
    does: Callable[[dict[str, Table]], dict[str, Table]]
    undoes: Callable[[dict[str, Table]], dict[str, Table]] | None = None
    harmless: bool = False  # the previous release can live with it
    transactional: bool = True


def creates(name: str, parent: str | None) -> Change:
    points = f" REFERENCES {parent} ON DELETE CASCADE" if parent else ""
    return Change(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, c0 INTEGER{points}); CREATE INDEX {name}_c0 ON {name} (c0);",
        f"DROP TABLE {name};",
        lambda tables: tables | {name: Table(("c0",), {})},
        lambda tables: without(tables, name),
        harmless=True,
    )


def without(tables: dict[str, Table], name: str) -> dict[str, Table]:
    return {other: table for other, table in tables.items() if other != name}


def adds_column(name: str, column: str, value: int) -> Change:
    return Change(
        f"ALTER TABLE {name} ADD COLUMN {column} INTEGER DEFAULT {value};",
        f"ALTER TABLE {name} DROP COLUMN {column};",
        lambda tables: tables | {name: Table((*tables[name].columns, column), {id: (*row, value) for id, row in tables[name].rows.items()})},
        lambda tables: tables | {name: Table(tables[name].columns[:-1], {id: row[:-1] for id, row in tables[name].rows.items()})},
        harmless=True,
    )  # fmt: skip


def rebuilds(name: str, columns: tuple[str, ...], parent: str | None) -> Change:
    """By SQLite's own procedure; its children must not go with the table that is dropped."""
    names = ", ".join(("id", *columns))
    points = f" REFERENCES {parent} ON DELETE CASCADE" if parent else ""
    defined = ", ".join(f"{column} INTEGER{points if column == 'c0' else ''}" for column in columns)
    sql = (
        f"CREATE TABLE new_{name} (id INTEGER PRIMARY KEY, {defined}); INSERT INTO new_{name} ({names}) SELECT {names} FROM {name};"
        f"DROP TABLE {name}; ALTER TABLE new_{name} RENAME TO {name}; CREATE INDEX {name}_c0 ON {name} (c0);"
    )
    return Change(sql, sql, lambda tables: tables, lambda tables: tables)


def counts_on(name: str, column: str, index: int) -> Change:
    def by(step: int) -> Callable[[dict[str, Table]], dict[str, Table]]:
        def change(tables: dict[str, Table]) -> dict[str, Table]:
            columns, rows = tables[name]
            return tables | {name: Table(columns, {id: (*row[:index], None if row[index] is None else row[index] + step, *row[index + 1 :]) for id, row in rows.items()})}  # fmt: skip

        return change

    return Change(
        f"UPDATE {name} SET {column} = {column} + 1;", f"UPDATE {name} SET {column} = {column} - 1;", by(1), by(-1)
    )


def seeds(name: str, width: int) -> Change:
    def one_more(tables: dict[str, Table]) -> dict[str, Table]:
        columns, rows = tables[name]
        return tables | {name: Table(columns, rows | {max(rows, default=0) + 1: (None,) * width})}

    values = ", ".join(["NULL"] * (width + 1))
    return Change(f"INSERT INTO {name} VALUES ({values});", None, one_more)


def drops(name: str) -> Change:
    return Change(f"DROP TABLE {name};", None, lambda tables: without(tables, name))


def vacuums() -> Change:
    return Change("VACUUM;", "VACUUM;", lambda tables: tables, lambda tables: tables, transactional=False)


BAD = {
    "raises": lambda db: [db.execute("CREATE TABLE half (x)"), 1 / 0],
    "commits": lambda db: [db.execute("CREATE TABLE half (x)"), db.conn.commit()],
    "is wrong SQL": "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1);",
    "loses its transaction": "CREATE TABLE half (x UNIQUE); INSERT INTO half VALUES (1); INSERT OR ROLLBACK INTO half VALUES (1);",
    "leaves rows without a parent": (
        "CREATE TABLE half (x INTEGER PRIMARY KEY); CREATE TABLE other (x REFERENCES half); INSERT INTO other VALUES (7);"
    ),
}


def migration(version: int, change: Change, python: bool) -> Migration:
    def action(sql: str | None) -> Any:
        if sql is None or not python or not change.transactional:
            return sql
        return lambda db: db.executescript(sql)

    return Migration(
        f"{version:03}_step", version, "A step", action(change.up), action(change.down), transactional=change.transactional,
        backward_compatible=change.harmless, checksum=f"{hash(change.up) & 0xFFFFFFFF:08x}",
    )  # fmt: skip


def on(state: State, migrations: list[Migration], changes: list[Change], to: int | None = None) -> list[State]:
    """The states that a file goes through on its way up, the first included: one for each migration that is pending."""
    found = [state]
    for step, change in list(zip(migrations, changes, strict=True))[len(state.ids) : to]:
        last = found[-1]
        found.append(State((*last.ids, step.id), change.does(last.tables)))
    return found


# -- the file ----------------------------------------------------------------------------------------------------------


def state_of(path: str | os.PathLike[str]) -> State:
    """Read by SQLite alone, what is in a journal included."""
    if not os.path.exists(path) or not os.path.getsize(path):
        return EMPTY
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
        names = [name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]  # fmt: skip
        ids: list[str] = []
        tables: dict[str, Table] = {}
        for name in names:
            if name == "_migrations":
                ids = [id for (id,) in conn.execute("SELECT id FROM _migrations WHERE finished ORDER BY version")]
                continue
            cursor = conn.execute(f"SELECT * FROM {name} ORDER BY id")
            columns = tuple(column[0] for column in cursor.description)
            assert columns[0] == "id"
            tables[name] = Table(columns[1:], {row[0]: row[1:] for row in cursor})
        return State(tuple(ids), tables)


def begun_on(path: str) -> list[str]:
    """What runs outside a transaction, began on this file and did not end."""
    if not os.path.exists(path) or not os.path.getsize(path):
        return []
    with closing(sqlite3.connect(path)) as conn:
        if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = '_migrations'").fetchall():
            return []
        return [id for (id,) in conn.execute("SELECT id FROM _migrations WHERE NOT finished")]


def opened_in(folder: str) -> list[str]:
    """Files of this folder that are still open in this process, where that can be asked."""
    if not os.path.isdir("/proc/self/fd"):
        return []
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass  # that of the folder that was listed
    return [name for name in found if name.startswith(folder)]


class StoppedHere(Exception):
    """Raised by on_progress."""


def keys_on(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA foreign_keys = ON")


def happens(*, when: Callable[[Any], object] = lambda life: True, **drawn: Any) -> Callable[[Any], Any]:
    """What may happen next in a life, as long as it goes on, and where `when` holds."""
    return lambda step: precondition(lambda life: life.goes_on and bool(when(life)))(rule(**drawn)(step))


class Life(RuleBasedStateMachine):
    """One file, the releases of its app, and the model of both."""

    lengths: ClassVar[list[int]] = []

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(dir=SHARED_MEMORY if os.path.isdir(SHARED_MEMORY) else None)
        self.path = os.path.join(self.folder, "app.db")
        self.migrations: list[Migration] = []  # of the newest release
        self.changes: list[Change] = []
        self.parents: dict[str, str | None] = {}  # tables of the newest release, and what their c0 points to
        self.builds: list[int] = []  # releases: how many migrations each ships
        self.now = EMPTY
        self.past: list[State] = []  # all that it has been
        self.number = 0
        self.steps = 0
        self.goes_on = True

    def teardown(self) -> None:
        shutil.rmtree(self.folder)
        self.lengths.append(self.steps)

    @invariant()
    def the_file_is_what_the_model_says(self) -> None:
        if not self.goes_on:
            return
        self.steps += 1
        assert opened_in(self.folder) == []
        assert state_of(self.path) == self.now
        if not self.past or self.past[-1] != self.now:
            self.past.append(self.now)

    # -- releases ------------------------------------------------------------------------------------

    @initialize(data=st.data(), number=st.integers(0, 2**32))
    def first_release(self, data: st.DataObject, number: int) -> None:
        self.goes_on = number > 0  # hypothesis begins with the least of everything: that is no life
        self._ship(data, creates("t0", None), "t0", None)
        self.number = 1
        self.builds.append(1)

    @precondition(lambda life: not life.goes_on)
    @rule()
    def nothing_happens(self) -> None:
        """Hypothesis wants that something can."""

    @happens(data=st.data(), count=st.integers(1, 3))
    def release(self, data: st.DataObject, count: int) -> None:
        for _ in range(count):
            self._ship_one(data)
        self.builds.append(len(self.migrations))

    def _ship_one(self, data: st.DataObject) -> None:
        newest = on(EMPTY, self.migrations, self.changes)[-1].tables
        kinds = ["create", "vacuum", *(["column", "rebuild", "count", "seed", "drop"] if newest else [])]
        kind = data.draw(st.sampled_from(kinds))
        self.number += 1
        if kind == "vacuum":
            return self._ship(data, vacuums())
        if kind == "create":
            parent = data.draw(st.sampled_from([None, *newest]))
            return self._ship(data, creates(f"t{self.number}", parent), f"t{self.number}", parent)
        name = data.draw(st.sampled_from(sorted(newest)))
        columns = newest[name].columns
        points = self.parents[name]
        if kind == "column":
            return self._ship(data, adds_column(name, f"c{self.number}", data.draw(st.integers(-1, 1))))
        if kind == "count" and len(columns) > (1 if points else 0):
            index = data.draw(st.integers(1 if points else 0, len(columns) - 1))
            return self._ship(data, counts_on(name, columns[index], index))
        if kind == "drop" and not any(self.parents[other] == name for other in newest):
            return self._ship(data, drops(name))
        if kind == "seed":
            return self._ship(data, seeds(name, len(columns)))
        return self._ship(data, rebuilds(name, columns, points))

    def _ship(self, data: st.DataObject, change: Change, table: str | None = None, parent: str | None = None) -> None:
        if table is not None:
            self.parents[table] = parent
        self.migrations.append(migration(len(self.migrations) + 1, change, data.draw(st.booleans())))
        self.changes.append(change)

    # -- what the user's launches do -----------------------------------------------------------------

    def migrator(self, build: int | None = None, **policy: Any) -> Migrator:
        return Migrator(self.migrations[:build], prepare=policy.pop("prepare", keys_on), timeout=5, **policy)

    def is_too_new_for(self, build: int) -> bool:
        extra = self.changes[build : len(self.now.ids)]
        return not all(change.harmless for change in extra) or (
            bool(begun_on(self.path)) and len(self.now.ids) >= build
        )

    def ways(self, build: int) -> list[State]:
        """What a launch of this build may make of the file, step by step."""
        return on(self.now, self.migrations[:build], self.changes[:build]) if build > len(self.now.ids) else [self.now]

    @happens(data=st.data(), atomic=st.sampled_from(["run", "migration"]))
    def launch(self, data: st.DataObject, atomic: str) -> None:
        build = data.draw(st.sampled_from(self.builds))
        migrator = self.migrator(build, atomic=atomic)
        if self.is_too_new_for(build):
            with pytest.raises(DatabaseTooNew) as caught:
                migrator.migrate(self.path)
            assert caught.value.data_is_safe
            with closing(migrator.connect(self.path, read_only=True)) as conn:
                assert sorted(self.now.tables) == sorted(
                    name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%\\_%' ESCAPE '\\'")
                )  # fmt: skip
            return
        ways = self.ways(build)
        report = migrator.migrate(self.path)
        assert report.ran == ways[-1].ids[len(self.now.ids) :]
        if report.backup is not None:
            assert state_of(report.backup) == self.now
        else:
            assert not report.ran or self.now == EMPTY
        self.now = ways[-1]
        assert migrator.is_current(self.path)

    @happens(data=st.data(), kind=st.sampled_from(sorted(BAD)), atomic=st.sampled_from(["run", "migration"]))
    def launch_a_bad_build(self, data: st.DataObject, kind: str, atomic: str) -> None:
        """The newest release with one more migration that fails; it is withdrawn, and nobody ever has it."""
        version = len(self.migrations) + 1
        broken = Migration(f"{version:03}_broken", version, "Fails", BAD[kind], checksum="00000000")
        ways = self.ways(len(self.migrations))
        with pytest.raises(MigrationFailed) as caught:
            Migrator([*self.migrations, broken], prepare=keys_on, atomic=atomic).migrate(self.path)
        assert caught.value.id == broken.id
        self.is_now([self._committed(ways, atomic, finishes=False)[-1]])

    def _committed(self, ways: list[State], atomic: str, *, finishes: bool = True) -> list[State]:
        """Of the states on the way up, those that a file may be left in: where a transaction ends."""
        found = ways[:1]
        self.past += ways  # another launch may have backed up what one left
        for before, after in zip(ways, ways[1:], strict=False):
            change = self.changes[len(before.ids)]
            if atomic == "migration" or not change.transactional:
                found += [before, after]
        return [*found, ways[-1]] if finishes else found

    def is_now(self, allowed: list[State]) -> None:
        """The file is one of these; from here on the model is that one."""
        found = state_of(self.path)
        assert found in allowed
        self.now = found

    @happens(data=st.data(), at=st.integers(1, 40), atomic=st.sampled_from(["run", "migration"]))
    def launch_that_is_stopped(self, data: st.DataObject, at: int, atomic: str) -> None:
        """By an exception out of on_progress, at any report but the last: then the run is over."""
        build = self._a_build_that_opens(data)
        ways, left = self.ways(build), [at]

        def stop(progress: Progress) -> None:
            left[0] -= 1
            if not left[0]:
                raise StoppedHere

        try:
            self.migrator(build, atomic=atomic).migrate(self.path, on_progress=stop)
        except StoppedHere:
            self.is_now(self._committed(ways, atomic))
        else:
            self.is_now(ways[-1:])

    @happens(data=st.data())
    def launch_that_is_cancelled(self, data: st.DataObject) -> None:
        build = self._a_build_that_opens(data)
        ways, cancel = self.ways(build), threading.Event()
        cancel.set()
        try:
            self.migrator(build).migrate(self.path, cancel=cancel)
        except MigrationCancelled:
            self.is_now(self._committed(ways, "run"))
        else:
            self.is_now(ways[-1:])

    @happens(data=st.data(), more=st.integers(0, 6), atomic=st.sampled_from(["run", "migration"]))
    def launch_on_a_full_disk(self, data: st.DataObject, more: int, atomic: str) -> None:
        build = self._a_build_that_opens(data)
        ways = self.ways(build)

        def cramped(conn: sqlite3.Connection) -> None:
            keys_on(conn)
            (pages,) = conn.execute("PRAGMA page_count").fetchone()
            conn.execute(f"PRAGMA max_page_count = {pages + more}")

        try:
            self.migrator(build, atomic=atomic, prepare=cramped).migrate(self.path)
        except DiskFull as error:
            assert error.data_is_safe
            self.is_now(self._committed(ways, atomic))
        else:
            self.is_now(ways[-1:])

    @happens(data=st.data(), count=st.integers(2, 3))
    def launches_at_once(self, data: st.DataObject, count: int) -> None:
        build = self._a_build_that_opens(data)
        ways, migrator = self.ways(build), self.migrator(build)
        self.past += ways
        ran: list[str] = []
        threads = [threading.Thread(target=lambda: ran.extend(migrator.migrate(self.path).ran)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        once = [step.id for step in self.migrations[:build] if step.transactional]
        assert sorted(id for id in ran if id in once) == [id for id in ways[-1].ids[len(self.now.ids) :] if id in once]
        self.is_now(ways[-1:])

    def _a_build_that_opens(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from([build for build in self.builds if not self.is_too_new_for(build)]))

    # -- kills ---------------------------------------------------------------------------------------

    @happens(
        data=st.data(),
        at=st.integers(1, 80),
        atomic=st.sampled_from(["run", "migration"]),
        when=lambda life: hasattr(os, "fork"),
    )
    def launch_that_is_killed(self, data: st.DataObject, at: int, atomic: str) -> None:
        build = self._a_build_that_opens(data)
        ways = self.ways(build)
        died = dies(at, lambda prepare: self.migrator(build, atomic=atomic, prepare=prepare).migrate(self.path))
        self.is_now(self._committed(ways, atomic) if died else ways[-1:])

    @happens(data=st.data(), at=st.integers(1, 80), when=lambda life: hasattr(os, "fork") and life.now != EMPTY)
    def rollback_that_is_killed(self, data: st.DataObject, at: int) -> None:
        to = data.draw(st.integers(0, len(self.now.ids)))
        ways = self._ways_down(to)
        if ways is None:
            return
        died = dies(at, lambda prepare: self.migrator(prepare=prepare).rollback(self.path, to=to))
        self.is_now(ways if died else ways[-1:])

    @happens(at=st.integers(1, 80), when=lambda life: hasattr(os, "fork") and life.now != EMPTY)
    def reset_that_is_killed(self, at: int) -> None:
        ways = on(EMPTY, self.migrations, self.changes)
        self.past += ways
        died = dies(at, lambda prepare: self.migrator(prepare=prepare).reset(self.path))
        self.is_now([self.now, *self._committed(ways, "run")] if died else ways[-1:])

    @happens(data=st.data(), at=st.integers(1, 80), when=lambda life: hasattr(os, "fork") and life.copies())
    def restore_that_is_killed(self, data: st.DataObject, at: int) -> None:
        copy = data.draw(st.sampled_from(self.copies()))
        wanted = state_of(copy)
        died = dies(at, lambda prepare: self.migrator(prepare=prepare).restore(self.path, copy))
        self.is_now([self.now, wanted] if died else [wanted])

    # -- what users and support do ---------------------------------------------------------------------

    @happens(data=st.data(), count=st.integers(1, 3), wal=st.booleans(), when=lambda life: life.now.tables)
    def write(self, data: st.DataObject, count: int, wal: bool) -> None:
        """The app adds rows, with SQLite's own words; the file may have changed to WAL or back."""
        name = data.draw(st.sampled_from(sorted(self.now.tables)))
        table = self.now.tables[name]
        first = st.none() | st.integers(-3, 3)
        if parent := self.parents[name]:
            first = st.sampled_from([None, *self.now.tables[parent].rows])
        values = st.tuples(first, *[st.none() | st.integers(-3, 3)] * (len(table.columns) - 1))
        rows = dict(table.rows)
        with closing(sqlite3.connect(self.path, isolation_level=None)) as conn:
            keys_on(conn)
            conn.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
            for _ in range(count):
                row = data.draw(values)
                added = conn.execute(f"INSERT INTO {name} VALUES (NULL, {', '.join('?' * len(row))})", row)
                rows[added.lastrowid] = row
        self.now = self.now._replace(tables=self.now.tables | {name: Table(table.columns, rows)})

    @happens(data=st.data(), when=lambda life: any(table.rows for table in life.now.tables.values()))
    def delete(self, data: st.DataObject) -> None:
        """The app deletes a row, and what belongs to it goes as well."""
        filled = sorted(name for name, table in self.now.tables.items() if table.rows)
        name = data.draw(st.sampled_from(filled))
        id = data.draw(st.sampled_from(sorted(self.now.tables[name].rows)))
        with closing(sqlite3.connect(self.path, isolation_level=None)) as conn:
            keys_on(conn)
            conn.execute(f"DELETE FROM {name} WHERE id = ?", (id,))
        self.now = self.now._replace(tables=self._without_rows(self.now.tables, name, {id}))

    def _without_rows(self, tables: dict[str, Table], name: str, gone: set[int]) -> dict[str, Table]:
        columns, rows = tables[name]
        tables = tables | {name: Table(columns, {id: row for id, row in rows.items() if id not in gone})}
        for child, parent in self.parents.items():
            if parent == name and child in tables:
                orphans = {id for id, row in tables[child].rows.items() if row[0] in gone and row[0] is not None}
                tables = self._without_rows(tables, child, orphans) if orphans else tables
        return tables

    @happens(data=st.data(), atomic=st.sampled_from(["run", "migration"]), when=lambda life: life.now != EMPTY)
    def rollback(self, data: st.DataObject, atomic: str) -> None:
        to = data.draw(st.integers(0, len(self.now.ids)))
        ways = self._ways_down(to)
        if ways is None:
            with pytest.raises(IrreversibleMigration):
                self.migrator(atomic=atomic).rollback(self.path, to=to)
            return
        report = self.migrator(atomic=atomic).rollback(self.path, to=to)
        if report.ran:
            assert state_of(report.backup) == self.now
        self.now = ways[-1]

    def _ways_down(self, to: int) -> list[State] | None:
        ways = [self.now]
        for change in reversed(self.changes[to : len(self.now.ids)]):
            if change.undoes is None:
                return None
            ways.append(State(ways[-1].ids[:-1], change.undoes(ways[-1].tables)))
        return ways

    @happens(data=st.data(), keep=st.booleans())
    def reset(self, data: st.DataObject, keep: bool) -> None:
        build = data.draw(st.sampled_from(self.builds))
        force = build < len(self.now.ids) + len(begun_on(self.path))  # a newer build's work goes only if it is said so
        if force:
            with pytest.raises(DatabaseTooNew):
                self.migrator(build).reset(self.path)
            assert state_of(self.path) == self.now
        report = self.migrator(build).reset(self.path, keep_backup=keep, force=force)
        if keep and self.now != EMPTY:
            assert state_of(report.backup) == self.now
        self.now = on(EMPTY, self.migrations[:build], self.changes[:build])[-1]

    @happens(when=lambda life: life.now != EMPTY)
    def back_up(self) -> None:
        assert state_of(self.migrator().backup(self.path)) == self.now

    @happens(data=st.data(), when=lambda life: life.copies())
    def restore(self, data: st.DataObject) -> None:
        copy = data.draw(st.sampled_from(self.copies()))
        wanted = state_of(copy)
        assert wanted in self.past  # a copy of what the file has been
        report = self.migrator().restore(self.path, copy)
        if self.now != EMPTY:
            assert state_of(report.backup) == self.now
        self.now = wanted

    def copies(self) -> list[str]:
        return Migrator([Migration("001_any", 1, "", "SELECT 1")]).backups(self.path)

    @happens(when=lambda life: life.now != EMPTY)
    def look(self) -> None:
        """Questions and rehearsals write nothing."""
        migrator, ids = self.migrator(), [step.id for step in self.migrations]
        status = migrator.status(self.path)
        assert (tuple(a.id for a in status.applied if a.finished), status.unknown) == (self.now.ids, ())
        assert migrator.rehearse(self.path).report.ran == tuple(ids[len(self.now.ids) :])


def dies(at: int, verb: Callable[[Callable[[sqlite3.Connection], None]], object]) -> bool:
    """Do it in a child process that kills itself at the nth statement or call to the system; did it come to that?"""
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status) or status == 0
        return status != 0
    gc.disable()  # it would touch, and so copy, all of the parent's memory
    left = at

    def step(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def prepare(conn: sqlite3.Connection) -> None:
        keys_on(conn)
        conn.set_trace_callback(step)

    try:
        sys.addaudithook(lambda event, _: step() if event in CALLS else None)
        verb(prepare)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


CALLS = ("os.remove", "os.rename", "os.truncate", "os.mkdir", "open", "sqlite3.connect")


def test_whatever_happens_in_whatever_order_the_file_is_what_it_should_be() -> None:
    """A failing life is shortened by hypothesis to the steps that matter, and its own seed is printed."""
    first = int(os.environ.get("SEED") or random.randrange(2**32))
    print(f"seed {first}; SEED=... lives the same lives again, from that one on")
    began, lengths = time.process_time(), []
    one_life = type("OneLife", (Life,), {"__module__": "drawn"})  # hypothesis would read all its source anew for each
    for seed in range(first, first + LIVES):
        Life.lengths.clear()
        try:
            run_state_machine_as_test(hypothesis.seed(seed)(one_life), settings=ONE_LIFE)
        except BaseException:
            print(f"SEED={seed}")
            raise
        lengths.append(max(Life.lengths))
    print(
        f"{LIVES} lives of {min(lengths)} to {max(lengths)} steps, {time.process_time() - began:.0f} s of this process"
    )
    ended_early = sum(
        length < STEPS for length in lengths
    )  # hypothesis does so with one in thousands, at its first step
    assert ended_early <= 2


# Two examples: hypothesis always begins with the least of everything, and goes on with a life that is drawn.
ONE_LIFE = hypothesis.settings(
    max_examples=2,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(hypothesis.HealthCheck),
)
