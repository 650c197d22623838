"""The points of one subject and one fault: each in a folder of its own, broken, judged, counted."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from faults.child import Fault, Operation, broken, operations, points
from faults.judge import Judge
from faults.subjects import Subject, fill, legal


class Found(NamedTuple):
    """What the points of one subject and one fault showed."""

    subject: str
    fault: str
    points: int
    of: int  # at how many places it can strike
    outcomes: Counter[str]
    operations: int
    complaints: list[str]  # "k=17, write notes.db-journal: ..."
    seconds: float


def ground() -> Path:
    """Where files live while they are broken: memory where there is some, since a kill needs no disk."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="faults-", dir=shared if shared.is_dir() else None))


class Bench:
    """One subject, set up: the file before, its legal contents, its operations, and the judge of it all."""

    def __init__(self, subject: Subject, folder: Path) -> None:
        self.subject, self.folder = subject, folder
        self.legal = legal(subject, folder / "legal")
        self.template = fill(subject, folder / "before").parent
        self.judge = Judge(subject, self.legal)
        self.operations = self._operations()

    def _fresh(self) -> Path:
        point = self.folder / "point"
        shutil.rmtree(point, ignore_errors=True)
        shutil.copytree(self.template, point)
        return point / "notes.db"

    def _operations(self) -> list[Operation]:
        found = operations(self.subject.act, self._fresh())
        if len(found) < self.subject.floor:
            raise AssertionError(
                f"{self.subject.name}: {len(found)} operations, and its floor is {self.subject.floor}: is the injector hooked in?"
            )
        return found

    def run(self, fault: Fault, which: Callable[[int], Iterable[int]] = lambda n: range(1, n + 1)) -> Found:
        """Break it at each k of `which(n)`, n places being there."""
        began, outcomes, complaints = time.monotonic(), Counter[str](), list[str]()
        of = points(fault, self.operations)
        chosen = list(which(of))
        for k in chosen:
            path = self._fresh()
            outcome = broken(self.subject.act, path, fault, k)
            outcomes[type(outcome.error).__name__ if outcome.error else outcome.how] += 1
            for complaint in self.judge.complaints(path, fault, outcome):
                complaints.append(f"k={k}, {outcome.struck}: {complaint}")
        return Found(
            self.subject.name,
            fault.name,
            len(chosen),
            of,
            outcomes,
            len(self.operations),
            complaints,
            time.monotonic() - began,
        )


def spread(most: int, seed: int) -> Callable[[int], list[int]]:
    """Which k to try where not all are: `most` of them, evenly spread, beginning where the seed says; the last one always."""

    def chosen(n: int) -> list[int]:
        if n <= most:
            return list(range(1, n + 1))
        return sorted({1 + (seed + i * n // most) % n for i in range(most - 1)} | {n})

    return chosen
