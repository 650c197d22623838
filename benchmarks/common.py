"""What the benchmarks share: a venv with the built, byte-compiled wheel, and paired runs of whole processes."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-bench"


def clean_environment() -> dict[str, str]:
    """The environment of an app: nothing that stops bytecode from being written, no coverage, no extra path."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}


def wheel_python() -> Path:
    """The Python of a venv into which the wheel was built and installed just now."""
    env, python = clean_environment(), VENV / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True, env=env)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, ROOT], check=True, env=env)
    subprocess.run([python, "-m", "compileall", "-q", VENV / "lib"], check=True, env=env, stdout=subprocess.DEVNULL)
    return python


def compiled(folder: Path, python: Path) -> None:
    subprocess.run([python, "-m", "compileall", "-q", folder], check=True, env=clean_environment())


def once(command: list[str | Path]) -> float:
    """Milliseconds of one whole process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, env=clean_environment(), stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def in_turn(
    commands: dict[str, list[str | Path]], rounds: int, before: dict[str, object] | None = None
) -> dict[str, list[float]]:
    """Run each command once a round, A B C A B C ..., so that a noisy machine treats all alike."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for name, command in commands.items():
        _reset(before, name)
        once(command)  # warm the caches
    for _ in range(rounds):
        for name, command in commands.items():
            _reset(before, name)
            times[name].append(once(command))
    return times


def _reset(before: dict[str, object] | None, name: str) -> None:
    action = (before or {}).get(name)
    if callable(action):
        action()


def ratio(times: dict[str, list[float]], one: str, other: str) -> float:
    """The median of the paired ratios."""
    return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))


def spread(values: list[float]) -> str:
    low, _, high = statistics.quantiles(values, n=4)
    return f"{statistics.median(values):7.1f} ms  ({low:.1f} to {high:.1f})"


def machine() -> str:
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()}, {os.cpu_count()} cores"
