"""Other migrators in the same laboratory, and embedmig beside them: killed at each write, and on a full disk at each.

Every tool migrates the same file through the same four versions, in a small app written as its own documentation says
(`apps/`), and is judged by the same few questions (`peer_judge.py`). They live in a venv of their own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from faults.points import ground

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv-peers"
NEEDED = ("sqlite-utils>=4.2", "yoyo-migrations>=9", "alembic>=1.20", "django>=5.2")

TOOLS = {
    "embedmig": "embedmig",
    "sqlite_utils": "sqlite-utils `Migrations`",
    "yoyo": "yoyo",
    "alembic": "Alembic, as generated",
    "alembic_transactional": "Alembic, transactional",
    "django": "Django",
}
JOURNALS = {"delete": "rollback journal", "wal": "WAL"}
KILLED = "killed"


class Row(NamedTuple):
    """One tool, one journal mode, one fault: at how many points it struck, and how often each thing was found."""

    tool: str
    journal: str
    fault: str
    points: int
    found: dict[str, int]
    said: dict[str, list[tuple[str, int]]]


class Peers(NamedTuple):
    """All rows, and what the table tells beside them."""

    rows: list[Row]
    versions: dict[str, str]
    promises: dict[str, str]


def table(workers: int = 2, every: int = 1) -> tuple[str, int]:
    """The section of docs/faults.md, and how often something was found with embedmig."""
    peers = measured(workers, every)
    ours = sum(sum(row.found.values()) for row in peers.rows if row.tool == "embedmig")
    return rendered(peers), ours


def measured(workers: int = 2, every: int = 1) -> Peers:
    """Run every tool in both journal modes, `workers` at a time. Raises where they didn't make the same schema."""
    python = peers_python()
    jobs = [(tool, journal) for tool in TOOLS for journal in JOURNALS]
    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(lambda job: _worker(python, *job, every), jobs))
    shape = answers[0]["shape"]
    for (tool, _), answer in zip(jobs, answers, strict=True):
        if answer["shape"] != shape:
            raise AssertionError(f"{tool} makes another schema: {answer['shape']}, not {shape}")
    return Peers(
        rows=[
            Row(tool, journal, fault, broken["points"], broken["found"], broken["said"])
            for (tool, journal), answer in zip(jobs, answers, strict=True)
            for fault, broken in answer["faults"].items()
        ],
        versions={name: version for answer in answers for name, version in answer["versions"].items()},
        promises={tool: answer["promise"] for (tool, _), answer in zip(jobs, answers, strict=True)},
    )


def peers_python() -> Path:
    """The Python of the peers' venv, made where it isn't there: the newest of each that the registry has."""
    python, made = VENV / "bin" / "python", VENV / ".made"
    wanted = "\n".join([sys.version, *NEEDED])
    if not made.exists() or made.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True, env=_environment())
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *NEEDED], check=True, env=_environment())
        made.write_text(wanted)
    return python


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}


def _worker(python: Path, tool: str, journal: str, every: int) -> dict[str, Any]:
    folder, began = ground(), time.monotonic()
    environment = _environment() | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [python, "-m", "faults.peer_worker", tool, journal, folder, str(every)]
    try:
        done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    points = sum(fault["points"] for fault in answer["faults"].values())
    print(f"{tool}, {journal}: {points} points in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return answer


def rendered(peers: Peers) -> str:
    """As Markdown: the sums, what each promises, what was said instead of the cause, and every row."""
    return "\n\n".join(
        [INTRODUCTION, _sums(peers.rows), READING, _promises(peers), _said(peers.rows), _each(peers.rows)]
    )


INTRODUCTION = """\
The same file (12 folders, 150 notes, 150 tags) is brought from version 1 to 4 by each tool, in a small app written as its own
documentation says (`tests/faults/apps/`): a column filled row by row from Python, a rebuild of a table whose children hang on it by
CASCADE, a new table with its content. Every tool ends at the same schema and rows. Each is killed before each of its changes on the disk,
and meets a full disk at each (once, and from there on for ever); then it is launched again, with nothing broken. One thing is not as
documented: a launch of yoyo waits 0.05 s for its lock instead of 10 s, which changes nothing but the time that this table takes."""

READING = """\
*Half-applied*: schema, rows or history are neither those before nor those after any whole number of migrations. *Next launch fails*:
an ordinary launch afterwards, with room on the disk, raises an error or does not end at version 4.
*Cause not named*: the disk was full, the launch failed, and its error does not say so. *Lost*: a row of the user's is in no file any more."""


def _sums(rows: Sequence[Row]) -> str:
    lines = [
        "| | killed at | half-applied | next launch fails | disk full at | half-applied | next launch fails | cause not named | damaged | lost |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for tool, name in TOOLS.items():
        mine = [row for row in rows if row.tool == tool]
        killed, full = ([row for row in mine if (row.fault == KILLED) is so] for so in (True, False))
        cells = [
            _points(killed), _found(killed, "half"), _found(killed, "stuck"),
            _points(full), _found(full, "half"), _found(full, "stuck"), _found(full, "unnamed"),
            _found(mine, "damaged"), _found(mine, "lost"),
        ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(f'{cell:,}' for cell in cells)} |")
    return "\n".join(lines)


def _promises(peers: Peers) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(peers.versions.items(), key=str))
    lines = [f"What each one's documentation promises ({versions}):", ""]
    return "\n".join([*lines, *(f"- {TOOLS[tool]}: {promise}" for tool, promise in peers.promises.items())])


def _said(rows: Sequence[Row], most: int = 3) -> str:
    lines = ["What was said, most often:", "", "| | next launch, failing | full disk, not named |", "|---|---|---|"]
    for tool, name in TOOLS.items():
        cells = []
        for kind in ("stuck", "unnamed"):
            texts = Counter[str]()
            for row in rows:
                if row.tool == tool:
                    texts.update(dict(row.said[kind]))
            cells.append("<br>".join(f"`{_cell(text)}` ({n})" for text, n in texts.most_common(most)) or "none")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _each(rows: Sequence[Row]) -> str:
    kinds = {
        "damaged": "damaged", "half": "half-applied", "stuck": "next launch fails", "lost": "lost",
        "pretended": "said nothing", "unnamed": "cause not named",
    }  # fmt: skip
    lines = [
        f"| | journal | fault | points | {' | '.join(kinds.values())} |",
        f"|---|---|---|{'--:|' * (1 + len(kinds))}",
    ]
    for row in rows:
        cells = [row.points, *(row.found[kind] for kind in kinds)]
        lines.append(
            f"| {TOOLS[row.tool]} | {JOURNALS[row.journal]} | {row.fault} | {' | '.join(f'{cell:,}' for cell in cells)} |"
        )
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


def _points(rows: Iterable[Row]) -> int:
    return sum(row.points for row in rows)


def _found(rows: Iterable[Row], kind: str) -> int:
    return sum(row.found[kind] for row in rows)


if __name__ == "__main__":
    text, failures = table(every=int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print(text)
    sys.exit(failures != 0)
