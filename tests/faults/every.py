"""Every subject broken at every place by every fault, several subjects at once, and the table of it."""

from __future__ import annotations

import logging
import multiprocessing
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from faults import remains, subjects
from faults.child import FAULTS
from faults.points import Bench, Found, ground


def everything() -> list[subjects.Subject]:
    return subjects.subjects() + remains.subjects()


def broken(name: str, stride: int) -> list[Found]:
    """One subject, broken by every fault; runs in a worker."""
    logging.disable()
    folder = ground()
    try:
        subject = next(subject for subject in everything() if subject.name == name)
        bench = Bench(subject, folder)
        return [bench.run(fault, lambda n: range(1, n + 1, stride)) for fault in FAULTS]
    finally:
        shutil.rmtree(folder)


def table(names: Iterable[str], workers: int, stride: int) -> tuple[str, int]:
    """Try every `stride`-th place of these subjects, some at once; the section of docs/faults.md, and the number of complaints."""
    found: dict[str, list[Found]] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        jobs = {pool.submit(broken, name, stride): name for name in names}
        for job in as_completed(jobs):
            found[jobs[job]] = job.result()
            rows = found[jobs[job]]
            print(
                f"{jobs[job]}: {sum(row.points for row in rows)} points, {sum(len(row.complaints) for row in rows)} complaints, "
                f"{sum(row.seconds for row in rows):.0f} s", flush=True,
            )  # fmt: skip
    rows = [row for name in jobs.values() for row in found[name]]
    return _rendered(found, list(jobs.values())), sum(len(row.complaints) for row in rows)


def _rendered(found: dict[str, list[Found]], names: Sequence[str]) -> str:
    lines = [
        "`killed`: SIGKILL before the operation. `once`: this operation fails with that errno, the next one succeeds. `for ever`: "
        "this one and all that follow (of a full disk: all that need room). `locked a while`: SQLite is refused this lock and all others "
        "for 0.12 s, as where another process has the file or its backup open; the process must wait, and then succeed.",
        "",
        "| subject | operations | " + " | ".join(fault.name for fault in FAULTS) + " | failures |",
        "|---|--:|" + "--:|" * (len(FAULTS) + 1),
    ]
    for name in names:
        rows = found[name]
        failures = sum(len(row.complaints) for row in rows)
        cells = " | ".join(f"{row.points:,}" for row in rows)
        lines.append(f"| {name} | {rows[0].operations:,} | {cells} | {failures} |")
    rows = [row for name in names for row in found[name]]
    by_fault = [sum(row.points for row in rows if row.fault == fault.name) for fault in FAULTS]
    all_points, failures = sum(by_fault), sum(len(row.complaints) for row in rows)
    lines.append(
        f"| **all: {all_points:,} points** | | " + " | ".join(f"**{n:,}**" for n in by_fault) + f" | **{failures}** |"
    )
    lines += ["", "What became of the process:", "", "| fault | |", "|---|---|"]
    for fault in FAULTS:
        said = sum((row.outcomes for row in rows if row.fault == fault.name), Counter[str]())
        lines.append(f"| {fault.name} | {', '.join(f'{what} {n:,}' for what, n in said.most_common())} |")
    lines += ["", *_complaints(rows)]
    return "\n".join(lines)


def _complaints(rows: Sequence[Found], most: int = 40) -> list[str]:
    found = [f"{row.subject}, {row.fault}, {complaint}" for row in rows for complaint in row.complaints]
    return [f"- {' / '.join(line.splitlines())}" for line in found[:most]]
