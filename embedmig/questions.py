"""What can be asked of a file without writing to it: is it ours, what is applied, what is pending, how does it stand?"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager

from embedmig import definition, diagnosis, file, history, plan, transaction
from embedmig.errors import (
    NEWEST,
    DatabaseDamaged,
    DatabaseReadOnly,
    DatabaseTooNew,
    EmbedmigError,
    ForeignDatabase,
    UnusablePath,
    listed,
)
from embedmig.progress import Watch
from embedmig.report import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from embedmig.loader import Shipped
    from embedmig.migration import Applied, Migration
    from embedmig.migrator import Db, Migrator

    Known = Shipped | Migration
    T = TypeVar("T")

PATIENCE_S = 5.0  # seconds, where no policy says how long to wait: sqlite3's own default
OPEN_ANOTHER = "Open this app's own file."


class Look:
    """What one look at a file shows: what is shipped, what is applied, what is therefore to be done.

    Raises ForeignDatabase, DatabaseTooNew, HistoryMismatch: what a launch refuses.
    """

    def __init__(
        self,
        migrator: Migrator,
        conn: sqlite3.Connection,
        shipped: Sequence[Known],
        to: int | None = None,
        checksum: Callable[[Known], str | None] = definition.checksum,
    ) -> None:
        self.migrator = migrator
        self.shipped = shipped
        self.checksum = checksum
        with transaction.one_state(conn):
            applied = our_history(migrator, conn)
            ours = migrator.application_id
            self.claimed = ours is not None and file.application_id(conn) == ours  # then nobody else's, for sure
            self.applied: list[Applied] = applied or []
            self.adoptable = applied is None and bool(history.objects(conn))
        if plan.opens_as_it_is(shipped, self.applied):
            self.pending: list[Known] = []
            if to is not None:
                plan.refuse_target(shipped, self.applied, to)
        else:
            self.pending = self._planned(to)
        self.edited = self._edited() if self.applied and (self.pending or migrator.strict) else []

    def _planned(self, to: int | None) -> list[Known]:
        try:
            return plan.pending(self.shipped, self.applied, to=to, out_of_order=self.migrator.out_of_order)
        except DatabaseTooNew as error:
            if error.app_version == self.migrator.app_version:
                error.hint = NEWEST  # a build of this very release wrote it: its number says nothing
            raise

    @property
    def version(self) -> int:
        return plan.version_of(self.applied)

    @property
    def nothing_to_do(self) -> bool:
        return not self.pending and not self.adoptable

    def _edited(self) -> list[str]:
        checksums = {known.id: self.checksum(known) for known in self.shipped}
        if self.migrator.strict:
            plan.refuse_edits(self.applied, checksums, self.shipped)
        if not self.claimed:
            plan.refuse_stranger(self.applied, checksums)
        return plan.edited(self.applied, checksums)


def refuse_application_id(migrator: Migrator, conn: sqlite3.Connection) -> None:
    ours, theirs = migrator.application_id, file.application_id(conn)
    if ours is not None and theirs not in (0, ours):
        what = f"its application_id is {theirs:#010x}, and this app's is {ours:#010x}"
        raise ForeignDatabase(what, hint=OPEN_ANOTHER)


def our_history(migrator: Migrator, conn: sqlite3.Connection, cure: str = "") -> list[Applied] | None:
    """The history of a file that is this app's, or None where it has none yet; ForeignDatabase, with this cure, for another's."""
    refuse_application_id(migrator, conn)
    applied = history.read(conn)
    if applied is None and migrator.detect_version is None and (found := history.objects(conn)):
        if migrator.adopts is not None:
            from embedmig import adoption

            if adoption.has_record(migrator, conn):
                return None
        developer = "(For the developer: a file from before embedmig needs adopts=, detect_version= or a baseline.)"
        what = f"it has {listed(found)} and no history of migrations"
        if migrator.adopts is not None:
            what += f", nor a record of {migrator.adopts}'s"
        raise ForeignDatabase(what, hint=cure or f"{OPEN_ANOTHER} {developer}")
    return applied


def is_ready(migrator: Migrator, conn: sqlite3.Connection, path: str | None, *, quietly: bool) -> bool:
    """Is nothing pending? Raises what a launch would refuse, unless `quietly`: then that is a no."""
    try:
        with explaining(path):
            return Look(migrator, conn, definition.find(migrator.migrations)).nothing_to_do
    except EmbedmigError as error:
        if quietly or (error.__cause__ is not None and transaction.is_busy(error.__cause__)):
            return False
        raise


def status(migrator: Migrator, db: Db) -> Status:
    from embedmig import backup, surroundings

    shipped = definition.find(migrator.migrations)

    def question(conn: sqlite3.Connection, path: str | None) -> Status:
        found = our_history(migrator, conn)
        rows = found or []
        done = {a.id for a in rows if a.finished}
        if found is None and migrator.adopts is not None:
            from embedmig import adoption

            done = adoption.recorded(migrator, conn, shipped)
        checksums = {known.id: definition.checksum(known) for known in shipped}
        return Status(
            path,
            plan.version_of(rows),
            tuple(a for a in rows if a.finished),
            tuple(known.id for known in shipped if known.id not in done),
            tuple(a.id for a in plan.unknown(shipped, rows)),
            tuple(plan.edited(rows, checksums)),
            tuple(backup.seen_of(path)) if path else (),
            is_ready(migrator, conn, path, quietly=True),
            tuple(surroundings.warnings(path)) if path else (),
        )

    def absent(path: str) -> Status:
        pending = tuple(known.id for known in shipped)
        return Status(
            path, 0, (), pending, (), (), tuple(backup.seen_of(path)), False, tuple(surroundings.warnings(path))
        )

    return ask(db, question, absent, migrator.timeout)


def applied(db: Db) -> list[Applied]:
    return ask(db, lambda conn, _: [a for a in history.read(conn) or () if a.finished], lambda _: [])


def ask(
    db: Db,
    question: Callable[[sqlite3.Connection, str | None], T],
    absent: Callable[[str], T],
    timeout: float = PATIENCE_S,
) -> T:
    """Ask a question of a connection, or of a file that is opened so that nothing can be written."""
    conn = file.connection_of(db)
    if conn is not None:
        path = file.path_of(conn)
        with explaining(path), transaction.one_state(conn):
            return question(conn, path)
    name = file.located(db)
    if not file.size(name):
        return absent(name)

    def asked() -> T:
        own = file.connect_to_read(name)
        try:
            with transaction.one_state(own):
                return question(own, name)
        finally:
            own.close()

    with explaining(name):
        return transaction.patiently(asked, Watch(), timeout, "is using it")


def open_to_read(migrator: Migrator, path: str) -> sqlite3.Connection:
    """The file for viewing and export, a too new one included; nothing can be written, nothing is migrated."""
    if not file.size(path):
        what = f"There is no database at {path}."
        raise UnusablePath(what, path=path, hint="Give the path of the file that is meant.")

    def opened() -> sqlite3.Connection:
        conn = file.connect_to_read(path)
        try:
            with transaction.one_state(conn):
                our_history(migrator, conn)
            conn.execute(file.BUSY_TIMEOUT)
        except BaseException:
            conn.close()
            raise
        return conn

    try:
        with explaining(path):
            return transaction.patiently(opened, Watch(), migrator.timeout, "is using it")
    except DatabaseReadOnly as error:
        error.hint = "A crash left it half-written, and SQLite must write to mend it: make its folder writable, or copy it and its sidecars elsewhere."
        raise


@contextmanager
def explaining(path: str | None) -> Iterator[None]:
    """Whatever SQLite raises here becomes the error that says what it means; every error gets the path."""
    try:
        yield
    except EmbedmigError as error:
        complete(error, path)
        raise
    except (sqlite3.Error, UnicodeDecodeError) as error:
        explained = diagnosis.explained(error, path)
        complete(explained, path)
        raise explained from error


def complete(error: EmbedmigError, path: str | None) -> None:
    """What only the place of the raising verb knows: the path, and the backup that this build could open."""
    error.path = error.path or path
    if not error.path or error.backup:
        return
    from embedmig import backup

    if isinstance(error, DatabaseTooNew):
        error.backup = backup.newest_up_to(error.path, error.newest, backup.seen_of(error.path))
    elif isinstance(error, DatabaseDamaged):
        error.backup = next(iter(backup.seen_of(error.path)), None)
