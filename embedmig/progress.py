"""Long work made visible, and stopped on request: the progress callback, `cancel` and Ctrl-C."""

from __future__ import annotations

import time
from contextlib import contextmanager

from embedmig.errors import MigrationCancelled
from embedmig.report import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol, TypeVar

    T = TypeVar("T")

    class Event(Protocol):
        def is_set(self) -> bool: ...


WAITING = "waiting for another launch"
CHECKING = "checking the file"
BACKING_UP = "backing up"
STARTED = "started"
RUNNING = "running"
FINISHED = "finished"
COMMITTING = "committing"

EVERY_S = 0.1  # between two reports of one phase
INSTRUCTIONS = 10_000  # of SQLite's virtual machine between two looks: well under a millisecond


class Watch:
    """What one verb reports to its caller, and whether the caller wants it stopped."""

    def __init__(self, on_progress: Callable[[Progress], object] | None = None, cancel: Event | None = None) -> None:
        self.on_progress = on_progress
        self.cancel = cancel
        self.began = time.monotonic()
        self.stopped: BaseException | None = None  # why SQLite was interrupted: raised instead of its "interrupted"
        self.id: str | None = None
        self.index = self.total = 0
        self.phase = ""
        self.done: int | None = None
        self.total_rows: int | None = None
        self._due = 0.0

    def enter(self, phase: str, id: str | None = None, index: int = 0) -> None:
        """A new phase begins: reported at once. Raises MigrationCancelled if that was asked for."""
        self.phase, self.id, self.index = phase, id, index
        if phase in (STARTED, WAITING):
            self.done = self.total_rows = None
        self._look()
        self._report(time.monotonic())

    def look(self) -> None:
        """Called often, from Python: reports now and then, raises what stops the run."""
        self._look()
        now = time.monotonic()
        if now >= self._due:
            self._report(now)

    def rows(self, rows: Iterable[T], total: int | None = None) -> Iterator[T]:
        """Yield the rows of a data migration and report how many are done: a migration's `progress(rows, total=n)`."""
        if total is None and hasattr(rows, "__len__"):
            total = len(rows)  # type: ignore[arg-type]  # it has __len__
        self.done, self.total_rows = 0, total
        done, stride, look_at, then = 0, 1, 1, time.monotonic()
        for row in rows:
            yield row
            done += 1
            if done == look_at:  # the clock is asked often enough, not at each row
                self.done, now = done, time.monotonic()
                stride = stride * 2 if now - then < EVERY_S / 20 else max(1, stride // 2)
                look_at, then = done + stride, now
                self.look()
        self.done = done
        self.look()

    @contextmanager
    def over(self, conn: sqlite3.Connection) -> Iterator[None]:
        """While SQLite works on this connection, look around now and then.

        A KeyboardInterrupt or an exception of the callback can't pass through SQLite: it is kept,
        SQLite is interrupted, and whoever catches its OperationalError raises `stopped` instead.
        """
        conn.set_progress_handler(self._tick, INSTRUCTIONS)
        try:
            yield
        finally:
            _without_fail(lambda: conn.set_progress_handler(None, 0))

    def _tick(self) -> int:
        try:
            self.look()
        except BaseException as stop:  # KeyboardInterrupt too
            self.stopped = stop
            return 1
        return 0

    def _look(self) -> None:
        if self.stopped is not None:
            raise self.stopped
        if self.cancel is not None and self.cancel.is_set():
            raise MigrationCancelled(self.id)

    def _report(self, now: float) -> None:
        self._due = now + EVERY_S
        if self.on_progress is not None:
            self.on_progress(
                Progress(self.id, self.index, self.total, self.phase, self.done, self.total_rows, now - self.began)
            )


def _without_fail(action: Callable[[], object]) -> None:
    """Run a clean-up on a connection that the migration's author may have closed."""
    import sqlite3

    try:
        action()
    except sqlite3.ProgrammingError:
        pass
