"""A web server for this machine alone, for a folder that build.py has made."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# No page of ours asks anybody else for anything, and the browser sees to it. (Pyodide's WebAssembly is compiled in the page.)
POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:; object-src 'none'; base-uri 'none'"


class Handler(SimpleHTTPRequestHandler):
    # The types that browsers insist on; the machine's own list may say otherwise (on Windows it often does).
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".wasm": "application/wasm",
        ".whl": "application/zip",
        ".zip": "application/zip",
    }

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")  # ask each time whether it is still the same: releases change
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass  # forty lines for each load


def server(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """Serves the folder on this machine's own address, on a free port unless one is given; not started yet."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))


def address(of: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{of.server_port}/"
