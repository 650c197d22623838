"""Any table with its rows, as a hypothesis strategy: the alternatives of grammar.py, so chosen that they go together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from grammar import GRAMMAR, NAMES, Column, Constraint, Table, Value, Writer, double, lower
from hypothesis import strategies as st

TABLE_NAMES = tuple(name for name in NAMES if name not in ("rowid", "oid"))
ROWIDS = (-(2**40), -7, 0, 1, 2, 3, 5, 8, 40, 41, 2**31, 2**53 + 1, 2**62)

_WORDS = {
    "integer": ("INT", "INTEGER", "BIGINT", "UNSIGNED BIG INT"),
    "real": ("REAL", "FLOAT", "DOUBLE PRECISION"),
    "text": ("TEXT", "VARCHAR", "NATIVE CHARACTER", "character varying"),
    "blob": ("BLOB", "long blob"),
    "any": ("NUMERIC", "BOOLEAN", "DATE TIME", "ANY"),
}
_STRICT_TYPES = {
    "integer": ("INT", "INTEGER"),
    "real": ("REAL",),
    "text": ("TEXT",),
    "blob": ("BLOB",),
    "any": ("ANY",),
}


@st.composite
def tables(draw: Callable, taken: tuple[str, ...] = (), aims: tuple[str, ...] = ("",)) -> Table:  # type: ignore[type-arg]
    """Any table, empty or with a few rows; none is called as one of `taken`. Each prefers one production out of `aims`."""
    w = Writer(draw, draw(st.sampled_from(aims)))
    name = draw(st.sampled_from([n for n in TABLE_NAMES if lower(n) not in taken]))
    head = _head(w, name)
    if w.chance(12):
        return _as_select(w, name, head)
    w.hit("create-table-stmt", "(...)")
    names = w.some(NAMES, 6)
    shape = _Shape(w, name, names)
    columns = tuple(shape.column(at) for at in range(len(names)))
    table = Table(
        name, head, columns, tuple(shape.constraints(columns)), shape.options, w.gaps(),
        alias=shape.alias, autoincrement=shape.autoincrement,
    )  # fmt: skip
    table = replace(table, columns=tuple(shape.settled(columns)))
    return _filled(w, replace(table, productions=frozenset(w.productions)))


def _head(w: Writer, name: str) -> tuple[str, ...]:
    words = [w.draw(st.sampled_from(("CREATE TABLE", "create table", "Create Table")))]
    if w.chance(5):
        words.append(w.hit("create-table-stmt", "IF NOT EXISTS"))
    if w.chance(5):
        w.hit("create-table-stmt", "schema.")
        words += ["main", "."]
    return (*words, w.name(name))


def _as_select(w: Writer, name: str, head: tuple[str, ...]) -> Table:
    w.hit("create-table-stmt", "AS SELECT")
    columns = tuple(Column(n, "any", ()) for n in w.some(NAMES, 4))
    table = Table(name, head, columns, (), "none", w.gaps(), as_select=True)
    return _filled(w, replace(table, productions=frozenset(w.productions)))


class _Shape:
    """The decisions about one table that its columns and constraints must agree on."""

    def __init__(self, w: Writer, table: str, names: list[str]) -> None:
        self.w, self.table, self.names = w, table, names
        options = w.pick("table-options", "none", *GRAMMAR["table-options"])
        self.generated = {at for at in range(1, len(names)) if w.chance(4)}
        owners = [at for at in range(len(names)) if at not in self.generated]
        # where the PRIMARY KEY is written: behind a column, or at the end
        aimed = {"PRIMARY KEY": ["alias"], "counter": ["alias"], "table-constraint": ["constraint"]}.get(w.aim[0])
        keys = (
            ["column", "constraint"]
            if "WITHOUT" in options
            else aimed or ["none", "column", "column", "constraint", "alias", "alias"]
        )
        self.key = w.draw(st.sampled_from(keys))
        most = 1 if self.key in ("column", "alias") else 3
        self.in_key = set(w.draw(st.lists(st.sampled_from(owners), min_size=1, max_size=most, unique=True)))
        self.in_key = self.in_key if self.key != "none" else set()
        self.options = options
        self.strict, self.without_rowid = "STRICT" in options, "WITHOUT" in options
        self.alias: str | None = None
        self.autoincrement = False
        self.distinct: set[str] = set()
        self.on_conflict = w.draw(st.sampled_from(GRAMMAR["ON CONFLICT"]))

    def column(self, at: int) -> Column:
        name = self.names[at]
        if at in self.generated:
            return self._generated(at)
        w = self.w
        alias = at in self.in_key and (
            self.key == "alias" or (self.key == "constraint" and len(self.in_key) == 1 and w.chance(2))
        )
        kind = "integer" if alias else w.draw(st.sampled_from(sorted(_WORDS)))
        primary = self._primary_key(name, kind) if at in self.in_key and self.key in ("column", "alias") else None
        integer = kind == "integer" and primary is not None and (self.alias == name or "INTEGER DESC" in primary[0])
        integer = integer or (
            kind == "integer" and self.key == "constraint" and self.in_key == {at} and not w.chance(3)
        )
        type_words = [w.draw(st.sampled_from(("INTEGER", "integer")))] if integer else self._type(kind)
        if (
            [word.upper() for word in type_words] == ["INTEGER"]
            and primary is not None
            and primary[0] != "DESC"
            and not self.without_rowid
        ):
            self.alias = name if "DESC" not in primary[0] else None
        constraints, uses, nullable, distinct = self._constraints(name, kind)
        if primary is not None:
            constraints.insert(w.draw(st.integers(0, len(constraints))), primary[1])
        must = at in self.in_key and (self.without_rowid or self.strict or self.key == "alias")
        return Column(
            name, kind, (w.name(name), *type_words), tuple(constraints), frozenset(uses), key=at in self.in_key,
            distinct=distinct or at in self.in_key, nullable=nullable and not must,
        )  # fmt: skip

    def _generated(self, at: int) -> Column:
        """Computed from a column before it, itself computed or not."""
        w, name = self.w, self.names[at]
        source = w.draw(st.sampled_from(self.names[:at]))
        boolean = [e for e in GRAMMAR["expr"] if e not in ("row value",)]
        expression = w.expression(source, only=tuple(boolean))
        first = w.pick("column-constraint", "GENERATED ALWAYS AS", "AS")
        # SQLite takes "GENERATED ALWAYS" for the end of the type, and cuts it off only where no comment stands within
        words = [first.removesuffix(" AS"), *["AS"] * (first != "AS"), "(", expression, ")"]
        if (storage := w.pick("generated")) != "neither":
            words.append(storage)
        type_words = [] if self.strict else self._type("integer", quoted=False)
        if self.strict:  # nor is the type known, where one stands before
            words = ["INT", *words] if first == "AS" else ["INT " + words[0], *words[1:]]
        constraints = [tuple(words)]
        uses = {source}
        if w.chance(4):
            w.hit("column-constraint", "CHECK")
            constraints.append(("CHECK", "(", f"{w.name(name, mention=True)} IS NOT 77", ")"))
        return Column(name, "integer", (w.name(name), *type_words), tuple(constraints), frozenset(uses), generated=True)

    def _type(self, kind: str, *, quoted: bool = True) -> list[str]:
        w = self.w
        if self.strict:
            w.hit("type-name", "one word")
            return [w.draw(st.sampled_from(_STRICT_TYPES[kind]))]
        # a comment behind a quoted type becomes part of the type where GENERATED ALWAYS follows
        form = w.pick("type-name", *(form for form in GRAMMAR["type-name"] if quoted or form != "in quotes"))
        if form == "none":
            return []
        several = [t for t in _WORDS[kind] if " " in t]
        word = w.draw(st.sampled_from(several if form == "several words" and several else _WORDS[kind]))
        words = word.split() if word.count(" ") == 0 or self._said("several words") else []
        if form == "in quotes":
            word = (
                "my integer" if word == "INTEGER" else word
            )  # quoted or not, INTEGER would make an alias of the rowid
            return [w.draw(st.sampled_from((double(word), f"[{word}]", f"'{word}'")))]
        numbers = {"(number)": ["10"], "(number, number)": ["10", ",", "2"], "(signed number)": ["-10", ",", "+2.5"]}
        return [*words, "(", *numbers[form], ")"] if form in numbers else words

    def _said(self, form: str) -> bool:
        self.w.hit("type-name", form)
        return True

    def _primary_key(self, name: str, kind: str) -> tuple[str, tuple[str, ...]]:
        """PRIMARY KEY behind a column; whether it makes the rowid's alias is SQLite's own odd rule
        (https://sqlite.org/lang_createtable.html#rowid): INTEGER PRIMARY KEY does, INTEGER PRIMARY KEY DESC doesn't."""
        w = self.w
        w.hit("column-constraint", "PRIMARY KEY")
        order = w.pick("PRIMARY KEY", "plain", "ASC", "DESC")
        forms = [order]
        words = ["PRIMARY", "KEY"] + [order] * (order != "plain")
        words += self._on_conflict("PRIMARY KEY")
        if self.key == "alias":
            forms.append(w.hit("PRIMARY KEY", "INTEGER DESC" if order == "DESC" else "INTEGER"))
            if order != "DESC":
                self.alias = None if self.without_rowid else name
                if not self.without_rowid and (w.aim[0] == "counter" or w.chance(2)):
                    self.autoincrement = True
                    words.append(w.hit("PRIMARY KEY", "AUTOINCREMENT"))
        return ",".join(forms), self._named(words)

    def _constraints(self, name: str, kind: str) -> tuple[list[tuple[str, ...]], set[str], bool, bool]:
        w = self.w
        nullable, distinct = True, False
        constraints: list[tuple[str, ...]] = []
        uses: set[str] = set()
        kinds = (
            "NOT NULL",
            "NULL",
            "UNIQUE",
            "CHECK",
            "DEFAULT",
            "COLLATE",
            "REFERENCES",
            "CONSTRAINT name alone",
            "DEFERRABLE alone",
        )
        for which in w.several("column-constraint", kinds, 3):
            if which in ("NOT NULL", "NULL", "UNIQUE"):
                words = [*which.split(), *self._on_conflict(which)]
                nullable, distinct = nullable and which != "NOT NULL", distinct or which == "UNIQUE"
            elif which == "CHECK":
                other = w.draw(st.sampled_from([name, name, *(self.names if w.chance(3) else [])]))
                uses.add(other)
                words = ["CHECK", "(", w.expression(other), ")"]
            elif which == "DEFAULT":
                words = ["DEFAULT", *self._default()]
            elif which == "COLLATE":
                words = ["COLLATE", w.pick("COLLATE")]
            elif which == "REFERENCES":
                words = self._references(1)
            elif which == "DEFERRABLE alone":
                words = w.draw(st.sampled_from((["DEFERRABLE"], ["NOT", "DEFERRABLE", "INITIALLY", "IMMEDIATE"])))
            else:
                words = ["CONSTRAINT", w.name(w.draw(st.sampled_from(NAMES)))]
            constraints.append(tuple(words) if which.endswith("alone") else self._named(words))
        return constraints, uses, nullable, distinct

    def _named(self, words: list[str]) -> tuple[str, ...]:
        w = self.w
        if not w.chance(4):
            return tuple(words)
        w.hit("column-constraint", "CONSTRAINT name")
        return ("CONSTRAINT", w.name(w.draw(st.sampled_from(NAMES))), *words)

    def _on_conflict(self, behind: str) -> list[str]:
        w = self.w
        unique = "UNIQUE" in behind or "PRIMARY KEY" in behind  # two on the same columns must not disagree
        how = w.pick("ON CONFLICT", *(("none", self.on_conflict) if unique else GRAMMAR["ON CONFLICT"]))
        if how == "none":
            return []
        w.hit("ON CONFLICT behind", behind)
        return ["ON", "CONFLICT", how]

    def _default(self) -> list[str]:
        w = self.w
        which = w.pick("DEFAULT")
        said = {
            "integer": ["42"], "hexadecimal": ["0x1F"], "float": [".5"], "exponent": ["1.5E+3"], "+number": ["+", "7"], "-number": ["-", "7.25"],
            "string": ["'it''s -- a ) default'"], "blob": ["x'00ff'"], "a bare word": ["abc"], "(expr)": ["(", "1 + abs(-2) || ')'", ")"],
        }  # fmt: skip
        return said.get(which, [which])

    def _references(self, width: int) -> list[str]:
        w = self.w
        which = w.pick("REFERENCES")
        target = {"another table": "parent", "another table (column)": "parent", "a missing table": "nowhere"}.get(
            which, self.table
        )
        words = ["REFERENCES", w.name(target, mention=True, string=False)]
        if "(column)" in which:
            columns = ["id", "code"] if target == "parent" else (self.names * 2)[:2]
            words += ["(", *[part for c in columns[:width] for part in (",", w.name(c, mention=True))][1:], ")"]
        clauses = []
        for rule in ("ON DELETE", "ON UPDATE", "MATCH"):
            if (action := w.pick(rule)) != "none":
                clauses.append([*rule.split(), *action.split()])
        for clause in w.draw(st.permutations(clauses)):
            words += clause
        deferrable = w.pick("DEFERRABLE")
        if deferrable != "none":
            words += deferrable.split()
            if (initially := w.pick("INITIALLY")) != "none":
                words += ["INITIALLY", initially]
        return words

    def constraints(self, columns: tuple[Column, ...]) -> list[Constraint]:
        w = self.w
        found: list[Constraint] = []
        owners = tuple(c.name for c in columns if not c.generated)
        if self.key == "constraint":
            w.hit("table-constraint", "PRIMARY KEY")
            found.append(self._key_constraint(columns))
        for which in w.several("table-constraint", ("UNIQUE", "CHECK", "FOREIGN KEY", "CONSTRAINT name alone"), 3):
            uses = w.some(owners, 2)
            if which == "UNIQUE":
                self.distinct |= set(uses)
                words = ["UNIQUE", "(", *self._indexed(uses), ")", *self._on_conflict("a table's UNIQUE")]
            elif which == "CHECK":
                uses = [w.draw(st.sampled_from([c.name for c in columns]))]
                words = ["CHECK", "(", w.expression(*uses), ")", *self._on_conflict("a table's CHECK")]
            elif which == "FOREIGN KEY":
                listed = [part for c in uses for part in (",", w.name(c, mention=True))][1:]
                words = ["FOREIGN", "KEY", "(", *listed, ")", *self._references(len(uses))]
            else:
                uses, words = [], ["CONSTRAINT", w.name(w.draw(st.sampled_from(NAMES)))]
            found.append(self._constraint(words, uses, alone=which.endswith("alone"), first=not found))
        return found

    def _constraint(self, words: list[str], uses: list[str], *, alone: bool = False, first: bool = False) -> Constraint:
        w = self.w
        if not alone and w.chance(3):
            w.hit("table-constraint", "CONSTRAINT name")
            words = ["CONSTRAINT", w.name(w.draw(st.sampled_from(NAMES))), *words]
        comma = first or not w.chance(4)
        if not comma:
            w.hit("table-constraint", "without a comma")
        return Constraint(tuple(words), frozenset(uses), comma)

    def _key_constraint(self, columns: tuple[Column, ...]) -> Constraint:
        w = self.w
        uses = [c for c in columns if c.key]
        self.distinct |= {c.name for c in uses}
        one = uses[0]
        # a table's PRIMARY KEY makes an alias too, whatever its order, where its one column is an INTEGER
        integer = (
            len(uses) == 1 and [word.upper() for word in one.written[1:]] == ["INTEGER"] and not self.without_rowid
        )
        words = ["PRIMARY", "KEY", "(", *self._indexed([c.name for c in uses], plain=integer)]
        if integer:
            self.alias = one.name
            w.hit("PRIMARY KEY", "INTEGER")
            if w.chance(2):
                self.autoincrement = True
                words.append(w.hit("table-constraint", "AUTOINCREMENT"))
        return self._constraint(
            [*words, ")", *self._on_conflict("a table's PRIMARY KEY")], [c.name for c in uses], first=True
        )

    def _indexed(self, names: list[str], *, plain: bool = False) -> list[str]:
        w = self.w
        words: list[str] = []
        for name in names:
            form = w.pick("indexed-column", "name") if plain else w.pick("indexed-column")
            written = "'" + name.replace("'", "''") + "'" if form == "in single quotes" else w.name(name, mention=True)
            words += [",", written]
            if form == "COLLATE":
                words += ["COLLATE", w.pick("COLLATE")]
            elif form in ("ASC", "DESC"):
                words.append(form)
        return words[1:]

    def settled(self, columns: tuple[Column, ...]) -> list[Column]:
        """The columns, now that the constraints are known."""
        return [
            replace(c, distinct=c.distinct or c.name in self.distinct, nullable=c.nullable and c.name != self.alias)
            for c in columns
        ]


def _filled(w: Writer, table: Table) -> Table:
    """The same with rows: distinct where they must be, NULLs where they may be, any storage class where no type forbids it."""
    count = 0 if w.aim[-1] == "without rows" else w.draw(st.integers(0, 5))
    rowids = w.draw(st.lists(st.sampled_from(ROWIDS), min_size=count, max_size=count, unique=True))
    rows = [tuple(_value(w, table, c, nth, rowid) for c in table.stored) for nth, rowid in enumerate(rowids)]
    return replace(table, rows=tuple(rows), rowids=tuple(rowids))


def _value(w: Writer, table: Table, column: Column, nth: int, rowid: int) -> Value:
    if column.name == table.alias:
        return rowid if rowid >= 0 else 2**33 - rowid
    how = w.draw(st.integers(0, 5))
    if column.nullable and how == 1:
        return None
    if not column.distinct and how == 2:
        nth = 0  # the same in several rows
    kind = column.kind
    if kind == "any" or (how == 3 and not table.strict):
        kind = w.draw(st.sampled_from(("integer", "real", "text", "blob")))
    return {"integer": nth + 1, "real": nth + 1.25, "text": f"w{nth + 1} É", "blob": bytes([119, nth])}[kind]
