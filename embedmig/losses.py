"""Which statements of a migration lose rows or columns, told by their words alone.

Each column of each table is followed through the statements, as a value through assignments: a rebuild that copies a column into
the new table keeps it, whatever the tables are called on the way. What no table holds at the end is lost.
"""

from __future__ import annotations

from embedmig.errors import printable
from embedmig.naming import folded
from embedmig.script import Statement
from embedmig.tokens import tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Columns = Mapping[str, Sequence[str]]  # of each table, the columns that hold data
    Held = dict[
        tuple[str, str], str | None
    ]  # the table and column it was -> the column that has it now; None: some column
    Loss = tuple[int, str]  # the line, and what is lost there

_ENDS = ("where", "group", "order", "union", "except", "intersect")
_BEFORE_ALL = ("select", "distinct", "all", ",", ".")  # else it multiplies, or counts


def of(statements: Iterable[Statement], before: Columns, *, read_by_code: bool = False) -> list[Loss]:
    """What these statements lose of the tables that were there before, in the order of their lines.

    `read_by_code`: the statements are those of a function, and what it selects it may well write elsewhere.
    """
    walk = _Walk(before, read_by_code)
    for statement in statements:
        walk.over(statement)
    return sorted(walk.found + walk.not_held_any_more())


class _Walk:
    def __init__(self, before: Columns, read_by_code: bool) -> None:
        self.before = {
            folded(table): {folded(column): column for column in columns} for table, columns in before.items()
        }
        self.names = {folded(table): table for table in before}
        self.tables: dict[str, Held] = {
            table: {(table, column): column for column in columns} for table, columns in self.before.items()
        }
        self.passing: set[str] = set()  # temporary tables
        self.code: Held | None = {} if read_by_code else None  # what a function has read
        self.found: list[Loss] = []
        self.dropped: dict[str, int] = {}  # in which line
        self.cut: dict[tuple[str, str], int] = {}  # columns that were dropped, and where

    # -- statement by statement ------------------------------------------------------------------------

    def over(self, statement: Statement) -> None:
        said = [token.meaning for token in tokens(statement.text)]
        match said[:2]:
            case ["create", *_]:
                self._create(said)
            case ["drop", "table"]:
                self._drop(said, statement.line)
            case ["alter", "table"]:
                self._alter(said, statement.line)
            case ["delete", "from"]:
                self._delete(said, statement.line)
            case ["with", *_] if (at := _verb(said)) is not None and said[at] == "delete":
                self._delete(said[at:], statement.line)
            case ["select" | "values", *_]:
                if self.code is not None:
                    self._copy(said, self.code, target=())
            case ["insert" | "replace" | "update" | "with", *_]:
                self._write(said)

    def _create(self, said: list[str]) -> None:
        temporary = said[1:2] in (["temp"], ["temporary"])
        if said[1 + temporary : 2 + temporary] not in (["table"], ["virtual"]):
            return
        name, at = _name(said, said.index("table") + 1)
        if name in self.tables and "exists" in said[:at]:
            return
        held: Held = {}
        if said[at : at + 1] == ["as"]:
            self._copy(said[at + 1 :], held, target=())
        self.tables[name] = held
        if temporary:
            self.passing.add(name)

    def _drop(self, said: list[str], line: int) -> None:
        name, _ = _name(said, 2)
        for table, _ in self.tables.pop(name, {}):
            self.dropped.setdefault(table, line)
        self.passing.discard(name)

    def _alter(self, said: list[str], line: int) -> None:
        name, at = _name(said, 2)
        held = self.tables.get(name, {})
        rest = [word for word in said[at:] if word != ";"]
        if rest[1:2] == ["column"] and len(rest) in (3, 5):  # else it is a column of that name
            del rest[1]
        match rest:
            case ["rename", "to", new]:
                self.tables[_plain(new)] = self.tables.pop(name, {})
            case ["rename", old, "to", new]:
                for key, column in held.items():
                    if column == _plain(old):
                        held[key] = _plain(new)
            case ["drop", column]:
                for key in [key for key, now in held.items() if now == _plain(column)]:
                    del held[key]
                    self.cut.setdefault(key, line)

    def _delete(self, said: list[str], line: int) -> None:
        name, at = _name(said, 2)
        if "where" in said[at:] or "limit" in said[at:]:
            return
        elsewhere = {key for other, held in self.tables.items() if other != name for key in held} | (
            self.code or {}
        ).keys()
        for table in dict.fromkeys(
            table for table, column in self.tables.get(name, {}) if (table, column) not in elsewhere
        ):
            self.found.append((line, f"deletes every row of {self._table(table)}"))

    def _write(self, said: list[str]) -> None:
        if "into" in said and said[0] != "update":
            name, at = _name(said, said.index("into") + 1)
        elif "update" in said:
            at = said.index("update") + 1
            name, at = _name(said, at + 2 if said[at : at + 1] == ["or"] else at)
        else:
            return
        target = said[at : said.index(")", at)] if said[at : at + 1] == ["("] and ")" in said[at:] else []
        self._copy(said[:at] if said[0] == "with" else [], self.tables.setdefault(name, {}), target)
        self._copy(said[at:], self.tables[name], target)

    def _copy(self, said: list[str], into: Held, target: Sequence[str]) -> None:
        """What a SELECT takes from other tables, the table that it is written to now holds."""
        written = {_plain(word) for word in target}
        for taken, sources in _selected(said):
            for source in sources & self.tables.keys():
                for key, column in self.tables[source].items():
                    if column is None or column in taken or "*" in taken:
                        into.setdefault(key, column if not written or column in written else None)

    # -- at the end --------------------------------------------------------------------------------------

    def not_held_any_more(self) -> list[Loss]:
        held = {key for name, table in self.tables.items() if name not in self.passing for key in table}
        held |= (self.code or {}).keys()
        found = []
        for table, line in self.dropped.items():
            lost = [column for column in self.before[table] if (table, column) not in held | self.cut.keys()]
            if not held & {(table, column) for column in self.before[table]}:
                found.append((line, f"drops the table {self._table(table)}"))
                held |= self.cut.keys() & {(table, column) for column in self.before[table]}  # told with it
            elif lost:
                names = ", ".join(self._called(table, column) for column in lost)
                what = "columns" if len(lost) > 1 else "column"
                found.append((line, f"rebuilds {self._table(table)} without its {what} {names}"))
        for (table, column), line in self.cut.items():
            if (table, column) not in held:
                found.append((line, f"drops the column {self._called(table, column)} of {self._table(table)}"))
        return found

    def _table(self, table: str) -> str:
        return printable(self.names[table])

    def _called(self, table: str, column: str) -> str:
        return printable(self.before[table][column])


def _plain(word: str) -> str:
    """A name without the quotes that a word of SQL's keeps."""
    return folded(word[1:-1]) if word[:1] in "\"'" and len(word) > 1 else word


def _name(said: list[str], at: int) -> tuple[str, int]:
    """The name that stands there, behind IF (NOT) EXISTS and its schema, and where the rest begins."""
    while said[at : at + 1] in (["if"], ["not"], ["exists"]):
        at += 1
    if said[at + 1 : at + 2] == ["."]:
        at += 2
    return (_plain(said[at]) if at < len(said) else ""), at + 1


def _verb(said: list[str]) -> int | None:
    """Where a statement that begins with WITH says what it does: behind its last closing parenthesis."""
    depth = 0
    for at, word in enumerate(said):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and said[at - 1] == ")" and word in ("select", "values", "insert", "replace", "update", "delete"):
            return at
    return None


def _selected(said: list[str]) -> Iterator[tuple[set[str], set[str]]]:
    """Of each SELECT the words of what it takes, and those among which the tables are; of an UPDATE all its words are both."""
    if "set" in said and "select" not in said[: said.index("set")]:
        words = {_plain(word) for word in said}
        yield words - {"*"}, words
    for start, word in enumerate(said):
        if word == "select":
            yield _of_one(said[start + 1 :])


def _of_one(said: list[str]) -> tuple[set[str], set[str]]:
    taken: set[str] = set()
    sources: set[str] = set()
    depth, is_behind_from = 0, False
    for before, word in zip(["select", *said], said, strict=False):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0 or (depth == 0 and word in _ENDS):
            break
        if depth == 0 and word == "from":
            is_behind_from = True
        elif is_behind_from and depth == 0:
            sources.add(_plain(word))
        elif not is_behind_from and (word != "*" or before in _BEFORE_ALL):
            taken.add(_plain(word))
    return taken, sources
