"""The tests on every Python that embedmig supports, each in a venv of its own: `make test-all`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13")


def candidates(version: str) -> Iterator[str]:
    """Where a Python of this version may be: pyenv keeps them in folders, and its shims may fail."""
    pyenv = shutil.which("pyenv")
    root = os.environ.get("PYENV_ROOT") or (
        subprocess.getoutput(f"{pyenv} root") if pyenv else str(Path.home() / ".pyenv")
    )
    yield from (str(python) for python in sorted(Path(root, "versions").glob(f"{version}.*/bin/python"), reverse=True))
    for name in (sys.executable, shutil.which(f"python{version}")):
        if name:
            yield name


def find(version: str) -> str | None:
    for python in candidates(version):
        asked = subprocess.run([python, "-V"], capture_output=True, text=True)
        if asked.returncode == 0 and asked.stdout.split()[-1].startswith(version + "."):
            return python
    return None


def run(version: str, python: str) -> int:
    venv = ROOT / f".venv-{version}"
    if not venv.exists():
        subprocess.run([python, "-m", "venv", venv], check=True)
    inside = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--editable", f"{ROOT}[test]"], check=True)
    print(f"--- Python {version}: {python}", flush=True)
    return subprocess.run([inside, "-m", "pytest", "-q", *sys.argv[1:]], cwd=ROOT).returncode


def main() -> int:
    found = {version: find(version) for version in VERSIONS}
    missing = [version for version, python in found.items() if python is None]
    if missing:
        print(
            f"not found: Python {', '.join(missing)}; install it, or run `make test` for this one alone",
            file=sys.stderr,
        )
        return 1
    return max(run(version, python) for version, python in found.items() if python)


if __name__ == "__main__":
    sys.exit(main())
