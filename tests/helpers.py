"""What many tests need: migrations in a line, a file's whole content, a real second process."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

from embedmig import Migration

ROOT = Path(__file__).resolve().parent.parent


def sql(version: int, up: str, down: str | None = None, name: str = "step", **more: object) -> Migration:
    """`sql(1, "CREATE TABLE t (x)")`: a migration in code, its id `001_step`."""
    return Migration(f"{version:03}_{name}", version, f"{name} {version}", up, down, **more)


def write(folder: Path, **files: str) -> Path:
    """Write migration files, `write(tmp_path / "m", **{"001_a.sql": "..."})`; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(textwrap.dedent(text).encode())
    return folder


def query(path: str | os.PathLike[str], statement: str, *parameters: object) -> list[tuple[object, ...]]:
    """The rows of one statement on a connection of its own, committed and closed."""
    with closing(sqlite3.connect(path)) as conn:
        rows = conn.execute(statement, parameters).fetchall()
        conn.commit()
        return rows


def content(path: str | os.PathLike[str], *, history: bool = True) -> dict[str, object]:
    """Everything a file says: its schema, every row of every table, user_version and application_id."""
    with closing(sqlite3.connect(f"{Path(path).as_uri()}?mode=ro", uri=True)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        schema = conn.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        found: dict[str, object] = {"schema": schema}
        for kind, name, _, text in schema:
            shadow = kind == "table" and text is not None and text.upper().startswith("CREATE VIRTUAL")
            if kind == "table" and not shadow and (history or name != "_migrations"):
                rows = conn.execute('SELECT * FROM "{}"'.format(name.replace('"', '""'))).fetchall()
                found[name] = sorted(rows, key=repr)
        for pragma in ("user_version", "application_id"):
            found[pragma] = conn.execute(f"PRAGMA {pragma}").fetchone()[0]
        return found


def fingerprint(path: str | os.PathLike[str]) -> str:
    """Of the file's bytes, to show that not one changed."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def script(code: str, *args: object, check: bool = True, **more: object) -> subprocess.CompletedProcess[str]:
    """Run Python code in a real process of its own, with this repository importable."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        capture_output=True, text=True, env=environment(), **more,
    )  # fmt: skip
    if check and done.returncode:
        raise AssertionError(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def start(code: str, *args: object, **more: str) -> subprocess.Popen[str]:
    """The same, not waited for; use it in a `with`, or wait for it. `more` is added to its environment."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment() | more,
    )  # fmt: skip


# For the environment of a process that gets a signal: where one comes while coverage holds its lock, the lock stays taken, and the
# process hangs.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": ""}


def environment() -> dict[str, str]:
    paths = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in paths if p)}
