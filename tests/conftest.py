"""Fixtures that many tests share: a path for a user's file, and a venv with the built wheel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the user's file is, or will be."""
    return tmp_path / "notes.db"


@pytest.fixture(scope="session")
def wheel_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a venv into which the built wheel is installed, byte-compiled, as users get it."""
    folder = tmp_path_factory.mktemp("wheel")
    venv = folder / "venv"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTHONDONTWRITE", "PYTHONPATH"))}
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True, env=clean
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, env=clean)
    python = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
    (wheel,) = folder.glob("embedmig-*.whl")
    subprocess.run([*pip[:3], f"--python={python}", *pip[3:], "install", wheel], check=True, env=clean)
    return python
