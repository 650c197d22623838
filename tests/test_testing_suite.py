"""Each check of `embedmig.testing.suite()` passes good migrations and catches bad ones, with a message that says what to do."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from helpers import ROOT, script, sql, write

from embedmig import Migration, Migrator
from embedmig.testing import suite

NOTES = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)", "DROP TABLE notes")
COMMENTS = sql(
    1,
    """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
    CREATE TABLE comments (id INTEGER PRIMARY KEY, note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE);
    """,
)
ROWS = {"notes": 2, "comments": 2}


def said(check: str, *migrations: Migration, case: str | None = None, **options: object) -> str:
    """What a check says of bad migrations."""
    checks = suite(options.pop("migrator", None) or migrations, **options)
    cases = checks._cases(check)
    arguments = [] if cases is None else [cases[case] if case else list(cases.values())[-1]]
    with pytest.raises(pytest.fail.Exception) as caught:
        getattr(checks(), check)(*arguments)
    return str(caught.value)


def passes(check: str, *migrations: Migration, **options: object) -> None:
    checks = suite(options.pop("migrator", None) or migrations, **options)
    cases = checks._cases(check)
    for arguments in [()] if cases is None else [(case,) for case in cases.values()]:
        getattr(checks(), check)(*arguments)


# -- bad migrations ----------------------------------------------------------------------------------------------------


def rebuilds_with_foreign_keys_on(db):
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("CREATE TABLE new_notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL DEFAULT '')")
    db.execute("INSERT INTO new_notes SELECT id, coalesce(body, '') FROM notes")
    db.execute("DROP TABLE notes")
    db.execute("ALTER TABLE new_notes RENAME TO notes")


def test_rows_that_go_by_a_cascade_are_missed():
    rebuild = Migration("002_rebuild", 2, "", rebuilds_with_foreign_keys_on, transactional=False)
    message = said("test_no_row_is_lost", COMMENTS, rebuild)
    assert message == (
        "002_rebuild loses rows:\n"
        "    comments, which no statement of it names, lost or changed 1 of its 1 rows, such as (id=1, note_id=1)\n"
        "Keep every row. If they go on purpose, say so in the migration: loses_rows = True. Rows of a table that no statement"
        " names go by a trigger or by ON DELETE CASCADE, which works where foreign keys are switched on.\n"
        "The rows that show it, in version 1:\n"
        "    notes: {'id': 1, 'body': None}\n"
        "    comments: {'id': 1, 'note_id': 1}"
    )


REBUILD = """
    CREATE TABLE new_notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
    INSERT INTO new_notes SELECT id, coalesce(body, '') FROM notes;
    DROP TABLE notes;
    ALTER TABLE new_notes RENAME TO notes;
    """


@pytest.mark.parametrize(
    ("made", "lost"),
    [
        ("CREATE INDEX by_body ON notes (body)", "index by_body on notes"),
        ("CREATE TRIGGER ai AFTER INSERT ON notes BEGIN SELECT 1; END", "trigger ai on notes"),
    ],
    ids=["an index", "a trigger"],
)
def test_what_a_rebuild_forgets_is_named(made, lost):
    one = sql(1, f"CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); {made};")
    message = said("test_it_forgets_no_index_trigger_or_view", one, sql(2, REBUILD, name="rebuild"))
    assert message == (
        f"The database: up of 002_rebuild failed: lost {lost}, which it did not drop by name. Everything was undone:"
        " the database is still at version 1. Create it anew in the migration, or drop it by name first."
    )
    passes("test_it_forgets_no_index_trigger_or_view", one, sql(2, f"{REBUILD} {made};"))


def test_a_down_that_is_not_the_inverse_is_shown_as_a_difference():
    adds = "ALTER TABLE notes ADD COLUMN title TEXT; CREATE INDEX by_title ON notes (title)"
    message = said("test_down_undoes_up", NOTES, sql(2, adds, "DROP INDEX by_title", name="title"), case="002_title")
    assert message == (
        "down of 002_title does not undo its up. The schema that was there (-) and the one that it leaves (+):\n"
        "    different: table notes\n"
        "      body TEXT\n"
        "    + title TEXT\n"
        "      PRIMARY KEY (id)\n"
        "Make down the inverse of up. If this is meant: suite(..., accept=['table notes'])."
    )
    passes("test_down_undoes_up", NOTES, sql(2, adds, "DROP INDEX by_title; ALTER TABLE notes DROP COLUMN title"))
    odd = sql(2, "CREATE TABLE tags (x)", "DROP TABLE tags; CREATE TABLE IF NOT EXISTS old_tags (x)")
    assert said("test_down_undoes_up", NOTES, odd).endswith("suite(..., accept=['table old_tags']).")
    passes("test_down_undoes_up", NOTES, odd, accept=["table old_tags"])


def test_an_up_that_finds_what_its_down_left_is_told():
    seeds = "CREATE TABLE tags (name TEXT); INSERT INTO notes VALUES (1, 'Welcome')"
    message = said("test_down_undoes_up", NOTES, sql(2, seeds, "DROP TABLE tags", name="seed"), case="002_seed")
    assert message == (
        "After its down, up of 002_seed fails:\n"
        "    The database: up of 002_seed failed: UNIQUE constraint failed: notes.id [SQLITE_CONSTRAINT_PRIMARYKEY]."
        " Statement: INSERT INTO notes VALUES (1, 'Welcome')\n"
        "    Everything was undone: the database is still at version 1.\n"
        "Let down remove all that up made."
    )


def test_a_down_that_fails_is_told():
    assert said("test_down_undoes_up", NOTES, sql(2, "CREATE TABLE tags (x)", "DROP TABLE tag", name="tags")) == (
        "down of 002_tags fails:\n"
        "    The database: down of 002_tags failed: no such table: tag [SQLITE_ERROR]. Statement: DROP TABLE tag\n"
        "    Everything was undone: the database is still at version 2.\n"
        "Make down the inverse of up."
    )


def test_a_down_that_changes_what_its_up_left_alone_is_told():
    harms = sql(2, "CREATE TABLE tags (x)", "DROP TABLE tags; UPDATE notes SET body = 'gone'", name="tags")
    assert said("test_no_row_is_lost", NOTES, harms) == (
        "After down of 002_tags, what its up had left alone is not as it was:\n"
        "    notes: (id=1, body=None) came back as (id=1, body='gone')\n"
        "Let down put back what it moves. If it is meant: suite(..., accept=['notes']).\n"
        "The rows that show it, in version 1:\n"
        "    notes: {'id': 1, 'body': None}"
    )


def makes_three_tables(db):
    db.execute("CREATE TABLE one (x)")
    db.execute("CREATE TABLE IF NOT EXISTS two (x)")


def makes_them_if_they_are_not_there(db):
    db.execute("CREATE TABLE IF NOT EXISTS one (x)")
    db.execute("CREATE TABLE IF NOT EXISTS two (x)")


def adds_one_each_time(db):
    db.execute("INSERT INTO notes (body) VALUES ('Welcome')")
    db.execute("CREATE TABLE IF NOT EXISTS two (x)")


def test_what_cannot_be_run_again_outside_a_transaction_is_found_by_a_kill():
    tables = Migration("002_tables", 2, "", makes_three_tables, transactional=False)
    message = said("test_a_kill_at_any_statement_does_no_harm", NOTES, tables)
    assert message == (
        "A launch from version 1 was killed at this statement: CREATE TABLE IF NOT EXISTS two (x)\n"
        "The next launch failed:\n"
        "    app.db: up of 002_tables failed: table one already exists [SQLITE_ERROR]. Statement: CREATE TABLE one (x)\n"
        "    It ran outside a transaction: what it did up to there stays, and it runs again at the next launch."
        " app.db stands at version 1.\n" + AGAIN.format("002_tables")
    )


AGAIN = (
    "{} runs outside a transaction (transactional = False), so it must be safe to run again: look first what is already"
    " there (IF NOT EXISTS, INSERT OR IGNORE), or move what can run in a transaction to a migration of its own."
)


def test_what_does_more_the_second_time_is_found_by_a_kill():
    seed = Migration("002_seed", 2, "", adds_one_each_time, transactional=False)
    message = said("test_a_kill_at_any_statement_does_no_harm", NOTES, seed)
    first, second, third, last = message.splitlines()
    assert first == "A launch from version 1 was killed at this statement: CREATE TABLE IF NOT EXISTS two (x)"
    assert second == "The next launch made another file (+) of it than a launch that was left in peace (-):"
    assert third.endswith(", body='Welcome') was not there")
    assert last == AGAIN.format("002_seed")


def commits_behind_the_guard(db):
    db.execute("CREATE TABLE one (x)")
    db.conn.set_authorizer(None)
    db.conn.commit()
    db.conn.execute("BEGIN")
    db.execute("CREATE TABLE two (x)")


def test_half_a_migration_is_found_by_a_kill():
    half = Migration("002_half", 2, "", commits_behind_the_guard)
    assert said("test_a_kill_at_any_statement_does_no_harm", NOTES, half) == (
        "A launch from version 1 was killed at this statement: BEGIN\n"
        "The file then had neither its old nor its new content, but:\n"
        "    unexpected: table one\n"
        "    + CREATE TABLE one (x)\n"
        "Each migration runs in a transaction, so this should never be. Does one take SQLite's authorizer off, or write"
        " through a connection of its own? If not, please report it."
    )


def test_what_may_be_killed_anywhere_passes():
    passes(
        "test_a_kill_at_any_statement_does_no_harm",
        NOTES,
        Migration("002_tables", 2, "", makes_them_if_they_are_not_there, transactional=False),
    )


CHANCE = {
    "SQLite's time": "UPDATE notes SET body = datetime('now')",
    "the current day": "UPDATE notes SET body = CURRENT_DATE",
    "SQLite's chance": "UPDATE notes SET body = random()",
    "Python's time": lambda db: db.execute(
        "UPDATE notes SET body = ?", [Path(ROOT).stat().st_atime and __import__("time").time()]
    ),
    "Python's day": lambda db: db.execute("UPDATE notes SET body = ?", [str(__import__("datetime").date.today())]),
    "Python's chance": lambda db: db.execute("UPDATE notes SET body = ?", [random.random()]),
}


@pytest.mark.parametrize("up", CHANCE.values(), ids=CHANCE)
def test_what_depends_on_the_time_or_on_chance_is_found(up):
    message = said("test_it_depends_on_neither_time_nor_chance", NOTES, sql(2, up, name="stamp"), case="002_stamp")
    first, _, *_, last = message.splitlines()
    assert (
        first == "002_stamp does not do the same every time. What it left (-), and what it left with a later clock (+):"
    )
    assert (
        last
        == "Take such values from the rows, or let the app write them. If this is meant: suite(..., accept=['notes.body'])."
    )
    passes("test_it_depends_on_neither_time_nor_chance", NOTES, sql(2, up), accept=["notes.body"])


# -- each of the other checks ------------------------------------------------------------------------------------------


def test_a_set_that_does_not_load_is_one_failing_test(tmp_path):
    folder = write(tmp_path / "m", **{"001_a.sql": "CREATE TABLE a (x)", "003_c.sql": "CREATE TABLE c (x)"})
    checks = suite(folder)
    assert [name for name in dir(checks) if name.startswith("test_") and getattr(checks, name)] == [
        "test_the_set_loads"
    ]
    with pytest.raises(pytest.fail.Exception, match=r"^Version 2 is missing: 003_c\.sql has version 3\."):
        checks().test_the_set_loads()
    suite([NOTES])().test_the_set_loads()


def test_a_migration_that_fails_on_an_empty_file_is_one_failing_test_and_what_follows_is_skipped():
    bad = sql(2, "INSERT INTO nowhere VALUES (1)", name="bad")
    assert said("test_it_runs_on_an_empty_file", NOTES, bad) == (
        "The database: up of 002_bad failed: no such table: nowhere [SQLITE_ERROR]. Statement: INSERT INTO nowhere VALUES (1)\n"
        "Everything was undone: the database is still at version 1."
    )
    checks = suite([NOTES, bad, sql(3, "CREATE TABLE t (x)")])
    for test in ("test_it_runs_on_an_empty_file", "test_it_forgets_no_index_trigger_or_view"):
        with pytest.raises(pytest.skip.Exception, match="see test_it_runs_on_an_empty_file"):
            getattr(checks(), test)(checks._cases(test)["003_step" if "runs" in test else "002_bad"])


def test_a_file_that_breaks_its_own_rules_is_told():
    breaks = sql(
        2,
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p); INSERT INTO c VALUES (7)",
        name="c",
    )
    assert "1 row points to a parent that is not there: c rowid 1 -> p (p=7)" in said(
        "test_it_runs_on_an_empty_file", NOTES, breaks
    )


def counts_launches(conn):
    (launches,) = conn.execute("PRAGMA user_version").fetchone()
    conn.execute(f"PRAGMA user_version = {launches + 1}")


def test_a_launch_that_writes_with_nothing_pending_is_told():
    assert said("test_a_second_launch_changes_nothing", migrator=Migrator([NOTES], prepare=counts_launches)) == (
        "A second launch changed the file. Look for what prepare() writes: it runs at every launch."
    )


def asks_for_the_version(db):
    db.execute("CREATE TABLE three (x)")
    (run_before,) = db.execute("SELECT count(*) FROM _migrations").fetchone()
    if run_before:
        db.execute("CREATE INDEX three_x ON three (x)")


def test_another_schema_from_an_older_version_than_in_a_new_file_is_shown():
    shipped = (
        sql(1, "CREATE TABLE old (x)"),
        sql(2, "DROP TABLE old"),
        Migration("003_three", 3, "", asks_for_the_version),
    )
    message = said("test_every_version_reaches_the_same_schema", *shipped, case="from 002_step")
    assert message == (
        "A file from version 2 gets another schema (+) than a new one (-):\n"
        "    unexpected: index three_x\n"
        "    + CREATE INDEX three_x ON three (x)\n"
        "A migration must not ask whether the file is new. If this is meant: suite(..., accept=['index three_x'])."
    )


def test_rows_that_make_a_migration_fail_are_shown():
    strict = sql(
        2,
        "CREATE TABLE n (id INTEGER PRIMARY KEY, body TEXT NOT NULL); INSERT INTO n SELECT * FROM notes",
        name="strict",
    )
    message = said("test_no_row_is_lost", NOTES, strict)
    assert message == (
        "Rows that version 1 allows make a migration fail:\n"
        "    The database: up of 002_strict failed: NOT NULL constraint failed: n.body [SQLITE_CONSTRAINT_NOTNULL]."
        " Statement: INSERT INTO n SELECT * FROM notes\n"
        "    Everything was undone: the database is still at version 1.\n"
        "Such rows may be in a user's file: mend them on the way, or let the migration cope with them.\n"
        "The rows that show it, in version 1:\n"
        "    notes: {'id': 1, 'body': None}"
    )


def test_rows_that_cannot_come_down_are_shown():
    loosens = sql(
        2,
        "CREATE TABLE n (body TEXT); INSERT INTO n SELECT body FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, body TEXT NOT NULL); INSERT INTO n (body) SELECT body FROM notes;"
        "DROP TABLE notes; ALTER TABLE n RENAME TO notes",
    )
    message = said("test_no_row_is_lost", NOTES, loosens)
    assert message.startswith("Rows that went up can't come down:\n    The database: down of 002_step failed: NOT NULL")


FORGETS = "CREATE TABLE n (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO n SELECT * FROM notes WHERE body IS NOT NULL; DROP TABLE notes; ALTER TABLE n RENAME TO notes"  # fmt: skip
LOSSES = {
    "a rebuild that leaves some out": (FORGETS, "notes has 0 of its 1 rows"),
    "a table that is dropped": ("DROP TABLE notes", "notes is gone, and its 1 rows"),
    "rows that are deleted": ("DELETE FROM notes WHERE body IS NULL", "notes has 0 of its 1 rows"),
    "a trigger": (
        "CREATE TABLE log (x); CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM notes; END; INSERT INTO log VALUES (1)",
        "notes, which no statement of it names, lost or changed 1 of its 1 rows, such as (id=1, body=None)",
    ),
}


@pytest.mark.parametrize(("up", "lost"), LOSSES.values(), ids=LOSSES)
def test_rows_that_are_lost_are_counted_unless_they_go_on_purpose(up, lost):
    first, second, *_ = said("test_no_row_is_lost", NOTES, sql(2, up, name="loses")).splitlines()
    assert (first, second) == ("002_loses loses rows:", f"    {lost}")
    passes("test_no_row_is_lost", NOTES, sql(2, up, loses_rows=True))
    passes("test_no_row_is_lost", NOTES, sql(2, up), accept=["notes"])


MOVES = {
    "a table that is renamed": "ALTER TABLE notes RENAME TO texts",
    "rows that move to another table": "CREATE TABLE trash (id, body); INSERT INTO trash SELECT * FROM notes WHERE body IS NULL; DELETE FROM notes WHERE body IS NULL",
    "a rebuild": REBUILD,
    "a change of every row": "UPDATE notes SET body = upper(body)",
    "a trigger that adds to a log": (
        "CREATE TABLE log (x); CREATE TRIGGER t AFTER UPDATE ON notes BEGIN INSERT INTO log VALUES (1); END; UPDATE notes SET body = ''"
    ),
}


@pytest.mark.parametrize("up", MOVES.values(), ids=MOVES)
def test_rows_that_only_move_or_change_are_not_lost(up):
    passes("test_no_row_is_lost", NOTES, sql(2, up))


def compatible(up: str) -> Migration:
    return sql(2, up, name="newer", backward_compatible=True)


BREAKS = {
    "a column that is gone": (
        "ALTER TABLE notes DROP COLUMN body",
        "002_newer is marked backward_compatible, and the previous release would miss:\n    column notes.body\n",
    ),
    "a table that is gone": (
        "ALTER TABLE notes RENAME TO texts",
        "002_newer is marked backward_compatible, and the previous release would miss:\n    table notes\n",
    ),
    "a column that must be given": (
        "CREATE TABLE n (id INTEGER PRIMARY KEY, body TEXT, title TEXT NOT NULL); INSERT INTO n SELECT id, body, '' FROM notes;"
        "DROP TABLE notes; ALTER TABLE n RENAME TO notes",
        "002_newer is marked backward_compatible, and the previous release can't insert its rows any more:\n"
        "    NOT NULL constraint failed: notes.title\n",
    ),
    "rows that may not change": (
        "CREATE TRIGGER t BEFORE UPDATE ON notes BEGIN SELECT RAISE(ABORT, 'never'); END",
        "002_newer is marked backward_compatible, and the previous release can't change its rows any more:\n    never\n",
    ),
    "rows that may not be deleted": (
        "CREATE TRIGGER t BEFORE DELETE ON notes BEGIN SELECT RAISE(ABORT, 'never'); END",
        "002_newer is marked backward_compatible, and the previous release can't delete its rows any more:\n    never\n",
    ),
}


@pytest.mark.parametrize(("up", "message"), BREAKS.values(), ids=BREAKS)
def test_what_is_marked_backward_compatible_and_is_not_is_told(up, message):
    assert said("test_the_previous_release_can_go_on", NOTES, compatible(up)).startswith(message)


def test_what_is_backward_compatible_passes_and_what_is_not_marked_is_not_asked():
    passes(
        "test_the_previous_release_can_go_on", NOTES, compatible("ALTER TABLE notes ADD COLUMN title TEXT DEFAULT ''")
    )
    assert suite([NOTES, sql(2, "DROP TABLE notes")]).test_the_previous_release_can_go_on is None


def wants_no_file(conn):
    if any(Path(row[2]).is_absolute() for row in conn.execute("PRAGMA database_list")):
        raise RuntimeError("there can be only one")


def test_launches_at_once_that_fail_are_told():
    shipped = [NOTES, sql(2, "CREATE TABLE tags (x)")]
    message = said("test_ten_launches_at_once_migrate_once", migrator=Migrator(shipped, prepare=wants_no_file))
    assert message == (
        "Of 10 launches at once 10 failed:\n    there can be only one\nDoes prepare() or a migration use what only one launch can have?"
    )
    passes("test_ten_launches_at_once_migrate_once", *shipped)
    passes("test_ten_launches_at_once_migrate_once", NOTES)


def test_a_full_disk_is_survived_and_half_a_migration_outside_a_transaction_is_told():
    fills = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60) INSERT INTO notes (body) SELECT printf('%03000d', i) FROM n"  # fmt: skip
    passes("test_a_full_disk_does_no_harm", NOTES, sql(2, fills))
    halves = sql(2, f"CREATE TABLE half (x); {fills}", name="halves", transactional=False)
    first, second, third, *_, last = said("test_a_full_disk_does_no_harm", NOTES, halves).splitlines()
    assert first.startswith("The disk was full at page ")
    assert second == "The next launch failed:"
    assert "table half already exists" in third
    assert last == AGAIN.format("002_halves")


def test_a_migrators_policy_is_kept_and_each_of_its_transactions_may_stand():
    shipped = [
        NOTES,
        sql(2, "CREATE TABLE tags (x)"),
        sql(3, "VACUUM", transactional=False),
        sql(4, "CREATE TABLE more (x)"),
    ]
    for atomic in ("run", "migration"):
        passes("test_a_kill_at_any_statement_does_no_harm", migrator=Migrator(shipped, atomic=atomic))


def doubles(conn):
    conn.create_function("twice", 1, lambda value: value * 2, deterministic=True)


def test_the_apps_functions_are_there_in_every_check():
    one = sql(1, "CREATE TABLE t (x INTEGER CHECK (twice(x) >= 0), y INTEGER AS (twice(x)) STORED)")
    migrator = Migrator([one, sql(2, "CREATE INDEX ty ON t (y)", "DROP INDEX ty")], prepare=doubles)
    for check in ("test_no_row_is_lost", "test_down_undoes_up", "test_a_kill_at_any_statement_does_no_harm"):
        passes(check, migrator=migrator)


def test_a_misspelt_option_is_an_error():
    with pytest.raises(TypeError, match="acept"):
        suite([NOTES], acept=["notes"])


def test_a_failing_check_is_told_once(tmp_path):
    """pytest shows what stands in a failure's context too, and there stood the same message."""
    app = tmp_path / "test_app.py"
    app.write_text(
        "import embedmig.testing\n"
        "from helpers import sql\n"
        "test_migrations = embedmig.testing.suite([sql(1, 'CREATE TABLE t (x)', 'SELECT 1')])\n"
    )
    code = "import sys, pytest; sys.exit(pytest.main([sys.argv[1], '-p', 'no:cacheprovider', '-k', 'down', '--no-header']))"
    done = script(code, app, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "does not undo its up" in done.stdout
    assert "During handling" not in done.stdout
