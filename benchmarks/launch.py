"""What a launch costs that finds nothing to do: whole processes, against one that only opens the file and reads once.

To reach: with 50 shipped migrations at most 1.3 x bare sqlite3 (aim at 1.2), with 500 at most 1.15 x that.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from common import compiled, in_turn, machine, ratio, spread, wheel_python

BARE = """\
import sqlite3
conn = sqlite3.connect({path!r})
conn.execute("SELECT count(*) FROM t0").fetchone()
conn.close()
"""
MIGRATE = """\
import sys
sys.path.insert(0, {folder!r})
import embedmig
embedmig.Migrator({package!r}).migrate({path!r})
"""
CONNECT = """\
import sys
sys.path.insert(0, {folder!r})
import embedmig
embedmig.connect({path!r}, {package!r}).close()
"""
OPEN = CONNECT.replace("connect(", "open(")
UTILS = """\
import sqlite_utils
sqlite_utils.Database({path!r}, execute_plugins=False).close()
"""


def build(folder: Path, python: Path, shipped: int) -> dict[str, list[str | Path]]:
    package, path = f"app_{shipped}", str(folder / f"app_{shipped}.db")
    (folder / package).mkdir()
    (folder / package / "__init__.py").touch()
    for version in range(1, shipped + 1):
        text = f"-- Step {version}.\nCREATE TABLE t{version - 1} (id INTEGER PRIMARY KEY, name TEXT);\n"
        (folder / package / f"{version:04}_step_{version}.sql").write_text(text)
    compiled(folder / package, python)
    names = {"folder": str(folder), "package": package, "path": path}
    commands: dict[str, list[str | Path]] = {}
    for name, text in {"bare": BARE, "migrate": MIGRATE, "connect": CONNECT, "open": OPEN, "utils": UTILS}.items():
        script = folder / f"{name}_{shipped}.py"
        script.write_text(text.format(**names))
        commands[f"{name} {shipped}"] = [python, "-I", script]
    in_turn({"first": commands[f"migrate {shipped}"]}, 1)
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT count(*) FROM _migrations").fetchone() == (shipped,)
    return commands


def main(rounds: int = 41) -> None:
    python = wheel_python()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        few, many = build(folder, python, 50), build(folder, python, 500)
        wanted = {
            k: v for k, v in (few | many).items() if k not in ("bare 500", "connect 500", "open 500", "utils 500")
        }
        times = in_turn(wanted, rounds)
    print(f"A launch with nothing pending, whole process, median (quartiles) of {rounds} paired runs")
    print(machine())
    for label, values in times.items():
        print(f"  {label:12} {spread(values)}")
    print(
        f"migrate(path), 50 shipped / bare sqlite3:    {ratio(times, 'migrate 50', 'bare 50'):.2f} x   (at most 1.30)"
    )
    print(
        f"connect(path), 50 shipped / bare sqlite3:    {ratio(times, 'connect 50', 'bare 50'):.2f} x   (at most 1.30)"
    )
    print(
        f"migrate(path), 500 shipped / 50 shipped:     {ratio(times, 'migrate 500', 'migrate 50'):.2f} x   (at most 1.15)"
    )
    print(f"open(path), 50 shipped / sqlite_utils alone: {ratio(times, 'open 50', 'utils 50'):.2f} x")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
