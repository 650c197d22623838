"""What the tests of the command line share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from helpers import write

ONE = "-- Notes.\n-- migrate:up\nCREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);\n-- migrate:down\nDROP TABLE notes;\n"
TWO = "-- Tags.\n-- migrate:up\nCREATE TABLE tags (word TEXT);\n-- migrate:down\nDROP TABLE tags;\n"
THREE = "-- Stars.\n-- migrate:up\nALTER TABLE notes ADD COLUMN stars INTEGER;\n-- migrate:down\nALTER TABLE notes DROP COLUMN stars;\n"


class Ran(NamedTuple):
    """What a command left: its exit status, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """What it wrote for people, without what is another at each run: times, durations, sizes."""
        text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<when>", self.out)
        text = re.sub(r"\d+(\.\d+)? (bytes|kB|MB|GB|TB)", "<size>", text)
        text = re.sub(r" \d+ ms", " <ms>", text)
        return re.sub(r"\d+\.\d\d s\b", "<s>", text)


def app(folder: Path, *, shipped: int = 3) -> Path:
    """A folder `migrations` with the first few migrations of an app."""
    files = {"001_notes.sql": ONE, "002_tags.sql": TWO, "003_stars.sql": THREE}
    return write(folder / "migrations", **dict(list(files.items())[:shipped]))
