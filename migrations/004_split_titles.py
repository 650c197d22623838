"""Give each note a title: the first line of its text."""

import re

DROP_SEARCH = "DROP TRIGGER notes_ai; DROP TRIGGER notes_ad; DROP TRIGGER notes_au; DROP TABLE notes_fts;"


def up(db, progress):
    db.executescript(DROP_SEARCH)  # else its triggers would index every note anew, and then once more below
    db.execute("ALTER TABLE notes ADD COLUMN title TEXT")
    for id in progress(ids(db)):
        (text,) = db.execute("SELECT body FROM notes WHERE id = ?", [id]).fetchone()
        # updated_at stays as it is: the app was changed, not the note
        db.execute("UPDATE notes SET title = ?, body = ? WHERE id = ?", [*split(text), id])
    db.table("notes").enable_fts(["title", "body"], create_triggers=True)
    db.create_view("recent_notes", "SELECT id, title, updated_at FROM notes ORDER BY updated_at DESC, id DESC")


def down(db, progress):
    db.executescript(DROP_SEARCH)
    db.view("recent_notes").drop()  # it uses the column that goes
    for id in progress(ids(db)):
        title, body = db.execute("SELECT title, body FROM notes WHERE id = ?", [id]).fetchone()
        db.execute("UPDATE notes SET body = ? WHERE id = ?", [join(title, body), id])
    db.execute("ALTER TABLE notes DROP COLUMN title")
    db.table("notes").enable_fts(["body"], create_triggers=True)


def ids(db):
    """All of them, read to the end: a table that changes under an open query may show a row twice, or never."""
    return [id for (id,) in db.execute("SELECT id FROM notes")]


def split(text):
    """The title, and the rest with the line break before it: so `down` can put back every byte, CRLF included."""
    end = re.match(r"[^\r\n]*", text).end()
    return text[:end], text[end:]


def join(title, body):
    """The text again. Whoever wrote the note after `up` ran may have left out the line break, or the title."""
    return (title or "") + ("" if body[:1] in ("", "\r", "\n") else "\n") + body
