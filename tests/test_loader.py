"""What an app ships is found wherever it lies, and whatever is wrong with the set is refused before there is a file."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import pickle
import py_compile
import re
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import content, query, sql, write

from embedmig import DefinitionError, Migration, Migrator

ONE = {"001_notes.sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);"}
TWO = {"002_tags.py": 'def up(db):\n    db["tags"].create({"name": str}, pk="name")\n'}
BOTH = ONE | TWO
IDS = ("001_notes", "002_tags")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path; the package `notes_app` that is imported from it is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "notes_app"]:
        del sys.modules[name]


def archive(path: Path, files: dict[str, str], *, folders: tuple[str, ...] = ()) -> Path:
    """A zip with these files, and entries for these folders, which a namespace package in a zip needs."""
    with zipfile.ZipFile(path, "w") as file:
        for folder in folders:
            file.writestr(f"{folder}/", "")
        for name, text in files.items():
            file.writestr(name, text)
    return path


def ran(migrations: object, path: Path) -> tuple[str, ...]:
    """What a first launch runs; the second must find nothing, by names alone."""
    migrator = Migrator(migrations)
    report = migrator.migrate(path)
    assert migrator.is_current(path)
    assert migrator.migrate(path).ran == ()
    return report.ran


def refusal(migrations: object, path: Path) -> str:
    """What the developer reads; no file may have been made."""
    with pytest.raises(DefinitionError) as caught:
        Migrator(migrations).migrate(path)
    assert not path.exists()
    assert caught.value.data_is_safe
    return str(caught.value)


# -- where migrations may lie ----------------------------------------------------------------------------------


def test_a_package_may_be_given_as_the_module(site: Path, path: Path) -> None:
    write(site / "notes_app", **BOTH, **{"__init__.py": ""})
    module = importlib.import_module("notes_app")
    assert ran(module, path) == IDS


def test_a_package_may_be_given_by_its_dotted_name(site: Path, path: Path) -> None:
    write(site / "notes_app", **{"__init__.py": ""})
    write(site / "notes_app" / "migrations", **BOTH, **{"__init__.py": ""})
    assert ran("notes_app.migrations", path) == IDS


def test_a_folder_may_be_given_as_a_path(tmp_path: Path, path: Path) -> None:
    assert ran(write(tmp_path / "migrations", **BOTH), path) == IDS


def test_a_folder_may_be_given_as_text_with_a_separator(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "migrations", **BOTH)
    assert ran(os.fspath(folder), path) == IDS


def test_a_folder_may_be_relative(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "app migrations", **BOTH)
    monkeypatch.chdir(tmp_path)
    assert ran("app migrations", path) == IDS


@pytest.mark.parametrize("given", [".", "./", "../here"])
def test_the_current_folder_may_be_given(
    given: str, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write(tmp_path / "here", **BOTH))
    assert ran(given, path) == IDS


def test_any_path_like_object_means_a_folder(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "json", **BOTH)  # called like a module that can be imported

    class Place:
        def __fspath__(self) -> str:
            return str(folder)

    assert ran(Place(), path) == IDS


def test_a_path_without_a_separator_is_a_folder_and_not_a_module(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "json", **BOTH)
    monkeypatch.chdir(tmp_path)
    assert ran(Path("json"), path) == IDS


def test_migrations_may_be_a_list(path: Path) -> None:
    assert ran([sql(1, "CREATE TABLE a (x)"), sql(2, "CREATE TABLE b (x)")], path) == ("001_step", "002_step")


def test_migrations_may_be_a_generator_which_is_read_once(path: Path) -> None:
    assert ran((sql(n, f"CREATE TABLE t{n} (x)") for n in (1, 2)), path) == ("001_step", "002_step")


def test_a_list_may_be_in_any_order(path: Path) -> None:
    shipped = [sql(2, "ALTER TABLE t ADD COLUMN y"), sql(1, "CREATE TABLE t (x)")]
    assert ran(shipped, path) == ("001_step", "002_step")


def test_a_namespace_package_needs_no_init(site: Path, path: Path) -> None:
    write(site / "notes_app" / "migrations", **BOTH)
    assert ran("notes_app.migrations", path) == IDS


def test_a_namespace_package_may_lie_in_two_folders(
    site: Path, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(site / "notes_app", **ONE)
    write(tmp_path / "plugins" / "notes_app", **TWO)
    monkeypatch.syspath_prepend(tmp_path / "plugins")
    assert ran("notes_app", path) == IDS


def test_a_folder_that_stands_on_the_path_twice_is_one_folder(
    site: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `python -c` or `-m` in a folder that PYTHONPATH names too."""
    write(site / "notes_app" / "migrations", **BOTH)
    monkeypatch.chdir(site)
    monkeypatch.syspath_prepend("")
    assert len(list(importlib.import_module("notes_app.migrations").__path__)) == 2
    assert ran("notes_app.migrations", path) == IDS


@pytest.mark.parametrize("init", [True, False], ids=["with __init__.py", "a namespace package"])
def test_a_package_may_lie_in_a_zip(
    init: bool, site: Path, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"notes_app/migrations/{name}": text for name, text in BOTH.items()}
    if init:
        files |= {"notes_app/__init__.py": "", "notes_app/migrations/__init__.py": ""}
    monkeypatch.syspath_prepend(archive(tmp_path / "app.zip", files, folders=("notes_app", "notes_app/migrations")))
    assert ran("notes_app.migrations", path) == IDS


def test_a_namespace_package_may_lie_in_a_zip_and_a_folder(
    site: Path, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(site / "notes_app", **TWO, **{"003_more.sql": "CREATE TABLE more (x);"})
    files = {f"notes_app/{name}": text for name, text in ONE.items()}
    monkeypatch.syspath_prepend(archive(tmp_path / "app.zip", files, folders=("notes_app",)))
    assert ran("notes_app", path) == (*IDS, "003_more")


def test_a_zip_inside_a_path_with_a_dot_is_no_obstacle(
    site: Path, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "v1.2 of the app"
    folder.mkdir()
    files = {f"lib/notes_app/{name}": text for name, text in BOTH.items()} | {"lib/notes_app/__init__.py": ""}
    monkeypatch.syspath_prepend(archive(folder / "app.pyz", files) / "lib")
    assert ran("notes_app", path) == IDS


def test_a_module_that_nobody_can_import_again_is_kept_as_its_folder(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "migrations", **BOTH)
    module = types.ModuleType("never_in_sys_modules")
    module.__path__ = [str(folder)]
    assert ran(module, path) == IDS


class Frozen:
    """An importer as a frozen app has it: compiled modules without files, and without data."""

    def __init__(self, entry: str) -> None:
        if not entry.startswith("frozen:"):
            raise ImportError(entry)
        self.prefix = entry.removeprefix("frozen:")

    sources = {"notes_app": None, "notes_app.001_notes": 'def up(db):\n    db["notes"].create({"text": str})\n'}  # noqa: RUF012

    def find_spec(self, name: str, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name not in self.sources:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, is_package=self.sources[name] is None)
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(f"frozen:{name}")
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(self.sources[module.__name__] or "", module.__dict__)

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        for name in self.sources:
            parent, _, stem = name.rpartition(".")
            if parent == self.prefix:
                yield prefix + stem, False


def test_a_frozen_app_has_modules_without_files(site: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path_hooks", [*sys.path_hooks, Frozen])
    monkeypatch.syspath_prepend("frozen:")
    assert ran("notes_app", path) == ("001_notes",)
    assert query(path, "SELECT checksum FROM _migrations") == [(None,)]  # unknown, never wrong


def test_a_frozen_app_without_its_migrations_is_told_so(
    site: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(site / "notes_app", **{"__init__.py": ""})
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert refusal("notes_app", path) == (
        f"No migrations in {site / 'notes_app'}. Nothing was changed. This app is frozen, and its build left migrations out."
        " docs/ship-it.md says how they are taken along."
    )


def test_a_frozen_app_with_some_of_its_migrations_is_told_so(
    site: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(site / "notes_app", **{"__init__.py": "", **TWO})
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert refusal("notes_app", path) == (
        "Version 1 is missing: 002_tags.py has version 2. Nothing was changed. This app is frozen, and its build left"
        " migrations out. docs/ship-it.md says how they are taken along."
    )


def test_a_frozen_app_without_its_package_is_told_so(site: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert refusal("notes_app.migrations", path) == (
        "No package and no folder of migrations called notes_app.migrations. Nothing was changed. This app is frozen, and"
        " its build left them out. Write `import notes_app.migrations` in the app, so that the build sees it."
    )


def test_a_frozen_app_without_its_folder_is_told_so(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert refusal(tmp_path / "migrations", path) == (
        f"No package and no folder of migrations called {tmp_path / 'migrations'}{os.sep}. Nothing was changed. This app is"
        " frozen, and its build left that folder out. Give a package instead; docs/ship-it.md says why."
    )


# -- what is a migration and what is not ---------------------------------------------------------------------


def test_python_and_sql_may_be_mixed_and_run_by_number(tmp_path: Path, path: Path) -> None:
    folder = write(
        tmp_path / "m",
        **{
            "010_last.sql": "INSERT INTO log VALUES (10)",
            "002_two.py": 'def up(db):\n    db.execute("INSERT INTO log VALUES (2)")\n',
            "1_first.sql": "CREATE TABLE log (n)",
        },
        **{f"{n:03}_more.sql": f"INSERT INTO log VALUES ({n})" for n in range(3, 10)},
    )
    assert ran(folder, path)[0] == "1_first"
    assert query(path, "SELECT n FROM log ORDER BY rowid") == [(n,) for n in range(2, 11)]


def test_a_pair_of_up_and_down_files_is_one_migration(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "m", **{"001_a.up.sql": "CREATE TABLE a (x);", "001_a.down.sql": "DROP TABLE a;", **TWO})
    assert ran(folder, path) == ("001_a", "002_tags")


@pytest.mark.parametrize(
    "name",
    [
        "__init__.py", "_helpers.py", "_002_draft.sql", ".hidden.sql", ".#002_lock.py", "README.md", "notes.txt", "schema.json",
        "002_tags", "Makefile", "002_tags.sql.bak", "002_tags.py~", "002_tags.sql.orig", "data.csv", "002_tags.pyi",
    ],
)  # fmt: skip
def test_what_is_no_migration_is_ignored(name: str, tmp_path: Path, path: Path) -> None:
    assert ran(write(tmp_path / "m", **ONE, **{name: "this is no code ((("}), path) == ("001_notes",)


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "zip"])
def test_folders_inside_are_ignored(
    zipped: bool, site: Path, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ONE | {"__init__.py": "", "helpers/__init__.py": "", "__pycache__/x.pyc": "", "data/more.sql": "nonsense"}
    if zipped:
        inner = {f"notes_app/{name}": text for name, text in files.items()}
        monkeypatch.syspath_prepend(archive(tmp_path / "app.zip", inner))
    else:
        for name, text in files.items():
            write((site / "notes_app" / name).parent, **{Path(name).name: text})
    assert ran("notes_app", path) == ("001_notes",)


def test_a_file_that_starts_with_an_underscore_can_be_imported_by_migrations(site: Path, path: Path) -> None:
    write(
        site / "notes_app",
        **{
            "__init__.py": "",
            "_shared.py": "TABLE = 'notes'\n",
            "001_notes.py": "from notes_app import _shared\n\n\ndef up(db):\n    db[_shared.TABLE].create({'id': int})\n",
        },
    )
    assert ran("notes_app", path) == ("001_notes",)


def test_timestamps_may_leave_gaps(tmp_path: Path, path: Path) -> None:
    names = ["20240101120000_a.sql", "20240203090000_b.sql", "1700000000_c.sql"]
    folder = write(tmp_path / "m", **{name: f"CREATE TABLE t{i} (x)" for i, name in enumerate(names)})
    assert ran(folder, path) == ("1700000000_c", "20240101120000_a", "20240203090000_b")


def test_numbers_may_be_followed_by_timestamps(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "m", **{"20240101120000_b.sql": "CREATE TABLE b (x)", **ONE})
    assert ran(folder, path) == ("001_notes", "20240101120000_b")


# -- what is refused, naming the files -------------------------------------------------------------------------


CALL_IT = "Nothing was changed. Call it 003_what_it_does, or start its name with _ if it is none."


@pytest.mark.parametrize(
    "name",
    [
        "helpers.py", "schema.sql", "002.py", "002_.sql", "002-tags.py", "v002_tags.sql", "tags_002.py", "Add_tags.sql", "2tags.py",
        "test_migrations.py", "\u0662_tags.sql", "schema.SQL", "-1_tags.sql",
    ],
)  # fmt: skip
def test_any_other_code_file_is_an_error_and_not_skipped(name: str, tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "m", **ONE, **{name: "SELECT 1"})
    number = re.match(r"[0-9]*", name)[0] or "003"
    cure = CALL_IT.replace("003", number)
    assert refusal(folder, path) == f"{name} in {folder} is not called like a migration. {cure}"


def test_an_oddly_named_file_is_noticed_even_when_the_file_is_current(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "m", **ONE)
    Migrator(folder).migrate(path)
    before = content(path)
    write(folder, **{"tags.sql": "CREATE TABLE tags (x)"})
    with pytest.raises(DefinitionError, match=r"tags\.sql in .* is not called like a migration"):
        Migrator(folder).connect(path)
    assert content(path) == before


GAPS = "Versions run 1, 2, 3, ... without gaps, unless they are timestamps of ten digits or more."

WRONG_SETS = {
    "two files of one version": (
        ["001_a.py", "001_b.sql"],
        "Two migrations claim version 1: 001_a.py and 001_b.sql. Nothing was changed. Renumber one of them.",
    ),
    "one version, written differently": (
        ["1_a.sql", "001_b.sql"],
        "Two migrations claim version 1: 001_b.sql and 1_a.sql. Nothing was changed. Renumber one of them.",
    ),
    "one migration as Python and as SQL": (
        ["001_a.py", "001_a.sql"],
        "Two migrations claim version 1: 001_a.py and 001_a.sql. Nothing was changed. Renumber one of them.",
    ),
    "one migration as a file and as a pair": (
        ["001_a.down.sql", "001_a.sql", "001_a.up.sql"],
        "Two migrations claim version 1: 001_a.sql and 001_a.up.sql and 001_a.down.sql. Nothing was changed. Renumber one of them.",
    ),
    "a gap": (
        ["001_a.sql", "002_b.sql", "004_d.sql"],
        f"Version 3 is missing: 004_d.sql has version 4. Nothing was changed. {GAPS}",
    ),
    "the first one missing": (
        ["002_b.sql"],
        f"Version 1 is missing: 002_b.sql has version 2. Nothing was changed. {GAPS}",
    ),
    "a gap of a number with nine digits": (
        ["001_a.sql", "999999999_b.sql"],
        f"Version 2 is missing: 999999999_b.sql has version 999999999. Nothing was changed. {GAPS}",
    ),
    "version 0": (
        ["000_a.sql", "001_b.sql"],
        "000_a.sql in {folder} has version 000, but versions begin at 1. Nothing was changed. Renumber it.",
    ),
    "a number that SQLite can't hold": (
        ["001_a.sql", "9223372036854775808_b.sql"],
        "9223372036854775808_b.sql in {folder} has version 9223372036854775808, but SQLite's numbers end before it."
        " Nothing was changed. Renumber it.",
    ),
    "a down file alone": (
        ["001_a.sql", "002_b.down.sql"],
        "002_b.down.sql in {folder} has no 002_b.up.sql. Nothing was changed. Add it, or remove the .down.sql.",
    ),
    "a down file beside a whole one": (
        ["001_a.sql", "001_a.down.sql"],
        "001_a.down.sql in {folder} has no 001_a.up.sql. Nothing was changed. Add it, or remove the .down.sql.",
    ),
    "nothing": (
        [],
        "No migrations in {folder}. Nothing was changed. Put the first one there: 001_initial.py or 001_initial.sql.",
    ),
    "nothing but other files": (
        ["__init__.py", "README.md"],
        "No migrations in {folder}. Nothing was changed. Put the first one there: 001_initial.py or 001_initial.sql.",
    ),
}


@pytest.mark.parametrize(("names", "message"), WRONG_SETS.values(), ids=WRONG_SETS)
def test_a_wrong_set_is_refused_by_the_names_of_its_files(
    names: list[str], message: str, tmp_path: Path, path: Path
) -> None:
    folder = write(tmp_path / "m", **dict.fromkeys(names, ""))
    assert refusal(folder, path) == message.format(folder=folder)


def test_a_missing_folder_is_refused(tmp_path: Path, path: Path) -> None:
    folder = tmp_path / "not_there"
    assert refusal(folder, path) == (
        f"No package and no folder of migrations called {folder}{os.sep}. Nothing was changed. Check the name."
    )


@pytest.mark.parametrize("name", ["not_there", "not_there.migrations", "json.migrations", "2nd-app"])
def test_a_missing_package_is_refused(name: str, path: Path) -> None:
    assert refusal(name, path) == (
        f"No package and no folder of migrations called {name}. Nothing was changed. Check the name."
    )


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write(tmp_path / "m", **ONE))
    refusal("", path)


def test_a_module_is_no_package(site: Path, path: Path) -> None:
    write(site, **{"notes_app.py": ""})
    assert refusal("notes_app", path) == (
        "notes_app is a module, not a package of migrations. Nothing was changed."
        " Name the package whose files are the migrations."
    )


def test_an_error_inside_the_apps_package_is_the_apps_own(site: Path, path: Path) -> None:
    write(site / "notes_app", **{"__init__.py": "import a_dependency_that_is_not_there\n"})
    with pytest.raises(ModuleNotFoundError, match="a_dependency_that_is_not_there"):
        Migrator("notes_app").migrate(path)
    assert not path.exists()


GIVE = "Nothing was changed. Give a package, a folder, or a list of embedmig.Migration."
A_SOURCE = "Nothing was changed. Give a package, its dotted name, a folder, or a list of Migration."

NO_MIGRATIONS = {
    "an empty list": (
        [],
        "The list of migrations is empty. Nothing was changed. Ship at least one migration.",
    ),
    "a list of names": (["001_a"], f"'001_a' is not a Migration. {GIVE}"),
    "a list with None": ([None], f"None is not a Migration. {GIVE}"),
    "None": (None, f"Migrations can't be read from None. {A_SOURCE}"),
    "a number": (7, f"Migrations can't be read from 7. {A_SOURCE}"),
    "one migration, without its list": (
        Migration("001_a", 1, "A", "SELECT 1"),
        "Migrations can't be read from Migration(id='001_a', version=1, description='A', up='SELECT 1', down=None,"
        " transactional=True, backward_compatible=False, requires_sqlite=None, file=None, checksum=None,"
        f" down_file=None, loses_rows=False, adopts=()). {A_SOURCE}",
    ),
    "twins": (
        [sql(1, "SELECT 1", name="a"), sql(1, "SELECT 1", name="b")],
        "Two migrations claim version 1: 001_a and 001_b. Nothing was changed. Renumber one of them.",
    ),
    "two of one id": (
        [Migration("Start", 1, "", "SELECT 1"), Migration("start", 2, "", "SELECT 1")],
        "Two migrations are called start: versions 1 and 2. Nothing was changed. Rename one of them.",
    ),
    "a gap": (
        [sql(1, "SELECT 1"), sql(3, "SELECT 1")],
        f"Version 2 is missing: 003_step has version 3. Nothing was changed. {GAPS}",
    ),
}


@pytest.mark.parametrize(("given", "message"), NO_MIGRATIONS.values(), ids=NO_MIGRATIONS)
def test_what_is_no_list_of_migrations_is_refused(given: object, message: str, path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        Migrator(given).migrate(path)
    assert str(caught.value) == message
    assert not path.exists()


def test_one_name_in_two_folders_of_a_namespace_package_is_refused(
    site: Path, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(site / "notes_app", **ONE)
    write(tmp_path / "plugins" / "notes_app", **ONE)
    monkeypatch.syspath_prepend(tmp_path / "plugins")
    assert refusal("notes_app", path) == (
        "Two migrations claim version 1: 001_notes.sql and 001_notes.sql. Nothing was changed. Renumber one of them."
    )


# -- pickling, and compiled modules -----------------------------------------------------------------------------


def test_a_migrator_pickles_with_its_package_by_name(site: Path, path: Path) -> None:
    write(site / "notes_app", **BOTH, **{"__init__.py": ""})
    module = importlib.import_module("notes_app")
    copy = pickle.loads(pickle.dumps(Migrator(module, application_id=7, app_version="1.2")))
    assert copy == Migrator("notes_app", application_id=7, app_version="1.2")
    assert copy.migrate(path).ran == IDS


def test_a_migrator_pickles_with_a_list(path: Path) -> None:
    migrator = Migrator([sql(1, "CREATE TABLE a (x)")])
    copy = pickle.loads(pickle.dumps(migrator))
    assert copy == migrator
    assert copy.migrate(path).ran == ("001_step",)


def compiled(package: Path) -> None:
    """Leave only the compiled form of each module, as some bundlers do."""
    for source in package.glob("*.py"):
        py_compile.compile(str(source), cfile=str(source.with_suffix(".pyc")), doraise=True)
        source.unlink()


def test_a_package_may_be_compiled_without_its_source(site: Path, path: Path) -> None:
    write(site / "notes_app", **BOTH, **{"__init__.py": "", "003_more.py": "'''More.'''\n\n\ndef up(db): ...\n"})
    compiled(site / "notes_app")
    assert ran("notes_app", path) == (*IDS, "003_more")
    assert query(path, "SELECT description, checksum IS NULL FROM _migrations") == [
        ("Notes", 0),  # SQL is its own source
        ("Tags", 1),  # unknown, never wrong
        ("More.", 1),
    ]


def test_a_compiled_module_is_never_edited(site: Path, tmp_path: Path, path: Path) -> None:
    write(site / "notes_app", **TWO, **ONE, **{"__init__.py": ""})
    Migrator(site / "notes_app").migrate(path)
    write(site / "notes_app", **{"002_tags.py": "def up(db):\n    pass\n"})
    assert Migrator(site / "notes_app").status(path).edited == ("002_tags",)
    compiled(site / "notes_app")
    assert Migrator("notes_app", strict=True).status(path).edited == ()
    Migrator("notes_app", strict=True).connect(path).close()


def test_a_compiled_module_outside_a_package_is_refused(tmp_path: Path, path: Path) -> None:
    folder = write(tmp_path / "m", **TWO, **ONE)
    compiled(folder)
    assert refusal(folder, path) == "002_tags.py can't be read. Nothing was changed. Ship its source."
