"""The demo app's window as its user has it: a real process that serves it, a real browser that shows it.

with served(path, "--as-of", "2") as address:
    page.get(address)
    see(page, "Your notes")
    press(page, "Quit")
"""

from __future__ import annotations

import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from helpers import UNMEASURED, environment
from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

PRESSED = "button, [role=tab], [role=button]"
PATIENCE_S = 20.0  # for what should take a moment: a machine may be busy


@contextmanager
def served(path: Path, *arguments: object, command: Sequence[object] = (), **more: object) -> Iterator[Served]:
    """The app, started on this file; ended with Ctrl-C when the block is, unless it has ended by itself."""
    command = [*(command or (sys.executable, "-m", "demo_app")), "--window", "--no-browser", "--db", path, *arguments]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=as_a_user(), **more
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


@contextmanager
def held(app: Served) -> Iterator[None]:
    """The app stands still: what its window shows can be looked at for as long as it takes."""
    app.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        app.process.send_signal(signal.SIGCONT)


def as_a_user() -> dict[str, str]:
    """NiceGUI behaves otherwise where it finds that pytest runs it; the app is ended with Ctrl-C."""
    return {name: value for name, value in environment().items() if not name.startswith("PYTEST")} | UNMEASURED


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
    """Open the window. The address is told a moment before the port is there, and a browser that is refused gives up."""
    host, port = window.origin.removeprefix("http://").split(":")

    def there() -> bool:
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            return False
        return True

    until(there, f"nobody listens at {window.address}")
    page.get(window.address)


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
    return [one.accessible_name for one in page.find_elements("css selector", PRESSED) if one.is_displayed()]


def button(page: WebDriver, name: str) -> WebElement:
    def named() -> WebElement | None:
        found = page.find_elements("css selector", PRESSED)
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


def unfit(page: WebDriver) -> list[str]:
    """What keeps somebody from using this page by keyboard, by ear, or with weak eyes; [] is as it should be.

    Names, labels, one first heading, the language, and contrast by WCAG's formula: 4.5 to 1, or 3 to 1 for large text.
    """
    until(lambda: page.execute_script(STILL), "the page goes on changing its colours")
    wrong = list(page.execute_script(CONTRAST))
    seen = page.find_elements("css selector", "button, [role=tab], [role=button], input, textarea, [role=progressbar]")
    wrong += [
        f"no name: {one.get_attribute('outerHTML')[:200]}"
        for one in seen
        if one.is_displayed() and not one.accessible_name
    ]
    if (count := len([one for one in page.find_elements("css selector", "h1") if one.is_displayed()])) != 1:
        wrong.append(f"{count} first headings")
    if page.find_element("css selector", "html").get_attribute("lang") != "en-US":
        wrong.append("no language")
    return wrong


STILL = """
return !document.getAnimations().some(one => one instanceof CSSTransition && one.playState === "running");
"""
CONTRAST = """
const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
function over(below, colour) {  // what is seen of a colour, in whichever way it is written, on what is below it
  paint.fillStyle = `rgb(${below.join(",")})`; paint.fillRect(0, 0, 1, 1);
  paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
  return [...paint.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}
const wrong = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement, style = getComputedStyle(element);
  if (!texts.currentNode.data.trim() || !element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
  if (element.closest("[aria-hidden=true], [disabled], script, style")) continue;
  const line = [];
  for (let e = element; e; e = e.parentElement) line.unshift(getComputedStyle(e).backgroundColor);
  const ground = line.reduce(over, [255, 255, 255]), ink = over(ground, style.color);
  const [a, b] = [light(ground), light(ink)], ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  if (ratio < (large ? 3 : 4.5)) wrong.push(`contrast ${ratio.toFixed(1)}: ${texts.currentNode.data.trim().slice(0, 60)}`);
}
return wrong;
"""
