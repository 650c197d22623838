"""Self-contained SVG text: shapes, and letters of a known width. Light and dark by the reader's own setting."""

from __future__ import annotations

import unicodedata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# One width for all letters, so that text is known to fit wherever it is shown; 0.6 of the size in each of these.
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
_ADVANCE = 0.61
LONGEST = 40  # letters of a name; what is longer is cut, and whole in the tooltip

# (light, dark) of each class: what is filled, and what is drawn. Contrast of text is 4.5 to 1 at least, in both.
_PAPER = ("#ffffff", "#0f1620")
_FILLS = {
    "paper": _PAPER,
    "box": ("#ffffff", "#172130"),
    "head": ("#eaeff6", "#243246"),
    "band": ("#f3f6fa", "#172130"),
    "ink": ("#16202c", "#e8eef6"),
    "soft": ("#586575", "#a3b1c2"),
    "came": ("#15803d", "#4ade80"),
    "changed": ("#b45309", "#fbbf24"),
    "went": ("#c02626", "#f87171"),
    "lane": ("#b9c8dc", "#3d516b"),
    "trunk": ("#5d7fae", "#6e94c6"),
}
_STROKES = {"edge": ("#c3cedb", "#3a4b61"), "grid": ("#e3e9f0", "#223042"), "gone": ("#c02626", "#f87171")}
# Of the lines from one table: told apart by hue, never by hue alone, since each has a tooltip and ends at its row.
HUES = (
    ("#2563eb", "#6ea8ff"), ("#b4530a", "#fb9a3c"), ("#0b7f74", "#2fd0bd"), ("#9333c9", "#c69bff"),
    ("#be1858", "#f77fb6"), ("#4d7c0f", "#a3d63b"), ("#0772a6", "#45c3f7"), ("#7d6608", "#e6c62c"),
)  # fmt: skip


def document(width: float, height: float, title: str, description: str, body: Iterable[str]) -> str:
    """A whole SVG file. `title` and `description` are what a screen reader says."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
            f' viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="title description">',
            f'<title id="title">{escaped(title)}</title>',
            f'<desc id="description">{escaped(description)}</desc>',
            f"<style>{_style()}</style>",
            f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
            *body,
            "</svg>\n",
        ]
    )


def _style() -> str:
    light = f"text{{font-family:{_FONT};font-size:12px}}.small{{font-size:11px}}.tiny{{font-size:10px}}.bold{{font-weight:600}}"
    light += ".line{fill:none;stroke-width:1.5}.edge,.grid{fill:none;stroke-width:1}.dashed{stroke-dasharray:4 3}"
    light += ".gone{fill:none;stroke-width:2}.dotted{stroke-dasharray:1 4}.end{text-anchor:end}.middle{text-anchor:middle}.struck{text-decoration:line-through}"
    return light + _colors(0) + "@media (prefers-color-scheme: dark){" + _colors(1) + "}"


def _colors(at: int) -> str:
    fills = [f".{name}{{fill:{pair[at]}}}" for name, pair in _FILLS.items()]
    strokes = [f".{name}{{stroke:{pair[at]}}}" for name, pair in _STROKES.items()]
    hues = [f".h{n}{{stroke:{pair[at]}}}.f{n}{{fill:{pair[at]}}}" for n, pair in enumerate(HUES)]
    return "".join(fills + strokes + hues)


def escaped(text: str) -> str:
    """Text for XML: what XML can't hold becomes a question mark."""
    said = "".join(c if c.isprintable() or c == " " else "�" for c in text)
    return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def shortened(text: str, most: int = LONGEST) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def text_width(text: str, size: int = 12) -> float:
    """How wide a text is at most; wide letters (Chinese, emoji) take two places."""
    places = sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)
    return places * size * _ADVANCE


def text(x: float, y: float, said: str, classes: str = "ink") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{classes}">{escaped(said)}</text>'


def rect(x: float, y: float, width: float, height: float, classes: str, round: float = 0) -> str:
    corners = f' rx="{round:g}"' if round else ""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"{corners} class="{classes}"/>'


def group(body: Iterable[str], title: str = "", **attributes: str) -> str:
    named = "".join(f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"' for name, value in attributes.items())
    tooltip = [f"<title>{escaped(title)}</title>"] if title else []
    return "\n".join([f"<g{named}>", *tooltip, *body, "</g>"])


def path(points: Sequence[tuple[float, float]], classes: str, radius: float = 6) -> str:
    """A line at right angles through these points, its corners round."""
    way = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        near = min(radius, _far(before, at) / 2, _far(at, after) / 2)
        if near < 1:
            way.append(f"L{at[0]:g} {at[1]:g}")
            continue
        (ax, ay), (bx, by) = _towards(at, before, near), _towards(at, after, near)
        way.append(f"L{ax:g} {ay:g}Q{at[0]:g} {at[1]:g} {bx:g} {by:g}")
    way.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return f'<path class="{classes}" d="{"".join(way)}"/>'


def _far(one: tuple[float, float], other: tuple[float, float]) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(start: tuple[float, float], end: tuple[float, float], far: float) -> tuple[float, float]:
    length = _far(start, end)
    return start[0] + (end[0] - start[0]) / length * far, start[1] + (end[1] - start[1]) / length * far
