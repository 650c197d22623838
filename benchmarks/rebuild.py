"""What rebuild() costs beside the statements that an author would write by hand, for a table of a million rows.

The same change in the same process, each on a fresh copy of the file, in turn; a migration's own settings, no COMMIT measured.
What it takes of the processor is shown beside: on a busy machine that is the steadier figure.
To reach: at most 1.15 x the raw statements.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from common import ROOT, machine

sys.path.insert(0, str(ROOT))

import embedmig

NOTES = """
CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  title TEXT,
  body TEXT NOT NULL,
  created_at TEXT NOT NULL, -- ISO 8601, UTC
  parent INTEGER REFERENCES notes (id)
);
CREATE INDEX notes_by_title ON notes (title COLLATE NOCASE, id DESC);
CREATE INDEX notes_by_day ON notes (substr(created_at, 1, 10)) WHERE parent IS NULL;
CREATE VIEW recent AS SELECT id, title FROM notes ORDER BY created_at DESC LIMIT 100;
CREATE TABLE counts (n INTEGER);
CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN UPDATE counts SET n = n + 1; END;
"""
NEW = """(
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL,
  created_at TEXT NOT NULL, -- ISO 8601, UTC
  parent INTEGER REFERENCES notes (id)
)"""
BY_HAND = f"""
PRAGMA legacy_alter_table = ON;
CREATE TABLE new_notes {NEW};
INSERT INTO new_notes SELECT id, coalesce(title, ''), body, created_at, parent FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
CREATE INDEX notes_by_title ON notes (title COLLATE NOCASE, id DESC);
CREATE INDEX notes_by_day ON notes (substr(created_at, 1, 10)) WHERE parent IS NULL;
CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN UPDATE counts SET n = n + 1; END;
PRAGMA legacy_alter_table = OFF;
"""


def by_hand(conn: sqlite3.Connection) -> None:
    for statement in BY_HAND.split(";\n"):
        conn.execute(statement.replace("UPDATE counts SET n = n + 1; END", "UPDATE counts SET n = n + 1; END;"))


def by_edits(conn: sqlite3.Connection) -> None:
    embedmig.rebuild(
        conn, "notes", not_null={"title": True}, default={"title": "''"}, copy={"title": "coalesce(title, '')"}
    )


def by_text(conn: sqlite3.Connection) -> None:
    embedmig.rebuild(conn, "notes", f"CREATE TABLE notes {NEW}", copy={"title": "coalesce(title, '')"})


def build(path: Path, rows: int, seed: int = 1) -> None:
    some = random.Random(seed)
    words = ["note", "list", "plan", "café", "trip", "call", "idea", "bill", "book", "song"]
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(NOTES)
        conn.execute("DROP TRIGGER notes_ai")
        conn.executemany(
            "INSERT INTO notes (title, body, created_at, parent) VALUES (?, ?, ?, ?)",
            (
                (
                    None if some.random() < 0.1 else " ".join(some.choices(words, k=3)),
                    " ".join(some.choices(words, k=12)),
                    f"2026-{some.randint(1, 12):02}-{some.randint(1, 28):02}T12:00:00Z",
                    None if some.random() < 0.5 else some.randint(1, rows),
                )
                for _ in range(rows)
            ),
        )
        conn.execute("CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN UPDATE counts SET n = n + 1; END")
        conn.commit()


def once(original: Path, action: Callable[[sqlite3.Connection], None]) -> tuple[float, float, object]:
    """Milliseconds of one change by the clock and of the processor, and the file's content after it."""
    path = original.with_name("copy.db")
    shutil.copyfile(original, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous = EXTRA")
        conn.execute("BEGIN IMMEDIATE")
        began, cpu = time.perf_counter(), time.process_time()
        action(conn)
        took, used = (time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000
        after = conn.execute("SELECT count(*), sum(id), sum(length(title)) FROM notes").fetchall()
        after += sorted(conn.execute("SELECT type, name FROM sqlite_master WHERE name <> 'new_notes'").fetchall())
        conn.execute("ROLLBACK")
    os.unlink(path)
    return took, used, after


def main(rounds: int = 9, rows: int = 1_000_000) -> None:
    ways = {"by hand": by_hand, "small edits": by_edits, "the new text": by_text}
    times: dict[str, list[float]] = {name: [] for name in ways}
    used: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        original = Path(name) / "notes.db"
        build(original, rows)
        size = original.stat().st_size / 1e6
        found = {label: once(original, action)[2] for label, action in ways.items()}
        assert found["by hand"] == found["small edits"] == found["the new text"], "the three did not do the same"
        for _ in range(rounds):
            for label, action in ways.items():
                clock, processor, _after = once(original, action)
                times[label].append(clock)
                used[label].append(processor)
    print(f"A table of {rows:,} rows rebuilt ({size:.0f} MB, two indexes), median of {rounds} rounds in turn")
    print(machine())
    for label in ways:
        shown = f"  {label:12} {statistics.median(times[label]):7.0f} ms   {against(times, label):.2f} x"
        shown += f"   processor {statistics.median(used[label]):7.0f} ms   {against(used, label):.2f} x"
        print(shown + ("" if label == "by hand" else "   (at most 1.15)"))


def against(times: dict[str, list[float]], label: str) -> float:
    """The median of the paired ratios to what is written by hand."""
    return statistics.median(a / b for a, b in zip(times[label], times["by hand"], strict=True))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
