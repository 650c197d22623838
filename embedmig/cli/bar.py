"""Long work made visible: click's progress bar on stderr, for who looks at a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from embedmig.report import Progress

AFTER_S = 0.4  # what is done sooner needs no bar
STEPS = 1000
ROOM = 54  # columns for all but the name: the bar, which of how many, rows, time


@contextmanager
def shown() -> Iterator[Callable[[Progress], None] | None]:
    """What to give as `on_progress`: None where nobody looks."""
    columns = shutil.get_terminal_size().columns
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb" or columns < ROOM + 12:
        yield None
        return
    with ExitStack() as stack:
        yield _Bar(stack, min(26, columns - ROOM)).report


class _Bar:
    def __init__(self, stack: ExitStack, width: int) -> None:
        self.stack, self.width = stack, width
        self.bar: Any = None

    def report(self, progress: Progress) -> None:
        if self.bar is None:
            if progress.elapsed_s < AFTER_S:
                return
            self.bar = self.stack.enter_context(_new_bar(self._label(progress)))
        self.bar.label = self._label(progress)
        # a backup counts pages from nothing: the bar may go back
        self.bar.pos, self.bar.finished = int(STEPS * fraction(progress)), False
        self.bar.current_item = told(progress)
        self.bar.render_progress()

    def _label(self, progress: Progress) -> str:
        name = progress.id or progress.phase
        if len(name) > self.width:
            name = name[: self.width - 1] + "~"
        return name.ljust(self.width)


def _new_bar(label: str) -> Any:
    return click.progressbar(
        length=STEPS, label=label, file=sys.stderr, width=12, show_eta=False, show_percent=False, item_show_func=_info
    )


def _info(text: str | None) -> str | None:
    return text


def fraction(progress: Progress) -> float:
    """How much of the run is done, as far as it can be told: whole migrations, and rows where they are reported."""
    within = min(1.0, (progress.done or 0) / progress.total_rows) if progress.total_rows else 0.0
    if progress.id is None or not progress.total:
        return within
    if progress.phase == "finished":
        within = 1.0
    return (progress.index - 1 + within) / progress.total


def told(progress: Progress) -> str:
    """`2/5  12,345 rows  0:01:20`"""
    parts = [f"{progress.index}/{progress.total}"] if progress.id else []
    if progress.id and progress.done:
        parts.append(f"{progress.done:,} rows")
    minutes, seconds = divmod(int(progress.elapsed_s), 60)
    parts.append(f"{minutes // 60}:{minutes % 60:02}:{seconds:02}")
    return "  ".join(parts)
