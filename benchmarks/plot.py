"""One picture for each question: figures side by side, or lines where they are over a size. Drawn with embedmig.svg."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from benchmarks import results
from benchmarks.results import Question
from embedmig import svg

WIDTH, LEFT, RIGHT = 860, 300, 150  # of the picture; before and after the part that is drawn
ROW, HEAD, TOP = 20, 30, 46


def shown(value: float, unit: str) -> str:
    """A figure as a person reads it."""
    if unit == "ms" and abs(value) >= 1000:
        return f"{value / 1000:.2f} s" if value < 10_000 else f"{value / 1000:.1f} s"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return f"{value:.{digits}f} {unit}"


def drawn(question: Question) -> str:
    return _lines(question) if question.get("lines") else _side_by_side(question)


class Scale:
    """Where a value stands between two ends of a line, by its logarithm or by itself."""

    def __init__(self, low: float, high: float, start: float, end: float, log: bool) -> None:
        self.log = log
        self.low, self.high = (math.log10(low), math.log10(high)) if log else (low, high)
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        place = math.log10(value) if self.log else value
        return self.start + (place - self.low) / ((self.high - self.low) or 1) * (self.end - self.start)

    def marks(self) -> list[float]:
        if self.log:
            return [10.0**n for n in range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1)]
        step = 10 ** math.floor(math.log10(self.high or 1))
        step = next(s for s in (step / 5, step / 2, step, step * 2) if self.high / s <= 6)
        return [n * step for n in range(math.floor(self.high / step) + 1)]


def _scale(values: Sequence[float], start: float, end: float, log: bool) -> Scale:
    """Round ends around all values."""
    high = max(values, default=1) or 1
    if not log:
        return Scale(0, high * 1.05, start, end, False)
    low = min((v for v in values if v > 0), default=high)
    return Scale(
        10 ** math.floor(math.log10(low)),
        10 ** max(math.ceil(math.log10(high) - 1e-9), math.floor(math.log10(low)) + 1),
        start,
        end,
        True,
    )


def _side_by_side(question: Question) -> str:
    figures = {
        (group, label): (results.spread(kept["values"]), kept)
        for group, series in question["groups"].items()
        for label, kept in series.items()
    }
    ends = [end for found, _ in figures.values() if found for end in (found.low, found.high)]
    scale = _scale(ends, LEFT, WIDTH - RIGHT, question["log"])
    unit = next((kept["unit"] for _, kept in figures.values()), "")
    body, y = [svg.text(16, 26, question["title"], "ink bold")], TOP
    rows: list[str] = []
    for group, series in question["groups"].items():
        rows.append(svg.text(16, y + 18, group, "ink bold small"))
        y += HEAD
        for label in series:
            found, kept = figures[group, label]
            rows.append(_row(y, label, found, kept, scale, question))
            y += ROW
    for mark in scale.marks():
        x = scale.at(mark)
        body.append(svg.path([(x, TOP), (x, y + 4)], "grid", 0))
        body.append(svg.text(x, y + 20, _mark(mark, unit), "soft tiny middle"))
    said = "; ".join(
        f"{group}, {label}: {shown(f.median, k['unit'])}" for (group, label), (f, k) in figures.items() if f
    )
    return svg.document(WIDTH, y + 34, question["title"], said, [*body, *rows])


def _row(y: float, label: str, found: Any, kept: dict[str, Any], scale: Scale, question: Question) -> str:
    ours, middle = label.startswith("embedmig"), y + ROW / 2
    body = [svg.text(LEFT - 12, middle + 4, svg.shortened(label), f"{'ink bold' if ours else 'ink'} small end")]
    if found is None:
        body.append(svg.text(LEFT + 8, middle + 4, kept.get("why", "not measured"), "soft tiny"))
        return svg.group(body)
    color, x = "f0" if ours else "f1" if label == question["base"] else "soft", scale.at(found.median)
    if not question["log"]:
        body.append(svg.rect(LEFT, middle - 5, max(x - LEFT, 1), 10, color, 2))
    else:
        body.append(svg.rect(x - 4, middle - 4, 8, 8, color, 4))
    low, high = scale.at(found.low), scale.at(found.high)
    if high - low > 1:
        body.append(svg.path([(low, middle), (high, middle)], "edge", 0))
    body.append(svg.text(max(x, high) + 10, middle + 4, shown(found.median, kept["unit"]), "ink tiny"))
    return svg.group(body, f"{label}: {shown(found.median, kept['unit'])}, {found.runs} runs")


def _mark(value: float, unit: str) -> str:
    if unit == "ms" and value >= 1000:
        return f"{value / 1000:g} s"
    return f"{value:g} {unit}"


# -- lines -----------------------------------------------------------------------------------------------------------

PANEL, GAP = 250, 40


def _lines(question: Question) -> str:
    body, said = [svg.text(16, 26, question["title"], "ink bold")], []
    panels = question["lines"]
    for number, panel in enumerate(panels):
        top = TOP + number * (PANEL + GAP)
        body += _panel(question, panel, top)
        said.append(panel["title"])
    height = TOP + len(panels) * (PANEL + GAP)
    return svg.document(WIDTH, height, question["title"], "; ".join(said), body)


def _panel(question: Question, panel: dict[str, Any], top: float) -> list[str]:
    lines = {
        label: [
            (x, found.median)
            for x, group, name in points
            if (found := results.spread(results.values(question, group, name)))
        ]
        for label, points in panel["points"].items()
    }
    every = [point for line in lines.values() for point in line]
    if not every:
        return []
    across = _scale([x for x, _ in every], 90, WIDTH - RIGHT, True)
    down = _scale([y for _, y in every], top + PANEL - 30, top + 24, panel["unit"] == "ms")
    body = [svg.text(16, top + 14, panel["title"], "ink bold small")]
    for mark in across.marks():
        x = across.at(mark)
        body += [
            svg.path([(x, top + 24), (x, top + PANEL - 30)], "grid", 0),
            svg.text(x, top + PANEL - 14, f"{mark:,.0f}", "soft tiny middle"),
        ]
    for mark in down.marks():
        y = down.at(mark)
        body += [
            svg.path([(90, y), (WIDTH - RIGHT, y)], "grid", 0),
            svg.text(82, y + 4, _mark(mark, panel["unit"]), "soft tiny end"),
        ]
    ends: list[float] = []
    for number, (label, line) in enumerate(lines.items()):
        if not line:
            continue
        hue = 1 - number if len(lines) == 2 else number  # ours, the last, has the first color
        places = [(across.at(x), down.at(y)) for x, y in line]
        if len(places) > 1:
            body.append(svg.path(places, f"line h{hue}", 0))
        body += [svg.rect(x - 3, y - 3, 6, 6, f"f{hue}", 3) for x, y in places]
        at = places[-1][1] + 4
        if ends and abs(at - ends[-1]) < 13:
            at = ends[-1] + (13 if at > ends[-1] else -13)
        ends.append(at)
        body.append(svg.text(places[-1][0] + 10, at, f"{label} {shown(line[-1][1], panel['unit'])}", f"f{hue} tiny"))
    return body
