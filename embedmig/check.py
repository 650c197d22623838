"""What CI and a pre-commit hook ask: are these migrations fit to be released?

    find them -> load each -> in memory, one by one: names looked up, run up, down and up again -> schema.sql -> users' files

Everything that is wrong is told, not the first thing alone; where a migration fails, what follows it can't be tried.
"""

from __future__ import annotations

import os
import re
from contextlib import closing
from pathlib import Path

from embedmig import definition, drift, file, loader, plan, replay, verbs
from embedmig.errors import DefinitionError, EmbedmigError, UsageError, listed, printable
from embedmig.finding import ERROR, NOTE, Finding, near
from embedmig.names import is_available
from embedmig.questions import explaining
from embedmig.renumber import twins
from embedmig.task import Task
from embedmig.trial import Trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embedmig.migrator import Migrator
    from embedmig.questions import Known
    from embedmig.report import Status

    Tasks = list[tuple[Task, Task | None]]  # up and down of each

_PLACE = re.compile(r"(.+?)(?:, line (\d+))?: ")


def check(migrator: Migrator, *, db: str | None = None, schema: str | None = None) -> list[Finding]:
    """Look for everything that is wrong with the shipped migrations; nothing is written, and no file is changed.

    `db`: a file whose history they must fit, an older user's say; what it lacks counts as new, else the newest
    migration alone. `schema`: the path of the newest schema as it is kept in the repository. Raises UsageError where there is no `db`.
    """
    if db is not None and not file.size(file.located(db)):
        raise UsageError(f"There is no database at {db}.", hint="Give the path of the file that is meant.")
    try:
        shipped = definition.find(migrator.migrations)
    except DefinitionError as error:
        return list(_of_the_set(migrator.migrations, error))
    tasks, found = _loaded(shipped)
    status, of_db = _of_a_file(migrator, shipped, db) if db is not None else (None, [])
    if not found:
        new = {known.id for known in shipped[-1:]} if status is None else set(status.pending)
        found = _tried(migrator, tasks, new)
        if schema is not None and not any(one.level == ERROR for one in found):
            found += _of_the_schema(migrator, schema)
    return found + of_db + list(_left_out(tasks))


# -- the set -----------------------------------------------------------------------------------------------


def _of_the_set(migrations: str | tuple[object, ...], error: DefinitionError) -> Iterator[Finding]:
    """Of two files that claim one version each pair, with the command that mends it; else what is wrong, as it was told."""
    found = [] if isinstance(migrations, tuple) else twins(migrations)
    for claiming in found:
        files, last = listed(one.files for one in claiming), claiming[-1]
        called = last.up if any(one.id == last.id for one in claiming[:-1]) else last.id
        yield Finding(
            ERROR,
            f"{len(claiming)} migrations claim version {last.version}: {files}.",
            near(last.place.path(last.up)),
            cure=f"Renumber the one that nobody has yet: embedmig renumber {printable(called)}",
        )
    if not found:
        yield Finding(ERROR, error.what(), cure=error.hint or None)


def _loaded(shipped: Sequence[Known]) -> tuple[Tasks, list[Finding]]:
    """Every migration with its statements split and its functions checked, and what is wrong with those that can't be."""
    tasks: Tasks = []
    found: list[Finding] = []
    for known in shipped:
        try:
            migration = definition.load(known)
            up = Task(migration, "up", definition.checksum(known))
            tasks.append((up, None if migration.down is None else Task(migration, "down", up.checksum)))
        except DefinitionError as error:
            found.append(_of_a_broken(known, error))
    return tasks, found


def _of_a_broken(known: Known, error: DefinitionError) -> Finding:
    """What is wrong with one that can't be loaded: the place that the sentence names stands before it instead."""
    if isinstance(known, loader.Shipped):
        paths = {name: known.place.path(name) for name in (known.up, known.down) if name}
    else:
        paths = {os.path.basename(known.file): known.file} if known.file else {}
    said = error.what()
    if (place := _PLACE.match(said)) and place[1] in paths:
        line = int(place[2]) if place[2] else None
        return Finding(ERROR, said[place.end() :], near(paths[place[1]]), line, cure=error.hint)
    return Finding(ERROR, said, next(map(near, paths.values()), None), cure=error.hint)


# -- in memory ---------------------------------------------------------------------------------------------


def _tried(migrator: Migrator, tasks: Tasks, new: set[str]) -> list[Finding]:
    with closing(file.connect(file.MEMORY, cached_statements=0)) as conn:
        try:
            verbs.prepare(migrator, conn, None)
        except EmbedmigError as error:
            return [Finding(ERROR, f"prepare() fails: {error.what()}", cure=error.hint or None)]
        trial = Trial(lambda task, strict: replay.step(migrator, conn, task, strict=strict), conn)
        for index, (up, down) in enumerate(tasks, 1):
            if not trial.goes_on(up, down, is_new=up.id in new):
                if rest := [task.id for task, _ in tasks[index:]]:
                    what = f"What follows {printable(up.id)} can't be tried before that is mended: {listed(rest)}."
                    trial.found.append(Finding(NOTE, what))
                break
    return trial.found


def _left_out(tasks: Tasks) -> Iterator[Finding]:
    """What nobody looked at: said quietly, since it is nothing that is wrong."""
    python = [printable(up.id) for up, _ in tasks if up.function is not None]
    if python:
        one = len(python) == 1
        what = "is Python: it was" if one else "are Python: they were"
        yield Finding(NOTE, f"{listed(python)} {what} run, and the SQL in {'it' if one else 'them'} was not read.")
    if len(python) < len(tasks) and not is_available():
        what = "The names in SQL were not looked up before running it: syntaqlite is not installed."
        yield Finding(NOTE, what, cure="pip install 'embedmig[check]'")


# -- beside the migrations -----------------------------------------------------------------------------------


def _of_the_schema(migrator: Migrator, schema: str) -> list[Finding]:
    name = printable(near(schema))
    cure = f"embedmig schema --write {name}"
    wanted = drift.newest_schema(migrator).splitlines()
    try:
        kept = Path(schema).read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = "is not there" if isinstance(error, FileNotFoundError) else f"can't be read: {error}"
        return [Finding(ERROR, f"{name} {why}.", name, cure=cure)]
    same = next((n for n, (a, b) in enumerate(zip(kept, wanted, strict=False)) if a.rstrip() != b.rstrip()), None)
    if same is None and len(kept) == len(wanted):
        return []
    line = (min(len(kept), len(wanted)) if same is None else same) + 1
    return [Finding(ERROR, f"{name} is not what the migrations make.", name, line, cure=cure)]


def _of_a_file(migrator: Migrator, shipped: Sequence[Known], db: str) -> tuple[Status | None, list[Finding]]:
    """How the migrations fit a file's history: edited, unknown and late ones."""
    name = printable(os.path.basename(db))
    try:
        status = migrator.status(db)
    except EmbedmigError as error:
        return None, [Finding(ERROR, error.what(), cure=error.hint or None)]
    paths = {s.id: near(s.place.path(s.up)) for s in shipped if isinstance(s, loader.Shipped)}
    cure = "Take the edit back, and make the change in a new migration."
    found = [
        Finding(ERROR, f"{printable(id)} was edited after it was applied to {name}.", paths.get(id), cure=cure)
        for id in status.edited
    ]
    late = [s for s in shipped if s.id in status.pending and s.version < status.version]
    try:
        with explaining(file.located(db)):
            plan.refuse_disagreement(shipped, status.applied, out_of_order=bool(late))
    except EmbedmigError as error:
        found.append(Finding(ERROR, error.what(), cure=error.hint or None))
    for known in () if migrator.out_of_order else late:
        what = f"{printable(known.id)} is older than version {status.version}, which {name} has, and would never run there."
        found.append(Finding(ERROR, what, paths.get(known.id), cure=f"embedmig renumber {printable(known.id)}"))
    return status, found
