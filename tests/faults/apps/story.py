"""The one history that every app ships: four versions of folders, notes and tags.

1 creates the tables; 2 adds a column and fills it from Python; 3 rebuilds `folders`, whose notes would go with it by
CASCADE, by the tool's own means; 4 adds a table with its content, and an index. `fill` is what the user writes at version 1.
"""

from __future__ import annotations

import random

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

FIRST = (
    "CREATE TABLE folders (id INTEGER PRIMARY KEY, name TEXT, old TEXT)",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, folder_id INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE, body TEXT NOT NULL)",
    "CREATE TABLE tags (id INTEGER PRIMARY KEY, note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE, label TEXT NOT NULL)",
)
ADD_WORDS = "ALTER TABLE notes ADD COLUMN words INTEGER"
LAST = (
    "CREATE TABLE labels (label TEXT PRIMARY KEY, uses INTEGER NOT NULL)",
    "INSERT INTO labels SELECT label, count(*) FROM tags GROUP BY label",
    "CREATE INDEX notes_by_folder ON notes (folder_id)",
)
FOLDERS, NOTES = 12, 150


def count_words(conn: sqlite3.Connection) -> None:
    """Version 2's own part: row by row, as data migrations in Python are."""
    for id, body in conn.execute("SELECT id, body FROM notes").fetchall():
        conn.execute("UPDATE notes SET words = ? WHERE id = ?", (len(body.split()), id))


def fill(conn: sqlite3.Connection) -> None:
    """The user's rows; each text is there once, so that it can be looked for wherever it may have gone."""
    chance = random.Random("the same rows for every tool")
    for folder in range(1, FOLDERS + 1):
        conn.execute("INSERT INTO folders VALUES (?, ?, 'x')", (folder, f"folder {folder} {chance.random()}"))
    for note in range(1, NOTES + 1):
        body = f"note {note} " + " ".join(str(chance.random()) for _ in range(chance.randint(1, 9)))
        conn.execute("INSERT INTO notes VALUES (?, ?, ?)", (note, chance.randint(1, FOLDERS), body))
        conn.execute("INSERT INTO tags VALUES (?, ?, ?)", (note, note, f"label {note} {chance.random()}"))
    conn.commit()
