"""The power is cut after every operation of a subject: what must hold of every folder that may be found then.

One recorded run (tape.py), every folder that a cut may leave (durable.py), each looked at as the user's next launch finds it.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from faults import broken, remains, subjects, tape
from faults.durable import Files, Operation, Point, points, uncut
from faults.subjects import Legal, Subject

NAME = "notes.db"
BACKUP = ".bak"
SUBJECTS = [*subjects.subjects(), *remains.subjects()]


ROUNDS = 2  # how often each of the random cuts is made, for the table

REBUILD, REBUILD_WAL = "rebuild of a parent, rollback journal", "rebuild of a parent, WAL"
COPIED = "backup after a kill, rollback journal"
LEFT, LEFT_WAL = "restore after a kill, rollback journal", "restore after a kill, WAL"
BROKEN = (
    (broken.with_full, REBUILD), (broken.without_any_sync, REBUILD), (broken.without_any_sync, REBUILD_WAL),
    (broken.without_a_transaction, REBUILD), (broken.without_a_transaction, REBUILD_WAL),
    (broken.recording_afterwards, REBUILD), (broken.recording_afterwards, REBUILD_WAL),
    (broken.without_syncing_the_backup, "backup and upgrade, rollback journal"), (broken.without_syncing_the_backup, "backup and upgrade, WAL"),
    (broken.without_syncing_the_folder, COPIED),
    (broken.restoring_by_a_copy, LEFT), (broken.restoring_by_a_copy, LEFT_WAL),
    (broken.restoring_by_a_rename, LEFT), (broken.restoring_by_a_rename, LEFT_WAL),
)  # fmt: skip


class Outcome(NamedTuple):
    """Of one subject: how many power cuts, how many different folders they left, and what was wrong with which."""

    subject: str
    operations: int
    points: int
    folders: int
    complaints: list[str]
    seconds: float


def cut(
    subject: Subject, folder: Path, *, seed: int, rounds: int = 1, most: int | None = None, act: tape.Act | None = None
) -> Outcome:
    """Run a subject once, cut its power after every operation (or after `most` of them), and look at what is left.

    `act` is what runs instead of the subject's own: a broken one. `rounds`: how often each of the random cuts is made.
    """
    began = time.monotonic()
    legal = subjects.legal(subject, folder / "unbroken")
    path = folder / "recorded" / NAME
    path.parent.mkdir()
    subject.make(path)
    before = tape.files_in(path.parent)
    recorded = tape.record(act or subject.act, path)
    if uncut(before, recorded) != tape.files_in(path.parent):
        raise AssertionError(f"{subject.name}: the tape does not make the folder that the run made")
    look = Look(subject, legal, before, recorded, folder / "found")
    tried = 0
    for point in points(before, recorded, dice=random.Random(seed), rounds=rounds, most=most):
        tried += 1
        look.at(point)
    complaints = [f"{subject.name}, {what}" for what in look.complaints]
    return Outcome(subject.name, len(recorded), tried, look.folders, complaints, time.monotonic() - began)


class Look:
    """What must hold after every power cut of one subject. `complaints` grows by what doesn't."""

    def __init__(
        self, subject: Subject, legal: Legal, before: Files, recorded: Sequence[Operation], folder: Path
    ) -> None:
        self.subject, self.legal, self.folder = subject, legal, folder
        self.complaints: list[str] = []
        self.folders = 0
        self._order = list(legal.stages)
        self._contents: dict[bytes, str] = {}  # of a database with its journals, by what they are
        self._launched: dict[object, str | None] = {}  # what was wrong with a launch, by what it found
        self._seen: set[tuple[int, bytes]] = set()
        self._recorded = recorded
        ends = [uncut(before, recorded[:n]) for n, operation in enumerate(recorded, 1) if operation.kind == "done"]
        self._done = [0, *map(self._stage, ends)]
        stand = {name for name in uncut(before, recorded) if name.endswith(BACKUP)}  # others were pruned since
        self._made = [set[str](), *(stand & files.keys() for files in ends)]
        self._old = set(self._backups(before).values())

    def at(self, point: Point) -> None:
        mark = point.done, _digest(point.files, list(point.files))
        if mark in self._seen:
            return
        self._seen.add(mark)
        self.folders += 1
        last = self._recorded[point.after - 1] if point.after else "nothing"
        self.complaints += [f"{point} ({last}): {what}" for what in self._wrong(point)]

    def _wrong(self, point: Point) -> list[str]:
        try:
            found = self._content(point.files, NAME)
        except (AssertionError, sqlite3.Error) as error:
            return [f"the file is damaged: {error}"]
        if found not in self.legal.stages:
            return ["the content is neither that before nor that after a whole transaction"]
        wrong = []
        stage, done = self._order.index(found), self._done[point.done]
        if stage < done:
            wrong.append(f"{self._name(done)} was reported as done, and the file is at {self._name(stage)}")
        try:
            backups = self._backups(point.files)
        except (AssertionError, sqlite3.Error) as error:
            return [*wrong, f"a backup is damaged: {error}"]
        if gone := self._made[point.done] - backups.keys():
            wrong.append(f"a backup was reported as made, and is gone: {sorted(gone)}")
        if odd := [name for name, content in backups.items() if content not in self._old | set(self._order)]:
            wrong.append(f"a backup has what the file never had: {odd}")
        if not self.legal.stages[found].keeps and self.legal.before not in backups.values():
            wrong.append("the file was changed, and no backup has what was in it")
        return [*wrong, *self._wrong_with_a_launch(point.files, found)]

    def _wrong_with_a_launch(self, files: Files, found: str) -> list[str]:
        """The next launch, from here: tried once for each content in each company."""
        shape = found, *((name, min(len(data), 512)) for name, data in sorted(files.items()))
        if shape not in self._launched:
            path = self._put(files)
            try:
                self.subject.launch(path)
                after = subjects.content(path)
                odd = "its content is not what it should be" if after != self.legal.launched[found] else None
            except Exception as error:
                odd = f"{type(error).__name__}: {error}"
            self._launched[shape] = odd
        odd = self._launched[shape]
        return [f"the next launch: {odd}"] if odd else []

    def _stage(self, files: Files) -> int:
        """At which stage it was reported as done; 0 where that is none, as becomes plain elsewhere."""
        try:
            found = self._content(files, NAME)
        except (AssertionError, sqlite3.Error):
            return 0
        return self._order.index(found) if found in self.legal.stages else 0

    def _backups(self, files: Files) -> dict[str, str]:
        return {name: self._content(files, name) for name in files if name.endswith(BACKUP)}

    def _content(self, files: Files, name: str) -> str:
        together = [name, f"{name}-journal", f"{name}-wal"]
        mark = _digest(files, together)
        if mark not in self._contents:
            self._contents[mark] = subjects.content(
                self._put({n: files[n] for n in together if n in files}).with_name(name)
            )
        return self._contents[mark]

    def _put(self, files: Files) -> Path:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        return self.folder / NAME

    def _name(self, stage: int) -> str:
        return self.legal.stages[self._order[stage]].name


def _digest(files: Files, names: Sequence[str]) -> bytes:
    seen = hashlib.sha1(usedforsecurity=False)
    for name in sorted(names):
        if name in files:
            seen.update(f"{name} {len(files[name])} ".encode())
            seen.update(files[name])
    return seen.digest()


# -- the table ------------------------------------------------------------------------------------------------------------


@contextmanager
def ground() -> Iterator[Path]:
    """A folder in memory, where there is one: a power cut is a calculation here and needs no disk."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="power-", dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


def named(name: str) -> Subject:
    return next(subject for subject in SUBJECTS if subject.name == name)


def _cut(seed: int, name: str, how: str | None = None) -> Outcome:
    """For a worker: one subject, whole or broken."""
    logging.disable()
    subject = named(name)
    act = partial(getattr(broken, how), subject.act) if how else None
    with ground() as folder:
        return cut(subject, folder, seed=seed, rounds=ROUNDS, act=act)


def table(*, workers: int, seed: int) -> tuple[str, int]:
    """Every subject, then the broken ones; as Markdown, and how many complaints there are about what is not broken."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        whole = [pool.submit(_cut, seed, subject.name) for subject in SUBJECTS]
        others = [pool.submit(_cut, seed, name, act.__name__) for act, name in BROKEN]
        outcomes, caught = [job.result() for job in whole], [job.result() for job in others]
    failures = sum(len(outcome.complaints) for outcome in outcomes)
    unnoticed = sum(not outcome.complaints for outcome in caught)
    return _rendered(outcomes, caught), failures + unnoticed


def _rendered(outcomes: Sequence[Outcome], caught: Sequence[Outcome]) -> str:
    cuts, folders = sum(o.points for o in outcomes), sum(o.folders for o in outcomes)
    failures = sum(len(o.complaints) for o in outcomes)
    lines = [
        "One run of each subject is recorded: every write, truncate, sync, delete and rename, SQLite's and Python's. After each of them the power"
        " is cut: what was not synced (a file's content by its own sync, its name by that of its folder) is kept, or lost, or only the beginning of"
        " it is there, or it is torn at 512 bytes, or later writes came before earlier ones. Each different folder that this leaves is opened. What"
        " was reported as done must be there.",
        "",
        "| subject | operations | power cuts | different folders | failures |",
        "|---|--:|--:|--:|--:|",
        *(f"| {o.subject} | {o.operations:,} | {o.points:,} | {o.folders:,} | {len(o.complaints)} |" for o in outcomes),
        f"| **all** | | **{cuts:,}** | **{folders:,}** | **{failures}** |",
        "",
        *(f"- {complaint}" for o in outcomes for complaint in o.complaints[:10]),
        "",
        "The same for migrators that are broken on purpose, one thing left out of embedmig in each. Here a 0 would be the failure.",
        "",
        "| broken | subject | different folders | complaints |",
        "|---|---|--:|--:|",
        *(
            f"| {_said(act)} | {o.subject} | {o.folders:,} | **{len(o.complaints):,}** |"
            for (act, _), o in zip(BROKEN, caught, strict=True)
        ),
    ]
    return "\n".join(lines)


def _said(act: object) -> str:
    return str(act.__doc__).splitlines()[0].rstrip(".")
