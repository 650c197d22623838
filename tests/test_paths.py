"""The path that the app gives, and what may stand there: opened, or refused with the reason, and never harmed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path, PurePath

import pytest
from helpers import content, fingerprint, query, sql

import embedmig
from embedmig import DatabaseDamaged, Migrator, NotADatabase, UnusablePath

ONE = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (1, 'first')")
TWO = sql(2, "CREATE TABLE tags (id INTEGER PRIMARY KEY)")
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX only")


def standing(folder: Path) -> dict[str, bytes | None]:
    """Every name in a folder, and the bytes of the files."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in sorted(folder.rglob("*"))
    }


def refused(path, error: type[Exception], *messages: str, shipped=(ONE, TWO), folder: Path | None = None):
    """Every verb refuses the path, in these words, and leaves everything there as it was."""
    folder = folder or Path(os.fsdecode(path)).parent
    before = standing(folder)
    migrator = Migrator(shipped)
    for verb in (migrator.open, migrator.connect, migrator.migrate, migrator.status, embedmig.get_applied_migrations):
        with pytest.raises(error) as raised:
            verb(path)
        assert standing(folder) == before, verb
        for message in messages:
            assert message in str(raised.value)
        assert raised.value.hint
        assert "Nothing was changed." in str(raised.value)
    return raised.value


# -- names ----------------------------------------------------------------------------------------------------------

NAMES = [
    "my notes.db",
    "what?.db",
    "what?mode=memory",
    "50%.db",
    "50%25.db",
    "a#b.db",
    "it's.db",
    'a"b.db',
    "naïve Ünïcode 日本語 🙂.db",
    "-dash.db",
    "no ending",
    ".hidden",
    "line\nbreak.db",
    ":MEMORY:",
    " :memory:",
    "~notes.db",
    "x" * 200,
]


@pytest.mark.parametrize(
    "name",
    [
        n if "\n" not in n and "?" not in n and '"' not in n and ":" not in n else pytest.param(n, marks=posix)
        for n in NAMES
    ],
)
def test_any_name_is_taken_literally(tmp_path, name):
    path = tmp_path / name
    for _ in range(2):
        with embedmig.open(path, [ONE]) as db:
            assert db["notes"].count == 1
    assert Migrator([ONE]).status(path).current
    assert Migrator([ONE]).is_current(path)
    assert Migrator([ONE, TWO]).migrate(path).ran == ("002_step",)
    assert [p.name for p in tmp_path.iterdir() if ".bak" not in p.name] == [name]
    assert content(path)["notes"] == [(1, "first")]


class APath:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return str(self.path)


@pytest.mark.parametrize(
    "of", [str, Path, PurePath, APath, os.fsencode], ids=["str", "Path", "PurePath", "PathLike", "bytes"]
)
def test_a_path_may_be_of_any_kind(path, of):
    try:
        given = of(path)
        with embedmig.open(given, [ONE]) as db:
            assert db["notes"].count == 1
        report = embedmig.run_migrations(given, [ONE, TWO])
    except embedmig.UsageError as error:  # bytes are no PathLike: refused by name is fine too
        assert of is os.fsencode
        assert "bytes" in str(error)
    else:
        assert report.path == str(path)
        assert query(path, "SELECT count(*) FROM _migrations") == [(2,)]


@pytest.mark.parametrize("name", ["notes.db", "./notes.db", "sub/../notes.db", Path("notes.db")])
def test_a_relative_path_means_what_it_meant_at_that_moment(tmp_path, monkeypatch, name):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    with embedmig.open(name, [ONE]) as db:
        monkeypatch.chdir(tmp_path / "sub")
        assert db["notes"].count == 1
    assert content(tmp_path / "notes.db")["notes"] == [(1, "first")]
    assert list((tmp_path / "sub").iterdir()) == []


@posix
def test_a_name_that_is_not_unicode_is_taken_as_it_is(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.db")
    try:
        with open(path, "wb"):
            pass
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    with closing(embedmig.connect(os.fsdecode(path), [ONE])) as conn:
        assert conn.execute("SELECT text FROM notes").fetchall() == [("first",)]
    assert os.path.getsize(path) > 0


@pytest.mark.parametrize(
    "name", ["file:notes.db", "file:notes.db?mode=ro", "file::memory:?cache=shared", "file:///tmp/x.db"]
)
def test_a_uri_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    refused(name, UnusablePath, f"{name} is a URI, not a path", folder=tmp_path)


@posix
def test_a_file_whose_name_only_looks_like_a_uri_can_be_named_by_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with embedmig.open("./file:notes.db", [ONE]):
        assert [p.name for p in tmp_path.iterdir()] == ["file:notes.db"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "The path of the database is empty."),
        (b"", "The path of the database is empty."),
        ("no\0tes.db", "has a NUL character in it"),
        ("~/notes.db", "~/notes.db starts with ~, which nobody expands here"),
        ("~somebody/notes.db", "~somebody/notes.db starts with ~, which nobody expands here"),
    ],
)
def test_a_name_that_would_be_misread_is_refused(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    for verb in (Migrator([ONE]).open, Migrator([ONE]).connect):
        with pytest.raises(UnusablePath) as raised:
            verb(name)
        assert message.lower() in str(raised.value).lower()
        assert "Nothing was changed." in str(raised.value)
        assert raised.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_really_called_tilde_is_taken_literally(tmp_path, monkeypatch):
    (tmp_path / "~").mkdir()
    monkeypatch.chdir(tmp_path)
    with embedmig.open("~/notes.db", [ONE]):
        assert (tmp_path / "~" / "notes.db").is_file()


def test_the_parent_folder_is_made(tmp_path):
    with embedmig.open(tmp_path / "a" / "b" / "notes.db", [ONE]) as db:
        assert db["notes"].count == 1


def test_no_folder_is_made_for_wrong_migrations(tmp_path):
    with pytest.raises(embedmig.DefinitionError):
        embedmig.open(tmp_path / "a" / "notes.db", [ONE, sql(3, "SELECT 1")])
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "a").write_text("a file")
    refused(tmp_path / "a" / "notes.db", UnusablePath, str(tmp_path / "a"), folder=tmp_path)


# -- things that are no files -------------------------------------------------------------------------------------------


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "notes.db").mkdir()
    refused(tmp_path / "notes.db", UnusablePath, "notes.db is a folder")


@posix
def test_a_pipe_is_refused_and_nobody_waits_at_it(tmp_path):
    os.mkfifo(tmp_path / "notes.db")
    refused(tmp_path / "notes.db", UnusablePath, "notes.db is a device or a pipe, not a file")


@posix
@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_a_device_is_refused(tmp_path, device):
    refused(device, UnusablePath, f"{device} is a device or a pipe, not a file", folder=tmp_path)


def test_a_hard_linked_file_is_refused(tmp_path, path):
    embedmig.run_migrations(path, [ONE])
    (tmp_path / "other name.db").hardlink_to(path)
    for name in ("notes.db", "other name.db"):
        refused(tmp_path / name, UnusablePath, f"{name} has 2 names (hard links)", "Copy the file and open the copy.")


@posix
def test_a_symbolic_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real").mkdir()
    link, real = tmp_path / "notes.db", tmp_path / "real" / "notes.db"
    embedmig.run_migrations(real, [ONE])
    query(real, "PRAGMA journal_mode = WAL")
    link.symlink_to(real)
    with embedmig.open(link, [ONE, TWO]) as db:
        assert db["tags"].count == 0
    assert link.is_symlink()
    assert query(real, "SELECT count(*) FROM _migrations") == [(2,)]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("notes.db-")] == []


@posix
def test_a_link_to_nothing_makes_its_target(tmp_path):
    link, real = tmp_path / "notes.db", tmp_path / "real.db"
    link.symlink_to(real)
    with embedmig.open(link, [ONE]) as db:
        assert db["notes"].count == 1
    assert link.is_symlink()
    assert real.is_file()


@posix
def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "a.db").symlink_to(tmp_path / "b.db")
    (tmp_path / "b.db").symlink_to(tmp_path / "a.db")
    refused(tmp_path / "a.db", UnusablePath, "a.db can't be reached: ")


# -- files that are no database, or a damaged one ---------------------------------------------------------------------------


@pytest.fixture
def big(path):
    """A user's file of 100 pages and more."""
    embedmig.run_migrations(path, [ONE])
    rows = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n LIMIT 10000) SELECT i, printf('note %050d', i) FROM n"
    query(path, f"INSERT INTO notes {rows}")
    assert path.stat().st_size > 100 * 4096
    return path


OTHER_THINGS = {
    "a text": b"Dear diary, " * 100,
    "a short text": b"Dear diary",
    "one byte": b"S",
    "the magic alone": b"SQLite format 3\0",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8,
    "noise, as an encrypted file has it": bytes((i * 197 + 31) % 251 for i in range(8192)),
    "zeros": bytes(8192),
}


@pytest.mark.parametrize("data", OTHER_THINGS.values(), ids=OTHER_THINGS)
def test_a_file_that_is_no_database_is_refused(path, data):
    path.write_bytes(data)
    error = refused(path, NotADatabase, "notes.db is not a SQLite database, or is encrypted")
    assert (error.path, error.data_is_safe, error.may_offer_reset) == (str(path), True, False)


def test_an_empty_file_is_a_new_one(path):
    path.touch()
    assert embedmig.run_migrations(path, [ONE]).before == 0
    assert content(path)["notes"] == [(1, "first")]


def test_an_empty_file_of_which_only_questions_are_asked_stays_empty(path):
    path.touch()
    assert Migrator([ONE]).status(path).version == 0
    assert path.read_bytes() == b""


def test_a_first_page_of_zeros_is_no_database(big):
    data = big.read_bytes()
    big.write_bytes(bytes(4096) + data[4096:])
    refused(big, NotADatabase, "notes.db is not a SQLite database, or is encrypted")


@pytest.mark.parametrize("shipped", [[ONE], [ONE, TWO]], ids=["nothing pending", "pending"])
def test_a_file_cut_in_half_is_damaged(big, shipped):
    data = big.read_bytes()
    big.write_bytes(data[: len(data) // 2 // 4096 * 4096])
    error = refused(big, DatabaseDamaged, "notes.db is damaged: ", "Restore a backup", shipped=shipped)
    assert (error.data_is_safe, error.may_offer_reset) == (False, True)


def cut_in_mid_page(big):
    data = big.read_bytes()
    big.write_bytes(data[: len(data) - 3000])


def zero_a_page_in_the_middle(big):
    data = bytearray(big.read_bytes())
    data[50 * 4096 : 51 * 4096] = bytes(4096)
    big.write_bytes(data)


@pytest.mark.parametrize("damage", [cut_in_mid_page, zero_a_page_in_the_middle])
def test_damage_that_only_sqlites_own_check_sees_is_found_before_anything_is_changed(big, damage):
    damage(big)
    before = standing(big.parent)
    migrator = Migrator([ONE, sql(2, "UPDATE notes SET text = 'x' WHERE id = 1")])
    for verb in (migrator.open, migrator.connect, migrator.migrate):
        with pytest.raises(DatabaseDamaged, match=r"notes.db is damaged: ") as damaged:
            verb(big)
        assert "Nothing was changed." in str(damaged.value)
        assert standing(big.parent) == before
    with closing(sqlite3.connect(big)) as conn, pytest.raises(DatabaseDamaged):
        migrator.migrate(conn)
    assert standing(big.parent) == before


def test_rows_that_break_a_rule_of_their_table_are_no_damage(path):
    checked = sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, n INT CHECK (n > 0))")
    embedmig.run_migrations(path, [checked])
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript("PRAGMA ignore_check_constraints = ON; INSERT INTO notes VALUES (1, -1)")
    assert query(path, "PRAGMA quick_check") == [("CHECK constraint failed in notes",)]
    assert embedmig.run_migrations(path, [checked, TWO]).ran == ("002_step",)


HEADER = {
    "a write version of the future": (18, b"\x03"),
    "a read version of the future": (19, b"\x03"),
    "a schema format of the future": (44, b"\x00\x00\x00\x09"),
}


@pytest.mark.parametrize(("at", "data"), HEADER.values(), ids=HEADER)
def test_a_file_of_a_future_sqlite_is_refused_and_not_changed(big, at, data):
    whole = bytearray(big.read_bytes())
    whole[at : at + len(data)] = data
    big.write_bytes(whole)
    before = standing(big.parent)
    with pytest.raises(embedmig.EmbedmigError) as raised:
        embedmig.open(big, [ONE, TWO])
    assert "Nothing was changed." in str(raised.value)
    assert not raised.value.may_offer_reset
    assert standing(big.parent) == before


def test_a_name_in_the_schema_that_is_not_text_is_told_and_nothing_is_changed(path):
    embedmig.run_migrations(path, [ONE])
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE qqqq (x)")
        conn.commit()
    path.write_bytes(path.read_bytes().replace(b"qqqq", b"\xff\xfeqq"))
    before = fingerprint(path)
    with pytest.raises(UnusablePath, match=r"notes.db has a name in its schema that is not UTF-8: "):
        embedmig.run_migrations(path, [ONE, TWO])
    assert fingerprint(path) == before


def test_an_index_by_a_function_that_sqlite_has_with_other_arguments_is_no_damage(path):
    def prepared(conn):
        conn.create_function("rank", 1, len, deterministic=True)  # SQLite's own has none

    ranked = sql(
        1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX by_rank ON notes (rank(text))"
    )
    Migrator([ranked], prepare=prepared).migrate(path)
    before = fingerprint(path)
    with pytest.raises(embedmig.EmbedmigError, match=r"wrong number of arguments to function rank") as refused:
        Migrator([ranked, TWO], prepare=prepared).migrate(path)
    assert (refused.value.data_is_safe, refused.value.may_offer_reset) == (True, False)
    assert fingerprint(path) == before


def test_a_schema_that_sqlite_cannot_parse_is_told_with_its_name(path):
    embedmig.run_migrations(path, [ONE])
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript("CREATE TABLE odd (x); PRAGMA writable_schema = ON;")
        conn.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE odd (x) FROM THE FUTURE' WHERE name = 'odd'")
        conn.commit()
    before = standing(path.parent)
    with pytest.raises(embedmig.EmbedmigError, match=r"malformed database schema .odd.") as raised:
        embedmig.open(path, [ONE])
    assert sqlite3.sqlite_version in str(raised.value)
    assert standing(path.parent) == before


@posix
@pytest.mark.parametrize("sidecar", ["-journal", "-wal"])
def test_a_sidecar_that_is_a_folder_is_named(path, sidecar):
    embedmig.run_migrations(path, [ONE])
    if sidecar == "-wal":
        query(path, "PRAGMA journal_mode = WAL")
    (path.parent / (path.name + sidecar)).mkdir()
    before = standing(path.parent)
    with pytest.raises(UnusablePath, match=f"{path.name}{sidecar} stands beside it and can't be used"):
        embedmig.run_migrations(path, [ONE, TWO])
    assert standing(path.parent) == before


def test_a_garbage_wal_is_no_obstacle(path):
    embedmig.run_migrations(path, [ONE])
    query(path, "PRAGMA journal_mode = WAL")
    (path.parent / (path.name + "-wal")).write_bytes(b"garbage" * 1000)
    assert embedmig.run_migrations(path, [ONE, TWO]).ran == ("002_step",)


@pytest.mark.parametrize(
    "script",
    ["PRAGMA encoding = 'UTF-16'", "PRAGMA page_size = 512", "PRAGMA page_size = 65536", "PRAGMA auto_vacuum = FULL"],
)
def test_an_unusual_but_sound_file_is_nothing_special(path, script):
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(f"{script}; CREATE TABLE x (y); DROP TABLE x;")
        before = conn.execute(script.partition("=")[0]).fetchone()
    with embedmig.open(path, [ONE]) as db:
        assert db.execute(script.partition("=")[0]).fetchone() == before
        assert db["notes"].count == 1
    assert embedmig.run_migrations(path, [ONE, TWO]).after == 2
