"""What a first launch costs: 500 small SQL migrations on a file that isn't there yet, whole processes, on a real disk.

To reach: at most 0.5 x a hand-written loop with one transaction for each script, and at most 2 x the
same SQL in one transaction.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from common import compiled, in_turn, machine, ratio, spread, wheel_python

OURS = """\
import sys
sys.path.insert(0, {folder!r})
import embedmig
embedmig.Migrator("app").migrate({path!r})
"""
LOOP = """\
import os, sqlite3
conn = sqlite3.connect({path!r}, isolation_level=None)
conn.execute("CREATE TABLE ledger (name TEXT PRIMARY KEY, at TEXT)")
done = {{name for (name,) in conn.execute("SELECT name FROM ledger")}}
for name in sorted(os.listdir({app!r})):
    if name.endswith(".sql") and name not in done:
        with open(os.path.join({app!r}, name), encoding="utf-8") as file:
            text = file.read()
        conn.executescript("BEGIN;" + text + f"INSERT INTO ledger VALUES ('{{name}}', datetime('now')); COMMIT;")
conn.close()
"""
AT_ONCE = """\
import os, sqlite3
texts = []
for name in sorted(os.listdir({app!r})):
    if name.endswith(".sql"):
        with open(os.path.join({app!r}, name), encoding="utf-8") as file:
            texts.append(file.read())
conn = sqlite3.connect({path!r}, isolation_level=None)
conn.executescript("BEGIN;" + "".join(texts) + "COMMIT;")
conn.close()
"""
SIDECARS = ("", "-journal", "-wal", "-shm")


def write(app: Path, migrations: int) -> None:
    """A plausible history: a table now and then, columns, indexes, a few rows."""
    app.mkdir()
    (app / "__init__.py").touch()
    for version in range(1, migrations + 1):
        table = (version - 1) // 5
        text = [
            f"CREATE TABLE t{table} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, added TEXT);",
            f"CREATE INDEX t{table}_name ON t{table} (name);",
            f"ALTER TABLE t{table} ADD COLUMN note TEXT;",
            f"INSERT INTO t{table} (name, note) VALUES ('one', 'a;b'), ('two', NULL);",
            f"UPDATE t{table} SET note = name WHERE note IS NULL;",
        ][(version - 1) % 5]
        (app / f"{version:04}_step_{version}.sql").write_text(f"-- Step {version}.\n{text}\n")


def main(rounds: int = 9, migrations: int = 500) -> None:
    python = wheel_python()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        write(folder / "app", migrations)
        compiled(folder / "app", python)
        commands: dict[str, list[str | Path]] = {}
        before: dict[str, object] = {}
        for label, text in {"embedmig": OURS, "loop": LOOP, "at once": AT_ONCE}.items():
            path = str(folder / f"{label}.db")
            script = folder / f"run_{label.replace(' ', '_')}.py"
            script.write_text(text.format(folder=str(folder), app=str(folder / "app"), path=path))
            commands[label] = [python, "-I", script]
            before[label] = lambda path=path: [os.path.exists(path + end) and os.unlink(path + end) for end in SIDECARS]
        times = in_turn(commands, rounds, before)
        schemas = {label: schema(folder / f"{label}.db") for label in commands}
    assert schemas["embedmig"] == schemas["loop"] == schemas["at once"], "the three did not build the same"
    print(
        f"A first launch with {migrations} small SQL migrations, whole process, median (quartiles) of {rounds} paired runs"
    )
    print(machine())
    for label, values in times.items():
        print(f"  {label:10} {spread(values)}")
    print(f"embedmig / loop, one transaction each: {ratio(times, 'embedmig', 'loop'):.2f} x   (at most 0.50)")
    print(f"embedmig / the same SQL at once:       {ratio(times, 'embedmig', 'at once'):.2f} x   (at most 2.00)")


def schema(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as conn:
        rows = conn.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        found = [row for row in rows if row[1] not in ("ledger", "_migrations") and "sqlite_autoindex" not in row[1]]
        return [*found, *conn.execute("SELECT count(*), group_concat(note) FROM t0").fetchall()]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
