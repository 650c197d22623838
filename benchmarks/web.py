"""From opening the page until the notes are there, in a real Chromium: python benchmarks/web.py

Each of five rounds is a browser with an empty profile: its first visit, then a reload. Printed is the median, from the
browser's own clock: navigation to the page's mark "ready". Needs npm, chromium and chromedriver.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import chromium  # noqa: E402
from webpage import Tab, served  # noqa: E402

from benchmarks.ground import machine  # noqa: E402
from demo_app.web import build  # noqa: E402

ROUNDS = 5


def ready_ms(tab: Tab) -> float:
    tab.load()
    return tab.driver.execute_script("return performance.getEntriesByName('ready')[0].startTime")


def main() -> int:
    if reason := chromium.why_not() or build.why_not():
        print(reason, file=sys.stderr)
        return 1
    print(", ".join(f"{what} {found}" for what, found in machine(Path(sys.executable)).items()))
    first, again = [], []
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "site") as site:
        for _ in range(ROUNDS):
            with chromium.browser() as driver:
                tab = Tab(driver, site)
                first.append(ready_ms(tab))
                again.append(ready_ms(tab))
    for what, times in (("first visit", first), ("reload", again)):
        spread = f"{min(times) / 1000:.1f} to {max(times) / 1000:.1f}"
        print(f"{what:12} {statistics.median(times) / 1000:.1f} s  ({spread})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
