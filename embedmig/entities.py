"""Tables and what points to what, as a picture (SVG) and as mermaid's `erDiagram`."""

from __future__ import annotations

import re

from embedmig import svg
from embedmig.layout import GRID, Layout, Line, Link, arranged
from embedmig.naming import folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embedmig import outline

_HEAD = 30  # the table's name; the rows follow in steps of GRID
_BORDER = 24  # around the whole
_GUTTER, _WIDE = 34, 54  # before a column's name: PK, FK, or both
_GAP = 18  # between a column's name and its type
_PAD = 12
_LEGEND = "PK primary key · FK foreign key · ? may be NULL · a line's forked end: many rows; its barred end: one"


def picture(tables: Sequence[outline.Table], title: str) -> str:
    """An entity-relationship diagram as self-contained SVG, light and dark: each table with its columns, each foreign key a line."""
    sizes = {table.name: _size(table) for table in tables}
    links = [(table, link, _row(table, link)) for table in tables for link in table.links if link.parent in sizes]
    placed = arranged(sizes, [Link(link.parent, table.name, (row + 2) * GRID) for table, link, row in links])
    hues = _hues(placed.lines)
    singles = {(link.parent, table.name, (row + 2) * GRID) for table, link, row in links if link.single}
    said = {(link.parent, table.name, (row + 2) * GRID): _points(table, link) for table, link, row in links}
    body = [_line(line, hues, singles, said) for line in placed.lines]
    body += [_box(table, placed, hues) for table in tables]
    width = max(placed.width, round(svg.text_width(_LEGEND, 10)))
    moved = svg.group(body, transform=f"translate({_BORDER} {_BORDER})")
    legend = svg.text(_BORDER, placed.height + 2 * _BORDER + 12, _LEGEND, "soft tiny")
    what = f"{len(tables)} tables. " + " ".join(f"{text}." for text in said.values())
    return svg.document(width + 2 * _BORDER, placed.height + 3 * _BORDER, title, what, [moved, legend])


def _hues(lines: Sequence[Line]) -> dict[str, int]:
    """A hue for each parent's lines: such that lines that come near each other differ, as far as there are hues."""
    areas: dict[str, tuple[int, int, int, int]] = {}
    for line in lines:
        left, top, right, bottom = areas.get(line.link.parent, (*line.points[0], *line.points[0]))
        xs, ys = zip(*line.points, strict=True)
        areas[line.link.parent] = min(left, *xs), min(top, *ys), max(right, *xs), max(bottom, *ys)
    hues: dict[str, int] = {}
    for name, (left, top, right, bottom) in sorted(areas.items(), key=lambda item: (item[1][0] - item[1][2], item[0])):
        near = [0] * len(svg.HUES)
        for other, hue in hues.items():
            x1, y1, x2, y2 = areas[other]
            meet = x1 <= right and left <= x2 and y1 <= bottom and top <= y2
            near[hue] += 100 if meet else 1
        hues[name] = near.index(min(near))
    return hues


def _size(table: outline.Table) -> tuple[int, int]:
    name = svg.text_width(svg.shortened(table.name), 13) + svg.text_width(_kind(table), 10) + _GAP * bool(_kind(table))
    rows = [
        _gutter(table)
        + svg.text_width(svg.shortened(column.name))
        + _GAP
        + svg.text_width(_type(column, table.kind), 11)
        - _PAD
        for column in table.columns
    ]
    return round(max([name, *rows, 80]) + 2 * _PAD), (len(table.columns) + 2) * GRID


def _gutter(table: outline.Table) -> int:
    return _WIDE if any(column.key and column.parent for column in table.columns) else _GUTTER


def _kind(table: outline.Table) -> str:
    return "" if table.kind == "table" else svg.shortened(table.kind, 16)


def _type(column: outline.Column, kind: str) -> str:
    return svg.shortened(column.type, 24) + "?" * (
        kind == "table" and bool(column.type) and not (column.not_null or column.key)
    )


def _row(table: outline.Table, link: outline.Link) -> int:
    first = folded(link.columns[0])
    return next(i for i, column in enumerate(table.columns) if folded(column.name) == first)


def _points(table: outline.Table, link: outline.Link) -> str:
    to = f" ({', '.join(link.parent_columns)})" if link.parent_columns else ""
    return f"{table.name} ({', '.join(link.columns)}) points to {link.parent}{to}"


def _box(table: outline.Table, placed: Layout, hues: dict[str, int]) -> str:
    box = placed.boxes[table.name]
    kind = _kind(table)
    shape = "edge" + " dashed" * bool(kind)
    head = f"M0 {_HEAD}V6Q0 0 6 0H{box.width - 6}Q{box.width} 0 {box.width} 6V{_HEAD}Z"
    body = [svg.rect(0, 0, box.width, box.height, "box", 6), f'<path class="head" d="{head}"/>']
    if table.name in hues:  # lines of this hue lead to it
        body.append(
            f'<path class="f{hues[table.name]}" d="M0 {_HEAD}V6Q0 0 6 0H{box.width - 6}Q{box.width} 0 {box.width} 6V4H4V{_HEAD}Z"/>'
        )
    body.append(f'<rect x="0.5" y="0.5" width="{box.width - 1}" height="{box.height - 1}" rx="6" class="{shape}"/>')
    body.append(
        f'<text x="{_PAD}" y="20" class="ink bold name" style="font-size:13px">{svg.escaped(svg.shortened(table.name))}</text>'
    )
    if kind:
        body.append(svg.text(box.width - _PAD, 20, kind, "soft tiny end"))
    for number, column in enumerate(table.columns):
        body += _column(column, _type(column, table.kind), _gutter(table), 46 + GRID * number, box.width)
    return svg.group(body, table.name, transform=f"translate({box.x} {box.y})", class_="table")


def _column(column: outline.Column, type: str, gutter: int, y: float, width: int) -> Iterator[str]:
    mark = " ".join(filter(None, ("PK" * bool(column.key), "FK" * bool(column.parent))))
    if mark:
        yield svg.text(_PAD, y - 0.5, mark, "soft tiny")
    yield svg.text(gutter, y, svg.shortened(column.name), "ink column" + " bold" * bool(column.key))
    if type:
        yield svg.text(width - _PAD, y, type, "soft small end")


def _line(
    line: Line, hues: dict[str, int], singles: set[tuple[str, str, int]], said: dict[tuple[str, str, int], str]
) -> str:
    link = (line.link.parent, line.link.child, line.link.at)
    hue = f"line h{hues[line.link.parent]}"
    (x, y), (before, _) = line.points[-1], line.points[-2]
    out = 9 if before > x else -9  # away from the child's box
    parts = [svg.path(line.points, hue)]
    if link in singles:
        parts.append(f'<path class="{hue}" d="M{x + out} {y - 4}v8"/>')
    else:
        parts.append(f'<path class="{hue}" d="M{x} {y - 5}L{x + out} {y}L{x} {y + 5}"/>')
    (x, y), (after, _) = line.points[0], line.points[1]
    parts.append(f'<path class="{hue}" d="M{x + (6 if after > x else -6)} {y - 4}v8"/>')
    return svg.group(parts, said[link], data_from=line.link.child, data_to=line.link.parent)


# -- mermaid -----------------------------------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
# Words that mean something to mermaid's reader where a name may stand (https://mermaid.js.org/syntax/entityRelationshipDiagram.html).
_WORDS = (
    "title direction style class classdef acctitle accdescr one many zero only to optionally u erdiagram subgraph end"
)
_TAKEN = frozenset(_WORDS.split())


def mermaid(tables: Sequence[outline.Table]) -> str:
    """The same as text that mermaid draws, in GitHub's Markdown for one; letters that it can't read are replaced."""
    names = _told_apart({table.name: _entity(table.name) for table in tables})
    lines = ["erDiagram"]
    for table in tables:
        lines += [f"    {names[table.name]} {{", *_attributes(table), "    }"]
    for table in tables:
        columns = {folded(column.name): column for column in table.columns}
        for link in table.links:
            if link.parent in names:
                must = all(columns[folded(name)].not_null or columns[folded(name)].key for name in link.columns)
                how = ("||" if must else "|o") + "--" + ("o|" if link.single else "o{")
                label = _quotable(", ".join(link.columns))
                lines.append(f'    {names[link.parent]} {how} {names[table.name]} : "{label}"')
    return "\n".join(lines) + "\n"


def _attributes(table: outline.Table) -> Iterator[str]:
    words = _told_apart({column.name: _word(column.name) for column in table.columns})
    for column in table.columns:
        keys = ", ".join(filter(None, ("PK" * bool(column.key), "FK" * bool(column.parent))))
        notes = [] if words[column.name] == column.name else [column.name]
        notes += ["NOT NULL"] if column.not_null and not column.key else []
        said = f' "{_quotable(", ".join(notes))}"' if notes else ""
        yield f"        {_word(column.type or 'ANY')} {words[column.name]}{' ' * bool(keys)}{keys}{said}"


def _entity(name: str) -> str:
    return name if _PLAIN.match(name) and name.lower() not in _TAKEN else f'"{_quotable(name)}"'


def _quotable(text: str) -> str:
    return "".join("'" if c in '"`' else c if c.isprintable() and c not in "%\\#;{}" else "_" for c in text) or "_"


def _word(text: str) -> str:
    """Letters, digits, `_` and `-`, the first a letter."""
    said = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_") or "_"
    said = said if said[0].isalpha() or said[0] == "_" else f"_{said}"
    return said if said not in ("PK", "FK", "UK") else f"{said}_"


def _told_apart(said: dict[str, str]) -> dict[str, str]:
    """Two names that became one get a number."""
    found: dict[str, str] = {}
    for name, word in said.items():
        unique, number = word, 2
        while unique in found.values():
            unique, number = (f'{word[:-1]} {number}"' if word[-1] == '"' else f"{word}_{number}"), number + 1
        found[name] = unique
    return found
