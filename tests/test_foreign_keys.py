"""Nothing is lost by a rebuild, and no row is left pointing to a parent that is not there."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils
from helpers import content, query, sql
from hypothesis import given, settings
from hypothesis import strategies as st

import embedmig
from embedmig import ForeignKeyViolations, Migration, MigrationFailed, Migrator, run

FAMILY = sql(
    1,
    """
    CREATE TABLE persons (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE pets (id INTEGER PRIMARY KEY, master INTEGER REFERENCES persons ON DELETE CASCADE, name TEXT);
    CREATE TABLE toys (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES persons (id) ON DELETE SET NULL);
    CREATE TABLE plates (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES persons (id));
    CREATE TABLE fleas (pet INTEGER REFERENCES pets ON DELETE CASCADE);
    INSERT INTO persons VALUES (1, 'Ann'), (2, 'Bob');
    INSERT INTO pets VALUES (10, 1, 'Rex'), (11, 2, 'Tom');
    INSERT INTO toys VALUES (20, 1), (21, 2);
    INSERT INTO plates VALUES (30, 1);
    INSERT INTO fleas VALUES (10), (10);
    """,
)
ROWS = {
    "pets": [(10, 1, "Rex"), (11, 2, "Tom")],
    "toys": [(20, 1), (21, 2)],
    "plates": [(30, 1)],
    "fleas": [(10,), (10,)],
}
REBUILD = """
    CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    INSERT INTO new SELECT * FROM persons;
    DROP TABLE persons;
    ALTER TABLE new RENAME TO persons;
"""


def rebuild_in_python(db):
    db.executescript(REBUILD)


def transform(db):
    db["persons"].transform(not_null={"name"})


def transform_that_drops_a_column(db):
    db["persons"].transform(drop={"name"})


def act(up, version: int = 2) -> Migration:
    return Migration(f"{version:03}_act", version, "Act", up)


@pytest.fixture
def family(path):
    """A user's file with foreign keys of every kind."""
    embedmig.run_migrations(path, [FAMILY])
    return path


# -- rebuilds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "up",
    [
        pytest.param(REBUILD, id="sql"),
        pytest.param(
            "PRAGMA foreign_keys = OFF; BEGIN;" + REBUILD + "COMMIT; PRAGMA foreign_keys = ON;", id="12 steps"
        ),
        rebuild_in_python,
        transform,
        transform_that_drops_a_column,
    ],
)
@pytest.mark.parametrize("how", ["path", "sqlite3", "sqlite3 isolation_level=None", "sqlite_utils"])
def test_a_rebuilt_parent_keeps_every_child(family, up, how):
    def on(conn):
        conn.execute("PRAGMA foreign_keys = ON")

    if how == "path":
        Migrator([FAMILY, act(up)], prepare=on).migrate(family)
    else:
        with closing(sqlite3.connect(family, isolation_level=None if "None" in how else "")) as conn:
            on(conn)
            embedmig.run_migrations(sqlite_utils.Database(conn) if how == "sqlite_utils" else conn, [FAMILY, act(up)])
            assert conn.execute("PRAGMA foreign_keys").fetchone() == (1,)
    found = content(family)
    assert {table: found[table] for table in ROWS} == ROWS
    assert query(family, "PRAGMA foreign_key_check") == []


def test_a_rebuilt_parent_is_still_what_the_children_point_to(family):
    with embedmig.open(family, [FAMILY, sql(2, REBUILD)]) as db:
        db.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY constraint failed"), db.atomic():
            db.execute("INSERT INTO pets VALUES (12, 99, 'Stray')")
        with db.atomic():
            db.execute("DELETE FROM persons WHERE id = 2")
        assert db.execute("SELECT id FROM pets").fetchall() == [(10,)]


def test_a_view_over_a_rebuilt_table_reads_the_new_one(family):
    view = sql(2, "CREATE VIEW names AS SELECT name FROM persons")
    rebuild = sql(3, REBUILD.replace("ALTER TABLE new", "PRAGMA legacy_alter_table = ON; ALTER TABLE new"))
    embedmig.run_migrations(family, [FAMILY, view, rebuild, act(lambda db: transform(db), 4)])
    assert query(family, "SELECT name FROM names") == [("Ann",), ("Bob",)]


@pytest.mark.parametrize("enforced", [0, 1])
def test_children_follow_a_renamed_parent(family, enforced):
    with closing(sqlite3.connect(family)) as conn:
        conn.execute(f"PRAGMA foreign_keys = {enforced}")
        embedmig.run_migrations(conn, [FAMILY, sql(2, "ALTER TABLE persons RENAME TO people")])
    parents = 'SELECT m.name, f."table" FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f ORDER BY m.name'
    assert query(family, parents) == [("fleas", "pets"), ("pets", "people"), ("plates", "people"), ("toys", "people")]
    assert query(family, "PRAGMA foreign_key_check") == []


def test_deleting_a_parent_in_a_migration_deletes_no_child_behind_the_authors_back(family):
    with pytest.raises(ForeignKeyViolations):
        embedmig.run_migrations(family, [FAMILY, sql(2, "DELETE FROM persons WHERE id = 1")])
    assert content(family)["pets"] == ROWS["pets"]


# -- violations that are new --------------------------------------------------------------------------------------

NEW = [  # (what the migration does, table, rowid, parent, the child's row, as the error prints it)
    pytest.param(
        "INSERT INTO pets VALUES (12, 99, 'Stray')",
        ("pets", 12, "persons", {"master": 99}),
        "pets rowid 12 -> persons (master=99)",
        id="a child without a parent",
    ),
    pytest.param(
        "DELETE FROM persons WHERE id = 2; DELETE FROM pets WHERE id = 11",
        ("toys", 21, "persons", {"owner": 2}),
        "toys rowid 21 -> persons (owner=2)",
        id="a parent deleted",
    ),
    pytest.param(
        "CREATE TABLE boxes (id INTEGER PRIMARY KEY, shelf REFERENCES shelves); INSERT INTO boxes VALUES (5, 'top')",
        ("boxes", 5, "shelves", {"shelf": "top"}),
        "boxes rowid 5 -> shelves (shelf='top')",
        id="a parent table that is not there",
    ),
    pytest.param(
        """
        CREATE TABLE couples (a INTEGER, b INTEGER, PRIMARY KEY (a, b));
        CREATE TABLE photos (id INTEGER PRIMARY KEY, x INTEGER, y INTEGER, FOREIGN KEY (x, y) REFERENCES couples);
        INSERT INTO photos VALUES (3, 1, 2);
        """,
        ("photos", 3, "couples", {"x": 1, "y": 2}),
        "photos rowid 3 -> couples (x=1, y=2)",
        id="a key of two columns",
    ),
    pytest.param(
        """
        CREATE TABLE tags (name TEXT PRIMARY KEY, person INTEGER REFERENCES persons) WITHOUT ROWID;
        INSERT INTO tags VALUES ('fine', 1), ('lost', 98);
        """,
        ("tags", None, "persons", {"name": "lost", "person": 98}),
        "tags -> persons (name='lost', person=98)",
        id="a WITHOUT ROWID table",
    ),
    pytest.param(
        '''
        CREATE TABLE "my ""pets""" (id INTEGER PRIMARY KEY, "the master" REFERENCES persons);
        INSERT INTO "my ""pets""" VALUES (4, 97);
        ''',
        ('my "pets"', 4, "persons", {"the master": 97}),
        "my \"pets\" rowid 4 -> persons (the master=97)",
        id="names that need quoting",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("up", "violation", "printed"), NEW)
def test_a_row_that_points_nowhere_fails_the_run_and_is_named(family, up, violation, printed):
    before = content(family)
    with pytest.raises(ForeignKeyViolations) as failed:
        embedmig.run_migrations(family, [FAMILY, sql(2, up)])
    error = failed.value
    assert (error.violations, error.total) == ((violation,), 1)
    assert str(error) == (
        f"notes.db: after up of 002_step, 1 row points to a parent that is not there: {printed}."
        " Everything was undone: notes.db is still at version 1."
        " Add the missing parents or remove the rows in the migration itself."
    )
    assert (error.id, error.version, error.path) == ("002_step", 1, str(family))
    assert content(family) == before


def test_many_violations_are_counted_and_the_first_few_shown(family):
    many = ";".join(f"INSERT INTO pets VALUES ({i}, 99, 'stray')" for i in range(100, 130))
    with pytest.raises(ForeignKeyViolations) as failed:
        embedmig.run_migrations(family, [FAMILY, sql(2, many)])
    assert failed.value.total == 30
    assert "30 rows point to a parent that is not there: pets rowid 100 -> persons (master=99);" in str(failed.value)
    assert "pets rowid 104 -> persons (master=99); and 25 more." in str(failed.value)


def test_a_key_that_cannot_be_checked_is_named(family):
    """The parent's column is not unique: SQLite raises "foreign key mismatch" instead of looking."""
    up = """
        CREATE TABLE nicknames (id INTEGER PRIMARY KEY, name REFERENCES persons (name));
        INSERT INTO nicknames VALUES (1, 'Ann');
    """
    before = content(family)
    with pytest.raises(ForeignKeyViolations) as failed:
        embedmig.run_migrations(family, [FAMILY, sql(2, up)])
    mismatch = 'foreign key mismatch - "nicknames" referencing "persons"'
    assert failed.value.violations == (("nicknames", None, "persons", mismatch),)
    assert mismatch in str(failed.value)
    assert "Everything was undone: notes.db is still at version 1." in str(failed.value)
    assert content(family) == before


def test_a_mismatch_does_not_hide_the_rows_of_other_tables(family):
    up = """
        CREATE TABLE nicknames (id INTEGER PRIMARY KEY, name REFERENCES persons (name));
        INSERT INTO nicknames VALUES (1, 'Ann');
        INSERT INTO pets VALUES (12, 99, 'Stray');
    """
    with pytest.raises(ForeignKeyViolations) as failed:
        embedmig.run_migrations(family, [FAMILY, sql(2, up)])
    assert {violation[0] for violation in failed.value.violations} == {"nicknames", "pets"}


def test_broken_in_one_migration_and_mended_in_the_next_of_the_same_run_is_fine(family):
    breaks = sql(2, "INSERT INTO pets VALUES (12, 99, 'Stray')")
    mends = sql(3, "INSERT INTO persons VALUES (99, 'Cid')")
    assert embedmig.run_migrations(family, [FAMILY, breaks, mends]).after == 3


def test_broken_and_not_mended_before_its_own_commit_fails_with_one_transaction_each(family):
    breaks = sql(2, "INSERT INTO pets VALUES (12, 99, 'Stray')")
    mends = sql(3, "INSERT INTO persons VALUES (99, 'Cid')")
    before = content(family)
    with pytest.raises(ForeignKeyViolations, match="after up of 002_step"):
        Migrator([FAMILY, breaks, mends], atomic="migration").migrate(family)
    assert content(family) == before


def test_a_migration_that_breaks_a_key_outside_a_transaction_is_told_and_runs_again(family):
    mends = [False]

    def up(db):
        with db.atomic():
            db.execute("INSERT OR REPLACE INTO pets VALUES (12, 99, 'Stray')")
            if mends[0]:
                db.execute("INSERT INTO persons VALUES (99, 'Cid')")

    migrations = [FAMILY, Migration("002_alone", 2, "Alone", up, transactional=False)]
    with pytest.raises(ForeignKeyViolations, match="pets rowid 12 -> persons"):
        embedmig.run_migrations(family, migrations)
    mends[0] = True
    assert embedmig.run_migrations(family, migrations).after == 2


# -- violations that were there already ----------------------------------------------------------------------------

OLD = """
    INSERT INTO pets VALUES (12, 99, 'Stray'), (13, 99, 'Stray');
    CREATE TABLE tags (name TEXT PRIMARY KEY, person INTEGER REFERENCES persons) WITHOUT ROWID;
    INSERT INTO tags VALUES ('lost', 98);
    CREATE TABLE boxes (id INTEGER PRIMARY KEY, shelf REFERENCES shelves);
    INSERT INTO boxes VALUES (5, 'top');
"""
MISMATCH = """
    CREATE TABLE nicknames (id INTEGER PRIMARY KEY, name REFERENCES persons (name));
    INSERT INTO nicknames VALUES (1, 'Ann');
"""
REBUILD_PETS = """
    CREATE TABLE new (name TEXT, id INT PRIMARY KEY, master INTEGER REFERENCES persons ON DELETE CASCADE);
    INSERT INTO new (id, master, name) SELECT id, master, name FROM pets ORDER BY id DESC;
    DROP TABLE pets;
    ALTER TABLE new RENAME TO pets;
"""
HARMLESS = {
    "something else": "CREATE TABLE x (y)",
    "a child rebuilt, its rows renumbered": REBUILD_PETS,
    "a child renamed": "ALTER TABLE pets RENAME TO animals",
    "the parent renamed": "ALTER TABLE persons RENAME TO people",
    "the parent rebuilt": REBUILD,
    "a column renamed": "ALTER TABLE pets RENAME COLUMN master TO person",
    "a violation removed": "DELETE FROM pets WHERE id = 13",
    "all of it dropped": "DROP TABLE tags; DROP TABLE boxes",
    "a WITHOUT ROWID child rebuilt": """
        CREATE TABLE new (person INTEGER REFERENCES persons, name TEXT PRIMARY KEY) WITHOUT ROWID;
        INSERT INTO new SELECT person, name FROM tags; DROP TABLE tags; ALTER TABLE new RENAME TO tags
    """,
}


@pytest.fixture(params=[OLD, OLD + MISMATCH], ids=["rows", "rows and a mismatch"])
def broken(request, family):
    """A user's file in which rows point nowhere already, since nobody enforced it."""
    with closing(sqlite3.connect(family)) as conn:
        conn.executescript(request.param)
    return family


@pytest.mark.parametrize("up", HARMLESS.values(), ids=HARMLESS)
def test_rows_that_pointed_nowhere_before_are_not_blamed_on_the_migration(broken, up):
    assert embedmig.run_migrations(broken, [FAMILY, sql(2, up)]).after == 2


@pytest.mark.parametrize("before", ["", REBUILD_PETS], ids=["as it is", "in a rebuilt table"])
def test_one_more_of_them_is_blamed(broken, before):
    then = content(broken)
    with pytest.raises(ForeignKeyViolations) as failed:
        embedmig.run_migrations(broken, [FAMILY, sql(2, before + "INSERT INTO pets (id, master) VALUES (14, 99)")])
    assert failed.value.total == 1
    assert content(broken) == then


def test_one_mended_does_not_pay_for_another_one_broken(broken):
    then = content(broken)
    with pytest.raises(ForeignKeyViolations, match=r"toys rowid 20 -> persons \(owner=77\)"):
        embedmig.run_migrations(
            broken, [FAMILY, sql(2, "DELETE FROM pets WHERE id = 13; UPDATE toys SET owner = 77 WHERE id = 20")]
        )
    assert content(broken) == then


# -- how often they are looked for -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("up", "looked"),
    [
        ("CREATE TABLE x (y)", []),
        ("ALTER TABLE toys ADD COLUMN colour TEXT", ["toys"]),
        (REBUILD, ["pets", "toys", "plates"]),
        ("CREATE TABLE collars (id INTEGER PRIMARY KEY, pet REFERENCES pets)", ["collars"]),
    ],
)
def test_only_the_tables_whose_keys_a_run_in_sql_may_have_broken_are_gone_through_and_once(family, up, looked):
    said: list[str] = []
    Migrator([FAMILY, sql(2, up)], prepare=lambda conn: conn.set_trace_callback(said.append)).migrate(family)
    assert [s for s in said if "foreign_key_check" in s] == [f'PRAGMA main.foreign_key_check("{t}")' for t in looked]


def started(path, up):
    """What was begun, in order, to bring the family's file to version 2."""
    seen = []
    Migrator([FAMILY, sql(2, up)]).migrate(path, on_progress=seen.append)
    return [said.id for said in seen if said.phase == "started"]


def test_a_key_that_cannot_be_checked_and_has_no_rows_is_no_reason_to_run_twice(family):
    query(family, "CREATE TABLE nicknames (id INTEGER PRIMARY KEY, name REFERENCES persons (name))")
    assert started(family, REBUILD) == ["002_step"]


def test_a_run_that_is_undone_to_look_before_it_is_run_again_once_and_backed_up_once(broken, caplog):
    caplog.set_level("INFO")
    before = content(broken)
    report = Migrator([FAMILY, sql(2, REBUILD), sql(3, "CREATE TABLE x (y)")]).migrate(broken)
    assert report.ran == ("002_step", "003_step")
    assert query(broken, "SELECT version FROM _migrations ORDER BY version") == [(1,), (2,), (3,)]
    assert content(report.backup) == before
    assert [r.message for r in caplog.records if "runs again" in r.message] == [
        f"{broken.name}: some rows point nowhere: undone, to see which did before; it runs again"
    ]


def test_what_another_connection_wrote_while_a_run_was_undone_is_in_its_backup(broken, monkeypatch):
    undo, written = run.undo, []

    def undo_and_write(conn):
        undo(conn)
        if not written:
            written.append(query(broken, "INSERT INTO persons VALUES (3, 'Cid')"))

    monkeypatch.setattr(run, "undo", undo_and_write)
    report = Migrator([FAMILY, sql(2, REBUILD)]).migrate(broken)
    assert written
    assert query(report.backup, "SELECT name FROM persons") == [("Ann",), ("Bob",), ("Cid",)]
    assert query(broken, "SELECT name FROM persons") == [("Ann",), ("Bob",), ("Cid",)]


MANY = """
    CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT);
    CREATE UNIQUE INDEX p_code ON p (code);
    INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c');
    CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES P);
    INSERT INTO c VALUES (1, 1), (2, 2), (3, NULL);
    CREATE TABLE d (code TEXT REFERENCES p (code), c INTEGER REFERENCES C (id));
    INSERT INTO d VALUES ('a', 1), ('b', NULL);
    CREATE TABLE e (x REFERENCES missing);
    CREATE TABLE alone (y);
    CREATE VIEW v AS SELECT id FROM c;
    CREATE TRIGGER v_gone INSTEAD OF DELETE ON v BEGIN DELETE FROM c WHERE id = old.id; END;
    CREATE TRIGGER alone_ai AFTER INSERT ON alone BEGIN UPDATE d SET c = new.y; END;
"""
DIRT = ["INSERT INTO c VALUES (9, 9)", "INSERT INTO d VALUES ('z', 8)", "INSERT INTO e VALUES (7)"]
ACTS = [
    *DIRT,
    "INSERT INTO alone VALUES (1)", "INSERT INTO alone VALUES (77)", "INSERT INTO e VALUES (NULL)",
    "DELETE FROM p WHERE id = 2", "DELETE FROM p", "DELETE FROM c", "DELETE FROM v WHERE id = 1", "DELETE FROM d",
    "UPDATE p SET id = id + 1", "UPDATE c SET p = 2", "UPDATE p SET code = upper(code)", "REPLACE INTO p VALUES (9, 'a')",
    "DROP TABLE p", "DROP TABLE c", "DROP TABLE e", "DROP INDEX p_code", "CREATE UNIQUE INDEX p_code ON p (code)",
    "CREATE TABLE missing (id INTEGER PRIMARY KEY)", "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE)",
    "ALTER TABLE alone RENAME TO missing", "ALTER TABLE p RENAME TO P2", "ALTER TABLE P2 RENAME TO p", "ALTER TABLE c RENAME TO kids",
    "ALTER TABLE p RENAME COLUMN code TO word", "ALTER TABLE alone ADD COLUMN p INTEGER REFERENCES p DEFAULT 5",
    "ALTER TABLE c ADD COLUMN q INTEGER REFERENCES p", "PRAGMA legacy_alter_table = ON",
    "CREATE TABLE new (id INTEGER PRIMARY KEY, code TEXT); INSERT INTO new SELECT * FROM p WHERE id < 3; DROP TABLE p;"
    " ALTER TABLE new RENAME TO p",
    "CREATE TABLE f AS SELECT * FROM c", "CREATE TABLE g (p REFERENCES p); INSERT INTO g VALUES (1)",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    dirt=st.sets(st.sampled_from(DIRT)),
    acts=st.lists(st.lists(st.sampled_from(ACTS), min_size=1, max_size=3), min_size=1, max_size=3),
)
def test_a_file_is_judged_as_it_is_on_its_owners_connection_where_every_key_is_asked_before_and_after(dirt, acts):
    migrations = [sql(1, MANY), *(sql(n, "; ".join(some)) for n, some in enumerate(acts, 2))]

    def judged(path, how):
        Migrator(migrations[:1]).migrate(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as conn:
            conn.executescript(";".join(sorted(dirt)))
            try:
                Migrator(migrations, backups=0).migrate(path if how == "path" else conn)
            except embedmig.EmbedmigError as error:
                said = type(error), getattr(error, "violations", None), getattr(error, "total", None), error.id
            else:
                said = ()
        return said, content(path, history=False)

    with tempfile.TemporaryDirectory() as folder:
        assert judged(Path(folder, "one.db"), "path") == judged(Path(folder, "two.db"), "connection")


# -- the setting ---------------------------------------------------------------------------------------------------


def fails(db):
    db["persons"].drop()
    raise ValueError("on purpose")


def interrupted(db):
    db["persons"].drop()
    raise KeyboardInterrupt


def leaves_a_violation(db):
    db.execute("INSERT INTO pets VALUES (12, 99, 'Stray')")


@pytest.mark.parametrize("enforced", [0, 1])
@pytest.mark.parametrize(
    ("up", "error"),
    [
        (transform, None),
        (fails, MigrationFailed),
        (leaves_a_violation, ForeignKeyViolations),
        (interrupted, KeyboardInterrupt),
    ],
)
def test_foreign_keys_are_enforced_afterwards_as_they_were_before(family, up, error, enforced):
    with closing(sqlite3.connect(family)) as conn:
        conn.execute(f"PRAGMA foreign_keys = {enforced}")
        if error is None:
            embedmig.run_migrations(conn, [FAMILY, act(up)])
        else:
            with pytest.raises(error):
                embedmig.run_migrations(conn, [FAMILY, act(up)])
        assert conn.execute("PRAGMA foreign_keys").fetchone() == (enforced,)


def test_foreign_keys_are_enforced_as_before_when_another_launch_did_the_work(family):
    migrations = [FAMILY, sql(2, "CREATE TABLE x (y)")]

    def meanwhile(progress):
        if progress.phase == "waiting for another launch" and other.in_transaction:
            other.execute("ROLLBACK")
            embedmig.run_migrations(other, migrations)

    with (
        closing(sqlite3.connect(family, isolation_level=None)) as conn,
        closing(sqlite3.connect(family, isolation_level=None)) as other,
    ):
        conn.execute("PRAGMA foreign_keys = ON")
        other.execute("BEGIN IMMEDIATE")
        report = Migrator(migrations).migrate(conn, on_progress=meanwhile)
        assert (report.ran, report.after) == ((), 2)
        assert conn.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_the_database_that_is_handed_back_enforces_what_prepare_asked_for(family):
    def on(conn):
        conn.execute("PRAGMA foreign_keys = ON")

    with embedmig.open(family, [FAMILY, act(transform)], prepare=on) as db:
        assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_new_dangling_reference_is_found_whatever_letters_its_parent_has(path):
    """SQLite's lower() knows ASCII alone, Python's all letters: a parent called \u00c4rzte was taken for a renamed one."""
    one = sql(
        1,
        'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE "\u00c4rzte" (id INTEGER PRIMARY KEY);'
        ' CREATE TABLE kid (a REFERENCES p, b REFERENCES "\u00c4rzte")',
    )
    embedmig.run_migrations(path, [one])
    query(path, "INSERT INTO kid (a) VALUES (99)")  # dangles before, and mends
    before = content(path)
    with pytest.raises(ForeignKeyViolations):
        embedmig.run_migrations(path, [one, sql(2, "UPDATE kid SET a = NULL, b = 99")])
    assert content(path) == before


def with_a_lower_of_its_own(conn):
    """Apps have one for searching, since SQLite's knows ASCII alone."""
    conn.create_function("lower", 1, str.lower)


AERZTE = sql(
    1,
    """
    CREATE TABLE "\u00c4rzte" (id INTEGER PRIMARY KEY);
    INSERT INTO "\u00c4rzte" VALUES (1);
    CREATE TABLE kid (a REFERENCES "\u00c4rzte");
    INSERT INTO kid VALUES (1);
    CREATE TRIGGER "\u00c4rzte_ai" AFTER INSERT ON "\u00c4rzte" BEGIN SELECT 1; END;
    """,
)


def test_a_new_dangling_reference_is_found_where_the_app_has_a_lower_of_its_own(path):
    embedmig.run_migrations(path, [AERZTE])
    before = content(path)
    with pytest.raises(ForeignKeyViolations):
        Migrator([AERZTE, sql(2, 'DELETE FROM "\u00c4rzte"')], prepare=with_a_lower_of_its_own).migrate(path)
    assert content(path) == before


def test_a_trigger_that_vanished_is_found_where_the_app_has_a_lower_of_its_own(path):
    embedmig.run_migrations(path, [AERZTE])
    rebuild = sql(
        2,
        """
        CREATE TABLE new (id INTEGER PRIMARY KEY);
        INSERT INTO new SELECT * FROM "\u00c4rzte";
        DROP TABLE "\u00c4rzte";
        ALTER TABLE new RENAME TO "\u00c4rzte";
        """,
    )
    with pytest.raises(MigrationFailed, match="lost trigger"):
        Migrator([AERZTE, rebuild], prepare=with_a_lower_of_its_own, strict=True).migrate(path)


def test_a_table_called_like_a_function_of_sqlites_is_no_hindrance(path):
    one = sql(1, "CREATE TABLE pragma_foreign_key_list (x)")
    assert embedmig.run_migrations(path, [one, sql(2, "INSERT INTO pragma_foreign_key_list VALUES (1)")]).after == 2


# -- what the guard doesn't see, or a rollback doesn't undo ---------------------------------------------------------


def test_a_view_in_the_place_of_a_missing_parent_is_refused(family):
    lost = sql(2, "CREATE TABLE guests (id INTEGER PRIMARY KEY, home REFERENCES homes)")
    embedmig.run_migrations(family, [FAMILY, lost])
    query(family, "INSERT INTO guests VALUES (1, 1)")
    before = content(family)
    with pytest.raises(ForeignKeyViolations, match="foreign key mismatch"):
        embedmig.run_migrations(family, [FAMILY, lost, sql(3, "CREATE VIEW homes AS SELECT * FROM persons")])
    assert content(family) == before


def test_a_row_that_a_strangers_trigger_on_the_history_deletes_is_missed(family):
    query(family, "CREATE TRIGGER odd AFTER INSERT ON _Migrations BEGIN DELETE FROM persons; END")
    before = content(family)
    with pytest.raises(ForeignKeyViolations):
        embedmig.run_migrations(family, [FAMILY, sql(2, "CREATE TABLE x (y)")])
    assert content(family) == before


def test_a_migration_that_sets_how_like_compares_does_the_same_in_a_file_with_an_orphan(family):
    query(family, "INSERT INTO fleas VALUES (99)")
    cased = sql(
        2, "DELETE FROM pets WHERE name LIKE 'rex'; DELETE FROM fleas WHERE pet = 10; PRAGMA case_sensitive_like = ON"
    )
    embedmig.run_migrations(family, [FAMILY, cased])
    assert query(family, "SELECT name FROM pets") == [("Tom",)]


@pytest.mark.parametrize(
    ("up", "tries"),
    [
        ("UPDATE fleas SET pet = pet", 2),
        ("UPDATE fleas SET pet = pet; PRAGMA user_version = 7; pragma main.Application_id = 8; PRAGMA legacy_alter_table = ON", 2),
        ("UPDATE fleas SET pet = pet; PRAGMA main.cache_size = 100", 1),
    ],
)  # fmt: skip
def test_only_what_a_rollback_undoes_is_tried_first(family, up, tries):
    query(family, "INSERT INTO fleas VALUES (99)")
    assert started(family, up) == ["002_step"] * tries


def test_the_backup_of_a_run_that_began_twice_is_of_the_version_before_it(family):
    """Later another process writes, between two migrations of the run: that is no reason for another backup in the place of the first."""
    query(family, "INSERT INTO fleas VALUES (99)")

    def another_process_writes(db):
        query(family, "INSERT INTO persons (name) VALUES ('Eve')")

    alone = Migration("003_alone", 3, "Alone", another_process_writes, transactional=False)
    migrations = [FAMILY, sql(2, "UPDATE fleas SET pet = pet"), alone, sql(4, "CREATE TABLE x (y)")]
    report = Migrator(migrations, backups=1).migrate(family)
    assert report.after == 4
    assert query(report.backup, "SELECT max(version) FROM _migrations") == [(1,)]
