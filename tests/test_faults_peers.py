"""The judge that compares migrators: what it must see is made by hand, or by a migrator that is wrong on purpose."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from faults import peer_worker, peers, vfs
from faults.apps import embedmig_app, story
from faults.peer_judge import Damaged, State, Verdict, judge, state, texts
from faults.points import ground
from helpers import query

RECORDED = "SELECT id FROM _migrations"
BEFORE, BETWEEN, NEWEST = State("a", ("1",)), State("b", ("1", "2")), State("c", ("1", "2", "3"))
LEGAL = [BEFORE, BETWEEN, NEWEST]

needs_vfs = pytest.mark.skipif(vfs.why_not() is not None, reason=str(vfs.why_not()))


def verdict(outcome: str, after: State | None, next_outcome: str = "done", at_last: State | None = NEWEST) -> Verdict:
    return judge(outcome, after, next_outcome, at_last, lost=False, legal=LEGAL)


@pytest.mark.parametrize("after", LEGAL)
def test_a_killed_launch_that_left_a_whole_number_of_migrations_is_blameless(after):
    assert not any(verdict("killed", after))


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (verdict("killed", State("a", ("1", "2"))), {"half"}),  # recorded, and not there
        (verdict("killed", State("b", ("1",))), {"half"}),  # there, and not recorded
        (verdict("killed", State("x", ("1",))), {"half"}),
        (verdict("killed", None), {"damaged"}),
        (verdict("killed", BEFORE, at_last=None), {"damaged", "stuck"}),
        (verdict("killed", BEFORE, "OperationalError: duplicate column name: x", BETWEEN), {"stuck"}),
        (verdict("killed", BEFORE, "done", BETWEEN), {"stuck"}),  # it says that it succeeded
        (verdict("done", BETWEEN), {"pretended"}),
        (verdict("OperationalError: database or disk is full", BEFORE), set()),
        (verdict("LockTimeout: Process 7 has locked this database", BEFORE), {"unnamed"}),
        (judge("killed", BEFORE, "done", NEWEST, lost=True, legal=LEGAL), {"lost"}),
    ],
)
def test_each_wrong_is_counted_as_what_it_is(found, wrong):
    assert {kind for kind, is_so in found._asdict().items() if is_so} == wrong


def made(path: Path, *statements: str) -> Path:
    for statement in statements:
        query(path, statement)
    return path


TABLE = ("CREATE TABLE t (x)", "INSERT INTO t VALUES ('milk')", "CREATE TABLE _migrations (id, at)")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE t ADD COLUMN y",
        "UPDATE t SET x = 'bread'",
        "INSERT INTO t VALUES ('milk')",
        "CREATE TABLE _alembic_tmp_t (x)",
        "CREATE INDEX i ON t (x)",
        "INSERT INTO _migrations VALUES ('001_t', 'now')",
    ],
)
def test_a_half_applied_file_is_another_state(path, statement):
    before = state(made(path, *TABLE), RECORDED)
    assert state(made(path, statement), RECORDED) != before


@pytest.mark.parametrize(
    "statement", ["UPDATE _migrations SET at = 'later'", "CREATE INDEX i ON _migrations (at)", "VACUUM"]
)
def test_when_something_was_recorded_is_not_content(path, statement):
    before = state(made(path, *TABLE, "INSERT INTO _migrations VALUES ('001_t', 'now')"), RECORDED)
    assert state(made(path, statement), RECORDED) == before


def test_a_file_cut_short_is_damaged(path):
    made(path, "CREATE TABLE t (x)", "INSERT INTO t SELECT hex(zeroblob(5000))")
    path.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(Damaged):
        state(path, RECORDED)


def test_a_child_without_its_parent_is_damage(path):
    made(path, "CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (p REFERENCES p (id))")
    made(path, "INSERT INTO c VALUES (7)")
    with pytest.raises(Damaged, match="foreign_key_check"):
        state(path, RECORDED)


def test_a_row_is_kept_wherever_it_stands(tmp_path):
    made(tmp_path / "notes.db", "CREATE TABLE _alembic_tmp_t (x)", "INSERT INTO _alembic_tmp_t VALUES ('milk')")
    made(tmp_path / "notes.db.v0001.bak", "CREATE TABLE t (x)", "INSERT INTO t VALUES ('bread')")
    (tmp_path / "notes.db-journal").write_bytes(b"none")  # SQLite takes it away
    assert {"milk", "bread"} <= texts(tmp_path)
    assert "eggs" not in texts(tmp_path)


def launch_by_hand(path: str, to: int = 4) -> None:
    """What many apps do: each statement by itself, the record after it."""
    rebuild = (
        "CREATE TABLE new_folders (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "INSERT INTO new_folders SELECT id, name FROM folders",
        "DROP TABLE folders",
        "ALTER TABLE new_folders RENAME TO folders",
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS _migrations (id)")
        (at,) = conn.execute("SELECT count(*) FROM _migrations").fetchone()
        for version, statements in enumerate((story.FIRST, (story.ADD_WORDS,), rebuild, story.LAST), 1):
            if at < version <= to:
                for statement in statements:
                    conn.execute(statement)
                if version == 2:
                    story.count_words(conn)
                conn.execute("INSERT INTO _migrations VALUES (?)", (version,))


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, where there is one: a launch that syncs each statement takes long on a disk."""
    folder = ground()
    yield folder
    shutil.rmtree(folder)


def struck(launch: Callable[..., None], folder: Path, fault: str, points: int) -> dict[str, int]:
    """What is found where the launch is broken at about so many places, evenly spread."""
    app = SimpleNamespace(launch=launch, RECORDED=RECORDED, DISTRIBUTIONS=(), PROMISE="")
    bench = peer_worker.set_up(app, "delete", folder)
    kind, most = next((kind, most) for kind, most in peer_worker.count(bench).items() if kind.name == fault)
    return peer_worker.strike(bench, kind, range(1, most + 1, max(1, most // points)))["found"]


@needs_vfs
@pytest.mark.parametrize("fault", ["killed", "ENOSPC once"])
def test_a_migrator_without_transactions_is_caught(memory, fault):
    found = struck(launch_by_hand, memory, fault, 7)
    assert found["half"] > 0
    assert found["stuck"] > 0
    assert found["lost"] == 0


@needs_vfs
def test_a_migrator_that_deletes_what_the_user_wrote_is_caught(memory):
    def launch(path: str, to: int = 4) -> None:
        launch_by_hand(path, to)
        if to == 4:
            query(path, "DELETE FROM notes WHERE id = 1")
            query(path, "DELETE FROM tags WHERE id = 1")

    assert struck(launch, memory, "killed", 2)["lost"] > 0


@needs_vfs
def test_embedmig_killed_anywhere_leaves_a_whole_number_of_migrations(memory):
    found = struck(embedmig_app.launch, memory, "killed", 8)
    assert found == dict.fromkeys(Verdict._fields, 0)


def test_the_table_tells_the_sums_of_each_tool():
    found = dict.fromkeys(Verdict._fields, 0)
    said = {kind: [] for kind in Verdict._fields}
    rows = [
        peers.Row("embedmig", "delete", "killed", 70, found, said),
        peers.Row(
            "yoyo", "delete", "killed", 1200, found | {"stuck": 31}, said | {"stuck": [("LockTimeout: a|b", 31)]}
        ),
        peers.Row(
            "yoyo", "wal", "killed", 34, found | {"stuck": 2, "half": 1}, said | {"stuck": [("LockTimeout: a|b", 2)]}
        ),
        peers.Row("yoyo", "wal", "ENOSPC once", 5, found | {"unnamed": 4}, said),
    ]
    text = peers.rendered(peers.Peers(rows, {"yoyo-migrations": "9.0.0"}, {"yoyo": "a lock"}))
    assert "| embedmig | 70 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |" in text
    assert "| yoyo | 1,234 | 1 | 33 | 5 | 0 | 0 | 4 | 0 | 0 |" in text
    assert "| yoyo | `LockTimeout: a\\|b` (33) | none |" in text
    assert "(yoyo-migrations 9.0.0):\n\n- yoyo: a lock" in text
    assert "| yoyo | WAL | killed | 34 | 0 | 1 | 2 | 0 | 0 | 0 |" in text
