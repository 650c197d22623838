"""What the app does with notes once their file is open. It knows the newest schema only: older ones are migrated away."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path

from sqlite_utils import Database


def recent(db: Database) -> list[tuple[int, str, str, str | None]]:
    """(id, updated_at, title, topics) of all notes, pinned ones first, then newest first."""
    return db.execute("""
        SELECT id, updated_at, title, (
          SELECT group_concat(name, ', ') FROM topics JOIN notes_topics ON topic_id = topics.id
          WHERE note_id = recent_notes.id
        ) FROM recent_notes
    """).fetchall()


def search(db: Database, words: str) -> list[tuple[int, str, str]]:
    """(id, title, the words in their place) of the notes that have all the words, best first."""
    # Each word in quotes: a quote, a minus or an AND of the user's is no operator.
    quoted = " ".join('"{}"'.format(word.replace('"', '""')) for word in words.split())
    return db.execute(
        """
        SELECT notes.id, notes.title, snippet(notes_fts, -1, '[', ']', '...', 8)
        FROM notes_fts JOIN notes ON notes.id = notes_fts.rowid
        WHERE notes_fts MATCH ? ORDER BY rank
        """,
        [quoted or '""'],
    ).fetchall()


def add(db: Database, text: str, topics: Iterable[str], at: str) -> bool:
    """Keep a text as a note; False if there is one with the very same text."""
    # The title is the first line, the body the rest. 004_split_titles.py says it too: a migration must go on
    # doing what it did when it was released, so it never calls the app's own code.
    end = re.match(r"[^\r\n]*", text).end()  # type: ignore[union-attr]  # it matches the empty string
    title, body = text[:end], text[end:]
    if db.execute("SELECT 1 FROM notes WHERE title = ? AND body = ?", [title, body]).fetchone():
        return False
    with db.atomic():
        row = {"title": title, "body": body, "created_at": at, "updated_at": at}
        note = db.table("notes").insert(row).last_pk
        for name in topics:
            db.execute("INSERT INTO topics (name) VALUES (?) ON CONFLICT DO NOTHING", [name])
            db.execute("INSERT INTO notes_topics SELECT ?, id FROM topics WHERE name = ?", [note, name])
    return True


def add_folder(db: Database, folder: Path) -> tuple[int, int]:
    """Take every .md and .txt file of a folder as a note, its topic the folder's name. How many are new, of how many?"""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".md", ".txt") and path.is_file())
    new = [add(db, text_of(path), [folder.resolve().name], time_of(path)) for path in files]
    return sum(new), len(new)


def text_of(path: Path) -> str:
    """The text of a file with its own line ends. What is not UTF-8 is from before it: then each byte is a character."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def time_of(path: Path) -> str:
    """When a file was last changed: ISO 8601, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(path.stat().st_mtime))


def shown(text: str, most: int = 60) -> str:
    """Text for one line of a terminal: blanks instead of line breaks and control characters, and not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 3] + "..."
