"""Rows that hypothesis draws: any table takes them, they reach the edges, and where there is no way it is said."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils
from helpers import fingerprint, sql
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from embedmig import Migrator, UsageError
from embedmig.diagnosis import damage
from embedmig.naming import quoted
from embedmig.testing.strategies import database, fill, filling, rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.testing.strategies import Drawn

FEW = settings(max_examples=40, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
SEARCH = settings(max_examples=3000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
QUICK_SEARCH = settings(SEARCH, max_examples=200)


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.execute("PRAGMA foreign_keys = ON")
        yield conn


def stands(conn: sqlite3.Connection, drawn: Drawn) -> None:
    """Insert it for good, look at the whole database, and take it away again."""
    fill(conn, drawn)
    assert not conn.in_transaction
    assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
    assert damage(conn) is None
    for table, of_table in drawn.items():
        found = conn.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0]
        assert found == len(of_table), table
    conn.execute("PRAGMA foreign_keys = OFF")
    for table in drawn:
        conn.execute(f"DELETE FROM {quoted(table)}")
    conn.execute("PRAGMA foreign_keys = ON")


def filled(conn: sqlite3.Connection, schema: str) -> dict[str, int]:
    """How many rows each table got in 40 draws, each of which was inserted for good."""
    conn.executescript(schema)
    counts: dict[str, int] = {}

    @FEW
    @given(filling(conn))
    def each(drawn: Drawn) -> None:
        for table, of_table in drawn.items():
            counts[table] = counts.get(table, 0) + len(of_table)
        stands(conn, drawn)

    each()
    return counts


# -- every form of table is filled -----------------------------------------------------------------------------------

FORMS = {
    "types and affinities": "CREATE TABLE t (a INT, b VARCHAR(20), c REAL, d BLOB, e NUMERIC(10, 2), f BOOLEAN, g DATE, h DATETIME, i, j JSON)",
    "strict": "CREATE TABLE t (a INT NOT NULL, b INTEGER, c REAL NOT NULL, d TEXT NOT NULL, e BLOB NOT NULL, f ANY NOT NULL) STRICT",
    "without rowid": "CREATE TABLE t (a TEXT COLLATE NOCASE, b INT, c, PRIMARY KEY (a, b)) WITHOUT ROWID",
    "autoincrement": "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x)",
    "unique, composite": "CREATE TABLE t (a BOOLEAN NOT NULL, b INT NOT NULL, UNIQUE (a, b))",
    "unique, an expression": "CREATE TABLE t (a TEXT NOT NULL); CREATE UNIQUE INDEX u ON t (lower(a))",
    "unique, partial": "CREATE TABLE t (a INT NOT NULL CHECK (a IN (0, 1))); CREATE UNIQUE INDEX u ON t (a) WHERE a = 1",
    "generated columns": "CREATE TABLE t (a INT NOT NULL, b AS (a * 2) STORED UNIQUE, c TEXT AS (a || '!') VIRTUAL)",
    "unique on conflict replace": "CREATE TABLE t (a BOOLEAN NOT NULL UNIQUE ON CONFLICT REPLACE)",
    "primary key on conflict rollback": "CREATE TABLE t (a BOOLEAN NOT NULL PRIMARY KEY ON CONFLICT ROLLBACK)",
    "defaults": "CREATE TABLE t (a INT NOT NULL DEFAULT 7, b TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, c DEFAULT (abs(-1)))",
    "all columns generated but one": "CREATE TABLE t (id INTEGER PRIMARY KEY, b AS (id + 1))",
    "odd names": 'CREATE TABLE "t ""x""" ("order" INT NOT NULL, [select] TEXT CHECK ("select" <> \'\'), `é` BLOB)',
    "full text": "CREATE VIRTUAL TABLE t USING fts5 (a, b UNINDEXED)",
    "an R-tree": "CREATE VIRTUAL TABLE t USING rtree (id, x0, x1, y0, y1)",
    "json that an index reads": "CREATE TABLE t (doc TEXT NOT NULL); CREATE INDEX i ON t (json_extract(doc, '$.a'))",
    "json that a generated column reads": "CREATE TABLE t (doc TEXT NOT NULL, a AS (doc ->> '$.a'))",
    "a trigger that raises": "CREATE TABLE t (n INT NOT NULL); CREATE TRIGGER r BEFORE INSERT ON t WHEN NEW.n < 900 BEGIN SELECT RAISE(ABORT, 'too few'); END",
    "a trigger that undoes all": "CREATE TABLE s (x); CREATE TABLE t (n INT NOT NULL); CREATE TRIGGER r AFTER INSERT ON t"
    " BEGIN SELECT RAISE(ROLLBACK, 'odd') FROM (SELECT 1) WHERE NEW.n + (SELECT count(*) FROM t) * 0 > 100; END",
    "a trigger that ignores": "CREATE TABLE t (n INT NOT NULL); CREATE TRIGGER r BEFORE INSERT ON t BEGIN SELECT CASE WHEN (SELECT NEW.n % 2) THEN RAISE(IGNORE) END; END",
    "a key to its own table": "CREATE TABLE t (id INTEGER PRIMARY KEY, up INT REFERENCES t (id))",
    "a required key to its own table": "CREATE TABLE t (id INTEGER PRIMARY KEY, up INT NOT NULL REFERENCES t (id))",
    "a composite key": "CREATE TABLE p (a INT, b TEXT, PRIMARY KEY (a, b)); CREATE TABLE t (x INT NOT NULL, y TEXT NOT NULL, FOREIGN KEY (x, y) REFERENCES p (a, b))",
    "keys that share a column": "CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b)); CREATE TABLE q (a INT, c INT, PRIMARY KEY (a, c));"
    "CREATE TABLE t (a INT NOT NULL, b INT, c INT, FOREIGN KEY (a, b) REFERENCES p, FOREIGN KEY (a, c) REFERENCES q)",
    "a child declared before its parent": "CREATE TABLE t (p INT NOT NULL REFERENCES p (id)); CREATE TABLE p (id INTEGER PRIMARY KEY)",
    "one to one": "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (id INTEGER PRIMARY KEY REFERENCES p (id), x)",
    "a key to text with a collation": "CREATE TABLE p (name TEXT PRIMARY KEY COLLATE NOCASE); CREATE TABLE t (p TEXT NOT NULL REFERENCES p (name))",
    "a circle": "CREATE TABLE t (id INTEGER PRIMARY KEY, s INT NOT NULL REFERENCES s (id)); CREATE TABLE s (id INTEGER PRIMARY KEY, t INT NOT NULL REFERENCES t (id))",
    "a circle that can be left open": "CREATE TABLE t (id TEXT PRIMARY KEY, s TEXT REFERENCES s (id)); CREATE TABLE s (id TEXT PRIMARY KEY, t TEXT NOT NULL REFERENCES t (id))",
    "a circle of three": "CREATE TABLE t (id INTEGER PRIMARY KEY, s INT NOT NULL REFERENCES s DEFERRABLE INITIALLY DEFERRED); CREATE TABLE s (id INTEGER PRIMARY KEY, r INT NOT NULL REFERENCES r);"
    "CREATE TABLE r (id INTEGER PRIMARY KEY, t INT NOT NULL REFERENCES t (id))",
}  # fmt: skip


@pytest.mark.parametrize("schema", FORMS.values(), ids=FORMS.keys())
def test_every_form_of_table_is_filled(conn: sqlite3.Connection, schema: str) -> None:
    counts = filled(conn, schema)
    assert all(count >= 10 for count in counts.values()), counts
    assert counts


def test_where_a_circle_cannot_be_closed_nothing_hangs_on_it(conn: sqlite3.Connection) -> None:
    conn.executescript(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, s INT NOT NULL REFERENCES s (id)); CREATE TABLE s (id INTEGER PRIMARY KEY, t INT NOT NULL REFERENCES t (id));"
        "CREATE TRIGGER r BEFORE INSERT ON s WHEN (SELECT NEW.id % 4) = 0 BEGIN SELECT RAISE(ABORT, 'no such id'); END;"
        "CREATE TRIGGER q BEFORE INSERT ON t WHEN (SELECT NEW.id % 2) = 0 BEGIN SELECT RAISE(ABORT, 'no such id'); END;"
        "CREATE TABLE child (t INT NOT NULL REFERENCES t (id)); CREATE TABLE lone (n INT)"
    )
    given_up = 0

    @FEW
    @given(filling(conn))
    def each(drawn: Drawn) -> None:
        nonlocal given_up
        given_up += not drawn["t"] and bool(drawn["lone"])
        assert all(len(of_table) <= 3 for of_table in drawn.values())
        stands(conn, drawn)

    each()
    assert given_up


def test_a_key_of_a_generated_column_is_not_guessed(conn: sqlite3.Connection) -> None:
    conn.executescript(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (n INT NOT NULL, p INT AS (n * 2) STORED REFERENCES p (id))"
    )

    @FEW
    @given(filling(conn))
    def each(drawn: Drawn) -> None:
        stands(conn, drawn)

    each()


def test_a_draw_does_not_write_the_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)")
        before = fingerprint(path)
        find(rows(conn, "t"), lambda drawn: len(drawn) == 5, settings=QUICK_SEARCH)
        assert not conn.in_transaction
    assert fingerprint(path) == before


def test_a_row_refers_to_what_the_file_has(conn: sqlite3.Connection) -> None:
    conn.executescript(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (p INT NOT NULL REFERENCES p (id)); INSERT INTO p VALUES (77)"
    )
    assert find(rows(conn, "t"), lambda drawn: len(drawn) == 2, settings=QUICK_SEARCH) == [{"p": 77}, {"p": 77}]


def test_what_the_file_has_is_not_drawn_again(conn: sqlite3.Connection) -> None:
    conn.executescript("CREATE TABLE t (n BOOLEAN NOT NULL UNIQUE); INSERT INTO t VALUES (0)")

    @FEW
    @given(rows(conn, "t"))
    def each(drawn: list[dict[str, object]]) -> None:
        assert drawn in ([], [{"n": 1}])

    each()


def test_nothing_of_a_draw_stays_in_the_file(conn: sqlite3.Connection) -> None:
    conn.executescript("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)")
    conn.execute("BEGIN")
    find(rows(conn, "t"), lambda drawn: len(drawn) == 5, settings=QUICK_SEARCH)
    assert conn.in_transaction
    assert conn.execute("SELECT n FROM t").fetchall() == [(1,)]
    assert conn.execute("PRAGMA defer_foreign_keys").fetchone() == (0,)


def test_a_row_that_refers_to_its_own_table_refers_to_one_before_it(conn: sqlite3.Connection) -> None:
    """No circle among the rows: a recursive query of the app would not end."""
    conn.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, up INT REFERENCES t (id))")

    @FEW
    @given(rows(conn, "t"))
    def each(drawn: list[dict[str, object]]) -> None:
        fill(conn, {"t": drawn})
        assert conn.execute("SELECT count(*) FROM t WHERE id = up").fetchone() == (0,)
        conn.execute("UPDATE t SET up = NULL")
        conn.execute("DELETE FROM t")

    each()


# -- the edges are reached -------------------------------------------------------------------------------------------

EDGES = {
    "the greatest integer": ("INT", lambda v: v == 2**63 - 1),
    "the least integer": ("INT", lambda v: v == -(2**63)),
    "one beyond what a float can count": ("INT", lambda v: v == 2**53 + 1),
    "any integer": ("INT", lambda v: isinstance(v, int) and 10**6 < v < 10**8),
    "the smallest float": ("REAL", lambda v: v == 5e-324),
    "the greatest float": ("REAL", lambda v: v == 1.7976931348623157e308),
    "NUL within text": ("TEXT", lambda v: v is not None and "\0" in v.strip("\0")),
    "an emoji of several characters": ("TEXT", lambda v: v is not None and "\u200d" in v),
    "right-to-left script": ("TEXT", lambda v: v is not None and any("\u0590" <= c <= "\u06ff" for c in v)),
    "a right-to-left override": ("TEXT", lambda v: v is not None and "\u202e" in v),
    "a combining accent": ("TEXT", lambda v: v is not None and "\u0301" in v),
    "beyond the basic plane": ("TEXT", lambda v: v is not None and any(c > "\uffff" for c in v)),
    "the empty text": ("TEXT", lambda v: v == ""),
    "text that looks like a number": ("TEXT", lambda v: v == "007"),
    "a quotation mark": ("TEXT", lambda v: v == "'"),
    "a long text": ("TEXT", lambda v: v is not None and len(v) > 200),
    "the empty blob": ("BLOB", lambda v: v == b""),
    "bytes that are no UTF-8": ("BLOB", lambda v: v == b"\xc3\x28"),
    "every byte": ("BLOB", lambda v: v == bytes(range(256))),
    "NULL": ("TEXT", lambda v: v is None),
    "the last day": ("DATE", lambda v: v == "9999-12-31"),
    "before 1970": ("DATETIME", lambda v: v == "1969-12-31 23:59:59"),
    "a column left out": ("INT DEFAULT 5", lambda v: v == "left out"),
}  # fmt: skip


@pytest.mark.parametrize(("declared", "is_edge"), EDGES.values(), ids=EDGES.keys())
def test_the_edges_are_reached(conn: sqlite3.Connection, declared: str, is_edge: object) -> None:
    conn.execute(f"CREATE TABLE t (v {declared})")
    any_draw = settings(SEARCH, phases=[Phase.generate])
    found = find(
        rows(conn, "t"), lambda rows: any(is_edge(row.get("v", "left out")) for row in rows), settings=any_draw
    )
    assert found


@pytest.mark.parametrize(
    ("declared", "never"),
    [
        ("REAL NOT NULL", lambda v: v != v or v in (float("inf"), float("-inf")) or str(v) == "-0.0"),
        ("INT PRIMARY KEY", lambda v: v is None),
        ("INTEGER PRIMARY KEY", lambda v: v is None or (v != "left out" and v > 2**53)),
        ("TEXT", lambda v: v is not None and not isinstance(v, str)),
        ("VARCHAR(3)", lambda v: v is not None and len(v) > 3),
        ("INT DEFAULT CURRENT_TIMESTAMP", lambda v: v == "left out"),
    ],
)
def test_what_is_never_drawn(conn: sqlite3.Connection, declared: str, never: object) -> None:
    conn.execute(f"CREATE TABLE t (v {declared})")
    with pytest.raises(NoSuchExample):
        find(rows(conn, "t"), lambda rows: any(never(row.get("v", "left out")) for row in rows), settings=QUICK_SEARCH)


def test_rows_shrink_to_what_a_person_would_have_written(conn: sqlite3.Connection) -> None:
    conn.executescript(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT);"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p INT NOT NULL REFERENCES p (id), n INT NOT NULL CHECK (n > 5))"
    )
    assert find(filling(conn), lambda drawn: len(drawn["t"]) == 2, settings=SEARCH) == {
        "p": [{"id": 1, "name": "a", "note": None}],
        "t": [{"id": 1, "p": 1, "n": 7}, {"id": 2, "p": 1, "n": 7}],
    }


# -- one's own strategies --------------------------------------------------------------------------------------------


def test_a_strategy_of_ones_own_fills_its_column(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE t (a INT, b TEXT NOT NULL)")
    seen = set()

    @FEW
    @given(rows(conn, "t", columns={"B": st.sampled_from(["mine", "ours"])}))
    def each(drawn: list[dict[str, object]]) -> None:
        seen.update(row["b"] for row in drawn)

    each()
    assert seen == {"mine", "ours"}


def test_one_strategy_for_several_columns_draws_tuples(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE t (net INT, vat INT, code TEXT, CHECK (code IS hex(net || ':' || vat)))")
    own = {("t.net", "t.vat", "t.code"): st.just((1, 2, b"1:2".hex().upper()))}
    drawn = find(filling(conn, columns=own), lambda drawn: drawn["t"], settings=QUICK_SEARCH)
    assert drawn == {"t": [{"net": 1, "vat": 2, "code": "313A32"}]}


def test_a_strategy_of_ones_own_may_fill_a_foreign_key(conn: sqlite3.Connection) -> None:
    conn.executescript("PRAGMA foreign_keys = OFF; CREATE TABLE t (p INT NOT NULL REFERENCES missing (id))")
    drawn = find(rows(conn, "t", columns={"p": st.just(3)}), lambda drawn: drawn, settings=QUICK_SEARCH)
    assert drawn == [{"p": 3}]


# -- where there is no way, it is said --------------------------------------------------------------------------------


def drawn_until_an_error(strategy: st.SearchStrategy[object]) -> str:
    @FEW
    @given(strategy)
    def each(drawn: object) -> None: ...

    with pytest.raises(UsageError) as caught:
        each()
    return str(caught.value)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT NOT NULL, CHECK (hex(code) = '00FF00'))",
            "No row for t could be drawn: of 120 and more that were tried SQLite took none (CHECK constraint failed: hex(code) = '00FF00')."
            " Nothing was changed. Pass a strategy of your own: columns={'t.code': st.just(...)}.",
        ),
        (
            "CREATE TABLE t (a TEXT NOT NULL, b TEXT NOT NULL, CONSTRAINT both_match CHECK (instr(b, a || ':' || a || ':' || a) = 3))",
            "No row for t could be drawn: of 120 and more that were tried SQLite took none (CHECK constraint failed: both_match)."
            " Nothing was changed. Pass a strategy of your own: columns={'t.a': st.just(...)}.",
        ),
        (
            "CREATE TABLE t (a TEXT NOT NULL, b TEXT NOT NULL, CHECK (instr(b, a || ':' || a || ':' || a) = 3))",
            "No row for t could be drawn: of 120 and more that were tried SQLite took none"
            " (CHECK constraint failed: instr(b, a || ':' || a || ':' || a) = 3)."
            " Nothing was changed. Pass a strategy of your own: columns={('t.a', 't.b'): st.tuples(...)}.",
        ),
        (
            "CREATE TABLE s (x); CREATE TABLE t (name TEXT NOT NULL); CREATE TRIGGER r BEFORE INSERT ON t"
            " WHEN NEW.name NOT IN (SELECT x FROM s WHERE x = 'no such text') BEGIN SELECT RAISE(ABORT, 'this name was not invited'); END",
            "No row for t could be drawn: of 1000 and more that were tried SQLite took none (this name was not invited)."
            " Nothing was changed. Pass a strategy of your own: columns={'t.name': st.just(...)}.",
        ),
        (
            "CREATE TABLE t (p INT NOT NULL REFERENCES gone (id))",
            "No row for t (p) could be drawn: it must refer to a row of gone (id), and there is none."
            " Nothing was changed. Make the table gone, or pass a strategy of your own: columns={'t.p': st.just(...)}.",
        ),
    ],
    ids=["a check", "a check with a name", "a check of two columns", "a trigger", "a missing parent"],
)  # fmt: skip
def test_a_constraint_that_cannot_be_met_is_named(conn: sqlite3.Connection, schema: str, text: str) -> None:
    conn.executescript(schema)
    assert drawn_until_an_error(filling(conn)) == text


def test_a_parent_without_rows_is_named(conn: sqlite3.Connection) -> None:
    conn.executescript("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (p INT NOT NULL REFERENCES p)")
    assert drawn_until_an_error(rows(conn, "t")) == (
        "No row for t (p) could be drawn: it must refer to a row of p (id), and there is none."
        " Nothing was changed. Insert rows of p first, or draw both with database()."
    )


def test_a_table_that_its_triggers_fill_is_no_error(conn: sqlite3.Connection) -> None:
    conn.executescript(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);"
        "CREATE TABLE only_one (one INTEGER PRIMARY KEY CHECK (one = 1)); INSERT INTO only_one VALUES (1)"
    )

    @FEW
    @given(filling(conn))
    def each(drawn: Drawn) -> None:
        assert drawn["only_one"] == []

    each()


@pytest.mark.parametrize("table", ["missing", "a_view", "_migrations", "sqlite_sequence", "search", "search_data"])
def test_what_is_no_table_of_the_apps_is_refused(conn: sqlite3.Connection, table: str) -> None:
    conn.executescript(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x); CREATE VIEW a_view AS SELECT 1; CREATE TABLE _migrations (id);"
        "CREATE VIRTUAL TABLE search USING fts5 (x, content = 't', content_rowid = 'id')"
    )
    with pytest.raises(UsageError) as caught:
        rows(conn, table)
    assert str(caught.value) == (
        f"There is no table {table} that rows could be drawn for. Nothing was changed."
        " Name a table of the file: not a view, a virtual table other than full-text and R-tree, or one that SQLite or embedmig keeps for itself."
    )


@pytest.mark.parametrize("key", ["t.z", "x.a", "a", "t.b", ("t.a", "s.a")])
def test_a_strategy_for_no_column_is_refused(conn: sqlite3.Connection, key: str | tuple[str, ...]) -> None:
    conn.executescript("CREATE TABLE t (a, b AS (a)); CREATE TABLE s (a)")
    with pytest.raises(UsageError) as caught:
        filling(conn, columns={key: st.none()})
    assert str(caught.value) == (
        f"columns={{{key!r}: ...}} names no column that is drawn. Nothing was changed."
        " A key is 'table.column', or a tuple of such names of one table. Generated columns are never drawn."
    )


def test_a_strategy_that_draws_too_few_values_is_named(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE t (a, b)")
    assert drawn_until_an_error(rows(conn, "t", columns={("a", "b"): st.just((1,))})) == (
        "The strategy for a, b drew (1,). Nothing was changed. Let it draw tuples of one value for each of these columns."
    )


def test_a_path_is_no_open_connection() -> None:
    with pytest.raises(UsageError) as caught:
        fill("notes.db", {})  # type: ignore[arg-type]
    assert str(caught.value) == (
        "'notes.db' is no open connection. Nothing was changed. Give a sqlite3.Connection or a sqlite_utils.Database."
    )


# -- a database at a version ------------------------------------------------------------------------------------------

NOTES = [
    sql(1, "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL); INSERT INTO notes VALUES (1, 'Welcome')"),
    sql(2, "CREATE TABLE tags (note INT NOT NULL REFERENCES notes (id), tag TEXT NOT NULL CHECK (is_tag(tag)))"),
]


def prepare(conn: sqlite3.Connection) -> None:
    conn.create_function("is_tag", 1, lambda text: str(text).islower(), deterministic=True)


@pytest.mark.parametrize(("version", "tables"), [(1, ["notes"]), (2, ["notes", "tags"]), (None, ["notes", "tags"])])
def test_a_database_is_drawn_at_a_version(version: int | None, tables: list[str]) -> None:
    strategy = database(Migrator(NOTES, prepare=prepare), version)
    drawn = find(strategy, lambda drawn: all(drawn.values()), settings=QUICK_SEARCH)
    assert list(drawn) == tables
    with closing(sqlite3.connect(":memory:")) as conn:
        prepare(conn)
        Migrator(NOTES).migrate(conn, to=version)
        fill(sqlite_utils.Database(conn), drawn)
        assert conn.execute("SELECT count(*) FROM notes").fetchone() == (1 + len(drawn["notes"]),)
        assert not conn.in_transaction


def test_a_child_may_refer_to_a_row_that_a_migration_made() -> None:
    strategy = database(Migrator(NOTES, prepare=prepare), max_size=2)
    drawn = find(strategy, lambda drawn: drawn["tags"] and not drawn["notes"], settings=SEARCH)
    assert drawn == {"notes": [], "tags": [{"note": 1, "tag": "a"}]}


def test_an_app_function_that_is_missing_is_named() -> None:
    with pytest.raises(Exception, match="no such function: is_tag"):
        find(database(NOTES), lambda drawn: drawn["tags"], settings=QUICK_SEARCH)


def test_fill_inserts_all_or_nothing(conn: sqlite3.Connection) -> None:
    conn.executescript("CREATE TABLE t (n INT UNIQUE)")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        fill(conn, {"t": [{"n": 1}, {"n": 2}, {"n": 1}]})
    assert conn.execute("SELECT * FROM t").fetchall() == []
    assert not conn.in_transaction


def test_fill_looks_at_foreign_keys_when_everything_stands(conn: sqlite3.Connection) -> None:
    conn.executescript("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (p INT NOT NULL REFERENCES p)")
    fill(conn, {"t": [{"p": 1}], "p": [{"id": 1}]})
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        fill(conn, {"t": [{"p": 2}], "p": [{"id": 3}]})
    assert conn.execute("SELECT * FROM p").fetchall() == [(1,)]
    assert not conn.in_transaction


def test_fill_is_a_part_of_the_callers_transaction(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE t (n INT)")
    conn.execute("BEGIN")
    fill(conn, {"t": [{"n": 1}, {}]})
    assert conn.execute("SELECT * FROM t").fetchall() == [(1,), (None,)]
    conn.execute("ROLLBACK")
    assert conn.execute("SELECT * FROM t").fetchall() == []


def test_a_callers_factories_are_left_as_they_are(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE t (n INT NOT NULL CHECK (n IN (1, 2)), m INT NOT NULL CHECK (m > n))")
    conn.row_factory = lambda cursor, row: {"no": "tuple"}
    conn.text_factory = bytes
    assert find(rows(conn, "t"), lambda drawn: drawn, settings=QUICK_SEARCH) == [{"n": 1, "m": 2}]
    assert conn.execute("SELECT 1").fetchone() == {"no": "tuple"}
    assert conn.text_factory is bytes
