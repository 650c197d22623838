"""What the benchmarks stand on: a venv with the built, byte-compiled wheel and the peers, files made once, runs in turn."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

from benchmarks import peers

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / f".venv-bench-{sys.version_info[0]}.{sys.version_info[1]}"
FILES = ROOT / ".bench-files"  # on a real disk, beside the sources: what a commit costs is measured
MOST_S = 120.0  # a run that takes longer is given up, and the page says so
SIDECARS = ("", "-journal", "-wal", "-shm")


T = TypeVar("T")


class Unable(Exception):
    """A way that can't do what is asked, or not in time: the page says this instead of a number."""


class Ground(NamedTuple):
    """Where benchmarks run: which Python, which folder, and whether all is small, to try the machinery."""

    python: Path
    folder: Path
    small: bool = False

    def either(self, full: int, small: int) -> int:
        return small if self.small else full

    def sizes(self, full: Sequence[T], small: Sequence[T]) -> Sequence[T]:
        return small if self.small else full

    def prepared(self, name: str, make: Callable[[Path], object], source: str = "") -> Path:
        """A folder that is made once, and anew when what makes it has changed."""
        folder = self.folder / name
        made = folder / ".made"
        signature = _hash([ROOT / "benchmarks" / n for n in ("peers.py", "histories.py", source or "peers.py")])
        if not made.exists() or made.read_text() != signature:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make(folder)
            made.write_text(signature)
        return folder

    def compiled(self, folder: Path) -> None:
        command = [self.python, "-m", "compileall", "-q", folder]
        subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)


def environment() -> dict[str, str]:
    """The environment of an app: nothing that stops bytecode from being written, no coverage, no extra path."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}


def ground(folder: Path = FILES, small: bool = False) -> Ground:
    """A venv into which the peers and the wheel as it is now are installed, all of it byte-compiled."""
    python = VENV / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = "\n".join([sys.version, *peers.NEEDED])
    if _said(VENV / ".peers") != wanted:
        _run([sys.executable, "-m", "venv", "--clear", VENV])
        _run([*pip, *peers.NEEDED])
        (VENV / ".peers").write_text(wanted)
    now = _hash([ROOT / "pyproject.toml", *sorted((ROOT / "embedmig").rglob("*.py"))])
    if _said(VENV / ".embedmig") != now:
        _run([*pip, "--force-reinstall", "--no-deps", ROOT])
        _run([python, "-m", "compileall", "-q", VENV / "lib"])
        (VENV / ".embedmig").write_text(now)
    folder.mkdir(exist_ok=True)
    return Ground(python, folder, small)


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)


def _said(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def _hash(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()


def machine(python: Path) -> dict[str, str]:
    """What the figures depend on, without the machine's name."""
    text = "import sqlite3, platform; print(platform.python_version(), sqlite3.sqlite_version)"
    done = subprocess.run([python, "-c", text], check=True, capture_output=True, text=True, env=environment())
    version, sqlite = done.stdout.split()
    return {
        "Python": version,
        "SQLite": sqlite,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "memory": _memory(),
    }


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.0f} GB"
    except (AttributeError, ValueError):
        return "not known"


def versions(python: Path) -> dict[str, str]:
    names = [p.distribution for p in (peers.EMBEDMIG, *peers.OTHERS)]
    text = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names!r}}}))"
    done = subprocess.run([python, "-c", text], check=True, capture_output=True, text=True, env=environment())
    found: dict[str, str] = json.loads(done.stdout)
    return found


# -- one run ---------------------------------------------------------------------------------------------------------


def process(command: Sequence[str | Path], most_s: float = MOST_S) -> tuple[float, str]:
    """Milliseconds of one whole process, and what it printed."""
    began = time.perf_counter()
    try:
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=most_s)
    except subprocess.TimeoutExpired:
        raise Unable(f"not done within {most_s:.0f} s") from None
    took = (time.perf_counter() - began) * 1000
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr}")
    return took, done.stdout


def app(ground: Ground, folder: Path, name: str, text: str) -> list[str | Path]:
    """The command that runs a script of an app."""
    script = folder / f"{name}.py"
    script.write_text(text)
    return [ground.python, "-I", script]


def fresh(path: Path, original: Path | None = None) -> None:
    """Take a file away with its sidecars, or bring it back to what it was."""
    for end in SIDECARS:
        Path(f"{path}{end}").unlink(missing_ok=True)
    for backup in path.parent.glob(f"{path.name}.v*"):
        backup.unlink()
    if original is not None:
        shutil.copyfile(original, path)


def settled(path: Path) -> None:
    """What was written to prepare a run reaches the disk before its time begins."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


class Way(NamedTuple):
    """One of the things that are compared: `once()` is one run and answers with its figure."""

    group: str
    label: str
    once: Callable[[], float]
    rounds: int = 1_000  # at most


Values = dict[str, dict[str, dict[str, object]]]  # group -> label -> {"values": [...]} or {"why": "..."}


def in_turn(ways: Sequence[Way], rounds: int, unit: str = "ms", warm: bool = True) -> Values:
    """Run each way once a round, A B C A B C ..., so that a noisy machine treats all alike."""
    found: Values = {}
    for way in ways:
        found.setdefault(way.group, {})[way.label] = {"unit": unit, "values": []}
    out: set[tuple[str, str]] = set()
    for turn in range(-1 if warm else 0, rounds):
        for way in ways:
            if (way.group, way.label) in out or turn >= way.rounds:
                continue
            try:
                value = way.once()
            except Unable as error:
                found[way.group][way.label] = {"unit": unit, "values": [], "why": str(error)}
                out.add((way.group, way.label))
                continue
            if turn >= 0:
                found[way.group][way.label]["values"].append(round(value, 4))  # type: ignore[attr-defined]
    return found


# -- did all do the same? --------------------------------------------------------------------------------------------


def content(path: Path, rows: bool = True) -> list[object]:
    """Schema and rows of a file, without the migrators' own tables: as SQLite understands it, not by its text."""
    with closing(sqlite3.connect(path)) as conn:
        names = [n for (n,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        names = [n for n in names if n not in peers.LEDGERS and not n.startswith("sqlite_")]
        return [(name, _shape(conn, name), _rows(conn, name) if rows else None) for name in names]


def _shape(conn: sqlite3.Connection, table: str) -> list[object]:
    columns = [
        (name, kind.upper(), bool(required or key), default, key)
        for _, name, kind, required, default, key in conn.execute(f"PRAGMA table_info({table})")
    ]
    keys = sorted(row[2:7] for row in conn.execute(f"PRAGMA foreign_key_list({table})"))
    indexes = sorted(
        (name, unique, [tuple(row[2:]) for row in conn.execute(f"PRAGMA index_info({name})")])
        for _, name, unique, *_ in conn.execute(f"PRAGMA index_list({table})")
    )
    others = "SELECT type, name FROM sqlite_master WHERE tbl_name = ? AND type IN ('trigger', 'view') ORDER BY name"
    return [columns, keys, indexes, conn.execute(others, (table,)).fetchall()]


def _rows(conn: sqlite3.Connection, table: str) -> object:
    """How many rows, and a sum over all of each column's values."""
    names = [row[1] for row in conn.execute(f"PRAGMA table_info({table})")]
    sums = [f"total(rowid % 9973 * coalesce(length({n}) + unicode({n} || ' ') + 0.0, 7))" for n in names]
    sums += [f"sum({n} IS NULL)" for n in names] + [
        f"total(CASE typeof({n}) WHEN 'integer' THEN {n} END)" for n in names
    ]
    return conn.execute(f"SELECT count(*), {', '.join(sums)} FROM {table}").fetchone()


class Same:
    """All ways of a group must end at what the first of them ended at, or their time would not count."""

    def __init__(self, read: Callable[[Path], object] = content) -> None:
        self.read = read
        self.wanted: object = None

    def as_by(self, label: str) -> Callable[[Path], None]:
        """A check of what `label` made. Raises AssertionError."""

        def check(path: Path) -> None:
            found = self.read(path)
            if self.wanted is None:
                self.wanted = found
            if found != self.wanted:
                raise AssertionError(f"{label} did something else:\n{found}\ninstead of\n{self.wanted}")

        return check
