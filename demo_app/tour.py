"""python -m demo_app.tour: a file of release 1.0, filled with real text, is opened by today's app. What `make demo` runs."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import migrations
from demo_app import APPLICATION_ID, MIGRATOR, notes
from demo_app.__main__ import described, tell_hits, tell_log, telling
from embedmig import Migrator, Progress

ROOT = Path(__file__).resolve().parent.parent  # of this repository
FILE = Path("demo.db")  # in the current folder
RELEASE_1 = Migrator(migrations, application_id=APPLICATION_ID, app_version="1.0")


def tour() -> None:
    start_again()
    tell_log()
    print(f"Release 1.0 of the app makes {FILE}:")
    RELEASE_1.migrate(FILE, to=1)
    write_as_release_1(FILE)
    before = counted()
    print(f"Its user takes in the text files of this repository: {before}.")
    print(described(MIGRATOR.status(FILE)))

    print("\nToday's release opens it:")
    reported: dict[str, str] = {}

    def keep_rows(progress: Progress) -> None:
        if progress.id and progress.total_rows:
            reported[progress.id] = f"{progress.done} of {progress.total_rows} rows"

    with MIGRATOR.open(FILE, on_progress=keep_rows) as db:
        for id, rows in reported.items():
            print(f"{id} reported {rows}.")
        print("\nSELECT * FROM _migrations ORDER BY version")
        tell_history(db.conn)
        print(f"\nStill there: {counted()}.")
        tell_hits(db, "sqlite", most=3)

    bytes_before, began = fingerprint(), time.perf_counter()
    MIGRATOR.open(FILE).close()
    took = (time.perf_counter() - began) * 1000
    same = "the same" if fingerprint() == bytes_before else "NOT the same"
    print(f"\nA second launch finds nothing to do: {took:.1f} ms, and the file's bytes are {same}.")
    print(f"\nTry next: {python()} -m demo_app --db {FILE}; make app shows it in a window")


def python() -> str:
    """The Python that runs, to be typed in this folder: another one may lack what the app needs."""
    return sys.executable.removeprefix(os.path.join(os.getcwd(), ""))


def start_again() -> None:
    """Remove the file of the last tour. The reset refuses, by an error, a file that is another app's or in use."""
    if FILE.exists():
        MIGRATOR.reset(FILE)
        FILE.unlink()  # what the reset has just built: at the newest version, and the tour begins with the oldest
        print(f"The {FILE} of the last tour is deleted.\n")


def write_as_release_1(path: Path) -> None:
    """Take in the repository's text files as release 1.0 did: it knew nothing of titles, nor of a search."""
    with closing(sqlite3.connect(path)) as conn, conn:
        for file in text_files():
            at = notes.time_of(file)
            note = conn.execute("INSERT INTO notes VALUES (NULL, ?, ?, ?)", [notes.text_of(file), at, at]).lastrowid
            for topic in (file.parent.name if file.parent != ROOT else "project", file.suffix or "no ending"):
                conn.execute("INSERT INTO topics (name) VALUES (?) ON CONFLICT DO NOTHING", [topic])
                conn.execute("INSERT INTO notes_topics SELECT ?, id FROM topics WHERE name = ?", [note, topic])


def text_files() -> Iterator[Path]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in ("build", "dist"))
        for name in sorted(files):
            if name.endswith((".md", ".txt", ".toml")) or name in ("LICENSE", "Makefile"):
                yield Path(folder, name)


def counted() -> str:
    with closing(sqlite3.connect(FILE)) as conn:
        tables = ("notes", "topics", "notes_topics")
        return ", ".join(f"{conn.execute(f'SELECT count(*) FROM {t}').fetchone()[0]} {t}" for t in tables)


def tell_history(conn: sqlite3.Connection) -> None:
    found = conn.execute("SELECT * FROM _migrations ORDER BY version")
    print("|".join(column[0] for column in found.description))
    for row in found:
        print("|".join("" if value is None else str(value) for value in row))


def fingerprint() -> str:
    return hashlib.sha256(FILE.read_bytes()).hexdigest()  # by ordinary means, so only while nobody has it open


if __name__ == "__main__":
    sys.exit(telling(tour))
