"""python -m demo_app.web [--port N] [--to FOLDER]: build the page and serve it on this machine. What `make app-web` runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path

from demo_app.web import build, serve


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo_app.web", description="Notes wholly inside a browser.")
    parser.add_argument(
        "--port", type=int, default=8765, help="the notes belong to the address, port included (default: %(default)s)"
    )
    parser.add_argument("--to", metavar="FOLDER", type=Path, default=build.ROOT / "build" / "web")
    parser.add_argument("--build-only", action="store_true", help="serve nothing: the folder is for another web server")
    options = parser.parse_args(arguments)
    try:
        if options.build_only:
            build.make(options.to)
            print(f"{options.to} is ready for any web server.")
            return 0
        try:
            server = serve.server(options.to, options.port)
        except OSError as error:
            raise build.NotBuilt(
                f"Port {options.port} can't be used: {error.strerror}. Name another: --port N."
            ) from error
        with server:
            build_and_serve(server, options.to)
    except build.NotBuilt as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def build_and_serve(server: ThreadingHTTPServer, folder: Path) -> None:
    """Until Ctrl-C."""
    build.make(folder)
    here = serve.address(server)
    print(f"Begin here to see an upgrade, with the release that knew versions 1 and 2: {here}?as_of=2")
    print(f"Then, or at once for notes of today's release: {here}")
    print("Ctrl-C ends.", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
