"""One run under the lock: the acting loop. What is to be done was decided before; here it is done, or undone."""

from __future__ import annotations

import os
import sqlite3
import time

from embedmig import file, foreign_keys, history, log, progress
from embedmig.definition import line_in, wants_progress
from embedmig.errors import (
    DatabaseDamaged,
    DefinitionError,
    DiskFull,
    EmbedmigError,
    ForeignKeyViolations,
    HistoryMismatch,
    MigrationCancelled,
    MigrationFailed,
    TransactionBroken,
    printable,
)
from embedmig.plan import version_of
from embedmig.script import Statement, runnable
from embedmig.transaction import (
    LOST,
    Guard,
    Objects,
    commit,
    guarded,
    is_busy,
    patiently,
    settings_of_a_run,
    take_lock,
    undo,
    without_transaction,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from embedmig.migration import Migration


OUTSIDE = "It ran outside a transaction"


class Step:
    """A migration made ready to run in one direction: its function, or its statements."""

    def __init__(self, migration: Migration, direction: str = "up", checksum: str | None = None) -> None:
        self.migration = migration
        self.id = migration.id
        self.direction = direction
        self.checksum = checksum
        self.transactional = migration.transactional
        self.statement: Statement | None = None  # the one that runs, for errors
        action = migration.up if direction == "up" else migration.down
        self.function = None if isinstance(action, str) else action
        self.statements: list[Statement] = []
        self.skipped: list[Statement] = []
        if isinstance(action, str):
            self.statements, self.skipped = runnable(action, file=self.name, transactional=self.transactional)
        self._refuse_old_sqlite()

    @property
    def file(self) -> str | None:
        """The file that this direction comes from, where there is one."""
        return (self.migration.down_file if self.direction == "down" else None) or self.migration.file

    @property
    def name(self) -> str:
        """The file's name, or the id of a migration made in code."""
        return os.path.basename(self.file) if self.file else self.id

    def _refuse_old_sqlite(self) -> None:
        needs = self.migration.requires_sqlite
        if needs and tuple(map(int, needs.split("."))) > sqlite3.sqlite_version_info:
            raise DefinitionError(
                f"{self.id} needs SQLite {needs}, and this Python has {sqlite3.sqlite_version}.",
                hint="Ship the app with a newer Python or SQLite.",
            )

    def act(self, run: Run) -> None:
        """Do it, on the connection as it is."""
        if self.function is None:
            run.conn.text_factory = bytes  # nobody reads what comes back, so it need not be UTF-8
            for statement in self.statements:
                self.statement = statement
                for _ in run.conn.execute(statement.text):
                    pass  # a SELECT or a RETURNING runs to its end
            self.statement = None
            run.conn.text_factory = str
            return
        db = run.database()
        takes = wants_progress(self.function)
        run.conn.execute(
            "PRAGMA recursive_triggers = ON"
        )  # as sqlite-utils has it; SQL files run with SQLite's own default
        if takes == "second":
            result = self.function(db, run.watch.rows)
        elif takes == "name":
            result = self.function(db, progress=run.watch.rows)
        else:
            result = self.function(db)
        if hasattr(result, "__await__") or hasattr(result, "gi_frame") or hasattr(result, "ag_frame"):
            if hasattr(result, "close"):
                result.close()  # else Python would warn that it was never awaited
            raise TypeError(
                f"{self.direction} returned a {type(result).__name__} that nobody runs: write a plain function"
            )


class Run:
    """Everything that one verb does to one file between the lock and the last commit."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        path: str | None,
        watch: progress.Watch,
        *,
        own: bool,
        timeout: float,
        each: bool = False,
        strict: bool = False,
        app_version: str | None = None,
        application_id: int | None = None,
        backups: int = 0,
    ) -> None:
        self.conn = conn
        self.path = path
        self.watch = watch
        self.own = own  # opened by us and closed after the run, with no cache of statements
        self.timeout = timeout
        self.each = each  # one transaction for each migration
        self.strict = strict
        self.app_version = app_version
        self.application_id = application_id
        self.backups = backups  # how many to keep; 0: none is made
        self.backup: str | None = None  # made in this run, or found good
        self.observe: Callable[[Step, int, Guard | None], None] | None = None  # called after each migration
        self.ran: list[str] = []  # committed
        self._database: object = None

    # -- the verbs ---------------------------------------------------------------------------------

    def through(
        self, plan: Callable[[], Sequence[Step]], adopt: Callable[[], Sequence[Migration]] = lambda: ()
    ) -> None:
        """Run what `plan()` says is to be done, asked again under the lock; `adopt()` says what an older file already has."""
        checked = False
        with settings_of_a_run(self.conn) as self.settings:
            while True:
                with self.watch.over(self.conn):
                    take_lock(self.conn, self.watch, self.timeout)
                    adopted = adopt()
                    steps = [] if adopted else plan()
                    if not steps and not adopted:
                        undo(self.conn)  # another launch was first
                        break
                    self._refuse_read_only()
                    if not checked:
                        self._check_file()
                        self._back_up()
                        checked = True
                    self._begin_writing(adopted)
                    if adopted:
                        steps = plan()
                    stretch = self._stretch(steps)
                    self.watch.total = max(self.watch.total, len(self.ran) + len(steps))
                    if stretch and not stretch[0].transactional:
                        self._begin_alone(stretch[0])
                    else:
                        self._together(stretch)
                self._commit(stretch)
                if stretch and not stretch[0].transactional:
                    self._alone(stretch[0])
                self.ran += [step.id for step in stretch]
                if len(stretch) == len(steps):
                    break
            if self.ran:
                self._optimize()

    def mark(self, choose: Callable[[], Sequence[Migration]]) -> list[str]:
        """Record migrations without running them: what baseline and mark_migration_applied do. Returns their ids."""
        with settings_of_a_run(self.conn):
            take_lock(self.conn, self.watch, self.timeout)
            chosen = choose()
            if chosen:
                self._refuse_read_only()
                self._begin_writing(())
                history.record(self.conn, [self._row(m, None, m.checksum) for m in chosen])
            self._commit([])
        return [m.id for m in chosen]

    # -- their parts, in the order of first use -------------------------------------------------------

    def _refuse_read_only(self) -> None:
        """The first write that reaches the disk, of a number as it is: a read-only file or folder says so here.

        BEGIN IMMEDIATE doesn't: on a read-only file it is taken for an ordinary BEGIN.
        """
        version = self.conn.execute("PRAGMA main.user_version").fetchone()[0]
        self.conn.execute(f"PRAGMA main.user_version = {version}")

    def _check_file(self) -> None:
        """A file cut in mid-page passes every step, COMMIT included: only SQLite's own check sees it."""
        self.watch.enter(progress.CHECKING)
        if damage := file.damage(self.conn):
            raise DatabaseDamaged(damage, path=self.path)

    def _back_up(self) -> None:
        """Before the first change, under the lock: nobody writes between the copy and the migration."""
        applied = history.read(self.conn)
        if not self.backups or self.path is None or not (applied or history.objects(self.conn)):
            return
        from embedmig import backup  # a new file's first launch does without

        self.watch.enter(progress.BACKING_UP)
        check = history.same_as(applied)
        self.backup = backup.take(self.path, version_of(applied or ()), self.watch, self.timeout, check)
        backup.prune(self.path, self.backups, self.backup)

    def _begin_writing(self, adopted: Sequence[Migration]) -> None:
        history.prepare(self.conn)
        self._claim()
        history.record(self.conn, [self._row(migration, None, migration.checksum) for migration in adopted])
        for migration in adopted:
            log.info("%s  was already there", migration.id)

    def _claim(self) -> None:
        """Say whose file it is, also after a migration that said otherwise."""
        if self.application_id is not None:
            self.conn.execute(f"PRAGMA main.application_id = {self.application_id}")

    def _stretch(self, steps: Sequence[Step]) -> list[Step]:
        """The steps that share the next transaction: all up to one that can't run in any."""
        if not steps or self.each or not steps[0].transactional:
            return list(steps[:1])
        alone = next((i for i, step in enumerate(steps) if not step.transactional), len(steps))
        return list(steps[:alone])

    def _together(self, stretch: Sequence[Step]) -> None:
        baseline = foreign_keys.Baseline(self.conn)
        objects = Objects(self.conn)
        moved: set[str] = set()
        altered: set[str] = set()
        rows: list[tuple[object, ...]] = []
        for index, step in enumerate(stretch, len(self.ran) + 1):
            began = time.monotonic()
            guard = self._one(step, index)
            moved |= guard.moved
            altered |= guard.altered
            self._look_for_the_vanished(objects.vanished(self.conn, guard), step)
            rows += self._done(step, index, began, guard)
        history.record(self.conn, rows)
        self._claim()
        self._refuse_meddling(stretch)
        if stretch:
            self.watch.enter(progress.CHECKING, stretch[-1].id, len(self.ran) + len(stretch))
            # 10. "If foreign key constraints were originally enabled then run PRAGMA foreign_key_check":
            self._refuse_violations(baseline, moved, altered, stretch[-1])

    def _refuse_meddling(self, stretch: Sequence[Step]) -> None:
        """What was recorded must be there: a trigger on the history that a stranger left could eat it."""
        applied = history.applied_ids(self.conn)
        odd = [step.id for step in stretch if (step.id in applied) != (step.direction == "up")]
        if odd:
            what = f"{odd[0]} was recorded and the history does not show it: is there a trigger on it?"
            raise HistoryMismatch([what], [step.id for step in stretch], sorted(applied), hint="Drop that trigger.")

    def _one(self, step: Step, index: int) -> Guard:
        """Run one migration inside its guard; whatever goes wrong becomes the error that says so."""
        self.watch.enter(progress.STARTED, step.id, index)
        for skipped in step.skipped:
            log.info("%s, line %d: skipped %s", step.name, skipped.line, " ".join(skipped.text.split())[:60])
        self.watch.phase = progress.RUNNING
        failure: Exception | None = None
        with guarded(self.conn, transactional=step.transactional, cached=not self.own) as guard:
            try:
                step.act(self)
            except Exception as error:
                failure = error
        if self.watch.stopped is not None:
            raise self.watch.stopped from failure
        if failure is not None:
            explained = self._explained(failure, step, guard)
            raise explained from explained.__cause__ or failure
        if guard.denied or guard.lost:
            raise self._lost(step, guard)
        if step.transactional:
            self.settings.put_back(guard.pragmas)
        return guard

    def _done(self, step: Step, index: int, began: float, guard: Guard | None) -> list[tuple[object, ...]]:
        """Say that a step is done; its row for the history, or none where it went down: its row is taken out."""
        ms = round((time.monotonic() - began) * 1000)
        if self.observe is not None:
            self.observe(step, ms, guard)
        self.watch.enter(progress.FINISHED, step.id, index)
        down = "" if step.direction == "up" else " down"
        log.info("%s%s  %s  (%d ms)", step.id, down, step.migration.description, ms)
        if step.direction == "up":
            return [self._row(step.migration, ms, step.checksum)]
        history.forget(self.conn, [step.id])
        return []

    def _row(
        self, migration: Migration, ms: int | None, checksum: str | None, *, finished: bool = True
    ) -> tuple[object, ...]:
        return history.row(
            migration, duration_ms=ms, checksum=checksum, app_version=self.app_version, finished=finished
        )

    def _look_for_the_vanished(self, vanished: Sequence[str], step: Step) -> None:
        if not vanished:
            return
        what = f"lost {', '.join(map(printable, vanished))}, which it did not drop by name"
        if self.strict:
            raise MigrationFailed(
                what, **self._where(step), hint="Create it anew in the migration, or drop it by name first."
            )
        log.warning("%s %s", step.id, what)

    def _refuse_violations(
        self, baseline: foreign_keys.Baseline, moved: set[str], altered: set[str], step: Step
    ) -> None:
        new = baseline.new(self.conn, moved, altered)
        if new:
            shown = foreign_keys.described(self.conn, new)
            raise ForeignKeyViolations(shown, total=len(new), **self._where(step))

    def _commit(self, stretch: Sequence[Step]) -> None:
        """COMMIT. If it raises, the outcome is unknown until the history has been read on a new connection."""
        self.watch.phase = progress.COMMITTING
        if self.watch.stopped is not None:
            raise self.watch.stopped
        try:
            commit(self.conn, self.watch, self.timeout)
        except sqlite3.Error as error:
            if stretch and "in progress" in str(error):
                raise MigrationFailed(str(error), **self._where(stretch[-1]), hint=_hint(error)) from error
            undo(self.conn)
            if not stretch or not self._is_there(stretch, error):
                raise
            log.warning("%s: COMMIT reported %s, and yet the migrations are there", self._name, error)

    def _is_there(self, stretch: Sequence[Step], error: sqlite3.Error) -> bool:
        """Did a COMMIT that raised happen all the same? Asked on a new connection where there is a file."""
        try:
            conn = file.connect(self.path) if self.path else self.conn
            try:
                applied = {a.id for a in history.read(conn) or ()}
            finally:
                if conn is not self.conn:
                    conn.close()
        except sqlite3.Error:
            explained = file.explained(error, self.path)
            explained.kept = "Whether the last step was written is not known: start the app again, it finds out."
            raise explained from error
        return all((step.id in applied) == (step.direction == "up") for step in stretch)

    def _begin_alone(self, step: Step) -> None:
        """Before what can't run in a transaction: say in the history that it began, so that the next launch knows if it died."""
        history.forget(self.conn, [step.id])
        history.record(self.conn, [self._row(step.migration, None, step.checksum, finished=False)])

    def _alone(self, step: Step) -> None:
        """Run a `transactional = False` migration and record its end. It may run more than once, and says so:
        another launch may be at it as well, and whoever is held up by that begins anew."""
        index, began = len(self.ran) + 1, time.monotonic()

        def attempt() -> None:
            if self._is_finished(step):
                return
            try:
                baseline = foreign_keys.Baseline(self.conn)
                guard = self._one(step, index)
                self._refuse_open_transaction(step)
                self._refuse_violations(baseline, guard.moved, guard.altered, step)
            except MigrationFailed as failed:
                busy = _sqlite_error(failed)
                if busy is not None and is_busy(busy):
                    undo(self.conn)
                    raise busy from None
                raise

        try:
            with without_transaction(self.conn), self.watch.over(self.conn):
                patiently(attempt, self.watch, self.timeout, "is writing to it")
        except EmbedmigError as error:
            error.data_is_safe = False  # nobody can know how far it came
            error.kept = f"{OUTSIDE}: what it did up to there stays, and it runs again at the next launch."
            raise
        self.settings.apply()  # it may have changed any of them
        take_lock(self.conn, self.watch, self.timeout)
        if not self._is_finished(step):
            history.forget(self.conn, [step.id])  # the row that says it began
            history.record(self.conn, self._done(step, index, began, None))
        self._commit([step])

    def _is_finished(self, step: Step) -> bool:
        return any(a.id == step.id and a.finished for a in history.read(self.conn) or ())

    def _refuse_open_transaction(self, step: Step) -> None:
        if self.conn.in_transaction:
            undo(self.conn)
            raise MigrationFailed("it left a transaction open", **self._where(step), hint="Commit what it begins.")

    def _optimize(self) -> None:
        """Let SQLite refresh its statistics after a change of the schema (https://sqlite.org/lang_analyze.html); no matter if it can't."""
        try:
            self.conn.execute("PRAGMA analysis_limit = 400")
            self.conn.execute("PRAGMA main.optimize")
        except sqlite3.Error as error:
            log.info("%s: PRAGMA optimize: %s", self._name, error)

    # -- what they share ----------------------------------------------------------------------------------

    def database(self) -> object:
        """The Database that Python migrations get: made when the first of them needs it."""
        if self._database is None:
            from embedmig.database import Database

            self._database = Database(self.conn)
        return self._database

    @property
    def _name(self) -> str:
        return EmbedmigError(path=self.path).name

    def _where(self, step: Step) -> dict[str, Any]:
        return {"id": step.id, "direction": step.direction, "file": step.file, "path": self.path}

    def _explained(self, error: Exception, step: Step, guard: Guard) -> BaseException:
        """The error of a failed migration: never masking what SQLite said first."""
        where = self._where(step) | {"line": self._line(error, step), "statement": self._statement(error, step)}
        code = getattr(_sqlite_error(error), "sqlite_errorcode", 0) & 0xFF
        if guard.denied and guard.denied != LOST:
            return self._broken(step, guard, error)
        if code == sqlite3.SQLITE_FULL:
            return DiskFull(f"in {step.direction} of {step.id}", path=self.path)
        if code == sqlite3.SQLITE_CORRUPT or code == sqlite3.SQLITE_READONLY:
            return file.explained(error, self.path)
        if guard.denied or (guard.lost and _is_about_the_connection(error)):
            return self._lost(step, guard, error)
        if code == sqlite3.SQLITE_INTERRUPT and not guard.lost:
            return MigrationCancelled(step.id, path=self.path)
        name = getattr(_sqlite_error(error), "sqlite_errorname", None) or type(error).__name__
        return MigrationFailed(str(error) or type(error).__name__, **where, cause=name, hint=_hint(error))

    def _lost(self, step: Step, guard: Guard, error: Exception | None = None) -> BaseException:
        """The migration went on, or hid the error: by what was the transaction lost, as far as anybody saw?"""
        fatal = getattr(self._database, "fatal", None) if guard.lost else None
        if fatal is None:
            return self._broken(step, guard, error)
        code = getattr(fatal[0], "sqlite_errorcode", 0) & 0xFF
        found: EmbedmigError
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            full = code == sqlite3.SQLITE_FULL
            found = (
                DiskFull(f"in {step.direction} of {step.id}", path=self.path)
                if full
                else file.explained(fatal[0], self.path)
            )
        else:
            found = TransactionBroken(LOST, **self._where(step), statement=fatal[1], cause=None)
        found.__cause__ = fatal[0]
        return found

    def _broken(self, step: Step, guard: Guard, error: Exception | None) -> TransactionBroken:
        called = guard.denied or "it lost its transaction"
        kept = None if guard.denied else "Everything was undone, unless the migration committed by itself."
        line = self._line(error, step) if error else None
        statement = self._statement(error, step) if error else None
        return TransactionBroken(called, **self._where(step), line=line, statement=statement, cause=None, kept=kept)

    def _line(self, error: BaseException, step: Step) -> int | None:
        return step.statement.line if step.statement else line_in(error, step.file)

    def _statement(self, error: BaseException, step: Step) -> str | None:
        if step.statement:
            return step.statement.text
        failed = getattr(self._database, "failed", None)
        if failed is None or _sqlite_error(error) is not failed[0]:
            return None
        return str(failed[1])


def state_after(run: Run, error: EmbedmigError) -> None:
    """Complete an error after everything was undone: at which version the file stands now, and what stayed."""
    error.path = error.path or run.path
    error.backup = error.backup or run.backup
    at = _version_now(run)
    if at is None:
        return
    error.version = at
    if error.kept.startswith(OUTSIDE):
        error.kept += f" {run._name} stands at version {at}."
        return
    if error.kept != type(error).default_kept:
        return
    if run.ran:
        error.kept = f"What follows {run.ran[-1]} was undone: {run._name} stands at version {at}."
    elif isinstance(error, (MigrationFailed, MigrationCancelled, DiskFull)):
        error.kept = f"Everything was undone: {run._name} is still at version {at}."


def _version_now(run: Run) -> int | None:
    for again in (False, True):
        try:
            conn = file.connect_to_read(run.path) if again and run.path else run.conn
            try:
                return version_of(history.read(conn) or ())
            finally:
                if conn is not run.conn:
                    conn.close()
        except (sqlite3.Error, EmbedmigError):
            continue  # the author closed the connection, perhaps: ask on another
    return None


def _sqlite_error(error: BaseException | None) -> BaseException | None:
    """The SQLite error in a chain of exceptions, since authors wrap them."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, sqlite3.Error):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _is_about_the_connection(error: BaseException) -> bool:
    return isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error)


def _hint(error: BaseException) -> str:
    text = str(error)
    if "database table is locked" in text:
        return "A query is still open: read it to its end, or close its cursor, before changing the table."
    if "database is locked" in text:
        return "Did it open a second connection? Only the given db can write during the run."
    if "cannot VACUUM" in text:
        return "Mark the migration transactional = False: VACUUM can't run inside a transaction."
    if "statements in progress" in text:
        return "An INSERT ... RETURNING was not read to its end."
    if "error in view" in text:
        name = text.partition("error in view ")[2].partition(":")[0]
        return f"Drop the view {printable(name)} first in the migration, and create it anew where it is wanted."
    if any(words in text for words in ("no such function", "unknown function", "no such collation")):
        return "Register the app's functions and collations in prepare=."
    return ""
