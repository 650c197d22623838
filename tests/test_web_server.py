"""`make app-web` without a browser: what it says where it can't, and what its server tells browsers of its files."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ROOT, UNMEASURED, environment

from demo_app.web import build, serve


def app_web(*arguments: object, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo_app.web", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment() | more, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_without_npm_it_says_what_is_missing_and_makes_nothing(tmp_path: Path) -> None:
    with app_web("--to", tmp_path / "site", PATH=str(tmp_path)) as process:
        out, said = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert said == (
        "NO NPM: Pyodide, Python for browsers, comes from npm. Install Node.js (https://nodejs.org), then try again.\n"
    )
    assert not (tmp_path / "site").exists()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with app_web("--to", tmp_path / "site", "--port", port) as process:
            _, said = process.communicate()
    assert process.returncode == 1
    assert said == f"Port {port} can't be used: Address already in use. Name another: --port N.\n"


@pytest.mark.skipif(bool(build.why_not()), reason=str(build.why_not()))
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise there")
def test_it_says_where_it_is_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    with app_web("--to", tmp_path / "site", "--port", 0, **UNMEASURED) as process:
        first, second = process.stdout.readline(), process.stdout.readline()
        url = second.removeprefix("Then, or at once for notes of today's release: ").strip()
        assert first == f"Begin here to see an upgrade, with the release that knew versions 1 and 2: {url}?as_of=2\n"
        with urllib.request.urlopen(url) as answer:
            page = answer.read()
        while "Ctrl-C" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert b"<title>Notes</title>" in page
    assert (process.returncode, said) == (0, "")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    for name in ("index.html", "page.js", "pyodide.mjs", "pyodide.asm.wasm", "files.json", "app.zip", "page.css"):
        (folder / name).write_bytes(b"\0asm")
    with serve.server(folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield serve.address(server)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("", "text/html; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("pyodide.mjs", "text/javascript; charset=utf-8"),
        ("pyodide.asm.wasm", "application/wasm"),
        ("files.json", "application/json"),
        ("app.zip", "application/zip"),
        ("page.css", "text/css; charset=utf-8"),
    ],
)
def test_each_file_has_the_type_that_browsers_insist_on(url: str, name: str, type: str) -> None:
    with urllib.request.urlopen(url + name) as answer:
        assert answer.headers["Content-Type"] == type


def test_the_browser_is_told_to_ask_nobody_else_and_to_look_for_a_new_release(url: str) -> None:
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'; ")
        assert answer.headers["Cache-Control"] == "no-cache"


def test_only_this_machine_is_served(tmp_path: Path) -> None:
    with serve.server(tmp_path) as server:
        assert server.server_address[0] == "127.0.0.1"
