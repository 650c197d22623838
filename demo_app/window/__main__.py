"""python -m demo_app.window: the app in its window, and what `make app-frozen` makes a program of. Arguments as of demo_app."""

from __future__ import annotations

import sys

from demo_app.__main__ import main

if __name__ == "__main__":
    sys.exit(main([*sys.argv[1:], "--window"]))
