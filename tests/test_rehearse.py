"""A rehearsal runs what is pending on a copy of the real file, and says what would happen; the file itself stays."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from helpers import content, fingerprint, query, script, sql, start
from test_backup import LARGE, disk_of, filled

from embedmig import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseTooNew,
    DiskFull,
    ForeignDatabase,
    ForeignKeyViolations,
    HistoryMismatch,
    Migration,
    MigrationFailed,
    Migrator,
    NotADatabase,
    TransactionBroken,
    UsageError,
)

ONE = sql(
    1,
    """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300)
    INSERT INTO notes SELECT i, printf('%0500d', i) FROM n;
    """,
)
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY); INSERT INTO tags VALUES (1), (2)")


def up_of_3(db):
    db.execute("UPDATE notes SET text = text || text")
    db.execute("DELETE FROM notes WHERE id > 290")


THREE = Migration("003_longer", 3, "longer notes", up_of_3)
ALL = [ONE, TWO, THREE]
KEPT = "This was a rehearsal: nothing was changed."


@pytest.fixture
def at_1(path):
    """A file at version 1, with 300 notes."""
    Migrator([ONE]).migrate(path)
    return path


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every name in a folder, its bytes and its time of modification."""
    return {entry.name: (entry.read_bytes(), entry.stat().st_mtime_ns) for entry in folder.iterdir()}


# -- what it says ------------------------------------------------------------------------------------------------------


def test_a_rehearsal_says_what_each_migration_does(at_1):
    found = Migrator(ALL).rehearse(at_1)
    second, third = found.per_migration
    assert (second.id, third.id) == ("002_step", "003_longer")
    assert (second.rows_written, third.rows_written) == (2, 310)
    assert (second.rows_before, second.rows_after) == ({"notes": 300}, {"notes": 300, "tags": 2})
    assert (third.rows_before, third.rows_after) == ({"notes": 300, "tags": 2}, {"notes": 290, "tags": 2})
    assert second.schema_diff.splitlines()[-1] == "+CREATE TABLE tags (id INTEGER PRIMARY KEY);"
    assert third.schema_diff == ""
    assert (second.new_violations, third.new_violations) == (0, 0)
    assert isinstance(second.duration_ms, int)
    assert second.duration_ms >= 0
    assert second.bytes_before == at_1.stat().st_size
    assert second.bytes_after == third.bytes_before == second.bytes_before + 4096
    assert third.bytes_after > third.bytes_before + 100_000


def test_a_rehearsal_says_what_the_whole_run_does(at_1):
    found = Migrator(ALL).rehearse(at_1)
    report = found.report
    assert (report.path, report.before, report.after) == (str(at_1), 1, 3)
    assert report.ran == ("002_step", "003_longer")
    assert report.backup is None
    assert report.duration_s > 0
    assert found.rows_before == {"notes": 300}
    assert found.rows_after == {"notes": 290, "tags": 2}
    assert found.schema_diff.splitlines()[-1] == "+CREATE TABLE tags (id INTEGER PRIMARY KEY);"


def test_a_rehearsal_foresees_what_the_run_then_does(at_1):
    found = Migrator(ALL).rehearse(at_1)
    report = Migrator(ALL).migrate(at_1)
    assert (report.before, report.after, report.ran) == (found.report.before, found.report.after, found.report.ran)
    assert {t: query(at_1, f"SELECT count(*) FROM {t}")[0][0] for t in ("notes", "tags")} == found.rows_after
    assert at_1.stat().st_size == found.per_migration[-1].bytes_after
    grown = at_1.stat().st_size - Path(report.backup).stat().st_size
    assert found.bytes_needed >= grown + Path(report.backup).stat().st_size


def test_the_room_that_a_run_needs_includes_its_backup_where_one_is_made(at_1):
    size = at_1.stat().st_size
    with_backup, without = (Migrator(ALL, backups=n).rehearse(at_1).bytes_needed for n in (3, 0))
    assert with_backup - without == pytest.approx(size, abs=16_384)
    assert without > 0


def test_a_table_that_is_dropped_and_one_that_is_rebuilt_show_up(at_1):
    query(at_1, "CREATE TABLE old (x)")
    query(at_1, "INSERT INTO old VALUES (1), (2), (3)")
    found = Migrator([ONE, sql(2, "DROP TABLE old; ALTER TABLE notes ADD COLUMN pinned INTEGER")]).rehearse(at_1)
    (only,) = found.per_migration
    assert (found.rows_before, found.rows_after) == ({"notes": 300, "old": 3}, {"notes": 300})
    assert "-CREATE TABLE old (x);" in only.schema_diff.splitlines()
    assert any(line.startswith("+") and "pinned INTEGER" in line for line in only.schema_diff.splitlines())
    assert only.schema_diff == found.schema_diff


def test_nothing_pending_is_said_as_such(at_1):
    found = Migrator([ONE]).rehearse(at_1)
    assert (found.report.before, found.report.after, found.report.ran) == (1, 1, ())
    assert (found.per_migration, found.schema_diff) == ((), "")
    assert found.rows_before == found.rows_after == {"notes": 300}


def test_rows_that_are_still_in_the_wal_are_rehearsed_too(at_1):
    query(at_1, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(at_1)) as window:
        window.execute("DELETE FROM notes WHERE id > 100")
        window.commit()
        assert Migrator(ALL).rehearse(at_1).rows_before == {"notes": 100}


def test_a_migration_outside_a_transaction_is_rehearsed_too(at_1):
    outside = Migration("002_vacuum", 2, "", "DELETE FROM notes WHERE id > 10; VACUUM", transactional=False)
    found = Migrator([ONE, outside, sql(3, "CREATE TABLE tags (x)")]).rehearse(at_1)
    assert found.report.ran == ("002_vacuum", "003_step")
    first = found.per_migration[0]
    assert (first.rows_before, first.rows_after) == ({"notes": 300}, {"notes": 10})
    assert first.bytes_after < first.bytes_before


def test_the_app_s_functions_are_there(at_1):
    def prepare(conn):
        conn.create_function("shout", 1, lambda text: text.upper() + "!", deterministic=True)

    shouting = sql(2, "UPDATE notes SET text = shout(text)")
    found = Migrator([ONE, shouting], prepare=prepare).rehearse(at_1)
    assert found.per_migration[0].rows_written == 300


def test_a_file_from_before_embedmig_is_rehearsed_as_it_would_be_taken_over(path):
    query(path, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    found = Migrator([ONE, TWO], detect_version=lambda conn: 1).rehearse(path)
    assert found.report.ran == ("002_step",)
    assert found.rows_after == {"notes": 0, "tags": 2}


FAMILY = sql(
    1,
    """
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents);
    INSERT INTO parents VALUES (1), (2), (3);
    INSERT INTO children VALUES (10, 1), (20, 2), (30, 3);
    """,
)
BREAKS = sql(2, "DELETE FROM parents WHERE id >= 2")
MENDS = sql(3, "DELETE FROM children WHERE parent IN (2, 3)")


def test_foreign_keys_that_one_migration_breaks_and_the_next_one_mends_are_counted(path):
    Migrator([FAMILY]).migrate(path)
    query(path, "INSERT INTO children VALUES (40, 99)")  # broken already
    found = Migrator([FAMILY, BREAKS, MENDS]).rehearse(path)
    assert [rehearsed.new_violations for rehearsed in found.per_migration] == [2, 0]


# -- the file stays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shipped", [[ONE], ALL], ids=["nothing pending", "pending"])
def test_nothing_of_the_real_file_changes_and_nothing_is_left_behind(at_1, shipped):
    before = everything(at_1.parent)
    Migrator(shipped).rehearse(at_1)
    assert everything(at_1.parent) == before


def test_the_main_file_of_a_wal_database_keeps_its_bytes_and_its_rows(at_1):
    query(at_1, "PRAGMA journal_mode = WAL")
    before, rows = fingerprint(at_1), content(at_1)
    Migrator(ALL).rehearse(at_1)
    assert fingerprint(at_1) == before
    assert content(at_1) == rows
    assert {entry.name for entry in at_1.parent.iterdir()} <= {"notes.db", "notes.db-wal", "notes.db-shm"}


WRITER = """
    import sqlite3, sys
    conn = sqlite3.connect(sys.argv[1], isolation_level=None)
    conn.execute(f"BEGIN {sys.argv[2]}")
    conn.execute("UPDATE notes SET text = 'half done' WHERE id = 1")
    print("writing", flush=True)
    sys.stdin.readline()
    conn.close()
"""


def test_a_rehearsal_goes_on_beside_a_window_that_writes_and_sees_what_was_committed(at_1):
    before = fingerprint(at_1)
    with start(WRITER, at_1, "IMMEDIATE") as window:
        assert window.stdout.readline() == "writing\n", window.stderr.read()
        assert Migrator(ALL).rehearse(at_1).report.after == 3
        assert fingerprint(at_1) == before
        window.communicate("enough", timeout=60)


def test_a_file_that_is_locked_for_readers_too_is_busy(at_1):
    with start(WRITER, at_1, "EXCLUSIVE") as window:
        assert window.stdout.readline() == "writing\n", window.stderr.read()
        with pytest.raises(DatabaseBusy, match=r"; waited \d+\.\d s\."):
            Migrator(ALL, timeout=0.2).rehearse(at_1)
        window.communicate("enough", timeout=60)
    assert [entry.name for entry in at_1.parent.iterdir()] == ["notes.db"]


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_a_file_behind_a_link_is_rehearsed(at_1, tmp_path):
    (tmp_path / "desk").mkdir()
    link = tmp_path / "desk" / "link.db"
    link.symlink_to(at_1)
    before = everything(tmp_path / "desk")
    found = Migrator(ALL).rehearse(link)
    assert (found.report.path, found.report.after) == (str(link), 3)
    assert everything(tmp_path / "desk") == before
    assert query(at_1, "SELECT max(version) FROM _migrations") == [(1,)]


NOBODY = """
    import os, sys
    from embedmig import Migrator
    from test_rehearse import ALL

    path, scratch = sys.argv[1:]
    Migrator(ALL).rehearse(scratch)  # everything is imported now
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        open(path + ".proof", "w").close()
    except PermissionError:
        print("may not write here")
    found = Migrator(ALL).rehearse(path)
    print(found.report.path, found.report.before, found.report.after, found.rows_after)
"""


@pytest.mark.skipif(os.name == "nt", reason="users and permissions of POSIX")
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_rehearsal_works_in_a_folder_that_may_only_be_read(at_1, tmp_path, journal):
    shutil.copy(at_1, tmp_path / "scratch.db")
    query(at_1, f"PRAGMA journal_mode = {journal}")
    with tempfile.TemporaryDirectory() as shelf:  # pytest's own folders are for one user only
        path = Path(shelf) / "notes.db"
        shutil.copy(at_1, path)
        path.chmod(0o444)
        path.parent.chmod(0o555)
        before = everything(path.parent)
        said = script(NOBODY, path, tmp_path / "scratch.db").stdout.splitlines()
        assert everything(path.parent) == before
        path.parent.chmod(0o755)
    assert said == ["may not write here", f"{path} 1 3 {{'notes': 290, 'tags': 2}}"]


# -- what goes wrong -----------------------------------------------------------------------------------------------------


def raises(db):
    db.execute("DELETE FROM notes")
    raise ZeroDivisionError("in up")


def commits(db):
    db.execute("DELETE FROM notes")
    db.conn.commit()


FAILING = {
    "sql": (sql(3, "DELETE FROM notes; DROP TABLE nowhere"), MigrationFailed, "no such table: nowhere"),
    "python": (Migration("003_step", 3, "", raises), MigrationFailed, "in up"),
    "commit": (Migration("003_step", 3, "", commits), TransactionBroken, "may not do this"),
    "outside": (
        Migration("003_step", 3, "", "DELETE FROM notes; DROP TABLE nowhere", transactional=False),
        MigrationFailed,
        "no such table: nowhere",
    ),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_migration_that_fails_in_a_rehearsal_is_told_with_the_real_path_and_nothing_is_left_behind(at_1, kind):
    failing, error, says = FAILING[kind]
    before = everything(at_1.parent)
    with pytest.raises(error, match=says) as failed:
        Migrator([ONE, TWO, failing]).rehearse(at_1)
    assert (failed.value.id, failed.value.path, failed.value.version) == ("003_step", str(at_1), 1)
    assert KEPT in str(failed.value)
    assert "undone" not in str(failed.value)
    assert failed.value.data_is_safe
    assert everything(at_1.parent) == before


def test_foreign_keys_that_stay_broken_fail_the_rehearsal_as_they_would_fail_the_run(path):
    Migrator([FAMILY]).migrate(path)
    query(path, "INSERT INTO children VALUES (40, 99)")  # broken already
    before = everything(path.parent)
    with pytest.raises(ForeignKeyViolations) as failed:
        Migrator([FAMILY, BREAKS]).rehearse(path)
    assert [violation[:3] for violation in failed.value.violations] == [
        ("children", 20, "parents"),
        ("children", 30, "parents"),
    ]
    assert (failed.value.total, failed.value.path) == (2, str(path))
    assert KEPT in str(failed.value)
    assert everything(path.parent) == before


def _of_another_app(path: Path) -> None:
    query(path, "PRAGMA application_id = 7")


def _without_history(path: Path) -> None:
    query(path, "DROP TABLE _migrations")


def _too_new(path: Path) -> None:
    Migrator([*ALL, sql(4, "CREATE TABLE later (x)")], backups=0).migrate(path)


def _of_another_history(path: Path) -> None:
    query(path, "UPDATE _migrations SET id = '001_other'")


def _text(path: Path) -> None:
    path.write_text("Dear diary,\n" * 1000)


def _short(path: Path) -> None:
    path.write_text("Dear diary,\n")


def _damaged(path: Path) -> None:
    with path.open("r+b") as handle:
        handle.seek(4096 * 10)
        handle.write(b"\xff" * 4096)


REFUSED = {
    "of another app": (_of_another_app, ForeignDatabase),
    "without a history": (_without_history, ForeignDatabase),
    "too new": (_too_new, DatabaseTooNew),
    "with another history": (_of_another_history, (HistoryMismatch, DatabaseTooNew)),
    "no database": (_text, NotADatabase),
    "too short": (_short, NotADatabase),
    "damaged": (_damaged, DatabaseDamaged),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_rehearsal_refuses_what_a_launch_refuses(at_1, kind):
    spoil, error = REFUSED[kind]
    spoil(at_1)
    before = everything(at_1.parent)
    with pytest.raises(error) as launched:
        Migrator(ALL, application_id=1, backups=0).migrate(at_1)
    with pytest.raises(error) as refused:
        Migrator(ALL, application_id=1).rehearse(at_1)
    assert type(refused.value) is type(launched.value)
    assert refused.value.path == str(at_1)
    assert everything(at_1.parent) == before


@pytest.mark.parametrize("where", ["notes.db", ":memory:"])
def test_there_is_nothing_to_rehearse_on_where_no_file_is(tmp_path, where):
    with pytest.raises(UsageError, match=r"(?i)there is no database at "):
        Migrator(ALL).rehearse(where if where == ":memory:" else tmp_path / where)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_for_the_copy_is_told_and_nothing_is_left_behind(tmp_path, monkeypatch):
    with disk_of(tmp_path, 10) as folder:
        monkeypatch.setattr(
            "tempfile.tempdir", str(folder)
        )  # where a copy would be made that has no room beside the file
        path = filled(folder, 6)
        before = everything(folder)
        with pytest.raises(DiskFull) as full:
            Migrator([LARGE, TWO]).rehearse(path)
        assert full.value.path == str(path)
        assert everything(folder) == before
