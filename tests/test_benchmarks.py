"""The machinery behind docs/performance.md, with sizes that say nothing: every migrator launched, its result checked."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from helpers import ROOT

from benchmarks import __main__ as command
from benchmarks import ground, histories, page, peers, plot, results


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Every question asked once, small, by the command that a person runs."""
    out = tmp_path_factory.mktemp("bench")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    subprocess.run([sys.executable, "-m", "benchmarks", "--small", "--out", out], cwd=ROOT, env=environment, check=True)
    return out


@pytest.mark.slow
def test_every_question_is_answered_and_every_migrator_checked(asked):
    found = json.loads((asked / "results.json").read_text(encoding="utf-8"))
    assert list(found) == list(command.QUESTIONS)
    for question in found.values():
        for series in question["groups"].values():
            for kept in series.values():
                assert (kept["values"] or kept["why"] == "measured on Linux and macOS") and all(
                    value > 0 for value in kept["values"]
                )
    for name in ("launch", "fresh", "rebuild", "rows"):
        labels = next(iter(found[name]["groups"].values()))
        assert {peer.label for peer in peers.OTHERS} <= labels.keys()


@pytest.mark.slow
def test_the_page_and_its_pictures_are_made_from_the_results_alone(asked, tmp_path):
    found = results.load(asked / "results.json")
    page.write(found, tmp_path)
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert text == (asked / "docs" / "performance.md").read_text(encoding="utf-8")
    for name, question in found.items():
        assert f"## {question['title']}\n" in text
        picture = ElementTree.parse(tmp_path / "pictures" / f"performance-{name}.svg").getroot()
        said = "".join(picture.itertext())
        assert "nan" not in said
        assert all(label in said for series in question["groups"].values() for label in series if "memory" not in label)


def file_with(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as conn:
        for statement in statements:
            conn.execute(statement)
        conn.commit()
    return path


TABLE, ROW = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO t VALUES (1, 'one')"


@pytest.mark.parametrize(
    "other",
    [
        (TABLE,),
        (TABLE, "INSERT INTO t VALUES (1, 'ten')"),
        (TABLE, "INSERT INTO t VALUES (2, 'one')"),
        (TABLE, "INSERT INTO t VALUES (1, NULL)"),
        (TABLE.replace("TEXT", "TEXT NOT NULL"), ROW),
        (TABLE.replace("TEXT", "TEXT REFERENCES t (id)"), ROW),
        (TABLE, ROW, "CREATE INDEX i ON t (name)"),
        (TABLE, ROW, "CREATE TABLE u (id)"),
    ],
)
def test_a_migrator_that_ends_elsewhere_is_caught(other, tmp_path):
    same = ground.Same()
    same.as_by("by hand")(file_with(tmp_path / "one.db", TABLE, ROW))
    with pytest.raises(AssertionError, match="tool did something else"):
        same.as_by("tool")(file_with(tmp_path / "other.db", *other))


def test_the_migrators_own_tables_are_no_difference(tmp_path):
    same = ground.Same()
    for label in ("by hand", *peers.LEDGERS):
        own = [f"CREATE TABLE {label} (x)"] if label in peers.LEDGERS else []
        same.as_by(label)(file_with(tmp_path / f"{label}.db", TABLE, ROW, *own))


def test_a_ratio_is_of_runs_made_in_turn():
    values = {"ours": iter([10.0, 100.0, 30.0]), "theirs": iter([10.0, 50.0, 10.0])}
    order = []

    def once(label):
        order.append(label)
        return next(values[label])

    ways = [ground.Way("g", label, lambda label=label: once(label)) for label in values]
    groups = ground.in_turn(ways, 3, warm=False)
    assert order == ["ours", "theirs"] * 3
    limit = results.Limit("ours", [(1, "g", "ours")], [(1, "g", "theirs")], most=1.5)
    asked = results.question("T", "", groups, [limit], base="theirs")
    found, met = results.reached(asked, asked["limits"][0])
    assert (found.median, met) == (2.0, False)  # of 1, 2 and 3; of the medians it would be 3


def test_what_a_migrator_cannot_do_is_said_instead_of_a_number():
    def never():
        raise ground.Unable("not done within 120 s")

    groups = ground.in_turn([ground.Way("g", "slow", never), ground.Way("g", "fast", lambda: 2.0)], 2)
    asked = results.question("T", "", groups, results.ahead(groups, "fast", ["slow"]), base="fast")
    asked |= {"date": "2026-01-01 00:00", "seconds": 1, "small": False, "machine": ground.machine(Path(sys.executable))}
    text = page.page({"t": asked | {"versions": {"embedmig": "1"}}})
    assert "| slow | not done within 120 s | | | |\n| fast | 2.00 ms | 2.00 ms to 2.00 ms | 2 | 1.00 x |" in text
    assert "not done within 120 s" in plot.drawn(asked)


def test_results_are_merged_question_by_question(tmp_path):
    path, empty = tmp_path / "results.json", results.question("T", "", {}, [])
    results.merge(path, "one", empty, 1.0, {"small": False})
    results.merge(path, "two", empty, 1.0, {"small": False})
    found = results.merge(path, "one", empty, 2.0, {"small": False})
    assert {name: question["seconds"] for name, question in found.items()} == {"one": 2.0, "two": 1.0}
    assert results.load(path) == found


def test_a_question_that_fails_leaves_the_others_their_answers(tmp_path, monkeypatch, capfd):
    def fails(on):
        raise AssertionError("yoyo did something else")

    times = []

    def answers(on):
        times.append(1)
        return results.question("T", "", {}, [])

    asked = {"one": SimpleNamespace(run=fails), "two": SimpleNamespace(run=answers)}
    monkeypatch.setattr(command, "QUESTIONS", asked)
    monkeypatch.setattr(ground, "ground", lambda folder, small: ground.Ground(Path(sys.executable), folder, small))
    monkeypatch.setattr(ground, "versions", lambda python: {"embedmig": "1"})
    for _ in range(2):  # the second time only what is missing is asked
        with pytest.raises(SystemExit, match="without an answer: one"):
            command.main(["--small", "--missing", "--out", str(tmp_path)])
    assert "yoyo did something else" in capfd.readouterr().err
    assert (list(results.load(tmp_path / "results.json")), len(times)) == (["two"], 1)


def test_what_is_kept_is_of_full_size():
    found = results.load(ROOT / "benchmarks" / "results.json")
    assert [name for name, question in found.items() if question["small"]] == []
    assert found.keys() <= command.QUESTIONS.keys()


def test_the_page_is_that_of_the_results(tmp_path):
    found = results.load(ROOT / "benchmarks" / "results.json")
    page.write(found, tmp_path)
    for made in [p for p in tmp_path.rglob("*") if p.is_file()]:
        kept = ROOT / "docs" / made.relative_to(tmp_path)
        assert made.read_text(encoding="utf-8") == kept.read_text(encoding="utf-8"), (
            f"python -m benchmarks --page: {kept.name}"
        )


def test_the_histories_run_and_change_every_table():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        for step in histories.many(1_200):
            for statement in step.statements:
                conn.execute(statement)
        assert conn.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone() == (histories.TABLES,)
