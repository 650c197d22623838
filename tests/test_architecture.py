"""How embedmig is built: which file may use which, and which file alone may do what. Read from the source, not from running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ROOT

PACKAGE = ROOT / "embedmig"

# From the top floor down: a module imports only from below its own line, wherever in it the import stands.
FLOORS = """
    _pyinstaller.hook-embedmig  run by PyInstaller
    _pyinstaller.collect        which files a build takes along
    __main__
    _sqlite_utils_plugin
    cli.entry       the commands
    cli.fleet
    cli.checks
    cli.folders
    cli.looks
    cli.copies
    cli.versions
    cli.interrupted what became of the file
    cli.command     what each has
    cli.config      which file, which migrations?
    cli.bar
    cli.output      tables, JSON
    doctor          what a bug report must know of a file
    check           are the migrations fit to be released?
    trial           each tried in memory
    names           that SQL uses and the schema lacks
    losses          which statements lose rows or columns
    finding         what a check found
    renumber        two claim one version
    testing.plugin
    testing.suites       the checks
    testing.files
    testing.faults
    testing.keeping
    testing.subject      what is tested
    testing.copies
    testing.content
    testing.clock
    testing.strategies   rows, as hypothesis draws them
    testing.drawing
    testing.tables
    testing.checks
    testing.expressions
    testing.values
    fleet           many files at once
    aio             the same verbs for asyncio
    policy          migrations and policy, or a Migrator
    migrator        the story
    pictures        of the schema, and of how it came to be
    entities
    evolution
    layout          where boxes stand and lines run
    layers
    svg
    outline         what the pictures show
    restore         a backup in the file's place
    reset           built again from version 1
    wholefile       back up, and what both need
    rehearsal       a run on a copy
    drift           is the schema what the history should have made?
    replay          what the schema should be
    verbs           the verbs that run migrations
    questions       what is asked without writing
    adoption        files from before embedmig
    run             the acting loop
    failure         what went wrong
    task            one migration, ready to run
    plan            pure
    formats.conversion
    formats.folders      another tool's, as a list
    formats.registry     which formats there are
    formats.sqlite_utils
    formats.yoyo
    formats.yoyo_steps
    formats.alembic
    formats.golang_migrate
    formats.sqlx
    formats.diesel
    formats.goose
    formats.dbmate
    formats.drizzle
    formats.user_version
    formats.part         what each is made of
    definition
    loader
    history
    backup
    table           rebuilt without loss
    procedure       by SQLite's numbers
    dependents
    edits
    create_table    pure
    difference      how two schemas differ in what they mean
    meaning         of a CREATE statement
    tokens
    schema          all that the app made in a file
    savepoint       a part of somebody's transaction
    guard           one migration's scope
    transaction
    database        what migrations are given
    foreign_keys
    surroundings
    disk
    diagnosis       what SQLite's errors mean
    file
    progress
    script
    naming          how SQLite compares names, and in SQL
    log
    migration
    report          values
    errors
"""
PACKAGES = ("embedmig", "embedmig.cli", "embedmig.formats", "embedmig.testing")
ORDER = [line.split()[0] for line in FLOORS.strip().splitlines()]


def modules() -> list[str]:
    return sorted(
        ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        for file in PACKAGE.rglob("*.py")
        if file.name != "__init__.py"  # the public names, loaded on first use: tests/test_public_names.py
    )


def source(module: str) -> str:
    return PACKAGE.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")


def tree(module: str) -> ast.Module:
    """The syntax tree without what stands under `if TYPE_CHECKING:`.

    That is read by type checkers alone and never runs: a value's type may well name a class from above.
    """
    return WithoutTypes().visit(ast.parse(source(module)))


class WithoutTypes(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> list[ast.stmt] | ast.If:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse
        self.generic_visit(node)
        return node


def imports(node: ast.AST) -> Iterator[str]:
    """Dotted names of all modules that this code imports, at its top and inside functions."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute here"
            names = [alias.name for alias in child.names]
            if child.module in PACKAGES:
                yield from (f"{child.module}.{name}" for name in names)
            else:
                yield str(child.module)


def embedmig_imports(module: str, node: ast.AST | None = None) -> set[str]:
    return {
        name.removeprefix("embedmig.") for name in imports(node or tree(module)) if name.partition(".")[0] == "embedmig"
    }


def calls(module: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree(module)) if isinstance(node, ast.Call))


def texts(module: str) -> Iterator[str]:
    """All pieces of text in the code, docstrings left out."""
    code = tree(module)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(code)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    for node in ast.walk(code):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def called(call: ast.Call) -> str:
    """`os.unlink(x)` -> "os.unlink"; `conn.execute(x)` -> "conn.execute"."""
    return ast.unparse(call.func)


# -- the floors ------------------------------------------------------------------------------------------------------


def test_every_module_has_its_floor() -> None:
    assert sorted(ORDER) == modules()


def test_the_map_in_the_docs_shows_the_floors_in_this_order() -> None:
    """docs/architecture.md: a line for each module, but for those of the folders that have one line together."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    shown, folder = [], ""
    for indent, name in re.findall(r"^( +)(\S+)", page, re.M):
        folder = folder if len(indent) > 2 else f"{name[:-1]}." if name.endswith("/") else ""
        if name.endswith(".py") and name != "__init__.py":
            shown.append(folder + name.removesuffix(".py"))
    assert shown == [module for module in ORDER if not module.startswith(("_pyinstaller.", "cli.", "formats."))]


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_from_below(module: str) -> None:
    below = set(ORDER[ORDER.index(module) + 1 :])
    assert embedmig_imports(module) <= below


def test_no_module_imports_the_public_names() -> None:
    for module in modules():
        assert "embedmig" not in embedmig_imports(module)


def test_what_a_launch_does_not_need_is_not_imported_at_the_top() -> None:
    """With nothing pending these modules alone are loaded; tests/test_launch_imports.py measures it."""
    at_launch = ["migrator", "file", "history", "loader", "report"]
    for module in at_launch:
        top = ast.Module([s for s in tree(module).body if isinstance(s, ast.Import | ast.ImportFrom)], type_ignores=[])
        assert embedmig_imports(module, top) <= set(at_launch)
        assert set(imports(top)) - {f"embedmig.{name}" for name in at_launch} <= {
            "__future__",
            "os",
            "sys",
            "stat",
            "sqlite3",
            "time",  # built in, and loaded by sqlite3 itself
        }


# -- what only one file may do -----------------------------------------------------------------------------------------


def test_the_plan_is_pure() -> None:
    """Its tests are tables over plain values: no database, no path, no clock, no log."""
    assert set(imports(tree("plan"))) <= {"__future__", "embedmig.errors", "embedmig.migration"}
    for name in ("sqlite3", "os", "pathlib", "time", "datetime", "random", "sys"):
        assert not re.search(rf"\b{name}\.", source("plan"))
    assert {called(call) for call in calls("plan")} & {"open", "print", "input"} == set()


HISTORY_SQL = re.compile(r"\b(?:FROM|INTO|UPDATE|TABLE|EXISTS|ON)\s+(?:main\.)?\"?_migrations\b")


@pytest.mark.parametrize("module", [module for module in ORDER if module != "history"])
def test_only_history_writes_sql_about_its_table(module: str) -> None:
    """Its name may be told: to the guard, that keeps migrations away from it, and where a schema is read without it."""
    assert [text for text in texts(module) if HISTORY_SQL.search(text)] == []


def test_sql_of_the_history_always_says_main() -> None:
    """So that a temporary table of the same name is never meant."""
    for text in texts("history"):
        for found in HISTORY_SQL.findall(text):
            assert "main._migrations" in found


TRANSACTION = re.compile(r"\s*(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b", re.I)
SPOKEN = re.compile(r"(?:\w+\.)*(?:execute|executemany|executescript)$")


@pytest.mark.parametrize("module", [module for module in ORDER if module != "transaction"])
def test_only_transaction_begins_and_commits(module: str) -> None:
    for call in calls(module):
        name = called(call)
        assert not re.search(r"\b(?:conn|connection|db|source|copy|own)\.(?:commit|rollback)$", name)
        if SPOKEN.match(name) and call.args and module != "savepoint":
            said = call.args[0].values[0] if isinstance(call.args[0], ast.JoinedStr) else call.args[0]
            assert not (isinstance(said, ast.Constant) and TRANSACTION.match(str(said.value)))
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.With):  # `with conn:` commits at its end
            assert not any(isinstance(item.context_expr, ast.Name) for item in node.items)


@pytest.mark.parametrize("module", [module for module in ORDER if module != "guard"])
def test_only_guard_sets_the_authorizer(module: str) -> None:
    for call in calls(module):
        assert not called(call).endswith((".set_authorizer", ".set_trace_callback"))


# Of migrations, and of what SQLite says is no database: closing a database would drop its locks.
READERS = ("loader", "diagnosis")
REMOVES = re.compile(
    r"(?:os|shutil|path|\w+)\.(?:unlink|remove|rename|replace|renames|removedirs|rmtree|move|truncate|ftruncate)$"
)


@pytest.mark.parametrize("module", [module for module in ORDER if module != "disk"])
def test_only_disk_deletes_and_renames(module: str) -> None:
    for call in calls(module):
        name = called(call)
        if REMOVES.match(name) and not name.startswith("disk."):
            assert name.endswith(".replace") and len(call.args) >= 2  # of text, which is no file
        assert name not in ("open", "io.open") or module in READERS


POSIX = {"fcntl", "termios", "pwd", "resource", "grp", "syslog"}


@pytest.mark.parametrize("module", ORDER)
def test_nothing_that_windows_lacks_is_imported_at_the_top(module: str) -> None:
    top = [s for s in tree(module).body if isinstance(s, ast.Import | ast.ImportFrom | ast.If | ast.Try)]
    assert not POSIX & set(imports(ast.Module(top, type_ignores=[])))


def test_only_disk_knows_platforms() -> None:
    for module in modules():
        if module != "disk":
            assert not POSIX & set(imports(tree(module)))
            assert not re.search(r"\b(?:sys\.platform|os\.name)\b", source(module))


@pytest.mark.parametrize("module", ORDER)
def test_no_module_has_a_state_that_is_written_to(module: str) -> None:
    for node in ast.walk(tree(module)):
        assert not isinstance(node, ast.Global)


def test_only_the_modules_that_hand_it_out_load_sqlite_utils() -> None:
    users = {module for module in modules() if any(name.startswith("sqlite_utils") for name in imports(tree(module)))}
    assert users == {"_sqlite_utils_plugin", "database", "migrator", "testing.files", "testing.plugin"}


def test_no_network_and_no_shell() -> None:
    for module in modules():
        used = {name.partition(".")[0] for name in imports(tree(module))}
        assert not used & {"socket", "ssl", "urllib", "http", "subprocess", "multiprocessing", "ctypes"}


def test_the_wheel_holds_the_package_and_nothing_else() -> None:
    text = Path(ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'packages = ["embedmig"]' in text
    assert (PACKAGE / "py.typed").exists()
