"""The process that is broken: forked from a warm one, so that a point costs milliseconds, and never to be trusted afterwards."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import embedmig
from faults import calls, vfs

OURS = os.path.dirname(embedmig.__file__) + os.sep
TOO_LONG_S = 60  # a child that takes longer hangs: SIGALRM ends it

MAKE = frozenset({"create", "os.create", "os.mkdir"})
GROW = MAKE | {"write", "shm", "os.rename"}
CHANGE = GROW | {"truncate", "sync", "delete", "os.fsync", "os.unlink", "os.chmod", "os.chown", "os.utime", "os.link"}
LOOK = frozenset({"open", "read", "os.open", "os.stat", "os.listdir"})
CALLED = frozenset(
    {"open", "create", "write", "truncate", "delete", "shm"}
)  # a system call that a signal may interrupt


class Fault(NamedTuple):
    """What happens at the k-th of the operations `ops`: the process is killed, or they fail with `number`, once, for a while or for ever."""

    name: str
    ops: frozenset[str]
    number: int = 0  # an errno; 0: killed
    lasting: bool = False
    for_s: float = float("inf")  # what lasts ends then


FAULTS = (
    Fault("killed", CHANGE - {"os.chmod", "os.chown", "os.utime"}),
    Fault("ENOSPC once", GROW, errno.ENOSPC),
    Fault("ENOSPC for ever", GROW, errno.ENOSPC, lasting=True),
    Fault("EIO once", CHANGE | LOOK, errno.EIO),
    Fault("EIO for ever", CHANGE | {"open", "os.open"}, errno.EIO, lasting=True),
    # Python itself tries its own calls again (PEP 475): only SQLite's are interrupted
    Fault("EINTR once", CALLED, errno.EINTR),
    Fault("EACCES once", frozenset({"open", "create", "delete", "os.open", "os.create", "os.rename", "os.unlink", "os.mkdir"}), errno.EACCES),
    Fault("locked a while", frozenset({"lock"}), errno.EBUSY, lasting=True, for_s=0.12),
    Fault("EMFILE once", frozenset({"open", "create", "os.open", "os.create", "os.listdir"}), errno.EMFILE),
)  # fmt: skip


class Outcome(NamedTuple):
    """What became of the process: it returned, raised, or was killed; and did the fault strike at all?"""

    how: str  # "returned", "raised", or how it died
    struck: str = ""  # the operation that was broken, with its file
    error: BaseException | None = None
    text: str = ""  # of the error with the whole chain of its causes
    result: object = None


Operation = tuple[str, str]


def operations(act: Callable[[Path], object], path: Path) -> list[Operation]:
    """Everything that an unbroken act does to files, in order: (op, path)."""
    seen: list[Operation] = []

    def watch() -> object:
        _hook_in(lambda op, name, offset, data: seen.append((op, name)), path)
        act(path)
        return seen

    outcome = forked(watch)
    if outcome.how != "returned":
        raise AssertionError(f"unbroken, and it {outcome.how}: {outcome.text}")
    return outcome.result  # type: ignore[return-value]


def points(fault: Fault, seen: list[Operation]) -> int:
    """At how many places of this run the fault can strike."""
    return sum(op in fault.ops for op, _ in seen)


def broken(act: Callable[[Path], object], path: Path, fault: Fault, k: int) -> Outcome:
    """Run `act` in a process of its own and break it at the k-th operation that the fault is about, from 1."""
    struck: list[str] = []

    def hook(op: str, name: str, offset: int, data: bytes) -> int:
        if op not in fault.ops:
            return 0
        count[0] += 1
        if count[0] < k or (count[0] > k and not fault.lasting):
            return 0
        if not fault.number:
            os.write(pipe[1], b"killed")
            os.kill(os.getpid(), signal.SIGKILL)
        if not struck:
            struck.append(f"{op} {os.path.basename(name)}")
            ends.append(time.monotonic() + fault.for_s)
        return fault.number if time.monotonic() < ends[0] else 0

    count, ends = [0], list[float]()
    pipe = os.pipe()

    def run() -> object:
        _hook_in(hook, path)
        return act(path)

    try:
        outcome = forked(run, lambda: struck[0] if struck else "")
        os.set_blocking(pipe[0], False)
        if outcome.how == "died of SIGKILL":
            try:
                return outcome._replace(how="killed", struck=os.read(pipe[0], 6).decode())
            except BlockingIOError:
                pass
        return outcome
    finally:
        os.close(pipe[0])
        os.close(pipe[1])


def _hook_in(hook: vfs.Hook, path: Path) -> None:
    folder = os.path.realpath(path.parent)

    def inside(op: str, name: str, offset: int, data: bytes) -> int | None:
        ours = name == vfs.TEMPORARY or name.startswith(folder)
        return hook(op, name, offset, data) if ours else 0

    vfs.install(inside)
    calls.install(inside, folder)


def forked(run: Callable[[], object], struck: Callable[[], str] = lambda: "") -> Outcome:
    """Call `run` in a forked child and bring back what became of it."""
    return ended(*started(run, struck))


def started(run: Callable[[], object], struck: Callable[[], str] = lambda: "") -> tuple[int, int]:
    """A forked child that calls `run`: its id, and the pipe into which it says what became of it."""
    here, there = os.pipe()
    # a signal that came in between would raise in the child's copy of the parent's code, which would then go on as the parent
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    pid = os.fork()
    if pid == 0:
        try:
            _begin()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(here)
            data = _outcome_of(run, struck)
            with os.fdopen(there, "wb") as pipe:
                pipe.write(data)
        finally:
            os._exit(0)  # never back into the code of the parent
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(there)
    return pid, here


def ended(pid: int, pipe: int) -> Outcome:
    """Wait for a child's end."""
    with os.fdopen(pipe, "rb") as answer:
        data = answer.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return Outcome(f"died of {signal.Signals(os.WTERMSIG(status)).name}")
    try:
        return pickle.loads(data)  # type: ignore[no-any-return]
    except (EOFError, pickle.UnpicklingError):  # it left by itself, or Ctrl-C came before the run or after it
        code = os.WEXITSTATUS(status)
        return Outcome(f"exited with {code}" if code else "said nothing")


def _begin() -> None:
    signal.alarm(TOO_LONG_S)
    # who runs in the background ignores Ctrl-C, and so do its children
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.settrace(None)  # what coverage sees here is lost with the child; its lock would hang one that gets a signal
    logging.disable()


def _outcome_of(run: Callable[[], object], struck: Callable[[], str] = lambda: "") -> bytes:
    try:
        outcome = Outcome("returned", result=run())
    except BaseException as error:
        outcome = Outcome("raised", "", error, chain(error))
    outcome = outcome._replace(struck=struck())
    try:
        return pickle.dumps(outcome)
    except Exception as error:  # of somebody else's, which does not pickle
        return pickle.dumps(outcome._replace(error=None, result=None, text=f"{outcome.text}\n(not pickled: {error})"))


def chain(error: BaseException | None) -> str:
    """The error and all of its causes, a line each, with the places of ours through which it came."""
    lines: list[str] = []
    while error is not None and len(lines) < 8:
        name = getattr(error, "sqlite_errorname", None) if isinstance(error, sqlite3.Error) else None
        lines.append(f"{type(error).__name__}: {error}" + (f" [{name}]" if name else "") + _places(error))
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


def _places(error: BaseException) -> str:
    steps = traceback.extract_tb(error.__traceback__)
    ours = [f"{os.path.basename(step.filename)}:{step.lineno}" for step in steps if step.filename.startswith(OURS)]
    return f" ({' > '.join(ours)})" if ours else ""
