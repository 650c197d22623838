"""What each verb does once there is something to do: the slow side of migrator.py.

look at the file -> load what is pending, make it ready -> (transaction, in run.py):
lock -> look again -> check the file -> back up -> each pending migration in its guard -> COMMIT
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager

from embedmig import definition, diagnosis, file, history, log, plan, surroundings, transaction
from embedmig.errors import EmbedmigError, UnusablePath, UsageError, listed, printable
from embedmig.failure import state_after
from embedmig.progress import Watch, passed_through
from embedmig.questions import Look, complete, explaining, refuse_application_id
from embedmig.report import Report
from embedmig.run import Run
from embedmig.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embedmig.migration import Migration
    from embedmig.migrator import Migrator, OnProgress
    from embedmig.progress import Event
    from embedmig.questions import Known


class Ready:
    """The shipped migrations, and those that are loaded and made ready to run: once, before the lock is taken, and
    for as many files as one thread does with them."""

    def __init__(self, migrator: Migrator) -> None:
        self.shipped = definition.find(migrator.migrations)
        self.ids = [known.id for known in self.shipped]
        self._tasks: dict[tuple[str, str], Task] = {}
        self.around = surroundings.Around()
        self._checksums: dict[str, str | None] = {}

    def tasks(self, chosen: Sequence[Known], direction: str = "up") -> list[Task]:
        for known in chosen:
            if (known.id, direction) not in self._tasks:
                migration = definition.load(known)
                checksum = migration.checksum or self.checksum(migration)
                self._tasks[known.id, direction] = Task(migration, direction, checksum)
        return [self._tasks[known.id, direction] for known in chosen]

    def checksum(self, known: Known) -> str | None:
        if known.id not in self._checksums:
            self._checksums[known.id] = definition.checksum(known)
        return self._checksums[known.id]


def ready_for_a_new_file(migrator: Migrator, ready: Ready | None, to: int | None) -> Ready:
    """Everything that can be wrong with the shipped migrations is found before there is a file."""
    ready = ready or Ready(migrator)
    ready.tasks(plan.pending(ready.shipped, [], to=to))
    return ready


def refuse_sidecars_alone(path: str) -> None:
    """Raise UnusablePath where a journal stands without its file: SQLite would delete it, with what it may hold."""
    from embedmig import disk

    # the journal first: a launch that is just making the file makes the file before its journal
    if (left := disk.journal_of(path)) and not os.path.lexists(path):
        raise UnusablePath(
            f"{printable(left)} is there, and the database that it belongs to is not.",
            path=path,
            hint=f"Put {printable(os.path.basename(path))} back beside it, or reset if it is gone for good.",
        )


def migrate(
    migrator: Migrator,
    conn: sqlite3.Connection,
    path: str | None,
    *,
    own: bool,
    ready: Ready | None = None,
    to: int | None = None,
    on_progress: OnProgress = None,
    cancel: Event | None = None,
) -> Report:
    watch = Watch(on_progress, cancel)
    ready = ready or Ready(migrator)

    def looked() -> Look:
        return Look(migrator, conn, ready.shipped, to, ready.checksum)

    with passed_through(), explaining(path):
        _refuse_hiding(conn, own)
        look = transaction.patiently(looked, watch, migrator.timeout, "is using it")
        if look.nothing_to_do:
            return Report(path, look.version, look.version, duration_s=time.monotonic() - watch.began)
        watch.total = len(ready.tasks(look.pending))
        _say_what_is_odd(look, conn, path, ready.around)
        if own:
            prepare(migrator, conn, path)
        run = run_of(migrator, conn, path, own=own, watch=watch)
        with completing(run):
            run.through(lambda: ready.tasks(looked().pending), lambda: adopted(migrator, conn, ready.shipped, own=own))
    return _reported(run, look.version, watch)


def rollback(
    migrator: Migrator,
    conn: sqlite3.Connection,
    path: str | None,
    to: int,
    *,
    own: bool,
    on_progress: OnProgress = None,
    cancel: Event | None = None,
) -> Report:
    watch = Watch(on_progress, cancel)
    ready = Ready(migrator)

    versions: list[int] = []

    def undoing() -> list[Task]:
        applied = history.read(conn) or []
        versions.append(plan.version_of(applied))
        refuse_application_id(migrator, conn)
        chosen = plan.reversal(ready.shipped, applied, to)
        plan.refuse_irreversible([definition.load(known) for known in chosen], plan.version_of(applied))
        return ready.tasks(chosen, "down")

    with passed_through(), explaining(path):
        _refuse_hiding(conn, own)
        tasks = transaction.patiently(undoing, watch, migrator.timeout, "is using it")
        before = versions[0]
        if not tasks:
            return Report(path, before, before, duration_s=time.monotonic() - watch.began)
        watch.total = len(tasks)
        if own:
            prepare(migrator, conn, path)
        run = run_of(migrator, conn, path, own=own, watch=watch)
        with completing(run):
            run.through(undoing)
    return _reported(run, before, watch)


def _refuse_hiding(conn: sqlite3.Connection, own: bool) -> None:
    """A caller's temporary table would take what a migration means for the file's own of that name."""
    if not own and (names := transaction.hiding(conn)):
        what = f"this connection has temporary tables called like tables of the file: {listed(names)}."
        raise UsageError(what[0].upper() + what[1:], hint="Drop them, or migrate on another connection.")


def _reported(run: Run, before: int, watch: Watch) -> Report:
    after = run.after
    seconds = time.monotonic() - watch.began
    if run.ran:
        name, count = run.path or "the database", len(run.ran)
        plural = "migration" if count == 1 else "migrations"
        log.info("%s: version %d -> %d, %d %s in %.0f ms", name, before, after, count, plural, seconds * 1000)
    return Report(run.path, before, after, tuple(run.ran), run.backup, seconds)


def run_of(migrator: Migrator, conn: sqlite3.Connection, path: str | None, *, own: bool, watch: Watch) -> Run:
    """A run with the policies of a migrator."""
    signed = migrator.application_id
    if signed is not None and signed >= 2**31:
        signed -= 2**32  # as SQLite keeps it
    return Run(
        conn, path, watch, own=own, timeout=migrator.timeout, each=migrator.atomic == "migration", strict=migrator.strict,
        app_version=migrator.app_version, application_id=signed, backups=migrator.backups_kept,
    )  # fmt: skip


def _say_what_is_odd(look: Look, conn: sqlite3.Connection, path: str | None, around: surroundings.Around) -> None:
    name = path or "the database"
    for id in look.edited:
        log.warning("%s was edited after it was applied to %s: its change will not run again", id, name)
    for applied in look.applied:
        if not applied.finished:
            log.warning("%s did not finish the last time that it ran on %s: it runs again", applied.id, name)
    if path is None:
        return
    for sentence in surroundings.warnings(path, around):
        log.warning("%s: %s", name, sentence)
    size = file.size(path)
    if size:
        from embedmig import backup

        wal = transaction.is_wal(conn)
        stands = backup.is_unchanged(path, backup.name_of(path, look.version))
        copies = 1 if look.migrator.backups_kept and not stands else 0
        tight = surroundings.refuse_without_room(path, size=size, wal=wal, copies=copies)
        if tight:
            log.warning("%s: %s", name, tight)


def adopted(migrator: Migrator, conn: sqlite3.Connection, shipped: Sequence[Known], *, own: bool) -> list[Migration]:
    """Under the lock: what a file from before embedmig already has, as another tool's record or the app's detect_version() says."""
    if (migrator.adopts is None and migrator.detect_version is None) or history.read(conn) is not None:
        return []
    from embedmig import adoption

    return adoption.adopted(migrator, conn, shipped, own=own)


def baseline(migrator: Migrator, conn: sqlite3.Connection, path: str | None, version: int, *, own: bool) -> Report:
    shipped = definition.find(migrator.migrations)
    watch = Watch()

    def chosen() -> tuple[list[Known], int]:
        with transaction.one_state(conn):
            refuse_application_id(migrator, conn)
            applied = history.read(conn) or []
        return plan.up_to(shipped, applied, version), plan.version_of(applied)

    with explaining(path):
        _, before = transaction.patiently(chosen, watch, migrator.timeout, "is using it")  # refuse before prepare()
        if own:
            prepare(migrator, conn, path)
        run = run_of(migrator, conn, path, own=own, watch=watch)
        with completing(run):
            marked = run.mark(lambda: [definition.with_checksum(known) for known in chosen()[0]])
    return Report(path, before, version, tuple(marked), duration_s=time.monotonic() - watch.began)


def mark(migrator: Migrator, conn: sqlite3.Connection, path: str | None, migration: Migration, *, own: bool) -> None:
    with explaining(path):
        run = run_of(migrator, conn, path, own=own, watch=Watch())

        def choose() -> list[Migration]:
            refuse_application_id(migrator, conn)
            plan.refuse_out_of_turn(definition.checked(migration), history.read(conn) or [])
            return [definition.with_checksum(migration)]

        with completing(run):
            run.mark(choose)


def prepare(migrator: Migrator, conn: sqlite3.Connection, path: str | None, *, read_only: bool = False) -> None:
    """Run the app's `prepare`; again while others launch too: a switch to WAL fails at once, whatever the busy timeout."""
    action = migrator.prepare
    if action is None:
        return
    with explaining(path):
        try:
            transaction.patiently(lambda: action(conn), Watch(), migrator.timeout, "is using it")
        except sqlite3.OperationalError as error:
            if not (read_only and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY):
                raise
            log.warning("%s: prepare() wants to write, and the file is open for reading: %s", path, error)
    if conn.in_transaction:
        transaction.undo(conn)
        cure = "Let it set pragmas, functions and collations only."
        raise UsageError("prepare() left a transaction open.", path=path, hint=cure)
    if conn.row_factory is not None:
        conn.row_factory = None
        raise UsageError(
            "prepare() set a row_factory.", path=path, hint="Set it on the connection that you are handed."
        )


@contextmanager
def completing(run: Run) -> Iterator[None]:
    """An error on its way out of a run is completed by what the file is now."""
    try:
        yield
    except EmbedmigError as error:
        complete(error, run.path)
        state_after(run, error)
        log.info("%s: %s", run.name, error.kept)
        raise
    except (sqlite3.Error, UnicodeDecodeError) as error:
        explained = diagnosis.explained(error, run.path)
        state_after(run, explained)
        raise explained from error
