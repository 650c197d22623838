"""What hangs on a table: indexes, triggers, views, foreign keys that point to it, full text, its counter and its statistics."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from grammar import PLAIN, Column, Table, Writer, double
from grammar_tables import tables
from hypothesis import strategies as st

AROUND: dict[str, tuple[str, ...]] = {
    "index": ("name", "several", "UNIQUE", "WHERE", "expression", "DESC", "COLLATE", "IF NOT EXISTS", "schema.", "of a generated column"),
    "trigger": ("neither", "BEFORE", "AFTER", "INSTEAD OF", "FOR EACH ROW", "WHEN", "on another table"),
    "trigger event": ("INSERT", "DELETE", "UPDATE", "UPDATE OF"),
    "trigger body": ("INSERT", "UPDATE", "DELETE", "SELECT", "RAISE"),
    "view": ("*", "columns", "names of its own", "of a view", "JOIN", "WITH", "WHERE", "UNION"),
    "foreign key in": ("SET NULL", "SET DEFAULT", "CASCADE", "RESTRICT", "NO ACTION"),
    "full text": ("external content", "kept by triggers"),
    "counter": ("ahead of the rows", "without rows"),
    "statistics": ("ANALYZE",),
}  # fmt: skip

PRODUCTIONS = frozenset(f"{rule}: {option}" for rule, options in AROUND.items() for option in options)
TAKEN = ("parent", "child", "log", "search", "nowhere")
OTHERS = """
CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT UNIQUE, UNIQUE (id, code));
INSERT INTO parent VALUES (1, 'w1 É'), (2, 'w2 É'), (3, 'w3 É');
CREATE TABLE log (n INTEGER PRIMARY KEY AUTOINCREMENT, v, CHECK (n > 0));
INSERT INTO log (v) VALUES ('first'), (2), (NULL);
CREATE INDEX log_v ON log (v) WHERE v IS NOT NULL;
"""


@dataclass(frozen=True)
class Thing:
    """An index, a trigger or a view. `uses`: columns of the table that it can't be without; `needs`: other things likewise."""

    kind: str
    name: str
    sql: str
    uses: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    shows: tuple[str, ...] = ()  # a view's columns that come from the table, under the same names


@dataclass(frozen=True)
class File:
    """A table and all that hangs on it."""

    table: Table
    things: tuple[Thing, ...]
    child: str  # SQL of the table that points here
    search: tuple[str, ...]  # SQL of the full text, empty without one
    searched: frozenset[str]  # the columns in it
    referred: str | None  # the column that the other table points to
    ahead: bool
    analyzed: bool
    productions: frozenset[str] = field(default=frozenset(), repr=False)

    def make(
        self,
        conn: sqlite3.Connection,
        table: Table | None = None,
        fill: Callable[[sqlite3.Connection], None] | None = None,
        without: frozenset[str] = frozenset(),
    ) -> None:
        """Create everything, in a connection that has nothing yet; or with another table in its place, filled in another way."""
        conn.executescript(OTHERS)
        conn.execute((table or self.table).sql)
        (fill or self.table.fill)(conn)
        if self.child:
            conn.executescript(self.child)
        for sql in (*self.search, *(thing.sql for thing in self.things if thing.name not in without)):
            conn.execute(sql)
        if self.ahead and (table or self.table).autoincrement:
            conn.execute("DELETE FROM sqlite_sequence WHERE name = ?", (self.table.name,))
            conn.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (self.table.name, 2**62 + 10))
        if self.analyzed:
            conn.execute("ANALYZE")
        conn.commit()


@st.composite
def files(draw: Callable, aims: tuple[str, ...] = ("",)) -> File:  # type: ignore[type-arg]
    """A table with everything that can hang on one."""
    aim = draw(st.sampled_from(aims))
    table = draw(tables(TAKEN, (aim,)))
    maker = _Maker(Writer(draw, aim, AROUND), table)
    things = maker.things()
    child = maker.child()
    search, searched = maker.search()
    w = maker.w
    ahead = table.autoincrement and (w.aim[0] == "counter" or w.chance(2))
    if ahead:
        w.hit("counter", "ahead of the rows" if table.rows else "without rows")
    analyzed = w.aim[0] == "statistics" or w.chance(3)
    if analyzed:
        w.hit("statistics", "ANALYZE")
    return File(
        table,
        tuple(things),
        child,
        search,
        searched,
        maker.referred,
        ahead,
        analyzed,
        productions=table.productions | frozenset(w.productions),
    )


class _Maker:
    def __init__(self, w: Writer, table: Table) -> None:
        self.w, self.table = w, table
        self.names = [c.name for c in table.columns]
        self.made: list[Thing] = []
        self.referred: str | None = None

    def things(self) -> list[Thing]:
        w = self.w
        makers = {"index": self._index, "view": self._view, "trigger": self._trigger}
        aimed = [makers[rule] for rule in makers if w.aim[0].startswith(rule)]
        if w.aim[-1] in ("of a view", "INSTEAD OF"):
            aimed.insert(0, self._view)
        chosen = w.draw(st.lists(st.sampled_from(("index", "index", "view", "trigger", "trigger")), max_size=5))
        for make in (*aimed, *(makers[kind] for kind in chosen)):
            self.made.append(make())
        return self.made

    def _name(self) -> str:
        stem = self.w.draw(st.sampled_from(("thing_", "Thing ", "it's ", 'a"b', "été", "select", "x;--")))
        return f"{stem}{len(self.made)}"

    def _table(self) -> str:
        return self.w.name(self.table.name, mention=True)

    def _columns(self, most: int = 2) -> list[Column]:
        return list(self.w.draw(st.lists(st.sampled_from(self.table.columns), min_size=1, max_size=most, unique=True)))

    def _index(self) -> Thing:
        w, name = self.w, self._name()
        columns = self._columns(3)
        form = w.pick("index")
        if form == "of a generated column":
            columns = [c for c in self.table.columns if c.generated] or columns
            form = form if columns[0].generated else "name"
        unique = [c for c in columns if c.distinct]
        uses = {c.name for c in columns}
        parts = [w.name(c.name, mention=True) for c in columns]
        if form == "expression":
            parts[0] = f"({w.expression(columns[0].name)})"
        elif form in ("DESC", "COLLATE"):
            parts[-1] += " DESC" if form == "DESC" else " COLLATE RTRIM"
        where = ""
        if form == "WHERE":
            column = self._columns(1)[0].name
            where, uses = f" WHERE {w.expression(column)}", uses | {column}
        if len(parts) > 1:
            w.hit("index", "several")
        sql = "CREATE " + ("UNIQUE " if unique and form != "expression" and w.chance(2) else "") + "INDEX "
        if "UNIQUE" in sql:
            w.hit("index", "UNIQUE")
        sql += "IF NOT EXISTS " * (form == "IF NOT EXISTS") + "main." * (form == "schema.") + w.name(name)
        sql += f" ON {self._table()} -- it's an index\n({', '.join(parts)}){where}"
        return Thing("index", name, sql, frozenset(uses))

    def _view(self) -> Thing:
        w, name = self.w, self._name()
        columns = [c.name for c in self._columns(3)]
        below = [t for t in self.made if t.kind == "view" and t.shows]
        form = w.pick("view")
        if form == "of a view" and not below:
            form = w.hit("view", "columns")
        written = [w.name(c, mention=True) for c in columns]
        listed, own, needs, shows = ", ".join(written), "", frozenset(), tuple(columns)
        source, uses = self._table(), frozenset(columns)
        if form == "of a view":
            under = w.draw(st.sampled_from(below))
            columns = [w.draw(st.sampled_from(under.shows))]
            listed, source, needs, uses = (
                w.name(columns[0]),
                double(under.name),
                frozenset({under.name}),
                frozenset(columns),
            )
            shows = tuple(columns)
        select = f"SELECT {listed} FROM {source}"
        if form == "*":
            select, uses, shows = f"SELECT * FROM {source}", frozenset(), tuple(self.names)
        elif form == "names of its own":
            own, shows = "(" + ", ".join(f"n{i}" for i, _ in enumerate(columns)) + ")", ()
        elif form == "JOIN":
            select = f"SELECT t.{written[0]}, p.id AS pid FROM {source} t LEFT JOIN parent p ON p.code = t.{written[0]}"
            uses, shows = frozenset(columns[:1]), tuple(columns[:1])
        elif form == "WITH":
            select = f"WITH q AS ({select}) SELECT * FROM q"
        elif form == "WHERE":
            select += f" WHERE {w.expression(columns[0])}"
        elif form == "UNION":
            select, shows = f"SELECT {written[0]} FROM {source} UNION SELECT code FROM parent", ()
            uses = frozenset(columns[:1])
        return Thing("view", name, f"CREATE VIEW {w.name(name)}{own} /* a view */ AS\n {select}", uses, needs, shows)

    def _trigger(self) -> Thing:
        w, name = self.w, self._name()
        views = [t for t in self.made if t.kind == "view" and t.shows]
        event = w.pick("trigger event")
        form = w.pick("trigger")
        if form == "INSTEAD OF" and not views:
            form = w.hit("trigger", "AFTER")
        if form == "on another table":
            return self._on_another(name, event)
        column = self._columns(1)[0].name
        uses, needs, on = {column}, frozenset(), self._table()
        if form == "INSTEAD OF":
            view = w.draw(st.sampled_from(views))
            column = w.draw(st.sampled_from(view.shows))
            uses, needs, on = {column}, frozenset({view.name}), double(view.name)
        row = "old" if event == "DELETE" else "new"
        said = event
        if event == "UPDATE OF":
            said = f"UPDATE OF {w.name(column, mention=True)}"
        time = form if form in ("BEFORE", "AFTER", "INSTEAD OF") else ""
        sql = f"CREATE TRIGGER {w.name(name)} {time} {said} ON {on}"
        if form == "FOR EACH ROW":
            sql += " FOR EACH ROW"
        if form == "WHEN":
            sql += f"\n  WHEN {row}.{w.name(column, mention=True)} IS NOT -1"
        return Thing("trigger", name, f"{sql} -- it's\nBEGIN {self._body(row, column)} END", frozenset(uses), needs)

    def _body(self, row: str, column: str) -> str:
        w = self.w
        value = f"{row}.{w.name(column, mention=True)}"
        return {
            "INSERT": f"INSERT INTO log (v) VALUES ({value});",
            "UPDATE": f"UPDATE log SET v = {value} WHERE v IS {value};",
            "DELETE": f"DELETE FROM log WHERE v = {value}; INSERT INTO log (v) SELECT count(*) FROM {self._table()};",
            "SELECT": f"SELECT {value}; SELECT 'it''s; END';",
            "RAISE": f"SELECT CASE WHEN {value} IS 'zz' THEN RAISE(ABORT, 'no; zz') END;",
        }[w.pick("trigger body")]

    def _on_another(self, name: str, event: str) -> Thing:
        w = self.w
        column = self._columns(1)[0]
        written = w.name(column.name, mention=True)
        said = "UPDATE OF v" if event == "UPDATE OF" else event
        stored = self.table.stored[0]
        body = w.draw(
            st.sampled_from((
                f"INSERT INTO log (v) SELECT {written} FROM {self._table()} ORDER BY 1 LIMIT 1;",
                f"UPDATE {self._table()} SET {w.name(stored.name, mention=True)} = {written} WHERE 0;",
                f"DELETE FROM {self._table()} WHERE {written} = 'zz';",
            ))
        )  # fmt: skip
        uses = {column.name} | ({stored.name} if body.startswith("UPDATE") else set())
        return Thing(
            "trigger", name, f"CREATE TRIGGER {w.name(name)} AFTER {said} ON log BEGIN {body} END", frozenset(uses)
        )

    def child(self) -> str:
        w = self.w
        if w.aim[0] != "foreign key in" and not w.chance(2):
            return ""
        key = w.draw(st.sampled_from(self.table.stored))
        self.referred = key.name
        on_delete = w.pick("foreign key in")
        to = f"{self._table()} ({w.name(key.name, mention=True)})"
        at = self.table.stored.index(key)
        values = [row[at] for row in self.table.rows if isinstance(row[at], int)]
        rows = "".join(f"INSERT INTO child (r) VALUES ({value});" for value in [*values, 99])
        return f"CREATE TABLE child (id INTEGER PRIMARY KEY, r DEFAULT 1 REFERENCES {to} ON DELETE {on_delete} DEFERRABLE);{rows}"

    def search(self) -> tuple[tuple[str, ...], frozenset[str]]:
        w, table = self.w, self.table
        columns = [c.name for c in table.columns if c.name in PLAIN]
        rowid = table.alias or table.rowid
        if not columns or rowid is None or table.rowid is None or not (w.aim[0] == "full text" or w.chance(2)):
            return (), frozenset()
        w.hit("full text", "external content")
        content, key = ("'" + name.replace("'", "''") + "'" for name in (table.name, rowid))
        names = ", ".join(double(c) for c in columns)
        sql = [f"CREATE VIRTUAL TABLE search USING fts5({names}, content={content}, content_rowid={key})"]
        sql.append("INSERT INTO search(search) VALUES ('rebuild')")
        if w.chance(2):
            w.hit("full text", "kept by triggers")
            new = ", ".join(f"new.{double(c)}" for c in (rowid, *columns))
            old = new.replace("new.", "old.")
            gone = f"INSERT INTO search(search, rowid, {names}) VALUES ('delete', {old});"
            on, came = double(table.name), f"INSERT INTO search(rowid, {names}) VALUES ({new});"
            sql.append(f"CREATE TRIGGER search_ai AFTER INSERT ON {on} BEGIN {came} END")
            sql.append(f"CREATE TRIGGER search_ad AFTER DELETE ON {on} BEGIN {gone} END")
            sql.append(f"CREATE TRIGGER search_au AFTER UPDATE ON {on} BEGIN {gone} {came} END")
        return tuple(sql), frozenset(columns)
