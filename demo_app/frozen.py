"""python -m demo_app.frozen FOLDER: make a program of the app that needs no Python, FOLDER/Notes/Notes. What `make app-frozen` runs.

By PyInstaller, and without a word about migrations: embedmig's own hook takes them along (docs/ship-it.md).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# what a developer's machine has beside the app, and some part of NiceGUI or of embedmig would like to use
NOT_NEEDED = ("distributed", "hypothesis", "IPython", "matplotlib", "mypy", "nicegui.testing", "numpy", "pandas", "PIL", "pytest", "selenium", "tkinter")  # fmt: skip


def freeze(folder: Path) -> Path:
    """Build it into this folder; returns the program. CalledProcessError, with what PyInstaller said, if it can't be built."""
    command = [
        sys.executable, "-m", "PyInstaller", "--noconfirm", "--onedir", "--log-level=WARN", "--name=Notes", f"--paths={ROOT}",
        f"--distpath={folder}", f"--workpath={folder / 'work'}", f"--specpath={folder / 'work'}",
        *(f"--exclude-module={name}" for name in NOT_NEEDED),
        str(ROOT / "demo_app" / "window" / "__main__.py"),
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(command, check=True, env=os.environ | {"PYINSTALLER_CONFIG_DIR": str(folder / "work" / "cache")})
    return folder / "Notes" / ("Notes.exe" if os.name == "nt" else "Notes")


if __name__ == "__main__":
    print(freeze(Path(sys.argv[1])))
