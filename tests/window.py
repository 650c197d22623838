"""The demo app's window as its user has it: a real process that serves it, a real browser that shows it.

with served(path, "--as-of", "2") as address:
    page.get(address)
    see(page, "Your notes")
    press(page, "Quit")
"""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from helpers import environment
from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

PATIENCE_S = 20.0  # for what should take a moment: a machine may be busy


@contextmanager
def served(path: Path, *arguments: object, command: Sequence[object] = (), **more: object) -> Iterator[Served]:
    """The app, started on this file; ended with Ctrl-C when the block is, unless it has ended by itself."""
    command = [*(command or (sys.executable, "-m", "demo_app")), "--window", "--no-browser", "--db", path, *arguments]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(), **more
    )
    try:
        yield Served(process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


class Served:
    """A process of the app, and where its window is."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        told: queue.SimpleQueue[str] = queue.SimpleQueue()

        def listen() -> None:
            for line in process.stdout:
                self.lines.append(line)
                told.put(line)
            told.put("")

        threading.Thread(target=listen, daemon=True).start()
        while not (line := told.get(timeout=PATIENCE_S)).startswith("Notes: http"):
            assert line, f"the app ended: {''.join(self.lines)}"
        self.address = line.removeprefix("Notes: ").strip()

    @property
    def origin(self) -> str:
        return self.address.partition("/?")[0]


def until(true: Callable[[], object], what: str) -> object:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if found := true():
                return found
        except (StaleElementReferenceException, JavascriptException):
            pass  # the page was changing under us
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def go(page: WebDriver, window: Served) -> None:
    """Open the window. The address is told a moment before the port is there."""

    def opened() -> bool:
        page.get(window.address)
        return page.current_url.startswith(window.origin)

    until(opened, f"no page at {window.address}")


def text(page: WebDriver) -> str:
    return page.execute_script("return document.body.innerText") or ""


def see(page: WebDriver, *said: str) -> str:
    """Wait until the page says all this; returns all that it says."""

    def all_there() -> str:
        shown = text(page)
        return shown if all(one in shown for one in said) else ""

    try:
        return str(until(all_there, ""))
    except AssertionError:
        raise AssertionError(f"the page does not say {said}, but:\n{text(page)}") from None


def buttons(page: WebDriver) -> list[str]:
    """The accessible names of all that can be pressed, as the browser computes them, in order."""
    return [
        one.accessible_name for one in page.find_elements("css selector", "button, [role=tab]") if one.is_displayed()
    ]


def button(page: WebDriver, name: str) -> WebElement:
    def named() -> WebElement | None:
        found = page.find_elements("css selector", "button, [role=tab]")
        return next((one for one in found if one.is_displayed() and one.accessible_name == name), None)

    return until(named, f"no button {name!r}, but {buttons(page)}")


def press(page: WebDriver, name: str) -> None:
    def pressed() -> bool:
        button(page, name).click()
        return True

    until(pressed, f"{name!r} can't be pressed")


def focused(page: WebDriver) -> str:
    """The accessible name of what the keyboard is on."""
    return page.switch_to.active_element.accessible_name
