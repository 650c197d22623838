"""The pending migrations run on a copy of the real file: what would happen, how long it takes, what room it needs."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time

from embedmig import backup, definition, disk, drift, file, foreign_keys, history, plan, schema, transaction
from embedmig.errors import EmbedmigError, UsageError
from embedmig.progress import Watch
from embedmig.questions import Look, explaining
from embedmig.report import Rehearsal, Rehearsed, Report
from embedmig.verbs import Ready, adopted, completing, prepare, run_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.guard import Guard
    from embedmig.migrator import Migrator
    from embedmig.task import Task


def rehearse(migrator: Migrator, path: str) -> Rehearsal:
    if path == file.MEMORY or not file.size(path):
        raise UsageError(f"There is no database at {path}.", path=path, hint="Give the path of the file that is meant.")
    with tempfile.TemporaryDirectory(prefix="embedmig-", dir=_roomy_folder(path)) as folder:
        copy = os.path.join(folder, os.path.basename(path))
        with explaining(path):
            source = transaction.patiently(lambda: file.connect_to_read(path), Watch(), migrator.timeout, "is using it")
            before = None
            try:
                before = plan.version_of(history.read(source) or ())
                Look(
                    migrator, source, definition.find(migrator.migrations)
                )  # refuse before the copy what a launch refuses
                if migrator.strict:
                    drift.refuse(migrator, source, path)
                conn = file.connect(copy, cached_statements=0)
                try:
                    backup.transfer(source, conn, Watch(), migrator.timeout)
                    wal = transaction.is_wal(source)
                    return _Measured(migrator, conn, copy, path, wal).result()
                finally:
                    conn.close()
            except EmbedmigError as error:
                error.data_is_safe = True
                error.path, error.version, error.kept = path, before, "This was a rehearsal: nothing was changed."
                raise
            finally:
                source.close()


def _roomy_folder(path: str) -> str | None:
    """The system's folder for temporary files; where that has no room, beside the file, on its own disk."""
    folder = os.path.dirname(os.path.realpath(path))
    small = disk.free_bytes(os.path.join(tempfile.gettempdir(), "x")) < 5 * os.path.getsize(path)
    return folder if small and disk.may_write_in(folder) else None


class _Measured:
    """A run on the copy that is looked at after each migration."""

    def __init__(self, migrator: Migrator, conn: sqlite3.Connection, copy: str, path: str, wal: bool) -> None:
        self.migrator, self.conn, self.copy, self.path, self.wal = migrator, conn, copy, path, wal
        self.size = self.peak = os.path.getsize(copy)
        self.found: list[Rehearsed] = []
        self.watch = Watch(on_progress=lambda _: self._weigh())

    def result(self) -> Rehearsal:
        if self.wal:
            self.conn.execute("PRAGMA journal_mode = WAL").fetchall()
        prepare(self.migrator, self.conn, self.copy)
        ready, before = Ready(self.migrator), plan.version_of(history.read(self.conn) or ())
        first, rows = schema.statements(self.conn), schema.row_counts(self.conn)
        self._remember(rows)
        run = run_of(self.migrator, self.conn, self.copy, own=True, watch=self.watch)
        run.backups, run.observe = 0, self._after
        with completing(run):
            run.through(
                lambda: ready.tasks(Look(self.migrator, self.conn, ready.shipped).pending),
                lambda: adopted(self.migrator, self.conn, ready.shipped, own=True),
            )
        self._weigh()
        seconds = time.monotonic() - self.watch.began
        after = plan.version_of(history.read(self.conn) or ())
        return Rehearsal(
            Report(self.path, before, after, tuple(run.ran), None, seconds),
            tuple(self.found),
            rows,
            schema.row_counts(self.conn),
            schema.diff(first, schema.statements(self.conn)),
            self.peak - self.size + (self.size if self.migrator.backups_kept else 0),
        )

    def _remember(self, rows: dict[str, int]) -> None:
        self.rows, self.schema = rows, schema.statements(self.conn)
        self.changes, self.bytes = self.conn.total_changes, self._bytes()
        self.keys = foreign_keys.Before(self.conn)

    def _after(self, task: Task, duration_ms: int, guard: Guard | None) -> None:
        rows, violations = schema.row_counts(self.conn), 0
        if guard is not None:
            self.keys.note(guard)
            violations = len(self.keys.new(self.conn))
        self.found.append(
            Rehearsed(
                task.id,
                duration_ms,
                self.conn.total_changes - self.changes,
                self.rows,
                rows,
                schema.diff(self.schema, schema.statements(self.conn)),
                self.bytes,
                self._bytes(),
                violations,
            )
        )
        self._remember(rows)
        self._weigh()

    def _bytes(self) -> int:
        return transaction.page_count(self.conn) * transaction.page_size(self.conn)

    def _weigh(self) -> None:
        """The most room that the copy and its sidecars took at any look."""
        names = [self.copy, *(self.copy + end for end in file.SIDECARS)]
        self.peak = max(self.peak, sum(os.path.getsize(name) for name in names if os.path.exists(name)))
