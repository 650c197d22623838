"""What a data migration in Python costs, over a million rows: beside the same loop without us."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from benchmarks import big, ground, peers, results
from benchmarks.ground import Ground, Way
from benchmarks.histories import Step

TITLE = "A data migration in Python"
ABOUT = (
    "A million rows go through Python, one by one: a SELECT whose rows are counted and written by `executemany` in batches of"
    " 1,000, with progress reported; and sqlite-utils' `table.convert`. Whole processes, on a fresh copy of the file each time,"
    " no backup. *By hand* is the same loop in one transaction; it loads sqlite-utils too."
)
WHY = (
    "By a profile on a quiet machine embedmig adds, of 1.65 s: SQLite's check of the file before it is changed, 66 ms; progress, told by counting"
    " each row, 33; the count of all rows for it, 8; its own modules, 14."
)
CREATE = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)"
SQL = f"migrations.RunSQL({[CREATE]!r})"
ADD = "ALTER TABLE notes ADD COLUMN words INTEGER"
LOOP = f"""\
from itertools import islice
execute("{ADD}")
{{count}}rows = iter({{rows}})
while batch := list(islice(rows, 1000)):
    executemany("UPDATE notes SET words = {{p}} WHERE id = {{p}}", [(len(body.split()), id) for id, body in batch])"""
SELECT = 'execute("SELECT id, body FROM notes")'
CONVERT = 'db["notes"].convert("body", lambda body: len(body.split()), output="words", output_type=int)'
COUNT = 'total = execute("SELECT count(*) FROM notes").fetchone()[0]\n'


def loop(rows: str = SELECT, count: str = "") -> str:
    return LOOP.replace("{rows}", rows).replace("{count}", count)


BEFORE = Step(1, (CREATE,))
AFTER = Step(2, (ADD,), loop(), own={"embedmig": loop(f"progress({SELECT}, total=total)", COUNT)})
CONVERTED = Step(2, (ADD,), own={"embedmig": CONVERT, "sqlite_utils": CONVERT})
BY_CONVERT = f"""\
import sqlite_utils
db = sqlite_utils.Database({{path}}, execute_plugins=False)
{CONVERT}
db.close()
"""
SOURCE = "rows.py"
ROUNDS = 9
LABEL = "embedmig, no backup"


def fill(conn: sqlite3.Connection, rows: int) -> None:
    words = "substr('bread cheese olives wine apples and a walk by the sea', 1, 10 + i % 40)"
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
    conn.execute(numbers + f"INSERT INTO notes SELECT i, {words} FROM n", (rows,))


def filled(on: Ground, size: int) -> Path:
    return big.filled(on, f"rows-{size}", BEFORE, lambda conn: fill(conn, size), SOURCE)


def prepare(on: Ground) -> None:
    _ways(on)


def run(on: Ground) -> results.Question:
    groups = ground.in_turn(_ways(on), on.either(ROUNDS, 1), warm=False)
    limits = [
        results.Limit(f"embedmig, {group}, against by hand", [(1, group, LABEL)], [(1, group, "by hand")], most=1.1)
        for group in ("SELECT and executemany", "table.convert")
    ]
    return results.question(TITLE, ABOUT, groups, limits, base="by hand", why=WHY)


def _ways(on: Ground) -> list[Way]:
    rows = filled(on, on.either(1_000_000, 1_000))
    ways = []
    for group, after in (("SELECT and executemany", AFTER), ("table.convert", CONVERTED)):
        same = ground.Same()
        kind = "convert" if after is CONVERTED else "loop"
        hand = big.app(on, peers.BY_HAND, rows, [BEFORE, AFTER], "python", SOURCE)
        text = peers.script(peers.BY_HAND, hand, hand / "app.db", "import sqlite_utils\n")
        if after is CONVERTED:
            text = BY_CONVERT.replace("{path}", repr(str(hand / "app.db")))
        ways.append(Way(group, "by hand", big.once(on, hand, text, f"run_{kind}", same.as_by("by hand"))))
        for peer in (peers.NO_BACKUP, *((peers.SQLITE_UTILS,) if after is CONVERTED else peers.OTHERS)):
            folder = big.app(on, peer, rows, [BEFORE, after], "python", SOURCE, f"{peer.key}-{kind}")
            text = peers.script(peer, folder, folder / "app.db")
            ours = peer.key == "embedmig"
            label = LABEL if ours else peer.label
            ways.append(Way(group, label, big.once(on, folder, text, "run", same.as_by(label)), ROUNDS if ours else 2))
    return ways
