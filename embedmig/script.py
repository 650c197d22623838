"""SQL text: its statements with their line numbers, its up and down sections, what may not run in a run.

The tokenizer runs the state machine of sqlite3_complete() (https://sqlite.org/c3ref/complete.html)
in one pass, so cost grows linearly with the text: a string of a million semicolons is one token.
"""

from __future__ import annotations

import re

from embedmig.errors import DefinitionError, printable
from embedmig.report import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NamedTuple

    class Statement(NamedTuple):
        """One SQL statement: the line (from 1) on which it begins, and its text."""

        line: int
        text: str

else:
    from collections import namedtuple

    Statement = namedtuple("Statement", "line text")  # typing would cost as much as the rest of this module

DENIED_PRAGMAS = frozenset(
    # silent no-ops inside a transaction, or dangerous to a person's only copy; also what the guard denies
    [
        "foreign_keys",
        "journal_mode",
        "synchronous",
        "locking_mode",
        "wal_checkpoint",
        "writable_schema",
        "trusted_schema",
        "query_only",
        "ignore_check_constraints",
        "schema_version",
    ]
)

_QUOTED = r"""'[^']*+' | "[^"]*+" | `[^`]*+` | \[[^\]]*+\]"""
_COMMENT = r"--[^\n]*+\n? | /\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)"
# One piece: blanks or a comment, a semicolon, a word, a quoted string or name (or one that is never closed), or any other character.
_PIECE = re.compile(
    rf"""(?P<skip> [ \t\r\n\f\ufeff]++ | {_COMMENT} )
      | (?P<semi> ; )
      | (?P<word> [^\x00-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]++ )  # ASCII's letters, digits, _ and $, and all beyond ASCII
      | {_QUOTED} | (?P<open> ['"`\[] ) | .""",
    re.X | re.S,
)
# What may stand between here and the next semicolon or the next comment, in one go.
_BODY = re.compile(rf"""(?: [^;'"`\[/-]++ | {_QUOTED} | -(?!-) | /(?!\*) )*+""", re.X | re.S)
# A whole statement at once, where nothing makes it hard: no comment inside, no trigger.
_PLAIN = re.compile(
    rf"""[ \t\r\n\f\ufeff]*+ (?P<plain>
         (?! (?i:EXPLAIN)\b | (?i:CREATE)\b (?! [ \t\r\n]++ (?i:TABLE|INDEX|UNIQUE|VIEW|VIRTUAL)\b ) ) [A-Za-z] {_BODY.pattern} ; )""",
    re.X | re.S,
)
_BLANK = re.compile(rf"(?: [ \t\r\n\f\ufeff]++ | {_COMMENT} )*+", re.X | re.S)
_WORD = re.compile(rf"(?: [ \t\r\n\f\ufeff]++ | {_COMMENT} )*+ ([A-Za-z_]\w* | \d[\w.]* | {_QUOTED} | .)", re.X | re.S)
_BREAKPOINT = re.compile(r"-->\s*statement-breakpoint")
# `-- migrate: up` is a marker too, or what follows it would run as well; `-- Migrate: old notes` is a comment.
_MARKER = re.compile(
    r"^[ \t\ufeff]*--[ \t]*migrate(?:[ \t]*:[ \t]*(?=(?:up|down)\b)|:(?=\w))(\w+)([^\n]*)$", re.M | re.I
)
_ADOPTS = re.compile(r"[ \t\ufeff]*--[ \t]*adopts[ \t]+([\w-]+)[ \t]*:[ \t]*(\S.*?)[ \t]*\Z")
FOREIGN_MARKER = re.compile(r"^[ \t]*--[ \t]*\+goose[ \t]+Down\b", re.M | re.I)

START, NORMAL, EXPLAIN, CREATE, TRIGGER, SEMI, END = range(7)


_SKIPPED_PRAGMAS = ("FOREIGN_KEYS", "AUTO_VACUUM", "PAGE_SIZE", "ENCODING")  # no-ops inside a transaction
_SUSPECTS = ("BEGIN", "COMMIT", "END", "ROLLBA", "ATTACH", "DETACH", "VACUUM", "PRAGMA")


class Sections(Value):
    """The up and down parts of one SQL text, each with the lines before it blanked, and its options."""

    up: str
    down: str | None
    options: dict[str, str]


def statements(sql: str, file: str | None = None) -> Iterator[Statement]:
    """Yield the statements of a script; comments and empty statements on their own are dropped.

    A line `--> statement-breakpoint` ends a statement as a semicolon does. Raises DefinitionError,
    naming file and line, for a NUL character, an unterminated string and a trigger without END.
    """
    _refuse_odd_characters(sql, file)
    pos = 0
    state, begin, line, counted = START, -1, 1, 0
    while pos < len(sql):
        if begin < 0 and (plain := _PLAIN.match(sql, pos)):
            counted, line, pos = (
                plain.start("plain"),
                line + sql.count("\n", counted, plain.start("plain")),
                plain.end(),
            )
            yield Statement(line, plain.group("plain"))
            continue
        if state in (NORMAL, TRIGGER):
            pos = _BODY.match(sql, pos).end()  # type: ignore[union-attr]  # it matches the empty string
            if pos >= len(sql):
                break
        piece = _PIECE.match(sql, pos)
        assert piece is not None  # the last alternative is any character
        kind, end = piece.lastgroup, piece.end()
        if kind == "skip":
            if begin >= 0 and state not in (TRIGGER, SEMI) and _BREAKPOINT.match(sql, pos):
                yield Statement(line, sql[begin:pos].rstrip())
                state, begin = START, -1
            pos = end
            continue
        if begin < 0 and kind != "semi":
            line += sql.count("\n", counted, pos)
            begin = counted = pos
        if kind == "open":
            quote = piece.group().replace("[", "]")
            at = sql.count("\n", 0, pos) + 1
            raise _wrong(file, at, "the string or name that begins here is never closed", f"Close it with {quote}")
        state = _next(state, piece.group().upper() if kind in ("word", "semi") else "")
        if state == START and begin >= 0:
            yield Statement(line, sql[begin:end])
            begin = -1
        pos = end
    if begin >= 0:
        if state in (TRIGGER, SEMI):
            raise _wrong(file, line, "the trigger that begins here has no END", "End it with END;")
        yield Statement(line, sql[begin:])


def _next(state: int, word: str) -> int:
    """The next state of sqlite3_complete()'s machine; `word` is upper case, ";" or "" for anything else."""
    if word == ";":
        return SEMI if state in (TRIGGER, SEMI) else START
    if state == START:
        return {"EXPLAIN": EXPLAIN, "CREATE": CREATE}.get(word, NORMAL)
    if state == EXPLAIN:
        return (
            CREATE
            if word == "CREATE"
            else NORMAL
            if word in ("EXPLAIN", "TEMP", "TEMPORARY", "TRIGGER", "END")
            else EXPLAIN
        )
    if state == CREATE:
        return TRIGGER if word == "TRIGGER" else CREATE if word in ("TEMP", "TEMPORARY") else NORMAL
    if state == SEMI:
        return END if word == "END" else TRIGGER
    return TRIGGER if state in (TRIGGER, END) else NORMAL


def _refuse_odd_characters(sql: str, file: str | None) -> None:
    at = sql.find("\0")
    if at >= 0:
        raise _wrong(file, sql.count("\n", 0, at) + 1, "there is a NUL character in the SQL", "Remove it.")


def _wrong(file: str | None, line: int, what: str, cure: str) -> DefinitionError:
    place = f"{printable(file)}, line {line}" if file else f"Line {line} of the SQL"
    return DefinitionError(f"{place}: {what}.", hint=cure)


def words(statement: str, most: int = 5) -> list[str]:
    """The first words and signs of a statement, upper case, comments left out."""
    found: list[str] = []
    pos = 0
    while len(found) < most and (match := _WORD.match(statement, pos)):
        found.append(match.group(1).upper())
        pos = match.end()
    return found


def runnable(
    sql: str, *, file: str | None = None, transactional: bool = True
) -> tuple[list[Statement], list[Statement]]:
    """The statements to run, and those that are skipped because the run's own transaction stands for them.

    Skipped in a transactional text: BEGIN, COMMIT, END and PRAGMA foreign_keys. Raises
    DefinitionError naming file and line for what would end the transaction or do nothing inside it.
    """
    run: list[Statement] = []
    skipped: list[Statement] = []
    for statement in statements(sql, file):
        if statement.text.startswith("."):
            raise _wrong(
                file,
                statement.line,
                "a line that starts with a dot is a command of the sqlite3 shell, not SQL",
                "Remove it.",
            )
        if not transactional:
            run.append(statement)
        elif _is_wrapper(statement, file):
            skipped.append(statement)
        else:
            run.append(statement)
    return run, skipped


def _is_wrapper(statement: Statement, file: str | None) -> bool:
    """Is it a BEGIN, COMMIT or PRAGMA foreign_keys around the real work? Refuses what must not run at all."""
    if not statement.text[:6].upper().startswith(_SUSPECTS):
        return False
    first, *rest = said = words(statement.text, 9)
    if _stands_for_the_run(said):
        return True
    if first == "ROLLBACK" and "TO" not in rest[:2]:
        raise _wrong(
            file,
            statement.line,
            "ROLLBACK would undo the whole run",
            "Remove it: a migration that fails is undone by embedmig.",
        )
    if first in ("ATTACH", "DETACH", "VACUUM"):
        raise _wrong(
            file, statement.line, f"{first} can't run inside the run's transaction",
            "Move it to a migration of its own, marked -- migrate:up transaction:false (in Python: transactional = False).",
        )  # fmt: skip
    if first == "PRAGMA":
        return _is_skipped_pragma(statement, rest, file)
    return False


def _stands_for_the_run(said: list[str]) -> bool:
    """Is it, whole, a statement that the run's own transaction stands for, or that does nothing inside it?

    With more words than that it is work behind a forgotten semicolon: SQLite shall say so.
    """
    if said[-1:] == [";"]:
        said = said[:-1]
    match said:
        case ["BEGIN" | "COMMIT" | "END"]:
            return True
        case ["BEGIN" | "COMMIT" | "END", "TRANSACTION", *name]:
            return len(name) <= 1
        case ["BEGIN", "DEFERRED" | "IMMEDIATE" | "EXCLUSIVE", *rest]:
            return rest[:1] in ([], ["TRANSACTION"]) and len(rest) <= 2
        case ["PRAGMA", _, ".", name, *value] | ["PRAGMA", name, *value]:
            sets = len(value) in (2, 3) and value[0] in ("=", "(")
            return name.strip("\"'`[]") in _SKIPPED_PRAGMAS and (not value or sets)
    return False


def _is_skipped_pragma(statement: Statement, rest: list[str], file: str | None) -> bool:
    qualified = rest[1:2] == ["."]
    name = (rest[2] if qualified and len(rest) > 2 else rest[0] if rest else "").lower()
    sets = (rest[3:4] if qualified else rest[1:2]) in (["="], ["("])
    if (name in DENIED_PRAGMAS and name != "foreign_keys" and sets) or name == "wal_checkpoint":
        raise _wrong(
            file, statement.line, f"PRAGMA {name} does nothing, or harm, inside a transaction",
            "Set it in prepare=, or move it to a migration marked -- migrate:up transaction:false.",
        )  # fmt: skip
    return False


def down_alone(text: str, file: str | None = None) -> str:
    """The text of a `.down.sql` file: all of it, a `-- migrate:down` line on top being welcome."""
    marks = list(_MARKER.finditer(text))
    for mark in marks:
        line = text.count("\n", 0, mark.start()) + 1
        if mark.group(1).lower() != "down" or mark is not marks[0]:
            raise _wrong(file, line, "this file is all down", "Leave the marker out.")
        _refuse_sql_before(text, mark.start(), file)
        text = text[: mark.start()] + " " * (mark.end() - mark.start()) + text[mark.end() :]
    return text


def sections(text: str, file: str | None = None) -> Sections:
    """Cut a text at its `-- migrate:up` and `-- migrate:down` lines; without any, all of it is up.

    Options stand behind the marker: `transaction:false`, `backward_compatible:true`,
    `requires_sqlite:3.35`, `loses_rows:true`. Raises DefinitionError for a marker that is unknown, doubled or preceded by SQL.
    """
    goose = FOREIGN_MARKER.search(text) if "goose" in text else None
    if goose:
        line = text.count("\n", 0, goose.start()) + 1
        raise _wrong(
            file,
            line,
            "this is goose's marker, and everything after it would run as well",
            "Write -- migrate:up and -- migrate:down.",
        )
    marks = list(_MARKER.finditer(text)) if "migrate" in text.lower() else []
    if not marks:
        return Sections(text, None, {})
    _refuse_sql_before(text, marks[0].start(), file)
    parts: dict[str, str] = {}
    options: dict[str, str] = {}
    for mark, end in zip(marks, [m.start() for m in marks[1:]] + [len(text)], strict=True):
        line, name = text.count("\n", 0, mark.start()) + 1, mark.group(1).lower()
        if name not in ("up", "down") or name in parts:
            twice = f"a second migrate:{name}" if name in parts else f"migrate:{printable(name)} is no marker"
            raise _wrong(file, line, twice, "Write -- migrate:up once and -- migrate:down at most once.")
        parts[name] = "\n" * (line - 1) + " " * (mark.end() - mark.start()) + text[mark.end() : end]
        found = _options(mark.group(2), file, line)
        if name == "up":
            options = found
        elif any(options.get(key) != value for key, value in found.items()):
            raise _wrong(
                file,
                line,
                "options of migrate:down that migrate:up does not have",
                "Write them behind -- migrate:up: they hold for both.",
            )
    if "up" not in parts:
        raise _wrong(
            file,
            1,
            "there is a -- migrate:down but no -- migrate:up",
            "Add the marker above the statements that go up.",
        )
    return Sections(parts["up"], parts.get("down"), options)


def _refuse_sql_before(text: str, end: int, file: str | None) -> None:
    start = _BLANK.match(text)
    if start is not None and start.end() < end:
        line = text.count("\n", 0, start.end()) + 1
        raise _wrong(file, line, "there is SQL above the first -- migrate: marker", "Move it below -- migrate:up.")


def _options(text: str, file: str | None, line: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in text.split():
        key, colon, value = word.partition(":")
        value = value.lower()
        number = all(part.isascii() and part.isdigit() for part in value.split("."))
        known = (key == "requires_sqlite" and number) or (
            key in ("transaction", "backward_compatible", "loses_rows") and value in ("true", "false")
        )
        if not (colon and value and known):
            raise _wrong(
                file,
                line,
                f"unknown option {printable(word)}",
                "Known: transaction:false, backward_compatible:true, requires_sqlite:3.35, loses_rows:true.",
            )
        found[key] = value
    return found


def first_comment(text: str) -> str:
    """The first line of the first comment that says something, without its dashes or stars."""
    for line in _head(text):
        said = line.strip().strip("/*-").strip()
        if said and not _MARKER.match(line) and not _ADOPTS.match(line) and not said.startswith(">"):
            return said
    return ""


def adopts(text: str) -> tuple[str, ...]:
    """What the lines `-- adopts goose: 20210101_init` above the first statement say, each as `goose: 20210101_init`."""
    if "adopts" not in text:
        return ()
    return tuple(f"{found[1]}: {found[2]}" for line in _head(text) if (found := _ADOPTS.match(line)))


def _head(text: str) -> list[str]:
    """The lines of the comments above the first statement."""
    start = _BLANK.match(text)
    return text[: start.end() if start else 0].splitlines()
