"""The notes wholly inside a browser: a real Chromium, real IndexedDB, tabs and browsers that die."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import chromium
import pytest
import webpage
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from webpage import Site, Tab

from demo_app import MIGRATOR
from embedmig import definition

pytestmark = [webpage.needed, pytest.mark.slow]

SLOW = '''"""Takes a minute."""
import time


def up(db, progress):
    db.execute("UPDATE notes SET title = 'half done'")
    for _ in progress(range(600)):
        time.sleep(0.1)
'''
BIG = "CREATE TABLE big (b); WITH n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40) INSERT INTO big SELECT zeroblob(1000000) FROM n;"
NEWEST = len(definition.find(MIGRATOR.migrations))
LATER = [known.id for known in definition.find(MIGRATOR.migrations)[2:]]
NEXT = f"{NEWEST + 1:03}"
SHIPPED = [str(version) for version in range(1, NEWEST + 1)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with webpage.served(tmp_path_factory.mktemp("web") / "site") as site:
        yield site


@pytest.fixture(scope="module")
def driver(first: Visit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """A browser that was here once: it need not compile Python again, which is most of what a first visit costs."""
    profile = shutil.copytree(first.profile, tmp_path_factory.mktemp("browser") / "profile", symlinks=True)
    with chromium.browser(profile, size=(900, 1000)) as driver:
        yield driver


@pytest.fixture
def tab(driver: WebDriver, site: Site) -> Iterator[Tab]:
    """A tab of a browser that keeps nothing for the page yet."""
    driver.get("about:blank")
    cleared = {"origin": site.address.rstrip("/"), "storageTypes": "indexeddb,file_systems"}
    driver.execute_cdp_cmd("Storage.clearDataForOrigin", cleared)
    yield Tab(driver, site)
    for other in driver.window_handles[1:]:
        driver.switch_to.window(other)
        driver.close()
    driver.switch_to.window(driver.window_handles[0])


@pytest.fixture
def deployed(site: Site) -> Iterator[Site]:
    """A site on which later releases may be put; today's is there again afterwards."""
    yield site
    site.deploy()


@pytest.fixture(scope="module")
def first(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """A browser's first visit, in which a note is written and looked for."""
    folder = tmp_path_factory.mktemp("first")
    with chromium.browser(folder / "profile", log=folder / "net.json") as driver:
        tab = Tab(driver, site).load().add("Shopping\nmilk and bread")
        history = tab.history
        driver.find_element(By.ID, "words").send_keys("milk bre")
        tab.until_said("count", "1 note found")
        marked = [mark.text for mark in driver.find_elements(By.CSS_SELECTOR, "#list mark")]
        complaints = chromium.errors(driver)
    return Visit(folder / "profile", history, marked, complaints, chromium.requests(folder / "net.json", site.address))


class Visit(NamedTuple):
    profile: Path
    history: list[list[str]]
    marked: list[str]
    complaints: list[str]
    asked: list[str]


def test_a_first_visit_makes_the_file_and_what_is_written_is_found(first: Visit) -> None:
    assert [row[0] for row in first.history] == SHIPPED
    assert first.marked == ["milk", "bread"]
    assert first.complaints == []


def test_a_visit_asks_nobody_but_its_own_server(first: Visit, site: Site) -> None:
    assert {f"{site.address}pyodide/pyodide.asm.wasm", f"{site.address}app.zip"} <= set(
        first.asked
    )  # the worker's are there
    assert [url for url in first.asked if not url.startswith((site.address, "data:", "blob:"))] == []


def test_a_new_browser_on_the_same_profile_finds_what_was_told_though_the_last_one_was_killed(
    first: Visit, site: Site
) -> None:
    with chromium.browser(first.profile) as driver:
        tab = Tab(driver, site).load()
        assert (tab.history, tab.titles) == (first.history, ["Shopping"])  # nothing ran again: no moment is another
        tab.add("The last\nbefore the crash")
        chromium.kill(driver)  # at once: what is shown is kept
    with chromium.browser(first.profile) as driver:
        tab = Tab(driver, site).load()
        assert (tab.history, tab.titles) == (first.history, ["The last", "Shopping"])


def test_a_file_of_an_older_release_is_brought_up_to_date_and_stays_so_after_a_reload(tab: Tab) -> None:
    tab.load("?as_of=2").add("Shopping\nmilk and bread")
    assert tab.version == 2
    tab.load().until_said("notice", f"Brought up to date: version 2 → {NEWEST} in ")
    assert (tab.version, tab.titles) == (NEWEST, ["Shopping"])
    assert tab.text("backups").startswith("Backups: notes.db.v0002.bak (")
    history = tab.history
    assert [row[4] for row in history] == ["2.0"] * 2 + [f"{NEWEST}.0"] * (NEWEST - 2)
    tab.load()
    assert (tab.history, tab.titles, tab.text("notice")) == (history, ["Shopping"], "")


def test_an_older_release_refuses_a_newer_file_and_puts_back_the_backup_of_before(tab: Tab, of_release_2: Path) -> None:
    tab.load()
    tab.bring(of_release_2).until_said("notice", f"version 2 → {NEWEST}")
    tab.driver.get(tab.site.address + "?as_of=2")
    tab.until("refused")
    assert (tab.text("refused-title"), tab.text("refused-text")) == (
        "Database too new",
        f"notes.db is at version {NEWEST}, but this app knows versions up to 2 (unknown here: {', '.join(LATER)}). "
        f"Nothing was changed. Update the app to {NEWEST}.0 or later. Or restore notes.db.v0002.bak.",
    )
    assert tab.buttons == ["Try again", "Download the file", "Restore notes.db.v0002.bak…"]
    tab.driver.find_element("link text", "Open it with today's release").click()
    tab.until_said("version", str(NEWEST))
    tab.driver.get(tab.site.address + "?as_of=2")
    tab.until("refused")
    tab.press("Restore notes.db.v0002.bak…")
    tab.answer("Restore")
    tab.until("ready")
    assert (tab.version, tab.titles) == (2, ["From"])
    assert f"notes.db.v{NEWEST:04}.bak" in tab.text("backups")


@pytest.mark.parametrize("store", ["idb", "opfs"])
def test_a_tab_killed_in_the_middle_of_an_upgrade_leaves_the_older_version(
    tab: Tab, deployed: Site, store: str
) -> None:
    tab.load(f"?store={store}&as_of=2").add("Shopping\nmilk and bread")
    history = tab.history
    deployed.deploy(**{f"{NEXT}_slow.py": SLOW})
    tab.driver.get(f"{deployed.address}?store={store}")
    tab.until_said("detail", "of 600 rows")
    tab.crash()
    tab.load(f"?store={store}&as_of=2")  # the older release opens it, and finds what it wrote
    assert (tab.titles, tab.history) == (["Shopping"], history)


def test_a_tab_killed_while_its_file_is_kept_leaves_one_version_or_the_other(tab: Tab, deployed: Site) -> None:
    later_s = random.Random(seed := time.time_ns()).choice([0, 0.05, 0.1, 0.2, 0.4, 0.8])
    print("seed", seed)
    tab.load().add("Shopping\nmilk and bread")
    deployed.deploy(**{f"{NEXT}_big.sql": BIG})
    tab.driver.get(deployed.address)
    tab.until_said("detail", "committing")
    time.sleep(later_s)
    told = tab.history if tab.state == "ready" else None
    tab.crash()
    tab.load()
    assert ([row[0] for row in tab.history], tab.titles) == ([*SHIPPED, str(NEWEST + 1)], ["Shopping"])
    assert told in (None, tab.history)  # what was told as done has not run again
    with closing(sqlite3.connect(downloaded(tab))) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert conn.execute("SELECT count(*), sum(length(b)) FROM big").fetchone() == (40, 40_000_000)


def test_a_second_tab_waits_and_goes_on_when_the_first_one_leaves(tab: Tab) -> None:
    tab.load()
    first = tab.driver.current_window_handle
    tab.driver.switch_to.new_window("tab")
    second = tab.driver.current_window_handle
    tab.driver.get(tab.site.address)
    tab.until("waiting")
    tab.driver.switch_to.window(first)
    tab.add("Written meanwhile")
    tab.driver.get(tab.site.address + "files.json")  # the browser keeps the page for the way back, frozen
    tab.driver.switch_to.window(second)
    assert tab.until("ready").titles == ["Written meanwhile"]


def test_a_reset_asks_and_deletes_the_stored_file_and_its_backups(tab: Tab, of_release_2: Path) -> None:
    tab.load()
    tab.bring(of_release_2).until_said("notice", f"version 2 → {NEWEST}")
    tab.press("Reset…")
    tab.answer("Cancel")
    assert tab.titles == ["From"]
    tab.press("Reset…")
    tab.answer("Delete all")
    tab.until_said("count", "No notes yet.")
    tab.load()
    assert (tab.titles, tab.version, tab.text("backups")) == ([], NEWEST, "No backups yet.")


def test_an_upgrade_that_a_full_browser_does_not_keep_is_told_and_runs_again_at_the_next_load(tab: Tab) -> None:
    origin = {"origin": tab.site.address.rstrip("/")}
    tab.driver.execute_cdp_cmd("Storage.overrideQuotaForOrigin", {**origin, "quotaSize": 1000})
    try:
        tab.driver.get(tab.site.address)
        tab.until("refused", "ready")
    finally:
        tab.driver.execute_cdp_cmd("Storage.overrideQuotaForOrigin", origin)
    assert (tab.text("refused-title"), tab.text("refused-text")) == (
        "Not kept",
        "The browser did not keep the last change (QuotaExceededError). What it kept before is as it was. "
        "Make room for it, then load this page again.",
    )
    told = tab.load().history
    assert [row[0] for row in told] == SHIPPED


def test_a_file_of_the_desktop_is_taken_in_and_the_downloaded_one_opens_there(tab: Tab, of_release_2: Path) -> None:
    tab.load()
    tab.bring(of_release_2).until_said("notice", f"version 2 → {NEWEST}")
    with closing(MIGRATOR.connect(downloaded(tab))) as conn:
        assert conn.execute("SELECT title, body FROM notes").fetchall() == [("From", "\nthe desktop")]


@pytest.fixture
def of_release_2(tmp_path: Path) -> Path:
    """A file of the desktop's, from its release 2.0."""
    path = tmp_path / "desktop.db"
    MIGRATOR.migrate(path, to=2)
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("INSERT INTO notes (body, created_at, updated_at) VALUES ('From\nthe desktop', '2020', '2020')")
    return path


def downloaded(tab: Tab) -> Path:
    """The file, as the page gives it."""
    folder = Path(tab.site.folder.parent, f"downloads-{time.monotonic_ns()}")
    tab.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    tab.open_details()
    tab.press("Download it")
    ends = time.monotonic() + webpage.PATIENCE_S
    while not (found := list(folder.glob("*.db"))):
        assert time.monotonic() < ends, "nothing was downloaded"
        time.sleep(0.05)
    return found[0]
