"""What embedmig.testing takes for a kill is one: compared with processes that are killed for real."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

from helpers import script, sql
from test_restore import posix

from embedmig import guard
from embedmig.testing import faults
from embedmig.testing.subject import Subject

FILLS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000) INSERT INTO notes (body) SELECT printf('%0900d', i) FROM n"  # fmt: skip
SHIPPED = [
    sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)"),
    sql(2, f"{FILLS}; CREATE TABLE tags (x); DELETE FROM notes WHERE id % 2", loses_rows=True),
    sql(3, "CREATE TABLE IF NOT EXISTS more (x); VACUUM", transactional=False),
    sql(4, "ALTER TABLE notes ADD COLUMN title TEXT"),
]

KILLED = """
    import os, signal, sqlite3, sys
    from embedmig import Migrator
    from test_testing_faults import SHIPPED
    left = int(sys.argv[2])

    def step(statement):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    Migrator(SHIPPED, backups=0, prepare=lambda conn: conn.set_trace_callback(step)).migrate(sys.argv[1])
    """


@posix
def test_a_copy_made_at_a_statement_is_what_a_process_killed_there_leaves(tmp_path):
    subject = Subject(SHIPPED)
    copies: list[tuple[str, dict[str, bytes]]] = []
    with tempfile.TemporaryDirectory() as folder:
        trial = faults.Trial(subject, 1, folder)
        trial.put({"": trial.image})
        trial.launch(lambda conn: guard.follow(conn, lambda statement: copies.append((statement, on_disk(trial.path)))))
    spilled = next(at for at, (_, left) in enumerate(copies, 1) if left[""] != trial.image)
    assert spilled < len(copies)  # SQLite wrote to the file before its COMMIT: the journal is what saves it
    for at in (1, spilled - 1, spilled, spilled + 2, len(copies) - 3):
        path = tmp_path / str(at) / "app.db"
        path.parent.mkdir()
        path.write_bytes(trial.image)
        assert script(KILLED, path, at, check=False).returncode == -signal.SIGKILL
        assert shape_of(on_disk(path)) == shape_of(copies[at - 1][1]), copies[at - 1][0]


def on_disk(path: Path) -> dict[str, bytes]:
    names = {end: Path(f"{path}{end}") for end in faults.KEPT}
    return {end: name.read_bytes() for end, name in names.items() if name.exists()}


def shape_of(left: dict[str, bytes]) -> dict[str, int]:
    """Journals have random numbers in them, and the history has times: their sizes tell how far a run came."""
    return {end: len(data) for end, data in left.items()}


def test_every_statement_is_a_kill_and_every_launch_after_it_completes():
    assert faults.killed(Subject(SHIPPED), 1) > 20


def test_the_disk_is_full_at_up_to_eight_pages():
    assert faults.disk_full(Subject(SHIPPED), 1) == 8
    assert faults.disk_full(Subject([*SHIPPED[:1], sql(2, "UPDATE notes SET body = ''")]), 1) == 0
