"""What a check found: the value, how it names its place, and the name that was perhaps meant."""

from __future__ import annotations

import os

from embedmig.errors import printable
from embedmig.report import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ERROR, WARNING, NOTE = "error", "warning", "note"


class Finding(Value):
    """One thing that a check found.

    `level` is "error" (this must not be released), "warning" (somebody should look), or "note" (what the check left out).
    `line` and `column` count from 1. `cure` says what to do, where there is something to do.
    """

    level: str
    sentence: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    cure: str | None = None

    def __str__(self) -> str:
        """`migrations/003_x.sql:4:12: error: unknown column titel. Did you mean title?`: what editors and CI can follow."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        said = " ".join(part for part in (self.sentence, self.cure) if part)
        return f"{printable(place)}: {self.level}: {said}" if place else f"{self.level}: {said}"


def near(path: str) -> str:
    """A path as it is typed from the current folder, where the file lies below it."""
    try:
        short = os.path.relpath(path)
    except ValueError:  # on another drive of Windows
        return path
    return path if short == os.pardir or short.startswith(os.path.join(os.pardir, "")) else short


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """`Did you mean title?`, or None where nothing known is spelled like it."""
    import difflib

    by_lower = {one.lower(): one for one in known if one.lower() != name.lower()}
    close = difflib.get_close_matches(name.lower(), by_lower, 1, 0.6)
    return f"Did you mean {printable(by_lower[close[0]])}?" if close else None
