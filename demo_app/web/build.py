"""Make a folder that any web server can serve as it is: the page, Python for browsers, the wheels, the migrations.

Pyodide comes from npm, the wheels by pip. All that the page will ask for is in the folder then.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent  # of this repository
PAGE = Path(__file__).resolve().parent / "page"
PYODIDE = "pyodide@^314.0.7"  # which is Python 3.14, with SQLite built in
PYTHON = "3.14"
PARTS = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json", "python_stdlib.zip")
UNUSED = ("pip-", "tzdata-")  # dependencies that nothing here imports


class NotBuilt(Exception):
    """Why the folder could not be made, and what to do."""


def why_not() -> str | None:
    """Why nothing can be built here; None where it can."""
    if shutil.which("npm") is None:
        return "NO NPM: Pyodide, Python for browsers, comes from npm. Install Node.js (https://nodejs.org), then try again."
    return None


def make(target: Path, migrations: Path = ROOT / "migrations") -> None:
    """Build the page into the folder `target`. What was fetched there before is not fetched again. Raises NotBuilt."""
    if reason := why_not():
        raise NotBuilt(reason)
    target.mkdir(parents=True, exist_ok=True)
    fetch_pyodide(target / "pyodide")
    wheels = fetch_wheels(target / "wheels")
    for file in PAGE.iterdir():
        if file.is_file() and file.suffix != ".py":
            shutil.copyfile(file, target / file.name)
    pack(target / "app.zip", migrations)
    names = [*(f"wheels/{name}" for name in wheels), "app.zip"]
    (target / "files.json").write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")


def fetch_pyodide(folder: Path) -> None:
    if all((folder / name).is_file() for name in PARTS):
        return
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        run([str(shutil.which("npm")), "pack", "--silent", "--pack-destination", work, PYODIDE])
        (archive,) = Path(work).glob("pyodide-*.tgz")
        with tarfile.open(archive) as tar:
            for name in PARTS:
                member = tar.extractfile(f"package/{name}")
                assert member is not None, name
                (folder / name).write_bytes(member.read())


def fetch_wheels(folder: Path) -> list[str]:
    """embedmig as it is in this repository, and what it needs; the names of the files."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("embedmig-*.whl"):
        old.unlink()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)])
    (own,) = folder.glob("embedmig-*.whl")
    if not any(folder.glob("sqlite_utils-*.whl")):
        target = [
            "--only-binary=:all:",
            "--platform=any",
            f"--python-version={PYTHON}",
            "--implementation=py",
            "--abi=none",
        ]
        run([*pip, "download", *target, "--dest", str(folder), str(own)])
    for wheel in folder.glob("*.whl"):
        if wheel.name.startswith(UNUSED):
            wheel.unlink()
    return sorted(wheel.name for wheel in folder.glob("*.whl"))


def pack(archive: Path, migrations: Path) -> None:
    """The app's own Python and the migrations, as one file."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zip:
        zip.write(PAGE / "app.py", "app.py")
        zip.write(ROOT / "demo_app" / "__init__.py", "demo_app/__init__.py")
        for file in sources(migrations):
            zip.write(file, f"migrations/{file.name}")


def sources(folder: Path) -> Iterable[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix in (".py", ".sql"))


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NotBuilt(f"{' '.join(command)} failed:\n{done.stderr.strip() or done.stdout.strip()}")
