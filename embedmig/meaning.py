"""What a CREATE statement means: one form for all texts that SQLite takes for the same.

No difference: blanks and comments, the letter case of keywords and names, how names are quoted, the order of constraints,
a constraint of one column written behind that column or behind all, what holds anyway spelled out (ASC, NO ACTION, NOT
DEFERRABLE, FOR EACH ROW). A difference: the order of columns, since `SELECT *` and an INSERT without names go by it; names of
constraints, which errors show; two expressions of the same value.
There is no parser here: it reads tokens, and CREATE TABLE as far as its commas and the keywords that begin a constraint.
"""

from __future__ import annotations

from collections import namedtuple

from embedmig.tokens import Token, as_default, as_name, as_text, meanings, tokens, unquoted, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Part(NamedTuple):
        """One part of a statement, such as a column: what it means, and how it is written."""

        meaning: tuple[str, ...]
        text: str

else:
    Part = namedtuple("Part", "meaning text")

_BEHIND_COLUMN = frozenset(
    ("constraint", "primary", "not", "null", "unique", "check", "default", "collate", "references", "generated", "as")
)
_BEHIND_TABLE = frozenset(("constraint", "primary", "unique", "check", "foreign"))
_NAMED = ("constraint", "collate", "references")  # a name follows
_DEFAULTS = [  # clauses of a foreign key that say what holds without them; MATCH is read and ignored by SQLite
    ("on", "delete", "no", "action"),
    ("on", "update", "no", "action"),
    ("not", "deferrable"),
    ("not", "deferrable", "initially", "immediate"),
    ("not", "deferrable", "initially", "deferred"),
    ("deferrable", "initially", "immediate"),
    ("deferrable",),
]


def of(sql: str) -> list[tuple[str, ...]]:
    """What a stored CREATE statement means: equal for two texts that mean the same."""
    found = parts(sql)
    if is_table(sql):
        return [part.meaning for part in found]
    return [tuple(word for part in found for word in part.meaning)]  # where its lines end is no matter


def parts(sql: str) -> list[Part]:
    """The same in parts, to show where two statements differ: a table's head, columns, constraints and options, else lines."""
    found = list(tokens(sql))
    match meanings(found[:2]):
        case ("create", "table"):
            return _table(found)
        case ("create", "virtual"):
            found = _arguments(found)
        case ("create", "trigger"):
            found = _without_each_row(found)
        case ("create", "index" | "unique"):
            found = _index(found)
    return _lines(found)


def is_table(sql: str) -> bool:
    """Is it the text of an ordinary table?"""
    return meanings(list(tokens(sql[:200]))[:2]) == ("create", "table")


def _lines(found: list[Token]) -> list[Part]:
    cut: list[list[Token]] = []
    for token in found:
        if not cut or token.gap == "\n":
            cut.append([])
        cut[-1].append(token)
    return [Part(meanings(line), written(line)) for line in cut]


# -- indexes, triggers, virtual tables -------------------------------------------------------------------------------


def _index(found: list[Token]) -> list[Token]:
    """ASC is the default; a column's name may stand in a string's quotes."""
    at = next((i for i, token in enumerate(found) if token.meaning == "("), len(found))
    head, rest = [as_name(token) for token in found[:at]], found[at:]
    return head + _columns_of_key(rest)


def _columns_of_key(found: list[Token]) -> list[Token]:
    """`(a ASC, 'b' DESC)`: the list of an index or a key, up to its closing bracket and what follows."""
    kept: list[Token] = []
    depth = 0
    for at, token in enumerate(found):
        before = found[at - 1].meaning if at else ""
        after = found[at + 1].meaning if at + 1 < len(found) else ""
        if token.meaning == "asc" and depth == 1 and before not in ("(", ","):
            continue
        name = depth == 1 and before in ("(", ",") and after in (",", ")", "asc", "desc", "collate", "autoincrement")
        kept.append(as_name(token) if name else token)
        depth += _depth(token)
        if not depth:
            return kept + found[at + 1 :]
    return kept


def _without_each_row(found: list[Token]) -> list[Token]:
    begin = next((i for i, token in enumerate(found) if token.meaning == "begin"), len(found))
    for at in range(begin):
        if meanings(found[at : at + 3]) == ("for", "each", "row"):
            return found[:at] + found[at + 3 :]
    return found


def _arguments(found: list[Token]) -> list[Token]:
    """What is behind USING is the module's: the kind of quotes is no difference, the letter case inside them is one."""
    return [
        token._replace(meaning=unquoted(token.text)) if at > 3 and token.text[0] in "'\"`[" else token
        for at, token in enumerate(found)
    ]


# -- tables ----------------------------------------------------------------------------------------------------------


def _table(found: list[Token]) -> list[Part]:
    opens = next((i for i, token in enumerate(found) if token.meaning == "("), len(found))
    body, behind = _split(found[opens:])
    columns = [element for element in body if element and element[0].meaning not in _BEHIND_TABLE]
    names = {as_name(column[0]).meaning for column in columns}
    said: list[Part] = []
    constraints: list[Part] = []
    for column in columns:
        own, moved = _column(column, names)
        said.append(own)
        constraints += moved
    for element in body:
        if element and element[0].meaning in _BEHIND_TABLE:
            constraints += [_constraint(c, names) for c in _constraints(element, _BEHIND_TABLE)]
    options = sorted(Part(meanings(option), written(option)) for option in behind if option)
    head = [as_name(token) for token in found[:opens]]
    return [Part(meanings(head), written(found[:opens])), *said, *sorted(constraints), *options]


def _split(found: list[Token]) -> tuple[list[list[Token]], list[list[Token]]]:
    """The elements between the outer brackets, and the options behind them."""
    inside: list[list[Token]] = [[]]
    behind: list[list[Token]] = [[]]
    depth, within = 0, True
    for token in found:
        before, depth = depth, depth + _depth(token)
        if within and not depth:
            within = False  # the bracket that closes
        elif within and not before:
            pass  # the one that opens
        elif token.meaning == "," and depth == (1 if within else 0):
            (inside if within else behind).append([])
        else:
            (inside if within else behind)[-1].append(token)
    return inside, behind


def _depth(token: Token) -> int:
    return {"(": 1, ")": -1}.get(token.meaning, 0)


def _column(found: list[Token], names: set[str]) -> tuple[Part, list[Part]]:
    """A column with its type and what only it can have; its keys, checks and references as the table's own."""
    name = as_name(found[0])
    ends = next((i for i, token in enumerate(found) if i and token.meaning in _BEHIND_COLUMN), len(found))
    kept: list[tuple[str, ...]] = []
    shown = list(found[:ends])
    moved: list[Part] = []
    for constraint in _constraints(found[ends:], _BEHIND_COLUMN):
        behind_table = _as_the_tables(constraint, name)
        if behind_table is not None:
            moved.append(_constraint(behind_table, names))
            continue
        shown += constraint
        said = meanings(_with_strings(constraint, names))
        if said[:2] == ("generated", "always"):
            said = said[2:]
        if said[:1] == ("as",) and said[-1] == "virtual":
            said = said[:-1]
        if said != ("null",):  # allowed, and says nothing
            kept.append(said)
    own = (name.meaning, *meanings(found[1:ends]), *(word for said in sorted(kept) for word in said))
    return Part(own, written(shown)), moved


def _as_the_tables(found: list[Token], column: Token) -> list[Token] | None:
    """`UNIQUE` behind a column as `UNIQUE (column)`; None for what only a column can have."""
    at = 2 if found[0].meaning == "constraint" else 0
    name, rest = found[:at], found[at:]
    kind = rest[0].meaning if rest else ""
    key = [_sign("("), column._replace(gap=""), _sign(")")]
    if kind == "check":
        return found
    if kind == "unique":
        return name + rest[:1] + key + rest[1:]
    if kind == "references":
        return [*name, _word("FOREIGN"), _word("KEY"), *key, *rest]
    # INTEGER PRIMARY KEY DESC behind the column is no alias of the rowid, and behind the table it is one
    if kind == "primary" and "desc" not in meanings(rest):
        rest = [token for token in rest if token.meaning != "asc"]
        if rest[-1].meaning == "autoincrement":
            key.insert(2, rest.pop())
        return name + rest[:2] + key + rest[2:]
    return None


def _sign(text: str) -> Token:
    return Token(text, text, " " if text == "(" else "")


def _word(text: str) -> Token:
    return Token(text.lower(), text, " ")


def _constraints(found: list[Token], starts: frozenset[str]) -> list[list[Token]]:
    """Cut what stands behind a column, or in the table's own list, where a constraint begins."""
    cut: list[list[Token]] = []
    at = 0
    while at < len(found):
        length = _length(found, at)
        word = found[at].meaning
        follows = cut and (meanings(cut[-1][:1]) == ("constraint",) and len(cut[-1]) == 2)
        goes_on = word == "not" and meanings(found[at + 1 : at + 2]) == ("deferrable",)
        if word in starts and not follows and not goes_on:
            cut.append([])
        if not cut:
            cut.append([])
        cut[-1] += found[at : at + length]
        at += length
    return cut


def _length(found: list[Token], at: int) -> int:
    """How many tokens belong together here, so that a keyword among them begins nothing."""
    word, after = found[at].meaning, meanings(found[at + 1 : at + 3])
    if word == "(":
        return _brackets(found, at)
    if word in _NAMED:
        return 2
    if word == "not" and after[:1] == ("null",):
        return 2
    if word == "on":
        return 4 if after[1:] in (("set",), ("no",)) else 3  # ON DELETE SET NULL
    if word == "default":
        if after[:1] == ("(",):
            return 1 + _brackets(found, at + 1)
        return 3 if after[:1] in (("+",), ("-",)) else 2
    if word == "generated":
        return 3
    return 1


def _brackets(found: list[Token], at: int) -> int:
    depth = 0
    for end in range(at, len(found)):
        depth += _depth(found[end])
        if not depth:
            return end + 1 - at
    return len(found) - at


def _constraint(found: list[Token], names: set[str]) -> Part:
    """A constraint in the form of the table's own list."""
    text = written(found)
    at = 2 if found[0].meaning == "constraint" else 0
    head, rest = [as_name(token) for token in found[:at]], found[at:]
    kind = rest[0].meaning if rest else ""
    if kind in ("unique", "primary", "foreign"):
        opens = next((i for i, token in enumerate(rest) if token.meaning == "("), len(rest))
        rest = rest[:opens] + _columns_of_key(rest[opens:])
    said = _foreign_key(rest) if kind == "foreign" else meanings(_with_strings(rest, names))
    return Part(meanings(head) + said, text)


def _foreign_key(found: list[Token]) -> tuple[str, ...]:
    """Its clauses in one order, without those that say what holds anyway."""
    at = next((i for i, token in enumerate(found) if token.meaning == "references"), len(found))
    parent = [as_name(token) for token in found[at : at + 2]]
    rest = found[at + 2 :]
    if rest and rest[0].meaning == "(":
        end = _brackets(rest, 0)
        parent, rest = parent + [as_name(token) for token in rest[:end]], rest[end:]
    clauses: list[tuple[str, ...]] = []
    for word in meanings(rest):
        goes_on = clauses and (
            (word == "deferrable" and clauses[-1] == ("not",)) or word not in ("on", "match", "not", "deferrable")
        )
        if goes_on:
            clauses[-1] += (word,)
        else:
            clauses.append((word,))
    kept = [clause for clause in clauses if clause not in _DEFAULTS and clause[0] != "match"]
    return meanings(found[:at]) + meanings(parent) + tuple(word for clause in sorted(kept) for word in clause)


def _with_strings(found: list[Token], names: set[str]) -> list[Token]:
    """Inside CHECK, AS and DEFAULT, what stands in double quotes and is no column is a string; behind DEFAULT, any word."""
    if found[0].meaning == "default":
        return [found[0], *(as_default(token) if len(found) == 2 else as_text(token) for token in found[1:])]
    if "check" not in meanings(found[:3]) and "as" not in meanings(found[:3]):
        return found
    return [
        token if token.meaning in names or (at and found[at - 1].meaning in ("collate", ".", "constraint")) else as_text(token)
        for at, token in enumerate(found)
    ]  # fmt: skip
