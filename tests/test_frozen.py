"""Apps in one piece, as they are shipped: zipapp, shiv, PyInstaller's folder and its single file, built from the wheel without a flag.

One app with five packages of migrations is built once in each form. It is launched on a folder that has, or will have, a file for
each package, and says as JSON what became of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipapp
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest
from helpers import content, query, script, write

import embedmig
import embedmig.formats
from embedmig._pyinstaller import collect, get_hook_dirs

IDS = ["001_notes", "002_tags", "003_more"]
SQL = {
    "001_notes.sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);",
    "002_tags.up.sql": "CREATE TABLE tags (name TEXT PRIMARY KEY);",
    "002_tags.down.sql": "DROP TABLE tags;",
    "003_more.sql": "ALTER TABLE notes ADD COLUMN done INTEGER NOT NULL DEFAULT 0;",
}
PYTHON = {
    "001_notes.py": 'def up(db):\n    db["notes"].create({"id": int, "body": str}, pk="id")\n',
    "002_tags.py": 'import wave  # nobody else does\n\n\ndef up(db):\n    db["tags"].create({"name": str}, pk="name")\n',
    "003_more.py": 'def up(db):\n    db["notes"].add_column("done", int, not_null_default=0)\n',
}
READS = '''\
"""Words of a file that lies beside."""

from importlib.resources import files

from notes_app.migrations import _shared


def up(db):
    db["notes"].add_column("done", int, not_null_default=0)
    words = files(__package__).joinpath("data/words.txt").read_text(encoding="utf-8").split()
    db["tags"].insert_all({"name": _shared.shout(word)} for word in words)
'''
INIT = {"__init__.py": ""}
PACKAGES = {
    "notes_app": INIT,
    "notes_app/migrations": {
        **INIT,
        "001_notes.py": PYTHON["001_notes.py"],
        "002_tags.up.sql": SQL["002_tags.up.sql"],
        "002_tags.down.sql": SQL["002_tags.down.sql"],
        "003_more.py": READS,
        "_shared.py": "def shout(word):\n    return word.upper()\n",
    },
    "notes_app/migrations/data": {"words.txt": "one two\n"},
    "in_sql": INIT | SQL,
    "in_python": INIT | PYTHON,
    "no_init": PYTHON | {"001_notes.sql": SQL["001_notes.sql"], "001_notes.py": ""},
    "named": INIT,
    "named/by_text": INIT | SQL | {"003_more.py": PYTHON["003_more.py"], "003_more.sql": ""},
    "left_out": INIT | SQL,
}
LAUNCH = """
import json
import os
import sys

import embedmig
import in_python
import no_init
import notes_app.migrations
from in_sql import __name__ as in_sql

SOURCES = {
    "notes_app": notes_app.migrations,
    "in_sql": in_sql,
    "in_python": in_python,
    "no_init": no_init,
    "by_text": "named.by_text",
}
WRONG = {"left_out": "_".join(["left", "out"]), "folder": "./left_out"}


def main():
    folder, *more = sys.argv[1:]
    said = {}
    for name, source in (WRONG if more == ["wrong"] else SOURCES).items():
        path = os.path.join(folder, name + ".db")
        try:
            migrator = embedmig.Migrator(source, strict=True)  # an edited migration is an error
            said[name] = list(migrator.migrate(path).ran)
            if more == ["every verb"]:
                migrator.rehearse(path)
                assert not migrator.drift(path)
                migrator.restore(path, migrator.backup(path))
                migrator.reset(path)
                assert len(embedmig.get_applied_migrations(path)) == 3
        except embedmig.EmbedmigError as error:
            said[name] = str(error)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
"""
NAMES = ["notes_app", "in_sql", "in_python", "no_init", "by_text"]
NOTHING: dict[str, list[str]] = {name: [] for name in NAMES}

Launch = Callable[..., dict[str, object]]


def clean(**more: object) -> dict[str, str]:
    """The environment of a user: nothing of this checkout, and nobody measures."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))}
    return kept | {name: str(value) for name, value in more.items()}


def launcher(*command: object, **environment: object) -> Launch:
    def launch(*arguments: object) -> dict[str, object]:
        done = subprocess.run(
            [*map(str, command), *map(str, arguments)], capture_output=True, text=True, env=clean(**environment)
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return launch


def write_app(folder: Path, newest: int = 3) -> Path:
    """The app's source tree, with migrations up to that version."""
    for package, files in PACKAGES.items():
        kept = {name: text for name, text in files.items() if text or name == "__init__.py"}
        write(
            folder / package,
            **{name: text for name, text in kept.items() if not "000" < name[:3] < "999" or int(name[:3]) <= newest},
        )
    write(folder, **{"launch.py": LAUNCH})
    return folder


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def site(wheel_python: Path) -> Path:
    """Where the wheel and what it needs are installed."""
    asked = [wheel_python, "-I", "-c", "import embedmig; print(embedmig.__file__)"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, env=clean())
    return Path(done.stdout.strip()).parent.parent


@pytest.fixture(scope="module")
def source(wheel_python: Path, app: Path) -> Launch:
    """The app as its developer runs it."""
    return launcher(wheel_python, app / "launch.py")


@pytest.fixture(scope="module")
def staged(app: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app and all that it needs in one folder, as pip install --target makes it."""
    folder = tmp_path_factory.mktemp("staged") / "app"
    shutil.copytree(site, folder, ignore=shutil.ignore_patterns("__pycache__", "pip", "pip-*", "tzdata*"))
    return shutil.copytree(app, folder, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def in_zipapp(staged: Path) -> Launch:
    zipapp.create_archive(staged, staged.parent / "app.pyz", main="launch:main", compressed=True)
    return launcher(sys.executable, "-I", staged.parent / "app.pyz")


@pytest.fixture(scope="module")
def in_shiv(staged: Path) -> Launch:
    target = staged.parent / "shiv.pyz"
    command = [sys.executable, "-m", "shiv", "--site-packages", staged, "-e", "launch:main", "-o", target]
    subprocess.run(command, check=True, capture_output=True, env=clean())
    return launcher(sys.executable, target, SHIV_ROOT=staged.parent / "shiv")


# As pyi-makespec writes it, once for a folder and once for a single file, of one analysis.
SPEC = """
a = Analysis([{script!r}])
pyz = PYZ(a.pure)
exe = EXE(pyz, a.scripts, [], exclude_binaries=True, name="notes")
COLLECT(exe, a.binaries, a.datas, name="onedir")
EXE(pyz, a.scripts, a.binaries, a.datas, [], name="onefile")
"""


@pytest.fixture(scope="module")
def workplace(app: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where PyInstaller works: it keeps there what it found."""
    return write(tmp_path_factory.mktemp("pyinstaller"), **{"notes.spec": SPEC.format(script=str(app / "launch.py"))})


@contextmanager
def building(workplace: Path, site: Path) -> Iterator[subprocess.Popen[str]]:
    """A build under way, which is ended at the latest when the block is."""
    environment = clean(PYTHONPATH=site, PYINSTALLER_CONFIG_DIR=workplace / "cache")
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "notes.spec"]
    with subprocess.Popen(
        command, cwd=workplace, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as build:
        try:
            yield build
        finally:
            build.kill()


@pytest.fixture(scope="module")
def built(workplace: Path, site: Path) -> Path:
    """The folder in which the app is a folder, `onedir`, and a single file, `onefile`."""
    with building(workplace, site) as build:
        said, _ = build.communicate()
    assert build.returncode == 0, said
    taken = (workplace / "build" / "notes" / "Analysis-00.toc").read_text(encoding="utf-8")
    assert repr(str(site / "embedmig" / "run.py")) in taken  # the wheel's, not this checkout's
    return workplace / "dist"


@pytest.fixture(scope="module")
def in_onedir(built: Path) -> Launch:
    return launcher(built / "onedir" / "notes")


@pytest.fixture(scope="module")
def in_onefile(built: Path) -> Launch:
    return launcher(built / "onefile")


@pytest.fixture(params=["zipapp", "shiv", "onedir", "onefile"])
def shipped(request: pytest.FixtureRequest) -> Launch:
    return request.getfixturevalue(f"in_{request.param}")


@pytest.fixture(scope="module")
def written_before(wheel_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files as a user of the previous release left them, who ran it from source."""
    folder = tmp_path_factory.mktemp("before")
    previous = write_app(folder / "app", newest=2)
    assert launcher(wheel_python, previous / "launch.py")(folder) == dict.fromkeys(NAMES, IDS[:2])
    for name in NAMES:
        query(folder / f"{name}.db", "INSERT INTO notes (body) VALUES ('kept')")
    return folder


@pytest.fixture
def previous(written_before: Path, tmp_path: Path) -> Path:
    """Copies of them in a folder of their own."""
    for file in written_before.glob("*.db"):
        shutil.copy(file, tmp_path)
    return tmp_path


def checksums(folder: Path) -> dict[str, list[object]]:
    return {
        name: query(folder / f"{name}.db", "SELECT id, checksum FROM _migrations ORDER BY version") for name in NAMES
    }


def test_a_first_launch_makes_the_file_and_the_next_finds_nothing_to_do(
    shipped: Launch, source: Launch, tmp_path: Path
) -> None:
    assert shipped(tmp_path) == dict.fromkeys(NAMES, IDS)
    assert query(tmp_path / "notes_app.db", "SELECT name FROM tags") == [("ONE",), ("TWO",)]
    before = [content(tmp_path / f"{name}.db") for name in NAMES]
    assert shipped(tmp_path) == NOTHING
    assert source(tmp_path) == NOTHING
    assert [content(tmp_path / f"{name}.db") for name in NAMES] == before


def test_a_file_of_the_previous_release_is_upgraded_and_its_checksums_are_those_of_the_source(
    shipped: Launch, source: Launch, previous: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert shipped(previous) == dict.fromkeys(NAMES, IDS[2:])
    for name in NAMES:
        assert query(previous / f"{name}.db", "SELECT body, done FROM notes") == [("kept", 0)]
    from_source = tmp_path_factory.mktemp("from_source")
    source(from_source)
    assert checksums(previous) == checksums(from_source)
    assert all(checksum for rows in checksums(previous).values() for _, checksum in rows)


def test_every_verb_is_in_a_frozen_app(in_onedir: Launch, previous: Path) -> None:
    assert in_onedir(previous, "every verb") == dict.fromkeys(NAMES, IDS[2:])


def test_a_package_whose_name_no_build_can_see_is_an_error_that_says_what_helps(
    in_onedir: Launch, tmp_path: Path
) -> None:
    said = in_onedir(tmp_path, "wrong")
    assert said["left_out"] == (
        "No package and no folder of migrations called left_out. Nothing was changed. This app is frozen, and its build left"
        " them out. Write `import left_out` in the app, so that the build sees it."
    )
    assert str(said["folder"]).endswith(
        f"{os.sep}left_out{os.sep}. Nothing was changed. This app is frozen, and its build left that folder out."
        " Give a package instead; docs/ship-it.md says why."
    )
    assert list(tmp_path.iterdir()) == []


def test_the_next_build_looks_for_new_migrations(built: Path, workplace: Path, site: Path) -> None:
    """PyInstaller goes by files that it knows, and takes up its last analysis where none of them has changed."""
    with building(workplace, site) as build:
        lines = (line for line in build.stdout if "Analysis" in line or "checking PYZ" in line)
        first, second = islice(lines, 2)
    assert "checking Analysis" in first
    assert "checking PYZ" not in second


@pytest.fixture
def bare(built: Path, tmp_path: Path) -> Path:
    """The app as a freezer makes it that runs no hook: it has data or it hasn't, and the modules it has without their sources."""
    copy = shutil.copytree(built / "onedir", tmp_path / "bare", copy_function=os.link, symlinks=True)
    for package in ("in_python", "in_sql"):
        shutil.rmtree(copy / "_internal" / package)
    for package in ("notes_app", "no_init", "named"):
        for file in (copy / "_internal" / package).rglob("*.py"):
            file.unlink()
    return copy


def test_a_build_that_left_files_out_says_so(bare: Path, previous: Path) -> None:
    assert launcher(bare / "notes")(previous)["in_sql"] == (
        f"No migrations in {bare / '_internal' / 'in_sql'}. Nothing was changed. This app is frozen, and its build left"
        " migrations out. docs/ship-it.md says how they are taken along."
    )


@pytest.mark.parametrize("name", ["notes_app", "in_python", "no_init", "by_text"])
def test_migrations_that_are_compiled_alone_run_too_and_have_no_checksum(
    name: str, bare: Path, previous: Path, source: Launch
) -> None:
    assert launcher(bare / "notes")(previous)[name] == IDS[2:]
    one, two, three = (checksum for _, checksum in checksums(previous)[name])
    assert (bool(one), bool(two), three) == (True, True, None)
    assert source(previous)[name] == []  # unknown, and so not edited


# -- what a build takes along, without building ------------------------------------------------------------------------


@pytest.fixture
def graph(tmp_path: Path) -> Callable[..., object]:
    """PyInstaller's graph of an app: `graph(tmp_path)` of its launch.py."""
    from PyInstaller.depend.analysis import PyiModuleGraph
    from PyInstaller.lib.modulegraph.modulegraph import ModuleGraph

    class Graph(ModuleGraph):
        """Without hooks, and without the standard library, whose analysis takes seconds."""

        get_code_using = PyiModuleGraph.get_code_using

    def make(folder: Path) -> object:
        write(folder / "embedmig", **INIT, **{"aio.py": ""})
        found = Graph(path=[str(folder)])
        found.add_script(str(folder / "launch.py"))
        return found

    return make


USES = "import embedmig\n"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (USES + "import notes.migrations", ["notes.migrations"]),
        (USES + "from notes import migrations", ["notes.migrations"]),
        (USES + "import numbers_", ["numbers_"]),
        (USES + "import notes", []),
        (USES + "m = embedmig.Migrator('notes.migrations')", ["notes.migrations"]),
        (USES + "def f():\n    class A:\n        name = 'numbers_'\n", ["numbers_"]),
        (USES + "import settings", []),
        ("from embedmig import aio\nname = 'notes.migrations'", ["notes.migrations"]),
        ("import embedmig.aio\nname = 'notes.migrations'", ["notes.migrations"]),
        ("import store", ["notes.migrations"]),
        ("name = 'notes.migrations'", []),
        (USES + "name = 'notes/migrations', 'notes.', '.migrations', 'other.migrations', ''", []),
    ],
)
def test_packages_are_found_that_the_app_imports_or_names(
    code: str, found: list[str], graph: Callable[..., object], tmp_path: Path
) -> None:
    write(tmp_path / "notes", **INIT)
    write(tmp_path / "notes" / "migrations", **INIT, **{"001_a.sql": ""})
    write(tmp_path / "numbers_", **{"20250101000000_b.SQL": ""})
    write(tmp_path / "other" / "migrations", **{"helpers.py": "", "a1_b.py": "", "001.sql": "", "001_a.txt": ""})
    write(
        tmp_path,
        **{
            "launch.py": code,
            "settings.py": "MIGRATIONS = 'notes.migrations'\n",  # it doesn't import embedmig
            "store.py": "import embedmig\nMIGRATIONS = 'notes.migrations'\n",
        },
    )
    assert list(collect.packages(graph(tmp_path))) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("regular", ["three/regular"]),
        ("regular.migrations", ["three/regular/migrations"]),
        ("namespace", ["one/namespace", "three/namespace"]),
        ("namespace.migrations", ["one/namespace/migrations", "three/namespace/migrations"]),
        ("namespace.migrations.more", []),
        ("regular.wrong", []),
        ("nowhere", []),
    ],
)
def test_a_name_means_the_package_that_an_import_would_find(name: str, found: list[str], tmp_path: Path) -> None:
    for place in ("one", "three"):
        write(tmp_path / place / "namespace" / "migrations", **{"001_a.sql": ""})
        write(tmp_path / place / "regular" / "migrations", **{"001_a.sql": ""})
    write(tmp_path / "three" / "regular", **{"__init__.py": "1 / 0", "wrong.py": "1 / 0"})  # none of it runs
    path = [str(tmp_path / place) for place in ("one", "missing.zip", "three")]
    assert collect.folders(name, path) == [str(tmp_path / place) for place in found]


def test_the_folder_is_taken_along_as_it_stands(tmp_path: Path) -> None:
    inside = [
        "__init__.py",
        "001_a.py",
        "002_b.up.sql",
        "002_b.down.sql",
        "_shared.py",
        "003_v1.2.py",
        "README.md",
        "words/more/de.txt",
    ]
    outside = [".hidden.sql", "__pycache__/001_a.pyc", "old.pyc", ".git/config", "tests/__init__.py", "tests/data.txt"]
    for name in inside + outside:
        write((tmp_path / name).parent, **{Path(name).name: ""})
    taken = collect.files("notes.migrations", [str(tmp_path)])
    place = Path("notes", "migrations")
    assert sorted(taken) == sorted((str(tmp_path / name), str((place / name).parent)) for name in inside)
    assert collect.modules("notes.migrations", [str(tmp_path)]) == ["notes.migrations.001_a"]


def test_the_hook_lies_where_pyinstaller_is_told() -> None:
    (folder,) = get_hook_dirs()
    assert Path(folder, "hook-embedmig.py").is_file()


def test_the_hook_loads_nothing_else_of_embedmig() -> None:
    done = script(
        "import sys, embedmig._pyinstaller.collect; print(sorted(m for m in sys.modules if m.startswith('embedmig.')))"
    )
    assert done.stdout == "['embedmig._pyinstaller', 'embedmig._pyinstaller.collect']\n"


@pytest.mark.parametrize("package", [embedmig, embedmig.formats])
def test_all_rooms_that_are_loaded_on_first_use_are_taken_along(package: ModuleType) -> None:
    rooms = {f"{package.__name__}.{room}" for room in package._ROOMS.values()} | {embedmig.EmbedmigError.__module__}
    assert rooms <= {f"embedmig.{name}" for name in collect.LAZY}
