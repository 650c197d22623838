"""Older app, newer file: it is refused with everything that a person needs to go on, or opened as it is and never lowered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from helpers import content, fingerprint, query, sql

import embedmig
from embedmig import DatabaseTooNew, ForeignDatabase, HistoryMismatch, Migration, MigrationFailed, Migrator

ONE = sql(
    1,
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('first')",
    "DROP TABLE notes",
)
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)", "DROP TABLE tags")
THREE = sql(3, "CREATE TABLE pins (id INTEGER PRIMARY KEY)", "DROP TABLE pins")
FOUR = sql(4, "CREATE TABLE colours (id INTEGER PRIMARY KEY)", "DROP TABLE colours")


def marked(migration: Migration) -> Migration:
    """The same, and the previous build may go on using a file that has it."""
    return Migration(**(migration._fields() | {"backward_compatible": True}))


def written_by(path: Path, migrations: list[Migration], app_version: str | None = None) -> None:
    """The file as a build with these migrations leaves it."""
    Migrator(migrations, app_version=app_version).migrate(path)


# -- refused --------------------------------------------------------------------------------------------------------


def test_an_older_app_refuses_a_newer_file_and_says_everything(path: Path) -> None:
    written_by(path, [ONE, TWO], "2.0")
    written_by(path, [ONE, TWO, THREE], "3.0")
    written_by(path, [ONE, TWO, THREE, FOUR], "4.1")
    before = fingerprint(path)
    with pytest.raises(DatabaseTooNew) as refused:
        embedmig.open(path, [ONE, TWO])
    error = refused.value
    assert str(error) == (
        "notes.db is at version 4, but this app knows versions up to 2 (unknown here: 003_step, 004_step)."
        " Nothing was changed. Update the app to 4.1 or later. Or restore notes.db.v0002.bak."
    )
    assert (error.unknown, error.newest, error.app_version) == (("003_step", "004_step"), 2, "4.1")
    assert (error.path, error.version, error.backup) == (str(path), 4, f"{path}.v0002.bak")
    assert error.data_is_safe
    assert not error.may_offer_reset
    assert fingerprint(path) == before


def test_without_a_recorded_build_and_without_a_backup_the_newest_release_is_the_cure(path: Path) -> None:
    written_by(path, [ONE, TWO])
    with pytest.raises(DatabaseTooNew) as refused:
        embedmig.open(path, [ONE])
    assert str(refused.value) == (
        "notes.db is at version 2, but this app knows versions up to 1 (unknown here: 002_step)."
        " Nothing was changed. Update the app to its newest release."
    )
    assert refused.value.app_version is None
    assert refused.value.backup is None


def test_a_backup_that_is_itself_too_new_is_not_offered(path: Path) -> None:
    written_by(path, [ONE, TWO, THREE])
    written_by(path, [ONE, TWO, THREE, FOUR])
    assert [Path(name).name for name in Migrator([ONE]).backups(path)] == ["notes.db.v0003.bak"]
    with pytest.raises(DatabaseTooNew) as refused:
        embedmig.open(path, [ONE, TWO])
    assert refused.value.backup is None
    assert "restore" not in str(refused.value)


def test_the_backup_that_is_offered_opens_in_the_older_app(path: Path) -> None:
    written_by(path, [ONE])
    before = content(path)
    written_by(path, [ONE, TWO, THREE])
    query(path, "INSERT INTO notes (text) VALUES ('written by the newer app')")
    migrator = Migrator([ONE, TWO])
    with pytest.raises(DatabaseTooNew) as refused:
        migrator.open(path)
    report = migrator.restore(path, refused.value.backup)
    assert (report.before, report.after) == (3, 1)
    assert content(path) == before
    with migrator.open(path) as db:
        assert [row["text"] for row in db["notes"].rows] == ["first"]
    with closing(sqlite3.connect(str(report.backup))) as kept:
        assert kept.execute("SELECT count(*) FROM notes").fetchone() == (2,)


def test_of_many_unknown_migrations_the_first_few_are_named(path: Path) -> None:
    written_by(path, [ONE, *(sql(n, f"CREATE TABLE t{n} (x)") for n in range(2, 31))])
    with pytest.raises(DatabaseTooNew, match=r"unknown here: 002_step, .*, 009_step and 21 more") as refused:
        embedmig.open(path, [ONE])
    assert len(refused.value.unknown) == 29


def by_connection(verb: Callable[[Migrator, Any], object]) -> Callable[[Migrator, Path], None]:
    def act(migrator: Migrator, path: Path) -> None:
        with closing(sqlite3.connect(path)) as conn:
            verb(migrator, conn)

    return act


VERBS: dict[str, Callable[[Migrator, Path], object]] = {
    "open": lambda migrator, path: migrator.open(path),
    "connect": lambda migrator, path: migrator.connect(path),
    "migrate": lambda migrator, path: migrator.migrate(path),
    "migrate to a version": lambda migrator, path: migrator.migrate(path, to=2),
    "migrate a connection": by_connection(lambda migrator, conn: migrator.migrate(conn)),
    "rollback": lambda migrator, path: migrator.rollback(path, to=1),
    "rollback of a connection": by_connection(lambda migrator, conn: migrator.rollback(conn, to=0)),
    "baseline": lambda migrator, path: migrator.baseline(path, 2),
    "rehearse": lambda migrator, path: migrator.rehearse(path),
    "reset": lambda migrator, path: migrator.reset(path),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_no_verb_of_an_older_app_changes_a_newer_file(
    path: Path, journal: str, verb: Callable[[Migrator, Path], object]
) -> None:
    written_by(path, [ONE, TWO, THREE], "3.0")
    query(path, f"PRAGMA journal_mode = {journal}")
    before = fingerprint(path)
    with pytest.raises(DatabaseTooNew, match=r"unknown here: 003_step\).*Update the app to 3.0 or later") as refused:
        verb(Migrator([ONE, TWO]), path)
    assert refused.value.version == 3
    assert fingerprint(path) == before
    sidecars = {"notes.db-wal", "notes.db-shm"} if journal == "wal" else set()  # SQLite's own, of a file that was read
    assert {name.name for name in path.parent.iterdir()} - sidecars == {"notes.db"}


def test_a_forced_reset_of_a_newer_file_keeps_it_as_a_backup(path: Path) -> None:
    written_by(path, [ONE, TWO, THREE])
    query(path, "INSERT INTO notes (text) VALUES ('second')")
    before = content(path)
    report = Migrator([ONE, TWO]).reset(path, force=True)
    assert query(path, "SELECT count(*) FROM notes") == [(1,)]
    assert content(str(report.backup)) == before


# -- backward compatible ----------------------------------------------------------------------------------------------


TIMED = [
    sql(20240101000000, "CREATE TABLE a (x)"),
    sql(20240201000000, "CREATE TABLE b (x)"),
    sql(20240301000000, "CREATE TABLE c (x)"),
]
# what the newer build ships, what this build ships, and what an open comes to: a version, or why not
CONDITIONS: dict[str, tuple[list[Migration], list[Migration], int | type[embedmig.EmbedmigError]]] = {
    "the one that it lacks is marked": ([ONE, marked(TWO)], [ONE], 2),
    "all that it lacks are marked": ([ONE, marked(TWO), marked(THREE)], [ONE], 3),
    "the newest that it lacks is not marked": ([ONE, marked(TWO), THREE], [ONE], DatabaseTooNew),
    "the older that it lacks is not marked": ([ONE, TWO, marked(THREE)], [ONE], DatabaseTooNew),
    "none is marked": ([ONE, TWO, THREE], [ONE], DatabaseTooNew),
    "only what it has itself is marked": ([marked(ONE), TWO], [marked(ONE)], DatabaseTooNew),
    "what this build says of its own does not count": ([ONE, TWO], [marked(ONE)], DatabaseTooNew),
    "it lacks one in the middle, marked": ([TIMED[0], marked(TIMED[1]), TIMED[2]], [TIMED[0], TIMED[2]], HistoryMismatch),
    "it ships one that the file does not have": ([TIMED[0], marked(TIMED[2])], TIMED[:2], DatabaseTooNew),
    "it ships another one of the same number": ([ONE, TWO, marked(THREE)], [ONE, sql(2, "SELECT 1", name="other")], HistoryMismatch),
}  # fmt: skip


@pytest.mark.parametrize(("newer", "older", "expected"), CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("strict", [False, True])
def test_an_older_app_opens_a_newer_file_if_all_that_it_lacks_is_newer_and_marked(
    path: Path, newer: list[Migration], older: list[Migration], expected: Any, strict: bool
) -> None:
    written_by(path, newer)
    before = fingerprint(path)
    migrator = Migrator(older, strict=strict)
    if isinstance(expected, int):
        with migrator.open(path) as db:
            assert db.execute("SELECT max(version) FROM _migrations").fetchone() == (expected,)
    else:
        with pytest.raises(expected):
            migrator.open(path)
    assert migrator.is_current(path) is isinstance(expected, int)
    assert migrator.status(path).current is isinstance(expected, int)
    assert fingerprint(path) == before
    assert [name.name for name in path.parent.iterdir()] == ["notes.db"]


def test_a_marked_one_that_did_not_finish_is_no_file_to_go_on_with(path: Path) -> None:
    def dies(db: Any) -> None:
        raise ZeroDivisionError

    half = Migration("002_step", 2, "step 2", dies, transactional=False, backward_compatible=True)
    with pytest.raises(MigrationFailed):
        Migrator([ONE, half]).migrate(path)
    assert query(path, "SELECT id, backward_compatible, finished FROM _migrations WHERE version = 2") == [
        ("002_step", 1, 0)
    ]
    before = fingerprint(path)
    with pytest.raises(DatabaseTooNew, match="002_step"):
        embedmig.open(path, [ONE])
    assert not Migrator([ONE]).is_current(path)
    assert fingerprint(path) == before


@pytest.fixture
def compatible(path: Path) -> Path:
    """A file at version 3, of which this build knows version 1 and may use the rest."""
    written_by(path, [ONE, marked(TWO), marked(THREE)], "3.0")
    return path


@pytest.fixture
def build() -> Iterator[Migrator]:
    return Migrator([ONE], app_version="1.0")


def test_the_older_app_works_with_it_and_the_newer_one_goes_on(compatible: Path, build: Migrator) -> None:
    with build.open(compatible) as db:
        db["notes"].insert({"text": "by the older app"})
    after = content(compatible)
    report = Migrator([ONE, marked(TWO), marked(THREE), FOUR]).migrate(compatible)
    assert (report.before, report.after, report.ran) == (3, 4, ("004_step",))
    assert query(compatible, "SELECT text FROM notes") == [("first",), ("by the older app",)]
    assert after["tags"] == []


@pytest.mark.parametrize(
    "act",
    [
        lambda build, path: build.migrate(path),
        by_connection(lambda build, conn: build.migrate(conn)),
        lambda build, path: embedmig.run_migrations(path, [ONE]),
        lambda build, path: build.connect(path).close(),
        lambda build, path: build.open(path, read_only=True).conn.close(),
        lambda build, path: build.status(path),
        lambda build, path: embedmig.get_applied_migrations(path),
    ],
    ids=["migrate", "migrate a connection", "run_migrations", "connect", "read only", "status", "get_applied"],
)
def test_whatever_the_older_app_asks_the_stored_version_and_every_byte_stay(
    compatible: Path, build: Migrator, act: Callable[[Migrator, Path], object]
) -> None:
    before = fingerprint(compatible)
    act(build, compatible)
    assert fingerprint(compatible) == before
    assert query(compatible, "SELECT version, app_version FROM _migrations") == [(1, "3.0"), (2, "3.0"), (3, "3.0")]


def test_the_report_of_a_launch_that_found_it_says_its_version(compatible: Path, build: Migrator) -> None:
    report = build.migrate(compatible)
    assert (report.before, report.after, report.ran, report.backup) == (3, 3, (), None)


@pytest.mark.parametrize(
    "lower",
    [
        lambda build, path: build.rollback(path, to=0),
        lambda build, path: build.rollback(path, to=1),
        lambda build, path: build.baseline(path, 1),
        lambda build, path: build.reset(path),
    ],
    ids=["rollback to nothing", "rollback to its own newest", "baseline", "reset"],
)
def test_the_older_app_never_lowers_it(
    compatible: Path, build: Migrator, lower: Callable[[Migrator, Path], object]
) -> None:
    before = fingerprint(compatible)
    with pytest.raises(DatabaseTooNew, match="unknown here: 002_step, 003_step"):
        lower(build, compatible)
    assert fingerprint(compatible) == before


def test_a_version_below_the_file_is_still_an_error_that_names_rollback(compatible: Path, build: Migrator) -> None:
    before = fingerprint(compatible)
    with pytest.raises(embedmig.UsageError, match=r"The file is at version 3, above 1\..*A rollback to 1 goes down\."):
        build.migrate(compatible, to=1)
    assert fingerprint(compatible) == before


def test_another_apps_file_is_refused_however_compatible_it_is(path: Path) -> None:
    Migrator([ONE, marked(TWO)], application_id=7).migrate(path)
    before = fingerprint(path)
    with pytest.raises(ForeignDatabase, match="its application_id is 0x00000007, and this app's is 0x00000008"):
        Migrator([ONE], application_id=8).open(path)
    assert fingerprint(path) == before


def test_it_opens_from_files_of_migrations_too(tmp_path: Path, path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_notes.sql").write_text("CREATE TABLE notes (x)")
    (folder / "002_tags.py").write_text(
        "backward_compatible = True\n\ndef up(db):\n    db['tags'].create({'name': str})\n"
    )
    embedmig.run_migrations(path, folder)
    (folder / "002_tags.py").unlink()
    with embedmig.open(path, folder) as db:
        assert db.table_names() == ["_migrations", "notes", "tags"]


# -- questions ----------------------------------------------------------------------------------------------------------


def test_the_status_of_a_newer_file_tells_what_is_unknown(path: Path) -> None:
    written_by(path, [ONE, TWO])
    written_by(path, [ONE, TWO, THREE], "3.0")
    status = Migrator([ONE]).status(path)
    assert (status.version, status.unknown, status.pending) == (3, ("002_step", "003_step"), ())
    assert [(a.id, a.app_version) for a in status.applied] == [
        ("001_step", None),
        ("002_step", None),
        ("003_step", "3.0"),
    ]
    assert status.backups == (f"{path}.v0002.bak",)
    assert status.current is False


def test_the_status_of_a_compatible_newer_file_says_that_it_opens(compatible: Path, build: Migrator) -> None:
    status = build.status(compatible)
    assert (status.version, status.unknown, status.pending, status.current) == (3, ("002_step", "003_step"), (), True)


@pytest.mark.parametrize("handed", ["path", "connection", "database"])
@pytest.mark.parametrize(
    ("migrations", "current"),
    [([ONE, TWO], False), ([ONE, marked(TWO)], True), ([ONE], True)],
    ids=["too new", "compatible", "its own"],
)
def test_is_current_of_a_newer_file(path: Path, migrations: list[Migration], current: bool, handed: str) -> None:
    written_by(path, migrations)
    before = fingerprint(path)
    with closing(sqlite3.connect(path)) as conn:
        import sqlite_utils

        db = {"path": path, "connection": conn, "database": sqlite_utils.Database(conn)}[handed]
        assert Migrator([ONE]).is_current(db) is current
    assert fingerprint(path) == before


# -- too new and something missing as well --------------------------------------------------------------------------------


OTHER = sql(2, "CREATE TABLE other (x)", name="other")


@pytest.mark.parametrize(
    ("newer", "older", "problem"),
    [
        ([ONE, OTHER, THREE], [ONE, TWO], r"002_other is applied but not shipped \(renamed to 002_step\?\)"),
        ([ONE, marked(OTHER), marked(THREE)], [ONE, TWO], "002_other is applied but not shipped"),
        (
            [sql(1, "CREATE TABLE notes (x)", name="first"), TWO],
            [ONE],
            r"001_first is applied but not shipped \(renamed to 001_step\?\); 002_step is applied but not shipped",
        ),
    ],
    ids=["renamed, and one more", "the same, marked", "nothing agrees"],
)
def test_a_file_that_is_too_new_and_has_another_history_is_a_mismatch_with_both_lists(
    path: Path, newer: list[Migration], older: list[Migration], problem: str
) -> None:
    written_by(path, newer)
    before = fingerprint(path)
    with pytest.raises(HistoryMismatch, match=problem) as refused:
        embedmig.open(path, older)
    assert refused.value.shipped == tuple(m.id for m in older)
    assert refused.value.applied == tuple(m.id for m in newer)
    assert (refused.value.data_is_safe, refused.value.may_offer_reset) == (True, False)
    assert fingerprint(path) == before
    assert not Migrator(older).is_current(path)
    assert not Migrator(older).status(path).current
