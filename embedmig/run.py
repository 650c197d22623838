"""One run under the lock: the acting loop. What is to be done was decided before; here it is done, or undone."""

from __future__ import annotations

import sqlite3
import time

from embedmig import diagnosis, disk, file, foreign_keys, history, log, progress
from embedmig import failure as failure_of
from embedmig.errors import (
    DatabaseDamaged,
    EmbedmigError,
    ForeignKeyViolations,
    HistoryMismatch,
    MigrationFailed,
    printable,
)
from embedmig.guard import Guard, Objects, guarded
from embedmig.plan import version_of
from embedmig.transaction import (
    commit,
    data_version,
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

    from embedmig.database import Database
    from embedmig.migration import Applied, Migration
    from embedmig.task import Task


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
        self.observe: Callable[[Task, int, Guard | None], None] | None = None  # called after each migration
        self.quiet = False  # a replay in memory is nothing that a log should tell
        self.ran: list[str] = []  # committed
        self.after = 0  # the file's version, as read under the lock
        self._twice = False  # rows point nowhere, and only a second try tells whether they did before
        self._database: Database | None = None

    # -- the verbs ---------------------------------------------------------------------------------

    def through(
        self, plan: Callable[[], Sequence[Task]], adopt: Callable[[], Sequence[Migration]] = lambda: ()
    ) -> None:
        """Run what `plan()` says is to be done, asked again under the lock; `adopt()` says what an older file already has."""
        checked: int | None = None  # the state of the file that was
        with settings_of_a_run(self.conn, self.watch, self.timeout) as self.settings:
            while True:
                with self.watch.over(self.conn):
                    take_lock(self.conn, self.watch, self.timeout)
                    adopted = adopt()
                    tasks = [] if adopted else plan()
                    if not tasks and not adopted:
                        self.after = self._version()
                        undo(self.conn)  # another launch was first
                        break
                    self._refuse_read_only()
                    if checked is None or (not self.ran and data_version(self.conn) != checked):
                        self._secure()
                        checked = data_version(self.conn)
                    self._begin_writing(adopted)
                    if adopted:
                        tasks = plan()
                        self.watch.total = len(tasks)  # before, nobody could know that the rest is there already
                    stretch = self._stretch(tasks)
                    self.watch.total = max(self.watch.total, len(self.ran) + len(tasks))
                    if stretch and not stretch[0].transactional:
                        self._begin_alone(stretch[0])
                    elif not self._together(stretch):
                        self._twice = True
                        self._log(
                            "%s: some rows point nowhere: undone, to see which did before; it runs again", self.name
                        )
                        undo(self.conn)
                        continue
                self._commit(stretch, begins=bool(stretch) and not stretch[0].transactional)
                if stretch and not stretch[0].transactional:
                    self._alone(stretch[0])
                self.ran += [task.id for task in stretch]
                if len(stretch) == len(tasks):
                    break
            if self.ran:
                self._optimize()

    def mark(self, choose: Callable[[], Sequence[Migration]]) -> list[str]:
        """Record migrations without running them: what baseline and mark_migration_applied do. Returns their ids."""
        with settings_of_a_run(self.conn, self.watch, self.timeout):
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
        """A file cut in mid-page passes every statement, COMMIT included: only SQLite's own check sees it."""
        self.watch.enter(progress.CHECKING)
        if damage := diagnosis.damage(self.conn):
            raise DatabaseDamaged(damage, path=self.path)

    def _secure(self) -> None:
        """Before the first change, under the lock: the file is sound, and a copy of it as it is now stands beside it."""
        if self.backups and self.path is not None:
            applied = history.read(self.conn)
            if applied or history.objects(self.conn):
                return self._back_up(self.path, applied)
        return self._check_file()

    def _back_up(self, path: str, applied: list[Applied] | None) -> None:
        from embedmig import backup  # a new file's first launch does without

        self.watch.enter(progress.BACKING_UP)
        check, version = history.same_as(applied), version_of(applied or ())
        self.backup = backup.take(path, version, self.watch, self.timeout, check, check_file=self._check_file)
        backup.prune(path, self.backups, self.backup)

    def _begin_writing(self, adopted: Sequence[Migration]) -> None:
        history.prepare(self.conn)
        self._claim()
        if adopted:
            history.record(self.conn, [self._row(migration, None, migration.checksum) for migration in adopted])
        for migration in adopted:
            log.info("%s  was already there", migration.id)

    def _claim(self) -> None:
        """Say whose file it is, also after a migration that said otherwise."""
        if self.application_id is not None:
            self.conn.execute(f"PRAGMA main.application_id = {self.application_id}")

    def _stretch(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks that share the next transaction: all up to one that can't run in any."""
        if not tasks or self.each or not tasks[0].transactional:
            return list(tasks[:1])
        alone = next((i for i, task in enumerate(tasks) if not task.transactional), len(tasks))
        return list(tasks[:alone])

    def _together(self, stretch: Sequence[Task]) -> bool:
        """Run them, all but the COMMIT; False if rows point nowhere now, and nobody knows which of them did before."""
        keys = (foreign_keys.After if self._may_try_first(stretch) else foreign_keys.Before)(self.conn)
        objects = Objects(self.conn)
        rows: list[tuple[object, ...]] = []
        for index, task in enumerate(stretch, len(self.ran) + 1):
            if task.function is not None:
                self.database()  # what it takes to load sqlite-utils is not the first migration's time
            began = time.monotonic()
            guard = self._one(task, index)
            keys.note(guard)
            self._look_for_the_vanished(objects.vanished(self.conn, guard), task)
            rows += self._done(task, index, began, guard)
        history.record(self.conn, rows)
        self._claim()
        self._refuse_meddling(stretch)
        if not stretch:
            return True
        self.watch.enter(progress.CHECKING, stretch[-1].id, len(self.ran) + len(stretch))
        return self._keys_are_whole(keys, stretch[-1])

    def _may_try_first(self, stretch: Sequence[Task]) -> bool:
        """A large file's rows are gone through twice as fast where they are asked after the run alone. Should some point
        nowhere then, all is undone, they are asked before, and it runs again: nothing that an app's Python should see.
        Nor is it seen by the guard what a trigger on the history does."""
        if not self.own or self._twice or self.observe is not None:
            return False
        return all(task.can_run_again for task in stretch) and not history.has_trigger(self.conn)

    def _refuse_meddling(self, stretch: Sequence[Task]) -> None:
        """What was recorded must be there: a trigger on the history that a stranger left could eat it."""
        applied = history.applied_ids(self.conn)
        odd = [task.id for task in stretch if (task.id in applied) != (task.direction == "up")]
        if odd:
            what = f"{odd[0]} was recorded and the history does not show it: is there a trigger on it?"
            raise HistoryMismatch([what], [task.id for task in stretch], sorted(applied), hint="Drop that trigger.")

    def _one(self, task: Task, index: int) -> Guard:
        """Run one migration inside its guard; whatever goes wrong becomes the error that says so."""
        self.watch.enter(progress.STARTED, task.id, index)
        for skipped in task.skipped:
            self._log("%s, line %d: skipped %s", task.name, skipped.line, " ".join(skipped.text.split())[:60])
        self.watch.phase = progress.RUNNING
        failure: Exception | None = None
        with guarded(self.conn, transactional=task.transactional, cached=not self.own) as guard:
            try:
                task.act(self)
            except Exception as error:
                failure = error
                failure_of.let_go(error, self.conn)
        if self.watch.stopped is not None:
            raise self.watch.stopped from failure
        if failure is not None:
            explained = failure_of.explained(self, failure, task, guard)
            raise explained from explained.__cause__ or failure
        if guard.denied or guard.lost:
            raise failure_of.lost(self, task, guard)
        if task.transactional:
            self.settings.put_back(guard.pragmas)
        return guard

    def _done(self, task: Task, index: int, began: float, guard: Guard | None) -> list[tuple[object, ...]]:
        """Say that a task is done; its row for the history, or none where it went down: its row is taken out."""
        ms = round((time.monotonic() - began) * 1000)
        if self.observe is not None:
            self.observe(task, ms, guard)
        self.watch.enter(progress.FINISHED, task.id, index)
        down = "" if task.direction == "up" else " down"
        self._log("%s%s  %s  (%d ms)", task.id, down, task.migration.description, ms)
        if task.direction == "up":
            return [self._row(task.migration, ms, task.checksum)]
        history.forget(self.conn, [task.id])
        return []

    def _row(
        self, migration: Migration, ms: int | None, checksum: str | None, *, finished: bool = True
    ) -> tuple[object, ...]:
        return history.row(
            migration, duration_ms=ms, checksum=checksum, app_version=self.app_version, finished=finished
        )

    def _look_for_the_vanished(self, vanished: Sequence[str], task: Task) -> None:
        if not vanished:
            return
        what = f"lost {', '.join(map(printable, vanished))}, which it did not drop by name"
        if self.strict:
            raise MigrationFailed(
                what, **failure_of.where(self, task), hint="Create it anew in the migration, or drop it by name first."
            )
        if not self.quiet:
            log.warning("%s %s", task.id, what)

    def _keys_are_whole(self, keys: foreign_keys.Before | foreign_keys.After, last: Task) -> bool:
        """10. "If foreign key constraints were originally enabled then run PRAGMA foreign_key_check"
        (https://sqlite.org/lang_altertable.html#otheralter). Raises ForeignKeyViolations; False where that can't be told."""
        new = keys.new(self.conn)
        if new:
            shown = foreign_keys.described(self.conn, new)
            raise ForeignKeyViolations(shown, total=len(new), **failure_of.where(self, last))
        return new is not None

    def _commit(self, stretch: Sequence[Task], *, begins: bool = False) -> None:
        """COMMIT. If it raises, the outcome is unknown until the history has been read on a new connection.

        `begins`: what is written is that a `transactional = False` migration begins.
        """
        self.after = self._version()
        self.watch.enter(progress.COMMITTING, stretch[-1].id if stretch else None, self.watch.index)
        try:
            commit(self.conn, self.watch, self.timeout)
        except sqlite3.Error as error:
            if stretch and "in progress" in str(error):
                raise MigrationFailed(
                    str(error), **failure_of.where(self, stretch[-1]), hint=failure_of.hint(error)
                ) from error
            undo(self.conn)
            if not stretch or not self._is_there(stretch, error, begins):
                if self._is_left_in_the_wal(error):
                    raise self._unknown(error) from error
                raise
            log.warning("%s: COMMIT reported %s, and yet the migrations are there", self.name, error)

    def _version(self) -> int:
        found = history.ids(self.conn)  # one row where all is finished, not one for each migration
        return found[1] if found else version_of(history.read(self.conn) or ())

    def _is_there(self, stretch: Sequence[Task], error: sqlite3.Error, begins: bool) -> bool:
        """Did a COMMIT that raised happen all the same? Asked on a new connection where there is a file."""
        try:
            conn = file.connect(self.path) if self.path else self.conn
            try:
                applied = {a.id for a in history.read(conn) or () if a.finished or begins}
            finally:
                if conn is not self.conn:
                    conn.close()
        except sqlite3.Error:
            raise self._unknown(error) from error
        return all((task.id in applied) == (task.direction == "up") for task in stretch)

    def _is_left_in_the_wal(self, error: sqlite3.Error) -> bool:
        """Only the sync failed: no connection sees what was written, and yet it counts for whoever recovers the `-wal` later."""
        unsynced = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_FSYNC
        return unsynced and self.path is not None and disk.has_wal(self.path)

    def _unknown(self, error: sqlite3.Error) -> EmbedmigError:
        explained = diagnosis.explained(error, self.path)
        explained.kept = failure_of.UNKNOWN
        return explained

    def _begin_alone(self, task: Task) -> None:
        """Before what can't run in a transaction: say in the history that it began, so that the next launch knows if it died."""
        history.forget(self.conn, [task.id])
        history.record(self.conn, [self._row(task.migration, None, task.checksum, finished=False)])

    def _alone(self, task: Task) -> None:
        """Run a `transactional = False` migration and record its end. It may run more than once, and says so:
        another launch may be at it as well, and whoever is held up by that begins anew."""
        index, began = len(self.ran) + 1, time.monotonic()
        guards: list[Guard | None] = []
        try:
            with without_transaction(self.conn), self.watch.over(self.conn):
                patiently(lambda: self._attempt(task, index, guards), self.watch, self.timeout, "is writing to it")
            self.settings.apply_again()
            take_lock(self.conn, self.watch, self.timeout)
            if not self._is_finished(task):
                history.forget(self.conn, [task.id])  # the row that says it began
                history.record(self.conn, self._done(task, index, began, guards[-1] if guards else None))
            self._commit([task])
        except EmbedmigError as error:
            # where that is unknown, all of it is there, and only its record may be lacking
            if guards and error.kept != failure_of.UNKNOWN:
                error.data_is_safe = False  # nobody can know how far it came
                stays = "what it did up to there stays, and it runs again at the next launch."
                error.kept = f"{failure_of.OUTSIDE}: {stays}"
            raise

    def _attempt(self, task: Task, index: int, guards: list[Guard | None]) -> None:
        """One try; `guards` grows with each. Held up by another connection, it raises SQLite's own error."""
        if self._is_finished(task):
            return
        keys = foreign_keys.Before(self.conn)
        guards.append(None)
        try:
            guard = guards[-1] = self._one(task, index)
            self._refuse_open_transaction(task)
            keys.note(guard)
            self._keys_are_whole(keys, task)
        except MigrationFailed as failed:
            undo(self.conn)
            if self._is_finished(task):
                return  # by another launch, which may even have gone on from there
            busy = failure_of.sqlite_error(failed)
            if busy is not None and is_busy(busy):
                raise busy from None
            raise

    def _is_finished(self, task: Task) -> bool:
        return any(a.id == task.id and a.finished for a in history.read(self.conn) or ())

    def _refuse_open_transaction(self, task: Task) -> None:
        if self.conn.in_transaction:
            undo(self.conn)
            raise MigrationFailed(
                "it left a transaction open", **failure_of.where(self, task), hint="Commit what it begins."
            )

    def _optimize(self) -> None:
        """Let SQLite refresh its statistics after a change of the schema (https://sqlite.org/lang_analyze.html); no matter if it can't."""
        try:
            self.conn.execute("PRAGMA analysis_limit = 400")
            self.conn.execute("PRAGMA main.optimize")
        except sqlite3.Error as error:
            self._log("%s: PRAGMA optimize: %s", self.name, error)

    # -- what they share ----------------------------------------------------------------------------------

    def _log(self, message: str, *args: object) -> None:
        if not self.quiet:
            log.info(message, *args)

    def database(self) -> Database:
        """The Database that Python migrations get: made when the first of them needs it."""
        if self._database is None:
            from embedmig.database import Database

            self._database = Database(self.conn)
        return self._database

    @property
    def failed(self) -> tuple[sqlite3.Error, str] | None:
        """The last statement of a Python migration that SQLite refused, with its error."""
        return None if self._database is None else self._database.failed

    @property
    def fatal(self) -> tuple[sqlite3.Error, str] | None:
        """The first one after which the transaction was gone."""
        return None if self._database is None else self._database.fatal

    @property
    def name(self) -> str:
        """What to call the file in a sentence."""
        return EmbedmigError(path=self.path).name
