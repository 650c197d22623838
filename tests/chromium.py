"""A real Chromium without a window, as Debian packages it: `chromium` and `chromium-driver`.

with chromium.browser(tmp_path / "profile") as driver:
    driver.get(server.url)
    assert chromium.foreign(driver, server.url) == []
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.webdriver import WebDriver

BROWSERS, DRIVERS = ("chromium", "chromium-browser"), ("chromedriver",)

# A browser of a test asks nobody for anything: no update, no list of bad sites, no name but this machine's own.
FLAGS = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",  # /dev/shm is small in containers
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-features=AutofillServerCommunication,MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,Translate",
    "--disable-gpu",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    "--lang=en-US",
    "--metrics-recording-only",
    "--password-store=basic",
)


def why_not() -> str | None:
    """Why no browser can be started here; None where one can."""
    missing = [names[0] for names in (BROWSERS, DRIVERS) if _found(names) is None]
    if not missing:
        return None
    if _may_install():  # then `make test` has done so, and whoever skips in CI has lost tests
        return f"{' and '.join(missing)} not found: apt-get install chromium chromium-driver"
    return f"NO CHROMIUM: {' and '.join(missing)} not found, and nothing may be installed here"


@contextmanager
def browser(
    profile: Path | None = None, *, size: tuple[int, int] = (1200, 800), log: Path | None = None
) -> Iterator[WebDriver]:
    """A browser of its own; what it keeps is in the folder `profile`, else in one that goes with it.

    Size in pixels of the page. `log`: write there what it asks the net for, workers and all; requests() reads it. Who kills it inside the `with` (kill()) may leave it as usual.
    """
    folder = tempfile.mkdtemp(prefix="chromium-")  # what a killed one leaves behind is here too
    try:
        more = [f"--log-net-log={log}"] if log else []
        driver = _started(profile or Path(folder, "profile"), size, folder, more)
        try:
            yield driver
        finally:
            _ended(driver)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # its last processes may still write there


def kill(driver: WebDriver) -> None:
    """End the browser at once, as a crash or the task manager does: nothing is written any more, nothing is asked."""
    os.kill(_process(driver), signal.SIGKILL)


def blank(driver: WebDriver) -> None:
    """An empty page. That of a server which has gone may be left without chromedriver's seeing it, for five minutes."""
    driver.set_page_load_timeout(3)
    try:
        driver.get("about:blank")
    except TimeoutException:
        pass
    finally:
        driver.set_page_load_timeout(60)


def resources(driver: WebDriver) -> list[str]:
    """The addresses of all that the page has loaded since it was opened, itself included."""
    return driver.execute_script(
        "return performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'))"
        ".map(entry => entry.name)"
    )


def foreign(driver: WebDriver, address: str) -> list[str]:
    """What of it came from elsewhere than `address`; [] means that no request left it. Text in the page itself is none."""
    return [url for url in resources(driver) if not url.startswith((address.rstrip("/") + "/", "data:", "blob:"))]


def requests(log: Path, page: str) -> list[str]:
    """Every address that a page and its workers asked for, from the `log` of a browser that has ended.

    `page` is the page's address. Chromium's own requests, which lead nowhere, are left out.
    """
    found = json.loads(log.read_text(encoding="utf-8"))
    begins = found["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    begun = [event["params"] for event in found["events"] if event["type"] == begins and "params" in event]
    return [one["url"] for one in begun if one.get("initiator") == page.rstrip("/")]


def screenshot(driver: WebDriver, path: Path) -> Path:
    """The page as it is seen, as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(driver.get_screenshot_as_png())
    return path


def errors(driver: WebDriver) -> list[str]:
    """What the console has complained of since it was last asked."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def _found(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


def _may_install() -> bool:
    return shutil.which("apt-get") is not None and _root()


def _root() -> bool:
    return getattr(os, "geteuid", lambda: -1)() == 0  # there is none on Windows


def _started(profile: Path, size: tuple[int, int], temporary: str, more: list[str]) -> WebDriver:
    os.environ |= {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}  # else Selenium looks on the net for a driver
    options = webdriver.ChromeOptions()
    options.binary_location = str(_found(BROWSERS))
    for flag in (*FLAGS, *more, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    if _root():
        options.add_argument("--no-sandbox")  # Chromium refuses to be root's with it
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(_found(DRIVERS), env=os.environ | {"TMPDIR": temporary}))
    width, height = driver.execute_script("return [outerWidth - innerWidth, outerHeight - innerHeight]")
    driver.set_window_size(size[0] + width, size[1] + height)
    return driver


def _ended(driver: WebDriver) -> None:
    try:
        driver.quit()
    finally:
        driver.command_executor.close()


def _process(driver: WebDriver) -> int:
    return int(driver.capabilities["goog:processID"])


needed = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
"""`pytestmark = chromium.needed`, or as a decorator: skipped, loudly, where there is no browser."""
