"""What it costs to rebuild a table that two others hang on: beside SQLite's own procedure written by hand, check included."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from benchmarks import big, ground, peers, results
from benchmarks.ground import Ground, Way
from benchmarks.histories import Step

TITLE = "A table rebuilt"
ABOUT = (
    "A table of a million rows becomes NOT NULL in one column; two tables of a million rows each hang on it by ON DELETE"
    " CASCADE: those that hang on a row were made at about the time when it was; beside that, keys that are scattered over the"
    " whole table, which makes each foreign-key check slow. Whole processes, on a fresh copy of the file each time. *By hand* is SQLite's own procedure, PRAGMA"
    " foreign_key_check included. Each migrator rebuilds by its own means: `transform()` of sqlite-utils, Alembic's batch mode,"
    " Django's AlterField; yoyo, caribou and peewee-migrate have none and run the same SQL. Of these only Django checks the keys."
)
COLUMNS = "id INTEGER PRIMARY KEY, size INTEGER, name TEXT{}"  # Django puts an altered column last
CHILD = "CREATE TABLE {0} (id INTEGER PRIMARY KEY, folder_id INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE, body TEXT)"
BEFORE = Step(
    1,
    (f"CREATE TABLE folders ({COLUMNS.format('')})", CHILD.format("notes"), CHILD.format("files")),
    own={
        "django": f"""migrations.RunSQL(
        {[f"CREATE TABLE folders ({COLUMNS.format('')})", CHILD.format("notes"), CHILD.format("files")]!r},
        state_operations=[
            migrations.CreateModel("Folder", [
                ("id", models.AutoField(primary_key=True)), ("name", models.TextField(null=True)),
                ("size", models.IntegerField(null=True)),
            ], {{"db_table": "folders"}}),
            *(migrations.CreateModel(name, [
                ("id", models.AutoField(primary_key=True)), ("folder", models.ForeignKey("Folder", models.CASCADE)),
                ("body", models.TextField(null=True)),
            ], {{"db_table": name.lower() + "s"}}) for name in ("Note", "File")),
        ])"""
    },
)
SQL = (
    f"CREATE TABLE new_folders ({COLUMNS.format(' NOT NULL')})",
    "INSERT INTO new_folders SELECT id, size, name FROM folders",
    "DROP TABLE folders",
    "ALTER TABLE new_folders RENAME TO folders",
)
AFTER = Step(
    2,
    SQL,
    own={
        "sqlite_utils": 'db["folders"].transform(not_null={"name"})',
        "alembic": 'with op.batch_alter_table("folders") as batch:\n    batch.alter_column("name", existing_type=sa.Text, nullable=False)',
        "django": 'migrations.AlterField("folder", "name", models.TextField())',
    },
)
REBUILD = AFTER._replace(own={"embedmig": 'import embedmig\nembedmig.rebuild(db, "folders", not_null={"name": True})'})
BY_HAND = f"""\
import sqlite3
conn = sqlite3.connect({{path}}, isolation_level=None)
conn.execute("PRAGMA foreign_keys = OFF")
conn.execute("BEGIN")
for statement in {SQL!r}:
    conn.execute(statement)
assert not conn.execute("PRAGMA foreign_key_check").fetchall()
conn.execute("PRAGMA user_version = 2")
conn.execute("COMMIT")
conn.close()
"""
CHECKED_BY_HAND = BY_HAND.replace(
    "for statement", 'assert conn.execute("PRAGMA quick_check").fetchall() == [("ok",)]\n'
    'assert not conn.execute("PRAGMA foreign_key_check").fetchall()\nfor statement', 1,
)  # fmt: skip
SOURCE = "rebuild.py"
CHECKS = ("foreign_key_check", "quick_check")
WHY = (
    "embedmig makes two checks that the procedure by hand does not. `quick_check` before it changes anything, since a damaged file passes"
    " every statement. And `foreign_key_check` before the first migration, to tell rows that pointed nowhere already, which files have and"
    " which must not stop an upgrade, from new ones. A run in SQL does without the second as long as no row points nowhere in the end: else it can"
    " be undone and run again. A migration in Python, as one that calls `rebuild()`, can't: what it did outside the file would happen"
    " twice; and it loads sqlite-utils, a tenth of a second. With a backup it is the copy that `quick_check` goes through, since what is wrong with the file is wrong with its copy. That copy is"
    " made by SQLite, page by page, since an ordinary one would drop the locks on the file and miss what is in its `-wal`; and it is synced"
    " before the file is touched: some four times what `cp` takes. What each of this costs alone is among the figures."
)
HAND, SAME = "by hand", "embedmig, the same SQL, no backup"
HAND_CHECKED = "by hand, with the checks that embedmig makes"
REBUILT, KEPT = "embedmig.rebuild(), no backup", "embedmig, the same SQL, with a backup"
NEAR, SCATTERED = "rows made together", "keys scattered"
KEYS = {NEAR: "(i - 1 + i * 7919 % 101) % ?1 + 1", SCATTERED: "i * 7919 % ?1 + 1"}


NAME = ": what is in it, said in a sentence or two, as people do who keep many of them"


def _fill(conn: sqlite3.Connection, rows: int, key: str) -> None:
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) "
    conn.execute(numbers + "INSERT INTO folders SELECT i, i * 7 % 1000, 'folder ' || i || ?2 FROM n", (rows, NAME))
    for table in ("notes", "files"):
        sql = f"INSERT INTO {table} SELECT i, {key}, 'a few words of text ' || i FROM n"
        conn.execute(numbers + sql, (rows,))


def _rows(on: Ground, group: str) -> Path:
    size = on.either(1_000_000, 1_000)
    name = f"rebuild-{size}-{group.split()[-1]}"
    return big.filled(on, name, BEFORE, lambda conn: _fill(conn, size, KEYS[group]), SOURCE)


def _apps(on: Ground, group: str) -> dict[str, tuple[Path, str]]:
    """Label -> folder and script. The others are asked of the first group alone."""
    rows, steps = _rows(on, group), [BEFORE, AFTER]
    sql = big.app(on, peers.NO_BACKUP, rows, steps, "sql", SOURCE)
    ours = big.app(on, peers.NO_BACKUP, rows, [BEFORE, REBUILD], "python", SOURCE)
    hand = big.app(on, peers.BY_HAND, rows, steps, "sql", SOURCE)
    found = {
        HAND: (hand, BY_HAND.replace("{path}", repr(str(hand / "app.db")))),
        HAND_CHECKED: (hand, CHECKED_BY_HAND.replace("{path}", repr(str(hand / "app.db")))),
        SAME: (sql, peers.script(peers.NO_BACKUP, sql, sql / "app.db")),
        REBUILT: (ours, peers.script(peers.NO_BACKUP, ours, ours / "app.db")),
        KEPT: (sql, peers.script(peers.EMBEDMIG, sql, sql / "app.db")),
    }
    for peer in peers.OTHERS if group == NEAR else ():
        folder = big.app(on, peer, rows, steps, "sql", SOURCE)
        found[peer.label] = (folder, peers.script(peer, folder, folder / "app.db"))
    return found


def prepare(on: Ground) -> None:
    for group in KEYS:
        _apps(on, group)


def run(on: Ground) -> results.Question:
    ways, limits = [], []
    for group in KEYS:
        same = ground.Same()
        for number, (label, (folder, text)) in enumerate(_apps(on, group).items()):
            slow = group == SCATTERED or any(label == peer.label for peer in peers.OTHERS)
            once = big.once(on, folder, text, f"run_{number}", same.as_by(label))
            ways.append(Way(group, label, once, 2 if slow else 5))
        ways.append(Way(group, "cp", big.copied(_rows(on, group))))
        ways.append(Way(group, "cp, synced", big.copied(_rows(on, group), sync=True), 2))
        ways.append(Way(group, "SQLite's backup, synced, once", _backed_up(on, group), 2))
        ways += [Way(group, f"PRAGMA {name}, once", _checked(on, group, name), 2) for name in CHECKS]
        limits += [
            results.Limit(f"{label}, {group}, against by hand", [(1, group, label)], [(1, group, HAND)], most=1.15)
            for label in (SAME, REBUILT)
        ]
        with_copy = [(1.15, group, HAND), (1, group, "cp")]
        says = f"{KEPT}, {group}, against 1.15 x by hand and one `cp`"
        limits.append(results.Limit(says, [(1, group, KEPT)], with_copy, most=1.0))
    return results.question(TITLE, ABOUT, ground.in_turn(ways, on.either(5, 1), warm=False), limits, base=HAND, why=WHY)


BACKUP = """\
import os, sqlite3
source, copy = sqlite3.connect({source!r}), sqlite3.connect({copy!r})
copy.execute("PRAGMA synchronous = OFF")
source.backup(copy, pages=2000)
copy.close()
handle = os.open({copy!r}, os.O_RDWR)
os.fsync(handle)
os.close(handle)
source.close()
"""


def _backed_up(on: Ground, group: str) -> Callable[[], float]:
    """What it costs to copy the file by SQLite, sync included."""
    source = _rows(on, group)
    copy = source.with_name("backup.db")
    command = ground.app(on, source.parent, "backup", BACKUP.format(source=str(source), copy=str(copy)))

    def once() -> float:
        took, _ = ground.process(command)
        ground.fresh(copy)
        return took

    return once


def _checked(on: Ground, group: str, name: str) -> Callable[[], float]:
    """What one of SQLite's checks costs on the file: the parts by which embedmig differs from the procedure by hand."""
    path = _rows(on, group)
    text = f"import sqlite3\nconn = sqlite3.connect({str(path)!r})\nconn.execute('PRAGMA {name}').fetchall()\nconn.close()\n"
    command = ground.app(on, path.parent, name, text)
    return lambda: ground.process(command)[0]
