"""Other tools' records in users' files: taken over at the first launch, without running anything again, or refused with what to do.

Files that the real tools wrote are in formats/ (README.md there says how they were made). Records of tools that could not be
run are made here by the statements of their own sources.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from helpers import content, fingerprint, query, script, sql, write

import embedmig
from embedmig import DefinitionError, ForeignDatabase, HistoryMismatch, Migration, Migrator, UsageError, formats
from embedmig.formats import registry
from embedmig.migrator import FORMATS

KEPT = Path(__file__).parent / "formats"


def applied(path: Path) -> list[object]:
    return [id for (id,) in query(path, "SELECT id FROM _migrations ORDER BY version")]


def without_history(path: Path) -> dict[str, object]:
    found = content(path, history=False)
    return found | {"schema": [row for row in found["schema"] if row[2] != "_migrations"]}  # type: ignore[attr-defined]


def made(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(script)
    return path


# -- files of the real tools ---------------------------------------------------------------------------------------------

# the tool, its folder here, what older.db lacks
REAL = [
    ("sqlite-utils", "sqlite_utils/migrations.py", 1),
    ("yoyo", "yoyo/migrations", 3),
    ("dbmate", "dbmate/migrations", 1),
    ("drizzle", "drizzle/drizzle", 1),
]
real = pytest.mark.parametrize(("tool", "folder", "lacks"), REAL, ids=[tool for tool, _, _ in REAL])
SHAPES = pytest.mark.parametrize("converted", [False, True], ids=["its folder", "converted"])


def kept(tool: str, name: str, path: Path) -> Path:
    shutil.copy(KEPT / tool.replace("-", "_") / name, path)
    return path


def shipped(tool: str, folder: str, tmp_path: Path, converted: bool) -> list[Migration] | Path:
    if not converted:
        return formats.load(KEPT / folder, tool)
    formats.convert(KEPT / folder, tool, tmp_path / "migrations")
    return tmp_path / "migrations"


@real
@SHAPES
def test_a_file_with_all_of_the_old_tools_migrations_is_taken_over_and_nothing_runs(
    tool, folder, lacks, converted, path, tmp_path
) -> None:
    kept(tool, "newest.db", path)
    before = content(path)
    migrator = Migrator(shipped(tool, folder, tmp_path, converted), adopts=tool)
    report = migrator.migrate(path)
    assert report.ran == ()
    assert without_history(path) == before
    assert len(applied(path)) == report.after
    assert query(path, "SELECT count(*), count(duration_ms) FROM _migrations") == [(report.after, 0)]
    assert migrator.is_current(path)


@real
@SHAPES
def test_a_file_of_an_older_release_goes_on_from_where_it_stands(
    tool, folder, lacks, converted, path, tmp_path
) -> None:
    kept(tool, "older.db", path)
    migrations = shipped(tool, folder, tmp_path, converted)
    report = Migrator(migrations, adopts=tool).migrate(path)
    assert len(report.ran) == lacks
    assert report.backup is not None
    assert len(applied(path)) == report.after
    assert query(path, "SELECT lower(body) FROM notes") == [("milk",)]
    Migrator(migrations).migrate(tmp_path / "fresh.db")
    assert tables(path) == tables(tmp_path / "fresh.db")


def tables(path: Path) -> set[object]:
    """The names of the app's own tables and indexes."""
    found = query(path, "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE '%yoyo%'")
    return {name for (name,) in found if "migrations" not in str(name)}


@real
def test_each_tools_own_verdict_on_its_file_is_ours(tool, folder, lacks, path) -> None:
    everything = len(formats.load(KEPT / folder, tool))
    for name, pending in (("older.db", lacks), ("newest.db", 0)):
        with closing(sqlite3.connect(kept(tool, name, path))) as conn:
            record = registry.named(tool).record(conn)
        assert record is not None
        assert len(record.keys) == everything - pending


def test_a_converted_history_of_yoyos_goes_back_to_the_beginning(path, tmp_path) -> None:
    migrations = [m for m in formats.load(KEPT / "yoyo/migrations", "yoyo") if m.id != "0002.last-by-name"]
    kept("yoyo", "newest.db", path)
    query(path, "DELETE FROM _yoyo_migration WHERE migration_id = '0002.last-by-name'")
    numbered = [Migration(**m._fields() | {"version": n}) for n, m in enumerate(migrations, 1)]
    migrator = Migrator(numbered, adopts="yoyo")
    migrator.migrate(path)
    migrator.rollback(path, to=1)
    assert query(path, "SELECT body FROM notes") == [("milk",)]
    assert "tags" not in tables(path)
    migrator.rollback(path, to=0)
    assert tables(path) == set()
    assert migrator.migrate(path).ran == tuple(m.id for m in migrations)  # its history is empty now, and that is one


def test_the_lock_of_a_killed_yoyo_is_refused_with_what_to_do(path) -> None:
    before = fingerprint(kept("yoyo", "killed.db", path))
    with pytest.raises(HistoryMismatch) as caught:
        Migrator(formats.load(KEPT / "yoyo/migrations", "yoyo"), adopts="yoyo").migrate(path)
    pid = query(path, "SELECT pid FROM yoyo_lock")[0][0]
    assert str(caught.value) == (
        f"The history of notes.db is not that of the shipped migrations: yoyo's lock is held by process {pid}. Shipped: none."
        " Applied: 0001.notes, 0003.tags, 0002.last-by-name, 0004.shout. Nothing was changed. Close the app's older release. If it"
        " does not run, it was killed while it migrated: put a backup from before in its place; or see by hand that its last"
        " migration is recorded, and delete the row of yoyo_lock."
    )
    assert fingerprint(path) == before


def test_a_record_of_sqlite_migrate_is_read_as_well(path) -> None:
    kept("sqlite-utils", "sqlite_migrate.db", path)
    assert Migrator(
        formats.load(KEPT / "sqlite_utils/migrations.py", "sqlite-migrate"), adopts="sqlite-migrate"
    ).migrate(path).ran == ("m003_smaller",)


ALEMBIC = [
    Migration("001_initial", 1, "Initial", "CREATE TABLE notes (x)", adopts=("alembic: 1975ea83b712",)),
    Migration("002_tags", 2, "Tags", "CREATE TABLE tags (note INTEGER, tag TEXT)", adopts=("alembic: ae1027a6acf2",)),
    sql(3, "CREATE TABLE colors (x)"),
]


@pytest.mark.parametrize(("name", "ran"), [("older.db", ("002_tags", "003_step")), ("newest.db", ("003_step",))])
def test_a_revision_of_alembics_means_everything_up_to_it(name, ran, path) -> None:
    assert Migrator(ALEMBIC, adopts="alembic").migrate(kept("alembic", name, path)).ran == ran
    assert query(path, "SELECT body FROM notes") == [("Milk",)]


def test_one_migration_may_stand_for_many_and_a_file_in_between_is_refused(path) -> None:
    whole = Migration(
        "001_initial", 1, "Initial", "CREATE TABLE notes (x)", adopts=("alembic: 1975ea83b712", "alembic: ae1027a6acf2")
    )
    assert Migrator([whole], adopts="alembic").migrate(kept("alembic", "newest.db", path)).ran == ()
    path.unlink()
    with pytest.raises(
        HistoryMismatch, match="001_initial stands for several, and alembic has not applied ae1027a6acf2"
    ):
        Migrator([whole], adopts="alembic").migrate(kept("alembic", "older.db", path))


# -- records after their documentation ---------------------------------------------------------------------------------------------

# https://github.com/pressly/goose/blob/v3.27.0/internal/dialects/sqlite3.go
GOOSE = """
    CREATE TABLE goose_db_version (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        version_id INTEGER NOT NULL,
        is_applied INTEGER NOT NULL,
        tstamp TIMESTAMP DEFAULT (datetime('now'))
    );
    INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1);
    """
# https://github.com/golang-migrate/migrate/blob/v4.19.0/database/sqlite/sqlite.go
GOLANG_MIGRATE = """
    CREATE TABLE IF NOT EXISTS schema_migrations (version uint64,dirty bool);
    CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON schema_migrations (version);
    """
# https://github.com/launchbadge/sqlx/blob/v0.8.6/sqlx-sqlite/src/migrate.rs
SQLX = """
    CREATE TABLE IF NOT EXISTS _sqlx_migrations (
        version BIGINT PRIMARY KEY,
        description TEXT NOT NULL,
        installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
        success BOOLEAN NOT NULL,
        checksum BLOB NOT NULL,
        execution_time BIGINT NOT NULL
    );
    """
# https://github.com/diesel-rs/diesel/blob/v2.3.0/diesel/src/migration/setup_migration_table.sql
DIESEL = """
    CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (
        version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
    """
# https://github.com/simonw/sqlite-migrate/blob/0.1b0/sqlite_migrate/__init__.py: what came before sqlite-utils' own
SQLITE_MIGRATE = "CREATE TABLE _sqlite_migrations (migration_set TEXT, name TEXT, applied_at TEXT, PRIMARY KEY (migration_set, name));"
# https://hg.sr.ht/~olly/yoyo/browse/yoyo/internalmigrations/v1.py: before yoyo 6
YOYO_5 = "CREATE TABLE _yoyo_migration (id VARCHAR(191) NOT NULL PRIMARY KEY, ctime TIMESTAMP);"
# https://github.com/amacneil/dbmate/blob/v2.28.0/pkg/driver/sqlite/sqlite.go
DBMATE = "CREATE TABLE schema_migrations (version varchar(128) primary key);"
# https://github.com/drizzle-team/drizzle-orm/blob/0.45.4/drizzle-orm/src/sqlite-core/dialect.ts
DRIZZLE = "CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric);"
# https://alembic.sqlalchemy.org/en/latest/api/runtime.html
TWO_HEADS = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL); INSERT INTO alembic_version VALUES ('a'), ('b');"
)


def goose(*versions: int) -> str:
    rows = ", ".join(f"({abs(version)}, {int(version > 0)})" for version in versions)
    return GOOSE + (f"INSERT INTO goose_db_version (version_id, is_applied) VALUES {rows};" if versions else "")


def sqlx(*versions: int, failed: int = 0) -> str:
    rows = ", ".join(f"({v}, 'x', {int(v != failed)}, x'00', 1)" for v in versions)
    return (
        f"{SQLX} INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES {rows};"
    )


def diesel(*versions: str) -> str:
    return DIESEL + "".join(f"INSERT INTO __diesel_schema_migrations (version) VALUES ('{v}');" for v in versions)


def golang(version: int, dirty: int = 0) -> str:
    return f"{GOLANG_MIGRATE} INSERT INTO schema_migrations VALUES ({version}, {dirty});"


def numbered(*ids: str) -> list[Migration]:
    """Migrations under these ids; each makes a table, so that one that ran again would fail."""
    return [Migration(id, n, id, f"CREATE TABLE t{n} (x)") for n, id in enumerate(ids, 1)]


A, B, C = "20210101000000_a", "20210202000000_b", "20210303000000_c"
RECORDS = [
    ("goose", goose(20210101000000, 20210202000000), [A, B, C], 2),
    ("goose", goose(1, 2, -2), ["00001_a", "00002_b"], 1),  # older releases of goose write a row when they go down
    ("goose", goose(1, -1, 1), ["00001_a", "00002_b"], 1),
    ("goose", goose(), ["00001_a"], 0),
    ("golang-migrate", golang(20210202000000), [A, B, C], 2),
    ("golang-migrate", golang(2), ["000001_a", "000002_b", "000003_c"], 2),
    ("golang-migrate", GOLANG_MIGRATE, ["1_a"], 0),
    ("sqlx", sqlx(20210101000000, 20210202000000), [A, B, C], 2),
    ("diesel", diesel("00000000000000", "20210302081500"), ["00000000000000_setup", "2021-03-02-081500_a", "2021-03-03-000000_b"], 2),
    ("sqlite-utils", SQLITE_MIGRATE + "INSERT INTO _sqlite_migrations VALUES ('x', 'a', '');", ["x:a", "x:b"], 1),
    ("yoyo", YOYO_5 + "INSERT INTO _yoyo_migration VALUES ('0001.a', '');", ["0001.a", "0002.b"], 1),
    ("dbmate", DBMATE + "INSERT INTO schema_migrations VALUES ('00123');", ["00123_a", "00124_b"], 1),
    ("user_version", "PRAGMA user_version = 2;", ["001_a", "002_b", "003_c"], 2),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "record", "ids", "has"), RECORDS, ids=[f"{r[0]} {r[3]}" for r in RECORDS])
def test_what_a_record_names_is_not_run_again(tool, record, ids, has, path) -> None:
    made(
        path,
        record
        + "CREATE TABLE kept (x); INSERT INTO kept VALUES (1);"
        + "".join(f"CREATE TABLE t{n} (x);" for n in range(1, has + 1)),
    )
    report = Migrator(numbered(*ids), adopts=tool).migrate(path)
    assert report.ran == tuple(ids[has:])
    assert applied(path) == ids
    assert query(path, "SELECT x FROM kept") == [(1,)]


HALF = [
    ("golang-migrate", golang(2, dirty=1), "golang-migrate left it dirty at version 2: its last migration did not end", "migrate force"),
    ("golang-migrate", golang(-1, dirty=1), "golang-migrate left it dirty at version 0", "Put a backup"),
    ("sqlx", sqlx(1, 2, failed=2), "sqlx recorded that 2 did not succeed", "delete that row of _sqlx_migrations"),
    ("alembic", TWO_HEADS, "Alembic recorded 2 heads: a, b", "merge the heads"),
    ("goose", goose(1, 7), "goose recorded 7, which no shipped migration adopts", "Update the app to its newest release"),
    ("golang-migrate", golang(7), "golang-migrate recorded 7, which no shipped migration adopts", "Update the app"),
    ("user_version", "PRAGMA user_version = 7;", "user_version recorded 7, which no shipped migration adopts", "Update the app"),
    ("sqlx", sqlx(1, 3), "2_b is pending but older than version 3 of the file (the policy out_of_order would run it)", "Ship the migrations"),
    ("golang-migrate", GOLANG_MIGRATE + "INSERT INTO schema_migrations VALUES ('x', 0);",
     "golang-migrate's record has what golang-migrate does not write: invalid literal for int() with base 10: 'x'", "Put a backup in its place."),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "record", "problem", "cure"), HALF, ids=[what for _, _, what, _ in HALF])
def test_a_record_that_is_half_applied_or_unknown_is_refused_and_the_file_stays(
    tool, record, problem, cure, path
) -> None:
    before = fingerprint(made(path, record + "CREATE TABLE kept (x);"))
    migrator = Migrator(numbered("1_a", "2_b", "3_c"), adopts=tool)
    with pytest.raises(HistoryMismatch) as caught:
        migrator.migrate(path)
    assert problem in caught.value.problems[0]
    assert cure in str(caught.value)
    assert "Nothing was changed." in str(caught.value)
    assert fingerprint(path) == before


def test_a_late_one_of_the_old_tools_runs_where_the_policy_allows_it(path) -> None:
    made(path, goose(1, 3) + "CREATE TABLE t1 (x); CREATE TABLE t3 (x);")
    assert Migrator(numbered("1_a", "2_b", "3_c"), adopts="goose", out_of_order=True).migrate(path).ran == ("2_b",)


def test_new_migrations_are_never_taken_for_old_ones_of_their_number(path) -> None:
    """goose's 3 and the new 003 are two things: where some say what they adopt, the rest adopt nothing."""
    old = [Migration(f"{n:03}_x", n, "x", f"CREATE TABLE t{n} (x)", adopts=(f"goose: 0000{n}_x",)) for n in (1, 2)]
    new = Migration("003_new", 3, "new", "CREATE TABLE new (x)")
    made(path, goose(1, 2) + "CREATE TABLE t1 (x); CREATE TABLE t2 (x);")
    assert Migrator([*old, new], adopts="goose").migrate(path).ran == ("003_new",)
    path.unlink()
    made(path, goose(1, 2, 3) + "CREATE TABLE t1 (x); CREATE TABLE t2 (x); CREATE TABLE t3 (x);")
    with pytest.raises(HistoryMismatch, match="goose recorded 3, which no shipped migration adopts"):
        Migrator([*old, new], adopts="goose").migrate(path)


def test_two_that_adopt_one_number_are_refused_where_a_file_has_it(path) -> None:
    twins = [*numbered("1_a"), Migration("1_b", 2, "b", "CREATE TABLE b (x)")]
    made(path, goose(1) + "CREATE TABLE t1 (x);")
    with pytest.raises(DefinitionError, match="1_a and 1_b both adopt goose's 1, and a file has it once"):
        Migrator(twins, adopts="goose").migrate(path)


def test_other_sets_in_sqlite_utils_record_are_none_of_ours(path) -> None:
    record = SQLITE_MIGRATE + "INSERT INTO _sqlite_migrations VALUES ('ours', 'a', ''), ('a plugin', 'z', '');"
    made(path, record + "CREATE TABLE t1 (x);")
    assert Migrator(numbered("ours:a", "ours:b"), adopts="sqlite-utils").migrate(path).ran == ("ours:b",)
    path.unlink()
    made(path, record + "INSERT INTO _sqlite_migrations VALUES ('ours', 'z', '');")
    with pytest.raises(HistoryMismatch, match="sqlite-utils recorded ours:z, which no shipped migration adopts"):
        Migrator(numbered("ours:a", "ours:b"), adopts="sqlite-utils").migrate(path)


def test_a_record_of_which_nothing_is_known_is_refused(path) -> None:
    """Else everything would run once more: the new files forgot to say what they adopt."""
    made(path, SQLITE_MIGRATE + "INSERT INTO _sqlite_migrations VALUES ('ours', 'a', ''); CREATE TABLE kept (x);")
    with pytest.raises(HistoryMismatch, match="sqlite-utils recorded ours:a, which no shipped migration adopts"):
        Migrator(numbered("001_a"), adopts="sqlite-utils").migrate(path)


def test_two_that_drizzle_made_in_one_millisecond_are_both_there(path) -> None:
    migrations = [
        Migration(f"00{n}_x", n, "x", f"CREATE TABLE t{n} (x)", adopts=(f"drizzle: 000{n}_x 100",)) for n in (1, 2)
    ]
    made(path, DRIZZLE + "INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('', 100), ('', 100);")
    assert Migrator(migrations, adopts="drizzle").migrate(path).ran == ()


def test_drizzles_late_migration_that_it_never_ran_is_not_taken_for_applied(path) -> None:
    """drizzle skips, for ever and silently, a migration whose `when` is older than the newest that it has."""
    migrations = [
        Migration(f"00{n}_x", n, "x", f"CREATE TABLE t{n} (x)", adopts=(f"drizzle: 000{n}_x {n}00",)) for n in (1, 2, 3)
    ]
    made(path, DRIZZLE + "INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('', 100), ('', 300);")
    with pytest.raises(HistoryMismatch, match="002_x is pending but older than version 3"):
        Migrator(migrations, adopts="drizzle").migrate(path)


@real
def test_the_old_tools_own_tables_are_no_drift(tool, folder, lacks, path, tmp_path) -> None:
    migrations = shipped(tool, folder, tmp_path, converted=True)
    migrator = Migrator(migrations, adopts=tool, strict=True)
    migrator.migrate(kept(tool, "older.db", path))
    assert not migrator.drift(path)
    assert not migrator.drift(tmp_path / "new.db")
    assert Migrator(migrations).drift(path).unexpected
    query(path, "CREATE TABLE stray (x)")
    assert migrator.drift(path).unexpected == ("table stray",)


# -- the policy ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", formats.NAMES)
def test_a_file_without_the_record_is_another_apps(tool, path) -> None:
    before = fingerprint(made(path, "CREATE TABLE customers (x);"))
    with pytest.raises(ForeignDatabase) as caught:
        Migrator(numbered("1_a"), adopts=tool).migrate(path)
    assert str(caught.value) == (
        f"notes.db is another app's file: it has customers and no history of migrations, nor a record of {tool}'s. Nothing was changed."
        " Open this app's own file. (For the developer: a file from before embedmig needs adopts=, detect_version= or a baseline.)"
    )
    assert fingerprint(path) == before


@pytest.mark.parametrize(
    ("tool", "record"),
    [
        ("dbmate", golang(1)),
        ("golang-migrate", DBMATE),
        ("user_version", ""),
        ("goose", "CREATE TABLE goose_db_version (x);"),
    ],
)
def test_a_record_of_another_tool_by_the_same_name_is_none(tool, record, path) -> None:
    made(path, record + "CREATE TABLE t1 (x);")
    with pytest.raises(ForeignDatabase):
        Migrator(numbered("1_a"), adopts=tool).migrate(path)


def test_detect_version_is_asked_where_there_is_no_record(path) -> None:
    made(path, "CREATE TABLE t1 (x);")
    migrator = Migrator(numbered("1_a", "2_b"), adopts="goose", detect_version=lambda conn: 1)
    assert migrator.migrate(path).ran == ("2_b",)


def test_a_new_file_needs_no_record(path) -> None:
    assert Migrator(numbered("1_a", "2_b"), adopts="goose").migrate(path).ran == ("1_a", "2_b")


def test_a_file_is_taken_over_once(path) -> None:
    made(path, goose(1) + "CREATE TABLE t1 (x);")
    migrator = Migrator(numbered("1_a"), adopts="goose")
    migrator.migrate(path)
    query(path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")  # nobody reads it any more
    assert migrator.migrate(path).ran == ()
    with closing(migrator.connect(path)):
        pass
    assert applied(path) == ["1_a"]


def test_a_rehearsal_shows_what_the_first_launch_would_do(path) -> None:
    before = fingerprint(made(path, goose(1) + "CREATE TABLE t1 (x);"))
    report = Migrator(numbered("1_a", "2_b"), adopts="goose").rehearse(path).report
    assert (report.after, report.ran) == (2, ("2_b",))
    assert fingerprint(path) == before


def test_a_file_that_waits_to_be_taken_over_can_be_looked_at(path) -> None:
    before = fingerprint(made(path, golang(2, dirty=1) + "CREATE TABLE t1 (x);"))
    migrator = Migrator(numbered("1_a", "2_b"), adopts="golang-migrate")
    assert not migrator.is_current(path)
    assert migrator.status(path).pending == ("1_a", "2_b")
    with closing(migrator.connect(path, read_only=True)) as conn:
        assert conn.execute("SELECT version, dirty FROM schema_migrations").fetchall() == [(2, 1)]
    assert fingerprint(path) == before


@pytest.mark.parametrize(("recorded", "pending"), [((1,), ("2_b", "3_c")), ((1, 2), ("3_c",)), ((1, 2, 3), ())])
def test_what_the_record_has_is_not_pending(recorded, pending, path) -> None:
    before = fingerprint(made(path, goose(*recorded) + "CREATE TABLE t1 (x);"))
    status = Migrator(numbered("1_a", "2_b", "3_c"), adopts="goose").status(path)
    assert (status.version, status.applied, status.pending, status.current) == (0, (), pending, False)
    assert fingerprint(path) == before


def test_a_caller_s_connection_is_taken_over_too(path) -> None:
    made(path, goose(1) + "CREATE TABLE t1 (x);")
    with closing(sqlite3.connect(path)) as conn:
        conn.row_factory = sqlite3.Row
        assert Migrator(numbered("1_a", "2_b"), adopts="goose").migrate(conn).ran == ("2_b",)


def test_progress_counts_what_really_runs(path) -> None:
    made(path, goose(1, 2) + "CREATE TABLE t1 (x); CREATE TABLE t2 (x);")
    seen = []
    Migrator(numbered("1_a", "2_b", "3_c"), adopts="goose").migrate(path, on_progress=seen.append)
    assert {(p.id, p.index, p.total) for p in seen if p.phase == "finished"} == {("3_c", 1, 1)}


LAUNCH = """
    import sys
    import embedmig
    shipped = [embedmig.Migration(f"{n}_x", n, "x", f"CREATE TABLE t{n} (x)") for n in (1, 2, 3)]
    print(embedmig.Migrator(shipped, adopts="goose").migrate(sys.argv[1]).ran)
    """


def test_of_two_first_launches_one_takes_the_file_over(path) -> None:
    made(path, goose(1) + "CREATE TABLE t1 (x);")
    said: list[str] = []
    launches = [threading.Thread(target=lambda: said.append(script(LAUNCH, path).stdout.strip())) for _ in range(2)]
    for launch in launches:
        launch.start()
    for launch in launches:
        launch.join()
    assert sorted(said, key=len) == ["()", "('2_x', '3_x')"]
    assert applied(path) == ["1_x", "2_x", "3_x"]


def test_where_the_rest_fails_the_file_is_not_taken_over_either(path) -> None:
    before = content(made(path, goose(1) + "CREATE TABLE t1 (x);"))
    wrong = Migration("2_b", 2, "b", "SELECT wrong")
    with pytest.raises(embedmig.MigrationFailed):
        Migrator([*numbered("1_a"), wrong], adopts="goose").migrate(path)
    assert content(path) == before


@pytest.mark.parametrize("wrong", ["flyway", "", 5])
def test_a_tool_that_is_not_known_is_refused_when_the_policy_is_made(wrong) -> None:
    with pytest.raises(
        UsageError, match=r"is no tool that is known here\. Nothing was changed\. Known: sqlite-utils, "
    ):
        Migrator(numbered("1_a"), adopts=wrong)


def test_the_policy_knows_the_names_of_all_formats() -> None:
    assert {registry.named(name).NAME for name in FORMATS} == set(formats.NAMES)
    assert set(FORMATS) == {name.replace("_", "-") for name in (*formats.NAMES, *registry.ALSO)}


# -- what a migration says ---------------------------------------------------------------------------------------------------------


def test_a_migration_says_what_it_adopts_in_sql_and_in_python(path, tmp_path) -> None:
    folder = write(
        tmp_path / "m",
        **{
            "001_a.sql": "-- adopts goose: 00001_a\n-- adopts yoyo: x y\n-- What it does.\nCREATE TABLE a (x);\n-- adopts goose: 9\n",
            "002_b.py": '"""B."""\n\nadopts = "goose: 00002_b"\n\n\ndef up(db):\n    db["b"].create({"x": int})\n',
            "003_c.py": 'adopts = ["goose: 3", "goose: 4"]\n\n\ndef up(db):\n    pass\n',
        },
    )
    from embedmig import definition

    found = [definition.load(known) for known in definition.find(str(folder) + "/")]
    assert [(m.description, m.adopts) for m in found] == [
        ("What it does.", ("goose: 00001_a", "yoyo: x y")),
        ("B.", ("goose: 00002_b",)),
        ("C", ("goose: 3", "goose: 4")),
    ]
    made(path, goose(1, 2, 3, 4) + "CREATE TABLE a (x); CREATE TABLE b (x);")
    assert Migrator(folder, adopts="goose").migrate(path).ran == ()


@pytest.mark.parametrize("adopts", ["5", "'goose'", "'goose: '", "': 1'", "['goose: 1', 2]"])
def test_an_adopts_that_says_nothing_is_refused(adopts, path, tmp_path) -> None:
    folder = write(tmp_path / "m", **{"001_a.py": f"adopts = {adopts}\n\n\ndef up(db):\n    pass\n"})
    with pytest.raises(DefinitionError, match="Write the tool and its own name"):
        Migrator(folder).migrate(path)


def test_an_adopts_of_an_unknown_tool_is_refused_when_it_matters(path) -> None:
    made(path, goose(1) + "CREATE TABLE t1 (x);")
    with pytest.raises(UsageError, match="There is no format called gose"):
        Migrator([Migration("1_a", 1, "a", "SELECT 1", adopts=("gose: 1",))], adopts="goose").migrate(path)
