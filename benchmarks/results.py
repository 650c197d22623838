"""What was measured, as plain values: benchmarks/results.json, and what is read out of it."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Term = tuple[float, str, str]  # factor, group, label
Question = dict[str, Any]


class Limit(NamedTuple):
    """What is to reach: a sum of figures, over another sum where there is one, at most so much, or at least."""

    says: str
    of: Sequence[Term]
    over: Sequence[Term] = ()
    most: float | None = None
    least: float | None = None
    unit: str = "x"
    ahead: bool = False  # one of those against every other migrator


class Found(NamedTuple):
    """A figure over all rounds: its median, its quartiles and of how many runs."""

    median: float
    low: float
    high: float
    runs: int


def question(
    title: str,
    about: str,
    groups: Any,
    limits: Sequence[Limit],
    base: str = "",
    log: bool = True,
    lines: Any = None,
    why: str = "",
) -> Question:
    """One question as it is kept. `base` is what the others' ratios are to; `lines` says that the picture is of lines; `why`
    is what the page says where a limit is missed."""
    return {
        "title": title,
        "about": about,
        "base": base,
        "log": log,
        "lines": lines,
        "why": why,
        "groups": groups,
        "limits": [limit._asdict() for limit in limits],
    }


def ahead(
    groups: Any, ours: str, others: Sequence[str], net: Callable[[str, str], Sequence[Term]] = lambda *_: ()
) -> list[Limit]:
    """Ahead of every peer, in every group; `net(group, other)` says what is added to ours before it is compared."""
    return [
        Limit(says, [(1, group, ours), *net(group, other)], [(1, group, other)], most=1.0, ahead=True)
        for group, series in groups.items()
        for other in others
        if other in series
        for says in [f"{ours}, {group}, against {other}"]
    ]


def values(question: Question, group: str, label: str) -> list[float]:
    found: list[float] = question["groups"].get(group, {}).get(label, {}).get("values", [])
    return found


def spread(found: Sequence[float]) -> Found | None:
    if not found:
        return None
    if len(found) == 1:
        return Found(found[0], found[0], found[0], 1)
    low, middle, high = statistics.quantiles(found, n=4, method="inclusive")
    return Found(middle, low, high, len(found))


def combined(question: Question, of: Sequence[Term], over: Sequence[Term]) -> Found | None:
    """The figures of each round put together, round by round; None where one of them is missing."""
    top, bottom = _summed(question, of), _summed(question, over)
    if top is None or (over and bottom is None):
        return None
    if not over:
        return spread(top)
    return spread([a / b for a, b in zip(top, bottom or [], strict=False)])


def _summed(question: Question, terms: Sequence[Term]) -> list[float] | None:
    columns = [[factor * value for value in values(question, group, label)] for factor, group, label in terms]
    if not columns or not all(columns):
        return None
    return [sum(row) for row in zip(*columns, strict=False)]


def reached(question: Question, limit: dict[str, Any]) -> tuple[Found | None, bool]:
    found = combined(question, limit["of"], limit["over"])
    if found is None:
        return None, False
    if limit["most"] is not None:
        return found, found.median <= limit["most"]
    return found, found.median >= limit["least"]


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def merge(path: Path, name: str, asked: Question, seconds: float, stand: dict[str, Any]) -> dict[str, Any]:
    """Put one question's answer into the file, beside what is there; each knows its own date, versions and machine."""
    kept = load(path)
    kept[name] = {
        **asked,
        "seconds": round(seconds, 1),
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        **stand,
    }
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return kept
