"""Take docs/pictures/web.png anew: python tests/web_picture.py. The notes are this repository's own pages, written as release 2.0."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import chromium  # noqa: E402
from webpage import Tab, served  # noqa: E402

from demo_app import APPLICATION_ID, MIGRATOR  # noqa: E402
from embedmig import Migrator  # noqa: E402

PICTURE = ROOT / "docs" / "pictures" / "web.png"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notes.db")
        Migrator(MIGRATOR.migrations, application_id=APPLICATION_ID, app_version="2.0").migrate(path, to=2)
        with closing(sqlite3.connect(path)) as conn, conn:
            for day, page in enumerate(sorted((ROOT / "docs").glob("*.md")), 1):
                at = f"2026-11-{day:02}T09:30:00Z"
                row = [page.read_text(encoding="utf-8").lstrip("# "), at, at]
                conn.execute("INSERT INTO notes (body, created_at, updated_at) VALUES (?, ?, ?)", row)
        with served(Path(folder, "site")) as site, chromium.browser(size=(900, 1320)) as driver:
            tab = Tab(driver, site).load()
            tab.bring(path).until_said("notice", "version 2 → ")
            driver.find_element("id", "words").send_keys("power cut")
            tab.until_said("count", "found")
            driver.execute_script("scrollTo(0, 0)")
            print(chromium.screenshot(driver, PICTURE))


if __name__ == "__main__":
    main()
