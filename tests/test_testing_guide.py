"""docs/test-your-migrations.md shows what pytest really prints for the files that it shows."""

from __future__ import annotations

import re
import subprocess
import sys

from helpers import ROOT, environment
from test_readme import blocks


def test_the_output_that_the_guide_shows_is_the_real_one(tmp_path):
    found = blocks((ROOT / "docs" / "test-your-migrations.md").read_text(encoding="utf-8"))
    for block in found:
        if block.file:
            (tmp_path / block.file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    (shown,) = (block.text for block in found if block.text.startswith("$ pytest"))
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment() | {"COLUMNS": "80"}, capture_output=True, text=True, encoding="utf-8"
    )
    printed = [re.sub(r" +\[ *\d+%\]$", "", line) for line in done.stdout.splitlines()]
    assert [line for line in shown.splitlines()[1:] if line and line not in printed] == [], done.stdout
    tests = [line for line in printed if line.startswith("test_migrations.py::")]
    assert tests == [line for line in shown.splitlines() if line.startswith("test_migrations.py::")]
    assert (
        f"{sum('FAILED' in line for line in tests)} failed, {sum('PASSED' in line for line in tests)} passed"
        in done.stdout
    )
