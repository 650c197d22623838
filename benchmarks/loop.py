"""How long the window stands still during a migration of about a second: called in the event loop, and beside it.

A heartbeat in the loop is due every 2 ms; the longest gap is how long a window would not answer.
To reach: no gap over about 20 ms with `embedmig.aio`.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from common import clean_environment, machine, wheel_python

ROWS = 400_000
ROUNDS = 5
APP = '''\
import asyncio, json, sys, time
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
    began = time.perf_counter()
    if way == "beside":
        await aio.migrate(path, migrator, on_progress=lambda now: None)
    else:
        migrator.migrate(path, on_progress=lambda now: None)
    took = time.perf_counter() - began
    await asyncio.sleep(0.01)
    heart.cancel()
    ordered = sorted(gaps)
    print(json.dumps({"took": took * 1000, "longest": ordered[-1] * 1000, "p99": ordered[int(len(ordered) * 0.99)] * 1000}))

asyncio.run(app())
'''


def make(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        words = "bread cheese olives wine apples and a walk by the sea"
        conn.executemany("INSERT INTO notes (body) VALUES (?)", ((words[: 10 + i % 40],) for i in range(rows)))
        conn.commit()


def main() -> None:
    python = wheel_python()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        app, file = Path(folder, "app.py"), Path(folder, "notes.db")
        app.write_text(APP)
        for kind, rows in (("sql", ROWS), ("python", ROWS // 2)):
            found: dict[str, list[dict[str, float]]] = {"in the loop": [], "beside": []}
            for _ in range(ROUNDS):
                for way, results in found.items():
                    file.unlink(missing_ok=True)
                    make(file, rows)
                    command = [python, app, file, way, kind]
                    done = subprocess.run(command, check=True, capture_output=True, text=True, env=clean_environment())
                    results.append(json.loads(done.stdout))
            for way, results in found.items():
                took, longest, p99 = (
                    statistics.median(r[name] for r in results) for name in ("took", "longest", "p99")
                )
                worst = max(r["longest"] for r in results)
                print(
                    f"{kind:7} {way:12} took {took:6.0f} ms   longest gap {longest:6.1f} ms (worst of {ROUNDS}:"
                    f" {worst:.1f})   99 % under {p99:.1f} ms"
                )


if __name__ == "__main__":
    sys.exit(main())
