"""CHECK constraints solved: which values of which columns go together.

A constraint is taken apart at its ANDs, ORs and CASEs into alternatives, each a list of conditions of one
column or relations between several. What one column may hold is then found by trying: values made of the constants in
its conditions (`length(code) = 8` asks for texts of 8 characters, `kind IN ('a', 'b')` for 'a' and 'b') are shown to SQLite,
which keeps those that hold. A relation such as `ends >= starts` is mended in each row. SQLite has the last word on every row.
"""

from __future__ import annotations

import itertools
import random
import re
import sqlite3
from functools import reduce
from typing import NamedTuple

from embedmig.testing import values
from embedmig.testing.expressions import Column, Literal, Node, Op, as_sql, columns_in, is_known
from embedmig.testing.values import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from embedmig.testing.values import Value

    Condition = tuple[Node, bool]  # an expression and whether it shall hold; NULL holds both ways, as in a CHECK
    Alternative = tuple[Condition, ...]

MOST = 64  # alternatives of one constraint, and cases of one table
_COMPARISONS = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "is": "is not", "is not": "is"}
_BOOLEAN = {"or", "and", "not", "in", "like", "glob", "json_valid()", *_COMPARISONS}


class Field(NamedTuple):
    """What solving must know of a column: its name in lower case and the values that it takes by itself."""

    name: str
    kind: str
    nullable: bool
    longest: int | None
    default: Literal | None


class Relation(NamedTuple):
    """`left sign right`, an expression over several columns."""

    sign: str
    left: Node
    right: Node


class Case(NamedTuple):
    """One way to satisfy all constraints: what each column may then hold, and what must hold between them."""

    cells: dict[str, Cell]
    relations: tuple[Relation, ...]


def cases(conn: sqlite3.Connection, fields: Iterable[Field], constraints: Iterable[Node]) -> list[Case]:
    """The ways in which a row can satisfy its table's constraints; what can't be solved here is left out of them."""
    solver = _Solver(conn, {field.name: field for field in fields})
    found: list[Alternative] = [()]
    for constraint in constraints:
        extended = [
            (*old, *new)
            for old in found
            for new in solver.alternatives(constraint, True)
            if solver.possible((*old, *new))
        ]
        if len(extended) > MOST:
            extended = random.Random(0).sample(extended, MOST)
        found = extended or found
    return [solver.case(alternative) for alternative in found]


class _Solver:
    """One table's constraints, taken apart and tried on one connection, which has the app's functions."""

    def __init__(self, conn: sqlite3.Connection, fields: dict[str, Field]) -> None:
        self.conn, self.fields = conn, fields
        self._cells: dict[tuple[str, frozenset[str]], Cell] = {}

    # -- taken apart ----------------------------------------------------------------------------------------

    def alternatives(self, node: Node, truth: bool) -> list[Alternative]:
        if not isinstance(node, Op) or (len(columns_in(node)) < 2 and is_known(node)):
            return [((node, truth),)]
        if node.name == "not":
            return self.alternatives(node.args[0], not truth)
        if node.name in ("and", "or"):
            one, other = (self.alternatives(arg, truth) for arg in node.args)
            both = [(*a, *b) for a in one for b in other] if (node.name == "and") == truth else one + other
            return both[:MOST]
        if node.name in ("case", "iif()", "if()"):
            return self.branches(node.args, truth)[:MOST]
        if node.name == "is" and node.args[1] == Literal(None) and _is_coalesce(node.args[0]):
            alone: list[Node] = [Op("is", (arg, node.args[1])) for arg in node.args[0].args]  # type: ignore[union-attr]
            return self.alternatives(reduce(lambda one, other: Op("and", (one, other)), alone), truth)
        return self.by_truth(node, truth) or [((node, truth),)]

    def branches(self, args: tuple[Node, ...], truth: bool) -> list[Alternative]:
        """Of a CASE: its first condition and what follows from it, or not that one and so on."""
        if len(args) < 2:
            return self.alternatives(args[0], truth) if args else [()]
        when, then, *rest = args
        yes = [(*a, *b) for a in self.alternatives(when, True) for b in self.alternatives(then, truth)]
        no = [(*a, *b) for a in self.alternatives(when, False) for b in self.branches(tuple(rest), truth)]
        return yes + no

    def by_truth(self, node: Op, truth: bool) -> list[Alternative]:
        """Of conditions put together in other ways, `(a IS NULL) = (b IS NULL)` or `(a > 0) + (b > 0) = 1`: those that make it so."""
        conditions = list(dict.fromkeys(_conditions(node)))
        if not 2 <= len(conditions) <= 6:
            return []
        found: list[Alternative] = []
        for truths in itertools.product((True, False), repeat=len(conditions)):
            chosen = dict(zip(conditions, truths, strict=True))
            rest = _replaced(node, {condition: Literal(int(value)) for condition, value in chosen.items()})
            if columns_in(rest) or not is_known(rest):
                return []
            if self.ask(f"SELECT ({as_sql(rest)}) IS {'NOT FALSE' if truth else 'NOT TRUE'}"):
                found.append(tuple(chosen.items()))
        return found

    def ask(self, sql: str) -> bool:
        try:
            return bool(self.conn.execute(sql).fetchone()[0])
        except sqlite3.Error:
            return False

    # -- put together ---------------------------------------------------------------------------------------

    def possible(self, alternative: Alternative) -> bool:
        return all(cell.null or cell.pool for cell in self.constrained(alternative).values())

    def constrained(self, alternative: Alternative) -> dict[str, Cell]:
        of: dict[str, list[Condition]] = {}
        for node, truth in alternative:
            names = columns_in(node)
            if len(names) == 1 and is_known(node):
                of.setdefault(names.pop(), []).append((node, truth))
        return {name: self.cell(self.fields[name], conditions) for name, conditions in of.items()}

    def case(self, alternative: Alternative) -> Case:
        cells = {name: self.cell(field, []) for name, field in self.fields.items()} | self.constrained(alternative)
        relations = tuple(relation for node, truth in alternative if (relation := _relation(node, truth)))
        for name in {name for _, *sides in relations for side in sides for name in columns_in(side)}:
            cells[name] = cells[name]._replace(left_out=False)  # to mend a relation, its values must be known
        return Case(cells, relations)

    def cell(self, field: Field, conditions: list[Condition]) -> Cell:
        """The values of one column that satisfy these conditions of it alone."""
        wanted = [as_sql(node) if truth else f"NOT ({as_sql(node)})" for node, truth in conditions]
        key = field.name, frozenset(wanted)
        if key not in self._cells:
            self._cells[key] = self._cell(field, conditions, wanted)
        return self._cells[key]

    def _cell(self, field: Field, conditions: list[Condition], wanted: list[str]) -> Cell:
        free = values.FREE.get(field.kind)
        pool = values.POOLS[field.kind]
        if field.longest is not None:
            free = None
            pool = tuple(
                v for v in (*pool, *_samples(field)) if not isinstance(v, str | bytes) or len(v) <= field.longest
            )
        null, default = field.nullable, field.default
        if wanted:
            free = None
            said, made = _seeds(field, [node for node, _ in conditions])
            candidates = [*values.typed(said, field.kind), *pool, *_samples(field), *values.typed(made, field.kind)]
            pool = self.kept(field, candidates, wanted)
            if (
                field.kind == "integer" and len(pool) < 3
            ) or not pool:  # a moment that is a number, a text of digits ...
                pool = pool or self.kept(
                    field, [*said, *made, *values.POOLS["any"], *values.MOMENTS, *values.JSON, *values.INTEGERS], wanted
                )
            null = null and bool(self.kept(field, [None], wanted))
            if default is not None and default.value is not None:
                default = default if self.kept(field, [default.value], wanted) else None  # type: ignore[list-item]
        left_out = default is not None and (default.value is not None or null)
        return Cell(pool, free, null, left_out)

    def kept(self, field: Field, candidates: Iterable[Value], wanted: list[str]) -> tuple[Value, ...]:
        """Those for which SQLite says that none of the conditions is false."""
        tried = list(dict.fromkeys((type(value), value) for value in candidates))
        name = as_sql(Column(field.name))
        where = " AND ".join(f"({condition}) IS NOT FALSE" for condition in wanted)
        rows = ", ".join(f"({i}, ?)" for i in range(len(tried)))
        sql = f"WITH tried(embedmig_i, {name}) AS (VALUES {{}}) SELECT embedmig_i FROM tried WHERE {where}"
        try:
            found = self.conn.execute(sql.format(rows), [value for _, value in tried])
            return tuple(tried[i][1] for i in sorted(row[0] for row in found))
        except sqlite3.Error:
            return tuple(value for _, value in tried if self.holds(sql.format("(0, ?)"), value))

    def holds(self, sql: str, value: Value) -> bool:
        """Malformed JSON, say, is an error of the whole question: one at a time then."""
        try:
            return self.conn.execute(sql, (value,)).fetchone() is not None
        except sqlite3.Error:
            return False


def _is_coalesce(node: Node) -> bool:
    return isinstance(node, Op) and node.name in ("coalesce()", "ifnull()") and len(node.args) > 1


def _is_boolean(node: Node) -> bool:
    return isinstance(node, Op) and node.name in _BOOLEAN


def _conditions(node: Node) -> Iterator[Node]:
    """The largest parts of an expression that are true or false by one column."""
    if _is_boolean(node) and len(columns_in(node)) == 1:
        yield node
    elif isinstance(node, Op):
        for arg in node.args:
            yield from _conditions(arg)


def _replaced(node: Node, by: dict[Node, Node]) -> Node:
    if node in by:
        return by[node]
    return Op(node.name, tuple(_replaced(arg, by) for arg in node.args)) if isinstance(node, Op) else node


def _relation(node: Node, truth: bool) -> Relation | None:
    if not isinstance(node, Op) or node.name not in _COMPARISONS or len(columns_in(node)) < 2 or not is_known(node):
        return None
    return Relation(node.name if truth else _COMPARISONS[node.name], node.args[0], node.args[1])


# -- values made of the constants in the conditions --------------------------------------------------------------------


def _constants(node: Node) -> Iterator[Value]:
    if isinstance(node, Literal):
        yield node.value  # type: ignore[misc]  # a literal of SQL
    elif isinstance(node, Op):
        folded = _folded(node)
        if folded is not None:
            yield folded
        for arg in node.args[: 1 if node.name in ("glob", "like") else None]:  # a pattern is no value: see _patterns
            yield from _constants(arg)


def _folded(node: Op) -> int | float | None:
    """`1024 * 1024` and the like."""
    match node:
        case Op("+" | "-" | "*" | "<<" as sign, (one, other)):
            a, b = (
                _folded(arg) if isinstance(arg, Op) else arg.value if isinstance(arg, Literal) else None
                for arg in (one, other)
            )
            if isinstance(a, int) and isinstance(b, int):
                return {"+": a + b, "-": a - b, "*": a * b}[sign] if sign != "<<" else a << b if 0 <= b < 63 else None
    return None


def _patterns(node: Node) -> Iterator[tuple[str, str, str]]:
    """Each GLOB and LIKE in it: which, its pattern, its escape character."""
    if isinstance(node, Op):
        if node.name in ("glob", "like") and isinstance(node.args[1], Literal) and isinstance(node.args[1].value, str):
            escape = node.args[2].value if len(node.args) == 3 and isinstance(node.args[2], Literal) else ""
            yield node.name, node.args[1].value, str(escape)
        for arg in node.args:
            yield from _patterns(arg)


def _seeds(field: Field, nodes: list[Node]) -> tuple[list[Value], list[Value]]:
    """The constants in these conditions, and values made of them that may well satisfy the conditions."""
    constants = list(dict.fromkeys((type(value), value) for node in nodes for value in _constants(node)))
    said: list[Value] = [value for _, value in constants if value is not None]
    numbers = [value for value in said if isinstance(value, int | float)]
    patterns = list(dict.fromkeys(pattern for node in nodes for pattern in _patterns(node)))
    made: list[Value] = []
    if field.kind in ("text", "blob", "any", "json", "date", "time", "moment"):
        made += _texts(numbers, [value for value in said if isinstance(value, str)], patterns)
        made += (*values.DATES, *values.TIMES, *values.MOMENTS, *values.JSON)
    if field.kind not in ("text", "json", "blob"):
        made += _numbers(numbers, field.kind)
    return said, made


def _numbers(numbers: list[int | float], kind: str) -> Iterator[Value]:
    rng = random.Random(0)
    for n in numbers:
        near: list[int | float] = [n, n + 1, n - 1, -n, *(n * k for k in (2, 3, 5, 10, 17, 1000)), 0]
        yield from (float(v) if kind in ("real", "coordinate") else v for v in near if abs(v) < 2**63)
    if len(numbers) > 1:
        low, high = min(numbers), max(numbers)
        for _ in range(40):
            real = kind in ("real", "coordinate") or isinstance(low, float)
            yield rng.uniform(low, high) if real else rng.randrange(int(low), int(high) + 1)


def _texts(numbers: list[int | float], texts: list[str], patterns: list[tuple[str, str, str]]) -> Iterator[Value]:
    rng = random.Random(0)
    for text in texts:
        yield from (text, text + "a", "a" + text, "a" + text + "a", f"ab{text}cd.ef", text.lower(), text.upper())
    lengths = sorted({int(n) + more for n in numbers for more in (-1, 0, 1) if 0 <= n + more <= 10_000} | {1, 3, 12})
    alphabets = ["a", "A", "0", "0123456789", "0123456789abcdef", "é😀"]
    alphabets += [
        _characters(found[1]) for _, pattern, _ in patterns for found in re.finditer(r"\[\^?([^\]]+)\]", pattern)
    ]
    alphabets = list(dict.fromkeys(alphabets))
    for length in lengths:
        yield rng.randbytes(length)
        yield bytes(length)
        for alphabet in alphabets * 2:
            yield "".join(rng.choices(alphabet, k=length))
    for pattern in patterns:
        for _ in range(12):
            yield _matching(pattern, "".join(rng.choices("abc1", k=rng.randrange(4))), rng)
        shortest = len(_matching(pattern, "", rng))
        for length, alphabet, _ in itertools.product(lengths, alphabets, range(4)):
            if length > shortest:
                yield _matching(pattern, "".join(rng.choices(alphabet, k=length - shortest)), rng)


def _matching(pattern: tuple[str, str, str], rest: str, rng: random.Random) -> str:
    """A text that matches a GLOB or LIKE; `rest` stands for the last of what may be of any length."""
    kind, text, escape = pattern
    pieces = list(_like(text, escape, rng) if kind == "like" else _glob(text, rng))
    last = max((i for i, piece in enumerate(pieces) if piece is None), default=-1)
    return "".join(rest if i == last else piece or "" for i, piece in enumerate(pieces))


def _characters(inside: str) -> str:
    """What stands between the brackets of a GLOB: `0-9a-f` -> the sixteen."""
    spans = re.sub(
        r"(.)-(.)",
        lambda m: "".join(map(chr, range(ord(m[1]), min(ord(m[2]), ord(m[1]) + 200) + 1))),
        inside,
        flags=re.S,
    )
    return spans or inside


def _glob(pattern: str, rng: random.Random) -> Iterator[str | None]:
    """A GLOB's pieces filled in, None for each star."""
    for piece in re.findall(r"\[\^?\]?[^\]]*\]|.", pattern, re.S):
        if piece == "*":
            yield None
        elif piece == "?":
            yield rng.choice("abcdef0123456789")
        elif len(piece) > 2 and piece[0] == "[":
            negative = piece[1] == "^"
            inside = _characters(piece[2:-1] if negative else piece[1:-1])
            outside = [c for c in "abzAZ09 -é" if c not in inside]
            yield rng.choice(outside or ["\x01"]) if negative else rng.choice(inside)
        else:
            yield piece


def _like(pattern: str, escape: str, rng: random.Random) -> Iterator[str | None]:
    """The same of a LIKE and its percent signs."""
    plain = False
    for c in pattern:
        if escape and c == escape and not plain:
            plain = True
        else:
            yield c if plain or c not in "%_" else None if c == "%" else rng.choice("abc1")
            plain = False


def _samples(field: Field) -> tuple[Value, ...]:
    """Some of any, for a column that has no more than a pool."""
    found = values.samples(field.kind)
    if field.longest is None:
        return found
    return tuple(value[: field.longest] if isinstance(value, str) else value for value in found)
