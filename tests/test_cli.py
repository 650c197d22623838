"""The command line as it is installed: three ways to call it, -h of every command, --version, what it loads."""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from commands import Ran, app
from helpers import ROOT, environment, query, script, write

import embedmig
from embedmig import Progress
from embedmig.cli import bar
from embedmig.cli.entry import ROOMS, main
from embedmig.cli.output import seconds
from embedmig.surroundings import amount

Cli = Callable[..., Ran]


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


# -- help --------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command_with_its_whole_sentence(cli: Cli) -> None:
    out = cli("-h").out
    assert [name for name in ROOMS if not re.search(rf"^  {name} +\S", out, re.M)] == []
    assert "..." not in out.partition("Write migrations:")[2].partition("Defaults stand")[0]
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", ROOMS)
def test_each_command_has_help_with_an_example_that_it_understands(name: str, cli: Cli) -> None:
    ran = cli(name, "-h")
    assert ran.out == cli(name, "--help").out
    assert max(map(len, ran.out.splitlines())) <= 80
    examples = re.findall(rf"^    embedmig {name} (.*)$", ran.out.partition("  Example")[2], re.M)
    assert examples or f"    embedmig {name}\n" in ran.out
    for example in examples:
        words = [word.strip("'\"") for word in re.findall(r"'[^']*'|\"[^\"]*\"|\S+", example.partition(" > ")[0])]
        command(name).make_context(name, words)


@pytest.mark.parametrize("name", ROOMS)
def test_each_command_answers_as_json_and_debugs(name: str) -> None:
    options = {option for parameter in command(name).params for option in parameter.opts}
    assert {"--json", "--debug"} <= options


def test_an_unknown_command_is_an_error_of_the_call(cli: Cli) -> None:
    ran = cli("upgrade")
    assert (ran.status, ran.out) == (2, "")
    assert "Error: No such command 'upgrade'." in ran.err


WRONG_CALLS = {
    "an unknown command": (("upgrade",), "No such command 'upgrade'."),
    "an unknown option": (("migrate", "--too", "3"), "--too"),
    "a word for a number": (("migrate", "--to", "new"), "'new' is not a valid integer"),
    "something missing": (("new",), "Missing argument 'NAME'."),
    "two files": (("status", "a.db", "-d", "b.db"), "Two files are named: a.db and b.db."),
}  # fmt: skip


@pytest.mark.parametrize("call", WRONG_CALLS)
def test_a_call_that_is_wrong_is_told_as_json_too(call: str, cli: Cli) -> None:
    arguments, words = WRONG_CALLS[call]
    ran = cli(*arguments, "--json")
    message = json.loads(ran.out)["error"]["message"]
    assert words in message
    assert (ran.status, json.loads(ran.out)) == (2, {"error": {"type": "UsageError", "message": message}})
    assert ran.err.endswith(f"\nError: {message}\n")
    assert cli(*arguments).out == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")
def test_an_answer_that_can_t_be_written_is_a_sentence_too(tmp_path: Path) -> None:
    app(tmp_path)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "embedmig", "migrate", "notes.db"],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "Error: The answer can't be written: No space left on device. What the command did stands.\n"
    assert query(tmp_path / "notes.db", "SELECT max(version) FROM _migrations") == [(3,)]


def test_the_version_names_sqlite_and_python(cli: Cli) -> None:
    out = cli("--version").out
    assert out.startswith(
        f"embedmig {embedmig.__version__}, SQLite {sqlite3.sqlite_version}, Python {platform.python_version()}, "
    )
    assert out.count("\n") == 1


# -- as it is installed ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app's folder: a package with its migrations and its Migrator, as a developer has it."""
    folder = tmp_path_factory.mktemp("project")
    write(
        folder / "notes_app",
        **{"__init__.py": "", "db.py": "import embedmig\nM = embedmig.Migrator('notes_app.steps')\n"},
    )
    write(folder / "notes_app" / "steps", **{"__init__.py": "", "001_a.sql": "CREATE TABLE a (x);"})
    write(folder, **{"pyproject.toml": "[tool.embedmig]\nmigrations = 'notes_app.db:M'\ndatabase = 'notes.db'\n"})
    return folder


WAYS = {
    "the console script": ("embedmig",),
    "python -m embedmig": ("python", "-m", "embedmig"),
    "sqlite-utils embedmig": ("sqlite-utils", "embedmig"),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_call_it_finds_the_app_in_the_current_folder(way: str, wheel_python: Path, folder: Path) -> None:
    scripts = wheel_python.parent
    name, *rest = WAYS[way]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTHONPATH"))}
    for path in folder.glob("notes.db*"):
        path.unlink()
    done = subprocess.run(
        [scripts / name, *rest, "migrate", "--json"], cwd=folder, env=clean, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["ran"] == ["001_a"]


def test_the_plugin_is_tiny_and_touches_no_connection() -> None:
    """Every sqlite_utils.Database() of an environment imports it, and would run its prepare_connection."""
    done = script(
        """
        import sys, sqlite_utils
        before = set(sys.modules)
        import embedmig._sqlite_utils_plugin as plugin
        print(sorted(set(sys.modules) - before), hasattr(plugin, "prepare_connection"))
        """
    )
    assert done.stdout == "['embedmig', 'embedmig._sqlite_utils_plugin'] False\n"


def test_the_group_itself_loads_no_command() -> None:
    """`sqlite-utils` asks for it at every start, whatever is to be done."""
    done = script("import sys, embedmig.cli.entry; print(sorted(m for m in sys.modules if m.startswith('embedmig')))")
    assert done.stdout == "['embedmig', 'embedmig.cli', 'embedmig.cli.entry']\n"


def test_the_shell_completes_commands(cli: Cli, tmp_path: Path) -> None:
    ran = cli(_EMBEDMIG_COMPLETE="bash_complete", COMP_WORDS="embedmig re", COMP_CWORD="1")
    assert ran.out.split() == [f"plain,{name}" for name in ROOMS if name.startswith("re")]


def test_a_path_in_the_output_that_a_console_can_not_show_is_escaped(tmp_path: Path) -> None:
    app(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", "from embedmig.cli.entry import main; main(['status', 'notes\\u2615.db'])"],
        cwd=tmp_path, capture_output=True, text=True, env=environment() | {"PYTHONIOENCODING": "cp1252"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("There is no file notes\\u2615.db yet;")


def test_this_repository_is_configured_for_its_demo_app(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "docs")
    ran = cli("check")
    assert (ran.status, ran.out.splitlines()[-1]) == (0, "The migrations are fit to be shipped.")


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that a process stands in")
def test_what_the_system_refuses_is_a_sentence_too(tmp_path: Path) -> None:
    done = script(
        """
        import os, sys
        from embedmig.cli.entry import main
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir("../gone")
        main(["status", "notes.db"])
        """,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: [Errno 2] No such file or directory\n"


# -- how things are shown ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (999_940, "999.9 kB"), (999_960, "1.0 MB"), (-4096, "-4.1 kB"), (2_500_000_000, "2.5 GB"), (10**16, "10000.0 TB")],
)  # fmt: skip
def test_sizes(number: int, shown: str) -> None:
    assert amount(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.123, "0.12 s"), (9.999, "10.00 s"), (75.4, "75 s"), (125, "2:05 min"), (3600, "1:00:00 h"), (12_015.6, "3:20:16 h")],
)  # fmt: skip
def test_durations(number: float, shown: str) -> None:
    assert seconds(number) == shown


AT = {"id": "002_tags", "index": 2, "total": 4, "phase": "running"}


@pytest.mark.parametrize(
    ("progress", "part", "shown"),
    [
        (Progress(None, 0, 4, "backing up", 30, 120, 1.0), 0.25, "0:00:01"),
        (Progress(None, 0, 4, "checking the file", elapsed_s=3725.0), 0.0, "1:02:05"),
        (Progress(**AT), 0.25, "2/4  0:00:00"),
        (Progress(**AT, done=50, total_rows=100), 0.375, "2/4  50 rows  0:00:00"),
        (Progress(**AT, done=12_345), 0.25, "2/4  12,345 rows  0:00:00"),
        (Progress(**AT, done=200, total_rows=100), 0.5, "2/4  200 rows  0:00:00"),
        (Progress(**AT | {"phase": "finished"}), 0.5, "2/4  0:00:00"),
    ],
)
def test_the_bar_says_how_far_a_run_is(progress: Progress, part: float, shown: str) -> None:
    assert (bar.fraction(progress), bar.told(progress)) == (part, shown)
