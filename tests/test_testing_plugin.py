"""The fixtures that pytest finds wherever embedmig is installed, in real runs of pytest; and what they cost who doesn't use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from helpers import environment, write

APP = {
    "notes_app/__init__.py": "",
    "notes_app/migrations/__init__.py": "",
    "notes_app/migrations/001_initial.sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT CHECK (short(body)))",
}


def run(folder: Path, test: str, *options: str, **files: str) -> subprocess.CompletedProcess[str]:
    """One run of pytest in a folder of its own, with the plugins that are installed, found by their entry points."""
    for name, text in {**APP, "test_app.py": test, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write((folder / name).parent, **{Path(name).name: text})
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *options]
    clean = {
        name: value for name, value in environment().items() if not name.startswith("COV")
    }  # coverage loads sqlite3
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True)


CONFTEST = """
    import pytest
    import embedmig

    def prepare(conn):
        conn.create_function("short", 1, lambda text: text is None or len(text) < 9, deterministic=True)

    @pytest.fixture(scope="session")
    def embedmig_migrations():
        return embedmig.Migrator("notes_app.migrations", prepare=prepare)
    """


def test_each_test_gets_a_copy_of_its_own_of_the_newest_schema(tmp_path):
    done = run(
        tmp_path,
        """
        import sqlite3
        from contextlib import closing

        def test_one(migrated_db):
            migrated_db["notes"].insert({"body": "one"})
            assert migrated_db["notes"].count == 1

        def test_other(migrated_db):
            assert migrated_db["notes"].count == 0
            assert [row["id"] for row in migrated_db["_migrations"].rows] == ["001_initial"]

        def test_a_file(migrated_file, migrated_db):
            import embedmig
            from conftest import prepare
            with closing(embedmig.connect(migrated_file, "notes_app.migrations", prepare=prepare)) as conn:
                conn.execute("INSERT INTO notes (body) VALUES ('x')")
                conn.commit()
            assert migrated_db["notes"].count == 0

        def test_a_foreign_body(migrated_db):
            import pytest, sqlite3
            with pytest.raises(sqlite3.IntegrityError):
                migrated_db.execute("INSERT INTO notes (body) VALUES ('far too long')")
        """,
        **{"conftest.py": CONFTEST},
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_the_migrations_run_once_in_a_whole_run(tmp_path):
    counting = """
        from pathlib import Path

        def up(db):
            with open("runs", "a") as file:
                file.write("x")
            db["notes"].create({"id": int})
        """
    done = run(
        tmp_path,
        """
        import pytest

        @pytest.mark.parametrize("number", range(20))
        def test_it(migrated_db, number):
            assert migrated_db["notes"].count == 0
        """,
        **{
            "notes_app/migrations/001_initial.sql": "",
            "notes_app/migrations/001_initial.py": counting,
            "pyproject.toml": '[tool.pytest.ini_options]\nembedmig_migrations = "counted.migrations"\n',
            "counted/__init__.py": "",
            "counted/migrations/__init__.py": "",
            "counted/migrations/001_initial.py": counting,
            "conftest.py": "",
        },
    )
    assert "20 passed" in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "runs").read_text() == "x"


def test_a_fixture_that_knows_no_migrations_says_how_to_tell_it(tmp_path):
    done = run(tmp_path, "def test_it(migrated_db): pass")
    assert (
        'migrated_db does not know which migrations to run. Set embedmig_migrations = "notes_app.migrations" under'
        " [tool.pytest.ini_options], or override the fixture embedmig_migrations in conftest.py: return the package, or"
        " your Migrator, from it."
    ) in done.stdout


def test_a_run_that_uses_none_of_it_loads_three_small_modules(tmp_path):
    done = run(
        tmp_path,
        """
        import sys

        def test_what_is_loaded():
            print("loaded", sorted(name for name in sys.modules if name.partition(".")[0] in ("embedmig", "sqlite_utils", "hypothesis")))
            print("sqlite3" in sys.modules)
        """,
        "-s",
        "-p",
        "no:hypothesispytest",
    )
    assert "loaded ['embedmig', 'embedmig.testing', 'embedmig.testing.plugin']\nFalse\n" in done.stdout, done.stdout


def test_each_check_is_a_test_of_its_own_in_the_output(tmp_path):
    done = run(
        tmp_path,
        """
        import embedmig, embedmig.testing
        from conftest import prepare

        test_migrations = embedmig.testing.suite(embedmig.Migrator("notes_app.migrations", prepare=prepare))
        """,
        "-v",
        **{
            "conftest.py": CONFTEST,
            "notes_app/migrations/002_tags.sql": "-- migrate:up backward_compatible:true\nCREATE TABLE tags (x);\n-- migrate:down\nSELECT 1;\n",
        },
    )
    lines = [line.removeprefix("test_app.py::test_migrations::").split(" [ ")[0].split(" [1")[0] for line in done.stdout.splitlines() if "::test_" in line and "%" in line]  # fmt: skip
    assert [line.strip() for line in lines] == [
        "test_the_set_loads PASSED",
        "test_it_runs_on_an_empty_file[001_initial] PASSED",
        "test_it_runs_on_an_empty_file[002_tags] PASSED",
        "test_it_forgets_no_index_trigger_or_view[001_initial] PASSED",
        "test_it_forgets_no_index_trigger_or_view[002_tags] PASSED",
        "test_a_second_launch_changes_nothing PASSED",
        "test_it_depends_on_neither_time_nor_chance[001_initial] PASSED",
        "test_it_depends_on_neither_time_nor_chance[002_tags] PASSED",
        "test_down_undoes_up[002_tags] FAILED",
        "test_every_version_reaches_the_same_schema[from 001_initial] PASSED",
        "test_no_row_is_lost[from 001_initial] PASSED",
        "test_the_previous_release_can_go_on[002_tags] PASSED",
        "test_a_kill_at_any_statement_does_no_harm[from 001_initial] PASSED",
        "test_a_full_disk_does_no_harm[from 001_initial] PASSED",
        "test_ten_launches_at_once_migrate_once PASSED",
    ]
    failed = done.stdout.partition("FAILURES")[2].splitlines()[1:]
    assert failed[0].strip("_ ") == "test_migrations.test_down_undoes_up[002_tags]"
    assert failed[1:5] == [
        "down of 002_tags does not undo its up. The schema that was there (-) and the one that it leaves (+):",
        "    unexpected: table tags",
        "    + CREATE TABLE tags (x)",
        "Make down the inverse of up. If this is meant: suite(..., accept=['table tags']).",
    ]
