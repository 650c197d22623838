"""A migration cannot break its own transaction: whatever it calls, the file is as before, and the error names the cure."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import sys
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path

import pytest
import sqlite_utils
from helpers import content, fingerprint, query, sql

import embedmig
from embedmig import DiskFull, Migration, MigrationFailed, Migrator, TransactionBroken

FIRST = sql(
    1,
    """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
    INSERT INTO notes VALUES (1, 'first'), (2, 'second');
    CREATE TABLE twice (x UNIQUE ON CONFLICT ROLLBACK);
    INSERT INTO twice VALUES (1);
    CREATE TRIGGER refuse BEFORE INSERT ON notes WHEN new.text = 'forbidden'
    BEGIN SELECT RAISE(ROLLBACK, 'forbidden'); END;
    CREATE TABLE bin (x);
    INSERT INTO bin VALUES (1);
    CREATE TRIGGER meddle AFTER DELETE ON bin BEGIN DELETE FROM _migrations; END;
    """,
)
SECOND = sql(2, "CREATE TABLE earlier_in_the_run (x); INSERT INTO earlier_in_the_run VALUES (1)")

JOURNALS = ["delete", "wal"]
CONNECTIONS = ["path", "sqlite3", "sqlite3 isolation_level=None", "sqlite_utils"]
SOME = pytest.mark.parametrize(  # enough where neither the journal nor the connection should matter
    ("notes", "connection"), [("delete", "path"), ("wal", "sqlite3 isolation_level=None")], indirect=True
)

COMMITS = "embedmig begins and commits for you: use db.atomic() for a part that may fail"
HISTORY = "The history is embedmig's own: use baseline() or rollback()."
SETTING = "Set it in prepare=, or mark the migration transactional = False."
ALONE = "Mark the migration transactional = False (SQL: -- migrate:up transaction:false)."
LOST = "Look for OR ROLLBACK, RAISE(ROLLBACK), set_authorizer or close() in the migration, or for a full disk."

LOST_EARLIER = "a statement after its transaction was lost"
MEDDLED = "a change to its history table _migrations"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A file at version 1 in each journal mode, made once."""
    folder = tmp_path_factory.mktemp("released")
    for journal in JOURNALS:
        with closing(sqlite3.connect(folder / journal)) as conn:
            conn.execute(f"PRAGMA journal_mode = {journal}")
            embedmig.run_migrations(conn, [FIRST])
    return folder


@pytest.fixture(params=JOURNALS)
def notes(request, released, path):
    """A user's file at version 1, in rollback-journal mode or in WAL."""
    shutil.copyfile(released / request.param, path)
    return path


@pytest.fixture(params=CONNECTIONS)
def connection(request):
    """How the app hands the file over."""
    return request.param


@contextmanager
def handed_over(connection: str, path: Path):
    """The file as `db`: its path, or a connection of the caller's."""
    if connection == "path":
        yield path
        return
    level = None if "None" in connection else "DEFERRED"
    with closing(sqlite3.connect(path, isolation_level=level)) as conn:
        yield sqlite_utils.Database(conn) if connection == "sqlite_utils" else conn


def third(up, **more) -> Migration:
    """The migration under test, between two INSERTs of its own."""

    def act(db):
        db.execute("INSERT INTO notes (text) VALUES ('A')")
        up(db)
        db.execute("INSERT INTO notes (text) VALUES ('B')")

    return Migration("003_under_test", 3, "Under test", act, **more)


def execute(statement: str):
    return lambda db: db.conn.execute(statement).fetchall()


def swallowing(up):
    """The author catches every error, and goes on."""

    def act(db):
        with suppress(Exception):
            up(db)

    return act


def with_conn(db):
    with db.conn:
        pass


def with_conn_that_raises(db):
    with db.conn:
        raise ValueError("the author's own error")


def isolation_level_none(db):
    db.conn.isolation_level = None


def autocommit_true(db):
    db.conn.autocommit = True


def on_a_cursor(db):
    db.conn.cursor().execute("COMMIT")


def cached_with_insert(db):
    late = "WITH new(text) AS (SELECT ?) INSERT INTO notes (text) SELECT text FROM new"
    db.conn.execute(late, ["cached"])
    with suppress(sqlite3.IntegrityError):
        db.conn.execute("INSERT OR ROLLBACK INTO notes (id, text) VALUES (1, 'twin')")
    db.conn.execute(late, ["late"])


def cached_insert(db):
    late = "INSERT INTO notes (text) VALUES (?)"
    db.conn.execute(late, ["cached"])
    with suppress(sqlite3.IntegrityError):
        db.conn.execute("INSERT OR ROLLBACK INTO notes (id, text) VALUES (1, 'twin')")
    db.conn.execute(late, ["late"])


def renamed_to_the_history(db):
    db.conn.execute("CREATE TEMP TABLE mine (version)")
    db.conn.execute("ALTER TABLE mine RENAME TO _migrations")


def many_after_the_loss(db):
    with suppress(sqlite3.IntegrityError):
        db.conn.execute("INSERT OR ROLLBACK INTO notes (id, text) VALUES (1, 'twin')")
    db.conn.executemany("INSERT INTO notes (text) VALUES (?)", [["late"], ["later"]])


def own_transaction_after_the_loss(db):
    with suppress(sqlite3.IntegrityError):
        db.conn.execute("INSERT OR ROLLBACK INTO notes (id, text) VALUES (1, 'twin')")
    with db.atomic():
        db["notes"].insert({"text": "late"})


ENDS = [  # (what the migration calls, what the error says it called, the cure)
    pytest.param(lambda db: db.conn.commit(), "COMMIT", COMMITS, id="conn.commit()"),
    pytest.param(lambda db: db.conn.rollback(), "ROLLBACK", COMMITS, id="conn.rollback()"),
    pytest.param(with_conn, "COMMIT", COMMITS, id="with conn"),
    pytest.param(with_conn_that_raises, "ROLLBACK", COMMITS, id="with conn, raising"),
    pytest.param(lambda db: db.conn.executescript(""), "COMMIT", COMMITS, id="executescript of nothing"),
    pytest.param(lambda db: db.conn.executescript("CREATE TABLE x (y);"), "COMMIT", COMMITS, id="executescript"),
    pytest.param(execute("COMMIT"), "COMMIT", COMMITS, id="COMMIT"),
    pytest.param(execute("END TRANSACTION"), "COMMIT", COMMITS, id="END"),
    pytest.param(execute("ROLLBACK"), "ROLLBACK", COMMITS, id="ROLLBACK"),
    pytest.param(execute("BEGIN"), "BEGIN", COMMITS, id="BEGIN"),
    pytest.param(execute("BEGIN IMMEDIATE"), "BEGIN", COMMITS, id="BEGIN IMMEDIATE"),
    pytest.param(execute("/*x*/ cOmMiT"), "COMMIT", COMMITS, id="a disguised COMMIT"),
    pytest.param(on_a_cursor, "COMMIT", COMMITS, id="COMMIT on a cursor"),
    pytest.param(lambda db: db.commit(), "COMMIT", COMMITS, id="db.commit()"),
    pytest.param(lambda db: db.rollback(), "ROLLBACK", COMMITS, id="db.rollback()"),
    pytest.param(lambda db: db.executescript("SELECT 1; COMMIT;"), "COMMIT", COMMITS, id="db.executescript, COMMIT"),
    pytest.param(isolation_level_none, "COMMIT", COMMITS, id="isolation_level = None"),
    pytest.param(
        autocommit_true,
        "COMMIT",
        COMMITS,
        id="autocommit = True",
        marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="Connection.autocommit is new in Python 3.12"),
    ),
    pytest.param(execute("ATTACH ':memory:' AS other"), "ATTACH", ALONE, id="ATTACH"),
    pytest.param(execute("DETACH main"), "DETACH", ALONE, id="DETACH"),
    pytest.param(cached_with_insert, LOST_EARLIER, LOST, id="a cached WITH ... INSERT after OR ROLLBACK"),
    pytest.param(cached_insert, LOST_EARLIER, LOST, id="a cached INSERT after OR ROLLBACK"),
    pytest.param(many_after_the_loss, LOST_EARLIER, LOST, id="executemany after OR ROLLBACK"),
    pytest.param(own_transaction_after_the_loss, LOST_EARLIER, LOST, id="db.atomic() after OR ROLLBACK"),
]
PRAGMAS = [
    pytest.param(execute(f"PRAGMA {text}"), f"PRAGMA {called}", SETTING, id=f"PRAGMA {text}")
    for text, called in [
        ("foreign_keys = ON", "foreign_keys = ON"),
        ("main.foreign_keys(1)", "foreign_keys = 1"),
        ("journal_mode = memory", "journal_mode = memory"),
        ("Journal_Mode = WAL", "journal_mode = WAL"),
        ("synchronous = OFF", "synchronous = OFF"),
        ("locking_mode = EXCLUSIVE", "locking_mode = EXCLUSIVE"),
        ("wal_checkpoint", "wal_checkpoint"),
        ("wal_checkpoint(TRUNCATE)", "wal_checkpoint = TRUNCATE"),
        ("writable_schema = ON", "writable_schema = ON"),
        ("trusted_schema = OFF", "trusted_schema = OFF"),
        ("query_only = ON", "query_only = ON"),
        ("ignore_check_constraints = ON", "ignore_check_constraints = ON"),
        ("schema_version = 7", "schema_version = 7"),
    ]
]
ON_THE_HISTORY = [
    pytest.param(execute(statement), MEDDLED, HISTORY, id=statement)
    for statement in [
        "INSERT INTO _migrations (version, id, description, applied_at) VALUES (9, '009', '', '')",
        "REPLACE INTO main._MIGRATIONS (version, id, description, applied_at) VALUES (9, '009', '', '')",
        "UPDATE _migrations SET id = 'x'",
        'DELETE FROM "_Migrations"',
        "DROP TABLE _migrations",
        "DROP TABLE IF EXISTS main._MIGRATIONS",
        "ALTER TABLE _Migrations RENAME TO mine",
        "ALTER TABLE _migrations ADD COLUMN mine",
        "ALTER TABLE _migrations RENAME COLUMN id TO name",
        "ALTER TABLE _migrations DROP COLUMN checksum",
        "CREATE INDEX mine ON _migrations (id)",
        "CREATE TRIGGER mine AFTER INSERT ON _MIGRATIONS BEGIN SELECT 1; END",
        "CREATE TEMP TRIGGER mine AFTER INSERT ON main._migrations BEGIN SELECT 1; END",
        "CREATE TEMP TABLE _migrations (x)",
        "CREATE TEMP TABLE _Migrations AS SELECT 1 AS version",
        "CREATE TEMP VIEW _migrations AS SELECT 1 AS version",
        "DELETE FROM bin",  # a trigger of the app's deletes the history then
    ]
] + [
    pytest.param(renamed_to_the_history, MEDDLED, HISTORY, id="a temporary table renamed to _migrations"),
    pytest.param(lambda db: db["_migrations"].delete_where("version = 1"), MEDDLED, HISTORY, id="delete_where"),
    pytest.param(lambda db: db["_migrations"].drop(), MEDDLED, HISTORY, id="table.drop()"),
    pytest.param(lambda db: db["_migrations"].transform(rename={"id": "name"}), MEDDLED, HISTORY, id="transform()"),
]
LOSSES = [
    pytest.param(execute("INSERT OR ROLLBACK INTO notes (id, text) VALUES (1, 'twin')"), id="INSERT OR ROLLBACK"),
    pytest.param(execute("UPDATE OR ROLLBACK notes SET id = 1 WHERE id = 2"), id="UPDATE OR ROLLBACK"),
    pytest.param(execute("INSERT INTO twice VALUES (1)"), id="a column ON CONFLICT ROLLBACK"),
    pytest.param(execute("INSERT INTO notes (text) VALUES ('forbidden')"), id="RAISE(ROLLBACK)"),
]


@pytest.mark.parametrize(("up", "called", "cure"), PRAGMAS + ON_THE_HISTORY)
def test_a_pragma_that_does_nothing_or_harm_and_a_change_to_the_history_are_refused(notes, up, called, cure):
    before = content(notes)
    with pytest.raises(TransactionBroken) as broken:
        Migrator([FIRST, SECOND, third(up)]).migrate(notes)
    assert (broken.value.id, broken.value.called) == ("003_under_test", called)
    assert "Everything was undone: notes.db is still at version 1. " + cure in str(broken.value)
    assert content(notes) == before


@pytest.mark.parametrize(("up", "called", "cure"), ENDS)
def test_what_would_end_the_transaction_is_refused_and_everything_is_undone(notes, connection, up, called, cure):
    before = content(notes)
    with handed_over(connection, notes) as db, pytest.raises(TransactionBroken) as broken:
        Migrator([FIRST, SECOND, third(up)]).migrate(db)
    assert (broken.value.id, broken.value.called) == ("003_under_test", called)
    assert (broken.value.path, broken.value.version) == (str(notes), 1)
    assert "Everything was undone: notes.db is still at version 1. " + cure in str(broken.value)
    assert content(notes) == before


@pytest.mark.parametrize(("up", "called", "cure"), ENDS + PRAGMAS + ON_THE_HISTORY)
@SOME
def test_an_author_who_swallows_the_refusal_changes_nothing(notes, connection, up, called, cure):
    before = content(notes)
    with handed_over(connection, notes) as db, pytest.raises(TransactionBroken) as broken:
        Migrator([FIRST, SECOND, third(swallowing(up))]).migrate(db)
    assert broken.value.called == called
    assert cure in str(broken.value)
    assert content(notes) == before


@pytest.mark.parametrize("up", LOSSES)
def test_a_statement_that_undoes_the_transaction_fails_with_its_own_error(notes, connection, up):
    before = content(notes)
    with handed_over(connection, notes) as db, pytest.raises(MigrationFailed) as failed:
        Migrator([FIRST, SECOND, third(up)]).migrate(db)
    assert isinstance(failed.value.__cause__, sqlite3.IntegrityError)
    assert str(failed.value.__cause__) in str(failed.value)
    assert content(notes) == before


@pytest.mark.parametrize("up", LOSSES)
def test_what_follows_a_lost_transaction_is_refused_when_the_author_swallows_the_loss(notes, connection, up):
    before = content(notes)
    with handed_over(connection, notes) as db, pytest.raises(TransactionBroken) as broken:
        Migrator([FIRST, SECOND, third(swallowing(up))]).migrate(db)
    assert broken.value.id == "003_under_test"
    assert content(notes) == before


@pytest.mark.parametrize("up", LOSSES)
def test_a_lost_transaction_is_noticed_even_if_nothing_follows(notes, connection, up):
    before = content(notes)
    last = Migration("003_under_test", 3, "Under test", swallowing(up))
    with (
        handed_over(connection, notes) as db,
        pytest.raises(TransactionBroken, match=r"transaction was lost|lost its") as b,
    ):
        Migrator([FIRST, SECOND, last]).migrate(db)
    assert LOST in str(b.value)
    assert content(notes) == before


@pytest.mark.parametrize("wrap", [lambda up: up, swallowing], ids=["raised", "swallowed"])
def test_a_migration_that_closes_the_connection_is_undone(notes, connection, wrap):
    before = content(notes)
    with handed_over(connection, notes) as db, pytest.raises(TransactionBroken) as broken:
        Migrator([FIRST, SECOND, third(wrap(lambda db: db.conn.close()))]).migrate(db)
    assert LOST in str(broken.value)
    assert "Everything was undone" in str(broken.value)
    assert content(notes) == before


def test_a_commit_compiled_before_the_run_is_refused_too(notes, connection):
    before = content(notes)

    def begin_and_commit(conn):
        conn.execute("BEGIN")
        conn.execute("COMMIT")

    with handed_over(connection, notes) as db:
        if connection != "path":
            begin_and_commit(getattr(db, "conn", db))
        with pytest.raises(TransactionBroken, match="COMMIT"):
            Migrator([FIRST, SECOND, third(execute("COMMIT"))], prepare=begin_and_commit).migrate(db)
    assert content(notes) == before


def test_the_authors_own_error_stays_to_be_seen_behind_the_refusal(notes):
    with pytest.raises(TransactionBroken) as broken:
        Migrator([FIRST, SECOND, third(with_conn_that_raises)]).migrate(notes)
    chain, error = [], broken.value
    while error is not None:
        chain.append(str(error))
        error = error.__cause__ or error.__context__
    assert "the author's own error" in chain


def test_an_author_who_takes_the_guard_off_and_commits_is_found_out(notes, connection):
    def up(db):
        db.conn.set_authorizer(None)
        db.conn.commit()

    with handed_over(connection, notes) as db, pytest.raises(TransactionBroken, match="lost its transaction") as broken:
        Migrator([FIRST, SECOND, Migration("003_under_test", 3, "Under test", up)]).migrate(db)
    assert LOST in str(broken.value)
    assert query(notes, "SELECT count(*) FROM _migrations WHERE version = 3") == [(0,)]


@pytest.mark.parametrize("statement", ["VACUUM", "VACUUM INTO 'copy.db'"])
@SOME
def test_vacuum_inside_a_transaction_says_how_it_can_run(notes, connection, statement):
    before = content(notes)
    with handed_over(connection, notes) as db, pytest.raises(MigrationFailed, match="cannot VACUUM") as failed:
        Migrator([FIRST, SECOND, third(execute(statement))]).migrate(db)
    assert "transactional = False" in str(failed.value)
    assert content(notes) == before


def vacuum_and_meddle(db):
    db.conn.execute("VACUUM")  # it copies the history, and so writes into a table of that name
    db.conn.execute("BEGIN")
    db.conn.execute(
        "INSERT INTO _migrations SELECT 9, '009_odd', description, applied_at, 0, '', '', 0, 1 FROM main._migrations LIMIT 1"
    )
    db.conn.execute("COMMIT")


def test_what_vacuum_may_do_with_the_history_no_statement_may_after_it(notes):
    vacuums = Migration("003_under_test", 3, "Under test", vacuum_and_meddle, transactional=False)
    with pytest.raises(MigrationFailed, match=MEDDLED):
        Migrator([FIRST, SECOND, vacuums]).migrate(notes)
    assert query(notes, "SELECT id FROM _migrations WHERE version = 9") == []


# -- what stays allowed ------------------------------------------------------------------------------------------


def atomic(db):
    with db.atomic():
        db["notes"].insert({"text": "kept"})


def atomic_that_fails(db):
    with suppress(ValueError), db.atomic():
        db["notes"].insert({"text": "taken back"})
        raise ValueError


def savepoints(db):
    db.execute("SAVEPOINT here")
    db.execute("INSERT INTO notes (text) VALUES ('taken back')")
    db.execute("ROLLBACK TO here")
    db.execute("INSERT INTO notes (text) VALUES ('kept')")
    db.execute("RELEASE here")


def script(db):
    db.executescript("CREATE TABLE x (y); INSERT INTO x VALUES (';');\nINSERT INTO notes (text) VALUES ('kept');")


def full_text(db):
    db["notes"].enable_fts(["text"], create_triggers=True)
    assert [row["text"] for row in db["notes"].search("second")] == ["second"]


def upsert(db):
    db["notes"].upsert({"id": 2, "text": "kept"}, pk="id")


def convert(db):
    db["notes"].convert("text", str.upper)


def a_history_table_that_is_there_already(db):
    db.execute("CREATE TABLE IF NOT EXISTS _migrations (id TEXT)")


def read_the_history(db):
    assert "001_step" in [row["id"] for row in db.query("SELECT id FROM _migrations ORDER BY version")]


def conflicts_resolved_otherwise(db):
    db.execute("INSERT OR IGNORE INTO notes (id, text) VALUES (1, 'twin')")
    db.execute("INSERT OR REPLACE INTO notes (id, text) VALUES (1, 'twin')")
    with suppress(sqlite3.IntegrityError):
        db.execute("INSERT OR FAIL INTO notes (id, text) VALUES (1, 'twin')")
    with suppress(sqlite3.IntegrityError):
        db.execute("INSERT OR ABORT INTO notes (id, text) VALUES (1, 'twin')")


ALLOWED = [
    atomic,
    atomic_that_fails,
    savepoints,
    script,
    full_text,
    upsert,
    convert,
    a_history_table_that_is_there_already,
    read_the_history,
    conflicts_resolved_otherwise,
    pytest.param(lambda db: db["notes"].transform(types={"text": str}, defaults={"text": ""}), id="transform()"),
    pytest.param(lambda db: db["notes"].create_index(["text"]), id="create_index()"),
    pytest.param(lambda db: db["notes"].insert_all({"text": str(i)} for i in range(300)), id="insert_all()"),
    pytest.param(lambda db: db["notes"].add_column("more", str), id="add_column()"),
    pytest.param(lambda db: db.create_view("titles", "SELECT text FROM notes"), id="create_view()"),
    pytest.param(execute("CREATE VIRTUAL TABLE words USING fts5 (word)"), id="FTS5"),
    pytest.param(execute("CREATE VIEW past AS SELECT * FROM _migrations"), id="a view over the history"),
    pytest.param(execute("CREATE TEMP TABLE scratch AS SELECT * FROM notes"), id="a temporary table"),
    pytest.param(execute("PRAGMA user_version = 7"), id="PRAGMA user_version"),
    pytest.param(execute("PRAGMA legacy_alter_table = ON"), id="PRAGMA legacy_alter_table"),
    pytest.param(execute("PRAGMA defer_foreign_keys = ON"), id="PRAGMA defer_foreign_keys"),
    pytest.param(execute("PRAGMA foreign_keys"), id="reading PRAGMA foreign_keys"),
    pytest.param(execute("PRAGMA journal_mode"), id="reading PRAGMA journal_mode"),
    pytest.param(execute("PRAGMA table_info(notes)"), id="PRAGMA table_info"),
    pytest.param(execute("PRAGMA foreign_key_check"), id="PRAGMA foreign_key_check"),
]


@pytest.mark.parametrize("up", ALLOWED)
@SOME
def test_what_does_no_harm_is_allowed(notes, connection, up):
    def act(db):
        db.execute("CREATE TABLE proof (x)")
        up(db)

    with handed_over(connection, notes) as db:
        report = Migrator([FIRST, SECOND, Migration("003_allowed", 3, "Allowed", act)]).migrate(db)
    assert report.ran == ("002_step", "003_allowed")
    assert query(notes, "SELECT count(*) FROM sqlite_master WHERE name = 'proof'") == [(1,)]


def test_a_savepoint_taken_back_leaves_nothing_and_one_released_stays(notes):
    embedmig.run_migrations(notes, [FIRST, SECOND, Migration("003_savepoints", 3, "Savepoints", savepoints)])
    assert query(notes, "SELECT text FROM notes WHERE id > 2") == [("kept",)]


def test_user_version_is_undone_with_the_rest(notes):
    def up(db):
        db.execute("PRAGMA user_version = 7")
        raise ValueError("after it")

    with pytest.raises(MigrationFailed):
        embedmig.run_migrations(notes, [FIRST, SECOND, Migration("003_version", 3, "Version", up)])
    assert content(notes)["user_version"] == 0


# -- the caller's connection, before and after --------------------------------------------------------------------

SETTINGS = ["foreign_keys", "synchronous", "busy_timeout", "legacy_alter_table", "recursive_triggers", "analysis_limit"]


def no_change(db):
    db.execute("CREATE TABLE x (y)")


def change_settings(db):
    db.execute("PRAGMA legacy_alter_table = ON")
    db.execute("PRAGMA recursive_triggers = ON")
    db.execute("CREATE TABLE x (y)")


def change_settings_back(db):
    db.execute("PRAGMA legacy_alter_table = OFF")
    db.execute("PRAGMA recursive_triggers = OFF")
    db.execute("CREATE TABLE x (y)")


def fail(db):
    change_settings(db)
    raise ValueError("on purpose")


def interrupted(db):
    change_settings(db)
    raise KeyboardInterrupt


def commits(db):
    change_settings_back(db)
    db.conn.commit()


def set_row_factory(db):
    db.conn.row_factory = sqlite3.Row
    db.conn.text_factory = bytes
    db.execute("CREATE TABLE x (y)")


@pytest.mark.parametrize(
    ("up", "outcome"),
    [
        (no_change, nullcontext()),
        (change_settings, nullcontext()),
        (change_settings_back, nullcontext()),
        (set_row_factory, nullcontext()),
        (fail, pytest.raises(MigrationFailed, match="on purpose")),
        (interrupted, pytest.raises(KeyboardInterrupt)),
        (commits, pytest.raises(TransactionBroken, match="COMMIT")),
    ],
)
@pytest.mark.parametrize("switch", [0, 1], ids=["off", "on"])
@pytest.mark.parametrize("level", [None, "DEFERRED", "EXCLUSIVE"])
@pytest.mark.parametrize("notes", ["delete"], indirect=True)
def test_the_callers_connection_is_as_it_was(notes, up, outcome, switch, level):
    chosen = {"synchronous": 1, "busy_timeout": 1234, "analysis_limit": 77}
    values = {name: chosen.get(name, switch) for name in SETTINGS}
    with closing(sqlite3.connect(notes, isolation_level=level)) as conn:
        for name, value in values.items():
            conn.execute(f"PRAGMA {name} = {value}").fetchall()
        conn.row_factory, conn.text_factory = dict_row, decoded
        with outcome:
            embedmig.run_migrations(conn, [FIRST, SECOND, Migration("003_under_test", 3, "Under test", up)])
        assert (conn.row_factory, conn.text_factory) == (dict_row, decoded)
        assert conn.isolation_level == level
        assert not conn.in_transaction
        conn.row_factory, conn.text_factory = None, str
        assert {name: conn.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS} == values
        conn.execute("UPDATE _migrations SET description = 'no guard is left'")
        conn.execute("BEGIN") if level is None else None
        conn.execute("INSERT INTO notes (text) VALUES ('written after the run')")
        conn.commit()
    assert query(notes, "SELECT description FROM _migrations WHERE version = 1") == [("no guard is left",)]
    assert query(notes, "SELECT count(*) FROM notes WHERE text = 'written after the run'") == [(1,)]


def dict_row(cursor, row):
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def decoded(data: bytes) -> str:
    return data.decode()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Connection.autocommit is new in Python 3.12")
def test_a_migration_that_sets_autocommit_to_false_leaves_no_trace_of_it(notes):
    def up(db):
        db.conn.autocommit = False

    with closing(sqlite3.connect(notes)) as conn:
        with suppress(TransactionBroken):  # refused or put back: either will do
            embedmig.run_migrations(conn, [FIRST, SECOND, Migration("003_under_test", 3, "Under test", up)])
        assert conn.autocommit == sqlite3.LEGACY_TRANSACTION_CONTROL
        assert not conn.in_transaction


def test_the_database_that_is_handed_back_has_no_guard(notes):
    with embedmig.open(notes, [FIRST, SECOND]) as db:
        db["_migrations"].update(1, {"description": "no guard is left"})
        db.conn.execute("PRAGMA foreign_keys = ON")
    assert query(notes, "SELECT description FROM _migrations WHERE version = 1") == [("no guard is left",)]


# -- triggers, indexes and views -----------------------------------------------------------------------------------

SEARCHABLE = [
    sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (1, 'first')"),
    Migration("002_search", 2, "Search", lambda db: db["notes"].enable_fts(["text"], create_triggers=True)),
    sql(3, "CREATE INDEX by_text ON notes (text); CREATE VIEW titles AS SELECT text FROM notes"),
]
REBUILD = """
    CREATE TABLE new (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
    INSERT INTO new SELECT * FROM notes;
    DROP TABLE notes;
    PRAGMA legacy_alter_table = ON;
    ALTER TABLE new RENAME TO notes;
"""
BACK = """
    CREATE INDEX by_text ON notes (text);
    CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
      INSERT INTO notes_fts (rowid, text) VALUES (new.rowid, new.text);
    END;
    CREATE TRIGGER notes_ad AFTER DELETE ON notes BEGIN
      INSERT INTO notes_fts (notes_fts, rowid, text) VALUES ('delete', old.rowid, old.text);
    END;
    CREATE TRIGGER notes_au AFTER UPDATE ON notes BEGIN
      INSERT INTO notes_fts (notes_fts, rowid, text) VALUES ('delete', old.rowid, old.text);
      INSERT INTO notes_fts (rowid, text) VALUES (new.rowid, new.text);
    END;
"""
LOST_OBJECTS = {f"trigger notes_{x} on notes" for x in ("ai", "ad", "au")} | {"index by_text on notes"}


@pytest.mark.parametrize(
    "changes",
    [{"not_null": {"text"}}, {"add_foreign_keys": [], "types": {"id": int}}, {"column_order": ["text", "id"]}],
    ids=["not_null", "types", "column_order"],
)
def test_transform_keeps_the_triggers_so_search_still_works(path, caplog, changes):
    last = Migration("004_transform", 4, "Transform", lambda db: db["notes"].transform(**changes))
    with embedmig.open(path, [*SEARCHABLE, last]) as db:
        db["notes"].insert({"id": 2, "text": "second"})
        db.conn.commit()
        assert [row["text"] for row in db["notes"].search("second")] == ["second"]
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'") == [(3,)]
    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_a_rebuild_that_forgets_triggers_and_indexes_is_a_logged_warning(path, caplog):
    embedmig.run_migrations(path, SEARCHABLE)
    report = embedmig.run_migrations(path, [*SEARCHABLE, sql(4, REBUILD)])
    assert report.after == 4
    (warning,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert warning.name == "embedmig"
    lost = warning.message.removeprefix("004_step lost ").removesuffix(", which it did not drop by name")
    assert set(lost.split(", ")) == LOST_OBJECTS


def test_a_rebuild_that_forgets_triggers_is_an_error_under_strict(path):
    embedmig.run_migrations(path, SEARCHABLE)
    before = content(path)
    with pytest.raises(MigrationFailed, match="lost trigger notes_ai on notes") as failed:
        Migrator([*SEARCHABLE, sql(4, REBUILD)], strict=True).migrate(path)
    assert "Create it anew in the migration, or drop it by name first." in str(failed.value)
    assert content(path) == before


NOTHING_VANISHED = {
    "all made anew": REBUILD + BACK,
    "dropped by name": "DROP TRIGGER notes_ai; DROP TRIGGER notes_ad; DROP TRIGGER notes_au; DROP INDEX by_text; DROP VIEW titles",
    "dropped by name, then rebuilt": "DROP TRIGGER notes_ai; DROP TRIGGER notes_ad; DROP TRIGGER notes_au; DROP INDEX by_text;"
    + REBUILD,
    "the table renamed": "ALTER TABLE notes RENAME TO memos",
    "a column renamed": "ALTER TABLE notes RENAME COLUMN text TO body",
    "the table dropped with all that is its": "DROP VIEW titles; DROP TABLE notes",
    "an index made otherwise": "DROP INDEX by_text; CREATE INDEX by_text ON notes (text COLLATE NOCASE)",
}


@pytest.mark.parametrize("up", NOTHING_VANISHED.values(), ids=NOTHING_VANISHED)
def test_what_is_dropped_by_name_renamed_or_made_anew_is_no_loss(path, caplog, up):
    embedmig.run_migrations(path, SEARCHABLE)
    report = Migrator([*SEARCHABLE, sql(4, up)], strict=True).migrate(path)
    assert report.after == 4
    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_a_view_made_anew_without_its_triggers_is_a_logged_warning(path, caplog):
    view = "CREATE VIEW titles AS SELECT text FROM notes;"
    trigger = "CREATE TRIGGER typed INSTEAD OF INSERT ON titles BEGIN INSERT INTO notes (text) VALUES (new.text); END;"
    table = sql(1, f"CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); {view} {trigger}")
    again = sql(2, f"DROP VIEW titles; {view} {trigger}")
    forgotten = sql(3, f"DROP VIEW titles; {view}")
    gone = sql(4, f"{trigger} DROP VIEW titles")
    embedmig.run_migrations(path, [table, again, forgotten, gone])
    (warning,) = [r.message for r in caplog.records if r.levelno >= logging.WARNING]
    assert warning == "003_step lost trigger typed on titles, which it did not drop by name"


def test_the_loss_is_laid_to_the_migration_that_caused_it(path, caplog):
    late = [sql(4, "CREATE TABLE x (y)"), sql(5, "CREATE INDEX xs ON x (y)"), sql(6, REBUILD), sql(7, "DROP TABLE x")]
    embedmig.run_migrations(path, [*SEARCHABLE, *late])
    (warning,) = [r.message for r in caplog.records if r.levelno >= logging.WARNING]
    assert warning.startswith("006_step lost ")
    assert "xs" not in warning


# -- a full disk ---------------------------------------------------------------------------------------------------


def fill(db):
    db.execute("CREATE TABLE big (x)")
    db.execute("INSERT INTO big VALUES (zeroblob(1000000))")


def fill_by_conn(db):
    db.conn.execute("CREATE TABLE big (x)")
    db.conn.execute("INSERT INTO big VALUES (zeroblob(1000000))")


def fill_by_insert_all(db):
    db["big"].insert_all({"x": bytes(10_000)} for _ in range(1000))


def no_room(conn):
    """The disk is as full as SQLite can make it seem."""
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count = {pages + 10}").fetchall()


def with_no_room(db, up) -> Migrator:
    if not isinstance(db, Path):
        no_room(getattr(db, "conn", db))
    return Migrator([FIRST, SECOND, up], prepare=no_room)


@pytest.mark.parametrize("up", [fill, fill_by_conn, fill_by_insert_all])
def test_a_full_disk_is_reported_as_a_full_disk(notes, connection, up):
    before = content(notes)
    with handed_over(connection, notes) as db, pytest.raises(DiskFull) as full:
        with_no_room(db, third(up)).migrate(db)
    assert "The disk is full: in up of 003_under_test" in str(full.value)
    assert "Everything was undone: notes.db is still at version 1. Free some space" in str(full.value)
    assert isinstance(full.value.__cause__, sqlite3.OperationalError)
    assert content(notes) == before


@pytest.mark.parametrize("up", [fill, fill_by_insert_all])
@pytest.mark.parametrize("goes_on", [True, False], ids=["goes on", "stops"])
@SOME
def test_a_full_disk_is_reported_as_a_full_disk_when_the_author_swallows_it(notes, connection, up, goes_on):
    before = content(notes)
    last = third(swallowing(up)) if goes_on else Migration("003_under_test", 3, "Under test", swallowing(up))
    with handed_over(connection, notes) as db, pytest.raises(DiskFull) as full:
        with_no_room(db, last).migrate(db)
    assert "Everything was undone: notes.db is still at version 1. Free some space" in str(full.value)
    assert content(notes) == before


@SOME
def test_a_loss_that_nobody_saw_may_have_been_a_full_disk_and_the_error_says_so(notes, connection):
    before = content(notes)
    with handed_over(connection, notes) as db, pytest.raises((TransactionBroken, DiskFull)) as broken:
        with_no_room(db, third(swallowing(fill_by_conn))).migrate(db)
    assert "full disk" in str(broken.value) or "disk is full" in str(broken.value)
    assert content(notes) == before


def test_a_full_disk_in_sql_leaves_every_byte_as_it_was(path):
    embedmig.run_migrations(path, [FIRST])
    before = fingerprint(path)
    big = "CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(1000000));"
    with pytest.raises(DiskFull, match="in up of 003_step"):
        Migrator([FIRST, SECOND, sql(3, big)], prepare=no_room).migrate(path)
    assert fingerprint(path) == before


def test_what_failed_first_is_not_masked_by_what_came_of_it(notes, connection):
    def up(db):
        try:
            db.execute("INSERT INTO nowhere VALUES (1)")
        finally:
            db.conn.rollback()

    before = content(notes)
    with handed_over(connection, notes) as db, pytest.raises(TransactionBroken) as broken:
        Migrator([FIRST, SECOND, third(up)]).migrate(db)
    chain, error = [], broken.value
    while error is not None:
        chain.append(str(error))
        error = error.__cause__ or error.__context__
    assert "no such table: nowhere" in chain
    assert content(notes) == before


def test_a_trigger_that_is_dropped_by_name_did_not_vanish_whatever_letters_it_has(path):
    one = sql(1, 'CREATE TABLE t (x); CREATE TRIGGER "\u00c4B" AFTER INSERT ON t BEGIN SELECT 1; END')
    migrator = embedmig.Migrator([one, sql(2, 'DROP TRIGGER "\u00c4B"')], strict=True)
    assert migrator.migrate(path).after == 2
