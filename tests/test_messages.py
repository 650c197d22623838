"""Every error that embedmig raises, as a person reads it: what happened, what became of the data, what to do.

Read it as a list. A changed message is a visible difference here.
"""

from __future__ import annotations

import ast
import inspect
import pickle
import re
from collections.abc import Iterator

import pytest
from helpers import ROOT

from embedmig import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseDrifted,
    DatabaseReadOnly,
    DatabaseTooNew,
    DefinitionError,
    DiskFull,
    Drift,
    EmbedmigError,
    ForeignDatabase,
    ForeignKeyViolations,
    HistoryMismatch,
    IrreversibleMigration,
    MigrationCancelled,
    MigrationFailed,
    Migrator,
    NotADatabase,
    RebuildFailed,
    TransactionBroken,
    UnusablePath,
    UsageError,
    errors,
    rebuild,
)
from embedmig.testing import database_at, suite

FILE = {"path": "/home/ann/notes.db"}
WHERE = {"id": "003_tags", "file": "/app/migrations/003_tags.sql", "line": 12}
ROW = ("notes", 4, "folders", {"folder_id": 9})

MESSAGES: dict[str, tuple[EmbedmigError, str]] = {
    # -- the base, for what SQLite says and nothing more is known about
    "EmbedmigError": (
        EmbedmigError("the database: SQLite says: out of memory.", hint="This is SQLite 3.40.1."),
        "The database: SQLite says: out of memory. Nothing was changed. This is SQLite 3.40.1.",
    ),
    "EmbedmigError of a file": (
        EmbedmigError("notes.db: SQLite says: out of memory.", hint="This is SQLite 3.40.1.", **FILE),
        "notes.db: SQLite says: out of memory. Nothing was changed. This is SQLite 3.40.1.",
    ),
    "EmbedmigError and nothing else": (EmbedmigError("It went wrong."), "It went wrong. Nothing was changed."),
    # -- the developer's
    "DefinitionError": (
        DefinitionError("003_tags.sql, line 2: not UTF-8.", hint="Save it as UTF-8."),
        "003_tags.sql, line 2: not UTF-8. Nothing was changed. Save it as UTF-8.",
    ),
    "DefinitionError, and the file is there": (
        DefinitionError("the list of migrations is empty.", hint="Ship at least one migration.", **FILE),
        "The list of migrations is empty. Nothing was changed. Ship at least one migration.",
    ),
    "UsageError": (
        UsageError("the file is at version 3, above 2.", hint="A rollback to 2 goes down.", version=3),
        "The file is at version 3, above 2. Nothing was changed. A rollback to 2 goes down.",
    ),
    "UsageError of a file": (
        UsageError("the file is at version 3, above 2.", hint="A rollback to 2 goes down.", version=3, **FILE),
        "The file is at version 3, above 2. Nothing was changed. A rollback to 2 goes down.",
    ),
    # -- the path and the file
    "UnusablePath": (
        UnusablePath("the path of the database is empty.", hint="Give the path of a file."),
        "The path of the database is empty. Nothing was changed. Give the path of a file.",
    ),
    "UnusablePath of a file": (
        UnusablePath("/home/ann/notes.db is a folder.", hint="Give the path of a file in it.", **FILE),
        "/home/ann/notes.db is a folder. Nothing was changed. Give the path of a file in it.",
    ),
    "NotADatabase": (
        NotADatabase("file is not a database"),
        "The database is not a SQLite database, or is encrypted (file is not a database)."
        " Nothing was changed. Choose another file, or put a backup in its place.",
    ),
    "NotADatabase of a file": (
        NotADatabase("it has 5 bytes", **FILE),
        "notes.db is not a SQLite database, or is encrypted (it has 5 bytes)."
        " Nothing was changed. Choose another file, or put a backup in its place.",
    ),
    "DatabaseDamaged": (
        DatabaseDamaged("database disk image is malformed"),
        "The database is damaged: database disk image is malformed. Nothing was changed."
        " Restore a backup, or recover what can be read with the sqlite3 shell's .recover.",
    ),
    "DatabaseDamaged of a file": (
        DatabaseDamaged("Page 3: never used", **FILE),
        "notes.db is damaged: Page 3: never used. Nothing was changed."
        " Restore a backup, or recover what can be read with the sqlite3 shell's .recover.",
    ),
    "DatabaseDamaged in many places": (
        DatabaseDamaged("*** in database main ***\nPage 3: never used\nPage 4: never used", **FILE),
        "notes.db is damaged: Page 3: never used. Nothing was changed."
        " Restore a backup, or recover what can be read with the sqlite3 shell's .recover.",
    ),
    "DatabaseBusy": (
        DatabaseBusy(30.04),
        "The database is busy: another process is writing to it; waited 30.0 s."
        " Nothing was changed. Close other windows of the app and try again.",
    ),
    "DatabaseBusy of a file": (
        DatabaseBusy(2.0, "is reading it and does not end", **FILE),
        "notes.db is busy: another process is reading it and does not end; waited 2.0 s."
        " Nothing was changed. Close other windows of the app and try again.",
    ),
    "DatabaseBusy at once": (
        DatabaseBusy(0, "has it open", "this very process", **FILE),
        "notes.db is busy: this very process has it open. Nothing was changed. Close other windows of the app and try again.",
    ),
    "DatabaseReadOnly": (
        DatabaseReadOnly("attempt to write a readonly database"),
        "The database can't be written: attempt to write a readonly database."
        " Nothing was changed. Make the file and its folder writable, or open it read-only.",
    ),
    "DatabaseReadOnly of a file": (
        DatabaseReadOnly("this user may not write the file", **FILE),
        "notes.db can't be written: this user may not write the file."
        " Nothing was changed. Make the file and its folder writable, or open it read-only.",
    ),
    "DiskFull": (
        DiskFull("in up of 003_tags"),
        "The disk is full: in up of 003_tags. Nothing was changed. Free some space and start the app again.",
    ),
    "DiskFull of a file": (
        DiskFull("in up of 003_tags", kept="Everything was undone: notes.db is still at version 2.", **FILE),
        "The disk is full: in up of 003_tags. Everything was undone: notes.db is still at version 2."
        " Free some space and start the app again.",
    ),
    # -- the history
    "ForeignDatabase": (
        ForeignDatabase("it has songs, albums and no history of migrations", hint="Open this app's own file."),
        "The database is another app's file: it has songs, albums and no history of migrations."
        " Nothing was changed. Open this app's own file.",
    ),
    "ForeignDatabase of a file": (
        ForeignDatabase("its application_id is 0x00000001, and this app's is 0x6e6f7465", hint="Open this app's own file.", **FILE),
        "notes.db is another app's file: its application_id is 0x00000001, and this app's is 0x6e6f7465."
        " Nothing was changed. Open this app's own file.",
    ),
    "DatabaseTooNew": (
        DatabaseTooNew(["006_labels"], 5),
        "The database is too new, but this app knows versions up to 5 (unknown here: 006_labels)."
        " Nothing was changed. Update the app to its newest release.",
    ),
    "DatabaseTooNew of a file": (
        DatabaseTooNew(["006_labels", "007_pins"], 5, "2.1.0", version=7, backup="/home/ann/notes.db.v0005.bak", **FILE),
        "notes.db is at version 7, but this app knows versions up to 5 (unknown here: 006_labels, 007_pins)."
        " Nothing was changed. Update the app to 2.1.0 or later. Or restore notes.db.v0005.bak.",
    ),
    "DatabaseTooNew by far": (
        DatabaseTooNew([f"{n:03}_x" for n in range(6, 20)], 5, version=19, **FILE),
        "notes.db is at version 19, but this app knows versions up to 5"
        " (unknown here: 006_x, 007_x, 008_x, 009_x, 010_x, 011_x, 012_x, 013_x and 6 more)."
        " Nothing was changed. Update the app to its newest release.",
    ),
    "DatabaseDrifted": (
        DatabaseDrifted(Drift((), ("table mine",), (), "unexpected: table mine\n+ CREATE TABLE mine (x)")),
        "The database does not have the schema that its history should have made (unexpected: table mine)."
        " Nothing was changed. Restore a backup, or put the schema right: the diff of its drift shows what to change.",
    ),
    "DatabaseDrifted of a file": (
        DatabaseDrifted(Drift(("index a", "trigger b"), ("table c",), ("view d",), "..."), version=3, **FILE),
        "notes.db does not have the schema of version 3 that its history should have made"
        " (missing: index a, trigger b; unexpected: table c; different: view d)."
        " Nothing was changed. Restore a backup, or put the schema right: the diff of its drift shows what to change.",
    ),
    "HistoryMismatch": (
        HistoryMismatch(["002_b is applied but not shipped"], ["001_a"], ["001_a", "002_b"], hint="Ship it again."),
        "The history of the database is not that of the shipped migrations: 002_b is applied but not shipped."
        " Shipped: 001_a. Applied: 001_a, 002_b. Nothing was changed. Ship it again.",
    ),
    "HistoryMismatch of a file": (
        HistoryMismatch(["two rows claim version 1: 001_a (2024-01-01) and 001_b (2024-02-01)", "and more"], **FILE),
        "The history of notes.db is not that of the shipped migrations:"
        " two rows claim version 1: 001_a (2024-01-01) and 001_b (2024-02-01); and more."
        " Shipped: none. Applied: none. Nothing was changed.",
    ),
    "IrreversibleMigration": (
        IrreversibleMigration(["003_tags"]),
        "The database can't be rolled back: no down in 003_tags."
        " Nothing was changed. Give each a down, or restore a backup.",
    ),
    "IrreversibleMigration of a file": (
        IrreversibleMigration(["003_tags", "002_pins"], version=3, **FILE),
        "notes.db can't be rolled back: no down in 003_tags, 002_pins."
        " Nothing was changed. Give each a down, or restore a backup.",
    ),
    # -- a table
    "RebuildFailed": (
        RebuildFailed("notes", ["view titles uses title, which goes"]),
        "The table notes can't be rebuilt so: view titles uses title, which goes. The table is as it was.",
    ),
    "RebuildFailed of a file": (
        RebuildFailed("notes", ["view a uses b, which goes", "trigger c: no such column: b"], hint="Drop both first.", **FILE),
        "The table notes can't be rebuilt so: view a uses b, which goes; trigger c: no such column: b."
        " The table is as it was. Drop both first.",
    ),
    # -- the run
    "MigrationFailed": (
        MigrationFailed("no such table: tag", id="003_tags"),
        "The database: up of 003_tags failed: no such table: tag. Everything was undone.",
    ),
    "MigrationFailed of a file, with all that is known": (
        MigrationFailed(
            "no such table: tag", **WHERE, **FILE, direction="down", statement="INSERT INTO tag\n  VALUES (1);", cause="SQLITE_ERROR",
            kept="Everything was undone: notes.db is still at version 3.", hint="Mind the name.",
        ),
        "notes.db: down of 003_tags failed (003_tags.sql, line 12): no such table: tag [SQLITE_ERROR]."
        " Statement: INSERT INTO tag VALUES (1);\nEverything was undone: notes.db is still at version 3. Mind the name.",
    ),
    "MigrationFailed in a file without a line": (
        MigrationFailed("'title'", **(WHERE | {"line": None}), **FILE, cause="KeyError"),
        "notes.db: up of 003_tags failed (003_tags.sql): 'title' [KeyError]. Everything was undone.",
    ),
    "MigrationFailed with a long statement": (
        MigrationFailed("too much", **WHERE, statement="SELECT " + "1, " * 200),
        "The database: up of 003_tags failed (003_tags.sql, line 12): too much."
        f" Statement: SELECT {'1, ' * 97}1, ...\nEverything was undone.",
    ),
    "TransactionBroken": (
        TransactionBroken("COMMIT", id="003_tags"),
        "The database: up of 003_tags may not do this inside its transaction: COMMIT. Everything was undone."
        " embedmig begins and commits for you: use db.atomic() for a part that may fail, and db.executescript() for scripts.",
    ),
    "TransactionBroken of a file": (
        TransactionBroken("PRAGMA journal_mode = wal", **WHERE, **FILE, statement="PRAGMA journal_mode = wal"),
        "notes.db: up of 003_tags may not do this inside its transaction (003_tags.sql, line 12): PRAGMA journal_mode = wal."
        "\nEverything was undone. Set it in prepare=, or mark the migration transactional = False.",
    ),
    "TransactionBroken by ATTACH": (
        TransactionBroken("ATTACH", id="003_tags", **FILE),
        "notes.db: up of 003_tags may not do this inside its transaction: ATTACH. Everything was undone."
        " Mark the migration transactional = False (SQL: -- migrate:up transaction:false).",
    ),
    "TransactionBroken by a change of the history": (
        TransactionBroken("a change to its history table _migrations", id="003_tags", **FILE),
        "notes.db: up of 003_tags may not do this inside its transaction: a change to its history table _migrations."
        " Everything was undone. The history is embedmig's own: use baseline() or rollback().",
    ),
    "TransactionBroken by what nobody saw": (
        TransactionBroken("it lost its transaction", id="003_tags", **FILE),
        "notes.db: up of 003_tags may not do this inside its transaction: it lost its transaction. Everything was undone."
        " Look for OR ROLLBACK, RAISE(ROLLBACK), set_authorizer or close() in the migration, or for a full disk.",
    ),
    "ForeignKeyViolations": (
        ForeignKeyViolations([ROW], total=1, id="003_tags"),
        "The database: after up of 003_tags, 1 row points to a parent that is not there: notes rowid 4 -> folders (folder_id=9)."
        " Everything was undone. Add the missing parents or remove the rows in the migration itself.",
    ),
    "ForeignKeyViolations of a file": (
        ForeignKeyViolations(
            [ROW, ("tags", None, "notes", {"note": 3, "name": "it's"}), ("pins", None, "notes", "foreign key mismatch"), ROW, ROW, ROW],
            total=70, id="003_tags", **FILE,
        ),
        "notes.db: after up of 003_tags, 70 rows point to a parent that is not there: notes rowid 4 -> folders (folder_id=9);"
        " tags -> notes (note=3, name=\"it's\"); pins -> notes (foreign key mismatch); notes rowid 4 -> folders (folder_id=9);"
        " notes rowid 4 -> folders (folder_id=9); and 65 more."
        " Everything was undone. Add the missing parents or remove the rows in the migration itself.",
    ),
    "MigrationCancelled": (
        MigrationCancelled(),
        "The database: stopped on request. Everything was undone. Start again when it suits: it begins anew.",
    ),
    "MigrationCancelled of a file": (
        MigrationCancelled("003_tags", **FILE),
        "notes.db: stopped on request in 003_tags. Everything was undone. Start again when it suits: it begins anew.",
    ),
}  # fmt: skip


def kinds(base: type[EmbedmigError] = EmbedmigError) -> Iterator[type[EmbedmigError]]:
    """The base and all that is derived from it within embedmig."""
    yield base
    for kind in base.__subclasses__():
        if kind.__module__.partition(".")[0] == "embedmig":
            yield from kinds(kind)


KINDS = list(kinds())


@pytest.mark.parametrize(("error", "message"), MESSAGES.values(), ids=MESSAGES)
def test_what_a_person_reads(error: EmbedmigError, message: str) -> None:
    assert str(error) == message


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_list_with_and_without_a_file(kind: type[EmbedmigError]) -> None:
    given = [error.path for error, _ in MESSAGES.values() if type(error) is kind]
    assert None in given
    assert FILE["path"] in given


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_tree_that_the_module_draws(kind: type[EmbedmigError]) -> None:
    assert re.search(rf"^    [│├└─ ]*{kind.__name__}( +\w|$)", errors.__doc__, re.M)


@pytest.mark.parametrize("error", [error for error, _ in MESSAGES.values()], ids=MESSAGES)
def test_an_error_survives_pickling_with_its_fields(error: EmbedmigError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert copy.__dict__ == error.__dict__
    assert copy.args == error.args
    assert str(copy) == str(error)
    assert (copy.data_is_safe, copy.may_offer_reset) == (error.data_is_safe, error.may_offer_reset)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_only_a_damaged_file_is_unsafe_and_may_be_reset(kind: type[EmbedmigError]) -> None:
    assert kind.data_is_safe is not issubclass(kind, DatabaseDamaged)
    assert kind.may_offer_reset is issubclass(kind, DatabaseDamaged)


def test_a_usage_error_is_a_value_error_too() -> None:
    assert issubclass(UsageError, ValueError)


def test_a_verb_may_add_the_path_later() -> None:
    error = NotADatabase("file is not a database")
    error.path = "/home/ann/notes.db"
    assert str(error).startswith("notes.db is not a SQLite database")


def test_fields_are_there_for_programs() -> None:
    failed = MigrationFailed("no such table", **WHERE, **FILE, statement="SELECT 1", cause="SQLITE_ERROR", version=2)
    assert (failed.id, failed.direction, failed.file, failed.line) == (
        "003_tags",
        "up",
        "/app/migrations/003_tags.sql",
        12,
    )
    assert (failed.statement, failed.cause, failed.path, failed.version) == (
        "SELECT 1",
        "SQLITE_ERROR",
        FILE["path"],
        2,
    )
    broken = TransactionBroken("COMMIT", id="003_tags")
    assert isinstance(broken, MigrationFailed)
    assert broken.called == "COMMIT"
    violations = ForeignKeyViolations([ROW], total=3, id="003_tags")
    assert isinstance(violations, MigrationFailed)
    assert (violations.violations, violations.total) == ((ROW,), 3)
    assert DatabaseBusy(1.5).waited_s == 1.5
    assert MigrationCancelled("003_tags").id == "003_tags"
    assert IrreversibleMigration(["003_tags"]).ids == ("003_tags",)
    assert (RebuildFailed("a", ["b"]).table, RebuildFailed("a", ["b"]).problems) == ("a", ("b",))


def said(but: tuple[str, ...] = ()) -> Iterator[str]:
    """Every piece of text on one line in embedmig's source: messages, hints and a few others."""
    for module in sorted((ROOT / "embedmig").glob("**/*.py")):
        if module.name in but:
            continue
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                yield node.value


def test_messages_name_only_options_and_verbs_that_exist() -> None:
    verbs = dict(inspect.getmembers(Migrator, inspect.isfunction))
    options = {name for verb in [*verbs.values(), rebuild] for name in inspect.signature(verb).parameters}
    # sqlite3's, SQLite's, what `progress` takes, and a fleet's
    not_ours = {"autocommit", "mode", "immutable", "total", "chunk"}
    options |= set(inspect.signature(suite).parameters) | set(inspect.signature(database_at).parameters)
    # values that are drawn for rows are no messages
    texts = list(said(but=("values.py",)))
    # `x="` is an attribute of a picture's
    assert {name for text in texts for name in re.findall(r"\b([a-z_]+)=(?![=\"])", text)} - not_ours <= options
    assert {
        name for text in texts for name in re.findall(r"\b(baseline|rehearse|reset|restore|rollback)\(", text)
    } <= set(verbs)


# -- what comes from a file may contain anything -----------------------------------------------------------------------

ODD = "no\x1b[2J\r\nte\x00s\x7f\u202e"
SHOWN = r"no\x1b[2J\r\nte\x00s\x7f\u202e"
ODD_FILE = {"path": f"/home/ann/{ODD}.db"}

HOSTILE: dict[str, EmbedmigError] = {
    "a file's name, not a database": NotADatabase("it has 5 bytes", **ODD_FILE),
    "a file's name, damaged": DatabaseDamaged("x", **ODD_FILE),
    "a file's name, busy": DatabaseBusy(1.0, **ODD_FILE),
    "a file's name, read-only": DatabaseReadOnly("x", **ODD_FILE),
    "a file's name, foreign": ForeignDatabase("x", **ODD_FILE),
    "a file's name, mismatch": HistoryMismatch([], **ODD_FILE),
    "a file's name, irreversible": IrreversibleMigration(["a"], **ODD_FILE),
    "a file's name, cancelled": MigrationCancelled(**ODD_FILE),
    "a file's name, failed": MigrationFailed("x", id="a", **ODD_FILE),
    "a file's name, broken": TransactionBroken("x", id="a", **ODD_FILE),
    "a file's name, violations": ForeignKeyViolations([ROW], total=1, id="a", **ODD_FILE),
    "a backup's name": DatabaseTooNew(["a"], 1, backup=f"/home/ann/{ODD}.bak", **FILE),
    "what SQLite says of a file that is none": NotADatabase(ODD, **FILE),
    "what SQLite says of the damage": DatabaseDamaged(ODD.replace("\r\n", ""), **FILE),
    "names of tables": ForeignDatabase(f"it has {ODD}", **FILE),
    "unknown ids": DatabaseTooNew([ODD], 1, **FILE),
    "the version of the app that wrote it": DatabaseTooNew(["a"], 1, ODD, **FILE),
    "a problem of the history": HistoryMismatch([f"{ODD} is applied but not shipped"], **FILE),
    "applied ids": HistoryMismatch([], [], [ODD], **FILE),
    "a table's name": RebuildFailed(ODD, ["x"], **FILE),
    "what hangs on a table": RebuildFailed("x", [ODD], **FILE),
    "ids without down": IrreversibleMigration([ODD], **FILE),
    "the error of a migration": MigrationFailed(ODD, id="a", **FILE),
    "the id of a migration": MigrationFailed("x", id=ODD, **FILE),
    "the file of a migration": MigrationFailed("x", id="a", file=f"/app/{ODD}.sql", line=1, **FILE),
    "a statement": MigrationFailed("x", id="a", statement=f"'{ODD.replace(chr(13), '').replace(chr(10), '')}'", **FILE),
    "what was called": TransactionBroken(ODD, id="a", **FILE),
    "a table of a violation": ForeignKeyViolations([(ODD, 1, "p", {})], total=1, id="a", **FILE),
    "a parent of a violation": ForeignKeyViolations([("t", 1, ODD, {})], total=1, id="a", **FILE),
    "a column of a violation": ForeignKeyViolations([("t", 1, "p", {ODD: 1})], total=1, id="a", **FILE),
    "a value of a violation": ForeignKeyViolations([("t", 1, "p", {"c": ODD})], total=1, id="a", **FILE),
    "a message of a violation": ForeignKeyViolations([("t", None, "p", ODD)], total=1, id="a", **FILE),
    "the id that was stopped": MigrationCancelled(ODD, **FILE),
}


@pytest.mark.parametrize("error", HOSTILE.values(), ids=HOSTILE)
def test_control_characters_are_escaped(error: EmbedmigError) -> None:
    message = str(error)
    lines = 2 if getattr(error, "statement", None) else 1  # what became of the data stands below a statement
    assert all(c.isprintable() for c in message.replace("\n", "", lines - 1))
    assert SHOWN in message or SHOWN.replace(r"\r\n", "") in message


def test_letters_of_every_alphabet_stay_as_they_are() -> None:
    assert str(NotADatabase("x", path="/home/ann/ноты 日本 é🍏.db")).startswith("ноты 日本 é🍏.db is not")


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (list("abcdefgh"), "a, b, c, d, e, f, g, h"),
        (list("abcdefghij"), "a, b, c, d, e, f, g, h and 2 more"),
        (["a\nb", 3], r"a\nb, 3"),
    ],
)
def test_long_lists_are_cut(names: list[object], text: str) -> None:
    assert errors.listed(names) == text
