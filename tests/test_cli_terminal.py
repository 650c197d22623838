"""The command line on a real terminal (a pty): it asks, it shows a bar, Ctrl-C undoes the run, colours can be switched off."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from commands import app
from helpers import UNMEASURED, environment, fingerprint, query, write

pty = pytest.importorskip("pty", reason="Windows has no pseudo terminals in Python")
import termios  # noqa: E402  # nor this

# Its stdin becomes the terminal that rules it: there Ctrl-C is a signal.
ON_TERMINAL = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from embedmig.cli.entry import main
main(prog_name="embedmig")
"""

SLOW = '''\
"""Count to many."""

import time
from pathlib import Path


def up(db, progress):
    db.table("counted").create({"n": int})
    for n in progress(range(300_000)):
        if n % 50 == 0:
            time.sleep(0.002)
        db.execute("INSERT INTO counted VALUES (?)", [n])
        if n == 5_000:
            Path("halfway").touch()
'''


class Terminal:
    """A process on a terminal of 80 columns."""

    def __init__(self, folder: Path, *arguments: str, **more: str) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        env = {k: v for k, v in environment().items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_TERMINAL, *arguments],
            cwd=folder, stdin=slave, stdout=slave, stderr=slave, env=env | {"TERM": "xterm"} | more, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.shown = ""

    def until(self, text: str) -> None:
        """Read until this is shown."""
        while text not in self.shown:
            chunk = self._read()
            assert chunk, self.shown
            self.shown += chunk

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def stop(self) -> None:
        """Ctrl-C, and once more where it came in the moment before readline begins to wait: there it is lost."""
        while self.process.poll() is None:
            self.type("\x03")
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)

    def end(self) -> int:
        """Read all that is shown until the process ends; its exit status."""
        while chunk := self._read():
            self.shown += chunk
        return self.process.wait()

    def _read(self) -> str:
        try:
            return os.read(self.master, 4096).decode().replace("\r\n", "\n")
        except OSError:  # the other side is closed
            return ""


@contextmanager
def terminal(folder: Path, *arguments: str, **more: str) -> Iterator[Terminal]:
    found = Terminal(folder, *arguments, **more)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.process.kill()
        found.process.wait()
        os.close(found.master)


def ran(folder: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "embedmig", *arguments], cwd=folder, env=environment(), check=True, capture_output=True
    )


@pytest.fixture
def notes(path: Path) -> Path:
    app(path.parent)
    ran(path.parent, "migrate", "notes.db")
    return path


QUESTIONS = {
    "rollback": (
        ("rollback", "notes.db", "--to", "1"),
        "Roll notes.db back from version 3 to 1? It runs the down of 003_stars, 002_tags. [y/N]: ",
    ),
    "restore": (
        ("restore", "-d", "notes.db"),
        "Put its newest backup in the place of notes.db? What is in it now is kept as a backup. [y/N]: ",
    ),
    "reset": (("reset", "notes.db"), " and build it again? One copy of it is kept. [y/N]: "),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_is_taken_for_an_answer(name: str, notes: Path) -> None:
    before = fingerprint(notes)
    arguments, question = QUESTIONS[name]
    with terminal(notes.parent, *arguments) as seen:
        seen.until(question)
        seen.type("\n")
        assert seen.end() == 1
    assert seen.shown.endswith("Nothing was changed.\n")
    assert fingerprint(notes) == before


def test_ctrl_c_is_taken_for_no(notes: Path) -> None:
    before = fingerprint(notes)
    arguments, question = QUESTIONS["reset"]
    with terminal(notes.parent, *arguments, **UNMEASURED) as seen:
        seen.until(question)
        seen.stop()
        assert seen.end() == 1
    assert seen.shown.endswith("\nNothing was changed.\n")
    assert fingerprint(notes) == before


def test_yes_goes_on(notes: Path) -> None:
    arguments, question = QUESTIONS["rollback"]
    with terminal(notes.parent, *arguments) as seen:
        seen.until(question)
        seen.type("y\n")
        assert seen.end() == 0
    assert query(notes, "SELECT max(version) FROM _migrations") == [(1,)]


def interrupted(folder: Path, *arguments: str) -> str:
    """What a command says that Ctrl-C stops in the middle of SLOW."""
    with subprocess.Popen(
        [sys.executable, "-m", "embedmig", *arguments],
        cwd=folder, env=environment() | UNMEASURED, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while not (folder / "halfway").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    return err


def test_ctrl_c_undoes_the_run_and_says_so(notes: Path) -> None:
    write(notes.parent / "migrations", **{"004_count.py": SLOW})
    with terminal(notes.parent, "migrate", "notes.db", **UNMEASURED) as seen:
        seen.until(" rows  0:00:0")
        seen.type("\x03")
        assert seen.end() == 1
    assert seen.shown.endswith("Stopped by Ctrl-C. Everything was undone: notes.db is at version 3, as before.\n")
    assert "\x1b[?25h" in seen.shown  # the bar gave the cursor back
    assert "Traceback" not in seen.shown
    assert query(notes, "SELECT count(*) FROM sqlite_master WHERE name = 'counted'") == [(0,)]


def test_an_interrupt_without_a_terminal_is_told_too(notes: Path) -> None:
    write(notes.parent / "migrations", **{"004_count.py": SLOW})
    assert interrupted(notes.parent, "migrate", "notes.db") == (
        "Error: Stopped by Ctrl-C. Everything was undone: notes.db is at version 3, as before.\n"
    )


@pytest.mark.parametrize("command", [("rehearse", "notes.db"), ("check",)])
def test_an_interrupt_of_what_only_looks_says_that_nothing_was_changed(command: tuple[str, ...], notes: Path) -> None:
    write(notes.parent / "migrations", **{"004_count.py": SLOW})
    before = fingerprint(notes)
    assert interrupted(notes.parent, *command) == "Error: Stopped by Ctrl-C. Nothing was changed.\n"
    assert fingerprint(notes) == before


def test_an_interrupted_reset_says_that_the_file_is_gone_and_which_copy_stands(notes: Path) -> None:
    write(notes.parent / "migrations", **{"004_count.py": SLOW})
    assert interrupted(notes.parent, "reset", "notes.db", "--yes") == (
        "Error: Stopped by Ctrl-C. notes.db was deleted, and not built again: `embedmig migrate` does that."
        " What was in it: notes.db.v0003-reset.bak.\n"
    )


def test_the_bar_shows_the_migration_rows_and_time_in_one_line(notes: Path) -> None:
    write(notes.parent / "migrations", **{"004_count.py": SLOW.replace("300_000", "40_000")})
    with terminal(notes.parent, "migrate", "notes.db") as seen:
        assert seen.end() == 0
    drawn = [line.rstrip() for line in re.split(r"[\r\n]", re.sub(r"\x1b\[\?25[lh]", "", seen.shown)) if "[" in line]
    assert any(re.fullmatch(r"004_count +\[#+-*\]  1/1  [\d,]+ rows  0:00:0\d", line) for line in drawn), drawn
    assert max(map(len, drawn)) < 80


def test_an_error_is_red_unless_no_color_is_set(path: Path) -> None:
    app(path.parent)
    path.write_text("bread, cheese, olives\n" * 40)
    with terminal(path.parent, "migrate", "notes.db") as seen:
        assert seen.end() == 2
    assert seen.shown.startswith("\x1b[31mError:\x1b[0m notes.db is not a SQLite database")
    with terminal(path.parent, "migrate", "notes.db", NO_COLOR="1") as plain:
        assert plain.end() == 2
    assert plain.shown.startswith("Error: notes.db is not a SQLite database")
