"""What each verb does once there is something to do, or to refuse: the slow side of migrator.py.

read the history -> plan -> load what is pending, make it ready -> (transaction, in run.py):
lock -> read again, plan again -> check the file -> each pending migration in its guard -> COMMIT
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager

from embedmig import definition, file, history, loader, log, plan, transaction
from embedmig.errors import EmbedmigError, ForeignDatabase, UsageError, listed
from embedmig.progress import Watch
from embedmig.report import Report, Status
from embedmig.run import Run, Step, state_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from embedmig.migration import Applied, Migration
    from embedmig.migrator import Db, Migrator, OnProgress
    from embedmig.progress import Event

    Known = loader.Shipped | Migration
    T = TypeVar("T")


class Look:
    """What one look at a file shows: what is shipped, what is applied, what is therefore to be done."""

    def __init__(
        self, migrator: Migrator, conn: sqlite3.Connection, shipped: Sequence[Known], to: int | None = None
    ) -> None:
        self.migrator = migrator
        self.shipped = shipped
        applied = history.read(conn)
        self.applied: list[Applied] = applied or []
        self.has_history = applied is not None
        self._refuse_foreign(conn)
        self.adoptable = not self.has_history and bool(history.objects(conn))
        if plan.opens_as_it_is(self.shipped, self.applied):
            self.pending: list[Known] = []
        else:
            self.pending = plan.pending(self.shipped, self.applied, to=to, out_of_order=migrator.out_of_order)
        self.edited = self._edited() if self.applied and (self.pending or migrator.strict) else []

    @property
    def version(self) -> int:
        return plan.version_of(self.applied)

    def _refuse_foreign(self, conn: sqlite3.Connection) -> None:
        ours, theirs = self.migrator.application_id, file.application_id(conn)
        if ours is not None and theirs not in (0, ours):
            raise ForeignDatabase(
                f"its application_id is {theirs:#010x}, and this app's is {ours:#010x}",
                hint="Open this app's own file.",
            )
        if self.has_history or self.migrator.detect_version is not None:
            return
        if found := history.objects(conn):
            raise ForeignDatabase(
                f"it has {listed(found)} and no history of migrations",
                hint="Open this app's own file. (For the developer: a file from before embedmig needs detect_version= or a baseline.)",
            )

    def _edited(self) -> list[str]:
        checksums = {known.id: definition.checksum(known) for known in self.shipped}
        if self.migrator.strict:
            plan.refuse_edits(self.applied, checksums, self.shipped)
        if self.migrator.application_id is None:
            plan.refuse_stranger(self.applied, checksums)
        return plan.edited(self.applied, checksums)


def is_ready(migrator: Migrator, conn: sqlite3.Connection, path: str | None, *, quietly: bool) -> bool:
    """Is nothing pending? Raises what a launch would refuse, unless `quietly`: then that is a no."""
    try:
        with explaining(path):
            look = Look(migrator, conn, definition.find(migrator.migrations))
            return not look.pending and not look.adoptable
    except EmbedmigError as error:
        if quietly or (isinstance(error.__cause__, sqlite3.OperationalError) and transaction.is_busy(error.__cause__)):
            return False
        raise


class Ready:
    """The shipped migrations, and those that are loaded and made ready to run: once, before the lock is taken."""

    def __init__(self, migrator: Migrator) -> None:
        self.shipped = definition.find(migrator.migrations)
        self._steps: dict[str, Step] = {}

    def steps(self, pending: Sequence[Known]) -> list[Step]:
        for known in pending:
            if known.id not in self._steps:
                migration = definition.load(known)
                self._steps[known.id] = Step(migration, checksum=migration.checksum or definition.checksum(migration))
        return [self._steps[known.id] for known in pending]


def ready_for_a_new_file(migrator: Migrator, to: int | None) -> Ready:
    """Everything that can be wrong with the shipped migrations is found before there is a file."""
    ready = Ready(migrator)
    ready.steps(plan.pending(ready.shipped, [], to=to))
    return ready


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
        return Look(migrator, conn, ready.shipped, to)

    with explaining(path):
        look = transaction.patiently(looked, watch, migrator.timeout, "is using it")
        if not look.adoptable and not look.pending:
            return Report(path, look.version, look.version, duration_s=time.monotonic() - watch.began)
        watch.total = len(ready.steps(look.pending))
        _say_what_is_odd(look, path)
        if own:
            prepare(migrator, conn, path)
        run = _run(migrator, conn, path, own=own, watch=watch)
        with completing(run):
            run.forward(lambda: _adopted(migrator, conn), lambda: ready.steps(looked().pending))
            after = plan.version_of(history.read(conn) or ())
    seconds = time.monotonic() - watch.began
    if run.ran:
        name = path or "the database"
        log.info(
            "%s: version %d -> %d, %d migrations in %.0f ms", name, look.version, after, len(run.ran), seconds * 1000
        )
    return Report(path, look.version, after, tuple(run.ran), duration_s=seconds)


def _run(migrator: Migrator, conn: sqlite3.Connection, path: str | None, *, own: bool, watch: Watch) -> Run:
    signed = migrator.application_id
    if signed is not None and signed >= 2**31:
        signed -= 2**32  # as SQLite keeps it
    return Run(
        conn, path, watch, own=own, timeout=migrator.timeout, each=migrator.atomic == "migration",
        strict=migrator.strict, app_version=migrator.app_version, application_id=signed,
    )  # fmt: skip


def _say_what_is_odd(look: Look, path: str | None) -> None:
    for id in look.edited:
        log.warning(
            "%s was edited after it was applied to %s: its change will not run again", id, path or "the database"
        )
    for applied in look.applied:
        if not applied.finished:
            log.warning(
                "%s did not finish the last time that it ran on %s: it runs again", applied.id, path or "the database"
            )


def _adopted(migrator: Migrator, conn: sqlite3.Connection) -> list[Migration]:
    """Under the lock: what a file from before embedmig already has, as the app's own detect_version() says."""
    if migrator.detect_version is None or history.read(conn) is not None:
        return []
    if not history.objects(conn):
        return []
    with transaction.asking(conn):
        version = migrator.detect_version(conn)
    if version is None:
        raise ForeignDatabase(
            f"it has {listed(history.objects(conn))} and no history of migrations, and detect_version() does not know it",
            hint="Open this app's own file.",
        )
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise UsageError(
            f"detect_version() returned {version!r}.",
            hint="Return the file's version as an int, or None for a stranger's file.",
        )
    shipped = definition.find(migrator.migrations)
    return [_with_checksum(known) for known in plan.up_to(shipped, [], version)] if version else []


def _with_checksum(known: Known) -> Migration:
    from embedmig.migration import Migration

    migration = definition.load(known)
    fields = migration._fields() | {"checksum": migration.checksum or definition.checksum(migration)}
    return Migration(**fields)  # type: ignore[arg-type]  # the same fields, by name


def baseline(migrator: Migrator, conn: sqlite3.Connection, path: str | None, version: int, *, own: bool) -> Report:
    with explaining(path):
        if own:
            prepare(migrator, conn, path)
        run = _run(migrator, conn, path, own=own, watch=Watch())
        before: list[int] = []

        def choose() -> list[Migration]:
            shipped, applied = definition.find(migrator.migrations), history.read(conn) or []
            _refuse_application_id(migrator, conn)
            before.append(plan.version_of(applied))
            return [_with_checksum(known) for known in plan.up_to(shipped, applied, version)]

        with completing(run):
            marked = run.mark(choose)
    return Report(path, before[0], version, tuple(marked), duration_s=time.monotonic() - run.watch.began)


def mark(migrator: Migrator, conn: sqlite3.Connection, path: str | None, migration: Migration, *, own: bool) -> None:
    with explaining(path):
        run = _run(migrator, conn, path, own=own, watch=Watch())

        def choose() -> list[Migration]:
            plan.refuse_out_of_turn(definition.checked(migration), history.read(conn) or [])
            return [_with_checksum(migration)]

        with completing(run):
            run.mark(choose)


def _refuse_application_id(migrator: Migrator, conn: sqlite3.Connection) -> None:
    ours, theirs = migrator.application_id, file.application_id(conn)
    if ours is not None and theirs not in (0, ours):
        raise ForeignDatabase(
            f"its application_id is {theirs:#010x}, and this app's is {ours:#010x}", hint="Open this app's own file."
        )


def reset(migrator: Migrator, name: str) -> Report:
    """Refuse what isn't this app's or is in use, then delete and build again."""
    if name == file.MEMORY:
        raise UsageError("a database in memory has no file to delete.", hint="Open a new one.")
    ready_for_a_new_file(migrator, None)
    before = 0
    if file.size(name):
        with explaining(name):
            before = _empty_out(migrator, name)
    file.delete(name)
    report = migrator.migrate(name)
    return Report(name, before, report.after, report.ran, duration_s=report.duration_s)


def _empty_out(migrator: Migrator, name: str) -> int:
    """Make sure that the file is ours and that nobody uses it; returns its version."""
    conn = file.connect(name, timeout=0, cached_statements=0)
    try:
        applied = history.read(conn)
        if applied is None and history.objects(conn):
            raise ForeignDatabase(
                f"it has {listed(history.objects(conn))} and no history of migrations",
                hint="Delete it by hand if it is meant.",
            )
        _refuse_application_id(migrator, conn)
        transaction.be_the_only_user(conn, Watch(), min(migrator.timeout, 2.0))
        return plan.version_of(applied or ())
    finally:
        conn.close()


def status(migrator: Migrator, db: Db) -> Status:
    shipped = definition.find(migrator.migrations)

    def question(conn: sqlite3.Connection, path: str | None) -> Status:
        applied = history.read(conn)
        if applied is None and migrator.detect_version is None and (found := history.objects(conn)):
            raise ForeignDatabase(
                f"it has {listed(found)} and no history of migrations", hint="Open this app's own file."
            )
        _refuse_application_id(migrator, conn)
        rows = applied or []
        done = {a.id for a in rows if a.finished}
        checksums = {known.id: definition.checksum(known) for known in shipped}
        return Status(
            path,
            plan.version_of(rows),
            tuple(a for a in rows if a.finished),
            tuple(known.id for known in shipped if known.id not in done),
            tuple(a.id for a in plan.unknown(shipped, rows)),
            tuple(plan.edited(rows, checksums)),
            (),
            is_ready(migrator, conn, path, quietly=True),
        )

    def absent(path: str) -> Status:
        return Status(path, 0, (), tuple(known.id for known in shipped), (), (), (), False)

    return ask(db, question, absent)


def applied(db: Db) -> list[Applied]:
    return ask(db, lambda conn, _: [a for a in history.read(conn) or () if a.finished], lambda _: [])


def ask(db: Db, question: Callable[[sqlite3.Connection, str | None], T], absent: Callable[[str], T]) -> T:
    """Ask a question of a connection, or of a file that is opened so that nothing can be written."""
    conn = getattr(db, "conn", db)
    if isinstance(conn, sqlite3.Connection):
        path = file.path_of(conn)
        with explaining(path):
            return question(conn, path)
    name = file.locate(db)  # type: ignore[arg-type]  # it is no connection
    if not file.size(name):
        return absent(name)
    with explaining(name):
        own = file.connect_to_read(name)
        try:
            return question(own, name)
        finally:
            own.close()


def prepare(migrator: Migrator, conn: sqlite3.Connection, path: str | None) -> None:
    """Run the app's `prepare`; again while others launch too: a switch to WAL fails at once, whatever the busy timeout."""
    action = migrator.prepare
    if action is None:
        return
    with explaining(path):
        transaction.patiently(lambda: action(conn), Watch(), migrator.timeout, "is using it")
    if conn.in_transaction:
        transaction.undo(conn)
        raise UsageError(
            "prepare() left a transaction open.", path=path, hint="Let it set pragmas, functions and collations only."
        )
    if conn.row_factory is not None:
        conn.row_factory = None
        raise UsageError(
            "prepare() set a row_factory.", path=path, hint="Set it on the connection that you are handed."
        )


@contextmanager
def explaining(path: str | None) -> Iterator[None]:
    """Whatever SQLite raises here becomes the error that says what it means; every error gets the path."""
    try:
        yield
    except EmbedmigError as error:
        error.path = error.path or path
        raise
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise file.explained(error, path) from error


@contextmanager
def completing(run: Run) -> Iterator[None]:
    """An error on its way out of a run is completed by what the file is now."""
    try:
        yield
    except EmbedmigError as error:
        state_after(run, error)
        raise
    except (sqlite3.Error, UnicodeDecodeError) as error:
        explained = file.explained(error, run.path)
        state_after(run, explained)
        raise explained from error
