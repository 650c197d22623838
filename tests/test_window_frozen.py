"""The window as a program without Python: what `make app-frozen` makes."""

from __future__ import annotations

from pathlib import Path

import chromium
import pytest
from helpers import query
from window import go, press, see, served

from demo_app.frozen import freeze
from demo_app.release import NEWEST, as_of

pytestmark = [chromium.needed, pytest.mark.slow]  # half a minute: PyInstaller looks at all of NiceGUI


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return freeze(tmp_path_factory.mktemp("frozen"))


def test_the_frozen_window_serves_brings_an_older_file_up_to_date_and_shows_its_notes(page, path, program):
    as_of(2).migrate(path)
    query(path, "INSERT INTO notes (body, created_at, updated_at) VALUES ('Kept from before', '2026', '2026')")
    with served(path, command=[program]) as app:
        go(page, app)
        see(page, f"version 2 to {NEWEST}")
        see(page, "Kept from before", "Data")
        assert chromium.errors(page) == []
        assert chromium.foreign(page, app.origin) == []
        press(page, "Quit")
        see(page, "Your notes are closed")
        assert app.process.wait(20) == 0
    source = query(path, "SELECT id, checksum FROM _migrations ORDER BY version")
    as_of(None).migrate(made := path.with_name("source.db"))
    assert source == query(made, "SELECT id, checksum FROM _migrations ORDER BY version")
