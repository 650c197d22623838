"""embedmig fleet: many files at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from commands import Ran, app
from helpers import UNMEASURED, environment, query, script, write

Cli = Callable[..., Ran]


@pytest.fixture
def files(cli: Cli, tmp_path: Path) -> list[Path]:
    """Four files at version 1 in two folders; two migrations are pending."""
    app(tmp_path)
    names = ["data/a.db", "data/b.db", "data/deep/c.db", "data/deep/d.db"]
    (tmp_path / "data" / "deep").mkdir(parents=True)
    for name in names:
        cli("migrate", name, "--to", "1")
    return [tmp_path / name for name in names]


def versions(files: list[Path]) -> list[object]:
    return [query(file, "SELECT max(version) FROM _migrations")[0][0] for file in files]


def test_every_file_that_a_pattern_means_is_migrated(cli: Cli, files: list[Path]) -> None:
    ran = cli("fleet", "data/**/*.db")
    assert ran.told == "4 files in <s>: 4 migrated, 0 had nothing pending, 0 failed.\n"
    assert (ran.status, ran.err) == (0, "")
    assert versions(files) == [3, 3, 3, 3]


def test_a_second_call_passes_over_what_is_done_and_over_backups(cli: Cli, files: list[Path]) -> None:
    cli("fleet", "data/*.db", "data/*.db", "--jobs", "2")
    assert versions(files) == [3, 3, 1, 1]
    assert cli("fleet", "data/**/*").told == "4 files in <s>: 2 migrated, 2 had nothing pending, 0 failed.\n"


def test_processes_do_it_instead_of_threads(cli: Cli, files: list[Path]) -> None:
    assert (
        cli("fleet", "data/**/*.db", "--processes", "2").told
        == "4 files in <s>: 4 migrated, 0 had nothing pending, 0 failed.\n"
    )
    assert versions(files) == [3, 3, 3, 3]
    assert [Path(f"{file}.v0001.bak").exists() for file in files] == [True] * 4


def test_what_was_moved_aside_or_cut_short_is_passed_over(cli: Cli, files: list[Path]) -> None:
    for left in (".v0001.bak", ".v0001.bak.part", ".unreadable", ".unreadable-2", ".unreadable-wal", "-journal"):
        Path(f"{files[0]}{left}").write_text("bread, cheese, olives\n" * 40)
    Path(f"{files[0]}-journal").write_bytes(b"")
    assert cli("fleet", "data/a.db*").told == "1 file in <s>: 1 migrated, 0 had nothing pending, 0 failed.\n"


def test_failures_are_counted_by_their_kind_and_do_not_stop_the_rest(cli: Cli, files: list[Path]) -> None:
    files[0].write_text("bread, cheese, olives\n" * 40)
    files[2].write_text("milk\n" * 400)
    with closing(sqlite3.connect(files[3])) as conn:
        conn.execute("INSERT INTO _migrations (version, id, description, applied_at) VALUES (7, '007_new', '', '')")
        conn.execute("DELETE FROM _migrations WHERE version = 1")
        conn.commit()
    ran = cli("fleet", "data/**/*.db")
    assert ran.status == 1
    head, *kinds = ran.told.split("\n\n")
    assert head == "4 files in <s>: 1 migrated, 0 had nothing pending, 3 failed."
    first, second = kinds
    assert first.startswith("2 x NotADatabase: ") and "a.db" in first and "c.db" in first
    assert "is not a SQLite database, or is encrypted" in first
    assert second.startswith(
        f"1 x DatabaseTooNew: data{os.sep}deep{os.sep}d.db\n  d.db is at version 7, but this app knows versions up to 3"
    )
    assert versions(files[1:2]) == [3]


def test_as_json_each_file_is_a_line(cli: Cli, files: list[Path]) -> None:
    files[0].write_text("bread, cheese, olives\n" * 40)
    ran = cli("fleet", "data/*.db", "--json")
    found = {Path(one["path"]).name: one for one in map(json.loads, ran.out.splitlines())}
    assert ran.status == 1
    assert found["a.db"]["error"]["type"] == "NotADatabase"
    assert (found["b.db"]["before"], found["b.db"]["after"], found["b.db"]["error"]) == (1, 3, None)


def test_status_counts_versions_and_writes_nothing(cli: Cli, files: list[Path]) -> None:
    cli("migrate", "data/a.db")
    files[3].write_text("bread, cheese, olives\n" * 40)
    ran = cli("fleet", "--status", "data/**/*.db", "-m", "nowhere")
    assert ran.out.startswith(
        "  VERSION  FILES\n        1      2\n        3      1\n        ?      1\n\n1 x NotADatabase: "
    )
    assert ran.status == 1
    assert versions(files[:3]) == [3, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing/*.db",), "Error: No file matches 'nothing/*.db'. Put a pattern in quotes, and end it like the files: '**/*.db'.\n"),
        (("data/*.db", "--jobs", "2", "--dask", "tcp://host:8786"), "Error: --jobs is for this machine; the cluster of --dask has its own number of workers.\n"),
        (("data/*.db", "--processes", "2", "--dask", "tcp://host:8786"), "Error: --processes is for this machine; the cluster of --dask has its own number of workers.\n"),
        (("data/*.db", "--processes", "2", "--jobs", "2"), "Error: --jobs are threads: give it or --processes.\n"),
    ],
)  # fmt: skip
def test_a_call_that_can_not_be_served(arguments: tuple[str, ...], said: str, cli: Cli, files: list[Path]) -> None:
    ran = cli("fleet", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.endswith(said)
    assert versions(files) == [1, 1, 1, 1]


SLOW = """
import time
from pathlib import Path

def up(db):
    Path("begun").touch()
    db.execute("CREATE TABLE more (x)")
    time.sleep(0.02)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole group of processes")
@pytest.mark.parametrize(("workers", "presses"), [("--jobs", 1), ("--processes", 1), ("--processes", 4)])
def test_ctrl_c_ends_what_is_under_way_and_a_second_call_goes_on(
    workers: str, presses: int, cli: Cli, files: list[Path], tmp_path: Path
) -> None:
    for number in range(110):
        shutil.copy(files[0], tmp_path / "data" / f"{number}.db")
    write(tmp_path / "migrations", **{"004_slow.py": SLOW})
    with subprocess.Popen(
        [sys.executable, "-m", "embedmig", "fleet", "data/*.db", workers, "1"],
        cwd=tmp_path, env=environment() | UNMEASURED, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.01)
        for _ in range(presses):  # the first is heard, whatever the impatience
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: its workers get it too
            time.sleep(0.1)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert (process.returncode, out) == (1, "")
    assert re.fullmatch(
        r"Error: Stopped by Ctrl-C\. \d+ of 112 files were done, and those that were under way\. "
        r"Call again: what is done is passed over\.\n",
        err,
    )
    stopped = versions(sorted((tmp_path / "data").glob("*.db")))
    assert set(stopped) == {1, 4}
    assert stopped.count(4) < 50  # what a pool takes in advance is little
    assert cli("fleet", "data/*.db").status == 0


CLUSTER = """
import sys
from distributed import LocalCluster
from embedmig.cli.entry import main

if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp") as cluster:
        main(["fleet", "data/**/*.db", "--dask", cluster.scheduler_address])
"""


def test_the_workers_of_a_dask_cluster_do_it(cli: Cli, files: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    done = script(CLUSTER, cwd=tmp_path, timeout=120)
    assert Ran(0, done.stdout, "").told == "4 files in <s>: 4 migrated, 0 had nothing pending, 0 failed.\n"
    assert versions(files) == [3, 3, 3, 3]


def test_a_cluster_that_does_not_answer_is_an_error_of_the_call(files: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    call = "from embedmig.cli.entry import main; main(['fleet', 'data/*.db', '--dask', 'nonsense://nowhere'])"
    done = script(call, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: No Dask scheduler answers at nonsense://nowhere: ")
    assert done.stderr.endswith(" Nothing was changed. Give its address, tcp://host:8786.\n")
    assert versions(files) == [1, 1, 1, 1]
