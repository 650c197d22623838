"""`renumber`: a migration gets the next free number, and nothing but its name changes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from helpers import write

import embedmig
from embedmig import EmbedmigError, UsageError
from embedmig.renumber import renumber, twins

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


@pytest.fixture
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def shipped(*files: str) -> Path:
    return write(Path("m"), **dict.fromkeys(files, "SELECT 1;"))


def test_of_two_with_one_version_the_named_one_gets_the_next() -> None:
    folder = shipped("001_a.sql", "002_b.sql", "002_c.sql", "003_d.sql")
    (folder / "002_c.sql").write_text("SELECT 'c';")
    done = renumber("m", "002_c")
    assert [tuple(os.path.relpath(path) for path in pair) for pair in done] == [
        (str(folder / "002_c.sql"), str(folder / "004_c.sql"))
    ]
    assert names(folder) == ["001_a.sql", "002_b.sql", "003_d.sql", "004_c.sql"]
    assert (folder / "004_c.sql").read_text() == "SELECT 'c';"
    embedmig.connect(":memory:", folder).close()


def test_up_and_down_go_together() -> None:
    folder = shipped("1_a.sql", "1_b.up.sql", "1_b.down.sql")
    assert len(renumber("m", "1_b")) == 2
    assert names(folder) == ["1_a.sql", "2_b.down.sql", "2_b.up.sql"]


@pytest.mark.parametrize("called", ["002_c", "002_c.py", "m/002_c.py"])
def test_it_may_be_called_by_its_id_its_file_or_its_path(called: str) -> None:
    folder = write(Path("m"), **{"001_a.sql": "", "002_b.sql": "", "002_c.py": "def up(db): pass\n", "__init__.py": ""})
    renumber("m", called)
    assert names(folder) == ["001_a.sql", "002_b.sql", "003_c.py", "__init__.py"]


def test_the_number_keeps_its_zeros_and_grows_where_it_must() -> None:
    folder = shipped(*(f"{n:01}_x.sql" for n in range(1, 10)), "5_late.sql")
    renumber("m", "5_late")
    assert "10_late.sql" in names(folder)


def test_a_timestamp_becomes_that_of_now() -> None:
    folder = shipped("20240101000000_a.sql", "20240201000000_late.sql", "20240301000000_b.sql")
    renumber("m", "20240201000000_late")
    new = next(name for name in names(folder) if name.endswith("_late.sql"))
    assert re.fullmatch(r"20[2-9]\d{11}_late\.sql", new) and new > "20240301000000"


def test_a_timestamp_in_the_future_is_passed_all_the_same() -> None:
    folder = shipped("29990101000000_a.sql", "20240101000000_late.sql")
    renumber("m", "20240101000000_late")
    assert names(folder) == ["29990101000000_a.sql", "29990101000001_late.sql"]


def test_another_number_may_be_chosen() -> None:
    folder = shipped("001_a.sql", "001_b.sql")
    renumber("m", "001_b", to=2)
    assert names(folder) == ["001_a.sql", "002_b.sql"]


def test_git_sees_a_rename_and_the_history_of_the_file_goes_on() -> None:
    git = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org"]
    shipped("001_a.sql", "002_b.sql", "002_c.sql")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    renumber("m", "002_c")
    subprocess.run([*git, "add", "-A"], check=True)
    shown = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True, text=True).stdout
    assert shown == "R  m/002_c.sql -> m/003_c.sql\n"


def test_what_a_file_has_keeps_its_name(path: Path) -> None:
    folder = shipped("001_a.sql", "002_b.sql")
    embedmig.connect(path, "m/").close()
    shipped("002_c.sql")
    with pytest.raises(UsageError) as refused:
        renumber("m", "002_b", db=str(path))
    assert str(refused.value) == (
        "002_b is applied in notes.db, and its history knows it by this name. Nothing was changed. "
        "Renumber the other one, or roll this one back there first."
    )
    assert names(folder) == ["001_a.sql", "002_b.sql", "002_c.sql"]
    renumber("m", "002_c", db=str(path))
    embedmig.connect(path, "m/").close()


@pytest.mark.parametrize(
    ("id", "more", "says"),
    [
        ("003_c", {}, "003_c has the next free version already. Nothing was changed. There is nothing to renumber."),
        ("nope", {}, "No migration in m is called nope. Nothing was changed. There are: 001_a, 002_b, 003_c."),
        ("²", {}, "No migration in m is called ². Nothing was changed. There are: 001_a, 002_b, 003_c."),
        ("003_c", {"to": 3}, "003_c has version 3 already. Nothing was changed. There is nothing to renumber."),
        ("002", {}, "No migration in m is called 002. Nothing was changed. Do you mean 002_b?"),
        ("002_b", {}, "Version 2 would be missing in m if 002_b became 4. Nothing was changed. Versions run 1, 2, 3, ... without gaps."),
        ("002_b", {"to": 3}, "3 is taken. Nothing was changed. Leave the number out: then it is the next free one."),
        ("002_b", {"to": 0}, "0 is no version: they run from 1. Nothing was changed. Leave the number out: then it is the next free one."),
        ("002_b", {"db": "x.db"}, "There is no database at x.db. Nothing was changed. Give the path of the file that is meant."),
    ],
)  # fmt: skip
def test_what_can_t_be_is_refused_before_anything_is_renamed(id: str, more: dict[str, object], says: str) -> None:
    folder = shipped("001_a.sql", "002_b.sql", "003_c.sql")
    with pytest.raises(UsageError) as refused:
        renumber("m", id, **more)
    assert str(refused.value) == says
    assert names(folder) == ["001_a.sql", "002_b.sql", "003_c.sql"]


def test_of_two_that_are_called_alike_the_file_must_be_named() -> None:
    folder = write(Path("m"), **{"001_a.sql": "", "002_x.py": "", "002_x.sql": ""})
    with pytest.raises(UsageError) as refused:
        renumber("m", "002_x")
    assert str(refused.value) == (
        "2 migrations in m are called 002_x. Nothing was changed. Name the file: 002_x.py or 002_x.sql."
    )
    renumber("m", "002_x.sql")
    assert names(folder) == ["001_a.sql", "002_x.py", "003_x.sql"]


def test_the_number_of_a_twin_is_taken_though_it_is_its_own() -> None:
    shipped("001_a.sql", "002_b.sql", "002_c.sql")
    with pytest.raises(UsageError, match=r"^2 is taken\."):
        renumber("m", "002_c", to=2)


def test_where_the_second_file_can_t_be_renamed_the_first_is_called_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    from embedmig import disk

    folder = shipped("001_a.sql", "001_b.up.sql", "001_b.down.sql")
    rename = disk.rename

    def refusing(name: str, new: str) -> None:
        if new.endswith("002_b.down.sql"):
            raise PermissionError(13, "Permission denied")
        rename(name, new)

    monkeypatch.setattr(disk, "rename", refusing)
    with pytest.raises(EmbedmigError) as refused:
        renumber("m", "001_b")
    assert str(refused.value).endswith(
        "001_b.down.sql can't be renamed: Permission denied. Nothing was changed. Check the permissions of its folder."
    )
    assert names(folder) == ["001_a.sql", "001_b.down.sql", "001_b.up.sql"]


def test_a_folder_that_is_not_there_is_told() -> None:
    with pytest.raises(EmbedmigError, match=r"^No package and no folder of migrations called .*nope"):
        renumber("nope", "001_a")


def test_twins_are_found_by_their_names() -> None:
    shipped("001_a.sql", "001_b.py", "002_c.sql", "2_d.sql", "3_e.sql")
    assert [[one.id for one in alike] for alike in twins("m/")] == [["001_a", "001_b"], ["002_c", "2_d"]]
    shipped("odd.sql")
    assert twins("m/") == []
