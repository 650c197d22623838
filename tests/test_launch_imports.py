"""What a launch loads: with nothing pending hardly more than sqlite3 itself, whoever installed the wheel.

Measured in processes of their own (`python -I`), in a venv that has the built wheel and nothing of this checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from pathlib import Path

import pytest
from helpers import write

# At a launch with nothing pending, these and no other modules of embedmig:
AT_LAUNCH = ["embedmig", "embedmig.file", "embedmig.history", "embedmig.loader", "embedmig.migrator", "embedmig.report"]
# ... and this of Python's own:
OF_PYTHON = {"__future__"}

NEVER = [
    "sqlite_utils", "click", "importlib.resources", "importlib.metadata", "asyncio", "hashlib", "dataclasses", "typing", "re", "pathlib",
    "logging", "inspect", "contextlib", "threading",
]  # fmt: skip

BARE = """
    import sqlite3
    conn = sqlite3.connect(path)
    conn.execute("SELECT count(*) FROM t50").fetchall()
    conn.close()
    """
CONNECT = """
    import embedmig
    conn = embedmig.connect(path, "pkg")
    conn.execute("SELECT count(*) FROM t50").fetchall()
    conn.close()
    """
ADOPTS = CONNECT.replace('"pkg"', '"pkg", adopts="goose"')  # a file that was taken over long ago
MIGRATE = """
    import embedmig
    assert embedmig.Migrator("pkg").migrate(path).ran == ()
    """
IS_CURRENT = """
    import embedmig
    assert embedmig.Migrator("pkg").is_current(path)
    """
IS_CURRENT_OPEN = """
    import sqlite3, embedmig
    conn = sqlite3.connect(path)
    assert embedmig.Migrator("pkg").is_current(conn)
    conn.close()
    """


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of 50 migrations in SQL, one with two in Python, and room for files."""
    folder = tmp_path_factory.mktemp("app")
    write(
        folder / "pkg",
        **{"__init__.py": ""},
        **{f"{n:03}_step.sql": f"-- migrate:up\nCREATE TABLE t{n} (x);\n-- migrate:down\nDROP TABLE t{n};\n" for n in range(1, 51)},
    )  # fmt: skip
    write(
        folder / "python_pkg",
        **{
            "__init__.py": "",
            "001_a.py": "def up(db):\n    db['a'].create({'x': int})\n",
            "002_b.py": "def up(db):\n    db.execute('CREATE TABLE b (x)')\n",
        },
    )
    return folder


def loaded(python: Path, app: Path, path: Path, code: str) -> set[str]:
    """The modules that a child has loaded when it is through with `code`."""
    program = "\n".join(
        [
            "import sys",
            f"path = {os.fspath(path)!r}",
            f"sys.path.insert(0, {os.fspath(app)!r})",
            textwrap.dedent(code),
            "names = sorted(sys.modules)",
            "import json",
            "print(json.dumps(names))",
        ]
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTHON"))}
    done = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, env=clean, cwd=app)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def current(wheel_python: Path, app: Path) -> Path:
    """A file at the newest version of `pkg`, and everything compiled."""
    path = app / "current.db"
    loaded(wheel_python, app, path, 'import embedmig\nembedmig.connect(path, "pkg").close()')
    return path


@pytest.fixture(scope="module")
def bare(wheel_python: Path, app: Path, current: Path) -> set[str]:
    """What Python and sqlite3 load by themselves to answer one SELECT."""
    return loaded(wheel_python, app, current, BARE)


@pytest.mark.parametrize(
    "code",
    [CONNECT, ADOPTS, MIGRATE, IS_CURRENT, IS_CURRENT_OPEN],
    ids=["connect", "connect, with adopts=", "migrate", "is_current", "is_current of a connection"],
)
def test_a_launch_with_nothing_pending_loads_six_small_modules(
    code: str, wheel_python: Path, app: Path, current: Path, bare: set[str]
) -> None:
    added = loaded(wheel_python, app, current, code) - bare
    assert sorted(name for name in added if name.partition(".")[0] == "embedmig") == AT_LAUNCH
    assert {name for name in added if name.partition(".")[0] != "embedmig"} <= {"pkg"} | OF_PYTHON
    assert not added & set(NEVER)


def test_a_launch_loads_none_of_the_apps_migrations(wheel_python: Path, app: Path, bare: set[str]) -> None:
    path = app / "python.db"
    launch = 'import embedmig\nembedmig.connect(path, "python_pkg").close()'
    first = loaded(wheel_python, app, path, launch)
    assert {"python_pkg.001_a", "python_pkg.002_b"} <= first
    assert loaded(wheel_python, app, path, launch) - bare - OF_PYTHON == {"python_pkg", *AT_LAUNCH}


def test_open_adds_sqlite_utils_and_nothing_of_embedmig(wheel_python: Path, app: Path, current: Path) -> None:
    connect = loaded(wheel_python, app, current, CONNECT)
    opened = loaded(wheel_python, app, current, 'import embedmig\nembedmig.open(path, "pkg").close()')
    by_itself = loaded(
        wheel_python, app, current, "import sqlite_utils\nsqlite_utils.Database(path, execute_plugins=False).close()"
    )
    assert "sqlite_utils" in opened
    assert opened - connect - by_itself == set()
    assert [name for name in opened - connect if name.partition(".")[0] == "embedmig"] == []


def test_a_run_of_sql_migrations_alone_loads_no_sqlite_utils(wheel_python: Path, app: Path, bare: set[str]) -> None:
    code = 'import embedmig\nassert len(embedmig.Migrator("pkg").migrate(path).ran) == 50'
    added = loaded(wheel_python, app, app / "first.db", code) - bare
    assert "embedmig.run" in added
    assert "embedmig.database" not in added
    assert not {name.partition(".")[0] for name in added} & {
        "sqlite_utils",
        "click",
        "asyncio",
        "logging",
        "dataclasses",
    }


def test_a_build_without_its_migrations_folder_on_disk_loads_no_more(
    wheel_python: Path, app: Path, current: Path, bare: set[str]
) -> None:
    """Migrations in code are compared by their ids alone."""
    code = """
        import embedmig
        shipped = [embedmig.Migration(f"{n:03}_step", n, "", f"CREATE TABLE t{n} (x);") for n in range(1, 51)]
        embedmig.connect(path, shipped).close()
        """
    added = loaded(wheel_python, app, current, code) - bare
    assert added - OF_PYTHON == {*AT_LAUNCH, "embedmig.migration"}


def test_importing_embedmig_loads_one_module(wheel_python: Path, app: Path, current: Path) -> None:
    nothing = loaded(wheel_python, app, current, "")
    assert loaded(wheel_python, app, current, "import embedmig") - nothing == {"embedmig"}


def test_the_wheel_has_the_package_and_its_types_and_nothing_else(wheel_python: Path, app: Path) -> None:
    code = """
        import importlib.metadata
        files = importlib.metadata.files("embedmig")
        scripts = [file for file in files if file.parts[0] == ".."]
        tops = sorted({file.parts[0] for file in files if ".dist-info" not in file.parts[0] and file not in scripts})
        assert tops == ["embedmig"], tops
        assert [file.stem for file in scripts] == ["embedmig"], scripts
        assert any(str(file) == "embedmig/py.typed" for file in files)
        assert importlib.metadata.version("embedmig") == __import__("embedmig").__version__
        """
    loaded(wheel_python, app, app / "none.db", code)
