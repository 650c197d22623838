"""A CREATE TABLE text cut into its parts, by SQLite's own grammar: each column, clause and constraint with its place in the text.

The grammar is that of parse.y, drawn at https://sqlite.org/lang_createtable.html. Whatever stands in brackets (a CHECK, a
DEFAULT, a generated column) is skipped as a whole: no expression has to be understood to find where it begins and ends.
Nothing is read but the text, so it runs wherever Python does.
"""

from __future__ import annotations

from typing import NamedTuple

from embedmig.errors import UsageError, printable
from embedmig.naming import folded
from embedmig.tokens import PIECE, Piece, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDS_A_TYPE = frozenset([
    "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "DEFERRABLE", "GENERATED", "AS", "CONSTRAINT",
])  # fmt: skip
_TABLE_CONSTRAINTS = frozenset(["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"])


class Clause(NamedTuple):
    """A constraint of a column or of the table, from its CONSTRAINT name, if any, to its last token."""

    kind: str  # "PRIMARY KEY", "NOT NULL", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES",
    # "DEFERRABLE", "GENERATED", "FOREIGN KEY", or "CONSTRAINT" where a name stands alone
    name: str | None  # behind CONSTRAINT
    start: int
    body: int  # where it begins behind the name
    end: int
    columns: tuple[str, ...] = ()  # of a table's PRIMARY KEY, UNIQUE and FOREIGN KEY


class Column(NamedTuple):
    name: str
    start: int
    type_start: int  # the same as type_end, behind the name, where there is no type
    type_end: int
    end: int
    clauses: tuple[Clause, ...]

    def of(self, *kinds: str) -> list[Clause]:
        return [clause for clause in self.clauses if clause.kind in kinds]


class Parsed(NamedTuple):
    """A CREATE TABLE text and the places of its parts: `text[column.start:column.end]`."""

    text: str
    columns: tuple[Column, ...]
    constraints: tuple[Clause, ...]
    body: int  # behind the opening bracket
    close: int  # of the closing one
    end: int  # behind the last token, a semicolon left out

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if folded(column.name) == folded(name)), None)

    @property
    def items(self) -> tuple[Column | Clause, ...]:
        """Columns and constraints in the order in which they stand."""
        return (*self.columns, *self.constraints)


class Head(NamedTuple):
    """The beginning of a CREATE TABLE text: which table it makes, and where its name stands."""

    name: str
    start: int  # of the name, a schema before it left out
    prefix: int  # of the name, with the schema
    end: int  # behind the last token, a semicolon left out
    schema: str


def blank_line_end(text: str, pos: int) -> int:
    """Where the line ends, if nothing but blanks and comments stands between `pos` and there; else `pos`."""
    at = pos
    while (match := PIECE.match(text, at)) and match.lastgroup == "skip":
        line = text.find("\n", at, match.end())
        if line >= 0 and not match.group().startswith("/*"):
            return line
        at = match.end()
    return pos if at < len(text) else at


def head(text: str) -> Head:
    """Which table a CREATE TABLE text makes. Raises UsageError for any other text, and for more than one statement."""
    reader = _Reader(text)
    reader.need("CREATE")
    if reader.take("TEMP", "TEMPORARY"):
        raise UsageError("A temporary table can't take the place of one in the file.", hint="Leave TEMP out.")
    reader.need("TABLE")
    if reader.take("IF"):
        reader.need("NOT")
        reader.need("EXISTS")
    first = name = reader.any("a name")
    schema = ""
    if reader.take("."):
        schema, name = first.name, reader.any("a name")
    if reader.here == "AS":
        raise UsageError("CREATE TABLE ... AS SELECT says nothing of constraints.", hint="Write its columns out.")
    rest = reader.rest()
    ended = next((i for i, token in enumerate(rest) if token.text == ";"), len(rest))
    if len(rest) > ended + 1:
        raise UsageError("There is a second statement behind the CREATE TABLE.", hint="Run it by itself, afterwards.")
    end = rest[ended - 1].end if ended else name.end
    return Head(name.name, name.start, first.start, end, schema)


def parse(text: str) -> Parsed:
    """Cut a CREATE TABLE text into its parts. Raises UsageError where it is not SQLite's grammar."""
    made = head(text)
    reader = _Reader(text[: made.end])
    while reader.next.start <= made.start:
        reader.any("a name")
    body = reader.need("(").end
    columns: list[Column] = []
    constraints: list[Clause] = []
    while True:
        if columns and reader.here in _TABLE_CONSTRAINTS:
            constraints.append(_table_constraint(reader))
        else:
            columns.append(_column(reader))
        if not reader.take(",") and not (constraints and reader.here in _TABLE_CONSTRAINTS):
            break
    close = reader.need(")").start
    return Parsed(text, tuple(columns), tuple(constraints), body, close, made.end)


def trigger_event(text: str) -> tuple[str, list[str]]:
    """What a CREATE TRIGGER text fires on, INSERT, UPDATE or DELETE, and the columns of UPDATE OF."""
    reader = _Reader(text)
    while not reader.take("TRIGGER"):
        reader.any("TRIGGER")
    if reader.take("IF"):
        reader.any("NOT")
        reader.any("EXISTS")
    reader.any("a name")
    if reader.take("."):
        reader.any("a name")
    while reader.here not in ("INSERT", "UPDATE", "DELETE"):
        reader.any("INSERT, UPDATE or DELETE")
    event = reader.any("an event").said
    of = [reader.any("a column").name] if reader.take("OF") else []
    while of and reader.take(","):
        of.append(reader.any("a column").name)
    return event, of


_END = Piece("end", "", 1 << 62, 1 << 62)


class _Reader:
    """The tokens of a text, taken one by one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = pieces(text)
        self.at = 0

    @property
    def next(self) -> Piece:
        return self.tokens[self.at] if self.at < len(self.tokens) else _END

    @property
    def here(self) -> str:
        return self.next.said

    @property
    def last(self) -> int:
        """Where the token that was taken last ends."""
        return self.tokens[self.at - 1].end

    def take(self, *said: str) -> bool:
        if self.here not in said or not self.here:
            return False
        self.at += 1
        return True

    def need(self, said: str) -> Piece:
        if self.here != said:
            self.fail(said)
        return self.any(said)

    def any(self, wanted: str) -> Piece:
        if self.next is _END:
            self.fail(wanted)
        self.at += 1
        return self.tokens[self.at - 1]

    def rest(self) -> list[Piece]:
        return self.tokens[self.at :]

    def brackets(self) -> Iterator[Piece]:
        """The tokens that stand directly within the brackets that open here, which are taken whole."""
        self.need("(")
        depth = 1
        while depth:
            token = self.any(")")
            depth += (token.said == "(") - (token.said == ")")
            if depth == 1 and token.said != ")":
                yield token

    def skip_brackets(self) -> None:
        for _ in self.brackets():
            pass

    def fail(self, wanted: str) -> None:
        found = self.tokens[self.at].text if self.at < len(self.tokens) else "its end"
        line = self.text.count("\n", 0, min(self.next.start, len(self.text))) + 1
        raise UsageError(
            f"The CREATE TABLE text can't be read: {printable(found)} in line {line}, where {wanted} should stand.",
            hint="Write it as SQLite's grammar has it: https://sqlite.org/lang_createtable.html",
        )


def _column(reader: _Reader) -> Column:
    name = reader.any("a column")
    if name.said in (",", ")", "("):
        reader.at -= 1
        reader.fail("a column")
    start = end = name.end
    if _is_type(reader.next):
        start = reader.next.start
        while _is_type(reader.next):
            reader.any("a type")
        if reader.here == "(":
            reader.skip_brackets()
        end = reader.last
    clauses: list[Clause] = []
    while clause := _column_clause(reader):
        clauses.append(clause)
    return Column(name.name, name.start, start, end, reader.last, tuple(clauses))


def _is_type(token: Piece) -> bool:
    return token.kind in ("name", "text") or (token.kind == "word" and token.said not in _ENDS_A_TYPE)


def _named(reader: _Reader) -> str | None:
    """The name behind CONSTRAINT: of several the last one counts."""
    name = None
    while reader.take("CONSTRAINT"):
        name = reader.any("a name").name
    return name


def _column_clause(reader: _Reader) -> Clause | None:
    start = reader.next.start
    name = _named(reader)
    body = reader.next.start
    kind = _column_kind(reader)
    if kind is None:
        return None if name is None else Clause("CONSTRAINT", name, start, reader.last, reader.last)
    return Clause(kind, name, start, body, reader.last)


def _column_kind(reader: _Reader) -> str | None:
    """Take one clause of a column, from its first keyword to its end: what is it?"""
    if reader.here == "NOT" or reader.here == "DEFERRABLE":
        if _deferrable(reader):
            return "DEFERRABLE"
        reader.need("NOT")
        reader.need("NULL")
        _on_conflict(reader)
        return "NOT NULL"
    said = reader.here
    if said not in _ENDS_A_TYPE:
        return None
    reader.any(said)
    match said:
        case "PRIMARY":
            reader.need("KEY")
            reader.take("ASC", "DESC")
            _on_conflict(reader)
            reader.take("AUTOINCREMENT")
            return "PRIMARY KEY"
        case "NULL" | "UNIQUE":
            _on_conflict(reader)
        case "CHECK":
            reader.skip_brackets()
        case "DEFAULT":
            _default(reader)
        case "COLLATE":
            reader.any("a collation")
        case "REFERENCES":
            _references(reader)
        case "GENERATED" | "AS":
            if said == "GENERATED":
                reader.need("ALWAYS")
                reader.need("AS")
            reader.skip_brackets()
            reader.take("STORED", "VIRTUAL")
            return "GENERATED"
    return said


def _default(reader: _Reader) -> None:
    if reader.here == "(":
        reader.skip_brackets()
    else:
        reader.take("+", "-")
        reader.any("a value")


def _on_conflict(reader: _Reader) -> None:
    if reader.take("ON"):
        reader.need("CONFLICT")
        reader.any("ROLLBACK, ABORT, FAIL, IGNORE or REPLACE")


def _references(reader: _Reader) -> None:
    reader.any("a table")
    if reader.here == "(":
        reader.skip_brackets()
    while reader.here in ("ON", "MATCH"):
        if reader.take("MATCH"):
            reader.any("a name")
            continue
        reader.need("ON")
        reader.any("DELETE or UPDATE")
        if reader.take("SET", "NO"):
            reader.any("NULL, DEFAULT or ACTION")
        else:
            reader.any("CASCADE or RESTRICT")
    _deferrable(reader)


def _deferrable(reader: _Reader) -> bool:
    at = reader.at
    reader.take("NOT")
    if not reader.take("DEFERRABLE"):
        reader.at = at
        return False
    if reader.take("INITIALLY"):
        reader.any("DEFERRED or IMMEDIATE")
    return True


def _table_constraint(reader: _Reader) -> Clause:
    start = reader.next.start
    name = _named(reader)
    body = reader.next.start
    columns: tuple[str, ...] = ()
    said = reader.here
    if said not in _TABLE_CONSTRAINTS:
        return Clause("CONSTRAINT", name, start, reader.last, reader.last)
    reader.any(said)
    if said in ("PRIMARY", "FOREIGN"):
        reader.need("KEY")
        said += " KEY"
    if said == "CHECK":
        reader.skip_brackets()
    else:
        columns = _columns(reader)
    if said == "FOREIGN KEY":
        reader.need("REFERENCES")
        _references(reader)
    else:
        _on_conflict(reader)
    return Clause(said, name, start, body, reader.last, columns)


def _columns(reader: _Reader) -> tuple[str, ...]:
    """The names in `(a, b COLLATE NOCASE DESC)`."""
    names: list[str] = []
    begins = True
    for token in reader.brackets():
        if begins:
            names.append(token.name)
        begins = token.said == ","
    return tuple(names)
