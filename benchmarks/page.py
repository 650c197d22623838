"""docs/performance.md and its pictures, made from the results alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import plot, results
from benchmarks.plot import shown
from benchmarks.results import Question

INTRODUCTION = """\
# Performance

What embedmig costs, beside other migrators, beside sqlite3 used by hand, and beside what SQLite itself can do. `make bench` measures
all of it and writes this page; `make bench QUESTIONS="launch fresh"` a part. Figures are medians, with quartiles; ratios are of
runs made in turn (A B C A B C ...), so that a machine that is busy at times treats all alike. Every migrator is in an app written as
its own documentation says, with the settings that this gives for speed, and byte-compiled; its schema and rows at the end are
compared with the others' before its time counts (`benchmarks/`)."""


def write(asked: dict[str, Question], docs: Path) -> None:
    """The page and a picture for each question that was ever asked."""
    pictures = docs / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, question in asked.items():
        (pictures / f"performance-{name}.svg").write_text(plot.drawn(question), encoding="utf-8")
    (docs / "performance.md").write_text(page(asked), encoding="utf-8")


def page(asked: dict[str, Question]) -> str:
    parts = [INTRODUCTION]
    if asked:
        parts.append(_stand(max(asked.values(), key=lambda question: str(question["date"]))))
        parts.append(_summary(asked))
    for name, question in asked.items():
        parts.append(f"## {question['title']}\n\n{question['about']}")
        parts.append(f"![{question['title']}](pictures/performance-{name}.svg)")
        parts.append("\n".join(_limits(question)))
        if question.get("why") and not all(results.reached(question, limit)[1] for limit in question["limits"]):
            parts.append(str(question["why"]))
        parts.append(_figures(question))
        parts.append(_when(question))
    return "\n\n".join(part for part in parts if part) + "\n"


def _stand(question: Question) -> str:
    machine, versions = question["machine"], question["versions"]
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{machine['system']}, {machine['cores']} cores, {machine['memory']} of memory; Python {machine['Python']}, SQLite"
        f" {machine['SQLite']}; {said}."
    )


def _when(question: Question) -> str:
    machine, embedmig = question["machine"], question["versions"]["embedmig"]
    small = " **Sizes that say nothing: this tries the machinery.**" if question["small"] else ""
    return (
        f"Measured {question['date']} UTC in {question['seconds']:.0f} s: embedmig {embedmig}, Python {machine['Python']},"
        f" SQLite {machine['SQLite']}, {machine['cores']} cores.{small}"
    )


def _summary(asked: dict[str, Question]) -> str:
    """How many limits are reached, and which are not."""
    lines = ["| | limits reached |", "|---|---|"]
    for question in asked.values():
        found = [results.reached(question, limit) for limit in question["limits"]]
        there = [met for figure, met in found if figure is not None]
        lines.append(f"| {question['title']} | {sum(there)} of {len(there)} |")
    return "\n".join(lines)


def _limits(question: Question) -> list[str]:
    lines = ["| | found | to reach | |", "|---|--:|--:|---|"]
    peers = [limit for limit in question["limits"] if limit["ahead"]]
    for limit in question["limits"]:
        if limit["ahead"]:
            continue
        found, met = results.reached(question, limit)
        if found is None:
            continue
        bound = f"at most {limit['most']:g}" if limit["most"] is not None else f"at least {limit['least']:g}"
        said = f"{_figure(found.median, limit['unit'])} ({found.low:.2f} to {found.high:.2f})"
        lines.append(f"| {limit['says']} | {said} | {bound} | {'yes' if met else '**missed**'} |")
    if peers:
        lines.append(_ahead(question, peers))
    return lines if len(lines) > 2 else []


def _ahead(question: Question, limits: Sequence[dict[str, Any]]) -> str:
    """Ahead of every peer, in one line: how near the nearest comes."""
    found = [(figure, limit) for limit in limits if (figure := results.reached(question, limit)[0]) is not None]
    if not found:
        return "| ahead of every other migrator | not measured | | |"
    nearest, limit = max(found, key=lambda pair: pair[0].median)
    behind = [limit["says"] for figure, limit in found if figure.median > limit["most"]]
    verdict = "yes" if not behind else "**missed**: " + "; ".join(behind)
    says = f"ahead of every other migrator (nearest: {limit['says']})"
    return f"| {says} | {_figure(nearest.median, 'x')} | below 1 | {verdict} |"


def _figure(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}"


def _figures(question: Question) -> str:
    """Every figure, folded away."""
    base = question["base"]
    lines = ["<details><summary>All figures</summary>", ""]
    for group, series in question["groups"].items():
        against = f" against {base} |" if base in series else ""
        lines += [f"| {group} | median | quartiles | runs |{against}", f"|---|--:|--:|--:|{'--:|' if against else ''}"]
        for label, kept in series.items():
            found = results.spread(kept["values"])
            if found is None:
                lines.append(f"| {label} | {kept.get('why', 'not measured')} | | |{' |' if against else ''}")
                continue
            unit = kept["unit"]
            cells = [
                label,
                shown(found.median, unit),
                f"{shown(found.low, unit)} to {shown(found.high, unit)}",
                str(found.runs),
            ]
            if against:
                times = results.combined(question, [(1, group, label)], [(1, group, base)])
                cells.append(f"{times.median:.2f} x" if times else "")
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join([*lines, "</details>"])


def told(name: str, question: Question) -> list[str]:
    """The same for a terminal."""
    lines = [f"{name}: {question['title']}"]
    for group, series in question["groups"].items():
        lines.append(f"  {group}")
        for label, kept in series.items():
            found = results.spread(kept["values"])
            if found is None:
                lines.append(f"    {label:38} {kept.get('why', 'not measured')}")
                continue
            times = results.combined(question, [(1, group, label)], [(1, group, question["base"])])
            ratio = f"{times.median:8.2f} x ({times.low:.2f} to {times.high:.2f})" if times else ""
            low, high = shown(found.low, kept["unit"]), shown(found.high, kept["unit"])
            lines.append(f"    {label:38} {shown(found.median, kept['unit']):>14}  ({low} to {high}){ratio}")
    for limit in question["limits"]:
        found, met = results.reached(question, limit)
        if found is not None and not (limit["ahead"] and met):
            bound = f"at most {limit['most']:g}" if limit["most"] is not None else f"at least {limit['least']:g}"
            lines.append(
                f"  {limit['says']}: {found.median:.2f} {limit['unit']}, {bound}: {'yes' if met else 'MISSED'}"
            )
    return lines
