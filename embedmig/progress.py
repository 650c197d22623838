"""Long work made visible, and stopped on request: the progress callback, `cancel` and Ctrl-C."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import contextmanager
from threading import current_thread, main_thread

from embedmig.errors import MigrationCancelled
from embedmig.report import Progress

try:
    from _signal import getsignal  # type: ignore[import-not-found]  # the same function, sixty times in each run, without a name made for each answer
except ImportError:  # another Python
    from signal import getsignal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import Any, Protocol, TypeVar

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
_SIGNALS = tuple(map(int, signal.valid_signals()))
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
        if phase not in (RUNNING, FINISHED):
            self.done = self.total_rows = None
        self._look()
        if self.on_progress is not None:
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

        An exception can't pass through SQLite's callbacks: it is kept, SQLite is interrupted, and whoever catches
        its error raises `stopped` instead.
        """
        conn.set_progress_handler(self._tick, INSTRUCTIONS)
        try:
            with self._keeping_what_signals_raise():
                yield
        except sqlite3.Error as error:
            if self.stopped is not None:
                raise self.stopped from error
            raise
        finally:
            _without_fail(lambda: conn.set_progress_handler(None, 0))

    def _tick(self) -> int:
        """SQLite's progress handler: 0 goes on, anything else interrupts."""
        try:
            self.look()
        except BaseException as stop:
            self.stopped = self.stopped or stop
            return 1
        return 0

    @contextmanager
    def _keeping_what_signals_raise(self) -> Iterator[None]:
        """Ctrl-C, above all. Python runs signal handlers as a function begins, before any `try` in it; where that
        function is one of SQLite's callbacks the KeyboardInterrupt is lost. So the handlers tell us too."""

        def kept(handler: Callable[[int, FrameType | None], object]) -> Callable[[int, FrameType | None], object]:
            def handle(number: int, frame: FrameType | None) -> object:
                try:
                    return handler(number, frame)
                except BaseException as stop:
                    self.stopped = self.stopped or stop
                    raise

            return handle

        wrapped: dict[int, tuple[Any, Any]] = {}
        for number in _SIGNALS if current_thread() is main_thread() else ():  # only there do handlers run
            handler = getsignal(number)
            if callable(handler):
                try:
                    signal.signal(number, ours := kept(handler))
                except ValueError:
                    break  # the main thread of a subinterpreter
                wrapped[number] = (handler, ours)
        try:
            yield
        finally:
            for number, (handler, ours) in wrapped.items():
                if getsignal(number) is ours:  # unless the migration set one of its own
                    signal.signal(number, handler)

    def _look(self) -> None:
        if self.stopped is None and self.cancel is not None and self.cancel.is_set():
            self.stopped = MigrationCancelled(self.id)
        if self.stopped is not None:
            raise self.stopped

    def _report(self, now: float) -> None:
        self._due = now + EVERY_S
        if self.on_progress is None:
            return
        now_s = now - self.began
        try:
            self.on_progress(Progress(self.id, self.index, self.total, self.phase, self.done, self.total_rows, now_s))
        except Exception as error:
            self.stopped = Stopped(error)
            raise self.stopped from error


class Stopped(BaseException):
    """The caller's own exception on its way from `on_progress` through the run, so that nobody takes it for SQLite's or
    the migration's; passed_through() raises it again at the end."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@contextmanager
def passed_through() -> Iterator[None]:
    """Around a verb: what `on_progress` raised leaves it as it was raised."""
    try:
        yield
    except Stopped as stop:
        error = stop.error
    else:
        return
    raise error from error.__cause__


def _without_fail(action: Callable[[], object]) -> None:
    """Run a clean-up on a connection that the migration's author may have closed."""
    try:
        action()
    except sqlite3.ProgrammingError:
        pass
