"""The expressions of CHECK constraints and triggers, read into small trees.

Only as much of https://sqlite.org/lang_expr.html as constraints use; what is beyond it becomes `Unknown`
and is left to SQLite itself, which has the last word on every row anyway.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from embedmig.naming import quoted
from embedmig.tokens import Piece, pieces


class Literal(NamedTuple):
    """A constant: None, int, float, str or bytes; TRUE and FALSE are 1 and 0."""

    value: object


class Column(NamedTuple):
    """A column of the row, its name in lower case."""

    name: str


class Op(NamedTuple):
    """An operator, or a function by its name with brackets: `Op("length()", (Column("title"),))`."""

    name: str
    args: tuple[Node, ...]


class Unknown(NamedTuple):
    """What is not read here."""

    text: str


Node = Literal | Column | Op | Unknown

# Loosest first (https://sqlite.org/lang_expr.html#operators_and_parse_affecting_attributes).
_COMPARED = {"=": "=", "==": "=", "<>": "<>", "!=": "<>"}
_BINARY = [["<", "<=", ">", ">="], ["&", "|", "<<", ">>"], ["+", "-"], ["*", "/", "%"], ["||", "->", "->>"]]
_MATCHED = ("LIKE", "GLOB", "MATCH", "REGEXP")
_CONSTANTS = {"NULL": None, "TRUE": 1, "FALSE": 0}


def closing(found: list[Piece], at: int) -> int:
    """The index of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(found)):
        depth += (found[i].said == "(") - (found[i].said == ")")
        if depth == 0:
            return i
    return len(found) - 1


def parse(sql: str, columns: frozenset[str]) -> Node:
    """Read one expression; `columns`, in lower case, tell a name in double quotes from a text in double quotes."""
    try:
        reader = _Reader(sql, columns)
        node = reader.either()
    except (IndexError, RecursionError):
        return Unknown(sql)
    return node if reader.at == len(reader.tokens) else Unknown(sql)


class _Reader:
    """Recursive descent, one method a level of SQLite's table of operators."""

    def __init__(self, sql: str, columns: frozenset[str]) -> None:
        self.sql, self.columns, self.tokens, self.at = sql, columns, pieces(sql), 0

    def peek(self, *words: str) -> bool:
        ahead = self.tokens[self.at : self.at + len(words)]
        return tuple(token.said for token in ahead) == words

    def take(self, *words: str) -> bool:
        if self.peek(*words):
            self.at += len(words)
            return True
        return False

    def next(self) -> Piece:
        self.at += 1
        return self.tokens[self.at - 1]

    def either(self) -> Node:
        node = self.both()
        while self.take("OR"):
            node = Op("or", (node, self.both()))
        return node

    def both(self) -> Node:
        node = self.negated()
        while self.take("AND"):
            node = Op("and", (node, self.negated()))
        return node

    def negated(self) -> Node:
        return Op("not", (self.negated(),)) if self.take("NOT") else self.equality()

    def equality(self) -> Node:
        node = self.binary(0)
        while True:
            found = self.compared(node)
            if found is None:
                return node
            node = found

    def compared(self, left: Node) -> Node | None:
        sign = self.tokens[self.at].said if self.at < len(self.tokens) else ""
        if sign in _COMPARED:
            self.at += 1
            return Op(_COMPARED[sign], (left, self.binary(0)))
        if self.take("ISNULL"):
            return Op("is", (left, Literal(None)))
        if self.take("NOTNULL") or self.take("NOT", "NULL"):
            return Op("not", (Op("is", (left, Literal(None))),))
        if self.take("IS"):
            negative = self.take("NOT")
            if self.take("DISTINCT", "FROM"):
                negative = not negative
            return _unless(negative, Op("is", (left, self.binary(0))))
        negative = self.take("NOT")
        if self.take("IN"):
            return _unless(negative, self.listed(left))
        if self.take("BETWEEN"):
            low = self.binary(0)
            self.take("AND")
            return _unless(negative, Op("and", (Op(">=", (left, low)), Op("<=", (left, self.binary(0))))))
        for name in _MATCHED:
            if self.take(name):
                right = self.binary(0)
                escape = (self.binary(0),) if self.take("ESCAPE") else ()
                return _unless(negative, Op(name.lower(), (left, right, *escape)))
        self.at -= negative
        return None

    def listed(self, left: Node) -> Node:
        if not self.peek("("):
            return Unknown(self.next().text)
        if self.tokens[self.at + 1].said in ("SELECT", "WITH", "VALUES"):
            return self.unread()
        self.at += 1
        return Op("in", (left, *self.until_closed()))

    def unread(self) -> Unknown:
        """A bracket with something inside that is not read here, such as a SELECT."""
        end = closing(self.tokens, self.at)
        start, self.at = self.tokens[self.at].start, end + 1
        return Unknown(self.sql[start : self.tokens[end].end])

    def until_closed(self) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.take(")"):
            if self.take("*") or self.take("DISTINCT"):
                continue
            found.append(self.either())
            self.take(",")
        return tuple(found)

    def binary(self, level: int) -> Node:
        if level == len(_BINARY):
            return self.collated()
        node = self.binary(level + 1)
        while self.at < len(self.tokens) and (sign := self.tokens[self.at].text) in _BINARY[level]:
            self.at += 1
            node = Op(sign, (node, self.binary(level + 1)))
        return node

    def collated(self) -> Node:
        if self.take("-"):
            node = self.collated()
            number = isinstance(node, Literal) and isinstance(node.value, int | float)
            return Literal(-node.value) if number else Op("-", (Literal(0), node))  # type: ignore[operator,union-attr]
        if self.take("+"):
            return self.collated()
        if self.take("~"):
            return Op("~", (self.collated(),))
        node = self.primary()
        if self.take("COLLATE"):
            node = Op("collate", (node, Literal(self.next().name.lower())))
        return node

    def primary(self) -> Node:
        if self.peek("("):
            if self.tokens[self.at + 1].said in ("SELECT", "WITH", "VALUES"):
                return self.unread()
            self.at += 1
            inside = self.until_closed()
            return inside[0] if len(inside) == 1 else Op("row", inside)
        token = self.next()
        if token.kind in ("text", "number"):
            return Literal(_constant(token))
        if token.said == "CASE":
            return self.case()
        if token.said == "CAST" and self.peek("("):
            end = closing(self.tokens, self.at)
            self.at += 1
            node = self.either()
            declared = self.sql[self.tokens[self.at].end : self.tokens[end].start].strip()  # what stands behind AS
            self.at = end + 1
            return Op("cast", (node, Literal(declared.upper())))
        if token.said in ("EXISTS", "RAISE") and self.peek("("):
            return self.unread()
        if token.kind == "word" and self.take("("):
            return Op(token.text.lower() + "()", self.until_closed())
        if token.said in _CONSTANTS and token.text.lower() not in self.columns:
            return Literal(_CONSTANTS[token.said])
        return self.named(token)

    def named(self, token: Piece) -> Node:
        name = token.name
        while self.take("."):
            name = self.next().name
        if name.lower() in self.columns:
            return Column(name.lower())
        return Literal(name) if token.text[0] == '"' else Unknown(name)

    def case(self) -> Node:
        """`CASE kind WHEN 'a' THEN x ELSE y END` as `case(kind = 'a', x, y)`."""
        base = None if self.peek("WHEN") else self.either()
        parts: list[Node] = []
        while self.take("WHEN"):
            when = self.either()
            parts.append(when if base is None else Op("=", (base, when)))
            self.take("THEN")
            parts.append(self.either())
        parts.append(self.either() if self.take("ELSE") else Literal(None))
        self.take("END")
        return Op("case", tuple(parts))


def _unless(negative: bool, node: Node) -> Node:
    return Op("not", (node,)) if negative else node


def _constant(token: Piece) -> object:
    if token.kind == "text":
        return token.name if token.text[0] == "'" else bytes.fromhex(token.text[2:-1])
    if token.text[:2].lower() == "0x":
        return int(token.text, 16)
    return float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)


def columns_in(node: Node) -> set[str]:
    """The columns that an expression reads."""
    if isinstance(node, Column):
        return {node.name}
    return {name for arg in node.args for name in columns_in(arg)} if isinstance(node, Op) else set()


def is_known(node: Node) -> bool:
    """Is there nothing in it that was not read?"""
    return not isinstance(node, Unknown) and (not isinstance(node, Op) or all(map(is_known, node.args)))


def as_sql(node: Node) -> str:
    """The expression again, its columns as quoted names, in brackets where it has any operator."""
    if isinstance(node, Column):
        return quoted(node.name)
    if isinstance(node, Unknown):
        return node.text
    if isinstance(node, Literal):
        value = node.value
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        return (
            "NULL" if value is None else "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
        )
    parts = [as_sql(arg) for arg in node.args]
    if node.name.endswith("()"):
        return f"{node.name[:-1]}{', '.join(parts)})"
    match node.name:
        case "not" | "~":
            return f"({node.name} {parts[0]})"
        case "in":
            return f"({parts[0]} IN ({', '.join(parts[1:])}))"
        case "cast":
            return f"CAST({parts[0]} AS {parts[1][1:-1]})"
        case "collate":
            return f"({parts[0]} COLLATE {parts[1][1:-1]})"
        case "case":
            pairs = zip(parts[:-1:2], parts[1::2], strict=True)
            return "CASE " + " ".join(f"WHEN {when} THEN {then}" for when, then in pairs) + f" ELSE {parts[-1]} END"
        case "row":
            return f"({', '.join(parts)})"
        case "like" if len(parts) == 3:
            return f"({parts[0]} LIKE {parts[1]} ESCAPE {parts[2]})"
    return f"({parts[0]} {node.name} {parts[1]})"
