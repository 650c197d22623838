"""Fixtures that many tests share: a path for a user's file, and a venv with the built wheel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from commands import Ran
from helpers import ROOT

from embedmig.cli.entry import main

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _pytest.reports import TestReport
    from selenium.webdriver.chrome.webdriver import WebDriver


# A run in the background is one in which Ctrl-C is ignored, and so it would be in every child that a test strikes with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# In CI a skip is a failure, unless its reason begins with one of these.
ALLOWED_SKIPS = (
    "Connection.autocommit is new in Python 3.12",  # tested there by `make test-all`
    "only root may",  # become somebody else, or give a file away: as another user there is nothing to try
    "NO FAULTY VFS",  # a Python with SQLite compiled in doesn't show its functions; Windows has other system calls
    "NO CHROMIUM",  # nor a way to install it: `make test` does where it is root and has apt-get
    "NO NPM",  # brings Pyodide, Python for browsers
    "NO SMALL DISK",  # a machine may forbid to mount a tmpfs; a full disk is tested by max_page_count all the same
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, TestReport, TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith(ALLOWED_SKIPS):
            report.outcome, report.longrepr = "failed", f"skipped in CI, and not on the list of allowed skips: {reason}"
    return report


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the user's file is, or will be."""
    return tmp_path / "notes.db"


@pytest.fixture(scope="session")
def wheel_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a venv into which the built wheel is installed, byte-compiled, as users get it."""
    folder = tmp_path_factory.mktemp("wheel")
    venv = folder / "venv"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTHONDONTWRITE", "PYTHONPATH"))}
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True, env=clean
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, env=clean)
    python = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
    (wheel,) = folder.glob("embedmig-*.whl")
    subprocess.run([*pip[:3], f"--python={python}", *pip[3:], "install", wheel], check=True, env=clean)
    return python


@pytest.fixture(scope="session")
def chromium_window() -> Iterator[WebDriver]:
    """One browser for all tests of the demo app's window."""
    import chromium

    with chromium.browser(size=(1000, 700)) as driver:
        yield driver


@pytest.fixture
def page(chromium_window: WebDriver) -> Iterator[WebDriver]:
    """The browser, with an empty page."""
    import chromium

    chromium.blank(chromium_window)
    chromium.errors(chromium_window)
    yield chromium_window
    chromium.blank(chromium_window)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Ran]]:
    """`cli("status", "notes.db")` runs a command in a new empty folder, with no terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "migrations"]:
        monkeypatch.delitem(sys.modules, name)  # the demo app's own, which another test has loaded
    before = set(sys.modules)

    def run(*arguments: str, **environment: str) -> Ran:
        done = CliRunner(env=environment).invoke(main, list(arguments), prog_name="embedmig", catch_exceptions=False)
        return Ran(done.exit_code, done.stdout, done.stderr)

    yield run
    # an app's modules; the next test has another app of that name. A namespace package looks for its parent when it is asked where
    # it lies: so all are asked first.
    for name in [name for name in set(sys.modules) - before if _lies_in(sys.modules[name], str(tmp_path))]:
        del sys.modules[name]


def _lies_in(module: ModuleType, folder: str) -> bool:
    places = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", [])]
    return any(place.startswith(folder) for place in places)
