"""The caller's own connections: which are taken, which are refused with the cure, and what prepare may do."""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlite_utils
from helpers import content, fingerprint, query, sql

import embedmig
from embedmig import Migration, MigrationFailed, Migrator, UsageError

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (1, 'first')")
TWO = Migration("002_step", 2, "step 2", lambda db: db["tags"].create({"id": int, "name": str}, pk="id"))
BOTH = [ONE, TWO]

autocommit = pytest.mark.skipif(sys.version_info < (3, 12), reason="Connection.autocommit is new in Python 3.12")


@pytest.fixture
def notes(path):
    """A user's file at version 1."""
    embedmig.run_migrations(path, [ONE])
    return path


# -- what is taken -------------------------------------------------------------------------------------------------


@contextmanager
def plain(path):
    with closing(sqlite3.connect(path)) as conn:
        yield conn


@contextmanager
def utils(path):
    with closing(sqlite3.connect(path)) as conn:
        yield sqlite_utils.Database(conn)


class MyConnection(sqlite3.Connection):
    """An app may have a class of its own."""


@contextmanager
def subclassed(path):
    with closing(sqlite3.connect(path, factory=MyConnection)) as conn:
        yield conn


@contextmanager
def uri(path):
    with closing(sqlite3.connect(path.as_uri(), uri=True)) as conn:
        yield conn


@pytest.mark.parametrize("opened", [plain, utils, subclassed, uri])
def test_a_connection_is_migrated_and_stays_open(path, opened):
    with opened(path) as db:
        report = embedmig.run_migrations(db, BOTH)
        assert (report.path, report.before, report.after) == (str(path), 0, 2)
        assert getattr(db, "conn", db).execute("SELECT text FROM notes").fetchall() == [("first",)]
        assert Migrator(BOTH).is_current(db)
        assert Migrator(BOTH).status(db).version == 2
        assert [a.version for a in embedmig.get_applied_migrations(db)] == [1, 2]
        assert embedmig.run_migrations(db, BOTH).ran == ()


@pytest.mark.parametrize("memory", [":memory:", ""])
def test_a_database_in_memory_is_migrated(memory):
    with closing(sqlite3.connect(memory)) as conn:
        report = embedmig.run_migrations(conn, BOTH)
        assert (report.path, report.ran) == (None, ("001_step", "002_step"))
        assert Migrator(BOTH).is_current(conn)


def test_an_error_about_a_database_in_memory_needs_no_name():
    bad = sql(2, "SELECT nowhere FROM notes")
    with closing(sqlite3.connect(":memory:")) as conn, pytest.raises(MigrationFailed) as failed:
        embedmig.run_migrations(conn, [ONE, bad])
    assert failed.value.path is None
    assert str(failed.value).startswith("The database: up of 002_step failed")


@pytest.mark.parametrize("verb", ["open", "connect"])
def test_memory_can_be_opened_by_its_name(verb):
    with closing(getattr(embedmig, verb)(":memory:", BOTH)) as db:
        assert len(embedmig.get_applied_migrations(db)) == 2


def test_memory_by_its_name_is_migrated_and_gone():
    assert embedmig.run_migrations(":memory:", BOTH).after == 2


def test_what_is_handed_back_is_an_ordinary_database(path):
    with embedmig.open(path, BOTH) as db:
        assert type(db) is sqlite_utils.Database
        assert set(db.table_names()) >= {"notes", "tags"}
        assert db.conn.row_factory is None
        assert not db.conn.in_transaction
        db["notes"].insert({"text": "second"})
    assert query(path, "SELECT count(*) FROM notes") == [(2,)]


def test_what_connect_hands_back_is_a_plain_connection(path):
    with closing(embedmig.connect(path, BOTH)) as conn:
        assert type(conn) is sqlite3.Connection
        conn.execute("INSERT INTO notes (text) VALUES ('second')")
        conn.commit()
    assert query(path, "SELECT count(*) FROM notes") == [(2,)]


def factory_of_dicts(cursor, row):
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


@pytest.mark.parametrize("row_factory", [sqlite3.Row, factory_of_dicts, lambda cursor, row: None])
@pytest.mark.parametrize("text_factory", [str, bytes, lambda data: data.decode(errors="replace").upper()])
@pytest.mark.parametrize("shipped", [[ONE], BOTH], ids=["nothing pending", "pending"])
def test_the_callers_factories_do_not_disturb_embedmig(notes, row_factory, text_factory, shipped):
    with closing(sqlite3.connect(notes)) as conn:
        conn.row_factory, conn.text_factory = row_factory, text_factory
        migrator = Migrator(shipped)
        assert migrator.status(conn).pending == tuple(m.id for m in shipped[1:])
        assert [a.id for a in embedmig.get_applied_migrations(conn)] == ["001_step"]
        assert migrator.is_current(conn) is (shipped == [ONE])
        assert migrator.migrate(conn).after == len(shipped)
        assert (conn.row_factory, conn.text_factory) == (row_factory, text_factory)


def test_a_connection_that_converts_types_reads_the_originals_history_as_text():
    with closing(sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES)) as conn:
        conn.executescript(
            """
            CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
            CREATE TABLE _migrations (id TEXT PRIMARY KEY, version INTEGER, description TEXT, applied_at TIMESTAMP);
            INSERT INTO _migrations VALUES ('001_step', 1, 'Initial', '2025-09-30T10:00:00.000Z');
            """
        )
        (applied,) = embedmig.get_applied_migrations(conn)
        assert applied.applied_at == "2025-09-30T10:00:00.000Z"
        assert embedmig.run_migrations(conn, BOTH).ran == ("002_step",)
        assert embedmig.get_applied_migrations(conn)[0].applied_at == "2025-09-30T10:00:00.000Z"


def test_migrations_get_rows_as_tuples_whatever_the_callers_factory(notes):
    def up(db):
        assert db.execute("SELECT text FROM notes").fetchone() == ("first",)

    with closing(sqlite3.connect(notes)) as conn:
        conn.row_factory = sqlite3.Row
        assert embedmig.run_migrations(conn, [ONE, Migration("002_rows", 2, "Rows", up)]).after == 2


# -- what is refused -------------------------------------------------------------------------------------------------

VERBS = [
    pytest.param(lambda db: embedmig.run_migrations(db, BOTH), id="run_migrations"),
    pytest.param(lambda db: Migrator([ONE]).migrate(db), id="migrate with nothing pending"),
    pytest.param(lambda db: Migrator(BOTH).baseline(db, 2), id="baseline"),
    pytest.param(lambda db: embedmig.mark_migration_applied(db, TWO), id="mark_migration_applied"),
]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("wrap", [lambda conn: conn, sqlite_utils.Database], ids=["sqlite3", "sqlite_utils"])
def test_a_connection_with_an_open_transaction_is_refused_and_the_transaction_stays(notes, verb, wrap):
    with closing(sqlite3.connect(notes)) as conn:
        db = wrap(conn)
        conn.execute("INSERT INTO notes (text) VALUES ('not committed yet')")
        with pytest.raises(UsageError) as refused:
            verb(db)
        assert str(refused.value) == (
            "This connection has an open transaction. Nothing was changed."
            " Commit or roll back first: embedmig begins and commits by itself."
        )
        assert conn.in_transaction
        conn.commit()
    assert query(notes, "SELECT count(*) FROM notes") == [(2,)]
    assert [a.version for a in embedmig.get_applied_migrations(notes)] == [1]


@autocommit
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("setting", [True, False])
def test_a_connection_made_with_autocommit_is_refused(notes, verb, setting):
    before = fingerprint(notes)
    with closing(sqlite3.connect(notes, autocommit=setting)) as conn:
        conn.rollback()
        with pytest.raises(UsageError) as refused:
            verb(conn)
    assert "transaction" in str(refused.value) or f"autocommit={setting}" in str(refused.value)
    assert fingerprint(notes) == before


@autocommit
@pytest.mark.parametrize("setting", [True, False])
def test_the_refusal_of_autocommit_names_it_and_the_cure(notes, setting):
    with closing(sqlite3.connect(notes, autocommit=setting)) as conn, pytest.raises(UsageError) as refused:
        embedmig.run_migrations(conn, BOTH)
    assert str(refused.value) == (
        f"This connection was made with autocommit={setting}. Nothing was changed."
        " Leave autocommit out of sqlite3.connect()."
    )


@pytest.mark.parametrize("thing", [None, 7, object(), ["notes.db"], {"path": "notes.db"}])
def test_what_is_no_database_is_refused_by_its_type(thing):
    with pytest.raises(UsageError, match=f"A {type(thing).__name__} is not a database") as refused:
        embedmig.run_migrations(thing, BOTH)
    assert "Give a path, a sqlite3.Connection or a sqlite_utils.Database." in str(refused.value)


def test_a_closed_connection_is_called_so(notes):
    conn = sqlite3.connect(notes)
    conn.close()
    with pytest.raises((UsageError, sqlite3.ProgrammingError), match="closed"):
        embedmig.run_migrations(conn, BOTH)


def test_a_connection_of_another_thread_is_called_so_and_not_harmed(notes):
    raised = []

    def run(conn):
        try:
            embedmig.run_migrations(conn, BOTH)
        except Exception as error:
            raised.append(error)

    with closing(sqlite3.connect(notes)) as conn:
        thread = threading.Thread(target=run, args=[conn])
        thread.start()
        thread.join()
        assert isinstance(raised[0], UsageError | sqlite3.ProgrammingError)
        assert "thread" in str(raised[0])
        assert embedmig.run_migrations(conn, BOTH).after == 2


@pytest.mark.parametrize("mode", ["mode=ro", "mode=ro&immutable=1"])
def test_a_connection_that_may_only_read_is_fine_with_nothing_pending_and_refused_with_something(notes, mode):
    before = fingerprint(notes)
    with closing(sqlite3.connect(f"{notes.as_uri()}?{mode}", uri=True)) as conn:
        assert embedmig.run_migrations(conn, [ONE]).ran == ()
        assert Migrator(BOTH).status(conn).pending == ("002_step",)
        with pytest.raises(embedmig.DatabaseReadOnly) as refused:
            embedmig.run_migrations(conn, BOTH)
        assert (refused.value.version, refused.value.data_is_safe) == (1, True)
        assert not conn.in_transaction
    assert fingerprint(notes) == before


def test_a_connection_to_a_hard_linked_file_is_refused_too(notes, tmp_path):
    (tmp_path / "other.db").hardlink_to(notes)
    before = fingerprint(notes)
    with closing(sqlite3.connect(notes)) as conn, pytest.raises(embedmig.UnusablePath, match="has 2 names"):
        embedmig.run_migrations(conn, BOTH)
    assert fingerprint(notes) == before


def test_a_connection_with_another_database_attached_changes_only_its_main_one(notes, tmp_path):
    other = tmp_path / "other.db"
    embedmig.run_migrations(other, [sql(1, "CREATE TABLE songs (x)")])
    before = content(other)
    with closing(sqlite3.connect(notes)) as conn:
        conn.execute("ATTACH ? AS other", [str(other)])
        assert embedmig.run_migrations(conn, BOTH).after == 2
    assert content(other) == before


def test_a_temporary_table_called_like_the_history_is_not_taken_for_it(notes):
    with closing(sqlite3.connect(notes)) as conn:
        conn.execute("CREATE TEMP TABLE _migrations (id, version)")
        conn.execute("INSERT INTO temp._migrations VALUES ('009_strange', 9)")
        conn.commit()
        assert [a.version for a in embedmig.get_applied_migrations(conn)] == [1]
        assert embedmig.run_migrations(conn, BOTH).after == 2
        assert conn.execute("SELECT count(*) FROM temp._migrations").fetchone() == (1,)
    assert [a.version for a in embedmig.get_applied_migrations(notes)] == [1, 2]


# -- prepare ----------------------------------------------------------------------------------------------------------


class Prepare:
    """The app's prepare, which remembers the connections that it got."""

    def __init__(self, action=lambda conn: None):
        self.action = action
        self.seen = []

    def __call__(self, conn):
        self.seen.append(conn)
        self.action(conn)


def test_prepare_runs_on_every_connection_that_is_opened_the_handed_back_one_included(path):
    prepare = Prepare()
    migrator = Migrator(BOTH, prepare=prepare)
    for launch in ("first", "with nothing pending"):
        prepare.seen.clear()
        with migrator.open(path) as db:
            assert prepare.seen[-1] is db.conn, launch
            assert prepare.seen.count(db.conn) == 1
    with migrator.open(":memory:") as db:
        assert prepare.seen[-1] is db.conn


def test_prepare_runs_before_the_migrations_see_the_connection(path):
    def functions(conn):
        conn.create_function("shout", 1, lambda text: text.upper() + "!")
        conn.execute("PRAGMA foreign_keys = ON")

    third = sql(3, "UPDATE notes SET text = shout(text)")
    with embedmig.open(path, [*BOTH, third], prepare=functions) as db:
        assert db.execute("SELECT text, shout(text) FROM notes").fetchall() == [("FIRST!", "FIRST!!")]
        assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_prepare_does_not_run_on_the_callers_connection(notes):
    prepare = Prepare()
    with closing(sqlite3.connect(notes)) as conn:
        Migrator(BOTH, prepare=prepare).migrate(conn)
    assert prepare.seen == []


def test_prepare_does_not_run_on_a_file_that_is_refused(notes):
    embedmig.run_migrations(notes, BOTH)
    prepare = Prepare()
    with pytest.raises(embedmig.DatabaseTooNew):
        Migrator([ONE], prepare=prepare).open(notes)
    assert prepare.seen == []


CHECKED = [
    ONE,
    sql(
        2,
        """
        CREATE TABLE tags (name TEXT CHECK (is_nice(name)), kind TEXT COLLATE app);
        CREATE INDEX kinds ON tags (kind);
        CREATE TRIGGER tagged AFTER INSERT ON notes BEGIN INSERT INTO tags VALUES (nice(new.text), 'x'); END;
        INSERT INTO notes (text) VALUES ('second');
        """,
    ),
]


def with_functions(conn):
    conn.create_function("is_nice", 1, lambda text: text.startswith("nice"), deterministic=True)
    conn.create_function("nice", 1, lambda text: f"nice {text}", deterministic=True)
    conn.create_collation("app", lambda a, b: (a > b) - (a < b))


def test_functions_and_collations_of_prepare_serve_checks_triggers_and_indexes(path):
    migrator = Migrator(CHECKED, prepare=with_functions)
    with migrator.open(path) as db:
        db["notes"].insert({"text": "third"})
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"), db.atomic():
            db["tags"].insert({"name": "rude"})
    assert query(path, "SELECT name FROM tags") == [("nice second",), ("nice third",)]
    later = Migrator([*CHECKED, sql(3, "UPDATE tags SET name = nice(name)")], prepare=with_functions)
    assert later.migrate(path).ran == ("003_step",)


def test_without_the_apps_functions_the_error_says_where_to_register_them(path):
    Migrator(CHECKED, prepare=with_functions).migrate(path)
    before = fingerprint(path)
    with pytest.raises(embedmig.EmbedmigError, match=r"no such function|unknown function|no such collation") as failed:
        embedmig.run_migrations(path, [*CHECKED, sql(3, "INSERT INTO notes (text) VALUES ('third')")])
    assert "prepare=" in str(failed.value)
    assert fingerprint(path) == before


def leaves_a_transaction(conn):
    conn.execute("BEGIN")


def leaves_a_write(conn):
    conn.execute("CREATE TABLE IF NOT EXISTS mine (x)")
    conn.execute("INSERT INTO mine VALUES (1)")


def sets_row_factory(conn):
    conn.row_factory = sqlite3.Row


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (leaves_a_transaction, "prepare() left a transaction open."),
        (sets_row_factory, "prepare() set a row_factory."),
    ],
)
@pytest.mark.parametrize("shipped", [[ONE], BOTH], ids=["nothing pending", "pending"])
@pytest.mark.parametrize("verb", ["open", "connect"])
def test_what_prepare_must_not_leave_is_an_error(notes, action, message, shipped, verb):
    before = fingerprint(notes)
    with pytest.raises(UsageError) as wrong:
        getattr(Migrator(shipped, prepare=action), verb)(notes)
    assert message in str(wrong.value)
    assert wrong.value.hint
    assert fingerprint(notes) == before


def test_what_prepare_wrote_and_did_not_commit_is_undone(notes):
    with pytest.raises(UsageError, match=r"prepare\(\) left a transaction open"):
        Migrator([ONE], prepare=leaves_a_write).open(notes)
    assert content(notes).get("mine", []) == []


def test_an_authorizer_of_prepare_does_not_take_the_guards_place(notes):
    def watch(conn):
        conn.set_authorizer(lambda *args: sqlite3.SQLITE_OK)

    before = content(notes)
    commits = Migration("002_commits", 2, "Commits", lambda db: db.conn.commit())
    with pytest.raises(embedmig.TransactionBroken, match="COMMIT"):
        Migrator([ONE, commits], prepare=watch).open(notes)
    assert content(notes) == before


@pytest.mark.parametrize("shipped", [[ONE], BOTH], ids=["nothing pending", "pending"])
def test_what_prepare_raises_passes_through(notes, shipped):
    before = fingerprint(notes)

    def broken(conn):
        raise LookupError("the app's own")

    with pytest.raises(LookupError, match="the app's own"):
        Migrator(shipped, prepare=broken).open(notes)
    assert fingerprint(notes) == before


def test_prepare_may_switch_to_wal_at_each_launch(path):
    def wal(conn):
        conn.execute("PRAGMA journal_mode = WAL")

    for _ in range(3):
        with embedmig.open(path, BOTH, prepare=wal) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# -- migrating and going on --------------------------------------------------------------------------------------------


def test_prepared_statements_of_the_caller_work_after_the_run(notes):
    with closing(sqlite3.connect(notes)) as conn:
        cached = "SELECT * FROM notes WHERE id = ?"
        assert conn.execute(cached, [1]).fetchone() == (1, "first")
        embedmig.run_migrations(conn, [ONE, sql(2, "ALTER TABLE notes ADD COLUMN pinned DEFAULT 7")])
        assert conn.execute(cached, [1]).fetchone() == (1, "first", 7)


def test_a_database_of_the_callers_keeps_working_after_the_run(notes):
    with utils(notes) as db:
        embedmig.run_migrations(db, BOTH)
        db["tags"].insert({"name": "new"})
        assert db["tags"].count == 1


def test_a_migration_that_opens_a_connection_of_its_own_is_told_why_it_waits(notes):
    def up(db):
        with closing(sqlite3.connect(notes, timeout=0)) as conn:
            conn.execute("INSERT INTO notes (text) VALUES ('from elsewhere')")

    before = content(notes)
    with pytest.raises(MigrationFailed) as failed:
        embedmig.run_migrations(notes, [ONE, Migration("002_other", 2, "Other", up)])
    assert "Did it open a second connection? Only the given db can write during the run." in str(failed.value)
    assert content(notes) == before


@pytest.mark.parametrize("how", ["path", "sqlite3"])
def test_a_query_left_open_is_named_as_the_reason(notes, how):
    def up(db):
        rows = db.query("SELECT * FROM notes, pragma_function_list")
        next(rows)
        db["notes"].drop()

    before = content(notes)
    with closing(sqlite3.connect(notes)) as conn, pytest.raises(MigrationFailed) as failed:
        embedmig.run_migrations(notes if how == "path" else conn, [ONE, Migration("002_open", 2, "Open", up)])
    assert "A query is still open: read it to its end, or close its cursor" in str(failed.value)
    assert content(notes) == before


def test_a_returning_that_was_not_read_to_its_end_is_no_half_migration(notes):
    kept = []

    def up(db):
        kept.append(db.conn.execute("INSERT INTO notes (text) VALUES ('a'), ('b') RETURNING id"))
        next(kept[0])

    before = content(notes)
    try:
        Migrator([ONE, Migration("002_returning", 2, "Returning", up)], timeout=0.5).migrate(notes)
    except embedmig.EmbedmigError as error:
        assert "INSERT ... RETURNING" in str(error)
        assert content(notes) == before
    else:
        assert query(notes, "SELECT count(*) FROM notes") == [(3,)]


def test_a_database_that_was_filled_by_deserialize_has_no_file(tmp_path, monkeypatch):
    """SQLite calls it "x": a file of that name has nothing to do with it, and no backup is made beside it."""
    monkeypatch.chdir(tmp_path)
    Path("x").write_bytes(b"something else")
    with closing(sqlite3.connect(":memory:")) as conn, closing(sqlite3.connect(":memory:")) as copy:
        Migrator([ONE]).migrate(conn)
        copy.deserialize(conn.serialize())
        report = Migrator([ONE, TWO]).migrate(copy)
        assert (report.path, report.before, report.after, report.backup) == (None, 1, 2, None)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]
