"""How things are shown: tables, times; and everything as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

from embedmig.errors import EmbedmigError, UsageError, printable
from embedmig.report import Value


class Answer(NamedTuple):
    """What a command has to say: to a person, to a program, and as its exit status."""

    text: str
    data: object
    status: int = 0


def versions() -> str:
    """One line for a bug report."""
    ours = sys.modules["embedmig"].__version__
    return f"embedmig {ours}, SQLite {sqlite3.sqlite_version}, Python {platform.python_version()}, {platform.platform(terse=True)}"


def as_json(data: object) -> str:
    return json.dumps(_plain(data), indent=2)


def as_line(data: object) -> str:
    return json.dumps(_plain(data))


def _plain(data: object) -> object:
    if isinstance(data, Value):
        return {name: _plain(value) for name, value in data._fields().items()}
    if isinstance(data, BaseException):
        return error(data)
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data if data is None or isinstance(data, bool | int | float | str) else str(data)


def error(found: BaseException) -> dict[str, object]:
    """An error as a program reads it: its kind, its sentence, and what it knows of the place."""
    told: dict[str, object] = {"type": type(found).__name__, "message": str(found)}
    for name in ("path", "version", "data_is_safe", "hint", "backup", "id", "direction", "file", "line", "statement"):
        value = getattr(found, name, None) if isinstance(found, EmbedmigError) else None
        if value is not None and value != "":
            told[name] = _plain(value)
    return told


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> str:
    """Rows under their heads, two blanks from the margin; the columns named in `right` are numbers."""
    cells = [list(heads), *(["" if cell is None else printable(cell) for cell in row] for row in rows)]
    align = ["right" if head in right else "left" for head in heads]
    drawn = tabulate(cells, tablefmt="plain", disable_numparse=True, colalign=align)
    return "\n".join(f"  {line}".rstrip() for line in drawn.splitlines())


def took(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < 10_000 else seconds(milliseconds / 1000)


def seconds(number: float) -> str:
    """`0.12 s`, `75 s`, `12:05 min`, `3:20:15 h`."""
    if number < 100:
        return f"{number:.2f} s" if number < 10 else f"{number:.0f} s"
    minutes, rest = divmod(round(number), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def when(stamp: str) -> str:
    """A time of the history, in this place's own time; as it stands where it can't be read."""
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return stamp


def files(paths: Sequence[str]) -> str:
    return ", ".join(printable(os.path.basename(path)) for path in paths)


def count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def write(file: str, text: str) -> bool:
    """Write a text, its lines ended by \\n on every platform; False where the file said so already."""
    path = Path(file)
    data = text.encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as problem:
        raise UsageError(f"{file} can't be written: {problem.strerror}.", hint="Name another file.") from problem
    return True
