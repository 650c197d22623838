"""Many files at once: apps that keep one for each document, workspace or tenant.

    from embedmig import fleet

    for result in fleet.migrate(Path("data").glob("**/*.db"), notes_app.migrations):
        if result.error is not None:
            print(result.path, result.error)

Each file is migrated as `Migrator.migrate` would do it, alone and all or nothing; a failure is a result, not an
exception. Who is interrupted calls again: what is at its version is passed over.
"""

from __future__ import annotations

import os
import pickle
import queue
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from typing import Any

from embedmig import file, plan
from embedmig.errors import UsageError
from embedmig.migrator import Migrator, get_applied_migrations
from embedmig.policy import migrator_of
from embedmig.report import Value
from embedmig.verbs import Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from embedmig.loader import Source
    from embedmig.migrator import Path
    from embedmig.progress import Event

    Workers = Executor | Callable[[], Executor] | None
    Work = Callable[[Any, str, "_Known"], "Result"]

CHUNK = 25  # files in a task
IN_FLIGHT = 64  # chunks handed to the executor and not yet back: memory stays flat, whatever the number of paths
LOOK_S = 0.05  # between two looks at `cancel`, and at whether the disk leaves room for one more thread
AHEAD = 2  # chunks for each of our own threads: one in work, one waiting
THREADS = 4 * (os.cpu_count() or 1)  # at most, of our own
BUSY = 0.7  # of one core: as much as this process uses where its threads get in each other's way, since one at a time runs Python


class Result(Value):
    """What became of one file: versions before and after (None: not known), seconds, and the error or None.

    After an error `after` is the version at which the file stands, where that could be told.
    """

    path: str
    before: int | None
    after: int | None
    duration_s: float
    error: Exception | None = None


def migrate(
    paths: Iterable[Path],
    migrations: Source | Migrator,
    executor: Workers = None,
    *,
    chunk: int = CHUNK,
    cancel: Event | None = None,
    **policy: Any,
) -> Generator[Result]:
    """Run what is pending in every file; yield a Result for each as it is done, in no order.

    `migrations` may be a Migrator, which brings its policy. `paths` may be a generator of millions: only some
    thousand are held at a time. Once `cancel` is set no further chunk is begun, in threads no further file; the results of
    what is under way still come. Closing the generator does the same and waits.

    `executor` is any `concurrent.futures.Executor`: threads, processes, Dask's `client.get_executor()`, mpi4py's
    `MPIPoolExecutor`; each task is `chunk` files. By default threads, which need neither pickling nor a
    main module that can be imported twice: one, and one more while the disk makes them wait, up to four for each core.
    A function that makes an executor, `executor=ProcessPoolExecutor`, lets a pool whose worker died be replaced, once; the
    files that it had are begun again.
    """
    return _each(_migrated, migrator_of(migrations, policy), paths, executor, chunk, cancel)


def status(
    paths: Iterable[Path], executor: Workers = None, *, chunk: int = 100, cancel: Event | None = None
) -> Generator[Result]:
    """At which version does each file stand? As migrate(), but nothing is written: `before` and `after` are that version.

    Whether that is the newest is not asked: `Counter(result.after for result in fleet.status(paths))`.
    """
    return _each(_asked, None, paths, executor, chunk, cancel)


# -- in the workers ------------------------------------------------------------------------------------------------


class _Known:
    """What a worker knows of one call's migrations: found once for all its files."""

    def __init__(self, nonce: str) -> None:
        self.nonce = nonce
        self.ready: Ready | None = None


_last = threading.local()  # what this worker knew last; a migration may have called fleet itself since


def _done(work: Work, subject: Migrator | None, paths: list[str], nonce: str, stop: Event | None) -> list[Result]:
    """One chunk; with what can be told to stop, no further file of it is begun then."""
    known: _Known | None = getattr(_last, "known", None)
    if known is None or known.nonce != nonce:
        known = _last.known = _Known(nonce)
    found = []
    for path in paths:
        if stop is not None and stop.is_set():
            break
        found.append(work(subject, path, known))
    return found


def _migrated(migrator: Migrator, path: str, known: _Known) -> Result:
    began = time.monotonic()
    try:
        if known.ready is None:
            known.ready = Ready(migrator)
        report = migrator._migrate_file(file.located(path), None, None, None, known.ready)
    except (Exception, SystemExit) as error:  # of a migration that says sys.exit(): the files after it have their turn
        at = getattr(error, "version", None)
        return Result(path, None, at, time.monotonic() - began, _sendable(error))
    return Result(path, report.before, report.after, report.duration_s)


def _asked(_: None, path: str, _known: _Known) -> Result:
    began = time.monotonic()
    try:
        version = plan.version_of(get_applied_migrations(path))
    except Exception as error:
        return Result(path, None, None, time.monotonic() - began, _sendable(error))
    return Result(path, version, version, time.monotonic() - began)


def _sendable(error: BaseException) -> Exception:
    """An exception that another process can take apart again, and that is one: some of an app's own can't be."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        pass
    else:
        if isinstance(error, Exception):
            return error
    return RuntimeError(f"{type(error).__name__}: {error}")


# -- in the caller's process ---------------------------------------------------------------------------------------


def _each(
    work: Work, subject: Migrator | None, paths: Iterable[Path], workers: Workers, size: int, cancel: Event | None
) -> Generator[Result]:
    """Hand out chunks, so many at a time, and yield what comes back."""
    if size < 1:
        raise UsageError(f"chunk={size} is not a number of files.", hint="Say how many make a task.")
    return _results(lambda: _Tasks(work, subject, workers, cancel), _chunks(paths, size))


def _chunks(paths: Iterable[Path], size: int) -> Iterator[list[str]]:
    rest = iter(paths)
    while chunk := [os.fspath(path) for path in islice(rest, size)]:
        yield chunk


def _results(begin: Callable[[], _Tasks], chunks: Iterator[list[str]]) -> Generator[Result]:
    tasks = begin()  # at the first next(): who never asks leaves no pool behind
    try:
        for chunk in chunks:
            if tasks.is_cancelled():
                break
            tasks.hand_out(chunk)
            while len(tasks.running) >= tasks.most:
                yield from tasks.next()
        while tasks.running:
            yield from tasks.next()
    finally:
        tasks.close()


class _Tasks:
    """The chunks that an executor has, and what came back."""

    def __init__(self, work: Work, subject: Migrator | None, workers: Workers, cancel: Event | None) -> None:
        self.work, self.subject, self.cancel, self.stop = work, subject, cancel, threading.Event()
        self.make = None if isinstance(workers, Executor) else workers or _Threads
        self.executor = workers if isinstance(workers, Executor) else self.make()  # type: ignore[misc]
        self.running: dict[Future[list[Result]], list[str]] = {}
        self.done: queue.SimpleQueue[Future[list[Result]]] = queue.SimpleQueue()
        self.nonce = os.urandom(16).hex()  # Dask runs equal calls once, and would take a second run for the first
        self.renewed = False
        self.most = IN_FLIGHT if workers is not None else AHEAD  # chunks at a time
        self._then, self._used = time.monotonic(), time.process_time()

    def hand_out(self, chunk: list[str]) -> None:
        try:
            seen = isinstance(self.executor, (ThreadPoolExecutor, _Threads))  # no other worker sees our event
            stop = self.stop if seen else None
            future = self.executor.submit(_done, self.work, self.subject, chunk, self.nonce, stop)
        except BrokenExecutor as error:
            if not self._renew():
                future = Future()  # the chunk's turn comes as that of those that it had
                future.set_exception(error)
            else:
                return self.hand_out(chunk)
        self.running[future] = chunk
        future.add_done_callback(self.done.put)
        return None

    def next(self) -> list[Result]:
        """Wait for a chunk; its results, none if it was cancelled, or if there is a thread more now."""
        future = self._next_done()
        if future is None or (chunk := self.running.pop(future, None)) is None or future.cancelled():
            return []
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, BrokenExecutor) and self._renew():
            self.hand_out(chunk)
            return []
        self._refuse_what_cannot_be_sent(error)
        failed = error if isinstance(error, Exception) else RuntimeError(repr(error))
        return [Result(path, None, None, 0.0, failed) for path in chunk]

    def is_cancelled(self) -> bool:
        """Has the caller had enough? Then what no worker has begun is taken back."""
        if self.cancel is None or not self.cancel.is_set():
            return False
        self.stop.set()
        for future in list(self.running):
            future.cancel()
        return True

    def close(self) -> None:
        self.stop.set()
        for future in list(self.running):
            future.cancel()
        # A file is in nobody's hands when we return. Not by shutdown() alone: where Ctrl-C comes while Python 3.11 joins a thread,
        # it takes that for ended (https://github.com/python/cpython/issues/90882), and the exit waits for ever for the processes.
        wait([future for future in self.running if not future.cancelled()])
        if self.make:
            self.executor.shutdown(wait=True)

    def _next_done(self) -> Future[list[Result]] | None:
        """The next chunk that comes back; None if there may be a thread more meanwhile."""
        turn = LOOK_S if self.cancel is not None or isinstance(self.executor, _Threads) else None
        while True:
            self.is_cancelled()
            if self._grew():
                return None
            try:
                return self.done.get(timeout=turn)
            except queue.Empty:
                continue

    def _grew(self) -> bool:
        """Do our threads mostly wait for the disk? Then there may be one more of them."""
        now, used = time.monotonic(), time.process_time()
        took, then_used = now - self._then, self._used
        if took < LOOK_S or not isinstance(self.executor, _Threads):
            return False
        self._then, self._used = now, used
        if used - then_used >= BUSY * took or not self.executor.grow():
            return False
        self.most += AHEAD
        return True

    def _renew(self) -> bool:
        """A new pool in the place of one whose worker died, once, if the pool was ours; what was in its hands is begun again."""
        if self.make is None or self.renewed:
            return False
        self.renewed = True
        self.executor.shutdown(wait=True)
        self.executor = self.make()
        for future, chunk in list(self.running.items()):
            if future.cancelled():
                del self.running[future]
            elif future.exception() is not None:
                del self.running[future]
                self.hand_out(chunk)
        return True

    def _refuse_what_cannot_be_sent(self, error: BaseException) -> None:
        try:
            pickle.dumps(self.subject)
        except Exception:
            raise UsageError(
                f"The migrations can't be sent to another process: {error}.",
                hint="Give a package by its name and functions of a module's top level, or use threads.",
            ) from error


class _Threads(Executor):
    """One thread at first. It goes on with the next chunk while the caller looks at the last; what waits is nobody's own,
    so that it does not wait for a file that somebody holds while another thread has nothing to do."""

    def __init__(self) -> None:
        # each of one thread: of a pool of several more would begin than there may be
        self._each: list[ThreadPoolExecutor] = []
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self.grow()

    def grow(self) -> bool:
        """One more; False where there are THREADS already."""
        if len(self._each) >= THREADS:
            return False
        thread = ThreadPoolExecutor(1, "embedmig")
        self._each.append(thread)
        for _ in range(self._waiting.qsize()):
            thread.submit(self._next)
        return True

    def submit(self, work: Callable[..., Any], /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.put((future, partial(work, *args, **more)))
        for thread in self._each:
            thread.submit(self._next)  # the first that is free does it, and the others find nothing
        return future

    def _next(self) -> None:
        try:
            future, work = self._waiting.get_nowait()
        except queue.Empty:
            return
        if future.set_running_or_notify_cancel():
            try:
                result = work()
            except BaseException as error:  # the caller's to judge, as any executor has it
                future.set_exception(error)
                del future  # else the error's traceback would hold it, and it the error
            else:
                future.set_result(result)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for thread in self._each:
            thread.shutdown(wait, cancel_futures=cancel_futures)
