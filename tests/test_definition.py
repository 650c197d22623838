"""What one migration file says, how it is read, and what is refused before anything runs."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import content, query, sql, write

from embedmig import DefinitionError, Migration, Migrator, definition

ANY_UP = "def up(db):\n    pass\n"


def only(folder: Path) -> Migration:
    """The first migration of a folder, as it is read."""
    return definition.load(definition.find(os.fspath(folder))[0])


def python(tmp_path: Path, text: str) -> Path:
    return write(tmp_path / "m", **{"001_a.py": text})


def sql_file(tmp_path: Path, text: str) -> Path:
    return write(tmp_path / "m", **{"001_a.sql": text})


def refusal(folder: Path, path: Path) -> str:
    """What the developer reads; no file may have been made."""
    with pytest.raises(DefinitionError) as caught:
        Migrator(folder).migrate(path)
    assert not path.exists()
    return str(caught.value)


# -- Python files ------------------------------------------------------------------------------------------------


def test_a_python_file_says_everything(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "m",
        **{
            "001_add_user_settings.py": '''\
                """Add the user's settings.

                They were in a JSON file before.
                """

                transactional = False
                backward_compatible = True
                requires_sqlite = "3.35"


                def up(db):
                    pass


                def down(db):
                    pass
                '''
        },
    )
    migration = only(folder)
    assert (migration.id, migration.version) == ("001_add_user_settings", 1)
    assert migration.description == "Add the user's settings."
    assert (migration.transactional, migration.backward_compatible, migration.requires_sqlite) == (False, True, "3.35")
    assert callable(migration.up)
    assert callable(migration.down)
    assert migration.file == os.path.join(folder, "001_add_user_settings.py")


def test_a_python_file_need_say_no_more_than_up(tmp_path: Path) -> None:
    migration = only(write(tmp_path / "m", **{"001_add_user_settings.py": ANY_UP}))
    assert migration.description == "Add user settings"
    assert migration.down is None
    assert (migration.transactional, migration.backward_compatible, migration.requires_sqlite) == (True, False, None)


@pytest.mark.parametrize(
    ("source", "description"),
    [
        ('"""Add notes."""\n', "Add notes."),
        ('"""\nAdd notes.\n\nMore.\n"""\n', "Add notes."),
        ('"""   Add notes   \n   and tags."""\n', "Add notes"),
        ('"""   """\n', "A"),
        ("# A comment is no docstring.\n", "A"),
        ('"""Äpfel, 日本語, 🍏."""\n', "Äpfel, 日本語, 🍏."),
    ],
)
def test_the_description_is_the_docstrings_first_line(source: str, description: str, tmp_path: Path) -> None:
    assert only(python(tmp_path, source + ANY_UP)).description == description


@pytest.mark.parametrize(
    ("id", "description"),
    [
        ("003_add_user_settings", "Add user settings"),
        ("20240101120000_notes", "Notes"),
        ("1_x", "X"),
        ("001_ÄPFEL", "ÄPFEL"),
        ("initial", "Initial"),
        ("001", "001"),
        ("001__two__words_", "Two  words"),
    ],
)
def test_without_one_the_description_is_the_ids_words(id: str, description: str) -> None:
    assert definition.described(id) == description


UP_AND_MORE = {
    "up(db)": "def up(db): db['t'].insert({'n': 1})",
    "up(db, progress)": "def up(db, progress): [db['t'].insert({'n': n}) for n in progress([1])]",
    "another name for progress": "def up(database, report): [database['t'].insert({'n': n}) for n in report([1])]",
    "progress by keyword": "def up(db, *, progress): [db['t'].insert({'n': n}) for n in progress([1])]",
    "progress with a default": "def up(db, progress=None): [db['t'].insert({'n': n}) for n in progress([1])]",
    "another default": "def up(db, rows=(1,)): db['t'].insert_all({'n': n} for n in rows)",
    "positional only": "def up(db, progress, /): [db['t'].insert({'n': n}) for n in progress([1])]",
    "any arguments": "def up(*args): args[0]['t'].insert({'n': len(args)})",
    "a lambda": "up = lambda db: db['t'].insert({'n': 1})",
    "a partial": "import functools\ndef add(db, n): db['t'].insert({'n': n})\nup = functools.partial(add, n=1)",
    "an object": "class Add:\n    def __call__(self, db): db['t'].insert({'n': 1})\nup = Add()",
    "decorated": "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def g(*a, **k): return f(*a, **k)\n    return g\n"
    "@twice\ndef up(db, progress): [db['t'].insert({'n': n}) for n in progress([1])]",
}


@pytest.mark.parametrize("source", UP_AND_MORE.values(), ids=UP_AND_MORE)
def test_up_may_take_db_alone_or_progress_too(source: str, tmp_path: Path, path: Path) -> None:
    Migrator(python(tmp_path, source + "\n")).migrate(path)
    assert query(path, "SELECT n FROM t") == [(1,)]


TAKE = "Nothing was changed. Take db, and progress if you report."
ORDINARY = "Nothing was changed. Write an ordinary function."
DEFINE_UP = "Nothing was changed. Define it: it makes the change."
TRUE_OR_FALSE = "Nothing was changed. Write True or False."
AS_TEXT = 'Nothing was changed. Write a version as text: "3.35".'

WRONG_PYTHON = {
    "no up": ("def upgrade(db): pass", f"001_a.py has no up(db). {DEFINE_UP}"),
    "nothing": ("", f"001_a.py has no up(db). {DEFINE_UP}"),
    "only a down": ("def down(db): pass", f"001_a.py has no up(db). {DEFINE_UP}"),
    "up is a number": (
        "up = 3",
        "001_a.py: up is int, neither a function nor SQL text. Nothing was changed. Define up(db).",
    ),
    "down is a list": (
        ANY_UP + "down = ['DROP TABLE t']",
        "001_a.py: down is list, neither a function nor SQL text. Nothing was changed. Define down(db).",
    ),
    "up is async": (
        "async def up(db): pass",
        f"001_a.py: up is async or a generator: calling it would do nothing. {ORDINARY}",
    ),
    "up is a generator": (
        "def up(db): yield",
        f"001_a.py: up is async or a generator: calling it would do nothing. {ORDINARY}",
    ),
    "up is an async generator": (
        "async def up(db): yield",
        f"001_a.py: up is async or a generator: calling it would do nothing. {ORDINARY}",
    ),
    "down is async": (
        ANY_UP + "async def down(db): pass",
        f"001_a.py: down is async or a generator: calling it would do nothing. {ORDINARY}",
    ),
    "up takes nothing": ("def up(): pass", f"001_a.py: up() can't be called as up(db) or up(db, progress). {TAKE}"),
    "up takes three": (
        "def up(db, progress, options): pass",
        f"001_a.py: up(db, progress, options) can't be called as up(db) or up(db, progress). {TAKE}",
    ),
    "up takes only keywords": (
        "def up(*, db): pass",
        f"001_a.py: up(*, db) can't be called as up(db) or up(db, progress). {TAKE}",
    ),
    "up wants another keyword": (
        "def up(db, *, config): pass",
        f"001_a.py: up(db, *, config) can't be called as up(db) or up(db, progress). {TAKE}",
    ),
    "down takes nothing": (
        ANY_UP + "def down(): pass",
        f"001_a.py: down() can't be called as down(db) or down(db, progress). {TAKE}",
    ),
    "transactional is text": ("transactional = 'no'\n" + ANY_UP, f"001_a.py: transactional is 'no'. {TRUE_OR_FALSE}"),
    "transactional is None": ("transactional = None\n" + ANY_UP, f"001_a.py: transactional is None. {TRUE_OR_FALSE}"),
    "transactional is a number": ("transactional = 0\n" + ANY_UP, f"001_a.py: transactional is 0. {TRUE_OR_FALSE}"),
    "backward_compatible is text": (
        "backward_compatible = 'true'\n" + ANY_UP,
        f"001_a.py: backward_compatible is 'true'. {TRUE_OR_FALSE}",
    ),
    "requires_sqlite is a number": (
        "requires_sqlite = 3.35\n" + ANY_UP,
        f"001_a.py: requires_sqlite is 3.35. {AS_TEXT}",
    ),
    "requires_sqlite is in other digits": (
        "requires_sqlite = '\u0663.35'\n" + ANY_UP,
        f"001_a.py: requires_sqlite is '\u0663.35'. {AS_TEXT}",
    ),
    "requires_sqlite is a comparison": (
        "requires_sqlite = '>=3.35'\n" + ANY_UP,
        f"001_a.py: requires_sqlite is '>=3.35'. {AS_TEXT}",
    ),
    "requires_sqlite ends with a dot": (
        "requires_sqlite = '3.'\n" + ANY_UP,
        f"001_a.py: requires_sqlite is '3.'. {AS_TEXT}",
    ),
    "an import that fails": (
        "import sys\nimport a_module_that_is_not_there\n" + ANY_UP,
        "001_a.py, line 2: ModuleNotFoundError: No module named 'a_module_that_is_not_there'."
        " Nothing was changed. The migration can't be loaded.",
    ),
    "an error while it is imported": (
        "FIRST = [][0]\n" + ANY_UP,
        "001_a.py, line 1: IndexError: list index out of range. Nothing was changed. The migration can't be loaded.",
    ),
    "an error deeper down": (
        "import json\n\nOLD = json.loads('{')\n" + ANY_UP,
        "001_a.py, line 3: JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)."
        " Nothing was changed. The migration can't be loaded.",
    ),
}


@pytest.mark.parametrize(("source", "message"), WRONG_PYTHON.values(), ids=WRONG_PYTHON)
def test_a_wrong_python_file_is_refused_before_there_is_a_database(
    source: str, message: str, tmp_path: Path, path: Path
) -> None:
    assert refusal(python(tmp_path, source), path) == message


@pytest.mark.parametrize(
    ("source", "line"), [("def up(db:\n    pass\n", 1), ("x = 1\ny = = 2\n", 2), (ANY_UP + "if True:\n", 3)]
)
def test_a_syntax_error_names_the_file_and_the_line(source: str, line: int, tmp_path: Path, path: Path) -> None:
    message = refusal(python(tmp_path, source), path)
    assert message.startswith(f"001_a.py, line {line}: ")
    assert message.endswith(" Nothing was changed. The migration can't be loaded.")


def test_the_original_error_is_the_cause(tmp_path: Path, path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        Migrator(python(tmp_path, "1 / 0\n")).migrate(path)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_wrong_file_is_refused_and_an_older_database_stays_as_it_was(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "m", **{"001_a.sql": "CREATE TABLE a (x); INSERT INTO a VALUES (1);"})
    Migrator(folder).migrate(path)
    before = content(path)
    write(folder, **{"002_b.sql": "CREATE TABLE b (x);", "003_c.py": "def up(): pass\n"})
    with pytest.raises(DefinitionError) as caught:
        Migrator(folder).migrate(path)
    assert "003_c.py: up() can't be called" in str(caught.value)
    assert content(path) == before


def test_a_migration_in_a_bare_folder_is_ordinary_python(tmp_path: Path) -> None:
    """It has a module of its own, which pickle and dataclasses can find, and none of embedmig's own `__future__`."""
    only(
        python(
            tmp_path,
            """\
            import dataclasses, pickle, sys

            @dataclasses.dataclass
            class Row:
                n: int = 1

            assert pickle.loads(pickle.dumps(Row())) == Row()
            assert sys.modules[__name__].Row is Row
            assert __file__.endswith("001_a.py")
            assert Row.__annotations__ == {"n": int}

            def up(db): pass
            """,
        )
    )


def test_two_folders_may_have_files_of_the_same_name(tmp_path: Path, path: Path) -> None:
    one = write(tmp_path / "one", **{"001_a.py": "def up(db): db['one'].create({'x': int})\n"})
    two = write(tmp_path / "two", **{"001_a.py": "def up(db): db['two'].create({'x': int})\n"})
    Migrator(one).migrate(path)
    Migrator(two).migrate(tmp_path / "two.db")
    assert "one" in content(path)
    assert "two" in content(tmp_path / "two.db")


def test_an_edit_within_the_same_second_is_seen(tmp_path: Path, path: Path) -> None:
    """In a bare folder the source that is fingerprinted is the one that runs, never its stale bytecode."""
    folder = python(tmp_path, "def up(db): db['old'].create({'x': int})\n")
    source = folder / "001_a.py"
    Migrator(folder).migrate(path)
    as_it_was = source.stat()
    source.write_bytes(source.read_bytes().replace(b"old", b"new"))  # the same length
    os.utime(source, ns=(as_it_was.st_atime_ns, as_it_was.st_mtime_ns))
    Migrator(folder).migrate(tmp_path / "second.db")
    assert "new" in content(tmp_path / "second.db")
    assert Migrator(folder).status(tmp_path / "second.db").edited == ()
    assert Migrator(folder).status(path).edited == ("001_a",)


def test_a_bare_folder_is_left_without_bytecode(tmp_path: Path, path: Path) -> None:
    folder = python(tmp_path, ANY_UP)
    Migrator(folder).migrate(path)
    assert sorted(os.listdir(folder)) == ["001_a.py"]


# -- SQL files ----------------------------------------------------------------------------------------------------


def test_an_sql_file_without_markers_is_all_up(tmp_path: Path) -> None:
    migration = only(sql_file(tmp_path, "CREATE TABLE t (x);\nCREATE INDEX i ON t (x);\n"))
    assert migration.up == "CREATE TABLE t (x);\nCREATE INDEX i ON t (x);\n"
    assert migration.down is None
    assert migration.description == "A"


def test_an_sql_file_may_have_two_sections_whose_line_numbers_stay(tmp_path: Path) -> None:
    migration = only(
        sql_file(tmp_path, "-- migrate:up\nCREATE TABLE t (x);\n\n-- migrate:down\nDROP TABLE t;\n-- the end\n")
    )
    assert [line.strip() for line in migration.up.split("\n")] == ["", "CREATE TABLE t (x);", "", ""]
    assert [line.strip() for line in migration.down.split("\n")] == ["", "", "", "", "DROP TABLE t;", "-- the end", ""]


def test_the_down_section_may_come_first(tmp_path: Path) -> None:
    migration = only(sql_file(tmp_path, "-- migrate:down\nDROP TABLE t;\n-- migrate:up\nCREATE TABLE t (x);\n"))
    assert migration.up.strip() == "CREATE TABLE t (x);"
    assert migration.down.strip() == "DROP TABLE t;"


@pytest.mark.parametrize(
    "marker", ["-- migrate:up", "--migrate:up", "  --  migrate : up  ", "-- Migrate:UP", "-- migrate:up\r"]
)
def test_a_marker_may_be_written_in_several_ways(marker: str, tmp_path: Path) -> None:
    down = marker.replace("up", "down").replace("UP", "DOWN")
    migration = only(sql_file(tmp_path, f"{marker}\nCREATE TABLE t (x);\n{down}\nDROP TABLE t;\n"))
    assert migration.up.strip() == "CREATE TABLE t (x);"
    assert migration.down.strip() == "DROP TABLE t;"


@pytest.mark.parametrize(
    "down", ["DROP TABLE t;\n", "-- migrate:down\nDROP TABLE t;\n", "-- migrate: down\nDROP TABLE t;"]
)
def test_a_pair_of_files_is_up_and_down(down: str, tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "m", **{"001_a.up.sql": "CREATE TABLE t (x);\n", "001_a.down.sql": down})
    migration = only(folder)
    assert migration.up == "CREATE TABLE t (x);\n"
    assert migration.down.strip() == "DROP TABLE t;"
    assert migration.file == os.path.join(folder, "001_a.up.sql")


def test_options_stand_behind_the_marker(tmp_path: Path) -> None:
    migration = only(
        sql_file(tmp_path, "-- migrate:up transaction:false backward_compatible:true requires_sqlite:3.35\nSELECT 1;\n")
    )
    assert (migration.transactional, migration.backward_compatible, migration.requires_sqlite) == (False, True, "3.35")


def test_options_that_say_what_is_so_anyway_change_nothing(tmp_path: Path) -> None:
    migration = only(sql_file(tmp_path, "-- migrate:up transaction:true backward_compatible:false\nSELECT 1;\n"))
    assert (migration.transactional, migration.backward_compatible) == (True, False)


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("-- Add notes\nSELECT 1;", "Add notes"),
        ("\n\n--   Add notes, and tags.  \nSELECT 1;", "Add notes, and tags."),
        ("/* Add notes */ SELECT 1;", "Add notes"),
        ("/**\n * Add notes\n * and tags\n */\nSELECT 1;", "Add notes"),
        ("-- migrate:up\n-- Add notes\nSELECT 1;\n-- migrate:down\n-- Remove them\nSELECT 1;", "Add notes"),
        ("-- Add notes\n-- migrate:up\nSELECT 1;", "Add notes"),
        ("-- ----------\n-- Add notes\n-- ----------\nSELECT 1;", "Add notes"),
        ("SELECT 1; -- Add notes", "A"),
        ("--> statement-breakpoint\nSELECT 1;", "A"),
        ("-- Äpfel 🍏\nSELECT 1;", "Äpfel 🍏"),
        ("", "A"),
    ],
)
def test_the_description_of_an_sql_file_is_its_first_comment(text: str, description: str, tmp_path: Path) -> None:
    assert only(sql_file(tmp_path, text)).description == description


KNOWN = (
    "Nothing was changed. Known: transaction:false, backward_compatible:true, requires_sqlite:3.35, loses_rows:true."
)
ONCE = "Nothing was changed. Write -- migrate:up once and -- migrate:down at most once."

WRONG_SQL = {
    "an unknown option": ("-- migrate:up tranaction:false\nSELECT 1;", f"001_a.sql, line 1: unknown option tranaction:false. {KNOWN}"),
    "an option without value": ("-- migrate:up transaction\nSELECT 1;", f"001_a.sql, line 1: unknown option transaction. {KNOWN}"),
    "an option with an odd value": ("\n-- migrate:up transaction:off\nSELECT 1;", f"001_a.sql, line 2: unknown option transaction:off. {KNOWN}"),
    "a requires_sqlite that is no version": ("-- migrate:up requires_sqlite:newest\nSELECT 1;", f"001_a.sql, line 1: unknown option requires_sqlite:newest. {KNOWN}"),
    "an unknown marker": ("-- migrate:sideways\nSELECT 1;", f"001_a.sql, line 1: migrate:sideways is no marker. {ONCE}"),
    "two ups": ("-- migrate:up\nSELECT 1;\n-- migrate:up\nSELECT 2;", f"001_a.sql, line 3: a second migrate:up. {ONCE}"),
    "two downs": ("-- migrate:up\n\n-- migrate:down\n-- migrate:down\n", f"001_a.sql, line 4: a second migrate:down. {ONCE}"),
    "no up": (
        "-- migrate:down\nDROP TABLE t;",
        "001_a.sql, line 1: there is a -- migrate:down but no -- migrate:up. Nothing was changed."
        " Add the marker above the statements that go up.",
    ),
    "SQL above the marker": (
        "-- Add notes\nCREATE TABLE notes (x);\n-- migrate:up\nSELECT 1;",
        "001_a.sql, line 2: there is SQL above the first -- migrate: marker. Nothing was changed."
        " Move it below -- migrate:up.",
    ),
    "goose's markers": (
        "-- +goose Up\nCREATE TABLE t (x);\n-- +goose Down\nDROP TABLE t;",
        "001_a.sql, line 3: this is goose's marker, and everything after it would run as well. Nothing was changed."
        " Write -- migrate:up and -- migrate:down.",
    ),
    "a string without an end": (
        "CREATE TABLE t (x);\n\nINSERT INTO t VALUES ('it);\n",
        "001_a.sql, line 3: the string or name that begins here is never closed. Nothing was changed. Close it with '",
    ),
    "a NUL character": (
        "CREATE TABLE t (x);\n\0",
        "001_a.sql, line 2: there is a NUL character in the SQL. Nothing was changed. Remove it.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG_SQL.values(), ids=WRONG_SQL)
def test_a_wrong_sql_file_is_refused_by_file_and_line(text: str, message: str, tmp_path: Path, path: Path) -> None:
    assert refusal(sql_file(tmp_path, text), path) == message


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"\xff\xfeC\x00R\x00", 1),  # UTF-16, as an editor on Windows may write it
        (b"CREATE TABLE t (x);\r\n-- caf\xe9\r\n", 2),
        ("-- ok: é\n\n".encode() + b"\xc3", 3),
    ],
    ids=["UTF-16", "Latin-1", "cut in mid-character"],
)
def test_sql_that_is_not_utf_8_is_refused_by_file_and_line(data: bytes, line: int, tmp_path: Path, path: Path) -> None:
    folder = sql_file(tmp_path, "")
    (folder / "001_a.sql").write_bytes(data)
    assert refusal(folder, path) == f"001_a.sql, line {line}: not UTF-8. Nothing was changed. Save it as UTF-8."


def test_a_pair_with_a_down_section_is_refused(tmp_path: Path, path: Path) -> None:
    folder = write(
        tmp_path / "m",
        **{"001_a.up.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;", "001_a.down.sql": "SELECT 1;"},
    )
    assert refusal(folder, path) == (
        "001_a.up.sql has a -- migrate:down section beside 001_a.down.sql. Nothing was changed. Keep one of them."
    )


def test_a_needed_sqlite_is_asked_for_before_anything_runs(tmp_path: Path, path: Path) -> None:
    folder = write(
        tmp_path / "m",
        **{"001_a.sql": "CREATE TABLE a (x);", "002_b.sql": "-- migrate:up requires_sqlite:9.1\nSELECT 1;"},
    )
    assert refusal(folder, path).startswith("002_b needs SQLite 9.1, and this Python has 3.")


# -- checksums ----------------------------------------------------------------------------------------------------

SOURCE = "-- Add notes\nCREATE TABLE notes (x);\n\nINSERT INTO notes VALUES (1);\n"
SAME: dict[str, Callable[[bytes], bytes]] = {
    "a BOM": lambda data: b"\xef\xbb\xbf" + data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "CR alone": lambda data: data.replace(b"\n", b"\r"),
    "trailing blanks": lambda data: data.replace(b"\n", b" \t\n"),
    "blank lines at the end": lambda data: data + b"\n\n  \n",
    "no newline at the end": lambda data: data.rstrip(b"\n"),
    "all of it": lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"  \r\n") + b"\r\n",
}
OTHER: dict[str, Callable[[bytes], bytes]] = {
    "a changed word": lambda data: data.replace(b"(1)", b"(2)"),
    "a changed case": lambda data: data.replace(b"notes (x)", b"Notes (x)"),
    "a changed comment": lambda data: data.replace(b"Add", b"Make"),
    "indented": lambda data: data.replace(b"INSERT", b" INSERT"),
    "a blank line within": lambda data: data.replace(b"\n\n", b"\n\n\n"),
    "a line more": lambda data: data + b"SELECT 1;\n",
    "nothing left": lambda data: b"",
}


def edited(tmp_path: Path, path: Path, name: str, source: str, edit: Callable[[bytes], bytes]) -> tuple[str, ...]:
    """The ids that count as edited once the file was changed after the run."""
    folder = write(tmp_path / "m", **{name: source})
    Migrator(folder).migrate(path)
    file = folder / name
    before = file.read_bytes()
    file.write_bytes(edit(before))
    assert file.read_bytes() != before
    return Migrator(folder).status(path).edited


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME)
def test_what_an_editor_or_a_checkout_changes_is_no_edit(
    edit: Callable[[bytes], bytes], tmp_path: Path, path: Path
) -> None:
    assert edited(tmp_path, path, "001_a.sql", SOURCE, edit) == ()


@pytest.mark.parametrize("edit", OTHER.values(), ids=OTHER)
def test_whatever_else_changes_is_an_edit(edit: Callable[[bytes], bytes], tmp_path: Path, path: Path) -> None:
    assert edited(tmp_path, path, "001_a.sql", SOURCE, edit) == ("001_a",)


def test_a_python_file_is_fingerprinted_in_the_same_way(tmp_path: Path, path: Path) -> None:
    source = '"""Add notes."""\n\n\ndef up(db):\n    db["notes"].create({"x": int})\n'
    assert edited(tmp_path, path, "001_a.py", source, SAME["all of it"]) == ()
    assert edited(tmp_path, tmp_path / "b.db", "001_a.py", source, lambda data: data + b"# more") == ("001_a",)


def test_the_down_side_is_not_what_was_applied(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "m", **{"001_a.up.sql": SOURCE, "001_a.down.sql": "DROP TABLE notes;"})
    Migrator(folder).migrate(path)
    write(folder, **{"001_a.down.sql": "DROP TABLE IF EXISTS notes;"})
    assert Migrator(folder).status(path).edited == ()


def test_the_fingerprint_of_a_source_never_changes() -> None:
    """It stands in users' files: a later embedmig must compute the same."""
    assert definition.fingerprint("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);\n") == "1b7d456d3e00d122"


def test_files_run_with_windows_line_ends_and_a_bom(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "m", **{"001_a.sql": "", "002_b.py": ""})
    text = "\ufeff-- migrate:up\r\nCREATE TABLE a (x);\r\nINSERT INTO a VALUES ('1\r\n2');\r\n"
    (folder / "001_a.sql").write_bytes(text.encode())
    (folder / "002_b.py").write_bytes(
        '\ufeff"""Two."""\r\n\r\ndef up(db):\r\n    db["b"].create({"x": int})\r\n'.encode()
    )
    Migrator(folder).migrate(path)
    assert query(path, "SELECT description FROM _migrations ORDER BY version") == [("A",), ("Two.",)]
    assert query(path, "SELECT x FROM a") == [("1\r\n2",)]


def test_python_in_another_encoding_says_so_in_its_first_line(tmp_path: Path, path: Path) -> None:
    folder = python(tmp_path, "")
    (folder / "001_a.py").write_bytes(b'# -*- coding: latin-1 -*-\n"""Caf\xe9."""\n' + ANY_UP.encode())
    assert only(folder).description == "Café."


# -- migrations in code -------------------------------------------------------------------------------------------


def add_notes(db: object) -> None:
    db["notes"].create({"x": int})


def wrong(**fields: object) -> Migration:
    return Migration(**({"id": "001_a", "version": 1, "description": "A", "up": "SELECT 1"} | fields))


NUMBER = "Nothing was changed. Number migrations 1, 2, 3, ..."

WRONG_VALUES = {
    "version 0": (wrong(version=0), f"001_a: version 0 is not a positive integer. {NUMBER}"),
    "a negative version": (wrong(version=-1), f"001_a: version -1 is not a positive integer. {NUMBER}"),
    "version as text": (wrong(version="1"), f"001_a: version '1' is not a positive integer. {NUMBER}"),
    "version True": (wrong(version=True), f"001_a: version True is not a positive integer. {NUMBER}"),
    "version 1.0": (wrong(version=1.0), f"001_a: version 1.0 is not a positive integer. {NUMBER}"),
    "a version that SQLite can't hold": (wrong(version=2**63), f"001_a: version {2**63} is not a positive integer. {NUMBER}"),
    "no id": (wrong(id=" "), "Version 1 has no id. Nothing was changed. Give it one: 003_what_it_does."),
    "an id that is no text": (wrong(id=1), "Version 1 has no id. Nothing was changed. Give it one: 003_what_it_does."),
    "no description": (wrong(description=None), "001_a: its description is not text. Nothing was changed. Say in one line what it does."),
    "no up": (wrong(up=None), "001_a: up is NoneType, neither a function nor SQL text. Nothing was changed. Define up(db)."),
    "up is bytes": (wrong(up=b"SELECT 1"), "001_a: up is bytes, neither a function nor SQL text. Nothing was changed. Define up(db)."),
    "up takes nothing": (wrong(up=lambda: None), f"001_a: up() can't be called as up(db) or up(db, progress). {TAKE}"),
    "transactional": (wrong(transactional=1), f"001_a: transactional is 1. {TRUE_OR_FALSE}"),
    "requires_sqlite": (wrong(requires_sqlite=(3, 35)), f"001_a: requires_sqlite is (3, 35). {AS_TEXT}"),
    "two downs": (
        wrong(up="-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;", down="SELECT 3"),
        "001_a: its text has a -- migrate:down section beside a down. Nothing was changed. Keep one of them.",
    ),
    "an unknown marker": (wrong(up="-- migrate:over\nSELECT 1;"), f"001_a, line 1: migrate:over is no marker. {ONCE}"),
    "an option that is no version": (
        wrong(up="-- migrate:up requires_sqlite:new\nSELECT 1;"),
        f"001_a, line 1: unknown option requires_sqlite:new. {KNOWN}",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("migration", "message"), WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_a_wrong_value_is_refused_before_there_is_a_database(migration: Migration, message: str, path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        Migrator([migration]).migrate(path)
    assert str(caught.value) == message
    assert not path.exists()


def test_sql_text_in_code_may_have_sections_and_options(path: Path) -> None:
    text = "-- migrate:up backward_compatible:true requires_sqlite:3.1\nCREATE TABLE t (x);\n-- migrate:down\nDROP TABLE t;"
    (migration,) = definition.find((sql(1, text),))
    assert migration.down.strip() == "DROP TABLE t;"
    assert (migration.backward_compatible, migration.requires_sqlite) == (True, "3.1")
    Migrator([sql(1, text)]).migrate(path)
    assert query(path, "SELECT backward_compatible FROM _migrations") == [(1,)]
    assert "t" in content(path)


@pytest.mark.parametrize(
    ("up", "known"),
    [("SELECT 1", True), (add_notes, True), (functools.partial(add_notes), False), (eval("lambda db: None"), False)],
    ids=["SQL text", "a function", "a partial", "a function without source"],
)
def test_the_checksum_of_a_value_is_its_sources_where_there_is_one(up: object, known: bool) -> None:
    assert (definition.checksum(Migration("001_a", 1, "A", up)) is not None) == known


def test_a_checksum_that_is_given_is_kept(path: Path) -> None:
    Migrator([sql(1, "CREATE TABLE t (x)", checksum="0123456789abcdef")]).migrate(path)
    assert query(path, "SELECT checksum FROM _migrations") == [("0123456789abcdef",)]


def test_sections_do_not_change_what_counts_as_edited(tmp_path: Path, path: Path) -> None:
    text = "-- migrate:up\nCREATE TABLE t (x);\n-- migrate:down\nDROP TABLE t;\n"
    folder = sql_file(tmp_path, text)
    Migrator(folder).migrate(path)
    in_code = Migration("001_a", 1, "A", text)
    assert Migrator([in_code]).status(path).edited == ()


@pytest.fixture(autouse=True)
def _forget_loaded_modules() -> Iterator[None]:
    """Modules of bare folders stay in sys.modules, under names of their own."""
    yield
    for name in [name for name in sys.modules if name.startswith("_embedmig_")]:
        del sys.modules[name]


LOSES = {
    "python": ("001_a.py", "loses_rows = True\n" + ANY_UP),
    "sql": ("001_a.sql", "-- migrate:up loses_rows:true\nSELECT 1;\n"),
}


@pytest.mark.parametrize(("name", "text"), LOSES.values(), ids=LOSES)
def test_a_migration_may_say_that_rows_go_on_purpose(name: str, text: str, tmp_path: Path) -> None:
    assert only(write(tmp_path / "m", **{name: text})).loses_rows is True
    assert only(write(tmp_path / "other", **{"001_a.py": ANY_UP})).loses_rows is False


def test_sql_text_in_code_may_say_that_rows_go_on_purpose() -> None:
    (migration,) = definition.find((sql(1, "-- migrate:up loses_rows:true\nSELECT 1;"),))
    assert migration.loses_rows is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loses_rows = 'yes'\n", f"001_a.py: loses_rows is 'yes'. {TRUE_OR_FALSE}"),
        ("loses_row = True\n", "001_a.py: loses_row is no setting. Nothing was changed. Did you mean loses_rows?"),
    ],
    ids=["no boolean", "misspelt"],
)
def test_a_loss_of_rows_that_is_said_wrongly_is_an_error(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        only(write(tmp_path / "m", **{"001_a.py": text + ANY_UP}))
    assert str(caught.value) == message
