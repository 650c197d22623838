"""Many small files brought up to date: time for each, beside a serial loop over hand-written sqlite3; and by how many workers.

The default of `embedmig.fleet` is chosen by what this measures: threads are as quick as they get where they are few on a fast disk,
and many on a slow one; processes are quicker still, and not for every app.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks import ground, results
from benchmarks.ground import Ground, Way

TITLE = "Many small files"
ABOUT = (
    "Files of 50 rows, each at version 1, three migrations pending: a table; a column; a second column filled and indexed, in SQL"
    " or row by row in Python. Milliseconds for each file, start of the workers included, interpreter's start not; no backups. *By"
    " hand* is one loop over sqlite3, one transaction for each migration. The default of `embedmig.fleet` is threads, which any app can have: as many as the"
    " disk keeps waiting. `--processes 4` on the command line, `ProcessPoolExecutor` in code, begun in"
    " the system's own way (on Linux by fork, before Python 3.14)."
)
MIGRATIONS = {
    "001_initial.sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL);",
    "002_topics.sql": "CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);",
    "003_topic.sql": "ALTER TABLE notes ADD COLUMN topic INTEGER REFERENCES topics (id);",
    "004_words.sql": "ALTER TABLE notes ADD COLUMN words INTEGER; UPDATE notes SET words = 1 + length(body) - length(replace(body, ' ', ''));"
    " CREATE INDEX notes_topic ON notes (topic);",
}
PYTHON = '''"""Count the words."""


def up(db):
    db.execute("ALTER TABLE notes ADD COLUMN words INTEGER")
    for id, body in db.execute("SELECT id, body FROM notes").fetchall():
        db.execute("UPDATE notes SET words = ? WHERE id = ?", [len(body.split()), id])
    db.execute("CREATE INDEX notes_topic ON notes (topic)")
'''
BY_HAND = """
import pathlib, sqlite3
pending = [sorted(pathlib.Path(folder, kind).glob("00*.*"))[i] for i in (1, 2, 3)]
texts = [p.read_text() for p in pending]
steps = []
for text in texts:
    if text.startswith('"'):
        space = {}
        exec(compile(text, "migration", "exec"), space)
        steps.append(space["up"])
    else:
        steps.append([part for part in text.split(";") if part.strip()])

def one(path):
    conn = sqlite3.connect(path, isolation_level=None)
    version = conn.execute("PRAGMA user_version").fetchone()[0]
    for number, step in enumerate(steps, 2):
        if number <= version:
            continue
        conn.execute("BEGIN IMMEDIATE")
        if callable(step):
            step(conn)
        else:
            for statement in step:
                conn.execute(statement)
        conn.execute(f"PRAGMA user_version = {number}")
        conn.execute("COMMIT")
    conn.close()

for path in paths:
    one(path)
"""
FLEET = """
from embedmig import fleet
executor = None
if way:
    import concurrent.futures, functools
    kinds = {"threads": "ThreadPoolExecutor", "processes": "ProcessPoolExecutor"}
    executor = functools.partial(getattr(concurrent.futures, kinds[way.split()[1]]), int(way.split()[0]))
for result in fleet.migrate(paths, pathlib.Path(folder, kind), executor, backups=0):
    assert result.error is None and result.after == 4, result
"""
SERIAL = """
import embedmig
migrator = embedmig.Migrator(pathlib.Path(folder, kind), backups=0)
for path in paths:
    migrator.migrate(path)
"""
APP = """\
import pathlib, sys, time
folder, kind, way = sys.argv[1:]
if __name__ == "__main__":
    paths = sorted(map(str, pathlib.Path(folder, "data").glob("*.db")))
    began = time.perf_counter()
    {body}
    print((time.perf_counter() - began) * 1000 / len(paths))
"""
HAND, DEFAULT = "by hand, one after the other", "embedmig.fleet"
PROCESSES = f"{2 * (os.cpu_count() or 1)} processes"  # two for each core: one waits for the disk
SOURCE = "fleet.py"
NOTHING = "nothing pending"


def run(on: Ground) -> results.Question:
    files = on.either(2_000, 20)
    ours = {DEFAULT: "", "2 processes": "2 processes", PROCESSES: PROCESSES}
    tried = {f"{n} threads": f"{n} threads" for n in on.sizes((2, 4, 8, 16), (2,))}
    ways = []
    for kind, group in (("sql", f"{files:,} files, SQL"), ("python", f"{files:,} files, Python")):
        same = ground.Same()
        bodies = {HAND: (BY_HAND, ""), "embedmig, one after the other": (SERIAL, "")}
        bodies |= {_label(way): (FLEET, way) for way in (*ours.values(), *(tried.values() if kind == "sql" else ()))}
        for label, (body, way) in bodies.items():
            once = _once(on, files, kind, body, way, same.as_by(label))
            ways.append(Way(group, label, once, 1 if way in tried.values() else 5))
    for label, body in (("embedmig, one after the other", SERIAL), (DEFAULT, FLEET)):
        ways.append(Way(NOTHING, label, _again(on, files, body)))
    groups = ground.in_turn(ways, on.either(3, 1), unit="ms a file", warm=False)
    limits = [
        results.Limit(
            f"{_label(PROCESSES)}, {group}: files per second, against by hand",
            [(1, group, HAND)], [(1, group, _label(PROCESSES))], least=1.5,
        )
        for group in groups
        if group != NOTHING
    ]  # fmt: skip
    limits += [
        results.Limit(f"{label}, {NOTHING}", [(1, NOTHING, label)], most=0.2, unit="ms a file")
        for label in groups[NOTHING]
    ]
    return results.question(TITLE, ABOUT, groups, limits, base=HAND, log=False)


def _label(way: str) -> str:
    return f"{DEFAULT}, {way}" if way else DEFAULT


def _folder(on: Ground) -> Path:
    def make(folder: Path) -> None:
        for kind in ("sql", "python"):
            (folder / kind).mkdir()
            for name, text in MIGRATIONS.items():
                if kind == "python" and name.startswith("004"):
                    name, text = "004_words.py", PYTHON
                (folder / kind / name).write_text(text)
        with closing(sqlite3.connect(folder / "first.db")) as conn:
            conn.execute(MIGRATIONS["001_initial.sql"])
            conn.executemany("INSERT INTO notes (body) VALUES (?)", [("bread and cheese",)] * 50)
            conn.execute("PRAGMA user_version = 1")
            conn.commit()
        text = (
            f"import embedmig\nembedmig.Migrator({str(folder / 'sql')!r}).baseline({str(folder / 'first.db')!r}, 1)\n"
        )
        ground.process(ground.app(on, folder, "first", text))

    return on.prepared(f"fleet-{on.either(2_000, 20)}", make, SOURCE)


def _once(on: Ground, files: int, kind: str, body: str, way: str, check: Callable[[Path], None]) -> Callable[[], float]:
    def once() -> float:
        folder = _folder(on)
        data = folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        for number in range(files):
            shutil.copyfile(folder / "first.db", data / f"{number:04}.db")
        if hasattr(os, "sync") and not on.small:
            os.sync()  # what was written to prepare a run reaches the disk before its time begins
        took = _ran(on, folder, kind, body, way)
        for path in (data / "0000.db", data / f"{files - 1:04}.db"):
            check(path)
        return took

    return once


def _again(on: Ground, files: int, body: str) -> Callable[[], float]:
    """On files that the way before has brought up to date."""
    return lambda: _ran(on, _folder(on), "python", body, "")


def _ran(on: Ground, folder: Path, kind: str, body: str, way: str) -> float:
    command = ground.app(on, folder, "app", APP.format(body=body.strip().replace("\n", "\n    ")))
    _, said = ground.process([*command, folder, kind, way], 600)
    return float(said)
