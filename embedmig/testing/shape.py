"""What a schema says, in whatever words: a file made step by step is compared with one that was made at once.

SQLite keeps each CREATE statement as it was written, with what ALTER TABLE did to its text. Equal here are texts
that differ in comments, blanks, letter case of names and keywords, quotes around names, and in the order of
objects, of a table's own constraints and of the constraints within a column. The order of columns is a
difference: `SELECT *` and an INSERT without names depend on it.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator

    Shape = dict[str, list[str]]  # "table notes" -> its lines: columns in order, then what else it says

_TOKEN = re.compile(
    r"""(?P<blank> \s++ | --[^\n]*+ | /\*.*?\*/ )
      | (?P<text> [xX]?'(?:[^']|'')*+' ) | (?P<name> "(?:[^"]|"")*+" | `(?:[^`]|``)*+` | \[[^\]]*+\] )
      | (?P<word> [\w$]++ (?: (?<=\d)\.\d+ )? ) | \|\| | [<>=!]= | <> | << | >> | ->>? | .""",
    re.X | re.S,
)
_OBJECTS = (
    "SELECT type, lower(name), sql FROM main.sqlite_master"
    " WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND lower(name) <> '_migrations'"
)
_OF_TABLE = {"constraint", "primary", "unique", "check", "foreign"}
_OF_COLUMN = {"constraint", "primary", "unique", "check", "default", "collate", "references", "generated", "as", "not", "null"}  # fmt: skip


def of(conn: sqlite3.Connection) -> Shape:
    """What is in a file, SQLite's own objects, the history and shadow tables left out."""
    shadows = {str(row[1]).lower() for row in conn.execute("PRAGMA main.table_list") if row[2] == "shadow"}
    found = conn.execute(_OBJECTS).fetchall()
    return {f"{kind} {name}": _lines(kind, sql) for kind, name, sql in found if kind != "table" or name not in shadows}


def difference(one: Shape, other: Shape, accept: Collection[str] = ()) -> list[str]:
    """What is only in the one (`-`) and only in the other (`+`), object by object; empty where they say the same."""
    lines: list[str] = []
    for name in sorted(one.keys() | other.keys()):
        if name in accept or one.get(name) == other.get(name):
            continue
        import difflib

        compared = difflib.ndiff(one.get(name, []), other.get(name, []))
        lines += [f"{name}:", *(f"  {line}" for line in compared if line[0] in "-+")]
    return lines


def _lines(kind: str, sql: str) -> list[str]:
    found = list(tokens(sql))
    if kind != "table" or found[1] == "virtual" or "(" not in found:
        return [" ".join(found)]
    body = found.index("(")
    end = len(found) - 1 - found[::-1].index(")")
    parts = list(_split(found[body + 1 : end]))
    columns = [_column(part) for part in parts if part[0] not in _OF_TABLE]
    constraints = sorted(" ".join(part) for part in parts if part[0] in _OF_TABLE)
    return [*columns, *constraints, *sorted(" ".join(part) for part in _split(found[end + 1 :]))]


def tokens(sql: str) -> Iterator[str]:
    """The words of a statement: names without their quotes, all in lower case but for text; no comments, no blanks."""
    for found in _TOKEN.finditer(sql):
        kind, text = found.lastgroup, found.group()
        if kind == "blank" or text == ";":
            continue
        if kind == "name":
            name = text[1:-1].replace(text[0] * 2, text[0]).lower()
            yield name if re.fullmatch(r"[^\W\d][\w$]*", name) else '"' + name + '"'
        else:
            yield text if kind == "text" else text.lower()


def _split(tokens: list[str]) -> Iterator[list[str]]:
    """The parts between commas that stand in no bracket."""
    part: list[str] = []
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == "," and not depth:
            yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part


def _column(tokens: list[str]) -> str:
    """A column's name and type, then its constraints, sorted."""
    pieces = [[tokens[0]]]
    depth = 0
    for index, token in enumerate(tokens[1:], 1):
        if not depth and token in _OF_COLUMN and _begins(tokens, index):
            pieces.append([])
        depth += {"(": 1, ")": -1}.get(token, 0)
        pieces[-1].append(token)
    first, *rest = (" ".join(piece) for piece in pieces)
    return " ".join([first, *sorted(rest)])


def _begins(tokens: list[str], index: int) -> bool:
    """Does this word begin a constraint? Not the NULL of NOT NULL, what ON DELETE SET says, the AS after ALWAYS, a named one."""
    token, before = tokens[index], tokens[index - 1]
    if token == "not" and tokens[index + 1 : index + 2] != ["null"]:
        return False  # NOT DEFERRABLE
    if tokens[index - 2] == "constraint" and index > 2:
        return False
    return before not in {"null": {"not", "set", "default"}, "default": {"set"}, "as": {"always"}}.get(token, ())
