"""The tokens of a statement: each with its place in the text, or with what it means to SQLite, names without quotes."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Iterable, Iterator

from embedmig.naming import folded, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Token(NamedTuple):
        """One token: its meaning (lower case, quotes of names gone), and its text."""

        meaning: str
        text: str
        gap: str  # what stood before it: "", blanks or a comment, or a line's end

else:
    Token = namedtuple("Token", "meaning text gap")

# SQLite's own lexical rules (https://sqlite.org/lang_keywords.html, https://sqlite.org/c3ref/complete.html), in one pass.
PIECE = re.compile(
    r"""(?P<skip> [ \t\r\n\f\ufeff]++ | --[^\n]*+ | /\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z) )
      | (?P<blob> [xX]'[0-9a-fA-F]*+' )
      | (?P<text> '(?:[^']++|'')*+' )
      | (?P<name> "(?:[^"]++|"")*+" | `(?:[^`]++|``)*+` | \[[^\]]*+\] )
      | (?P<number> 0[xX][0-9a-fA-F]++ | (?:[0-9]++(?:\.[0-9]*+)? | \.[0-9]++)(?:[eE][+-]?[0-9]++)? )
      | (?P<word> [^\x00-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]++ )
      | (?P<sign> ->>? | \|\| | <[<>=] | >[>=] | == | != | . )""",
    re.X | re.S,
)
# A name spelled like one of these means something else without its quotes: SQLite's words that are never names, and values.
_WORDS = """add all alter and as autoincrement between case check collate commit constraint create default deferrable delete
    distinct drop else escape except exists foreign from group having in index insert intersect into is isnull join limit
    not nothing notnull null on or order primary references returning select set table then to transaction union unique
    update using values when where current_date current_time current_timestamp true false"""
_RESERVED = frozenset(_WORDS.split())
_VALUES = frozenset({"null", "true", "false", "current_date", "current_time", "current_timestamp"})
_SAME_SIGN = {"==": "=", "!=": "<>"}


_KINDS = {"blob": "text"}


class Piece:
    """One token where it stands: `text == sql[start:end]`. `kind` is "text", "name" (in quotes), "number", "word" or "sign"."""

    __slots__ = ("end", "kind", "start", "text")

    def __init__(self, kind: str, text: str, start: int, end: int) -> None:
        self.kind, self.text, self.start, self.end = kind, text, start, end

    @property
    def said(self) -> str:
        """A bare word in upper case, a sign as it is, "" for what is quoted or a number."""
        return self.text.upper() if self.kind in ("word", "sign") else ""

    @property
    def name(self) -> str:
        """The name that it stands for, its quotes taken off."""
        return unquoted(self.text) if self.kind in ("name", "text") else self.text


def pieces(sql: str) -> list[Piece]:
    """The tokens of a text with their places, blanks and comments left out."""
    found = (match for match in PIECE.finditer(sql) if match.lastgroup != "skip")
    return [Piece(_KINDS.get(str(m.lastgroup), str(m.lastgroup)), m.group(), m.start(), m.end()) for m in found]


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of one statement, without its comments."""
    gap = ""
    for found in PIECE.finditer(sql):
        kind, text = found.lastgroup, found.group()
        if kind == "skip":
            gap = "\n" if "\n" in text or gap == "\n" else " "
            continue
        yield Token(_meaning(str(kind), text), text, gap)
        gap = ""


def _meaning(kind: str, text: str) -> str:
    if kind == "name":
        name = folded(unquoted(text))
        return f'"{name}"' if name in _RESERVED else name
    if kind == "blob":
        return "x" + text[1:].upper()
    if kind == "text":
        return text
    return _SAME_SIGN.get(text, text) if kind == "sign" else folded(text)


def unquoted(text: str) -> str:
    end = {"[": "]"}.get(text[0], text[0])
    return text[1:-1].replace(end * 2, end) if end != "]" else text[1:-1]


def as_name(token: Token) -> Token:
    """SQLite takes a string for a name where only a name can stand (https://sqlite.org/quirks.html#dblquote)."""
    if token.text[0] != "'":
        return token
    return token._replace(meaning=_meaning("name", token.text))


def as_text(token: Token) -> Token:
    """And a name in double quotes for a string where no such name is: then its letter case counts."""
    if token.text[0] != '"':
        return token
    return token._replace(meaning="'{}'".format(unquoted(token.text).replace("'", "''")))


def written(found: Iterable[Token]) -> str:
    """The text again, in one line, without comments."""
    return "".join((" " if token.gap else "") + token.text for token in found).strip()


def meanings(found: Iterable[Token]) -> tuple[str, ...]:
    return tuple(token.meaning for token in found)


def as_default(token: Token) -> Token:
    """`DEFAULT word` is the string 'word', its letter case included, unless it is a value's own name."""
    if token.text[0] in "`[":
        return as_text(token._replace(text=quoted(unquoted(token.text))))
    is_word = token.text[0].isalpha() or token.text[0] == "_" or not token.text[0].isascii()
    if not is_word or token.meaning in _VALUES or token.meaning.startswith("x'"):
        return as_text(token)
    return token._replace(meaning=f"'{token.text}'")
