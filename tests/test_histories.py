"""Migration histories as other tools lay them out, run by embedmig: written after each tool's documentation, with the
constructs that real histories have.

Each folder in `histories/` is one app's history; `_rows_at_3.sql` are rows that its users wrote at the third version.
What is right is said by the sqlite3 module: the same files by hand, in autocommit, each on a connection of its own.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import content, fingerprint, query, sql

import embedmig
from embedmig import Migration, Migrator

HISTORIES = Path(__file__).parent / "histories"
BREAKPOINT = "--> statement-breakpoint"


# -- the layouts: each tool's folder as a list of Migration ---------------------------------------------------------


def read(path: Path) -> str:
    return path.read_bytes().decode() if path.exists() else ""  # line endings and BOM as they are


def diesel(folder: Path) -> list[Migration]:
    return [
        Migration(
            step.name, int(step.name[:17].replace("-", "")), step.name[18:], read(step / "up.sql"), read(step / "down.sql"),
            transactional="run_in_transaction = false" not in read(step / "metadata.toml"),
        )
        for step in sorted(folder.iterdir()) if step.is_dir()
    ]  # fmt: skip


def pairs(folder: Path) -> list[Migration]:
    """golang-migrate, and sqlx with or without a way back."""
    files = [file for file in folder.glob("[0-9]*.sql") if not file.name.endswith(".down.sql")]
    found = []
    for file in files:
        id = file.name.removesuffix(".sql").removesuffix(".up")
        found.append(Migration(id, int(id.partition("_")[0]), id, read(file), read(folder / f"{id}.down.sql") or None))
    return sorted(found, key=lambda migration: migration.version)


def goose(folder: Path) -> list[Migration]:
    found = []
    for file in sorted(folder.glob("[0-9]*.sql")):
        up, _, down = read(file).partition("-- +goose Down")
        alone = re.search(r"^-- \+goose NO TRANSACTION", up, re.M | re.I) is not None
        found.append(
            Migration(file.stem, int(file.name.partition("_")[0]), file.stem, up, down or None, transactional=not alone)
        )
    return found


def dbmate(folder: Path) -> list[Migration]:
    found = []
    for file in sorted(folder.glob("[0-9]*.sql")):
        _, up, down = re.split(r"^\ufeff?-- migrate:(?:up|down).*$", read(file), flags=re.M)
        found.append(Migration(file.stem, int(file.name.partition("_")[0]), file.stem, up, down))
    return found


def drizzle(folder: Path) -> list[Migration]:
    entries = json.loads(read(folder / "meta" / "_journal.json"))["entries"]
    return [Migration(e["tag"], e["idx"] + 1, e["tag"], read(folder / f"{e['tag']}.sql")) for e in entries]


def home_made(folder: Path) -> list[Migration]:
    numbered = {int(re.sub(r"\D", "", file.name.partition("_")[0])): file for file in folder.glob("[!_]*.sql")}
    return [Migration(f"{n:03}_{folder.name}", n, numbered[n].stem, read(numbered[n])) for n in sorted(numbered)]


class History(NamedTuple):
    """One app's history, and what the head shows of the rows that its users wrote at older versions."""

    folder: str
    layout: Callable[[Path], list[Migration]]
    own: bool  # embedmig's own layout too: the folder is handed over as it is
    query: str
    shown: list[tuple[object, ...]]
    mended: int = 0  # a file that breaks references which the next one mends: nobody with rows can stop there
    forgot: tuple[str, ...] = ()  # what goes with a table that is rebuilt and does not come back

    @property
    def path(self) -> Path:
        return HISTORIES / self.folder

    @property
    def migrations(self) -> list[Migration]:
        return self.layout(self.path)

    @property
    def shipped(self) -> Path | list[Migration]:
        return self.path if self.own else self.migrations

    @property
    def steps(self) -> range:
        return range(1, len(self.migrations) + 1)

    def rows_at(self, step: int) -> str:
        return read(self.path / f"_rows_at_{step}.sql")


ALL = [
    History(
        "diesel_ledger", diesel, False,
        "SELECT a.name, a.currency, e.id, e.payee_id, e.cents, e.memo, t.label FROM accounts a JOIN entries e ON e.account_id = a.id"
        " JOIN entry_tags et ON et.entry_id = e.id JOIN tags t ON t.id = et.tag_id ORDER BY e.id",
        [
            ("Giro", "EUR", "e1", 7, -235, "rolls; butter", "food"),
            ("Giro", "EUR", "e2", 7, 10010, None, "it's a gift -- not income"),
            ("Cash", "EUR", "e3", None, 5, "'quoted'", "rent; and heating"),
        ],
        mended=3,
    ),
    History(
        "diesel_podcasts", diesel, False,
        "SELECT e.id, e.guid, e.state, e.revision, e.number, e.extras, count(c.position)"
        " FROM episodes e LEFT JOIN chapters c ON c.episode_id = e.id GROUP BY e.id",
        [
            (10, "3130@1", "new", 0, 2, '{"guid":"3130@1","chapters":["Hello","The end; really"]}', 2),
            (11, "3131@1", "heard", 1, 1, '{"guid":"3131@1","chapters":[]}', 0),
            (12, "3132@2", "kept", 1, 1, '{"guid":"3132@2","chapters":["All of it"]}', 1),
            (13, "g-13", "new", 0, 2, '{"guid":"g-13","chapters":["Intro"]}', 1),
        ],
    ),
    History(
        "golang_migrate_links", pairs, True,
        "SELECT k.nr, k.heading, k.letters, k.seen_by, w.word, (SELECT value FROM option WHERE key = 'theme')"
        " FROM link_text('cafe OR sea') f JOIN link k ON k.nr = f.rowid"
        " LEFT JOIN link_label kw ON kw.link = k.nr LEFT JOIN label w ON w.nr = kw.label ORDER BY k.nr, w.nr",
        [
            (5, "Well-known café", 7, "me", "go", "follow; was dark"),
            (5, "Well-known café", 7, "me", "read later", "follow; was dark"),
            (7, "Sea level", 6, "me", "go", "follow; was dark"),
        ],
    ),
    History(
        "golang_migrate_recipes", pairs, True,
        "SELECT r.id, r.title, r.book, p.name, p.album, group_concat(DISTINCT c.course), e.at FROM recipe r"
        " LEFT JOIN recipe_photo_of o ON o.recipe = r.id LEFT JOIN photo p ON p.id = o.photo"
        " LEFT JOIN recipe_course c ON c.recipe = r.id LEFT JOIN evening e ON e.recipe = r.id"
        " GROUP BY r.id, e.rowid ORDER BY r.id, e.rowid",
        [
            (3, None, 2, "a.jpg", None, "1,2", "2020-01-01"),
            (3, None, 2, "a.jpg", None, "1,2", "2020-01-01 10:00:00"),
            (4, None, None, "b.jpg", None, None, None),
            (6, "Stew", None, "inside.jpg", 3, None, "2021-01-01 10:00:00"),
        ],
        forgot=("3_photos lost index recipe_photo on recipe, which it did not drop by name",),
    ),
    History(
        "sqlx_timer", pairs, True,
        "SELECT s.id, s.kind, s.hidden_at, c.n, c.before FROM spans_text('\"rit\" OR \"all\" OR \"raw\"') f"
        " JOIN spans s ON s.rowid = f.rowid LEFT JOIN chain c ON lower(c.id) = s.id ORDER BY s.began",
        [
            ("0123456789abcdef0123456789abcdef", "work", None, 0, None),
            ("fedcba9876543210fedcba9876543210", "talk; mostly", 450, 1, "0123456789ABCDEF0123456789ABCDEF"),
            ("it's", "work", None, 2, "FEDCBA9876543210FEDCBA9876543210"),
            ("later", "talk; mostly", None, None, None),
        ],
    ),
    History(
        "sqlx_kv", pairs, True,
        "SELECT n.name, k.key, k.value, k.inserted_at, k.kind FROM kv k JOIN namespaces n ON n.id = k.namespace_id ORDER BY 1, 2",
        [
            ("app", "name", '"not json; no"', 2, "text"),
            ("app", "size", "12", 1, "integer"),
            ("app", "theme", '"dark"', 0, "text"),
            ("new", "a->b", '{"a": [1, 2, "; 3"]}', 0, "object"),
            ("other", "list", "[1,2]", 3, "array"),
            ("other", "nothing", "null", 4, "null"),
        ],
    ),
    History(
        "goose_inventory", goose, False,
        "SELECT r.name, r.colour, i.id, i.name, i.serial, i.box_id, p.path, c.what FROM rooms r JOIN items i ON i.room_id = r.id"
        " JOIN photos p ON p.item_id = i.id LEFT JOIN changes c ON c.item_id = i.id AND c.what <> 'moved' ORDER BY i.id, p.path",
        [
            ("Kitchen", "#ffffff", 1, "Kettle", "K-1", 10, "kettle.jpg", None),
            ("Kitchen", "#ffffff", 1, "Kettle", "K-1", 10, "lid.jpg", None),
            ("Attic", "#ffffff", 2, "Big lamp", None, 20, "lamp.jpg", "renamed; was Lamp"),
        ],
    ),
    History(
        "goose_library", goose, False,
        "SELECT l.reader, l.position, c.title, b.title, b.chapters, b.n, b.bought, a.sort_name FROM reading_list l"
        " JOIN chapter c ON c.id = l.chapter_id JOIN book b ON b.id = c.book_id JOIN author a ON a.id = b.author_id ORDER BY 1, 2",
        [
            ("ann", 1, "Three", "Other", '{"part 1":1}', 1, "2023-01-02", "As"),
            ("ann", 2, "One", "First; last", '{"part 1":1,"part 2":1}', 2, "2023-01-01 10:00:00+02:00", "Bs"),
            ("ben", 1, "Four", "Other", '{"part 1":1}', 1, "2023-01-02", "As"),
        ],
    ),
    History(
        "dbmate_clinic", dbmate, True,
        "SELECT p.surname, p.given, p.sex, v.day, v.notes, c.path FROM patients p JOIN visits v ON v.patient_id = p.id"
        " LEFT JOIN codes c ON c.code = v.code ORDER BY v.id",
        [
            ("Ito", "Aya", None, "2019-04-01", "code:a00", "/A/A0/A00"),
            ("Ito", "Aya", None, "2019-04-02", "well; again", None),
            ("Berg", "", None, "2019-04-02", "", None),
            ("Cole", "", "x", "2020-02-02", "code:b", "/B"),
        ],
    ),
    History(
        "dbmate_feeds", dbmate, True,
        "SELECT f.url, f.title, p.guid, p.body FROM search('run OR walk OR jump OR reader') s JOIN posts p ON p.id = s.rowid"
        " JOIN feeds f ON f.id = p.feed_id ORDER BY p.id",
        [
            ("https://x.example", "untitled", "a", "new runs"),
            ("https://y.example", "untitled", "a", "it's walking"),
            (
                "app://welcome",
                "untitled",
                "welcome",
                "Dear reader,\r\n-- this line is text; so is the next\r\n/* really */\r\nyours",
            ),
            ("https://y.example", "untitled", "b", "jumping; landing"),
        ],
    ),
    History(
        "drizzle_chat", drizzle, False,
        "SELECT t.title, t.starred, t.settings, m.id, m.role, a.name FROM threads t JOIN messages m ON m.thread_id = t.id"
        " JOIN attachments a ON a.message_id = m.id ORDER BY m.id",
        [
            ("Plans", 1, '{"model":"x","stars":2}', "m1", "user", "a.png"),
            ("Plans", 1, '{"model":"x","stars":2}', "m2", "user", "b.png"),
            ("Empty", 0, '{"model":"x","stars":1}', "m3", "system", "c.png"),
        ],
    ),
    History(
        "drizzle_shop", drizzle, False,
        "SELECT l.order_id, l.quantity, p.label, p.cents, c.name, t.cents FROM lines l JOIN products p USING (shop, sku)"
        " JOIN categories c ON c.id = p.category_id JOIN totals t USING (order_id) ORDER BY l.order_id, l.sku",
        [
            (1, 3, "Pen (a-1)", 129, 'It\'s "cheap"; --> not a breakpoint', 20337),
            (1, 1, "Desk (b-2)", 19950, "Own", 20337),
            (2, 10, "Other pen (a-1)", 200, 'It\'s "cheap"; --> not a breakpoint', 2000),
            (3, 2, "Desk (b-2)", 19950, "Own", 39900),
        ],
    ),
    History(
        "home_made_notes", home_made, False,
        "SELECT n.id, b.name, n.title, n.words, group_concat(t.tag) FROM notes_fts('plan OR twin OR it OR loose OR new') f"
        " JOIN notes n ON n.id = f.rowid JOIN notebooks b ON b.id = n.notebook"
        " LEFT JOIN (SELECT * FROM tags ORDER BY note, tag) t ON t.note = n.id GROUP BY n.id",
        [
            (1, "Work", "Plan #Today", 4, "later,today"),
            (2, "Inbox", "Loose", 3, None),
            (3, "Deep", "Twin", 2, "x"),
            (5, "Work", "It's [odd]", 1, None),
            (6, "Inbox", "New", 3, None),
        ],
    ),
    History(
        "home_made_money", home_made, False,
        "SELECT e.id, d.name, c.name, c.sort, e.booked_on, e.note, (SELECT amount FROM balance WHERE id = d.id) FROM entry e"
        " JOIN account d ON d.id = e.debit JOIN account c ON c.id = e.credit ORDER BY e.id",
        [
            (1, "Shop", "Bank", "asset/Bank", "2020-01-31", "--", 2004),
            (2, "Shop", "Bank 2", "asset/Bank 2", "2021-02-01", "Bank 2 -> Shop; 0.05", 2004),
            (3, "Sub", "Odd", "other/Odd", "2021-03-01", "Odd -> Sub; 1.00", 100),
        ],
    ),
]  # fmt: skip

each = pytest.mark.parametrize("history", ALL, ids=lambda history: history.folder)


# -- what is right: the same files by hand --------------------------------------------------------------------------


def by_hand(path: Path, text: str) -> None:
    """SQLite's own reading of a script, in autocommit. Drizzle's pieces are run one by one, as drizzle does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous = OFF")  # only a test's file
        for piece in text.removeprefix("\ufeff").split(BREAKPOINT):
            conn.executescript(piece)


def step_by_hand(history: History, path: Path, step: int, *, rows: bool = True) -> None:
    by_hand(path, history.migrations[step - 1].up)
    if rows:
        by_hand(path, history.rows_at(step))


def head_by_hand(history: History, path: Path, *, rows: bool = True) -> dict[str, object]:
    for step in history.steps:
        step_by_hand(history, path, step, rows=rows)
    return said(path)


def launch(history: History, path: Path, step: int | None = None, **policy: object) -> embedmig.Report:
    """The release of that step (or the newest) starts, and its migrations run."""
    to = None if step is None else history.migrations[step - 1].version
    return Migrator(history.shipped, **policy).migrate(path, to=to)


def used(history: History, path: Path) -> None:
    """A file of the newest release in which users of the older ones have written."""
    for step in history.steps:
        if history.rows_at(step):
            launch(history, path, step)
            by_hand(path, history.rows_at(step))
    launch(history, path)


def said(path: Path) -> dict[str, object]:
    """What a file says apart from embedmig's own table, SQLite's statistics and how a full-text index is stored."""
    found = content(path, history=False)
    schema = [row for row in found.pop("schema") if row[2] != "_migrations" and not row[1].startswith("sqlite_stat")]
    indexes = [name for kind, name, _, text in schema if text and "CREATE VIRTUAL" in text.upper()]
    with closing(sqlite3.connect(path)) as conn:
        for name in indexes:
            conn.execute(f"INSERT INTO {name}({name}) VALUES ('integrity-check')")
            conn.rollback()
    shadows = tuple(f"{name}_" for name in indexes)
    rows = {
        name: value
        for name, value in found.items()
        if not (shadows and name.startswith(shadows)) and not name.startswith("sqlite_stat")
    }
    return {"schema": schema, **rows}


# -- the tests ------------------------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize("atomic", ["run", "migration"])
def test_a_history_makes_the_same_file_as_by_hand(history: History, atomic: str, path: Path, tmp_path: Path) -> None:
    report = launch(history, path, atomic=atomic)

    assert report.ran == tuple(migration.id for migration in history.migrations)
    assert said(path) == head_by_hand(history, tmp_path / "by_hand.db", rows=False)


@each
def test_a_second_launch_finds_nothing_to_do(history: History, path: Path) -> None:
    launch(history, path)
    before = fingerprint(path)

    assert launch(history, path).ran == ()
    with closing(embedmig.connect(path, history.shipped)):
        pass
    assert fingerprint(path) == before


@each
def test_rows_of_older_releases_reach_the_head(history: History, path: Path) -> None:
    used(history, path)

    assert query(path, history.query) == history.shown


@each
def test_rows_are_kept_at_every_step(history: History, path: Path, tmp_path: Path) -> None:
    hand = tmp_path / "by_hand.db"
    for step in history.steps:
        step_by_hand(history, hand, step)
        if step != history.mended:
            launch(history, path, step)
            by_hand(path, history.rows_at(step))
            assert said(path) == said(hand), f"after step {step}"


@each
def test_a_file_of_any_release_comes_to_the_same_head(history: History, path: Path, tmp_path: Path) -> None:
    head = head_by_hand(history, tmp_path / "by_hand.db")
    for step in [step for step in history.steps if step != history.mended]:
        launch(history, path, step)
        by_hand(path, history.rows_at(step))
        copy = shutil.copy(path, tmp_path / f"{step}.db")
        for later in [later for later in history.steps if later > step and history.rows_at(later)]:
            launch(history, copy, later)
            by_hand(copy, history.rows_at(later))
        launch(history, copy)
        assert said(copy) == head, f"from step {step}"


@each
def test_children_survive_on_a_connection_that_enforces_foreign_keys(
    history: History, path: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA foreign_keys = ON")
        for step in [step for step in history.steps if history.rows_at(step)]:
            Migrator(history.shipped).migrate(conn, to=history.migrations[step - 1].version)
            by_hand(path, history.rows_at(step))
        Migrator(history.shipped).migrate(conn)
        assert conn.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert conn.execute("PRAGMA foreign_key_check").fetchall() == []

    assert said(path) == head_by_hand(history, tmp_path / "by_hand.db")


@each
def test_what_a_rebuild_forgot_is_logged_and_nothing_else(
    history: History, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    used(history, path)

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [text for text in warnings if " lost " in text] == list(history.forgot)


DIESEL_LEDGER = ALL[0]
HOME_MADE_MONEY = ALL[-1]


def test_references_that_one_file_breaks_and_the_next_mends_do_not_stop_a_run(path: Path, tmp_path: Path) -> None:
    for step in (1, 2):
        launch(DIESEL_LEDGER, path, step)
        by_hand(path, DIESEL_LEDGER.rows_at(step))

    launch(DIESEL_LEDGER, path, 4)

    hand = tmp_path / "by_hand.db"
    for step in range(1, 5):
        step_by_hand(DIESEL_LEDGER, hand, step)
    assert said(path) == said(hand)


def test_a_release_that_stops_between_the_break_and_the_mending_leaves_the_file_as_it_was(path: Path) -> None:
    for step in (1, 2):
        launch(DIESEL_LEDGER, path, step)
        by_hand(path, DIESEL_LEDGER.rows_at(step))
    before = content(path)

    with pytest.raises(embedmig.ForeignKeyViolations) as refused:
        launch(DIESEL_LEDGER, path, 3)

    assert str(refused.value) == (
        "notes.db: after up of 2021-11-07-113000_optional_payee, 2 rows point to a parent that is not there:"
        " entry_tags rowid 1 -> old_entries (entry_id='e1'); entry_tags rowid 2 -> old_entries (entry_id='e2')."
        " Everything was undone: notes.db is still at version 20210519204410."
        " Add the missing parents or remove the rows in the migration itself."
    )
    assert content(path) == before


REBUILD = "CREATE TABLE new (id INTEGER PRIMARY KEY, x); INSERT INTO new SELECT id, 0 FROM p; DROP TABLE p; ALTER TABLE new RENAME TO p;"


@pytest.mark.parametrize(
    "setting", ["PRAGMA foreign_keys = ON;", "PRAGMA foreign_keys = OFF; PRAGMA foreign_keys = 1;"]
)
def test_foreign_keys_that_a_file_outside_a_transaction_turns_on_are_off_for_the_next(setting: str, path: Path) -> None:
    first = sql(1, "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p ON DELETE CASCADE);")
    Migrator([first]).migrate(path)
    by_hand(path, "INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1), (2), (2);")

    Migrator([first, sql(2, setting, transactional=False), sql(3, REBUILD)]).migrate(path)

    assert query(path, "SELECT p FROM c") == [(1,), (2,), (2,)]


def test_old_rename_rules_that_a_file_leaves_on_do_not_reach_the_next(path: Path, tmp_path: Path) -> None:
    history = [
        sql(1, "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p);"),
        sql(2, "PRAGMA legacy_alter_table = ON; CREATE TABLE unrelated (x);"),
        sql(3, "ALTER TABLE p RENAME TO q;"),
    ]
    Migrator(history).migrate(path)

    launched_twice = tmp_path / "launched_twice.db"
    Migrator(history[:2]).migrate(launched_twice)
    Migrator(history).migrate(launched_twice)
    assert said(path) == said(launched_twice)
    assert query(path, "SELECT sql FROM sqlite_master WHERE name = 'c'") == [('CREATE TABLE c (p REFERENCES "q")',)]


@pytest.mark.parametrize(
    ("setting", "changed", "in_a_run", "transactional"),
    [
        ("legacy_alter_table", "ON", 0, True),
        ("recursive_triggers", "ON", 0, True),
        ("legacy_alter_table", "ON", 0, False),
        ("recursive_triggers", "ON", 0, False),
        ("foreign_keys", "ON", 0, False),
        ("synchronous", "OFF", 3, False),
    ],
)
def test_a_setting_that_one_file_changes_is_the_runs_own_for_the_next(
    setting: str, changed: str, in_a_run: int, transactional: bool, path: Path
) -> None:
    changes = sql(1, f"PRAGMA {setting} = {changed};", transactional=transactional)
    looks = sql(2, f"CREATE TABLE seen AS SELECT * FROM pragma_{setting};")

    Migrator([changes, looks]).migrate(path)

    assert query(path, "SELECT * FROM seen") == [(in_a_run,)]


HARM = "does nothing, or harm, inside a transaction. Nothing was changed. Set it in prepare=, or move it to a migration marked -- migrate:up transaction:false."
ALONE = "can't run inside the run's transaction. Nothing was changed. Move it to a migration of its own, marked -- migrate:up transaction:false (in Python: transactional = False)."


@pytest.mark.parametrize(
    ("line", "said_of_it"),
    [
        ("PRAGMA journal_mode=WAL;", f"PRAGMA journal_mode {HARM}"),
        ("PRAGMA synchronous = NORMAL;", f"PRAGMA synchronous {HARM}"),
        ("PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = '';", f"PRAGMA writable_schema {HARM}"),
        ("VACUUM;", f"VACUUM {ALONE}"),
        ("ATTACH DATABASE 'old.db' AS old;", f"ATTACH {ALONE}"),
        (
            "ROLLBACK;",
            "ROLLBACK would undo the whole run. Nothing was changed. Remove it: a migration that fails is undone by embedmig.",
        ),
        (
            ".bail on\n",
            "a line that starts with a dot is a command of the sqlite3 shell, not SQL. Nothing was changed. Remove it.",
        ),
    ],
)
def test_what_cannot_run_in_a_transaction_is_refused_with_its_place_and_the_cure(
    line: str, said_of_it: str, path: Path
) -> None:
    launch(HOME_MADE_MONEY, path, 1)
    by_hand(path, HOME_MADE_MONEY.rows_at(1))
    launch(HOME_MADE_MONEY, path, 5)
    before = fingerprint(path)
    shipped = HOME_MADE_MONEY.migrations
    id = shipped[-1].id
    shipped[-1] = Migration(id, 6, "last", f"SELECT 1;\n-- then\n{line}")

    with pytest.raises(embedmig.DefinitionError) as refused:
        Migrator(shipped).migrate(path)

    assert str(refused.value) == f"{id}, line 3: {said_of_it}"
    assert fingerprint(path) == before


def test_a_first_file_that_switches_to_wal_is_refused_before_there_is_a_file(path: Path) -> None:
    shipped = HOME_MADE_MONEY.migrations
    shipped[0] = Migration(shipped[0].id, 1, "first", "PRAGMA journal_mode = WAL;\n" + str(shipped[0].up))

    with pytest.raises(embedmig.DefinitionError, match="line 1: PRAGMA journal_mode does nothing, or harm"):
        Migrator(shipped).migrate(path)

    assert not path.exists()


def test_the_cure_is_to_switch_to_wal_in_prepare(path: Path, tmp_path: Path) -> None:
    def prepare(conn: sqlite3.Connection) -> None:
        conn.execute("PRAGMA journal_mode = WAL").fetchall()

    launch(HOME_MADE_MONEY, path, prepare=prepare)

    assert query(path, "PRAGMA journal_mode") == [("wal",)]
    assert said(path) == head_by_hand(HOME_MADE_MONEY, tmp_path / "by_hand.db", rows=False)


# -- each case and its test -----------------------------------------------------------------------------------------

SAME = test_a_history_makes_the_same_file_as_by_hand
KEPT = test_rows_are_kept_at_every_step
HEAD = test_rows_of_older_releases_reach_the_head
ANY = test_a_file_of_any_release_comes_to_the_same_head
CHILDREN = test_children_survive_on_a_connection_that_enforces_foreign_keys
REFUSED = test_what_cannot_run_in_a_transaction_is_refused_with_its_place_and_the_cure

# what real histories have, the file that has it here (none: the test writes it itself), what it looks like there, its test
CASES: list[tuple[str, str, str, Callable[..., None] | None]] = [
    ("diesel: a dated folder with up.sql and down.sql", "diesel_podcasts/*/up.sql", r"CREATE TABLE feeds", SAME),
    ("diesel: metadata.toml takes a file out of its transaction", "diesel_ledger/*/metadata.toml", r"run_in_transaction = false", SAME),
    ("diesel: a marker that does nothing", "diesel_ledger/*/down.sql", r"^SELECT 1;$", SAME),
    ("golang-migrate: 000001_name.up.sql, the folder as it is", "golang_migrate_links/0*.up.sql", r"^BEGIN;", SAME),
    ("golang-migrate: numbers without zeros", "golang_migrate_recipes/5_*.up.sql", r"CREATE TABLE `evening`", SAME),
    ("golang-migrate: an up without a down", "golang_migrate_links/000006_*.up.sql", r"no way back", SAME),
    ("sqlx: 20240101000000_name.sql, the folder as it is", "sqlx_timer/*.sql", r"create table", SAME),
    ("sqlx: a way back", "sqlx_kv/*.down.sql", r"DROP TABLE kv", SAME),
    ("goose: Up and Down sections", "goose_inventory/00001_*.sql", r"\+goose Up[\s\S]*\+goose Down", SAME),
    ("goose: StatementBegin and StatementEnd around a trigger", "goose_inventory/00002_*.sql", r"StatementBegin\nCREATE TRIGGER", SAME),
    ("goose: several statements between them", "goose_library/20240101*.sql", r"StatementBegin[\s\S]*DROP TABLE[\s\S]*CREATE VIEW", SAME),
    ("goose: NO TRANSACTION, its own BEGIN and COMMIT inside", "goose_inventory/00003_*.sql", r"NO TRANSACTION[\s\S]*BEGIN IMMEDIATE[\s\S]*COMMIT", KEPT),
    ("goose: NO TRANSACTION leaves foreign_keys on, the next file rebuilds a parent", "goose_inventory/00003_*.sql", r"foreign_keys=ON;\n\n-- \+goose Down", ANY),
    ("goose: WAL in a file outside a transaction", "goose_library/20240202*.sql", r"no transaction\n[\s\S]*journal_mode = WAL", SAME),
    ("dbmate: migrate:up and migrate:down, the folder as it is", "dbmate_clinic/20190305*.sql", r"migrate:up[\s\S]*migrate:down", SAME),
    ("dbmate: transaction:false with VACUUM", "dbmate_clinic/20200101*.sql", r"transaction:false[\s\S]*VACUUM", SAME),
    ("dbmate: a comment above the first marker", "dbmate_clinic/20190411*.sql", r"\A-- A patient", SAME),
    ("dbmate: both sections empty", "dbmate_clinic/20220101*.sql", r"\A-- migrate:up\n\n-- migrate:down\n\Z", SAME),
    ("drizzle: statement-breakpoint behind a semicolon and on its own line", "drizzle_chat/0001_*.sql", r";--> statement-breakpoint[\s\S]*\n--> statement-breakpoint", SAME),
    ("drizzle: a breakpoint is the only end of a statement", "drizzle_chat/0003_*.sql", r"'rowid'\)\n--> statement-breakpoint", SAME),
    ("drizzle: a breakpoint is the only end of a trigger", "drizzle_chat/0003_*.sql", r"END\n--> statement-breakpoint", SAME),
    ("drizzle: a breakpoint's text inside a string", "drizzle_shop/0002_*.sql", r"'[^'\n]*; -->", HEAD),
    ("drizzle: a __new_ rebuild of a parent with CASCADE children", "drizzle_chat/0001_*.sql", r"DROP TABLE `threads`", CHILDREN),
    ("drizzle: the same parent rebuilt again", "drizzle_chat/0005_*.sql", r"DROP TABLE `threads`", KEPT),
    ("drizzle: two rebuilds in one file", "drizzle_chat/0005_*.sql", r"DROP TABLE `threads`[\s\S]*DROP TABLE `attachments`", KEPT),
    ("drizzle: a composite foreign key's parent rebuilt", "drizzle_shop/0003_*.sql", r"DROP TABLE `products`", CHILDREN),
    ("backticks, brackets and double quotes", "golang_migrate_recipes/5_*.up.sql", r'`title` text,\n  \[book\] integer references "book"', SAME),
    ("BEGIN TRANSACTION and COMMIT in the file", "home_made_notes/2.sql", r"BEGIN TRANSACTION;[\s\S]*COMMIT;", SAME),
    ("BEGIN EXCLUSIVE, COMMIT TRANSACTION", "home_made_notes/3.sql", r"BEGIN EXCLUSIVE;[\s\S]*COMMIT TRANSACTION", SAME),
    ("END instead of COMMIT", "golang_migrate_links/000002_*.up.sql", r"END TRANSACTION;", SAME),
    ("PRAGMA foreign_keys off, foreign_key_check, on", "home_made_notes/6.sql", r"foreign_keys=off;[\s\S]*foreign_key_check;[\s\S]*foreign_keys=on", CHILDREN),
    ("PRAGMA user_version", "home_made_notes/9.sql", r"user_version = 9", SAME),
    ("a parent rebuilt in the tool's own transaction, without the PRAGMA", "goose_inventory/00004_*.sql", r"DROP TABLE rooms", CHILDREN),
    ("a rename that rewrites the children's references, mended in the same file", "golang_migrate_recipes/2_*.up.sql", r"rename to `_old_recipe`", KEPT),
    ("a rename that rewrites the children's references, mended in the next file", "diesel_ledger/2021-11-07-113000*/up.sql", r"RENAME TO old_entries", test_references_that_one_file_breaks_and_the_next_mends_do_not_stop_a_run),
    ("a release that stops in between", "", "", test_a_release_that_stops_between_the_break_and_the_mending_leaves_the_file_as_it_was),
    ("foreign_keys on, outside a transaction", "", "", test_foreign_keys_that_a_file_outside_a_transaction_turns_on_are_off_for_the_next),
    ("a setting left changed", "", "", test_a_setting_that_one_file_changes_is_the_runs_own_for_the_next),
    ("PRAGMA legacy_alter_table on and off around a rebuild under a view", "diesel_podcasts/2021-01-30*/up.sql", r"legacy_alter_table = ON[\s\S]*legacy_alter_table = OFF", KEPT),
    ("PRAGMA legacy_alter_table left on", "", "", test_old_rename_rules_that_a_file_leaves_on_do_not_reach_the_next),
    ("a self-reference in a rebuilt table", "home_made_notes/6.sql", r"parent INTEGER REFERENCES notebooks", KEPT),
    ("DEFERRABLE INITIALLY DEFERRED", "dbmate_clinic/20200606*.sql", r"DEFERRABLE INITIALLY DEFERRED", SAME),
    ("INSERT OR REPLACE, INSERT OR IGNORE, REPLACE INTO", "home_made_notes/1.sql", r"INSERT OR REPLACE", SAME),
    ("UPSERT", "golang_migrate_links/000004_*.up.sql", r"ON CONFLICT \(key\) DO UPDATE", SAME),
    ("RETURNING", "sqlx_timer/*.sql", r"\nreturning id", KEPT),
    ("UPDATE FROM", "golang_migrate_links/000002_*.up.sql", r"FROM \(SELECT", KEPT),
    ("window functions", "diesel_podcasts/2022*/up.sql", r"OVER \(PARTITION BY", HEAD),
    ("a recursive CTE that moves data", "golang_migrate_recipes/5_*.up.sql", r"WITH RECURSIVE", HEAD),
    ("a recursive CTE in an UPDATE", "dbmate_clinic/20200606*.sql", r"WITH RECURSIVE tree[\s\S]*UPDATE codes", HEAD),
    ("CREATE TABLE AS SELECT", "drizzle_shop/0004_*.sql", r"CREATE TABLE `totals` AS SELECT", HEAD),
    ("JSON functions and operators", "drizzle_chat/0006_*.sql", r"json_set[\s\S]*->> '\$", HEAD),
    ("full text with external content, filled by rebuild", "sqlx_timer/20240525*.sql", r"content = 'spans'[\s\S]*'rebuild'", HEAD),
    ("full text without content", "dbmate_feeds/20200404*.sql", r"content=''", HEAD),
    ("a semicolon and quotes in a tokenizer's options", "golang_migrate_links/000003_*.up.sql", r"tokenchars '-_'\"", HEAD),
    ("the table under a full-text index rebuilt, its triggers made anew", "golang_migrate_links/000005_*.up.sql", r"DROP TABLE link;[\s\S]*CREATE TRIGGER link_edit", ANY),
    ("a trigger with CASE and END inside", "diesel_podcasts/2020-02*/up.sql", r"CASE\n[\s\S]*END;\nEND;", SAME),
    ("an END in a trigger's message", "diesel_podcasts/2020-02*/up.sql", r"'no such state; END;'", SAME),
    ("a trigger with WHEN, in one line with its END", "home_made_notes/3.sql", r"new\.body\); END;", SAME),
    ("an INSTEAD OF trigger, used by a migration", "sqlx_kv/20250715*.up.sql", r"INSTEAD OF INSERT", HEAD),
    ("RAISE(ROLLBACK) in a trigger that does not fire", "home_made_money/v03*.sql", r"RAISE\(ROLLBACK", SAME),
    ("views made, dropped and made anew", "diesel_ledger/2023-06*/up.sql", r"DROP VIEW[\s\S]*CREATE VIEW", SAME),
    ("a partial index", "sqlx_timer/20230319*.sql", r"where hidden_at is null", SAME),
    ("an expression index", "goose_library/20230511*.sql", r"on author \(coalesce\(", SAME),
    ("a generated column, virtual", "sqlx_kv/20250610*.up.sql", r"AS \(json_type\(value\)\) VIRTUAL", SAME),
    ("a generated column, stored", "home_made_notes/9.sql", r"GENERATED ALWAYS AS .*STORED", SAME),
    ("WITHOUT ROWID", "diesel_podcasts/2020-02*/up.sql", r"WITHOUT ROWID", SAME),
    ("STRICT", "sqlx_kv/20250502*.up.sql", r"WITHOUT ROWID, STRICT", SAME),
    ("RENAME COLUMN under a view and a trigger", "diesel_podcasts/2020-08*/up.sql", r"RENAME COLUMN", SAME),
    ("DROP COLUMN", "diesel_ledger/2022-02*/up.sql", r"DROP COLUMN amount", HEAD),
    ("AUTOINCREMENT's mark over a rebuild, and set by hand", "goose_inventory/00005_*.sql", r"INSERT INTO sqlite_sequence", KEPT),
    ("a temp table", "home_made_notes/8.sql", r"CREATE TEMP TABLE[\s\S]*temp\.doubles", KEPT),
    ("SAVEPOINT, ROLLBACK TO, RELEASE", "home_made_notes/7.sql", r"SAVEPOINT guess;[\s\S]*ROLLBACK TO SAVEPOINT guess;", KEPT),
    ("pragmas that read, EXPLAIN, ANALYZE, REINDEX", "home_made_money/v06*.sql", r"PRAGMA journal_mode;[\s\S]*ANALYZE;", SAME),
    ("comments of both kinds with quotes and semicolons", "golang_migrate_links/000005_*.up.sql", r"CASCADE; a full[\s\S]*Don't", SAME),
    ("comments inside a list of columns", "golang_migrate_recipes/3_*.up.sql", r"-- gone: .*;", SAME),
    ("comment marks inside a string", "dbmate_feeds/20200202*.sql", r"'Dear reader,\r\n--", HEAD),
    ("no final semicolon", "sqlx_timer/20240901*.sql", r"\(kind\)\n\Z", SAME),
    ("no final newline", "drizzle_chat/0000_*.sql", r";\Z", SAME),
    ("CRLF", "home_made_notes/2.sql", r"\r\n", SAME),
    ("BOM", "home_made_notes/1.sql", "\\A\ufeff", SAME),
    ("BOM before a marker", "dbmate_feeds/20200404*.sql", "\\A\ufeff-- migrate:up", SAME),
    ("an empty file", "home_made_notes/4.sql", r"\A\Z", SAME),
    ("a file of comments and stray semicolons", "home_made_notes/5.sql", r"/\* ; \*/ ;", SAME),
    ("an index that goes with a rebuilt table", "golang_migrate_recipes/3_*.up.sql", r"DROP TABLE `recipe`", test_what_a_rebuild_forgot_is_logged_and_nothing_else),
    ("what can't run in a transaction", "", "", REFUSED),
    ("PRAGMA journal_mode=WAL in the first file", "", "", test_a_first_file_that_switches_to_wal_is_refused_before_there_is_a_file),
    ("its cure", "", "", test_the_cure_is_to_switch_to_wal_in_prepare),
    ("nothing to do", "*/*.sql", r"", test_a_second_launch_finds_nothing_to_do),
]  # fmt: skip


@pytest.mark.parametrize(("case", "file", "looks", "test"), CASES, ids=[case[0] for case in CASES])
def test_each_case_has_its_test(case: str, file: str, looks: str, test: Callable[..., None] | None) -> None:
    assert test is not None, f"no test for: {case}"
    assert globals()[test.__name__] is test

    if file:
        assert file.partition("/")[0] in {"*", *(history.folder for history in ALL)}
        assert any(re.search(looks, read(found), re.M) for found in HISTORIES.glob(file)), f"{file} has no {looks}"


def test_each_layout_has_two_histories_of_five_to_twelve_files() -> None:
    folders = {found.name for found in HISTORIES.iterdir() if found.is_dir()}

    assert {history.folder for history in ALL} == folders
    assert sorted(Path(folder).name.rpartition("_")[0] for folder in folders) == [
        "dbmate", "dbmate", "diesel", "diesel", "drizzle", "drizzle", "golang_migrate", "golang_migrate",
        "goose", "goose", "home_made", "home_made", "sqlx", "sqlx",
    ]  # fmt: skip
    assert all(5 <= len(history.migrations) <= 12 for history in ALL)
    assert all(any(map(history.rows_at, history.steps)) for history in ALL)
