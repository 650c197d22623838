"""Many launches at once and signals among them; a kill and a Ctrl-C at every step; memory and open files that run out.

POSIX only. Whatever happens to the processes, the file is judged as after any other fault (judge.py).
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import random
import re
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

from embedmig import DatabaseBusy, EmbedmigError
from faults import power, subjects
from faults.child import OURS, Outcome, ended, forked, started
from faults.judge import Examined
from faults.points import spread
from faults.subjects import Act, Subject

AT_ONCE = 10
STRUCK = 4  # of the ten
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has none, and skips all this
TERM, INT = signal.SIGTERM, signal.SIGINT
TIMES = 4  # so often one function counts as a step: SQLite calls the guard for each of ten thousand statements
MOST_BYTES = 3 << 20


class Row(NamedTuple):
    """What one subject showed under one kind of trouble."""

    subject: str
    trouble: str
    points: int
    outcomes: Counter[str]
    complaints: list[str]
    seconds: float


class Track:
    """One subject, set up: the file before, copied for each point, and what may be found afterwards."""

    def __init__(self, subject: Subject, folder: Path) -> None:
        self.subject, self.folder = subject, folder
        self.legal = subjects.legal(subject, folder / "legal")
        self.before = folder / "before"
        self.before.mkdir()
        subject.make(self.before / "notes.db")
        self.outcomes: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.launched: set[tuple[str, ...]] = set()  # what the judge has already launched from
        self.points = 0
        self.began = time.monotonic()

    def fresh(self) -> Path:
        point = self.folder / "point"
        shutil.rmtree(point, ignore_errors=True)
        shutil.copytree(self.before, point)
        return point / "notes.db"

    def judge(
        self, path: Path, where: str, outcomes: Iterable[Outcome], wrong: Iterable[str], *, alone: bool = True
    ) -> None:
        """Note what became of the processes, and what is wrong with what they left. Where one was not alone, what it said of the
        file was true when it was said: others have been at it since."""
        outcomes = list(outcomes)
        self.points += 1
        self.outcomes.update(type(o.error).__name__ if o.error is not None else o.how for o in outcomes)
        found = Examined(self.subject, self.legal, path, self.launched)
        complaints = [*wrong, *found.complaints]
        for outcome in outcomes if alone else ():
            if outcome.how == "returned" and found.content != list(self.legal.stages)[-1]:
                complaints.append("it returned, and the file is not at its end")
            if isinstance(outcome.error, EmbedmigError):
                complaints += _untrue(outcome.error, found, self.legal.before)
        self.complaints += [f"{where}: {what}" for what in complaints]

    def row(self, trouble: str) -> Row:
        seconds = time.monotonic() - self.began
        return Row(self.subject.name, trouble, self.points, self.outcomes, self.complaints, seconds)


def _untrue(error: EmbedmigError, found: Examined, before: str) -> list[str]:
    said = str(error)
    wrong = []
    if re.search(r"Nothing was changed|Everything was undone", said) and found.content != before:
        wrong.append("it says that nothing was changed, and something was")
    if error.version is not None and error.version != found.version:
        wrong.append(f"it says version {error.version}, and the file is at {found.version}")
    if error.may_offer_reset:
        wrong.append("it offers a reset")
    return [f"{what}: {said}" for what in wrong]


# -- ten at once ---------------------------------------------------------------------------------------------------------


def racing(track: Track, number: signal.Signals, rounds: int, dice: random.Random, also: Act | None = None) -> Row:
    """Ten launches at once, four of which are sent a signal at a random moment. `also`: what one of them does instead."""
    for round in range(rounds):
        path = track.fresh()
        acts = [track.subject.launch] * AT_ONCE
        if also is not None:
            acts[0] = also
        struck = dice.sample(range(AT_ONCE), STRUCK)
        moments = sorted(dice.uniform(0, 0.25) for _ in struck)
        outcomes = _at_once(acts, path, list(zip(moments, struck, strict=True)), number)
        wrong = [what for n, outcome in enumerate(outcomes) for what in _of_a_racer(outcome, n in struck, number, n == 0 and also)]  # fmt: skip
        if also is None and any(o.how == "returned" for o in outcomes):
            end = list(track.legal.stages)[-1]
            wrong += [] if subjects.content(path) == end else ["a launch returned, and the file is not at its end"]
        track.judge(path, f"round {round}", outcomes, wrong, alone=False)
    other = "" if also is None else ", one resets"
    return track.row(f"ten at once{other}, {number.name}")


def _of_a_racer(outcome: Outcome, struck: bool, number: signal.Signals, resets: object) -> list[str]:
    died = outcome.how in (f"died of {number.name}", "said nothing") or isinstance(outcome.error, KeyboardInterrupt)
    if outcome.how == "returned" or (struck and died) or (resets and isinstance(outcome.error, DatabaseBusy)):
        return []
    return [f"a launch {outcome.how}: {outcome.text}"]


def _at_once(
    acts: Sequence[Act], path: Path, blows: Sequence[tuple[float, int]], number: signal.Signals
) -> list[Outcome]:
    """Start them all in the same moment, strike some, and bring back what became of each."""
    gate, opener = os.pipe()
    children = [started(partial(_at_the_gate, partial(act, path), gate, opener)) for act in acts]
    os.close(gate)
    os.close(opener)  # now
    began = time.monotonic()
    for moment, which in blows:
        time.sleep(max(0.0, began + moment - time.monotonic()))
        os.kill(children[which][0], number)  # a child that has ended is there until it is waited for
    return [ended(pid, pipe) for pid, pipe in children]


def _at_the_gate(run: Callable[[], object], gate: int, opener: int) -> object:
    os.close(opener)
    os.read(gate, 1)  # returns when the parent has let go
    return run()


# -- at every step -------------------------------------------------------------------------------------------------------


def stepped(track: Track, number: signal.Signals, most: int, seed: int) -> Row:
    """A signal as a function of embedmig's begins, each of the first times: so each phase of each verb is met."""
    steps = forked(partial(_to_step, track.subject.act, track.fresh(), 0, number)).result
    if not isinstance(steps, int) or steps < 50:
        raise AssertionError(f"{track.subject.name}: {steps} steps: is the tracer hooked in?")
    interrupted = 0
    for k in spread(most, seed)(steps):
        path = track.fresh()
        outcome = forked(partial(_to_step, track.subject.act, path, k, number))
        how, wrong = outcome.how, []
        if number == KILL and how != "died of SIGKILL" and k < steps * 0.9:  # two runs differ by a few steps
            wrong = [f"the signal did not strike: the process {how} {outcome.text}"]
        elif number != KILL and not (how == "returned" or isinstance(outcome.error, KeyboardInterrupt)):
            wrong = [f"Ctrl-C made it {how}: {outcome.text}"]
        interrupted += isinstance(outcome.error, KeyboardInterrupt)
        track.judge(path, f"step {k} of {steps}", [outcome], wrong)
    if number == INT and interrupted < most // 2:  # Python itself loses one that comes while a generator is thrown away
        raise AssertionError(f"{track.subject.name}: {interrupted} of {most} were interrupted: is Ctrl-C ignored here?")
    return track.row(f"each step, {number.name}")


def _to_step(act: Act, path: Path, k: int, number: signal.Signals) -> int:
    """Run it to the k-th step and be struck there; returns how many steps there were."""
    seen, calls = 0, Counter[CodeType]()

    def look(frame: FrameType, event: str, argument: object) -> None:
        nonlocal seen
        code = frame.f_code
        if code.co_filename.startswith(OURS) and calls[code] < TIMES:
            calls[code] += 1
            seen += 1
            if seen == k:
                signal.raise_signal(number)

    stopped = False
    sys.settrace(look)
    try:
        act(path)
    except KeyboardInterrupt:
        stopped = True
    finally:
        sys.settrace(None)
    if stopped:
        _refuse_a_lock(path)
        raise KeyboardInterrupt
    return seen


def _refuse_a_lock(path: Path) -> None:
    """An interrupted process lives on: once the exception is forgotten, no connection that it left may hold the file."""
    gc.collect()
    if path.exists():
        conn = sqlite3.connect(path, timeout=0, isolation_level=None)
        conn.execute("BEGIN EXCLUSIVE")
        conn.execute("ROLLBACK")
        conn.close()


# -- what runs out -------------------------------------------------------------------------------------------------------


def starved(track: Track, what: str, most: int, dice: random.Random) -> Row:
    """A little less memory, or fewer open files, than are needed; from next to none upwards."""
    limits = range(most) if what == "open files" else sorted(dice.randrange(MOST_BYTES) for _ in range(most))
    for limit in limits:
        path = track.fresh()
        outcome = forked(partial(_with_less, track.subject.act, path, what, limit))
        fair = outcome.how == "returned" or isinstance(outcome.error, (EmbedmigError, MemoryError))
        wrong = [] if fair else [f"it {outcome.how}: {outcome.text}"]
        track.judge(path, f"{limit} {'bytes' if what == 'memory' else what} left", [outcome], wrong)
    return track.row(f"{what} run out")


def _with_less(act: Act, path: Path, what: str, limit: int) -> None:
    import resource

    if what == "memory":
        kind = resource.RLIMIT_AS
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    else:
        kind = resource.RLIMIT_NOFILE
        taken = {int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")}
        free = (number for number in range(len(taken) + limit + 1) if number not in taken)
        used = [number for number, _ in zip(free, range(limit + 1), strict=False)][-1] - limit
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (used + limit, before[1]))
    try:
        act(path)
    finally:
        resource.setrlimit(kind, before)


# -- the table -----------------------------------------------------------------------------------------------------------

RACED = ("upgrade from version 1", "backup and upgrade", "transactional=False in the middle")
STEPPED = ("backup and upgrade", "rollback", "restore", "reset", "restore of a lost file", "backup after a kill")
STARVED = ("backup and upgrade", "rollback", "restore", "reset")


class Job(NamedTuple):
    """One row to be: which subject, which trouble, how much of it."""

    subject: str
    trouble: str  # "race", "race with a reset", "step", "memory", "open files"
    number: int  # of the signal
    most: int


def jobs(*, races: int, steps: int, limits: int) -> Iterator[Job]:
    """Everything that is to be tried: so many races, steps and limits of each."""
    for mode in ("rollback journal", "WAL"):
        for name in RACED:
            yield from (Job(f"{name}, {mode}", "race", number, races) for number in (KILL, TERM, INT))
        yield Job(f"reset, {mode}", "race with a reset", KILL, races)
        for name in STEPPED:
            yield from (Job(f"{name}, {mode}", "step", number, steps) for number in (KILL, INT))
        for name in STARVED if os.path.isdir("/proc/self/fd") else ():  # how much is in use is Linux's to tell
            yield Job(f"{name}, {mode}", "memory", 0, limits)
            yield Job(f"{name}, {mode}", "open files", 0, min(limits, 12))


def done(job: Job, seed: int) -> Row:
    """One row; the dice are thrown anew for each, so that one can be repeated alone."""
    dice = random.Random(f"{seed} {job}")
    with power.ground() as folder:
        track = Track(power.named(job.subject), folder)
        if job.trouble == "step":
            return stepped(track, signal.Signals(job.number), job.most, seed)
        if job.trouble in ("memory", "open files"):
            return starved(track, job.trouble, job.most, dice)
        also = track.subject.act if job.trouble == "race with a reset" else None
        return racing(track, signal.Signals(job.number), job.most, dice, also)


def _quietly(job: Job, seed: int) -> Row:
    logging.disable()
    return done(job, seed)


def table(*, workers: int, seed: int) -> tuple[str, int]:
    """All jobs, as Markdown, and how many complaints there are."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        found = [pool.submit(_quietly, job, seed) for job in jobs(races=25, steps=100, limits=40)]
        rows = [job.result() for job in found]
    failures = sum(len(row.complaints) for row in rows)
    lines = [
        f"Ten launches begin in the same moment, and {STRUCK} of them are struck at random; the rest must succeed. A process is killed, or told"
        " Ctrl-C, as a function of embedmig's begins, at each of its first calls: so in each phase of each verb. Memory (`RLIMIT_AS`) or open files run out.",
        "",
        "| subject | trouble | points | what became of the processes | failures |",
        "|---|---|--:|---|--:|",
        *(f"| {r.subject} | {r.trouble} | {r.points:,} | {_counted(r.outcomes)} | {len(r.complaints)} |" for r in rows),
        f"| **all** | | **{sum(r.points for r in rows):,}** | | **{failures}** |",
        "",
        *(f"- {r.subject}, {r.trouble}, {' / '.join(what.splitlines())}" for r in rows for what in r.complaints[:10]),
    ]
    return "\n".join(lines), failures


def _counted(outcomes: Counter[str]) -> str:
    return ", ".join(f"{what} {n:,}" for what, n in outcomes.most_common())
