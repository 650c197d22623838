"""How long a window stands still during a migration of about a second: called in the event loop, and beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks import ground, results
from benchmarks.ground import Ground, Way

TITLE = "A window's longest standstill"
ABOUT = (
    "A migration of about a second (400,000 rows in SQL, 200,000 in Python), called in an event loop and beside it, with"
    " `embedmig.aio`. A heartbeat in the loop is due every 2 ms; its longest gap is how long a window would not answer."
)
SOURCE = "window.py"
APP = '''\
import asyncio, sys, time
from embedmig import Migration, Migrator, aio
import embedmig.verbs, embedmig.database  # an app that runs for a while has them: only the migration counts here

path, way, kind = sys.argv[1:]
SQL = """
    ALTER TABLE notes ADD COLUMN words INTEGER;
    UPDATE notes SET words = length(body) - length(replace(body, ' ', '')) + 1;
    CREATE INDEX notes_words ON notes (words);
    CREATE TABLE archive AS SELECT * FROM notes WHERE id % 3 = 0;
    DELETE FROM notes WHERE id % 3 = 0;
    CREATE INDEX archive_body ON archive (body);
"""

def python(db, progress):
    db.execute("ALTER TABLE notes ADD COLUMN words INTEGER")
    rows = db.execute("SELECT id, body FROM notes").fetchall()
    for id, body in progress(rows):
        db.execute("UPDATE notes SET words = ? WHERE id = ?", [len(body.split()), id])

migrator = Migrator([Migration("001_words", 1, "Count words", SQL if kind == "sql" else python)],
                    detect_version=lambda conn: 0, backups=0)
gaps = []

async def heartbeat():
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0.002)
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

async def app():
    heart = asyncio.create_task(heartbeat())
    await asyncio.sleep(0.05)
    gaps.clear()
    if way == "beside":
        await aio.migrate(path, migrator, on_progress=lambda now: None)
    else:
        migrator.migrate(path, on_progress=lambda now: None)
    await asyncio.sleep(0.01)
    heart.cancel()
    print(max(gaps) * 1000)

asyncio.run(app())
'''


def _original(on: Ground, rows: int) -> Path:
    def make(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "before.db")) as conn:
            conn.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
            words = "bread cheese olives wine apples and a walk by the sea"
            conn.executemany("INSERT INTO notes (body) VALUES (?)", ((words[: 10 + i % 40],) for i in range(rows)))
            conn.commit()

    return on.prepared(f"window-{rows}", make, SOURCE)


def run(on: Ground) -> results.Question:
    ways = []
    for kind, rows in (("SQL", on.either(400_000, 400)), ("Python", on.either(200_000, 200))):
        folder = _original(on, rows)
        ways += [
            Way(kind, "called in the loop", _once(on, folder, "loop", kind)),
            Way(kind, "embedmig.aio", _once(on, folder, "beside", kind)),
        ]
    groups = ground.in_turn(ways, on.either(5, 1), warm=False)
    limits = [
        results.Limit(f"embedmig.aio, {kind}", [(1, kind, "embedmig.aio")], most=20.0, unit="ms") for kind in groups
    ]
    return results.question(TITLE, ABOUT, groups, limits)


def _once(on: Ground, folder: Path, way: str, kind: str) -> Callable[[], float]:
    path = folder / "app.db"
    command = [*ground.app(on, folder, "run_app", APP), path, way, kind.lower()]

    def once() -> float:
        ground.fresh(path, folder / "before.db")
        _, said = ground.process(command)
        with closing(sqlite3.connect(path)) as conn:
            (left,) = conn.execute("SELECT count(*) FROM notes WHERE words IS NULL").fetchone()
        if left:
            raise AssertionError(f"{left} rows were not counted")
        ground.fresh(path)
        return float(said)

    return once
