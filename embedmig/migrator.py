"""The story: open a user's file, bring it to the newest version, hand it back; or say why not and leave it.

    probe the file -> read the history -> the shipped ids are all there?  hand back, having written nothing
    else: find what is shipped -> plan -> load what is pending -> (run.py, under the lock) -> hand back

Loaded at every launch. What only a run needs is imported where the run begins: a launch with
nothing pending takes hardly longer than sqlite3 itself.
"""

from __future__ import annotations

import sqlite3
import time

from embedmig import file, history, loader
from embedmig.report import Report, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import Any

    import sqlite_utils

    from embedmig.migration import Applied, Migration
    from embedmig.progress import Event
    from embedmig.report import Drift, Progress, Rehearsal, Status
    from embedmig.verbs import Ready

    Path = str | os.PathLike[str]
    Db = Path | sqlite3.Connection | sqlite_utils.Database
    OnProgress = Callable[[Progress], object] | None


FORMATS = (  # the other tools whose records can be adopted: those of formats/registry.py, which no launch loads
    "sqlite-utils", "sqlite-migrate", "yoyo", "alembic", "golang-migrate", "sqlx", "diesel", "goose", "dbmate", "drizzle", "drizzle-kit",
    "user-version",
)  # fmt: skip


class Migrator(Value):
    """The shipped migrations and the policies with which they are run. Frozen; holds no connection; pickles.

    `migrations`: a package, its dotted name, a folder, or an iterable of Migration. `atomic`: "run", all
    pending in one transaction, or "migration", one each. `backups`: how many to keep, the newest versions;
    0 makes none, and a change that went wrong can't be taken back. `timeout`: seconds to wait for other
    processes. `application_id`: refuse files that carry another one, and claim those that carry none.
    `app_version`: recorded beside each migration. `prepare(conn)`: runs on every connection on
    which migrations run or that the app is handed, for pragmas, functions and collations. `detect_version(conn) -> int`: asked once
    for a file that has tables and no history; `adopts`: the tool that migrated such files before, whose record is taken
    over instead ("goose"; docs/come-from-another-tool.md). `out_of_order`: run a pending migration older than the
    newest applied one. `strict`: edited migrations and vanished triggers are errors, not warnings, and a
    file whose schema has drifted is not migrated.
    """

    migrations: str | tuple[Any, ...]
    atomic: str = "run"
    backups_kept: int = 3  # `backups=`; the plain name is the verb's
    timeout: float = 30.0
    application_id: int | None = None
    app_version: str | None = None
    prepare: Callable[[sqlite3.Connection], object] | None = None
    detect_version: Callable[[sqlite3.Connection], int | None] | None = None
    adopts: str | None = None
    out_of_order: bool = False
    strict: bool = False

    def __init__(
        self,
        migrations: loader.Source,
        *,
        atomic: str = "run",
        backups: int = 3,
        timeout: float = 30.0,
        application_id: int | None = None,
        app_version: str | None = None,
        prepare: Callable[[sqlite3.Connection], object] | None = None,
        detect_version: Callable[[sqlite3.Connection], int | None] | None = None,
        adopts: str | None = None,
        out_of_order: bool = False,
        strict: bool = False,
    ) -> None:
        if isinstance(migrations, Migrator):
            cure = "Call its own verb: migrator.open(path), migrator.connect(path), migrator.migrate(path)."
            raise _usage("A Migrator stands where its migrations should.", cure)
        if atomic not in ("run", "migration"):
            raise _usage(f"atomic={atomic!r} is neither 'run' nor 'migration'.", "Choose one of the two.")
        if application_id is not None and not (type(application_id) is int and 0 < application_id < 2**32):
            raise _usage(
                f"application_id={application_id!r} is not a number of 32 bits above 0.",
                "Draw one and keep it for ever.",
            )
        if not isinstance(timeout, (int, float)) or not timeout >= 0:
            raise _usage(
                f"timeout={timeout!r} is not a number of seconds.", "Say how long to wait for other processes."
            )
        for name, action in (("prepare", prepare), ("detect_version", detect_version)):
            if action is not None and not callable(action):
                raise _usage(
                    f"{name}={action!r} is not a function.", f"Give a function of the connection: {name}(conn)."
                )
        if adopts is not None and not (isinstance(adopts, str) and adopts.lower().replace("_", "-") in FORMATS):
            raise _usage(f"adopts={adopts!r} is no tool that is known here.", f"Known: {', '.join(FORMATS)}.")
        if not isinstance(backups, int) or backups < 0:
            raise _usage(f"backups={backups!r} is not a number of copies.", "Say how many to keep; 0 makes none.")
        super().__init__(
            loader.keep(migrations), atomic, backups, timeout, application_id, app_version,
            prepare, detect_version, adopts, out_of_order, strict,
        )  # fmt: skip

    # -- open ------------------------------------------------------------------------------------------

    def open(
        self, path: Path, *, read_only: bool = False, on_progress: OnProgress = None, cancel: Event | None = None
    ) -> sqlite_utils.Database:
        """Open the file at the newest version, as a `sqlite_utils.Database`. Raises EmbedmigError, and leaves the file as it was.

        `read_only=True` never migrates and never writes: it opens a file that is too new, or older, for viewing and export.
        """
        conn = self.connect(path, read_only=read_only, on_progress=on_progress, cancel=cancel)
        import sqlite_utils

        return sqlite_utils.Database(conn, execute_plugins=False)

    def connect(
        self, path: Path, *, read_only: bool = False, on_progress: OnProgress = None, cancel: Event | None = None
    ) -> sqlite3.Connection:
        """The same as a plain `sqlite3.Connection`."""
        name = file.locate(path)
        if read_only:
            return self._connect_to_read(name)
        if name == file.MEMORY:
            return self._connect_in_memory(on_progress, cancel)
        report: Report | None = None
        while True:
            try:
                conn = self._handed_back(name)
            except Exception as error:
                if report is not None:
                    from embedmig import failure

                    failure.came_after(error, report)
                raise
            if conn is not None:
                return conn
            report = self.migrate(name, on_progress=on_progress, cancel=cancel)

    def _handed_back(self, name: str) -> sqlite3.Connection | None:
        """The file, opened for the app; None where it isn't there or something is pending."""
        if not file.size(name):
            return None
        conn = _opened(name)
        try:
            if self._stands(conn) or self._is_ready(conn, name):
                conn.execute(file.BUSY_TIMEOUT)
                self._prepare(conn, name)
                return conn
        except BaseException:
            conn.close()
            raise
        conn.close()
        return None

    def _connect_to_read(self, name: str) -> sqlite3.Connection:
        from embedmig import questions

        conn = questions.open_to_read(self, name)
        try:
            self._prepare(conn, name, read_only=True)
        except BaseException:
            conn.close()
            raise
        return conn

    def _connect_in_memory(self, on_progress: OnProgress, cancel: Event | None) -> sqlite3.Connection:
        conn = file.connect(file.MEMORY)
        try:
            self._prepare(conn, None)
            self.migrate(conn, on_progress=on_progress, cancel=cancel)
        except BaseException:
            conn.close()
            raise
        return conn

    # -- the verbs that write -----------------------------------------------------------------------------

    def migrate(
        self, db: Db, *, to: int | None = None, on_progress: OnProgress = None, cancel: Event | None = None
    ) -> Report:
        """Run what is pending, up to version `to` or all of it; a file given by path is closed again.

        All or nothing: if anything fails, the content is what it was before. A connection is handed back
        with its settings as they were, but without its authorizer, progress handler and trace callback,
        which nobody can read back. Raises EmbedmigError; KeyboardInterrupt and what `on_progress` raises
        pass through, after everything was undone.
        """
        conn = _connection(db)
        if conn is not None:
            return self._migrate_on(conn, file.path_of(conn), False, to, on_progress, cancel)
        return self._migrate_file(file.located(db), to, on_progress, cancel)

    def _migrate_file(
        self, name: str, to: int | None, on_progress: OnProgress, cancel: Event | None, ready: Ready | None = None
    ) -> Report:
        """`ready`: the shipped migrations, where they were found for another file already."""
        for again in (True, True, False):
            try:
                return self._migrate_path(name, to, on_progress, cancel, ready)
            except Exception as error:
                # another process took the file away under us, by force or by hand: begin anew on the one that is there now
                if not (again and file.was_moved(error.__cause__)):
                    raise
        raise AssertionError("the last try returns or raises")

    def _migrate_path(
        self, name: str, to: int | None, on_progress: OnProgress, cancel: Event | None, ready: Ready | None
    ) -> Report:
        if not file.size(name):
            ready = self._before_making(name, to, ready)
        conn = _opened(name, cached_statements=0)  # a cached statement is one that the guard does not see
        try:
            path = None if name == file.MEMORY else name
            return self._migrate_on(conn, path, True, to, on_progress, cancel, ready)
        finally:
            conn.close()

    def _migrate_on(
        self,
        conn: sqlite3.Connection,
        path: str | None,
        own: bool,
        to: int | None,
        on_progress: OnProgress,
        cancel: Event | None,
        ready: Ready | None = None,
    ) -> Report:
        if to is None and (version := self._stands(conn, ready.ids if ready else None, once=own)):
            return Report(path, version, version)
        from embedmig import verbs

        if self.strict:
            from embedmig import drift

            drift.refuse(self, conn, path)
        return verbs.migrate(self, conn, path, own=own, ready=ready, to=to, on_progress=on_progress, cancel=cancel)

    def baseline(self, db: Db, version: int) -> Report:
        """Record that the file already has every migration up to `version`; nothing is run. The file must be there."""
        from embedmig import verbs

        report: Report = self._with(db, lambda conn, path, own: verbs.baseline(self, conn, path, version, own=own))
        return report

    def mark(self, db: Db, migration: Migration) -> None:
        """Record one migration as applied without running it. UsageError unless it is the next in order."""
        from embedmig import verbs

        self._with(db, lambda conn, path, own: verbs.mark(self, conn, path, migration, own=own))

    def rollback(self, db: Db, *, to: int, on_progress: OnProgress = None, cancel: Event | None = None) -> Report:
        """Run the `down` of every migration above version `to`, newest first, so that `to` remains; 0 leaves none.

        Planned before anything runs: IrreversibleMigration names every migration without a `down`. All or
        nothing, after a backup, foreign keys as in migrate().
        """
        from embedmig import verbs

        report: Report = self._with(
            db,
            lambda conn, path, own: verbs.rollback(
                self, conn, path, to, own=own, on_progress=on_progress, cancel=cancel
            ),
        )
        return report

    # -- the file as a whole ------------------------------------------------------------------------------

    def backup(self, path: Path) -> str:
        """Make a verified copy of the file now, or find that the last one still is; returns its path."""
        from embedmig import wholefile

        return wholefile.take(self, file.located(path))

    def backups(self, path: Path) -> list[str]:
        """The paths of the file's backups, of the newest version first. UnusablePath where their folder can't be read."""
        from embedmig import backup

        return backup.all_of(file.located(path))

    def restore(self, path: Path, backup: Path | None = None) -> Report:
        """Put a backup in the file's place, the newest unless one is named; what was there is kept as a backup.

        Raises DatabaseBusy while another process has the file open. A file that SQLite can't read is moved
        aside first, under the name that `Report.backup` tells.
        """
        from embedmig import restore

        return restore.restore(self, file.located(path), None if backup is None else file.located(backup))

    def reset(self, path: Path, *, keep_backup: bool = True, force: bool = False) -> Report:
        """Delete all that is in the file, and build it again from version 1.

        Raises DatabaseBusy where another process is known to have it open. A damaged, too new or another app's
        file is refused unless `force`. One copy of what was there is kept unless `keep_backup=False`.
        """
        from embedmig import reset

        return reset.reset(self, file.located(path), keep_backup=keep_backup, force=force)

    def _with(self, db: Db, action: Callable[[sqlite3.Connection, str | None, bool], Any]) -> Any:
        """Do something to a connection, or to a file that must be there."""
        conn = _connection(db)
        if conn is not None:
            return action(conn, file.path_of(conn), False)
        name = file.located(db)
        if not file.size(name):
            raise _usage(f"There is no database at {name}.", "Give the path of the file that is meant.")
        conn = _opened(name, cached_statements=0)
        try:
            return action(conn, name, True)
        finally:
            conn.close()

    # -- questions: they never write and never create -----------------------------------------------------

    def status(self, db: Db, *, drift: bool = False) -> Status:
        """How the file stands against what is shipped. Raises EmbedmigError where it can't be read, or is another app's.

        `drift=True` adds its drift, for which every applied migration is loaded and replayed in memory.
        """
        from embedmig import questions

        status = questions.status(self, db)
        if not drift:
            return status
        from embedmig.drift import shown_in

        return shown_in(status, self, db)

    def drift(self, db: Db) -> Drift:
        """How the file's schema differs from what its applied migrations make of an empty database, replayed in memory.

        Formatting, quotes, letter case and the like are no difference; the order of columns is. Raises EmbedmigError
        where it can't be told: the file has no history, or migrations that aren't shipped, or the replay fails.
        """
        from embedmig.drift import drift

        return drift(self, db)

    def is_current(self, db: Db) -> bool:
        """Would a launch find nothing to do and nothing to refuse? A yes or a no, also for a file that can't be read.

        Cheap enough for a long-running app to ask often: some 50 microseconds on a connection, for 50 migrations.
        """
        try:
            conn = file.connection_of(db)
            if conn is not None:
                return self._answers(conn, file.path_of(conn))
            name = file.located(db)
            if not file.size(name):
                return False
            own = file.connect_to_read(name)
        except Exception as error:
            from embedmig.errors import EmbedmigError

            if not isinstance(error, (EmbedmigError, sqlite3.Error)):
                raise
            return False
        try:
            return self._answers(own, name)
        finally:
            own.close()

    def _answers(self, conn: sqlite3.Connection, path: str | None) -> bool:
        return bool(self._stands(conn, self._listed())) or self._is_ready(conn, path, quietly=True)

    def _listed(self) -> list[str] | None:
        """The shipped ids, listed again only when their folder has changed: is_current() is asked often."""
        stamp = loader.stamp(self.migrations)
        if stamp is None:
            return None
        seen: tuple[int, list[str] | None] | None = self.__dict__.get("_seen")
        if seen is not None and seen[0] == stamp:
            return seen[1]
        ids = loader.ids(self.migrations)
        if time.time_ns() - stamp > 2_000_000_000:  # a folder that changes just now may change again in the same tick
            self.__dict__["_seen"] = (stamp, ids)
        return ids

    def __getstate__(self) -> dict[str, Any]:
        return self._fields()

    def rehearse(self, path: Path) -> Rehearsal:
        """Run what is pending on a copy of the file, and say what it did there. The file itself is only read.

        A kill, SIGTERM included, leaves the copy: in a folder `embedmig-...` among the system's temporary files, or beside the
        file where those have no room.
        """
        from embedmig import rehearsal

        return rehearsal.rehearse(self, file.located(path))

    def _stands(self, conn: sqlite3.Connection, shipped: list[str] | None = None, *, once: bool = False) -> int:
        """The file's version if its ids alone show that nothing is pending, else 0: the caller looks closer.

        `once`: this connection is not asked again, and so what is compiled for it counts.
        """
        if self.strict:
            return 0
        shipped = shipped or loader.ids(self.migrations)
        found = history.ids(conn, few=once and shipped is not None and len(shipped) < history.FEW)
        if found is None or found[0] != shipped:
            return 0
        try:
            if self.application_id is not None and file.application_id(conn) not in (0, self.application_id):
                return 0
        except sqlite3.Error:  # held up, say: who looks closer waits, or says what is wrong
            return 0
        return found[1]

    def _is_ready(self, conn: sqlite3.Connection, path: str | None, *, quietly: bool = False) -> bool:
        from embedmig import questions

        return questions.is_ready(self, conn, path, quietly=quietly)

    # -- what both need -----------------------------------------------------------------------------------

    def _before_making(self, name: str, to: int | None, ready: Ready | None) -> Ready:
        """A file that isn't there yet is made only when everything that can be wrong before it exists has been checked."""
        from embedmig import verbs

        ready = verbs.ready_for_a_new_file(self, ready, to)
        if name != file.MEMORY:
            verbs.refuse_sidecars_alone(name)
            file.make_folder(name)
        return ready

    def _prepare(self, conn: sqlite3.Connection, path: str | None, *, read_only: bool = False) -> None:
        if self.prepare is not None:
            from embedmig import verbs

            verbs.prepare(self, conn, path, read_only=read_only)


def open(
    path: Path,
    migrations: loader.Source,
    *,
    read_only: bool = False,
    on_progress: OnProgress = None,
    cancel: Event | None = None,
    **policy: Any,
) -> sqlite_utils.Database:
    """Open a user's file at the newest version: `Migrator(migrations, **policy).open(path)`."""
    return Migrator(migrations, **policy).open(path, read_only=read_only, on_progress=on_progress, cancel=cancel)


def connect(
    path: Path,
    migrations: loader.Source,
    *,
    read_only: bool = False,
    on_progress: OnProgress = None,
    cancel: Event | None = None,
    **policy: Any,
) -> sqlite3.Connection:
    """The same as a plain `sqlite3.Connection`: `Migrator(migrations, **policy).connect(path)`."""
    return Migrator(migrations, **policy).connect(path, read_only=read_only, on_progress=on_progress, cancel=cancel)


def run_migrations(db: Db, migrations: loader.Source) -> Report:
    """Run all pending migrations: `Migrator(migrations).migrate(db)`."""
    return Migrator(migrations).migrate(db)


def get_applied_migrations(db: Db) -> list[Applied]:
    """The file's history, in version order; empty where it has none. Never writes."""
    from embedmig import questions

    return questions.applied(db)


def mark_migration_applied(db: Db, migration: Migration) -> None:
    """Record a migration as applied without running it. UsageError unless it is the next in order."""
    Migrator([migration]).mark(db, migration)


def _connection(db: Db) -> sqlite3.Connection | None:
    """The caller's connection, or None for a path. UsageError for one that a run would harm."""
    conn = file.connection_of(db)
    if conn is None:
        return None
    autocommit = getattr(conn, "autocommit", -1)  # Python 3.12 and later
    if autocommit != -1:
        raise _usage(
            f"This connection was made with autocommit={autocommit}.", "Leave autocommit out of sqlite3.connect()."
        )
    if conn.in_transaction:
        raise _usage(
            "This connection has an open transaction.",
            "Commit or roll back first: embedmig begins and commits by itself.",
        )
    path = file.path_of(conn)
    if path is not None:
        file.size(path)  # what is refused for a path is refused here too
    return conn


def _opened(name: str, cached_statements: int = 128) -> sqlite3.Connection:
    try:
        return file.connect(name, cached_statements=cached_statements)
    except sqlite3.Error as error:
        from embedmig import diagnosis

        raise diagnosis.explained(error, name) from error


def _usage(what: str, cure: str) -> Exception:
    from embedmig.errors import UsageError

    return UsageError(what, hint=cure)
