"""The values that a column may hold: simple ones first, then those at which programs break, then any.

One row is drawn as one piece of bytes, two for each column, since hypothesis takes its time by the
choice: a `Cell` turns its two bytes into a value. Bytes of 0 are the simplest value, so rows shrink to
what a person would have written.
"""

from __future__ import annotations

import random
import re
from functools import cache
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Value = None | int | float | str | bytes

INTEGERS: tuple[Value, ...] = (
    0, 1, 2, 3, -1, 7, 10, 42, 100, 127, 128, 255, 256, -128, 999, 1000, 4096, 32767, 32768, 65535, 65536, 86400, -86400,
    1_000_000, 1_700_000_000, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32 - 1, 2**32, 1_700_000_000_000,
    2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 2**63 - 2, -(2**63) + 1,
)  # fmt: skip
# No further than 2**53: an AUTOINCREMENT table with the greatest rowid accepts no other row, which no real file gets to.
ROWIDS: tuple[Value, ...] = (*range(1, 30), 0, -1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**53 - 1)
# No NaN, which SQLite stores as NULL, no negative zero, which comes back as 0.0, and no infinity, which JSON and dumps can't say.
REALS: tuple[Value, ...] = (
    0.0, 1.0, -1.0, 0.5, 0.1, 0.25, 2.0, 3.5, 10.0, 99.99, 100.0, 1 / 3, -0.1, 1e-9, 37.5, -122.4194, 1234567.891, 1e15 + 0.3, 2.0**53,
    1e20, -1e20, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308,
)  # fmt: skip
DATES: tuple[Value, ...] = ("2024-01-01", "2024-02-29", "1970-01-01", "1969-12-31", "2000-02-29", "2038-01-19", "1900-01-01", "9999-12-31", "0001-01-01")  # fmt: skip
TIMES: tuple[Value, ...] = ("00:00:00", "12:00:00", "23:59:59", "09:30", "06:05:04.321")
MOMENTS: tuple[Value, ...] = (
    "2024-01-01 00:00:00", "2024-02-29 23:59:59", "1970-01-01 00:00:00", "1969-12-31 23:59:59", "2038-01-19 03:14:08",
    "2024-03-31T01:30:00Z", "2024-10-27T02:30:00+02:00", "2024-06-01T12:34:56.789Z", "9999-12-31 23:59:59",
)  # fmt: skip
JSON: tuple[Value, ...] = (
    "{}", "[]", '{"a": 1}', "[1, 2, 3]", '{"name": "é", "tags": ["x", "👩‍👩‍👧"], "deep": {"n": null, "t": true}}', '[{"id": 9223372036854775807}]',
    '{"": ""}', '["\\u0000", "\\ud83d\\ude00"]', '{"a": {"b": {"c": [0.1, -1e10]}}}', "null", "true", "0", '""', '"text"', " [ ] ",
)  # fmt: skip
TEXTS: tuple[Value, ...] = (
    "a", "b", "c", "", "A", "hello", "Hello, World", " ", " a ", "a\x00b", "\x00", "\n", "line\r\nline", "\t", "é", "e\u0301", "ß", "İi", "ﬁ",
    "日本語", "한국어", "😀", "👩‍👩‍👧‍👦", "🇪🇺", "שלום", "مرحبا بالعالم", "abc \u202eevil\u202c", "\u200b", "\ufeffa", "\U0010ffff", "\ufffe",
    "'", '"', "O'Brien", "`", "]", ";", "'); DROP TABLE x; --", "-- a", "/*", "%", "_", "\\", "%s", "{0}", "$1", "?", ":x", "NULL", "null", "true",
    "0", "1", "-1", "007", "1.0", "1e5", "0x10", " 1", "9223372036854775808", "2024-02-29", "<b>&amp;</b>", "a,b", "a/b", "/home/a b/c.txt", "C:\\a",
    "file.tar.gz", "https://example.org/?q=a&b=c#d", "user@example.org", "image/png", "en-US", "#a1b2c3", "EUR", "x" * 64, "ä" * 255, "word " * 60,
    "00000000-0000-4000-8000-000000000000", "deadbeef", "DEADBEEF", "0123456789abcdef" * 2, "0123456789abcdef" * 4, "+4912345", "1.2.3",
)  # fmt: skip
BLOBS: tuple[Value, ...] = (
    b"a", b"", b"\x00", b"\xff", b"\xff\xfe\x00", b"abc", b"\x89PNG\r\n\x1a\n", bytes(range(256)), b"\xc3\x28", bytes(16), b"0123456789abcdef", bytes(32), bytes(1000),
)  # fmt: skip
POOLS: dict[str, tuple[Value, ...]] = {
    "integer": INTEGERS,
    "rowid": ROWIDS,
    "real": REALS,
    "numeric": (*INTEGERS[:34], *REALS[:18]),
    "boolean": (0, 1),
    "date": DATES,
    "time": TIMES,
    "moment": MOMENTS,
    "json": JSON,
    "text": TEXTS,
    "blob": BLOBS,
    "any": (*INTEGERS[:6], *TEXTS, *REALS, *BLOBS, *INTEGERS[6:]),
    "coordinate": (0.0, 1.0, 2.5, -1.0, 90.0, -90.0, 180.0, -180.0, 0.125),  # what an R-tree's 32 bits hold exactly
}
_ALPHABET = "aabcdeeghilmnorstu  .,-'AEZ019éßñЖя中の한अ😀🎵\u0301\u200dשא\x00\n"


def kind_of(declared: str, *, strict: bool = False) -> str:
    """Which values belong into a column of this declared type: its affinity, and what apps mean by the common names.

    https://sqlite.org/datatype3.html#determination_of_column_affinity
    """
    name = declared.upper()
    if strict:
        return {"INT": "integer", "INTEGER": "integer", "REAL": "real", "TEXT": "text", "BLOB": "blob"}.get(name, "any")
    if "BOOL" in name:
        return "boolean"
    if "JSON" in name:
        return "json"
    if "DATETIME" in name or "TIMESTAMP" in name:
        return "moment"
    if name.startswith("DATE"):
        return "date"
    if name == "TIME":
        return "time"
    if "INT" in name:
        return "integer"
    if any(word in name for word in ("CHAR", "CLOB", "TEXT", "UUID", "STRING")):
        return "text"
    if not name:
        return "any"
    if "BLOB" in name:
        return "blob"
    return "real" if any(word in name for word in ("REAL", "FLOA", "DOUB")) else "numeric"


def longest(declared: str) -> int | None:
    """`VARCHAR(20)` -> 20. SQLite does not hold anybody to it; apps hold themselves."""
    found = re.search(r"CHAR\w*\s*\(\s*(\d+)\s*\)", declared.upper())
    return int(found.group(1)) if found else None


def integer(n: int) -> Value:
    rng = random.Random(n)
    size: int = rng.getrandbits(rng.randrange(1, 64))
    return size if rng.random() < 0.75 else -size


def rowid(n: int) -> Value:
    rng = random.Random(n)
    return 1 + rng.getrandbits(rng.choice((6, 10, 20, 32)))


def real(n: int) -> Value:
    rng = random.Random(n)
    return round(rng.uniform(-1, 1) * 10.0 ** rng.randrange(0, 12), rng.randrange(0, 7)) + 0.0


def text(n: int) -> Value:
    rng = random.Random(n)
    return "".join(rng.choices(_ALPHABET, k=rng.choice((1, 2, 3, 5, 8, 13, 40))))


def blob(n: int) -> Value:
    rng = random.Random(n)
    return rng.randbytes(rng.choice((1, 2, 3, 8, 16, 20, 100)))


def anything(n: int) -> Value:
    return (integer, text, real, blob)[n % 4](n)


FREE: dict[str, Callable[[int], Value]] = {
    "integer": integer,
    "rowid": rowid,
    "real": real,
    "numeric": lambda n: real(n) if n % 2 else integer(n),
    "text": text,
    "blob": blob,
    "any": anything,
}


@cache
def samples(kind: str) -> tuple[Value, ...]:
    """The first few of any."""
    free = FREE.get(kind)
    return tuple(free(n) for n in range(60)) if free else ()


LEFT_OUT = object()  # the column is not named: its default applies
LITERAL = 64  # a first byte from here on is neither NULL nor left out


def index(pick: int, seed: int) -> int:
    """A place in a pool: the seed counts from its beginning, whatever the lot that the pick has drawn."""
    return (pick & 7) << 8 | seed


class Cell(NamedTuple):
    """A column's values: a pool, simplest first; any value, by number, or None if there are only those of the pool."""

    pool: tuple[Value, ...]
    free: Callable[[int], Value] | None
    null: bool
    left_out: bool

    def at(self, pick: int, seed: int) -> object:
        if pick < 32 and self.null:
            return None
        if 32 <= pick < LITERAL and self.left_out:
            return LEFT_OUT
        if self.free is not None and pick >= 144:
            return self.free(pick << 8 | seed)
        return self.pool[index(pick, seed) % len(self.pool)] if self.pool else None


_FITS: dict[str, tuple[type, ...]] = {
    "integer": (int,), "rowid": (int,), "real": (int, float), "numeric": (int, float), "boolean": (int,), "blob": (bytes,),
    "text": (str,), "json": (str,), "date": (str,), "time": (str,), "moment": (str,), "coordinate": (int, float),
    "any": (int, float, str, bytes),
}  # fmt: skip


def typed(pool: Iterable[Value], kind: str) -> list[Value]:
    """Only those of the pool that a column of this kind should hold: a number is no text, a text no number."""
    return [
        float(value) if kind in ("real", "coordinate") else value  # type: ignore[arg-type]
        for value in pool
        if isinstance(value, _FITS[kind])
    ]
