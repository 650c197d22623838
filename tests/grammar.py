"""Tables out of the whole of SQLite's CREATE TABLE grammar (https://sqlite.org/lang_createtable.html), as hypothesis strategies.

`GRAMMAR` is the grammar: each rule with its alternatives. A table says which of them it is made of (`productions`), so
that a test can tell what it never tried. Tables are right by construction: SQLite takes the text, and the text's own
CHECKs and keys take the rows, since all values are distinct, none is negative and every CHECK holds for any such value.
What hangs on a table (indexes, triggers, views, other tables) is made in grammar_around.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

GRAMMAR: dict[str, tuple[str, ...]] = {
    "create-table-stmt": ("(...)", "IF NOT EXISTS", "schema.", "AS SELECT"),
    "table-options": ("none", "WITHOUT ROWID", "STRICT", "WITHOUT ROWID, STRICT", "STRICT, WITHOUT ROWID"),
    "name": ("bare", "double quotes", "brackets", "backticks", "single quotes", "a keyword", "other letters", "a quote inside", "other case"),
    "type-name": ("none", "one word", "several words", "in quotes", "(number)", "(number, number)", "(signed number)"),
    "column-constraint": (
        "PRIMARY KEY", "NOT NULL", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED ALWAYS AS", "AS",
        "CONSTRAINT name", "CONSTRAINT name alone", "DEFERRABLE alone",
    ),
    "PRIMARY KEY": ("plain", "ASC", "DESC", "INTEGER", "INTEGER DESC", "AUTOINCREMENT"),
    "ON CONFLICT": ("none", "ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"),
    "ON CONFLICT behind": ("PRIMARY KEY", "NOT NULL", "NULL", "UNIQUE", "a table's PRIMARY KEY", "a table's UNIQUE", "a table's CHECK"),
    "COLLATE": ("BINARY", "NOCASE", "RTRIM"),
    "DEFAULT": (
        "(expr)", "integer", "hexadecimal", "float", "exponent", "+number", "-number", "string", "blob", "NULL", "TRUE", "FALSE",
        "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP", "a bare word",
    ),
    "generated": ("STORED", "VIRTUAL", "neither"),
    "REFERENCES": ("another table", "another table (column)", "itself", "itself (column)", "a missing table"),
    "ON DELETE": ("none", "SET NULL", "SET DEFAULT", "CASCADE", "RESTRICT", "NO ACTION"),
    "ON UPDATE": ("none", "SET NULL", "SET DEFAULT", "CASCADE", "RESTRICT", "NO ACTION"),
    "MATCH": ("none", "SIMPLE", "PARTIAL", "FULL"),
    "DEFERRABLE": ("none", "DEFERRABLE", "NOT DEFERRABLE"),
    "INITIALLY": ("none", "DEFERRED", "IMMEDIATE"),
    "table-constraint": ("PRIMARY KEY", "UNIQUE", "CHECK", "FOREIGN KEY", "CONSTRAINT name", "CONSTRAINT name alone", "without a comma", "AUTOINCREMENT"),
    "indexed-column": ("name", "COLLATE", "ASC", "DESC", "in single quotes"),
    "expr": (
        "compare", "function", "LIKE", "LIKE ESCAPE", "GLOB", "IN", "BETWEEN", "ISNULL NOTNULL", "NOT NULL", "CASE", "CASE base", "CAST",
        "COLLATE", "IS NOT", "||", "unary", "bits", "arithmetic", "AND OR", "row value", "blob", "hexadecimal", "quotes in a string", "comment in a string",
        "DISTINCT FROM", "->>", "digits",
    ),
    "comment": ("--", "/* */"),
}  # fmt: skip

# Each is true, or NULL, of every value that a row can hold.
_EXPRESSIONS = {
    "compare": "{c} >= 0",
    "function": "coalesce(length({c}), 0) < 1000",
    "LIKE": "{c} NOT LIKE '%zz%'",
    "LIKE ESCAPE": "{c} NOT LIKE 'z\\_z' ESCAPE '\\'",
    "GLOB": "{c} NOT GLOB '*zz*'",
    "IN": "{c} NOT IN (-1, 'zz', NULL) IS NOT 0",
    "BETWEEN": "{c} NOT BETWEEN -9 AND -1",
    "ISNULL NOTNULL": "{c} ISNULL OR {c} NOTNULL",
    "NOT NULL": "({c} IS NULL) + ({c} NOT NULL)",
    "CASE": "CASE WHEN {c} < 0 THEN 0 ELSE 1 END",
    "CASE base": "CASE {c} WHEN -1 THEN 0 WHEN 'zz' THEN 0 ELSE 1 END",
    "CAST": "CAST({c} AS VARCHAR(10)) IS NOT 'zz'",
    "COLLATE": "{c} COLLATE NOCASE <> 'zz'",
    "IS NOT": "{c} IS NOT -1",
    "||": "{c} || 'x' <> ''",
    "unary": "NOT -{c} > 0 AND +{c} IS {c} AND ~0 = -1",
    "bits": "({c} & 0) | (1 << 2) >> 1",
    "arithmetic": "{c} * 2 + 1 - 1 / 1 % 2 <> -5",
    "AND OR": "{c} <> -1 AND ({c} != -2 OR {c} == -2)",
    "row value": "({c}, 1) <> (-1, 2)",
    "blob": "{c} <> x'00ff'",
    "hexadecimal": "{c} IS NOT 0x7FffFF",
    "quotes in a string": "{c} <> 'it''s \"z\" [z] `z`'",
    "comment in a string": "{c} <> '-- z /* z */; )'",
    "DISTINCT FROM": "{c} IS DISTINCT FROM 'zz'",
    "->>": "'{{\"a\": 1}}' ->> '$.a' = 1 OR {c}",
    "digits": "{c} <> 1.5e+3 AND {c} <> .25 AND {c} <> 7. AND {c} <> 10_000_000",
}
_NEWER = {"->>": (3, 38), "DISTINCT FROM": (3, 39), "digits": (3, 46)}
_STRICT = ("STRICT", "WITHOUT ROWID, STRICT", "STRICT, WITHOUT ROWID")
_NEWER_OPTIONS = dict.fromkeys(_STRICT, (3, 37))


def _too_new(option: str) -> bool:
    since = {**_NEWER, **_NEWER_OPTIONS}.get(option, (3, 0))
    return sqlite3.sqlite_version_info < since


# Every alternative that this SQLite knows: what a run must have hit.
PRODUCTIONS = frozenset(f"{rule}: {o}" for rule, options in GRAMMAR.items() for o in options if not _too_new(o))

PLAIN = ("title", "body", "Price", "n1", "_x", "created_at")
KEYWORDS_BARE = (
    "key",
    "action",
    "abort",
    "generated",
    "always",
    "rowid",
    "oid",
    "replace",
    "match",
)  # SQLite lets them be names
KEYWORDS = ("order", "select", "group", "table", "check", "primary")
OTHER_LETTERS = ("été", "Überschrift", "日本語", "имя", "naïve")
ODD = ("two words", "1st", "semi;colon", "a--b", "/*x*/", "(", "100%", "{x}", "a.b", "back\\slash", "new\nline")
QUOTES_INSIDE = ('a"b', "it's", "a`b", "a]b")
NAMES = PLAIN * 2 + KEYWORDS_BARE + KEYWORDS + OTHER_LETTERS + ODD + QUOTES_INSIDE
GAPS = (" ", " ", "  ", "\n", "\t", "\r\n  ", " -- it's; CHECK ( a \"comment\n", " /* ), DEFAULT 'x' */ ", "/**/", "\f")


Value = int | float | str | bytes | None


@dataclass(frozen=True)
class Column:
    """One column: how it is written, and what else it needs."""

    name: str
    kind: str
    written: tuple[str, ...]  # name and type
    constraints: tuple[tuple[str, ...], ...] = ()
    uses: frozenset[str] = frozenset()  # the columns that its CHECK or its GENERATED AS read
    generated: bool = False
    key: bool = False  # in the PRIMARY KEY
    distinct: bool = False
    nullable: bool = True


@dataclass(frozen=True)
class Constraint:
    """One constraint of the table: its words, and the columns that it names."""

    words: tuple[str, ...]
    uses: frozenset[str]
    comma: bool = True


@dataclass(frozen=True)
class Table:
    """One table with its rows. `rowid` is the name under which its rowid can be asked for, `alias` its INTEGER PRIMARY KEY."""

    name: str
    written: tuple[str, ...]  # from CREATE to the name
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]
    options: str
    gaps: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...] = ()
    rowids: tuple[int, ...] = ()
    alias: str | None = None
    autoincrement: bool = False
    as_select: bool = False
    productions: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def strict(self) -> bool:
        return "STRICT" in self.options

    @property
    def rowid(self) -> str | None:
        if "WITHOUT ROWID" in self.options:
            return None
        taken = {lower(c.name) for c in self.columns}
        return next((name for name in ("rowid", "oid", "_rowid_") if name not in taken), None)

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that hold values of their own."""
        return tuple(c for c in self.columns if not c.generated)

    @property
    def sql(self) -> str:
        if self.as_select:
            values = ", ".join(f"NULL AS {double(c.name)}" for c in self.columns)
            return join([*self.written, "AS", f"SELECT {values} WHERE 0"], self.gaps)
        parts: list[list[str]] = [
            [*c.written, *(word for words in c.constraints for word in words)] for c in self.columns
        ]
        words = [*self.written, "("]
        for at, part in enumerate(parts):
            words += [","] * bool(at) + part
        for at, constraint in enumerate(self.constraints):
            words += [","] * (constraint.comma or at == 0) + list(constraint.words)
        words.append(")")
        if self.options != "none":
            words += [word for part in self.options.split(",") for word in (",", *part.split())][1:]
        return join(words, self.gaps)

    def fill(self, conn: sqlite3.Connection) -> None:
        """Insert the rows, with rowids of their own where nothing else gives them."""
        names = [double(c.name) for c in self.stored]
        with_rowid = self.rowid is not None and self.alias is None
        into = ", ".join([str(self.rowid)] * with_rowid + names)
        marks = ", ".join("?" * (len(names) + with_rowid))
        for row, rowid in zip(self.rows, self.rowids, strict=True):
            conn.execute(
                f"INSERT INTO main.{double(self.name)} ({into}) VALUES ({marks})", (*[rowid] * with_rowid, *row)
            )


def lower(name: str) -> str:
    """As SQLite compares names: only ASCII has cases."""
    return "".join(c.lower() if c.isascii() else c for c in name)


def double(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def join(words: list[str], gaps: tuple[str, ...]) -> str:
    """The words with the gaps between them, in turn; beside a bracket or a comma every second gap is left out."""
    text = words[0]
    for at, (one, other) in enumerate(zip(words, words[1:], strict=False)):
        touching = at % 2 and (one in "(,)" or other in "(,)")
        text += ("" if touching else gaps[at % len(gaps)]) + other
    return text


class Writer:
    """Chooses between the alternatives of a rule, and remembers which it chose."""

    def __init__(
        self,
        draw: Callable[[st.SearchStrategy[object]], object],
        aim: str = "",
        more: dict[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.draw: Callable = draw  # type: ignore[type-arg]
        self.grammar = GRAMMAR | (more or {})
        self.aim = tuple(aim.split(": "))
        self.productions: set[str] = set()

    def pick(self, rule: str, *only: str) -> str:
        options = [o for o in only or self.grammar[rule] if not _too_new(o)]
        aimed = [o for o in options if (rule, o) == self.aim]
        return self.hit(rule, self.draw(st.sampled_from(aimed or options)))

    def several(self, rule: str, options: tuple[str, ...], most: int) -> list[str]:
        """Some of the alternatives, the one aimed at among them: by its own name or as the rule of the same name."""
        aimed = [o for o in options if o in self.aim]
        chosen = [*aimed, *self.draw(st.lists(st.sampled_from(options), max_size=most))]
        return [self.hit(rule, o) for o in chosen]

    def hit(self, rule: str, option: str) -> str:
        assert option in self.grammar[rule], (rule, option)
        self.productions.add(f"{rule}: {option}")
        return option

    def chance(self, one_in: int) -> bool:
        return bool(self.draw(st.integers(0, one_in - 1)) == one_in - 1)

    def gaps(self) -> tuple[str, ...]:
        gaps = tuple(self.draw(st.lists(st.sampled_from(GAPS), min_size=1, max_size=7)))
        self.productions |= {f"comment: {sign}" for sign in ("--",) if any(sign in gap for gap in gaps)}
        self.productions |= {"comment: /* */"} if any("/*" in gap for gap in gaps) else set()
        return gaps

    def name(self, name: str, *, mention: bool = False, string: bool = True) -> str:
        """A name as it may be written: where it is given, or (`mention`) where it is used."""
        if mention and any(c.isascii() and c.isalpha() for c in name) and self.chance(6):
            name = "".join(c.swapcase() if c.isascii() else c for c in name)
            self.hit("name", "other case")
        if name in KEYWORDS or name in KEYWORDS_BARE:
            self.hit("name", "a keyword")
        if not name.isascii():
            self.hit("name", "other letters")
        styles = ["double quotes", "backticks"]
        bare = name.isidentifier() and lower(name) not in KEYWORDS
        styles += ["bare"] * 2 * bare + ["brackets"] * ("]" not in name) + ["single quotes"] * (string and not mention)
        style = self.pick("name", *styles)
        quote = {"double quotes": '"', "backticks": "`", "single quotes": "'"}.get(style)
        if quote and quote in name:
            self.hit("name", "a quote inside")
        if quote:
            return quote + name.replace(quote, quote * 2) + quote
        return name if style == "bare" else f"[{name}]"

    def expression(self, *columns: str, only: tuple[str, ...] = ()) -> str:
        """Something about one of the columns that is true of all values."""
        column = self.draw(st.sampled_from(columns))
        return _EXPRESSIONS[self.pick("expr", *only)].format(c=self.name(column, mention=True))

    def some(self, names: tuple[str, ...], most: int) -> list[str]:
        return list(self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=most, unique_by=lower)))
