"""The demo app as it was: `--as-of N` is the release whose newest version was N."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import environment, query, script

from demo_app import MIGRATOR
from demo_app.release import NEWEST, as_of


def app(path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demo_app", "--db", path, *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment())


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_a_file_of_an_older_release_is_todays_after_the_next_launch_and_nothing_in_it_was_edited(path, caplog, version):
    release = as_of(version)
    assert release.migrate(path).after == version
    assert {app_version for (app_version,) in query(path, "SELECT app_version FROM _migrations")} == {f"{version}.0"}
    with caplog.at_level(logging.WARNING, "embedmig"):
        report = MIGRATOR.migrate(path)
    assert (report.before, report.after) == (version, NEWEST)
    assert MIGRATOR.status(path, drift=True).drift is not None and not MIGRATOR.drift(path)
    assert caplog.records == []


def test_the_release_of_the_newest_version_is_todays():
    assert as_of(None) is as_of(NEWEST) is MIGRATOR


def test_there_is_no_release_of_a_version_that_never_was(tmp_path):
    done = app(tmp_path / "notes.db", "--as-of", NEWEST + 1)
    assert done.returncode == 2
    assert f"there are releases as of version 1 to {NEWEST}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_older_release_shows_its_notes_and_refuses_the_file_once_a_newer_one_has_had_it(path):
    as_of(2).migrate(path)
    query(
        path, "INSERT INTO notes (body, created_at, updated_at) VALUES ('Milk\nand bread', '2026-01-02', '2026-01-02')"
    )
    assert app(path, "--as-of", 2).stdout.endswith("1 note:\n2026-01-02  Milk and bread\n")
    assert "Milk" in app(path).stdout
    done = app(path, "--as-of", 2)
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"Nothing was changed. Update the app to {NEWEST}.0 or later. Or restore notes.db.v0002.bak.\n"
    )


def test_a_window_without_nicegui_says_what_is_missing_and_makes_no_file(path):
    code = "import sys; sys.modules['nicegui'] = None; from demo_app.__main__ import main; main(['--window', '--db', sys.argv[1]])"
    done = script(code, path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The window needs NiceGUI: pip install 'nicegui>=3.18,<4'.")
    assert not path.exists()
