"""The verbs that take long, for asyncio: a worker thread does the work, and the loop goes on.

    from embedmig import aio

    report = await aio.migrate("notes.db", notes_app.migrations, on_progress=bar.show)

The worker opens, uses and closes a connection of its own, since a connection belongs to its thread; open
the app's own afterwards, with whatever library the app uses. Where there are no threads (Python in a browser)
the work is done in the loop's own. What else may take a while waits well in a thread of your own:
`await asyncio.to_thread(migrator.rehearse, path)`.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from embedmig import definition, file
from embedmig.errors import EmbedmigError, UsageError
from embedmig.policy import changed, migrator_of
from embedmig.report import Progress, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine

    from embedmig.loader import Source
    from embedmig.migrator import Migrator, OnProgress

    Path = str | os.PathLike[str]
    Migrations = Source | Migrator
    Flush = Callable[[], Awaitable[object]] | None
    Work = Callable[[OnProgress, threading.Event], Report]


async def migrate(
    path: Path,
    migrations: Migrations,
    *,
    to: int | None = None,
    on_progress: OnProgress = None,
    flush: Flush = None,
    **policy: Any,
) -> Report:
    """Run what is pending, as `Migrator(migrations, **policy).migrate(path)` does, while the loop goes on.

    `migrations` may be a Migrator, which brings its policy. `on_progress` is called in the loop's own thread; what it
    raises undoes the run and is raised here. A task that is cancelled stops the run, waits until everything is undone,
    and raises CancelledError; where the commit was faster, its message says so and at which version the file is.

    `flush`, an async function, is awaited after each commit, before success or failure is told: for a file system that
    keeps what was written only when it is told to, as in a browser. What it raises is raised here.
    """
    migrator = _migrator(path, migrations, policy)
    if flush is None:
        return await _in_a_thread(_migrating(migrator, path, to), on_progress)
    report: Report | None = None
    done = 0
    while True:  # one commit, one flush, and again: nothing can be awaited in the middle of a run
        ends, left = await asyncio.get_running_loop().run_in_executor(None, _commits, migrator, path, to)
        step = _migrating(migrator, path, ends[0] if ends else to)
        made = await _then(flush, _in_a_thread(step, _counting(on_progress, done, done + left)))
        report = made if report is None else _joined(report, made)
        if len(ends) < 2:
            return report
        done += len(made.ran)
        migrator = changed(migrator, backups_kept=0)  # the one to go back to stands already


async def rollback(
    path: Path, migrations: Migrations, *, to: int, on_progress: OnProgress = None, flush: Flush = None, **policy: Any
) -> Report:
    """Run the `down` of every migration above version `to`, newest first; else as migrate(). `flush` is awaited at the end."""
    migrator = _migrator(path, migrations, policy)

    def work(report: OnProgress, stop: threading.Event) -> Report:
        return migrator.rollback(path, to=to, on_progress=report, cancel=stop)

    return await _then(flush, _in_a_thread(work, on_progress))


async def progress(
    path: Path, migrations: Migrations, *, to: int | None = None, flush: Flush = None, **policy: Any
) -> AsyncGenerator[Progress]:
    """Run what is pending and yield what it is doing: `async for now in aio.progress(path, migrations): ...`.

    Ends when the file is at its version; raises what migrate() raises. Who leaves the loop early puts
    `contextlib.aclosing()` around it: closing stops the run and waits until it is undone.
    """
    told: asyncio.Queue[Progress | None] = asyncio.Queue()
    run = asyncio.ensure_future(migrate(path, migrations, to=to, on_progress=told.put_nowait, flush=flush, **policy))
    run.add_done_callback(lambda _: told.put_nowait(None))
    try:
        while (now := await told.get()) is not None:
            yield now
        await run
    finally:
        await _ended(run)


async def _ended(run: asyncio.Future[Report]) -> None:
    """Stop a run and wait for its end, however often we are cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not run.done():
        run.cancel()
        try:
            await asyncio.wait([run])
        except asyncio.CancelledError as error:
            cancelled = error
    if not run.cancelled():
        run.exception()  # looked at: asyncio complains of one that nobody asked for
    if cancelled is not None:
        raise cancelled


def _migrating(migrator: Migrator, path: Path, to: int | None) -> Work:
    def work(report: OnProgress, stop: threading.Event) -> Report:
        return migrator.migrate(path, to=to, on_progress=report, cancel=stop)

    return work


def _migrator(path: Path, migrations: Migrations, policy: dict[str, Any]) -> Migrator:
    if file.connection_of(path) is not None:
        raise UsageError("A connection belongs to its thread.", hint="Give the file's path, and open it afterwards.")
    return migrator_of(migrations, policy)


async def _in_a_thread(work: Work, on_progress: OnProgress) -> Report:
    """Work in a thread, to its end in any case: nobody may go on while it holds the file."""
    loop, here, stop = asyncio.get_running_loop(), threading.get_ident(), threading.Event()
    raised: list[Exception] = []

    def tell(now: Progress) -> None:
        try:
            if on_progress is not None and not raised:
                on_progress(now)
        except Exception as error:
            raised.append(error)
            stop.set()

    def report(now: Progress) -> None:
        if threading.get_ident() == here:  # no threads: we are the loop
            tell(now)
        else:
            loop.call_soon_threadsafe(tell, now)  # a loop that was closed raises, which undoes the run

    # not a Task, which the end of asyncio.run() would cancel alone, leaving the thread behind
    worker = loop.run_in_executor(None, work, report if on_progress else None, stop)
    cancelled: asyncio.CancelledError | None = None
    while not worker.done():
        try:
            await asyncio.wait([worker])
        except asyncio.CancelledError as error:
            cancelled = error
            stop.set()
    if cancelled is not None:
        raise _said(cancelled, worker)
    if raised:
        if worker.exception() is None and (report_made := worker.result()).ran:
            raised[0].add_note(_faster(report_made))
        raise raised[0]
    return worker.result()


def _said(cancelled: asyncio.CancelledError, worker: asyncio.Future[Report]) -> asyncio.CancelledError:
    """The cancellation, with what became of the file."""
    error = worker.exception()
    if error is not None:
        cancelled = asyncio.CancelledError(str(error))
        cancelled.__cause__ = error
        return cancelled
    report = worker.result()
    if not report.ran:
        return cancelled
    return asyncio.CancelledError(_faster(report))


def _faster(report: Report) -> str:
    return f"The commit was faster: {report.path} is at version {report.after}."


async def _then(flush: Flush, run: Coroutine[Any, Any, Report]) -> Report:
    """The run, then the flush, whatever became of the run: a failed one may have left earlier commits."""
    try:
        report = await run
    except BaseException as error:
        try:
            if flush is not None:
                await flush()
        except Exception as second:
            error.add_note(f"flush() failed, too: {second!r}")
        raise
    if flush is not None:
        await flush()
    return report


def _commits(migrator: Migrator, path: Path, to: int | None) -> tuple[list[int], int]:
    """The versions at which a run would commit, and how many migrations it would run.

    None where it will refuse, or has nothing to do: it says so better itself.
    """
    try:
        status = migrator.status(path)
        if not status.applied and file.size(file.located(path)):
            return [], 0  # whatever it has was recorded elsewhere: the run itself finds out
        shipped = [known for known in definition.find(migrator.migrations) if known.id in set(status.pending)]
        pending = [definition.load(known) for known in shipped if to is None or known.version <= to]
    except EmbedmigError:
        return [], 0
    alone = [migrator.atomic == "migration" or not migration.transactional for migration in pending]
    last = len(pending) - 1
    ends = [m.version for i, m in enumerate(pending) if i == last or alone[i] or alone[i + 1]]
    return sorted({max(end, status.version) for end in ends}), len(pending)  # a late one runs beside the newest


def _counting(on_progress: OnProgress, done: int, total: int) -> OnProgress:
    """A run that is one of several counts the migrations of all."""
    if on_progress is None or not done + total:
        return on_progress

    def counted(now: Progress) -> object:
        index = done + now.index if now.index else 0
        return on_progress(Progress(now.id, index, total, now.phase, now.done, now.total_rows, now.elapsed_s))

    return counted


def _joined(one: Report, other: Report) -> Report:
    seconds = one.duration_s + other.duration_s
    return Report(one.path, one.before, other.after, one.ran + other.ran, one.backup, seconds)
