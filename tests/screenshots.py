"""Take the pictures of the demo app's window anew, into docs/pictures/: `make screenshots`. Look at them afterwards.

    PYTHONPATH=.:tests python -m screenshots [NAME ...]

Each is a real page from a real file, in a browser of 1000 by 700.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import chromium
from helpers import ROOT
from selenium.webdriver.chrome.webdriver import WebDriver
from window import STILL, go, held, press, see, served, text, until

from demo_app import trouble
from demo_app.fill import fill
from demo_app.release import NEWEST, as_of

PICTURES = ROOT / "docs" / "pictures"
Take = Callable[[str], Path]
FROM = """const heading = [...document.querySelectorAll("h2")].find(one => one.innerText === arguments[0]);
heading.scrollIntoView(); window.scrollBy(0, -40);"""


def upgrade(page: WebDriver, path: Path, take: Take) -> None:
    fill(path, as_of(2), 60_000)
    with served(path) as app:
        go(page, app)
        until(lambda: "rows" in text(page), "no rows")
        until(
            lambda: float(page.find_element("css selector", "[role=progressbar]").get_attribute("aria-valuenow")) > 0.3,
            "no bar",
        )
        with held(app):
            take("window-upgrade")
            with served(path) as other:
                go(page, other)
                see(page, "Another window of this app")
                take("window-waiting")
        go(page, app)
        until(lambda: "Cancel" in text(page), "too late to cancel")
        press(page, "Cancel")
        see(page, "The upgrade was stopped")
        take("window-cancelled")


def too_new(page: WebDriver, path: Path, take: Take) -> None:
    trouble.newer(path)
    with served(path) as app:
        go(page, app)
        see(page, "These notes are from a newer release")
        take("window-too-new")
        press(page, f"Restore the backup of version {NEWEST}…")
        see(page, f"Restore version {NEWEST} of ")
        take("window-restore")


def older(page: WebDriver, path: Path, take: Take) -> None:
    fill(path, as_of(2), 300)
    with served(path, "--as-of", 2) as app:
        go(page, app)
        see(page, "Release 2.0", "300 notes")
        take("window-older")


def notes(page: WebDriver, path: Path, take: Take) -> None:
    fill(path, as_of(2), 3000)
    with served(path) as app:
        go(page, app)
        see(page, "3,000 notes")
        page.find_element("css selector", "[role=option]:nth-child(3)").click()
        see(page, "brought up to date")
        page.find_element("css selector", "input[type=search]").click()
        until(lambda: "brought up to date" not in text(page), "it is told for too long")
        take("window-notes")
        page.find_element("css selector", "input[type=search]").send_keys("file na")
        until(lambda: page.find_elements("css selector", "[role=option] mark"), "nothing found")
        page.find_element("css selector", "[role=option]:nth-child(2)").click()
        until(
            lambda: page.find_elements("css selector", "[role=option]:nth-child(2)[aria-selected=true]"), "not chosen"
        )
        take("window-search")
        press(page, "Data")
        until(lambda: page.find_elements("css selector", "[role=img] svg"), "the schema is not drawn")
        take("window-data")
        page.execute_script(FROM, "The schema")
        take("window-schema")


def rehearsal(page: WebDriver, path: Path, take: Take) -> None:
    fill(path, as_of(2), 20_000)
    with served(path, "--as-of", 2) as app:
        go(page, app)
        press(page, "Data")
        press(page, "Rehearse")
        see(page, "It would go well")
        until(lambda: page.find_elements("css selector", "[role=img] svg"), "the schema is not drawn")
        page.execute_script(FROM, "Rehearse the next upgrade")
        take("window-rehearsal")


def refusal(
    make: Callable[[Path], None], title: str, name: str, *command: str
) -> Callable[[WebDriver, Path, Take], None]:
    def picture(page: WebDriver, path: Path, take: Take) -> None:
        make(path)
        with served(path, command=[*command, sys.executable, "-m", "demo_app"]) as app:
            go(page, app)
            see(page, title)
            take(name)
            if name == "window-damaged":
                press(page, "Reset…")
                see(page, "Type reset")
                take("window-reset")

    return picture


def disk_full(page: WebDriver, path: Path, take: Take) -> None:
    """Root of Linux only: a small disk is mounted."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path.parent)], check=True)
    try:
        trouble.older(path)
        (path.parent / "film.mp4").write_bytes(b"x" * (shutil.disk_usage(path.parent).free - 100_000))
        with served(path) as app:
            go(page, app)
            see(page, "The disk is full")
            take("window-disk-full")
    finally:
        subprocess.run(["umount", str(path.parent)], check=True)


UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
ALL: dict[str, Callable[[WebDriver, Path, Take], None]] = {
    "upgrade": upgrade,
    "too-new": too_new,
    "older": older,
    "notes": notes,
    "rehearsal": rehearsal,
    "stranger": refusal(trouble.stranger, "another app", "window-stranger"),
    "not-a-database": refusal(trouble.text, "not a file of notes", "window-not-a-database"),
    "damaged": refusal(trouble.damaged, "damaged", "window-damaged"),
    "failed": refusal(trouble.failing, "did not work", "window-failed"),
    "read-only": refusal(trouble.read_only, "can't be written", "window-read-only", *UNPRIVILEGED),
    "disk-full": disk_full,
}


def shot(page: WebDriver) -> bytes:
    """The page as PNG, without the empty room below a card that stands alone."""
    bottom = "const card = document.querySelector('.q-card'); return card && !document.querySelector('header') && card.getBoundingClientRect().bottom"
    height = min(700, (page.execute_script(bottom) or 700) + 80)
    top = page.execute_script("return scrollY")
    clip = {"x": 0, "y": top, "width": 1000, "height": height, "scale": 1}
    return b64decode(page.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip})["data"])


@contextmanager
def home() -> Iterator[Path]:
    """A user's own folder: what pictures show of paths begins with ~."""
    with tempfile.TemporaryDirectory() as folder:
        before, os.environ["HOME"] = os.environ.get("HOME", ""), folder
        try:
            yield Path(folder, "Documents", "notes.db")
        finally:
            os.environ["HOME"] = before


def main(names: list[str]) -> None:
    with chromium.browser(size=(1000, 700)) as page:

        def take(name: str) -> Path:
            until(lambda: page.execute_script(STILL), "it never stands still")
            path = PICTURES / f"{name}.png"
            path.write_bytes(shot(page))
            print(path.relative_to(ROOT))
            return path

        for name in names or ALL:
            with home() as path:
                path.parent.mkdir()
                ALL[name](page, path, take)
                path.parent.chmod(0o755)


if __name__ == "__main__":
    main(sys.argv[1:])
