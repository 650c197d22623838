"""The notes inside a browser, for tests: releases of the page as they are deployed, and a tab that shows one."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import chromium
import pytest
from helpers import ROOT
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By

from demo_app.web import build, serve

needed = pytest.mark.skipif(
    bool(chromium.why_not() or build.why_not()), reason=str(chromium.why_not() or build.why_not())
)

PATIENCE_S = 60  # on a machine that has much else to do


class Site:
    """A folder that is served. deploy() puts another release there."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address

    def deploy(self, **migrations: str) -> None:
        """The app's own migrations and these: `deploy(**{"006_more.sql": "..."})`."""
        shipped = self.folder.parent / "shipped"
        shutil.rmtree(shipped, ignore_errors=True)
        shutil.copytree(ROOT / "migrations", shipped, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in migrations.items():
            (shipped / name).write_text(text, encoding="utf-8")
        time.sleep(1.01)  # the browser asks by Last-Modified, which has seconds
        build.pack(self.folder / "app.zip", shipped)


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    build.make(folder)
    with serve.server(folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Site(folder, serve.address(server))
        finally:
            server.shutdown()
            thread.join()


class Tab:
    """What a person does with the page, and sees there."""

    def __init__(self, driver: WebDriver, site: Site) -> None:
        self.driver, self.site = driver, site

    def load(self, query: str = "") -> Tab:
        self.driver.get(self.site.address + query)
        return self.until("ready")

    def until(self, *states: str) -> Tab:
        self._wait(lambda: self.state in states, lambda: f"not {states} but {self.state}: {self.text('page')}")
        return self

    def until_said(self, id: str, words: str) -> Tab:
        self._wait(lambda: words in self.text(id), lambda: f"no {words!r} in {self.text(id)!r}")
        return self

    @property
    def state(self) -> str:
        """starting, waiting, ready or refused."""
        return self.driver.execute_script("return document.getElementById('page').dataset.state")

    def text(self, id: str) -> str:
        return self.driver.execute_script("return document.getElementById(arguments[0]).textContent", id)

    @property
    def version(self) -> int:
        return int(self.text("version"))

    @property
    def history(self) -> list[list[str]]:
        """The rows of the table of applied migrations."""
        return self.driver.execute_script(
            "return [...document.getElementById('applied').rows].map(row => [...row.cells].map(cell => cell.textContent))"
        )

    @property
    def titles(self) -> list[str]:
        return self.driver.execute_script("return [...document.querySelectorAll('#list b')].map(b => b.textContent)")

    @property
    def buttons(self) -> list[str]:
        """What is offered beside a refusal."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll('#offers button')].map(b => b.textContent)"
        )

    def add(self, text: str) -> Tab:
        """Add a note, and wait until the page shows it."""
        self.write(text)
        self._wait(lambda: text.splitlines()[0] in self.titles, lambda: f"{text!r} is not in {self.titles}")
        return self

    def write(self, text: str) -> None:
        self.driver.find_element(By.ID, "text").send_keys(text)
        self.press("Add")

    def bring(self, path: Path) -> Tab:
        """Put a file in the place of the notes."""
        self.open_details()
        self.driver.find_element(By.ID, "bring").send_keys(str(path))
        self.answer("Replace")
        return self

    def press(self, label: str) -> None:
        """Press the button that is seen with this label."""
        found = [b for b in self.driver.find_elements(By.TAG_NAME, "button") if b.is_displayed() and b.text == label]
        assert len(found) == 1, f"{len(found)} buttons {label!r}"
        found[0].click()

    def answer(self, label: str) -> None:
        """Answer the question that is asked."""
        self.driver.find_element(By.CSS_SELECTOR, "dialog[open]")
        self.press(label)

    def open_details(self) -> None:
        self.driver.execute_script("document.getElementById('file').open = true")

    def crash(self) -> None:
        """The tab's process dies, as of a crash. Another tab is there afterwards."""
        here = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        other = self.driver.current_window_handle
        self.driver.switch_to.window(here)
        with pytest.raises(Exception, match="tab crashed"):
            self.driver.execute_cdp_cmd("Page.crash", {})
        self.driver.close()
        self.driver.switch_to.window(other)

    def _wait(self, is_so: Callable[[], bool], but: Callable[[], str]) -> None:
        ends = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < ends, but()
            time.sleep(0.02)
