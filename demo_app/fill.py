"""Many notes, made of real texts: what `--fill 200000` does, so that anyone can see the app with a file that has grown for years.

The texts are the paragraphs of a folder's .md, .txt and .py files (of Python, what stands in its docstrings). Without a folder they
are what every machine with Python has: the documentation of its standard library, and of what is installed beside it. When
all paragraphs were used, two that follow each other are a note, then three: no two notes are alike.
"""

from __future__ import annotations

import inspect
import itertools
import os
import random
import re
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from demo_app.notes import split, text_of
from embedmig import Migrator

# at the beginning of a file, and below a line that ends with a colon; ast would find the same, and take ten seconds for it
DOCSTRING = re.compile(r'(?:\A(?:#[^\n]*\n|\s)*|:\n[ \t]*)[rR]?"""(.+?)"""', re.DOTALL)
BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")
SHORTEST = 20  # characters: less is no note
LONGEST = 12  # paragraphs of one note
APART_S = 20 * 60  # seconds from one note to the next: 200,000 of them are the work of seven years


class Paragraph(NamedTuple):
    text: str
    topic: str


def fill(path: str | Path, migrator: Migrator, count: int, folder: Path | None = None) -> int:
    """Write this many notes into the file, as the release of the migrator does; returns how many there was text for.

    In one transaction: all of them or none. The file is opened, migrated to that release's version, and closed again.
    """
    found = list(itertools.islice(notes([folder] if folder else documentation()), count))
    random.Random(count).shuffle(found)  # a list that begins with a hundred notes of one file is nobody's
    with closing(migrator.connect(path)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        columns = {name for (name,) in conn.execute("SELECT name FROM pragma_table_info('notes')")}
        split_up = "title" in columns  # since version 4
        (first,) = conn.execute("SELECT coalesce(max(id), 0) + 1 FROM notes").fetchone()
        topics = dict(conn.execute("SELECT name, id FROM topics"))
        links: list[tuple[int, str]] = []
        last, began = first - 1, time.time() - count * APART_S

        def rows() -> Iterator[tuple[object, ...]]:
            nonlocal last
            for last, note in enumerate(found, first):
                at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began + (last - first) * APART_S))
                links.append((last, note.topic))
                yield (last, *(split(note.text) if split_up else (note.text,)), at, at)

        names = "id, title, body, created_at, updated_at" if split_up else "id, body, created_at, updated_at"
        conn.executemany(f"INSERT INTO notes ({names}) VALUES ({', '.join('?' * (names.count(',') + 1))})", rows())
        for topic in {topic for _, topic in links} - topics.keys():
            topics[topic] = conn.execute("INSERT INTO topics (name) VALUES (?)", [topic]).lastrowid
        conn.executemany("INSERT INTO notes_topics VALUES (?, ?)", ((id, topics[topic]) for id, topic in links))
        conn.commit()
    return last - first + 1


def documentation() -> list[Path]:
    """Where Python and what is installed beside it keep their texts."""
    paths = sysconfig.get_paths()
    return [Path(name) for name in dict.fromkeys([paths["stdlib"], paths["purelib"]])]


def notes(folders: Sequence[Path]) -> Iterator[Paragraph]:
    """One paragraph each, as they are read; then two that follow each other, then three: as many as are asked for."""
    read: list[Paragraph] = []
    for one in itertools.chain.from_iterable(map(paragraphs, folders)):
        read.append(one)
        yield one
    for length in range(2, LONGEST + 1):
        for start in range(len(read) - length + 1):
            together = read[start : start + length]
            yield Paragraph("\n\n".join(one.text for one in together), together[0].topic)


def paragraphs(folder: Path) -> Iterator[Paragraph]:
    """The paragraphs of a folder's texts, each once. The topic is the name of the folder within, or of the file."""
    seen: set[str] = set()
    for file in files(folder):
        text = text_of(file).replace("\r\n", "\n")
        topic = (*file.relative_to(folder).parts[:-1], file.stem)[0]
        for whole in map(inspect.cleandoc, DOCSTRING.findall(text)) if file.suffix == ".py" else (text,):
            for part in BLANK_LINES.split(whole.strip()):
                if len(part) >= SHORTEST and part[0].isalpha() and part not in seen:
                    seen.add(part)
                    yield Paragraph(titled(part), topic)


def titled(part: str) -> str:
    """A paragraph with its first sentence on a line of its own. One with indented lines is a table or code, and stays."""
    if "\n " in part:
        return part
    sentence, stop, rest = " ".join(part.split()).partition(". ")
    return f"{sentence}.\n{rest}" if stop else sentence


def files(folder: Path) -> Iterator[Path]:
    for name, folders, names in os.walk(folder):
        folders[:] = sorted(
            one for one in folders if one[0] not in "._" and not one.endswith(("-packages", "test", "tests", "-info"))
        )
        for one in sorted(names):
            if one.endswith((".md", ".txt", ".py")) and one[0] not in "._":
                yield Path(name, one)
