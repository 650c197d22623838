"""SQL text: where its statements begin and end, what is skipped, what is refused, and at what cost."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers import content, query, script, sql, write
from hypothesis import given, settings
from hypothesis import strategies as st

from embedmig import DefinitionError, EmbedmigError, Migrator
from embedmig.script import runnable, statements

TRIGGER = """\
CREATE TRIGGER keep AFTER UPDATE ON notes BEGIN
  UPDATE notes SET n = CASE WHEN new.n > 1 THEN 2 ELSE 1 END WHERE id = new.id;
  INSERT INTO log VALUES ('it''s; done'); -- not; the; end
END;"""

SPLIT: dict[str, tuple[str, list[tuple[int, str]]]] = {
    "nothing": ("", []),
    "blanks": (" \t\r\n\f ", []),
    "comments only": ("-- one; two\n/* three; */\n", []),
    "a comment without an end": ("/* all; of; it", []),
    "empty statements": (";;\n ; -- a\n ;", []),
    "one": ("SELECT 1;", [(1, "SELECT 1;")]),
    "no final semicolon": ("SELECT 1", [(1, "SELECT 1")]),
    "no final semicolon, a newline": ("SELECT 1;\nSELECT 2\n", [(1, "SELECT 1;"), (2, "SELECT 2\n")]),
    "two on a line": ("SELECT 1; SELECT 2;", [(1, "SELECT 1;"), (1, "SELECT 2;")]),
    "blank lines": ("\n\nSELECT\n1;\n\nSELECT 2;\n", [(3, "SELECT\n1;"), (6, "SELECT 2;")]),
    "a comment before": ("-- a\n/* b\n */ SELECT 1;", [(3, "SELECT 1;")]),
    "a comment within": ("SELECT -- a; b\n 1 /* ; */;", [(1, "SELECT -- a; b\n 1 /* ; */;")]),
    "a comment after": ("SELECT 1; -- the end", [(1, "SELECT 1;")]),
    "a comment after, without semicolon": ("SELECT 1 -- the end", [(1, "SELECT 1 -- the end")]),
    "a comment that is never closed, after": ("SELECT 1 /* ; SELECT 2;", [(1, "SELECT 1 /* ; SELECT 2;")]),
    "a star and a slash": ("SELECT 1 */ 2; /**/ SELECT 3;", [(1, "SELECT 1 */ 2;"), (1, "SELECT 3;")]),
    "a dash and a minus": ("SELECT 1 - -1, 2-1;", [(1, "SELECT 1 - -1, 2-1;")]),
    "CRLF": ("SELECT 1;\r\n\r\nSELECT\r\n2;\r\n", [(1, "SELECT 1;"), (3, "SELECT\r\n2;")]),
    "a BOM": ("\ufeffSELECT 1;", [(1, "SELECT 1;")]),
    "a BOM and nothing": ("\ufeff", []),
    "a semicolon in a string": ("SELECT ';', 1;", [(1, "SELECT ';', 1;")]),
    "a quote in a string": ("SELECT 'it''s;';", [(1, "SELECT 'it''s;';")]),
    "a newline in a string": ("SELECT 'a;\nb';\nSELECT 2;", [(1, "SELECT 'a;\nb';"), (3, "SELECT 2;")]),
    "a comment in a string": ("SELECT '--', '/*';SELECT 2;", [(1, "SELECT '--', '/*';"), (1, "SELECT 2;")]),
    "a string in a comment": ("SELECT 1; -- it's\nSELECT 2;", [(1, "SELECT 1;"), (2, "SELECT 2;")]),
    "double quotes": ('SELECT "a;b", "c""d;";', [(1, 'SELECT "a;b", "c""d;";')]),
    "square brackets": ("SELECT [a;b], ['];", [(1, "SELECT [a;b], ['];")]),
    "backticks": ("SELECT `a;b`;", [(1, "SELECT `a;b`;")]),
    "other letters": ("SELECT é, 日本;SELECT '🍏;';", [(1, "SELECT é, 日本;"), (1, "SELECT '🍏;';")]),
    "a trigger": (f"SELECT 1;\n{TRIGGER}\nSELECT 2;", [(1, "SELECT 1;"), (2, TRIGGER), (6, "SELECT 2;")]),
    "a trigger in lower case": (TRIGGER.lower(), [(1, TRIGGER.lower())]),
    "a temporary trigger": (
        TRIGGER.replace("CREATE", "CREATE TEMP") + TRIGGER.replace("CREATE", "create temporary"),
        [(1, TRIGGER.replace("CREATE", "CREATE TEMP")), (4, TRIGGER.replace("CREATE", "create temporary"))],
    ),
    "a trigger with comments between its words": (
        "CREATE /* ; */ TEMP -- ;\n TRIGGER t BEGIN SELECT 1;END;SELECT 2;",
        [(1, "CREATE /* ; */ TEMP -- ;\n TRIGGER t BEGIN SELECT 1;END;"), (2, "SELECT 2;")],
    ),
    "a trigger that is explained": (
        f"EXPLAIN {TRIGGER} EXPLAIN QUERY PLAN {TRIGGER}",
        [(1, f"EXPLAIN {TRIGGER}"), (4, f"EXPLAIN QUERY PLAN {TRIGGER}")],
    ),
    "a trigger without its last semicolon": (TRIGGER[:-1], [(1, TRIGGER[:-1])]),
    "END in the middle of a trigger": (
        "CREATE TRIGGER t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2; END;",
        [(1, "CREATE TRIGGER t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2; END;")],
    ),
    "a table that is called trigger": (
        'CREATE TABLE "trigger" (x); CREATE INDEX trigger ON t (x);',
        [(1, 'CREATE TABLE "trigger" (x);'), (1, "CREATE INDEX trigger ON t (x);")],
    ),
    "a table whose name begins like it": (
        "CREATE TEMP triggers (x); SELECT 2;",
        [(1, "CREATE TEMP triggers (x);"), (1, "SELECT 2;")],
    ),
    "CASE outside a trigger": (
        "SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2;",
        [(1, "SELECT CASE 1 WHEN 1 THEN 2 END;"), (1, "SELECT 2;")],
    ),
    "a transaction": (
        "BEGIN;\nSELECT 1;\nEND;",
        [(1, "BEGIN;"), (2, "SELECT 1;"), (3, "END;")],
    ),
    "breakpoints": (
        "CREATE TABLE a (x);--> statement-breakpoint\nCREATE TABLE b (x);\n--> statement-breakpoint\nCREATE TABLE c (x);",
        [(1, "CREATE TABLE a (x);"), (2, "CREATE TABLE b (x);"), (4, "CREATE TABLE c (x);")],
    ),
    "breakpoints without semicolons": (
        "CREATE TABLE a (x)\n--> statement-breakpoint\nCREATE TABLE b (x)\n--> statement-breakpoint\n",
        [(1, "CREATE TABLE a (x)"), (3, "CREATE TABLE b (x)")],
    ),
    "a breakpoint in a trigger": (
        TRIGGER.replace("-- not", "--> statement-breakpoint"),
        [(1, TRIGGER.replace("-- not", "--> statement-breakpoint"))],
    ),
    "a breakpoint in a string": (
        "SELECT '\n--> statement-breakpoint\n'; SELECT 2;",
        [(1, "SELECT '\n--> statement-breakpoint\n';"), (3, "SELECT 2;")],
    ),
}


@pytest.mark.parametrize(("text", "expected"), SPLIT.values(), ids=SPLIT)
def test_a_script_is_cut_into_its_statements(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(statements(text)) == expected


CLOSE = "is never closed. Nothing was changed. Close it with"
END_IT = "has no END. Nothing was changed. End it with END;"

UNFINISHED = {
    "a string": ("SELECT 1;\n\nSELECT 'it;", f"001_a.sql, line 3: the string or name that begins here {CLOSE} '"),
    "a string on the line below": ("SELECT\n\n 1, 'it;\n\n", f"001_a.sql, line 3: the string or name that begins here {CLOSE} '"),
    "a name": ('SELECT "a;\n', f'001_a.sql, line 1: the string or name that begins here {CLOSE} "'),
    "a name in brackets": ("SELECT [a;\n", f"001_a.sql, line 1: the string or name that begins here {CLOSE} ]"),
    "a name in backticks": ("SELECT `a;\n", f"001_a.sql, line 1: the string or name that begins here {CLOSE} `"),
    "a string in a trigger": (
        "CREATE TRIGGER t BEGIN\n SELECT 'a;\nEND;",
        f"001_a.sql, line 2: the string or name that begins here {CLOSE} '",
    ),
    "a trigger": ("\nCREATE TRIGGER t BEGIN\n SELECT 1;\n", f"001_a.sql, line 2: the trigger that begins here {END_IT}"),
    "a trigger in mid-statement": ("CREATE TRIGGER t BEGIN SELECT 1", f"001_a.sql, line 1: the trigger that begins here {END_IT}"),
    "a trigger that swallows the next": (
        "CREATE TRIGGER t BEGIN SELECT 1;\nCREATE TABLE t (x);",
        f"001_a.sql, line 1: the trigger that begins here {END_IT}",
    ),
    "a NUL character": ("SELECT 1;\nSELECT '\0';", "001_a.sql, line 2: there is a NUL character in the SQL. Nothing was changed. Remove it."),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), UNFINISHED.values(), ids=UNFINISHED)
def test_an_unfinished_script_is_refused_by_file_and_line(text: str, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        list(statements(text, "001_a.sql"))
    assert str(caught.value) == message


def test_without_a_file_it_is_the_line_of_the_sql() -> None:
    with pytest.raises(DefinitionError) as caught:
        list(statements("\n'"))
    assert str(caught.value).startswith("Line 2 of the SQL: the string or name that begins here is never closed.")


# -- against SQLite's own idea of a complete statement -------------------------------------------------------------

TOKENS = st.sampled_from(
    [
        *(";" * 6), *(" " * 4), " CREATE TRIGGER ", " CREATE TEMP TRIGGER ", " EXPLAIN ", ";END;", " ; end ", "\n", "\r\n", "\t", "\f", "CREATE", "create", "Temp", "TEMPORARY", "TRIGGER", "Trigger", "TABLE", "EXPLAIN",
        "BEGIN", "END", "end", "CASE", "SELECT", "x", "é", "ı", "ſ", "END2", "ENDſ", "_END", "$END", "1END", "1", ".", "(", ")", "=", "*", "/", "-",
        "'a;b'", "''", "'it''s'", '"a;b"', "[a;'b]", "`a;b`", "-- a; 'b\n", "--\n", "/* a; 'b */", "/**/", "/***/", "\N{NO-BREAK SPACE}", "\v",
    ]
)  # fmt: skip
SCRIPTS = st.lists(TOKENS, max_size=30).map("".join)
COMMENTS_AND_BLANKS = re.compile(r"(?:[ \t\r\n\f]|--[^\n]*\n?|/\*.*?(?:\*/|\Z))*", re.S)


def reference(text: str) -> tuple[list[str], bool]:
    """Cut after each semicolon at which SQLite itself calls the statement complete; is the rest a trigger that isn't?"""
    pieces, begin = [], 0
    for at, character in enumerate(text):
        if character == ";" and sqlite3.complete_statement(text[begin : at + 1]):
            pieces.append(text[begin : at + 1])
            begin = at + 1
    pieces.append(text[begin:])
    cut = [piece[COMMENTS_AND_BLANKS.match(piece).end() :] for piece in pieces]
    ends = ("\n;", "*/;")  # a comment may be open at the end: SQLite lets it be
    unfinished = bool(cut[-1]) and not any(sqlite3.complete_statement(cut[-1] + end) for end in ends)
    return [piece for piece in cut if piece not in ("", ";")], unfinished


def is_closed(text: str) -> bool:
    """Random tokens may join into a comment, `-` and `-`, that takes away one quote of a pair; the other is left open."""
    return bool(
        re.fullmatch(r"""(?s)(?:'[^']*'|"[^"]*"|`[^`]*`|\[[^]]*\]|--[^\n]*\n?|/\*.*?(?:\*/|\Z)|[^'"`\[])*+""", text)
    )


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(SCRIPTS)
def test_any_script_is_cut_where_sqlite_itself_would_cut_it(text: str) -> None:
    expected, unfinished = reference(text)
    if unfinished or not is_closed(text):
        with pytest.raises(DefinitionError):
            list(statements(text))
    else:
        assert [statement.text for statement in statements(text)] == expected


@settings(max_examples=500, deadline=None, derandomize=True)
@given(SCRIPTS)
def test_nothing_but_comments_and_blanks_is_lost_and_lines_are_right(text: str) -> None:
    try:
        found = list(statements(text))
    except DefinitionError:
        return
    at = 0
    for line, statement in found:
        start = text.index(statement, at)
        assert re.fullmatch(r"(?:;|[ \t\r\n\f]|--[^\n]*\n?|/\*.*?\*/)*", text[at:start], re.S)
        assert line == text.count("\n", 0, start) + 1
        at = start + len(statement)
    assert re.fullmatch(r"(?:;|[ \t\r\n\f]|--[^\n]*\n?|/\*.*?(?:\*/|\Z))*", text[at:], re.S)


def test_a_script_does_what_executescript_would_do(tmp_path: Path, path: Path) -> None:
    text = "".join(f"{text}\n" for text in [
        "-- notes; and a log", "CREATE TABLE notes (id INTEGER PRIMARY KEY, n);", "CREATE TABLE log (said); /* ; */", TRIGGER,
        "INSERT INTO notes (n) VALUES (1), (2); UPDATE notes SET n = n + 1;;", "INSERT INTO log VALUES ('a;\n--b')",
    ])  # fmt: skip
    with closing(sqlite3.connect(tmp_path / "plain.db")) as conn:
        conn.executescript(text)
    Migrator(write(tmp_path / "m", **{"001_a.sql": text})).migrate(path)
    assert content(path, history=False) == content(tmp_path / "plain.db") | {"schema": content(path)["schema"]}
    assert query(path, "SELECT said FROM log") == [("it's; done",), ("it's; done",), ("a;\n--b",)]


# -- what stands around the work, and what may not run in a run ------------------------------------------------------

SKIPPED = [
    "BEGIN;", "begin;", "BEGIN TRANSACTION;", "BEGIN IMMEDIATE TRANSACTION;", "BEGIN EXCLUSIVE;", "Begin /* now */ Deferred;", "BEGIN -- now\n;",
    "COMMIT;", "commit transaction;", "END;", "END TRANSACTION;", "COMMIT",
    "PRAGMA foreign_keys = OFF;", "PRAGMA foreign_keys=1;", "pragma FOREIGN_KEYS = on;", "PRAGMA foreign_keys(0);", "PRAGMA main.foreign_keys(0);",
    "PRAGMA main . foreign_keys = 0;", "PRAGMA /* a */ foreign_keys -- b\n = 0;", "PRAGMA foreign_keys;",
]  # fmt: skip


@pytest.mark.parametrize("text", SKIPPED)
def test_what_the_run_does_by_itself_is_skipped(text: str) -> None:
    run, skipped = runnable(f"{text}")
    assert run == []
    assert [statement.text for statement in skipped] == [text]


RUN = [
    "SAVEPOINT a;", "RELEASE a;", "ROLLBACK TO a;", "ROLLBACK TRANSACTION TO SAVEPOINT a;", "rollback /* just */ to a;",
    "PRAGMA foreign_key_check;", "PRAGMA foreign_key_list(notes);", "PRAGMA table_info(notes);", "PRAGMA journal_mode;", "PRAGMA main.journal_mode;",
    "PRAGMA synchronous;", "PRAGMA user_version = 7;", "PRAGMA defer_foreign_keys = ON;", "PRAGMA legacy_alter_table = ON;", "PRAGMA optimize;",
    "CREATE TABLE begin_ (x);", "SELECT 'COMMIT';", "EXPLAIN COMMIT;", "REINDEX;", "ANALYZE;", "ATTACHED;", "DELETE FROM vacuum;",
]  # fmt: skip


@pytest.mark.parametrize("text", RUN)
def test_whatever_does_no_harm_runs(text: str) -> None:
    run, skipped = runnable(text)
    assert [statement.text for statement in run] == [text]
    assert skipped == []


ROLLBACK = (
    "ROLLBACK would undo the whole run. Nothing was changed. Remove it: a migration that fails is undone by embedmig."
)
ALONE = "Nothing was changed. Move it to a migration of its own, marked -- migrate:up transaction:false (in Python: transactional = False)."
HARM = "does nothing, or harm, inside a transaction. Nothing was changed. Set it in prepare=, or move it to a migration marked -- migrate:up transaction:false."
SHELL = "a line that starts with a dot is a command of the sqlite3 shell, not SQL. Nothing was changed. Remove it."

REFUSED = [
    ("ROLLBACK;", ROLLBACK),
    ("rollback transaction;", ROLLBACK),
    ("ROLLBACK /* TO a */;", ROLLBACK),
    ("ATTACH 'other.db' AS other;", f"ATTACH can't run inside the run's transaction. {ALONE}"),
    ("attach database 'other.db' AS other;", f"ATTACH can't run inside the run's transaction. {ALONE}"),
    ("DETACH other;", f"DETACH can't run inside the run's transaction. {ALONE}"),
    ("VACUUM;", f"VACUUM can't run inside the run's transaction. {ALONE}"),
    ("VACUUM INTO 'copy.db';", f"VACUUM can't run inside the run's transaction. {ALONE}"),
    ("PRAGMA journal_mode = WAL;", f"PRAGMA journal_mode {HARM}"),
    ("PRAGMA journal_mode=wal", f"PRAGMA journal_mode {HARM}"),
    ("PRAGMA main.journal_mode(DELETE);", f"PRAGMA journal_mode {HARM}"),
    ("pragma /* a */ Journal_Mode -- b\n = WAL;", f"PRAGMA journal_mode {HARM}"),
    ("PRAGMA synchronous = OFF;", f"PRAGMA synchronous {HARM}"),
    ("PRAGMA locking_mode = EXCLUSIVE;", f"PRAGMA locking_mode {HARM}"),
    ("PRAGMA writable_schema = ON;", f"PRAGMA writable_schema {HARM}"),
    ("PRAGMA trusted_schema = OFF;", f"PRAGMA trusted_schema {HARM}"),
    ("PRAGMA query_only = ON;", f"PRAGMA query_only {HARM}"),
    ("PRAGMA ignore_check_constraints = ON;", f"PRAGMA ignore_check_constraints {HARM}"),
    ("PRAGMA wal_checkpoint;", f"PRAGMA wal_checkpoint {HARM}"),
    ("PRAGMA wal_checkpoint(TRUNCATE);", f"PRAGMA wal_checkpoint {HARM}"),
    (".mode csv\nSELECT 1;", SHELL),
    (".read other.sql", SHELL),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_would_end_or_harm_the_run_is_refused_by_file_and_line(
    text: str, message: str, tmp_path: Path, path: Path
) -> None:
    folder = write(tmp_path / "m", **{"001_a.sql": f"CREATE TABLE t (x);\n\n{text}\n"})
    with pytest.raises(DefinitionError) as caught:
        Migrator(folder).migrate(path)
    assert str(caught.value) == f"001_a.sql, line 3: {message}"
    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN\nCREATE TABLE t (x);",
        "BEGIN TRANSACTION CREATE TABLE t (x);",
        "COMMIT CREATE TABLE t (x);",
        "END\n\nCREATE TABLE t (x);",
        "PRAGMA foreign_keys = OFF\nCREATE TABLE t (x);",
        "PRAGMA foreign_keys CREATE TABLE t (x);",
    ],
)
def test_work_behind_a_forgotten_semicolon_is_not_skipped_with_what_stands_before_it(text: str, path: Path) -> None:
    """SQLite itself calls it a syntax error: to skip it and record the migration as applied would lose the table."""
    with pytest.raises(EmbedmigError):
        Migrator([sql(1, text)]).migrate(path)
    assert query(path, "SELECT name FROM sqlite_master") == []


def test_a_file_with_a_transaction_of_its_own_runs_in_embedmigs(tmp_path: Path, path: Path) -> None:
    folder = write(
        tmp_path / "m",
        **{
            "001_a.sql": """\
                PRAGMA foreign_keys = OFF;
                BEGIN TRANSACTION;
                CREATE TABLE a (x);
                INSERT INTO a VALUES (1);
                COMMIT;
                PRAGMA foreign_keys = ON;
                """,
            "002_b.sql": "BEGIN; CREATE TABLE b (x); COMMIT; SELECT * FROM not_there;",
        },
    )
    with pytest.raises(EmbedmigError, match="no such table: not_there"):
        Migrator(folder).migrate(path)
    assert query(path, "SELECT name FROM sqlite_master") == []


def test_in_a_migration_without_transaction_nothing_is_skipped_or_refused() -> None:
    text = "PRAGMA foreign_keys = OFF; BEGIN; COMMIT; VACUUM; PRAGMA journal_mode = WAL;"
    run, skipped = runnable(text, transactional=False)
    assert " ".join(statement.text for statement in run) == text
    assert skipped == []


def test_a_command_of_the_shell_is_refused_everywhere() -> None:
    with pytest.raises(DefinitionError, match="a command of the sqlite3 shell"):
        runnable("VACUUM;\n.mode csv\n", transactional=False)


# -- cost --------------------------------------------------------------------------------------------------------------

LONG = {
    "many statements": "\"INSERT INTO notes VALUES (1, 'some text; more');\\n\" * 20_000",
    "many lines of comment": '"-- some text; more\\n" * 60_000 + "SELECT 1;"',
    "comments inside statements": '"SELECT 1 -- a; b\\n, 2 /* ; */;\\n" * 35_000',
    "one statement": '"INSERT INTO notes VALUES " + ", ".join(["(1, \'some text; more\')"] * 40_000)',
    "one statement with comments": '"SELECT " + "1, -- a; b\\n" * 100_000 + "2;"',
    "one string": '"SELECT \'" + ";" * 1_000_000 + "\';"',
    "one string of quotes": '"SELECT \'" + "\'\'" * 500_000 + "\';"',
    "one string without an end": '"SELECT \'" + "\'\'" * 500_000',
    "many strings, the last without an end": '"SELECT \'a\';" * 90_000 + "\'"',
    "one comment without an end": '"/*" + "*;/ /*" * 170_000',
    "one trigger": '"CREATE TRIGGER t BEGIN " + "UPDATE notes SET n = 1 WHERE id = 2;\\n" * 27_000 + "END;"',
    "one trigger without an end": '"CREATE TRIGGER t BEGIN " + "SELECT CASE 1 WHEN 1 THEN 2 END;\\n" * 30_000',
    "many triggers": '"CREATE TRIGGER t BEGIN SELECT 1; END;\\n" * 26_000',
    "semicolons": '";" * 1_000_000',
    "brackets": '"[" * 1_000_000',
    "slashes and dashes": '"SELECT 1" + " / - " * 250_000',
    "blank lines": '"\\n" * 1_000_000 + "SELECT 1;"',
    "one word": '"x" * 1_000_000',
    "breakpoints": '"SELECT 1\\n--> statement-breakpoint\\n" * 28_000',
    "markers": '"-- migrate:up\\n" + "SELECT 1; -- migrate: is fine here\\n" * 28_000',
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_megabyte_of_sql_is_cut_in_linear_time(text: str) -> None:
    """A tokenizer that is quadratic anywhere takes from many minutes to hours: the limit is only against hanging."""
    done = script(
        f"""
        from embedmig import DefinitionError
        from embedmig.script import first_comment, runnable, sections
        text = {text}
        assert len(text) > 500_000
        try:
            first_comment(text)
            print(len(runnable(sections(text).up)[0]))
        except DefinitionError as error:
            print(str(error)[:100])
        """,
        timeout=60,
    )
    assert done.stdout.strip()
