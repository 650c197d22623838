"""Other tools' folders: what is read, in which order, under which names; and what is refused, with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import content, query, write
from test_histories import ALL, History

from embedmig import DefinitionError, Migration, Migrator, UsageError, formats

KEPT = Path(__file__).parent / "formats"
TOOLS = {"golang": "golang-migrate"} | {tool: tool for tool in ("dbmate", "diesel", "drizzle", "goose", "sqlx")}


def tool_of(history: History) -> str | None:
    return TOOLS.get(history.folder.partition("_")[0])


foreign = pytest.mark.parametrize("history", [h for h in ALL if tool_of(h)], ids=lambda history: history.folder)


def loaded(folder: Path, tool: str) -> list[tuple[object, ...]]:
    return [(m.version, m.id, m.description, m.adopts) for m in formats.load(folder, tool)]


# -- whole histories, each read by embedmig and by the tests' own few lines -------------------------------------------


@foreign
def test_a_folder_makes_the_same_file_as_its_statements_by_hand(history: History, path: Path, tmp_path: Path) -> None:
    Migrator(formats.load(history.path, str(tool_of(history)))).migrate(path)
    Migrator(history.shipped).migrate(tmp_path / "other.db")
    assert said(path) == said(tmp_path / "other.db")


@foreign
def test_a_converted_folder_makes_the_same_file(history: History, path: Path, tmp_path: Path) -> None:
    written = formats.convert(history.path, str(tool_of(history)), tmp_path / "migrations")
    assert [Path(name).name[:4] for name in written] == [f"{n:03}_" for n in range(1, len(written) + 1)]
    Migrator(tmp_path / "migrations").migrate(path)
    Migrator(history.shipped).migrate(tmp_path / "other.db")
    assert said(path) == said(tmp_path / "other.db")


def said(path: Path) -> dict[str, object]:
    found = content(path, history=False)
    return found | {"schema": [row for row in found["schema"] if row[2] != "_migrations"]}  # type: ignore[attr-defined]


# -- order, names, versions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "names", "found"),
    [
        ("goose", ["00002_b.sql", "1_a.sql", "00010_c.sql", "notes.sql"], ["1_a", "00002_b", "00010_c"]),
        ("goose", ["20150100000001000000_a.sql", "3_b.sql"], ["3_b", "20150100000001000000_a"]),
        ("golang-migrate", ["2_b.up.sql", "2_b.down.sql", "10_c.up.sql", "1_a.up.sql"], ["1_a", "2_b", "10_c"]),
        ("golang-migrate", ["7_a.up.sql", "7_b.up.sql"], ["7_a", "7_b"]),
        ("golang-migrate", ["20150100000001000000_a.sqlite3.up.sql", "20150100000001000000_a.mysql.up.sql"], ["20150100000001000000_a"]),
        ("sqlx", ["20240102000000_b.sql", "20240101000000_a.up.sql", "20240101000000_a.down.sql", "README.md"],
         ["20240101000000_a", "20240102000000_b"]),
        ("sqlx", ["2_b.sql", "10_c.sql", "1_a.sql"], ["1_a", "2_b", "10_c"]),
        ("dbmate", ["2_b.sql", "10_c.sql", "1_a.sql", "notes.sql"], ["10_c", "1_a", "2_b"]),
        ("yoyo", ["0001.1.dotted.sql", "0001.sql", "a-name.sql", "0001.rollback.sql"], ["0001.1.dotted", "0001", "a-name"]),
    ],
)  # fmt: skip
def test_versions_are_counted_in_the_tools_own_order(tool, names, found, tmp_path) -> None:
    text = {"goose": "-- +goose Up\nSELECT 1;\n", "dbmate": "-- migrate:up\nSELECT 1;\n-- migrate:down\n"}
    folder = write(tmp_path / "m", **dict.fromkeys(names, text.get(tool, "SELECT 1;\n")))
    migrations = formats.load(folder, tool)
    assert [m.id for m in migrations] == found
    assert [m.version for m in migrations] == list(range(1, len(found) + 1))


def test_a_folder_of_diesels_is_ordered_by_what_it_records(tmp_path) -> None:
    for name in ("2021-03-02-081500_b", "20210302-0814_a", "00000000000000_diesel_initial_setup", ".hidden"):
        write(tmp_path / "m" / name, **{"up.sql": "SELECT 1;"})
    write(tmp_path / "m", **{"README.md": "not one", "schema.rs": "nor this"})
    assert [m.id for m in formats.load(tmp_path / "m", "diesel")] == [
        "00000000000000_diesel_initial_setup",
        "20210302-0814_a",
        "2021-03-02-081500_b",
    ]


def test_drizzles_order_is_that_of_its_journal(tmp_path) -> None:
    journal = '{"entries": [{"tag": "0001_b", "when": 5}, {"tag": "0000_a", "when": 7}]}'
    folder = write(tmp_path / "m", **{"0000_a.sql": "SELECT 1", "0001_b.sql": "SELECT 2", "0002_stray.sql": "SELECT 3"})
    write(folder / "meta", **{"_journal.json": journal})
    assert loaded(folder, "drizzle-kit") == [
        (1, "0001_b", "B", ("drizzle: 0001_b 5",)),
        (2, "0000_a", "A", ("drizzle: 0000_a 7",)),
    ]


def test_yoyos_files_come_behind_those_that_they_depend_on(tmp_path) -> None:
    folder = write(
        tmp_path / "m",
        **{
            "a.sql": "-- depends: c\n-- depends: d\nSELECT 1;",
            "b.py": "from yoyo import step\n__depends__ = {'c'}\nstep('SELECT 2')\n",
            "c.sql": "SELECT 3;",
            "d.py": "from yoyo import step\nstep('SELECT 4')\n",
        },
    )
    assert [m.id for m in formats.load(folder, "yoyo")] == ["c", "b", "d", "a"]


def test_yoyos_settings_are_read_whatever_their_annotations(tmp_path) -> None:
    step = "from yoyo import step\n\nstep('SELECT 1')\n"
    settings = "__depends__: set[str] = {'b'}\n__transactional__: bool = False\n"
    migrations = formats.load(write(tmp_path / "m", **{"a.py": settings + step, "b.py": step}), "yoyo")
    assert [(m.id, m.transactional, m.up) for m in migrations] == [
        ("b", True, "\n\nSELECT 1;\n"),
        ("a", False, "\n\n\n\nSELECT 1;\n"),
    ]


def test_two_sets_of_sqlite_utils_may_use_one_name(tmp_path) -> None:
    text = "from sqlite_utils import Migrations\nm = Migrations('{}')\n\n@m()\ndef initial(db):\n    db['{}'].create({{'x': int}})\n"
    folder = write(tmp_path / "m", **{"a.py": text.format("cats", "a"), "b.py": text.format("dogs", "b")})
    assert loaded(folder, "sqlite-migrate") == [
        (1, "initial", "Initial", ("sqlite-utils: cats:initial",)),
        (2, "initial_2", "Initial", ("sqlite-utils: dogs:initial",)),
    ]
    Migrator(formats.load(folder, "sqlite-utils")).migrate(tmp_path / "x.db")
    assert [
        name for (name,) in query(tmp_path / "x.db", "SELECT name FROM sqlite_master WHERE name IN ('a', 'b')")
    ] == ["a", "b"]


# -- up, down, transactions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "made",
    [
        "sets: Migrations = Migrations('c')",
        "sets: 'M' = sqlite_utils.Migrations(name='c')",
        "from sqlite_utils import Migrations as M\nsets = M('c')",
        "other = sets = Migrations('c')",
    ],
)
def test_a_set_of_sqlite_utils_is_found_however_it_is_made(made, tmp_path) -> None:
    write(tmp_path / "m", **{"a.py": f"{made}\n\n\n@sets()\ndef one(db):\n    db['t'].insert({{'x': 1}})\n"})
    assert loaded(tmp_path / "m", "sqlite-utils") == [(1, "one", "One", ("sqlite-utils: c:one",))]


def only(folder: Path, tool: str) -> Migration:
    (migration,) = formats.load(folder, tool)
    return migration


@pytest.mark.parametrize(
    ("tool", "files", "down"),
    [
        ("goose", {"1_a.sql": "-- +goose Up\nSELECT 1;\n"}, None),
        ("goose", {"1_a.sql": "-- +goose Up\nSELECT 1;\n-- +goose Down\n"}, ""),
        ("goose", {"1_a.sql": "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n"}, "SELECT 2;"),
        ("dbmate", {"1_a.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\n"}, ""),
        ("sqlx", {"1_a.sql": "SELECT 1;"}, None),
        ("sqlx", {"1_a.up.sql": "SELECT 1;", "1_a.down.sql": ""}, ""),
        ("golang-migrate", {"1_a.up.sql": "SELECT 1;"}, None),
        ("golang-migrate", {"1_a.up.sql": "SELECT 1;", "1_a.down.sql": "SELECT 2;"}, "SELECT 2;"),
        ("yoyo", {"1.a.sql": "SELECT 1;"}, None),
        ("yoyo", {"1.a.sql": "SELECT 1;", "1.a.rollback.sql": "SELECT 2;"}, "SELECT 2;"),
        ("yoyo", {"a.py": "from yoyo import step\nstep('SELECT 1')\n"}, None),
        ("yoyo", {"a.py": "from yoyo import step\nstep('SELECT 1', 'SELECT 2')\n"}, "SELECT 2;"),
    ],
)
def test_a_down_is_none_where_the_tool_has_none(tool, files, down, tmp_path) -> None:
    found = only(write(tmp_path / "m", **files), tool).down
    assert (found.strip() if isinstance(found, str) else found) == down


@pytest.mark.parametrize("there", ["", None], ids=["empty", "missing"])
def test_diesel_can_not_go_down_without_a_down_sql_that_says_something(there, tmp_path) -> None:
    files = {"up.sql": "SELECT 1;"} | ({} if there is None else {"down.sql": there})
    write(tmp_path / "m" / "1_a", **files)
    assert only(tmp_path / "m", "diesel").down is None


@pytest.mark.parametrize(
    ("tool", "files"),
    [
        ("goose", {"1_a.sql": "-- +goose NO TRANSACTION\n-- +goose Up\nVACUUM;\n"}),
        ("goose", {"1_a.sql": "-- +goose Up\r\n-- +goose NO TRANSACTION\r\nVACUUM;\r\n"}),
        ("dbmate", {"1_a.sql": "-- migrate:up transaction:false\nVACUUM;\n-- migrate:down transaction:false\n"}),
        ("sqlx", {"1_a.sql": "-- no-transaction\nVACUUM;\n"}),
        ("yoyo", {"a.sql": "-- transactional: false\nVACUUM;\n"}),
        ("yoyo", {"a.py": "from yoyo import step\n__transactional__ = False\nstep('VACUUM')\n"}),
        (
            "yoyo",
            {"a.py": "from yoyo import step\n__transactional__ = False\nstep(lambda conn: conn.execute('VACUUM'))\n"},
        ),
        ("sqlite-utils", {"a.py": "m = Migrations('x')\n\n@m(transactional=False)\ndef one(db):\n    db.vacuum()\n"}),
    ],
)
def test_what_runs_outside_a_transaction_there_does_so_here(tool, files, tmp_path, path) -> None:
    folder = write(tmp_path / "m", **files)
    assert only(folder, tool).transactional is False
    formats.convert(folder, tool, tmp_path / "converted")
    Migrator(tmp_path / "converted").migrate(path)
    assert Migrator(formats.load(folder, tool)).migrate(tmp_path / "other.db").after == 1


@pytest.mark.parametrize(("said", "transactional"), [("false", False), ("true", True)])
def test_diesels_metadata_says_whether_a_migration_runs_in_a_transaction(said, transactional, tmp_path) -> None:
    write(tmp_path / "m" / "1_a", **{"up.sql": "SELECT 1;", "metadata.toml": f"run_in_transaction = {said}\n"})
    assert only(tmp_path / "m", "diesel").transactional is transactional


def test_a_statement_of_gooses_ends_where_its_mark_says(path, tmp_path) -> None:
    text = """\
        -- +goose Up
        -- +goose StatementBegin
        CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)
        -- +goose StatementEnd

        -- +goose StatementBegin
        CREATE TRIGGER shout AFTER INSERT ON notes BEGIN
            UPDATE notes SET body = upper(body);
            SELECT 1;
        END
        -- +goose StatementEnd
        INSERT INTO notes (body) VALUES ('a -- +goose Down
        b');
        """
    Migrator(formats.load(write(tmp_path / "m", **{"1_a.sql": text}), "goose")).migrate(path)
    assert query(path, "SELECT body FROM notes") == [("A -- +GOOSE DOWN\nB",)]


def test_sqlites_own_variant_is_chosen_and_other_databases_are_passed_over(path, tmp_path) -> None:
    folder = write(
        tmp_path / "m",
        **{
            "1_a.up.sql": "CREATE TABLE plain (x);",
            "1_a.sqlite3.up.sql": "CREATE TABLE ours (x);",
            "1_a.postgres.up.sql": "CREATE TABLE postgres (x);",
            "1_a.down.sql": "DROP TABLE ours;",
            "2_b.mysql.up.sql": "CREATE TABLE mysql (x);",
            "3_c.down.sql": "SELECT 1;",
        },
    )
    Migrator(formats.load(folder, "golang-migrate")).migrate(path)
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> '_migrations'"
    assert query(path, tables) == [("ours",)]
    assert query(path, "SELECT id FROM _migrations ORDER BY version") == [("1_a",), ("3_c",)]


# -- Python -------------------------------------------------------------------------------------------------------------


def test_steps_of_sql_become_sql_on_their_own_lines(tmp_path) -> None:
    text = 'from yoyo import step\n\nsteps = [\n    step("CREATE TABLE a (x)", "DROP TABLE a"),\n    step("""\nCREATE TABLE b (x);\n""", "DROP TABLE b"),\n]\n'
    found = only(write(tmp_path / "m", **{"a.py": text}), "yoyo")
    assert found.up == "\n\n\nCREATE TABLE a (x);\n\nCREATE TABLE b (x);\n\n"
    assert found.down == "DROP TABLE b;\nDROP TABLE a;\n"
    assert Path(str(found.down_file)).name == "a.py (its rollbacks, newest first)"


STEPS = """\
from yoyo import group, step


def fill(conn):
    conn.cursor().execute("INSERT INTO a VALUES (1)")


def empty(conn):
    conn.cursor().execute("DELETE FROM a")


for name in ("a", "b"):
    step(f"CREATE TABLE {name} (x)", f"DROP TABLE {name}")
step("DROP TABLE nowhere", "DROP TABLE nowhere", ignore_errors="all")
group(step(fill, empty))
"""


def test_steps_of_functions_run_forwards_and_backwards(path, tmp_path) -> None:
    folder = write(tmp_path / "m", **{"a.py": STEPS})
    formats.convert(folder, "yoyo", tmp_path / "converted")
    for number, shipped in enumerate((formats.load(folder, "yoyo"), tmp_path / "converted")):
        file = path.with_suffix(f".{number}")
        Migrator(shipped).migrate(file)
        assert query(file, "SELECT * FROM a, (SELECT count(*) FROM b)") == [(1, 0)]
        Migrator(shipped).rollback(file, to=0)
        assert query(file, "SELECT name FROM sqlite_master WHERE name IN ('a', 'b')") == []


FUTURE = """\
'''Notes.'''
from __future__ import annotations
from __future__ import (
    generator_stop,
)

from yoyo import step


def fill(conn: Nowhere):
    conn.cursor().execute("CREATE TABLE a (x)")


step(fill)
"""


def test_a_converted_file_has_its_imports_from_the_future_on_top(path, tmp_path) -> None:
    (written,) = formats.convert(write(tmp_path / "m", **{"a.py": FUTURE}), "yoyo", tmp_path / "new")
    assert (
        Path(written)
        .read_text()
        .startswith(
            '"""Notes."""\n\nfrom __future__ import annotations\nfrom __future__ import (\n    generator_stop,\n)\nimport contextlib\n'
        )
    )
    Migrator(tmp_path / "new").migrate(path)
    assert query(path, "SELECT count(*) FROM a") == [(0,)]


@pytest.mark.parametrize(
    "call", ["step(*BOTH)", "step(BOTH[0], rollback=BOTH[1])", "step(**dict(apply=BOTH[0], rollback=BOTH[1]))"]
)
def test_a_way_back_is_found_however_it_is_given(call, path, tmp_path) -> None:
    text = f"from yoyo import step\n\nBOTH = ('CREATE TABLE a (x)', 'DROP TABLE a')\n{call}\n"
    migrator = Migrator(formats.load(write(tmp_path / "m", **{"a.py": text}), "yoyo"))
    migrator.migrate(path)
    migrator.rollback(path, to=0)
    assert query(path, "SELECT name FROM sqlite_master WHERE name = 'a'") == []


def test_an_error_that_a_step_does_not_ignore_is_raised_with_its_line(path, tmp_path) -> None:
    folder = write(
        tmp_path / "m",
        **{"a.py": "from yoyo import step\n\nstep('SELECT 1')\nstep(lambda c: c.execute('SELECT wrong'))\n"},
    )
    with pytest.raises(Exception, match=re.escape("up of a failed (a.py, line 4): no such column: wrong")):
        Migrator(formats.load(folder, "yoyo")).migrate(path)


SETS = '''\
"""Of our app."""

from __future__ import annotations

import json
import textwrap

from sqlite_utils import Migrations

migrations = Migrations(name="ours")
WIDTH = 10
UNUSED = 11


def wrapped(text):
    return textwrap.fill(text, WIDTH)


# The first,
# with a comment.
@migrations()
def first(db):
    """Make notes.

    And more.
    """
    db["notes"].insert({"body": wrapped("a long line of words")})


@migrations(name="second one")
def up(db):
    db["notes"].insert({"body": json.dumps("""

three lines



below""")})


if __name__ == "__main__":
    import sys

    migrations.apply(sys.argv[1])
'''


def test_a_converted_function_takes_along_what_it_uses_and_nothing_else(path, tmp_path) -> None:
    folder = write(tmp_path / "m", **{"migrations.py": SETS})
    first, second = formats.convert(folder / "migrations.py", "sqlite-utils", tmp_path / "converted")
    assert (
        Path(first).read_text()
        == '''\
"""Make notes."""

from __future__ import annotations

import textwrap

adopts = "sqlite-utils: ours:first"


WIDTH = 10


def wrapped(text):
    return textwrap.fill(text, WIDTH)


# The first,
# with a comment.
def first(db):
    """Make notes.

    And more.
    """
    db["notes"].insert({"body": wrapped("a long line of words")})


up = first
'''
    )
    assert Path(second).name == "002_second_one.py"
    Migrator(tmp_path / "converted").migrate(path)
    assert query(path, "SELECT body FROM notes") == [
        ("a long\nline of\nwords",),
        ('"\\n\\nthree lines\\n\\n\\n\\nbelow"',),
    ]


# -- what is refused ----------------------------------------------------------------------------------------------------------

MARK = "-- +goose"
WRONG = [
    ("goose", {"1_a.sql": "SELECT 1;\n"}, "1_a.sql, line 1: there is SQL above -- +goose Up"),
    ("goose", {"1_a.sql": "-- nothing\n"}, "1_a.sql, line 1: there is no -- +goose Up"),
    ("goose", {"1_a.sql": f"{MARK} Up\n{MARK} Up\n"}, "1_a.sql, line 2: -- +goose Up is out of place"),
    ("goose", {"1_a.sql": f"{MARK} Down\n"}, "1_a.sql, line 1: -- +goose Down is out of place"),
    ("goose", {"1_a.sql": f"{MARK} StatementBegin\n"}, "1_a.sql, line 1: -- +goose StatementBegin is out of place"),
    ("goose", {"1_a.sql": f"{MARK} Up\n\n{MARK} StatementBegin\nSELECT 1;\n"}, "1_a.sql, line 3: -- +goose StatementBegin without its StatementEnd"),
    ("goose", {"1_a.sql": f"{MARK} Up\n{MARK} StatementEnd\n"}, "1_a.sql, line 2: -- +goose StatementEnd without its StatementBegin"),
    ("goose", {"1_a.sql": f"{MARK} Up\n  {MARK} Down\n"}, "1_a.sql, line 2: an indented marker is a comment to goose"),
    ("goose", {"1_a.sql": f"{MARK} Up\n{MARK} ENVSUB ON\n"}, "1_a.sql, line 2: it takes values from the environment"),
    ("goose", {"1_a.sql": f"{MARK} Up\n{MARK} Sideways\n"}, "1_a.sql, line 2: unknown marker: -- +goose Sideways"),
    ("goose", {"1_a.sql": f"{MARK} Up\nSELECT 1;\n", "2_b.go": "package migrations"}, "2_b.go is a migration in Go"),
    ("golang-migrate", {"1_a.up.fizz": "create_table()"}, "1_a.up.fizz is not SQL"),
    ("sqlx", {"first_a.sql": "SELECT 1;"}, "has no number in front"),
    ("sqlx", {"1_a.down.sql": "SELECT 1;"}, "has no 1_a.up.sql"),
    ("sqlx", {"1_a.up.sql": "-- no-transaction\n", "1_a.down.sql": ""}, "1_a.up.sql runs outside a transaction, and 1_a.down.sql does not"),
    ("dbmate", {"1_a.sql": "SELECT 1;"}, "1_a.sql, line 1: there is no -- migrate:up"),
    ("dbmate", {"1_a.sql": "-- migrate:up\nSELECT 1;\n-- migrate:sideways\n"}, "1_a.sql, line 3: migrate:sideways is no marker"),
    ("yoyo", {"a.sql": "-- depends: b\nSELECT 1;"}, "a.sql depends on b, which is not there"),
    ("yoyo", {"a.sql": "-- depends: b\n", "b.sql": "-- depends: a\n"}, "These depend on each other in a circle: a, b"),
    ("yoyo", {"a.sql": "-- transactional: perhaps\nSELECT 1;"}, "a.sql: `-- transactional: perhaps`"),
    ("yoyo", {"a.sql": "SELECT 1;", "a.py": "step('SELECT 1')"}, "are both a"),
    ("yoyo", {"post-apply.sql": "SELECT 1;"}, "runs after every run of yoyo's"),
    ("yoyo", {"a.py": "step(\n"}, "a.py, line 1: '(' was never closed"),
    ("yoyo", {"a.py": "import yoyo\nyoyo.step(lambda c: 1)\n"}, "a.py, line 1: yoyo is imported in another way"),
    ("yoyo", {"a.py": "\ngroup(step('SELECT 1'), ignore_errors='all')\n"}, "a.py, line 2: a group that ignores errors"),
    ("yoyo", {"a.py": "\n__depends__ = set(())\nstep('SELECT 1')\n"}, "a.py, line 2: __depends__ is not written out"),
    ("yoyo", {"a.py": "\n__depends__ += 'b'\nstep('SELECT 1')\n"}, "a.py, line 2: __depends__ is not written out"),
    ("yoyo", {"a.py": "__depends__: set\nstep('SELECT 1')\n"}, "a.py, line 1: __depends__ is not written out"),
    ("yoyo", {"a.py": "__depends__ = 5\nstep('SELECT 1')\n"}, "a.py: __depends__ is 5"),
    ("yoyo", {"a.py": "from yoyo import step\n\nstep(print, 1 / 0)\n"}, "a.py, line 3: ZeroDivisionError: division by zero"),
    ("sqlite-utils", {"a.py": "\nm = Migrations(NAME)\n"}, "a.py, line 2: a set of migrations whose name is not written out"),
    ("sqlite-utils", {"a.py": "m = Migrations('x')\nif True:\n    n = Migrations('y')\n"}, "a.py, line 3: a set of migrations that is not given a name at the top of the module"),
    ("sqlite-utils", {"a.py": "\nm.x = Migrations('y')\n"}, "a.py, line 2: a set of migrations that is not given a name of its own"),
    ("sqlite-utils", {"a.py": "m = Migrations('x')\n@m(name=NAME)\ndef one(db): ...\n"}, "a.py, line 2: a migration whose name is not written out"),
    ("sqlite-utils", {"a.py": "m = Migrations('x')\n\n@m()\nasync def one(db): ...\n"}, "a.py, line 3: a migration that is not a function at the top"),
    ("sqlite-utils", {"a.py": "m = Migrations('x')\n\nm(name='one')(print)\n"}, "a.py, line 3: a migration that is not a function at the top"),
    ("sqlite-utils", {"a.py": "m = Migrations('x')\n\n\n@m()\ndef one(db): ...\n\n\n1 / 0\n"}, "a.py, line 8: ZeroDivisionError: division by zero"),
    ("sqlite-utils", {"a.py": "def one(:\n"}, "a.py, line 1: invalid syntax"),
    ("drizzle", {"0000_a.sql": "SELECT 1"}, "There is no meta/_journal.json in"),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "files", "what"), WRONG, ids=[f"{tool}: {what}" for tool, _, what in WRONG])
def test_what_is_wrong_in_a_folder_is_named_with_its_file_and_line(tool, files, what, tmp_path) -> None:
    folder = write(tmp_path / "m", **files)
    with pytest.raises(DefinitionError, match=re.escape(what)):
        formats.load(folder, tool)


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"README": ""}, "has no up.sql. Nothing was changed. Add it, or take the folder away."),
        ({"up.sql": ""}, "up.sql is empty"),
        ({"up.sql": "SELECT 1;", "metadata.toml": "run_in_transaction = 1"}, "metadata.toml: run_in_transaction is 1"),
        ({"up.sql": "SELECT 1;", "metadata.toml": "run"}, "metadata.toml: Expected '='"),
    ],
)
def test_what_is_wrong_in_a_folder_of_diesels_is_named(files, what, tmp_path) -> None:
    write(tmp_path / "m" / "1_a", **files)
    with pytest.raises(DefinitionError, match=re.escape(what)):
        formats.load(tmp_path / "m", "diesel")


@pytest.mark.parametrize(
    ("journal", "what"),
    [
        ('{"entries": [\n', "meta/_journal.json, line 2: Expecting value"),
        ('{"entries": [{"tag": "0000_a"}]}', "meta/_journal.json: KeyError('when') is not as drizzle-kit writes it"),
        ('{"entries": [{"tag": "0000_a", "when": 1}]}', "0000_a.sql is not in"),
    ],
)
def test_what_is_wrong_in_drizzles_journal_is_named(journal, what, tmp_path) -> None:
    write(tmp_path / "m" / "meta", **{"_journal.json": journal})
    with pytest.raises(DefinitionError, match=re.escape(what)):
        formats.load(tmp_path / "m", "drizzle")


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path) -> None:
    write(tmp_path / "m")
    (tmp_path / "m" / "1_a.sql").write_bytes(b"SELECT 1;\n-- caf\xe9\n")
    with pytest.raises(DefinitionError, match=r"1_a\.sql, line 2: not UTF-8"):
        formats.load(tmp_path / "m", "sqlx")


@pytest.mark.parametrize("tool", [name for name in formats.NAMES if name not in ("alembic", "drizzle", "user_version")])
def test_an_empty_folder_and_a_missing_one_are_refused(tool, tmp_path) -> None:
    with pytest.raises(DefinitionError, match=f"No migrations of {tool}'s in"):
        formats.load(write(tmp_path / "m"), tool)
    with pytest.raises(DefinitionError, match="There is no folder"):
        formats.load(tmp_path / "elsewhere", tool)


@pytest.mark.parametrize(
    ("tool", "what"),
    [
        ("alembic", "Alembic's migrations can't be converted: only Alembic can run them."),
        ("user_version", "user_version is a number in the file: it has no folder to convert."),
        ("flyway", "There is no format called flyway."),
    ],
)
def test_what_has_no_folder_says_what_to_do_instead(tool, what, tmp_path) -> None:
    with pytest.raises(UsageError, match=re.escape(what)):
        formats.load(tmp_path, tool)


@pytest.mark.parametrize("name", ["golang-migrate", "golang_migrate", "Golang-Migrate"])
def test_capitals_and_dashes_in_a_name_do_not_matter(name, tmp_path) -> None:
    assert only(write(tmp_path / "m", **{"1_a.up.sql": "SELECT 1;"}), name).adopts == ("golang-migrate: 1_a",)


# -- conversion -----------------------------------------------------------------------------------------------------------------


def test_a_converted_file_says_what_it_adopts(tmp_path) -> None:
    text = "-- +goose Up\n-- why\nCREATE TABLE a (x);\n\n-- +goose Down\nDROP TABLE a;\n"
    (written,) = formats.convert(write(tmp_path / "m", **{"00001_add-users.sql": text}), "goose", tmp_path / "new")
    assert written == str(tmp_path / "new" / "001_add_users.sql")
    assert (
        Path(written).read_text()
        == """\
-- Add users
-- adopts goose: 00001_add-users

-- migrate:up
-- why
CREATE TABLE a (x);

-- migrate:down
DROP TABLE a;
"""
    )


def test_line_endings_within_texts_are_kept(path, tmp_path) -> None:
    write(tmp_path / "m")
    (tmp_path / "m" / "1_a.sql").write_bytes(b"CREATE TABLE a AS SELECT 'x\r\n\r\n\r\ny' AS x;\r\n")
    formats.convert(tmp_path / "m", "sqlx", tmp_path / "new")
    Migrator(tmp_path / "new").migrate(path)
    assert query(path, "SELECT x FROM a") == [("x\r\n\r\n\r\ny",)]


def test_nothing_is_written_into_a_folder_that_has_migrations(tmp_path) -> None:
    old, new = write(tmp_path / "m", **{"1_a.sql": "SELECT 1;"}), write(tmp_path / "new", **{"001_x.py": ""})
    with pytest.raises(DefinitionError, match=r"has migrations already: 001_x\.py"):
        formats.convert(old, "sqlx", new)
    with pytest.raises(DefinitionError, match=r"has migrations already: 1_a\.sql"):
        formats.convert(old, "sqlx", old)
    assert sorted(file.name for file in tmp_path.rglob("*.*")) == ["001_x.py", "1_a.sql"]


def test_nothing_is_written_where_a_later_file_is_wrong(tmp_path) -> None:
    old = write(tmp_path / "m", **{"1_a.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\n", "2_b.sql": "SELECT 1;\n"})
    with pytest.raises(DefinitionError, match=r"2_b\.sql, line 1"):
        formats.convert(old, "dbmate", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_where_a_file_can_t_be_written_none_stays(monkeypatch, tmp_path) -> None:
    from embedmig import disk

    write_new = disk.write_new

    def full(path: str, text: str) -> None:
        write_new(path, text if path.endswith("001_a.sql") else text[:9])
        if not path.endswith("001_a.sql"):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "write_new", full)
    old = write(tmp_path / "m", **{"1_a.sql": "SELECT 1;", "2_b.sql": "SELECT 2;", "3_c.sql": "SELECT 3;"})
    with pytest.raises(OSError, match="No space left"):
        formats.convert(old, "sqlx", tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("tool", "name", "text", "what"),
    [
        (
            "sqlx",
            "1_a.sql",
            "SELECT 1;\n-- migrate:down\nSELECT 2;\n",
            "1_a.sql: a line of it is a marker to embedmig (1_a.sql, line 1: there is SQL above the first -- migrate: marker.). "
            "Nothing was changed. Word it otherwise; or name dbmate, if the folder is dbmate's.",
        ),
        ("sqlx", "1_a.sql", "SELECT '\n-- migrate:sideways\n';\n", "1_a.sql: a line of it is a marker to embedmig"),
        (
            "golang-migrate",
            "1_a.up.sql",
            "SELECT 1;\n-- +goose Down\n",
            "1_a.up.sql, line 2: `-- +goose Down` divides the file for goose, and is a comment to golang-migrate. "
            "Nothing was changed. If the folder is goose's, name that.",
        ),
        (
            "yoyo",
            "a.py",
            "from __future__ import annotations; import yoyo_helpers\nstep(yoyo_helpers.one)\n",
            "a.py can't be converted: from __future__ imports must occur at the beginning of the file",
        ),
        ("yoyo", "a.py", "\nfrom .names import X\nstep(X)\n", "a.py, line 2: a relative import"),
    ],
)
def test_what_would_mean_something_else_here_is_refused(tool, name, text, what, tmp_path) -> None:
    with pytest.raises(DefinitionError, match=re.escape(what)):
        formats.convert(write(tmp_path / "m", **{name: text}), tool, tmp_path / "new")


def test_downs_in_files_of_their_own_are_no_migrations_of_yoyo_s(tmp_path) -> None:
    old = write(tmp_path / "m", **{"1_a.up.sql": "CREATE TABLE a (x);", "1_a.down.sql": "DROP TABLE a;"})
    what = (
        "1_a.down.sql takes back what 1_a.up does, and to yoyo it is one more migration. Nothing was changed. "
        "If the folder is golang-migrate's or sqlx's, name that."
    )
    with pytest.raises(DefinitionError, match=re.escape(what)):
        formats.load(old, "yoyo")


def test_a_thousand_migrations_get_four_digits(tmp_path) -> None:
    old = write(tmp_path / "m", **{f"{n}_a.sql": "SELECT 1;" for n in range(1, 1001)})
    written = formats.convert(old, "sqlx", tmp_path / "new")
    assert [Path(written[n]).name for n in (0, 999)] == ["0001_a.sql", "1000_a.sql"]
