"""One migrator, broken at each operation: `python -m faults.peer_worker yoyo wal FOLDER 1` in the peers' own venv.

Prints one JSON object: how many points, what was found, an example of each. Every launch, broken or not, is a process of
its own, forked from one that has imported the tool: so a kill is a kill, and a point takes two launches and no start-up.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
import shutil
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from faults import child, peer_judge
from faults.apps import story
from faults.child import Fault
from faults.peer_judge import Damaged, State, Verdict

FAULTS = tuple(fault for fault in child.FAULTS if fault.name in ("killed", "ENOSPC once", "ENOSPC for ever"))
FLOOR = 40  # writes of one launch; fewer: the injector isn't hooked
NEWEST = 4


class Bench(NamedTuple):
    """An app, the file that its user has at version 1, and what it may become."""

    app: ModuleType
    seed: Path
    path: Path
    legal: list[State]  # at versions 1 to 4, by unbroken launches
    user: set[str]  # every text that the user wrote


def set_up(app: ModuleType, journal: str, folder: Path) -> Bench:
    seed = folder / "seed.db"
    app.launch(str(seed), to=1)  # here, not in a child: it also warms up what each child then has
    with closing(sqlite3.connect(seed)) as conn:
        story.fill(conn)
        conn.execute(f"PRAGMA journal_mode = {journal}")
        user = "SELECT name FROM folders UNION SELECT body FROM notes UNION SELECT label FROM tags"
        bench = Bench(app, seed, folder / "life" / "notes.db", [], {text for (text,) in conn.execute(user)})
    for version in range(1, NEWEST + 1):
        fresh(bench)
        outcome = launched(bench, version)
        if outcome != "done":
            raise AssertionError(f"unbroken, and version {version} was not reached: {outcome}")
        bench.legal.append(peer_judge.state(bench.path, app.RECORDED))
    return bench


def fresh(bench: Bench) -> None:
    """The user's file at version 1, alone in its folder."""
    shutil.rmtree(bench.path.parent, ignore_errors=True)
    bench.path.parent.mkdir()
    shutil.copy(bench.seed, bench.path)


def attempt(bench: Bench, to: int = NEWEST) -> str:
    """In the child: "done", or the error's name and text, since not every tool's errors can be pickled."""
    try:
        bench.app.launch(str(bench.path), to=to)
        return "done"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def told(outcome: child.Outcome) -> str:
    """What the launch said, or how its process ended."""
    return str(outcome.result) if outcome.how == "returned" else outcome.how


def launched(bench: Bench, to: int = NEWEST) -> str:
    """What came of an ordinary launch."""
    return told(child.forked(lambda: attempt(bench, to)))


def count(bench: Bench) -> dict[Fault, int]:
    """At how many places each fault can strike in one launch."""
    fresh(bench)
    seen = child.operations(lambda path: attempt(bench), bench.path)
    writes = sum(op == "write" for op, _ in seen)
    if writes < FLOOR:
        raise AssertionError(f"{writes} writes seen: the injector isn't hooked")
    return {fault: child.points(fault, seen) for fault in FAULTS}


def point(bench: Bench, fault: Fault, k: int) -> tuple[str, str, Verdict]:
    """One life, broken at k and launched again with the fault gone: what the two launches said, what was found."""
    fresh(bench)
    outcome = told(child.broken(lambda path: attempt(bench), bench.path, fault, k))
    after = look(bench)
    next_outcome = launched(bench)
    at_last = look(bench)
    lost = bool(bench.user - peer_judge.texts(bench.path.parent))
    return outcome, next_outcome, peer_judge.judge(outcome, after, next_outcome, at_last, lost, bench.legal)


def look(bench: Bench) -> State | None:
    """At a copy: a journal that the broken launch left is for the next launch to deal with, not for the judge."""
    aside = bench.path.parent.with_name("aside")
    shutil.copytree(bench.path.parent, aside)
    try:
        return peer_judge.state(aside / bench.path.name, bench.app.RECORDED)
    except Damaged:
        return None
    finally:
        shutil.rmtree(aside)


def run(app: ModuleType, journal: str, folder: Path, every: int = 1) -> dict[str, Any]:
    """Each fault at each `every`-th of its points."""
    bench = set_up(app, journal, folder)
    faults = {fault.name: strike(bench, fault, range(1, points + 1, every)) for fault, points in count(bench).items()}
    fresh(bench)
    launched(bench)
    versions = {name: importlib.metadata.version(name) for name in app.DISTRIBUTIONS}
    return {"faults": faults, "versions": versions, "promise": app.PROMISE, "shape": peer_judge.shape(bench.path)}


def strike(bench: Bench, fault: Fault, struck: range) -> dict[str, Any]:
    """How many points, how often each thing was found, and what the launches said where it was."""
    totals, said = Counter(dict.fromkeys(Verdict._fields, 0)), {kind: Counter() for kind in Verdict._fields}
    for k in struck:
        outcome, next_outcome, found = point(bench, fault, k)
        for kind, is_so in found._asdict().items():
            totals[kind] += is_so
            if is_so:
                said[kind][in_short(next_outcome if kind == "stuck" else outcome)] += 1
    return {"points": len(struck), "found": totals, "said": {kind: texts.most_common() for kind, texts in said.items()}}


def in_short(text: str) -> str:
    """The first line of an error, without the numbers of processes and the names of folders that differ each time."""
    line = text.splitlines()[0]
    return re.sub(r"/\S*/", "", re.sub(r"\d{3,}", "N", line))


if __name__ == "__main__":
    name, journal, folder, every = sys.argv[1:]
    print(json.dumps(run(importlib.import_module(f"faults.apps.{name}_app"), journal, Path(folder), int(every))))
