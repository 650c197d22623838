"""What the app does with notes once their file is open. It knows the newest schema only: older ones are migrated away."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sqlite_utils import Database

FEW = 5_000  # notes of a topic
BEGINNING = 160  # characters of a note's text that a list shows
LINE_BREAK = re.compile(r"\r\n|[\r\n]")


class Listed(NamedTuple):
    """A note as a list shows it. `shown` is the beginning of its text, or the words that were searched for in their place."""

    id: int
    title: str
    shown: str
    updated_at: str
    pinned: int
    in_title: int = 0  # all the words are; for search(after=)
    marked: str = ""  # the title with the words marked


class Note(NamedTuple):
    """A note as it is read and written: its title of one line, and the text below it."""

    id: int
    title: str
    text: str
    pinned: bool
    updated_at: str
    topics: tuple[str, ...]


def number(count: int, of: str = "note") -> str:
    """1 note, 20,000 notes"""
    return f"{count:,} {of}" + ("" if count == 1 else "s")


# -- to look at ---------------------------------------------------------------------------------------------------


def count(db: Database) -> int:
    return int(db.execute("SELECT count(*) FROM notes").fetchone()[0])


def listed(db: Database, *, topic: str | None = None, after: Listed | None = None, most: int = 50) -> list[Listed]:
    """A page of the notes, pinned ones first, then newest first. `after` is the last one of the page before."""
    # Not OFFSET: it would read all that it passes over, and pass over another number once a note was added.
    rows = db.execute(
        f"""
        SELECT id, title, substr(body, 1, {BEGINNING}), updated_at, pinned FROM notes
        WHERE (pinned, updated_at, id) < (:pinned, :updated_at, :id) AND {of_topic(db, topic, "notes.id")}
        ORDER BY pinned DESC, updated_at DESC, id DESC LIMIT :most
        """,
        {**bound(after), "topic": topic, "most": most},
    )
    return [Listed(*row) for row in rows]


def bound(after: Listed | None) -> dict[str, object]:
    """What the notes of the next page come behind; the first page comes behind anything."""
    if after is None:
        return {"pinned": 2, "updated_at": "", "id": 0}
    return {"pinned": after.pinned, "updated_at": after.updated_at, "id": after.id}


def of_topic(db: Database, topic: str | None, note: str) -> str:
    """SQL: has this note the topic :topic?"""
    if topic is None:
        return "TRUE"
    the_topic = "topic_id = (SELECT id FROM topics WHERE name = :topic)"
    (some,) = db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM notes_topics WHERE {the_topic} LIMIT {FEW})", {"topic": topic}
    ).fetchone()
    if some < FEW:  # looked up at once, they are a short list; of many, each is looked up when it's its turn
        return f"{note} IN (SELECT note_id FROM notes_topics WHERE {the_topic})"
    return f"EXISTS (SELECT 1 FROM notes_topics WHERE note_id = {note} AND {the_topic})"


def search(
    db: Database,
    words: str,
    *,
    topic: str | None = None,
    after: Listed | None = None,
    most: int = 50,
    marks: tuple[str, str] = ("[", "]"),
) -> list[Listed]:
    """A page of the notes that have all the words; the last word may be the beginning of one.

    Those with all of them in the title first, else those made last first. FTS5's own rank would be another order, and takes half
    a second for a word that most of 200,000 notes have: it looks at all of them before it tells one.
    """
    wanted = query(words)
    if not wanted:
        return []
    # the plus: else FTS5 would search anew for each note of the topic
    topical, titles = of_topic(db, topic, "+notes_fts.rowid"), f"{{title}} : ({wanted})"
    found: list[Listed] = []
    for in_title, match in ((1, titles), (0, f"({wanted}) NOT {titles}")):
        if after is None or after.in_title >= in_title:
            below = after.id if after is not None and after.in_title == in_title else 2**63 - 1
            given = {"match": match, "below": below, "topic": topic, "most": most - len(found)}
            found += matching(db, given, topical, in_title, marks)
    return found


def matching(
    db: Database, given: dict[str, object], topical: str, in_title: int, marks: tuple[str, str]
) -> list[Listed]:
    rows = db.execute(
        f"""
        SELECT notes.id, notes.title, snippet(notes_fts, 1, :before, :behind, '...', 16), updated_at, pinned, :in_title,
          highlight(notes_fts, 0, :before, :behind)
        FROM notes_fts CROSS JOIN notes ON notes.id = notes_fts.rowid
        WHERE notes_fts MATCH :match AND notes_fts.rowid < :below AND {topical}
        ORDER BY notes_fts.rowid DESC LIMIT :most
        """,
        {**given, "in_title": in_title, "before": marks[0], "behind": marks[1]},
    )
    return [Listed(*row) for row in rows]


def matches(db: Database, words: str) -> int:
    """How many notes have all the words."""
    wanted = query(words)
    found = db.execute("SELECT count(*) FROM notes_fts WHERE notes_fts MATCH ?", [wanted]) if wanted else None
    return int(found.fetchone()[0]) if found else 0


def query(words: str, most: int = 20) -> str:
    """What FTS5 is asked: each word in quotes, so that a quote, a minus or an AND of the user's is no operator; the last may go on.

    A single letter may not: half the words of all notes would have to be looked at for each key that is pressed. Of a page that
    was pasted the first words are asked for. "" where there is nothing to ask for.
    """
    found = words.replace("\0", " ").split()[:most]  # FTS5 reads up to a NUL
    quoted = ['"{}"'.format(word.replace('"', '""')) for word in found if any(map(str.isalnum, word))]
    if quoted and not re.fullmatch(r'"[!-~]"', quoted[-1]):
        quoted[-1] += " *"
    return " ".join(quoted)


def note(db: Database, id: int) -> Note | None:
    """The note of this id; None if there is none any more."""
    row = db.execute("SELECT id, title, body, pinned, updated_at FROM notes WHERE id = ?", [id]).fetchone()
    if row is None:
        return None
    return Note(row[0], row[1], text_below(row[2]), bool(row[3]), row[4], topics_of(db, id))


def text_below(body: str) -> str:
    """The text below the title: a body begins with the line break that ends the title."""
    line_break = LINE_BREAK.match(body)
    return body[line_break.end() :] if line_break else body


def topics_of(db: Database, id: int) -> tuple[str, ...]:
    names = db.execute(
        "SELECT name FROM notes_topics JOIN topics ON topics.id = topic_id WHERE note_id = ? ORDER BY name", [id]
    )
    return tuple(name for (name,) in names)


def topics(db: Database) -> list[tuple[str, int]]:
    """All topics by name, and how many notes each has."""
    return db.execute("""
        SELECT name, coalesce(number, 0) FROM topics
        LEFT JOIN (SELECT topic_id, count(*) AS number FROM notes_topics GROUP BY topic_id) ON topic_id = id ORDER BY name
    """).fetchall()


# -- to change ----------------------------------------------------------------------------------------------------


def now() -> str:
    """ISO 8601, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def create(db: Database, text: str, topics: Iterable[str] = (), at: str | None = None) -> int:
    """Keep a text as a note, its first line as the title; returns the note's id."""
    # The title is the first line, the body the rest. 004_split_titles.py says it too: a migration must go on
    # doing what it did when it was released, so it never calls the app's own code.
    title, body = split(text)
    at = at or now()
    with db.atomic():
        row = {"title": title, "body": body, "created_at": at, "updated_at": at}
        id = int(db.table("notes").insert(row).last_pk)
        link(db, id, topics)
    return id


def split(text: str) -> tuple[str, str]:
    """The title, and the rest with the line break before it."""
    end = re.match(r"[^\r\n]*", text).end()  # type: ignore[union-attr]  # it matches the empty string
    return text[:end], text[end:]


def save(db: Database, id: int, *, title: str, text: str, at: str | None = None) -> bool:
    """Write a note that was changed; False if there is none any more."""
    with db.atomic():
        old = db.execute("SELECT body FROM notes WHERE id = ?", [id]).fetchone()
        if old is None:
            return False
        line_break = LINE_BREAK.match(old[0])
        body = (line_break.group() if line_break else "\n") + text if text else ""
        db.execute(
            "UPDATE notes SET title = ?, body = ?, updated_at = ? WHERE id = ?",
            [LINE_BREAK.sub(" ", title), body, at or now(), id],
        )
    return True


class Kept(NamedTuple):
    """Where a text that was saved is, and its updated_at."""

    id: int
    at: str


def keep(db: Database, id: int, seen: str, *, title: str, text: str) -> Kept | None:
    """Write a note whose updated_at was `seen` when it was read; None if there is none any more.

    If it was changed since, that stays as it is, and the text becomes a note of its own, with the same topics.
    """
    with db.atomic():
        found, at = db.execute("SELECT updated_at FROM notes WHERE id = ?", [id]).fetchone(), now()
        if found is None:
            return None
        if found[0] == seen:
            save(db, id, title=title, text=text, at=at)
            return Kept(id, at)
        whole = LINE_BREAK.sub(" ", title) + ("\n" + text if text else "")
        return Kept(create(db, whole, topics_of(db, id), at), at)


def pin(db: Database, id: int, pinned: bool) -> None:
    """Keep a note above the others, or no longer. It is not changed by that: updated_at stays."""
    with db.atomic():
        db.execute("UPDATE notes SET pinned = ? WHERE id = ?", [pinned, id])


def set_topics(db: Database, id: int, names: Iterable[str]) -> None:
    """Give a note these topics and no others. A topic that no note has any more is gone."""
    with db.atomic():
        if db.execute("SELECT 1 FROM notes WHERE id = ?", [id]).fetchone():
            before = topic_ids(db, id)
            db.execute("DELETE FROM notes_topics WHERE note_id = ?", [id])
            link(db, id, names)
            forget_unused(db, before)


def delete(db: Database, id: int) -> None:
    """Delete a note; its topics go with it where no other note has them."""
    with db.atomic():
        before = topic_ids(db, id)
        db.execute("DELETE FROM notes WHERE id = ?", [id])
        forget_unused(db, before)


def link(db: Database, id: int, names: Iterable[str]) -> None:
    for name in dict.fromkeys(" ".join(name.split()) for name in names):
        if name:
            db.execute("INSERT INTO topics (name) VALUES (?) ON CONFLICT DO NOTHING", [name])
            db.execute("INSERT INTO notes_topics SELECT ?, id FROM topics WHERE name = ?", [id, name])


def topic_ids(db: Database, id: int) -> list[int]:
    return [topic for (topic,) in db.execute("SELECT topic_id FROM notes_topics WHERE note_id = ?", [id])]


def forget_unused(db: Database, ids: list[int]) -> None:
    for id in ids:
        db.execute("DELETE FROM topics WHERE id = :id AND id NOT IN (SELECT topic_id FROM notes_topics WHERE topic_id = :id)", {"id": id})  # fmt: skip


# -- files in and out ---------------------------------------------------------------------------------------------


def add(db: Database, text: str, topics: Iterable[str], at: str) -> bool:
    """Keep a text as a note; False if there is one with the very same text."""
    if db.execute("SELECT 1 FROM notes WHERE title = ? AND body = ?", split(text)).fetchone():
        return False
    create(db, text, topics, at)
    return True


def add_folder(db: Database, folder: Path) -> tuple[int, int]:
    """Take every .md and .txt file of a folder as a note, its topic the folder's name. How many are new, of how many?

    All of them or none: an OSError leaves the notes as they were.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".md", ".txt") and path.is_file())
    with db.atomic():
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


def texts(db: Database, *, above: int = 0, most: int = 500) -> list[tuple[int, str, str]]:
    """A page of all notes by their ids: (id, title, whole text). `above` is the last id of the page before."""
    return db.execute(
        "SELECT id, title, title || body FROM notes WHERE id > ? ORDER BY id LIMIT ?", [above, most]
    ).fetchall()


def export(db: Database, folder: Path) -> int:
    """Write every note as a .md file into a new folder, or one with nothing in it; returns how many.

    OSError where the folder has something in it: nothing is ever overwritten. add_folder() takes the files in again as they were.
    """
    make_empty(folder)
    written = above = 0
    while page := texts(db, above=above):
        written += write(folder, page)
        above = page[-1][0]
    return written


def make_empty(folder: Path) -> None:
    """The folder, new or with nothing in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty.")


def write(folder: Path, page: list[tuple[int, str, str]]) -> int:
    for id, title, text in page:
        # a text that begins with a byte order mark needs a second one: the first is taken off when it is read
        encoding = "utf-8-sig" if text.startswith("\ufeff") else "utf-8"
        (folder / file_name(id, title)).write_bytes(text.encode(encoding))
    return len(page)


def file_name(id: int, title: str) -> str:
    """A name that every system takes, no two alike: of a title "CON" or "../.." Windows and others make something else."""
    words = " ".join(re.sub(r"[^\w\-]+", " ", title).split())[:40]
    return f"{id:06} {words}".rstrip() + ".md"


def shown(text: str, most: int = 60) -> str:
    """Text for one line: blanks instead of line breaks and control characters, and not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 3] + "..."
