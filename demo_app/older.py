"""What an older release, `--as-of N`, knows to do with notes, whichever version its file has. Today's app knows more: notes.py."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlite_utils import Database


def newest(db: Database, most: int = 50) -> tuple[int, list[tuple[str, str]]]:
    """How many notes there are, and the newest of them: (updated_at, the beginning of the text). Of any version of the file."""
    titled = "title" in db.table("notes").columns_dict
    shown = "coalesce(title, '') || ' ' || body" if titled else "body"
    (total,) = db.execute("SELECT count(*) FROM notes").fetchone()
    rows = db.execute(f"SELECT updated_at, substr({shown}, 1, 100) FROM notes ORDER BY updated_at DESC LIMIT ?", [most])
    return total, rows.fetchall()


def add(db: Database, text: str) -> None:
    """Keep a text as a note, as the releases did that knew no titles."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    row = {"body": text, "created_at": now, "updated_at": now}
    if db.table("notes").columns_dict.keys() >= {"title", "pinned"}:
        row |= {"title": text, "body": ""}
    db.table("notes").insert(row)
