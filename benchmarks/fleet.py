"""Many small files brought up to date: files per second, against a serial loop over hand-written sqlite3.

2,000 files of 50 rows at version 1; migrations 2 to 4 are pending, in SQL, and as a Python function.
To reach: 1.5 x the files per second of the loop on two cores; 0.2 ms or less for each file with nothing pending.
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from common import ROOT, clean_environment, machine, wheel_python

FILES = 2_000
ROUNDS = 3
MIGRATIONS = {
    "001_initial.sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL);",
    "002_topics.sql": "CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);",
    "003_topic.sql": "ALTER TABLE notes ADD COLUMN topic INTEGER REFERENCES topics (id);",
    "004_words.sql": "ALTER TABLE notes ADD COLUMN words INTEGER; UPDATE notes SET words = length(body);"
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

def one(path):
    conn = sqlite3.connect(path, isolation_level=None)
    version = conn.execute("PRAGMA user_version").fetchone()[0]
    for number, text in enumerate(texts, 2):
        if number <= version:
            continue
        conn.execute("BEGIN IMMEDIATE")
        if text.startswith('"'):
            space = {}
            exec(text, space)
            space["up"](conn)
        else:
            for statement in text.split(";"):
                conn.execute(statement)
        conn.execute(f"PRAGMA user_version = {number}")
        conn.execute("COMMIT")
    conn.close()

for path in paths:
    one(path)
"""
FLEET = """
from embedmig import fleet
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import functools, multiprocessing
spawn = multiprocessing.get_context("spawn")
ways = {"default": None, "2 threads": ThreadPoolExecutor(2), "4 threads": ThreadPoolExecutor(4),
        "16 threads": ThreadPoolExecutor(16), "32 threads": ThreadPoolExecutor(32),
        "2 processes": functools.partial(ProcessPoolExecutor, 2, spawn), "4 processes": functools.partial(ProcessPoolExecutor, 4, spawn)}
for result in fleet.migrate(paths, pathlib.Path(folder, kind), ways[way], backups=0):
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
    print(time.perf_counter() - began)
"""


def make(folder: Path) -> None:
    """The files as they were before: hand-written ones know their version by user_version, ours by their history."""
    shutil.rmtree(folder / "data", ignore_errors=True)
    (folder / "data").mkdir()
    first = folder / "first.db"
    if not first.exists():
        with closing(sqlite3.connect(first)) as conn:
            conn.execute(MIGRATIONS["001_initial.sql"])
            conn.executemany("INSERT INTO notes (body) VALUES (?)", [("bread and cheese",)] * 50)
            conn.execute("PRAGMA user_version = 1")
            conn.commit()
        command = f"import embedmig; embedmig.Migrator({str(folder / 'sql')!r}).baseline({str(first)!r}, 1)"
        subprocess.run([folder.joinpath("interpreter").read_text(), "-c", command], check=True, env=clean_environment())
    for number in range(FILES):
        shutil.copyfile(first, folder / "data" / f"{number:04}.db")


def run(folder: Path, body: str, kind: str, way: str = "") -> float:
    app = folder / "app.py"
    app.write_text(APP.format(body=body.strip().replace("\n", "\n    ")))
    command = [folder.joinpath("interpreter").read_text(), app, folder, kind, way]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=clean_environment())
    return float(done.stdout)


def main() -> None:
    python = wheel_python()
    print(machine(), f"{FILES:,} files")
    folder = ROOT / ".bench-fleet"  # on a real disk: a commit's cost is what is measured
    shutil.rmtree(folder, ignore_errors=True)
    for kind in ("sql", "python"):
        (folder / kind).mkdir(parents=True)
        for name, text in MIGRATIONS.items():
            if kind == "python" and name.startswith("004"):
                name, text = "004_words.py", PYTHON
            (folder / kind / name).write_text(text)
    (folder / "interpreter").write_text(str(python))
    ways = [("by hand", BY_HAND), ("embedmig, one by one", SERIAL)]
    ways += [(way, FLEET) for way in sys.argv[1:] or ["default", "2 processes"]]
    for kind in ("sql", "python"):
        found: dict[str, list[float]] = {way: [] for way, _ in ways}
        for _ in range(ROUNDS):
            for way, body in ways:
                make(folder)
                found[way].append(run(folder, body, kind, way))
        for way, seconds in found.items():
            times = statistics.median(a / b for a, b in zip(found["by hand"], seconds, strict=True))
            print(f"{kind:7} {way:22} {FILES / statistics.median(seconds):6.0f} files/s   {times:.2f} x by hand")
    print("nothing pending:")
    for way, body in ways[1:]:
        seconds = statistics.median(run(folder, body, "python", way) for _ in range(ROUNDS))
        print(f"        {way:22} {seconds / FILES * 1000:.3f} ms a file")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
