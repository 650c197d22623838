"""How a schema came to be what it is: each table and column from the version in which it came to the one in which it went, as SVG."""

from __future__ import annotations

from embedmig import svg
from embedmig.naming import folded
from embedmig.report import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embedmig import outline

_ROW = 20
_STEP, _NARROW = 96, 56  # from one version to the next, and where there are many
_MANY = 10  # versions
_LONG = 40  # lanes: from here on the versions stand below them too
_BORDER = 24
_INDENT = 16
_GAP = 20  # between the names and the first version
_SLANT = 0.707  # sine and cosine of 45 degrees
_LEGEND = (("came", "came"), ("changed", "changed"), ("went", "went"))


class Version(Value):
    """What a migration made of the schema."""

    version: int
    id: str
    tables: tuple[outline.Table, ...]


class Event(Value):
    """`kind` is "came", "changed" or "went"; `at` counts the versions from 0; `said` is the tooltip, `short` stands in the picture."""

    kind: str
    at: int
    said: str
    short: str = ""


class Lane(Value):
    """The life of a table, or of one of its columns: what happened to it, in order."""

    table: str
    column: str | None
    now: str  # what it is in the end
    events: tuple[Event, ...]

    @property
    def is_gone(self) -> bool:
        return self.events[-1].kind == "went"


def picture(versions: Sequence[Version], title: str) -> str:
    """The evolution as self-contained SVG, light and dark: a column for each version, a lane for each table and column."""
    lanes = list(_lanes(versions))
    left = _BORDER + max([_name_width(lane) for lane in lanes], default=0) + _GAP
    grid = _Grid(left, _STEP if len(versions) <= _MANY else _NARROW, len(versions))
    slanted = max([svg.text_width(_head(version), 11) for version in versions], default=0) * _SLANT
    top = _BORDER + round(slanted) + 20
    bottom = top + _ROW * len(lanes) + 8 * sum(lane.column is None for lane in lanes) + 8
    ends = [grid.right + 8 + svg.text_width(_end(lane, grid), 11) for lane in lanes]
    heads = [grid.center(at) + svg.text_width(_head(version), 11) * _SLANT + 12 for at, version in enumerate(versions)]
    width = max([*ends, *heads, grid.right]) + _BORDER
    body = list(_heads(versions, grid, top, bottom))
    below = 24.0
    if len(lanes) >= _LONG:
        body += _heads_below(versions, grid, bottom)
        below += slanted + 20
    body += [*_drawn(lanes, top, grid, width), *_legend(bottom + below)]
    return svg.document(width, bottom + below + _BORDER, title, _told(versions, lanes), body)


class _Grid:
    """Where the versions stand."""

    def __init__(self, left: float, step: int, count: int) -> None:
        self.left, self.step = left, step
        self.right = left + step * count + (step - _NARROW) / 2  # room behind the last for what changed in it

    def center(self, at: int) -> float:
        return self.left + self.step * at + _NARROW / 2


# -- what happened --------------------------------------------------------------------------------------------------------


def _lanes(versions: Sequence[Version]) -> Iterator[Lane]:
    """Tables in the order in which they came, each followed by its columns in theirs."""
    seen: dict[str, None] = {}
    for version in versions:
        seen.update(
            dict.fromkeys(sorted(folded(table.name) for table in version.tables if folded(table.name) not in seen))
        )
    for key in seen:
        at_each = [next((t for t in v.tables if folded(t.name) == key), None) for v in versions]
        last = next(table for table in reversed(at_each) if table is not None)
        kind = "" if last.kind == "table" else last.kind
        yield Lane(
            last.name,
            None,
            kind,
            tuple(_events(versions, [None if t is None else _rules(t) for t in at_each], last.name)),
        )
        columns: dict[str, None] = {}
        for table in at_each:
            columns.update(dict.fromkeys(folded(column.name) for column in table.columns) if table else {})
        for column in columns:
            yield _column_lane(versions, at_each, last.name, column)


def _column_lane(versions: Sequence[Version], at_each: Sequence[outline.Table | None], table: str, key: str) -> Lane:
    found = [next((c for c in t.columns if folded(c.name) == key), None) if t else None for t in at_each]
    last = next(column for column in reversed(found) if column is not None)
    said = [None if column is None else (column.said,) for column in found]
    return Lane(table, last.name, svg.shortened(last.said), tuple(_events(versions, said, f"{table}.{last.name}")))


def _rules(table: outline.Table) -> tuple[str, ...]:
    return (table.kind, *sorted(table.rules))


def _events(versions: Sequence[Version], said: Sequence[tuple[str, ...] | None], name: str) -> Iterator[Event]:
    before: tuple[str, ...] | None = None
    for at, now in enumerate(said):
        id = versions[at].id
        if before is None and now is not None:
            with_ = "".join(f" ({part})" for part in now if part not in ("", "table"))
            yield Event("came", at, f"{name}: came in {id}{with_}")
        elif before is not None and now is None:
            yield Event("went", at, f"{name}: went in {id}")
        elif before is not None and now is not None and before != now:
            yield Event("changed", at, f"{name}: changed in {id}, {_change(before, now)}", _short(before, now))
        before = now


def _change(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    gone, come = [p for p in before if p not in now], [p for p in now if p not in before]
    return f"from {', '.join(gone) or 'nothing'} to {', '.join(come) or 'nothing'}"


def _short(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    """`+ NOT NULL`, in a few words."""
    one, other = ([word for part in side for word in part.split()] for side in (before, now))
    come = " ".join(word for word in other if word not in one)
    gone = " ".join(word for word in one if word not in other)
    return " ".join(filter(None, (f"+ {come}" if come else "", f"- {gone}" if gone else "")))


# -- how it is shown --------------------------------------------------------------------------------------------------------


def _head(version: Version) -> str:
    return svg.shortened(version.id)


def _name_width(lane: Lane) -> float:
    if lane.column is None:
        return svg.text_width(svg.shortened(lane.table), 13)
    return _INDENT + svg.text_width(svg.shortened(lane.column))


def _heads(versions: Sequence[Version], grid: _Grid, top: float, bottom: float) -> Iterator[str]:
    for at, version in enumerate(versions):
        x = grid.center(at)
        yield f'<path class="grid" d="M{x:g} {top - 4:g}V{bottom:g}"/>'
        yield _slanted(version, x + 3, top - 10, -45, "ink small version")


def _heads_below(versions: Sequence[Version], grid: _Grid, bottom: float) -> Iterator[str]:
    for at, version in enumerate(versions):
        yield _slanted(version, grid.center(at) - 2, bottom + 12, 45, "soft small")


def _slanted(version: Version, x: float, y: float, angle: int, classes: str) -> str:
    place = f"translate({x:g} {y:g}) rotate({angle})"
    return f'<text transform="{place}" class="{classes}">{svg.escaped(_head(version))}</text>'


def _drawn(lanes: Sequence[Lane], top: float, grid: _Grid, width: float) -> Iterator[str]:
    y = top
    for lane in lanes:
        if lane.column is None:
            y += 8
            yield svg.rect(_BORDER - 10, y, width - 2 * _BORDER + 20, _ROW, "band", 4)
        yield svg.group(_lane(lane, y + _ROW / 2, grid), class_="lane-of")
        y += _ROW


def _lane(lane: Lane, y: float, grid: _Grid) -> Iterator[str]:
    gone = " struck soft" if lane.is_gone else " ink"
    if lane.column is None:
        yield f'<text x="{_BORDER}" y="{y + 4.5:g}" class="bold table{gone}" style="font-size:13px">{svg.escaped(svg.shortened(lane.table))}</text>'
    else:
        yield svg.text(_BORDER + _INDENT, y + 4, svg.shortened(lane.column), f"column{gone}")
    begin = _BORDER + _name_width(lane) + 6
    first = grid.center(lane.events[0].at) - 10
    if first > begin + 20:  # a dotted line leads from the name to where it came
        yield f'<path class="edge dotted" d="M{begin:g} {y:g}H{first:g}"/>'
    height = 8 if lane.column is None else 4
    starts = [event.at for event in lane.events if event.kind == "came"]
    ends = [event.at for event in lane.events if event.kind == "went"]
    for number, start in enumerate(starts):
        x, end = grid.center(start), grid.center(ends[number]) if number < len(ends) else grid.right
        yield svg.rect(x, y - height / 2, end - x, height, "trunk" if lane.column is None else "lane", height / 2)
    yield from _marks(lane, y, grid)
    if said := _end(lane, grid):
        yield svg.text(grid.right + 8, y + 4, said, "soft small")


def _end(lane: Lane, grid: _Grid) -> str:
    """What stands behind a lane; where its name is far away, the name as well."""
    name = svg.shortened(lane.column or lane.table) if grid.step == _NARROW else ""
    return "" if lane.is_gone else "  ".join(filter(None, (name, lane.now)))


def _marks(lane: Lane, y: float, grid: _Grid) -> Iterator[str]:
    for number, event in enumerate(lane.events):
        x = grid.center(event.at)
        yield svg.group([_mark(event.kind, x, y)], event.said)
        after = lane.events[number + 1 :]
        room = (grid.center(after[0].at) if after else grid.right) - x - 14
        if event.short and lane.column is not None and svg.text_width(event.short, 10) <= room:
            yield svg.text(x + 8, y - 4, event.short, "changed tiny")


def _mark(kind: str, x: float, y: float) -> str:
    """A shape of its own for each kind: color alone tells too little."""
    if kind == "came":
        return f'<circle cx="{x:g}" cy="{y:g}" r="5" class="came"/>'
    if kind == "changed":
        return f'<path d="M{x:g} {y - 6.5:g}l6.5 6.5l-6.5 6.5l-6.5-6.5z" class="changed"/>'
    return f'<path d="M{x - 4:g} {y - 4:g}l8 8m0-8l-8 8" class="gone"/>'


def _legend(y: float) -> Iterator[str]:
    x = float(_BORDER + 6)
    for kind, said in _LEGEND:
        yield _mark(kind, x, y - 4)
        yield svg.text(x + 12, y, said, "soft tiny")
        x += 12 + svg.text_width(said, 10) + 24


def _told(versions: Sequence[Version], lanes: Sequence[Lane]) -> str:
    """The same in words, version by version."""
    told: list[str] = []
    for at, version in enumerate(versions):
        for kind in ("came", "changed", "went"):
            names = [
                lane.table if lane.column is None else f"{lane.table}.{lane.column}"
                for lane in lanes for event in lane.events if event.at == at and event.kind == kind
            ]  # fmt: skip
            if names:
                told.append(f"In {version.id} {kind}: {', '.join(names)}.")
    return " ".join(told)
