"""fleet: many files at once."""

from __future__ import annotations

import glob
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from types import FrameType
from typing import Any

import click

from embedmig import backup
from embedmig import fleet as many
from embedmig.cli import config
from embedmig.cli.command import Stopped, command, json_wanted, migrations_option
from embedmig.cli.output import Answer, as_line, count, seconds, table
from embedmig.errors import UsageError, listed
from embedmig.file import SIDECARS
from embedmig.fleet import Result


@command(
    "embedmig fleet 'data/**/*.db'",
    "embedmig fleet 'data/**/*.db' --jobs 16 --json",
    "embedmig fleet --status 'data/**/*.db'",
)
@click.argument("patterns", nargs=-1, required=True)
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="How many threads; else as many as the disk keeps waiting."
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    metavar="N",
    help="So many processes instead: for thousands of files on a fast disk.",
)
@click.option(
    "--dask", metavar="ADDRESS", help="Let the workers of a Dask cluster do it; they must see the same paths."
)
@click.option("--status", is_flag=True, help="Only count how many files stand at which version.")
@migrations_option
def fleet(
    patterns: tuple[str, ...],
    jobs: int | None,
    processes: int | None,
    dask: str | None,
    status: bool,
    migrations: str | None,
) -> Answer | None:
    """Migrate many files.

    For apps that keep one for each document or workspace. PATTERNS are paths or, in quotes, patterns; ** stands for any folders. Each file is migrated alone, all or nothing. A file
    that fails does not stop the others: they are counted at the end, and the exit status is 1. Who is interrupted calls
    again: what is done is passed over. With --json a line for each file as it is done.
    """
    if (jobs or processes) and dask is not None:
        name = "--jobs" if jobs else "--processes"
        raise click.UsageError(f"{name} is for this machine; the cluster of --dask has its own number of workers.")
    if jobs and processes:
        raise click.UsageError("--jobs are threads: give it or --processes.")
    paths, began = _files(patterns), time.monotonic()
    cancel = threading.Event()  # never set: with it fleet waits in short turns, and Windows hears Ctrl-C
    with _workers(jobs, processes, dask) as executor:
        if status:
            results = many.status(paths, executor, cancel=cancel)
        else:
            migrator = config.migrator(migrations, config.read())
            results = many.migrate(paths, migrator, executor, chunk=_FEW if processes else many.CHUNK, cancel=cancel)
        tally = _Tally()
        _watched(results, len(paths), tally)
    tally.took = time.monotonic() - began
    if json_wanted():
        raise click.exceptions.Exit(int(bool(tally.failed)))
    return Answer(tally.versions() if status else tally.told(), None, int(bool(tally.failed)))


_FEW = 5  # files in a task: after Ctrl-C processes end those in their hands, up to two tasks each and one more

# Beside a database: backups, done or cut short; files moved aside; and the sidecars of all of them.
_LEFT = re.compile(
    rf"(?:{re.escape(backup.ENDING)}(?:\.part[^/\\]*)?|\.unreadable(?:-\d+)?|{'|'.join(map(re.escape, SIDECARS))})\Z"
)


def _files(patterns: Sequence[str]) -> list[str]:
    """What the patterns mean, each file once; what is left beside it is no file of its own."""
    found: dict[str, None] = {}
    for pattern in patterns:
        named = [pattern] if os.path.exists(pattern) else sorted(glob.iglob(pattern, recursive=True))
        files = [path for path in named if os.path.isfile(path) and not _LEFT.search(path)]
        if not files:
            raise UsageError(
                f"No file matches {pattern!r}.",
                kept="",
                hint="Put a pattern in quotes, and end it like the files: '**/*.db'.",
            )
        found.update(dict.fromkeys(files))
    return list(found)


@contextmanager
def _workers(jobs: int | None, processes: int | None, dask: str | None) -> Iterator[many.Workers]:
    if dask is not None:
        with _client(dask) as client:
            yield client.get_executor()
    elif jobs is not None:
        with ThreadPoolExecutor(jobs) as pool:
            yield pool
    elif processes is not None:
        # Ctrl-C is for this process alone: they end with the files in their hands
        quiet = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_IGN)}
        with _heard_once():
            yield partial(ProcessPoolExecutor, processes, **quiet)
    else:
        yield None


@contextmanager
def _heard_once() -> Iterator[None]:
    """Ctrl-C stops at its first press, and is not heard again until the processes have ended: a second one while Python
    waits for them would leave them behind for ever."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("--dask needs Dask.", kept="", hint="pip install 'embedmig[dask]'") from error
    try:
        return Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"No Dask scheduler answers at {address}: {error}.", hint="Give its address, tcp://host:8786."
        ) from error


def _watched(results: Generator[Result], total: int, tally: _Tally) -> None:
    """Count every result, under a bar where somebody looks."""
    is_seen = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    try:
        with (
            closing(results),
            click.progressbar(length=total, file=sys.stderr, show_pos=True, width=24, hidden=not is_seen) as bar,
        ):
            for result in results:
                tally.add(result)
                if json_wanted():
                    click.echo(as_line(result))
                bar.update(1)
    except KeyboardInterrupt as interrupt:
        said = f"{tally.files:,} of {total:,} files were done, and those that were under way."
        raise Stopped(f"Stopped by Ctrl-C. {said} Call again: what is done is passed over.") from interrupt


class _Tally:
    """What became of the files, counted; of each kind of error the first few."""

    def __init__(self) -> None:
        self.took = 0.0
        self.files = self.migrated = self.failed = 0
        self.at: dict[int, int] = {}
        self.errors: dict[str, list[str]] = {}
        self.first: dict[str, Exception] = {}

    def add(self, result: Result) -> None:
        self.files += 1
        if result.error is not None:
            kind = type(result.error).__name__
            self.failed += 1
            self.errors.setdefault(kind, []).append(result.path)
            self.first.setdefault(kind, result.error)
        else:
            self.migrated += result.before != result.after
            self.at[result.after or 0] = self.at.get(result.after or 0, 0) + 1

    def told(self) -> str:
        current = self.files - self.migrated - self.failed
        head = f"{count(self.files, 'file', 'files')} in {seconds(self.took)}: {self.migrated:,} migrated, {current:,} had nothing pending, {self.failed:,} failed."
        return "\n".join([head, *self._failures()])

    def versions(self) -> str:
        rows = [(str(version), f"{files:,}") for version, files in sorted(self.at.items())]
        rows += [("?", f"{self.failed:,}")] if self.failed else []
        return "\n".join([table(("VERSION", "FILES"), rows, right=("VERSION", "FILES")), *self._failures()])

    def _failures(self) -> Iterator[str]:
        for kind, paths in sorted(self.errors.items(), key=lambda item: -len(item[1])):
            yield f"\n{len(paths):,} x {kind}: {listed(paths, 5)}"
            yield f"  {self.first[kind]}"
