"""Small edits of a CREATE TABLE text: what is not edited stays to the letter, comments, quoting and all.

Each edit is a function from text to text, so that one can follow another; the places are read anew in between.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from embedmig.create_table import Clause, Column, Parsed, blank_line_end, parse
from embedmig.errors import UsageError, listed, printable
from embedmig.naming import folded, quoted
from embedmig.tokens import Piece, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any

    Row = tuple[Any, ...]


class Edits(NamedTuple):
    """What `rebuild()` is asked to change, column by column; each field is one of its arguments."""

    drop: Sequence[str] = ()
    add: Sequence[str] = ()
    drop_constraints: Sequence[str] = ()
    retype: Mapping[str, str | None] = {}
    default: Mapping[str, str | None] = {}
    not_null: Mapping[str, bool] = {}
    unique: Mapping[str, bool] = {}
    check: Mapping[str, str | None] = {}
    collate: Mapping[str, str | None] = {}
    foreign_keys: Mapping[str, str | None] = {}
    primary_key: Sequence[str] | None = None
    options: str | None = None

    @property
    def any(self) -> bool:
        return self.primary_key is not None or self.options is not None or any(self[:10])


def edited(text: str, edits: Edits) -> str:
    """The text with all edits made. Raises UsageError where one names what isn't there."""
    for names in (edits.drop, edits.add, edits.drop_constraints, edits.primary_key):
        if isinstance(names, str):
            raise UsageError("drop=, add=, drop_constraints= and primary_key= take lists.", hint=f"Write [{names!r}].")
    for name in edits.drop_constraints:
        text = _without_named(text, name)
    steps: list[tuple[Mapping[str, Any], Callable[[str, Column, Any], str]]] = [
        (edits.foreign_keys, _references), (edits.unique, _unique), (edits.not_null, _not_null),
        (edits.check, _check), (edits.default, _default), (edits.collate, _collate), (edits.retype, _retyped),
    ]  # fmt: skip
    for mapping, step in steps:
        for name, value in mapping.items():
            text = step(text, _column(parse(text), name), value)
    if edits.primary_key is not None:
        text = _primary_key(text, edits.primary_key)
    for name in edits.drop:
        text = _without_column(text, name)
    for definition in edits.add:
        item = _definition(definition)
        if isinstance(item, Column) and folded(item.name) in map(folded, edits.drop):
            name = printable(item.name)
            raise UsageError(
                f"{name} is dropped and added in one call.", hint="Change it by retype= and the like, or call twice."
            )
        text = _with(text, definition)
    return text if edits.options is None else _with_options(text, edits.options)


def renamed(edits: Edits, names: Mapping[str, str]) -> Edits:
    """The same edits of a table in which some columns have other names."""
    other = {folded(old): new for old, new in names.items()}
    fields: dict[str, Any] = {}
    for field in ("retype", "default", "not_null", "unique", "check", "collate", "foreign_keys"):
        fields[field] = {other.get(folded(name), name): value for name, value in getattr(edits, field).items()}
    return edits._replace(drop=[other.get(folded(name), name) for name in edits.drop], **fields)


def unasked(before: Mapping[str, Row], after: Mapping[str, Row], edits: Edits) -> list[str]:
    """What SQLite sees otherwise, in two answers of table_xinfo, although no edit asked for it."""
    dropped = {*map(folded, edits.drop)}
    made = [item for text in edits.add if isinstance(item := _definition(text), Column)]
    expected = [name for name in before if name not in dropped] + [folded(column.name) for column in made]
    if [*after] != expected:
        return [f"its columns would be {listed(row[0] for row in after.values())}"]
    keyed = edits.primary_key is not None or bool(edits.add or edits.drop_constraints or edits.options is not None)
    problems = []
    for name in [name for name in before if name not in dropped]:
        asked = {
            "name": False, "type": _names(edits.retype, name), "NOT NULL": keyed or _names(edits.not_null, name),
            "default": bool(edits.drop_constraints) or _names(edits.default, name), "place in the primary key": keyed,
            "kind": False,
        }  # fmt: skip
        for (what, may), old, new in zip(asked.items(), before[name], after[name], strict=True):
            if old != new and not may:
                problems.append(f"the {what} of {before[name][0]} would be {new}, and is {old}")
    return problems


def _names(mapping: Mapping[str, object], name: str) -> bool:
    return name in map(folded, mapping)


def used_after(text: str, poison: str) -> list[str]:
    """The parts of a text in which the name `poison` still stands, each as it is written."""
    parsed = parse(text)
    spans = [(item.start, item.end) for item in parsed.items]
    found = [text[start:end] for start, end in spans if any(token.name == poison for token in pieces(text[start:end]))]
    return [" ".join(part.split()) for part in found]


def _column(parsed: Parsed, name: str) -> Column:
    column = parsed.column(name)
    if column is None:
        raise UsageError(f"The table has no column {printable(name)}; it has {listed(c.name for c in parsed.columns)}.")
    return column


def _splice(text: str, start: int, end: int, new: str) -> str:
    """The text with another piece in a place, and a blank where two words or quotes would become one."""
    before = " " if _touch(text[:start], new or text[end:]) else ""
    after = " " if new and _touch(new, text[end:]) else ""
    return text[:start] + before + new + after + text[end:]


def _touch(one: str, other: str) -> bool:
    return bool(re.search(r"[\w$'\"`\]\x80-\U0010ffff]\Z", one) and re.match(r"[\w$'\"`\[\x80-\U0010ffff]", other))


# -- whole columns and constraints -------------------------------------------------------------------------------------


def _without_column(text: str, name: str) -> str:
    parsed = parse(text)
    column = _column(parsed, name)
    if len(parsed.columns) == 1:
        raise UsageError(f"{printable(name)} is the table's only column.", hint="Drop the table instead.")
    return _without_item(parsed, parsed.columns.index(column))


def _without_item(parsed: Parsed, index: int) -> str:
    """The text without one column or constraint, its comma, and the comments that stand above or behind it."""
    text, last = parsed.text, index == len(parsed.items) - 1
    before = _comma(parsed, index - 1) if index else (parsed.body, parsed.body)
    own = _comma(parsed, index)
    begin, end = _region_end(text, before[1], parsed), _region_end(text, own[1], parsed)
    if index == 0 and "\n" not in text[begin : parsed.items[0].start]:
        end += len(text[end:]) - len(text[end:].lstrip(" \t"))
    # else what follows would be comment too
    commented = "--" in text[before[1] : begin] and text[end : end + 1] != "\n"
    text = _splice(text, begin, end, "\n" if commented else "")
    if index and (last or before[0] == before[1]):  # a comma is kept from what follows, not from the closing bracket
        text = _splice(text, *before, "," if not last and own[0] < own[1] else "")
    return text


def _comma(parsed: Parsed, index: int) -> tuple[int, int]:
    """Where the comma behind an item stands; an empty place behind the item where there is none."""
    items = parsed.items
    end = items[index].end
    until = items[index + 1].start if index + 1 < len(items) else parsed.close
    for token in pieces(parsed.text[end:until]):
        return end + token.start, end + token.end  # nothing else can stand there
    return end, end


def _region_end(text: str, pos: int, parsed: Parsed) -> int:
    """Behind the comments that end the line: they belong to what stands before them."""
    return min(blank_line_end(text, pos), parsed.close)


def _without_named(text: str, name: str) -> str:
    parsed = parse(text)
    for index, item in enumerate(parsed.items):
        if isinstance(item, Clause) and item.name is not None and folded(item.name) == folded(name):
            return _without_item(parsed, index)
        for clause in item.clauses if isinstance(item, Column) else ():
            if clause.name is not None and folded(clause.name) == folded(name):
                return _without_clauses(text, [clause])
    raise UsageError(f"The table has no constraint named {printable(name)}.")


def _with(text: str, definition: str) -> str:
    """The text with one more column behind its columns, or one more constraint at its end."""
    item = _definition(definition)
    said = definition[item.start - len(_BEFORE) : item.end - len(_BEFORE)]
    parsed = parse(text)
    index = len(parsed.columns if isinstance(item, Column) else parsed.items) - 1
    last = parsed.items[index]
    start, end = _comma(parsed, index)
    behind = _region_end(text, end, parsed)
    line = text.rfind("\n", 0, last.start) + 1
    alone = line > parsed.body and not text[line : last.start].strip()
    commented = behind > end and "--" in text[end:behind]
    sep = "\n" + text[line : last.start] if alone else "\n  " if commented else " "
    more = "," if start < end else ""
    if not alone and commented and text[behind : behind + 1] != "\n":
        more += "\n"
    text = _splice(text, behind, behind, sep + said + more)
    return text if start < end else _splice(text, last.end, last.end, ",")


def _definition(definition: str) -> Column | Clause:
    """What is asked to be added: one column or one constraint."""
    items = parse(f"{_BEFORE}{definition}\n)").items
    if len(items) != 2:
        raise UsageError(f"add= takes one column or constraint in each text: {printable(definition)}.")
    return items[1]


_BEFORE = "CREATE TABLE x (x, "


def _with_options(text: str, options: str) -> str:
    parsed = parse(text)
    return _splice(text, parsed.close + 1, parsed.end, f" {options}" if options else "")


# -- clauses -----------------------------------------------------------------------------------------------------------


def _without_clauses(text: str, clauses: Sequence[Clause]) -> str:
    for clause in sorted(clauses, key=lambda clause: -clause.start):
        start = clause.start
        bare = text[:start].rstrip()
        before = pieces(text[:start])
        if before and before[-1].end == len(bare):
            start = len(bare)  # the blanks before it go too, unless a comment ends there
        text = _splice(text, start, clause.end, "")
    return text


def _set(text: str, column: Column, kinds: Collection[str], new: str | None) -> str:
    """The text with the clauses of these kinds replaced by one, which keeps the first one's name, or taken away."""
    old = column.of(*kinds)
    if new is None:
        return _without_clauses(text, old)
    if not old:
        return _splice(text, column.end, column.end, f" {new}")
    text = _without_clauses(text, old[1:])
    return _splice(text, old[0].body, old[0].end, new)


def _retyped(text: str, column: Column, type: str | None) -> str:
    if column.type_start == column.type_end:
        return _splice(text, column.type_end, column.type_end, f" {type}" if type else "")
    if type:
        return _splice(text, column.type_start, column.type_end, type)
    return _splice(text, len(text[: column.type_start].rstrip(" \t")), column.type_end, "")


def _not_null(text: str, column: Column, wanted: bool) -> str:
    if not wanted:
        return _set(text, column, ["NOT NULL"], None)
    if column.of("NOT NULL"):
        return text  # an ON CONFLICT behind it stays
    return _set(text, column, ["NULL"], "NOT NULL")


def _default(text: str, column: Column, sql: str | None) -> str:
    if sql is None:
        return _set(text, column, ["DEFAULT"], None)
    said = _ended(sql)
    return _set(text, column, ["DEFAULT"], f"DEFAULT {said}" if _stands_alone(pieces(sql)) else f"DEFAULT ({said})")


def _ended(sql: str) -> str:
    """With a new line behind the comment that it ends with: what follows would belong to it."""
    said = pieces(sql)
    rest = sql[said[-1].end if said else 0 :].rpartition("\n")[2]
    return sql + "\n" if "--" in rest else sql


def _stands_alone(said: list[Piece]) -> bool:
    """May it stand behind DEFAULT without brackets?"""
    if len(said) < 3:
        signed = len(said) == 2 and said[0].said in ("+", "-")
        return (signed and said[1].kind == "number") or (
            len(said) == 1 and (said[0].kind in ("number", "text") or said[0].said in _CONSTANTS)
        )
    depth = [0]
    for token in said:
        depth.append(depth[-1] + (token.said == "(") - (token.said == ")"))
    return min(depth[1:-1]) > 0  # one pair of brackets around all of it


_CONSTANTS = ("NULL", "TRUE", "FALSE", "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP")


def _check(text: str, column: Column, sql: str | None) -> str:
    return _set(text, column, ["CHECK"], None if sql is None else f"CHECK ({_ended(sql)})")


def _collate(text: str, column: Column, name: str | None) -> str:
    return _set(text, column, ["COLLATE"], None if name is None else f"COLLATE {name}")


def _unique(text: str, column: Column, wanted: bool) -> str:
    if wanted:
        has = column.of("UNIQUE") or _of_table(text, "UNIQUE", column)
        return text if has else _set(text, column, ["UNIQUE"], "UNIQUE")
    text = _set(text, column, ["UNIQUE"], None)
    return _without_constraints(text, "UNIQUE", column)


def _references(text: str, column: Column, sql: str | None) -> str:
    said = None if sql is None else f"REFERENCES {_ended(sql)}"
    text = _without_clauses(text, column.of("DEFERRABLE"))
    text = _set(text, _column(parse(text), column.name), ["REFERENCES"], said)
    return _without_constraints(text, "FOREIGN KEY", column)


def _of_table(text: str, kind: str, column: Column) -> list[int]:
    """Which of the table's constraints of a kind are about this column alone?"""
    return [
        index
        for index, item in enumerate(parse(text).items)
        if isinstance(item, Clause) and item.kind == kind and [*map(folded, item.columns)] == [folded(column.name)]
    ]


def _without_constraints(text: str, kind: str, column: Column) -> str:
    while found := _of_table(text, kind, column):
        text = _without_item(parse(text), found[0])
    return text


def _primary_key(text: str, names: Sequence[str]) -> str:
    parsed = parse(text)
    columns = [_column(parsed, name) for name in names]
    if [folded(name) for name in names] == [folded(name) for name in key(parsed)]:
        return text
    index = next(
        (i for i, item in enumerate(parsed.items) if isinstance(item, Clause) and item.kind == "PRIMARY KEY"), -1
    )
    if index >= 0:
        text = _without_item(parsed, index)
    for column in parsed.columns:
        text = _without_clauses(text, _column(parse(text), column.name).of("PRIMARY KEY"))
    if len(columns) == 1:
        column = _column(parse(text), columns[0].name)
        return _splice(text, column.type_end, column.type_end, " PRIMARY KEY")
    return _with(text, f"PRIMARY KEY ({', '.join(quoted(c.name) for c in columns)})") if columns else text


def key(parsed: Parsed) -> tuple[str, ...]:
    """The columns of the primary key, as the text has them."""
    for constraint in parsed.constraints:
        if constraint.kind == "PRIMARY KEY":
            return constraint.columns
    return tuple(column.name for column in parsed.columns if column.of("PRIMARY KEY"))
