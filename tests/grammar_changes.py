"""Changes of a table, by its new text or by small edits, each with the table that it should make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from grammar import NAMES, Column, Constraint, Table, Writer, double, lower
from grammar_around import File
from hypothesis import assume
from hypothesis import strategies as st

CHANGES: dict[str, tuple[str, ...]] = {
    "new text": (
        "as it was", "its stored text", "another order", "a column less", "a column more", "a computed column more", "another type",
        "a constraint less", "a CHECK more", "other options", "rows left out", "values computed",
    ),
    "edit": (
        "drop", "add", "add a constraint", "drop_constraints", "retype", "default", "default None", "collate", "check", "check None",
        "not_null", "not_null False", "unique", "unique False", "foreign_keys", "foreign_keys None", "options", "rename",
    ),
    "refused": ("a CHECK that no row passes", "a column that is not there", "a NOT NULL without a value", "a name that is taken"),
}  # fmt: skip

PRODUCTIONS = frozenset(f"{rule}: {option}" for rule, options in CHANGES.items() for option in options)


@dataclass(frozen=True)
class Change:
    """`arguments` for rebuild(), and the table that comes of it. `expressions`: what goes into its columns, over the old ones."""

    rule: str
    kind: str
    arguments: dict[str, Any]
    table: Table
    expressions: dict[str, str] = field(default_factory=dict)
    dropping: frozenset[str] = frozenset()
    unsearched: bool = False  # do rows or values change, so that full text must read them again?
    to_the_letter: bool = True  # is the new text known?
    productions: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def where(self) -> str:
        return str(self.arguments.get("where") or "1")


@st.composite
def changes(draw: Callable, file: File, aims: tuple[str, ...] = ("",)) -> Change:  # type: ignore[type-arg]
    """Any change that this table can take, and now and then one that it can't."""
    w = Writer(draw, draw(st.sampled_from(aims)), CHANGES)
    table = file.table
    rules = {"new text": NEW_TEXT, "edit": EDITS, "refused": REFUSED}
    rule = (
        w.aim[0]
        if w.aim[0] in rules
        else draw(st.sampled_from(("new text", "new text", "edit", "edit", "edit", "refused")))
    )
    if table.as_select:
        rule = "new text"
        kind = w.pick(rule, "its stored text", "rows left out")
    else:
        kind = w.pick(rule)
    change = rules[rule][kind](w, file)
    return replace(change, rule=rule, kind=kind, productions=frozenset({f"{rule}: {kind}"}))


def _text(table: Table, **more: Any) -> Change:
    arguments = {"sql": table.sql, **more.pop("arguments", {})}
    return Change("", "", arguments, table, **more)


def _same(w: Writer, file: File) -> Change:
    return _text(replace(file.table, gaps=w.gaps()))


def _stored(w: Writer, file: File) -> Change:
    return Change("", "", {"sql": None}, file.table)  # the test puts the stored text here


def _reordered(w: Writer, file: File) -> Change:
    columns = w.draw(st.permutations(file.table.columns))
    return _text(replace(file.table, columns=tuple(columns)))


def _loose(w: Writer, table: Table) -> Column:
    """A column without which the rest of the text still makes a table."""
    used = {name for c in table.columns for name in c.uses if c.name != name}
    used |= {name for constraint in table.constraints for name in constraint.uses}
    itself = {double(table.name), table.name}  # a foreign key to itself may name any column
    refers = any(
        lower(word.strip("\"`[]'")) == lower(table.name)
        for c in table.columns
        for words in c.constraints
        for word in words
        if itself
    )
    free = [c for c in table.columns if c.name not in used and not (c.key and table.rowid is None)]
    stays = [c for c in free if any(not other.generated for other in table.columns if other is not c)]
    assume(stays and not refers)
    return w.draw(st.sampled_from(stays))


def _free(w: Writer, file: File) -> Column:
    """One that neither full text nor another table's foreign key names."""
    column = _loose(w, file.table)
    assume(column.name not in file.searched and column.name != file.referred)
    assume(not (file.searched and column.name == file.table.alias))
    return column


def _needing(file: File, column: str) -> frozenset[str]:
    """The things that can't be without this column, and those that can't be without these."""
    gone = {t.name for t in file.things if column in t.uses}
    while more := {t.name for t in file.things if t.needs & gone} - gone:
        gone |= more
    return frozenset(gone)


def _without(table: Table, column: Column) -> Table:
    alias = None if table.alias == column.name else table.alias
    left = tuple(c for c in table.columns if c is not column)
    return replace(table, columns=left, alias=alias, autoincrement=table.autoincrement and alias is not None)


def _less(w: Writer, file: File) -> Change:
    column = _free(w, file)
    gone = _needing(file, column.name)
    return _text(_without(file.table, column), dropping=gone, arguments={"dropping": sorted(gone)} if gone else {})


def _new_column(w: Writer, table: Table, *constraints: tuple[str, ...]) -> Column:
    taken = {lower(c.name) for c in table.columns}
    name = w.draw(st.sampled_from([n for n in NAMES if lower(n) not in taken and n not in ("rowid", "oid")]))
    return Column(name, "text", (w.name(name), "TEXT"), constraints)


def _more(w: Writer, file: File) -> Change:
    options = [(), (("DEFAULT", "'new'"), ("NOT", "NULL")), (("CHECK", "(", "1 = 1", ")"),)]
    column = _new_column(w, file.table, *w.draw(st.sampled_from(options)))
    at = w.draw(st.integers(0, len(file.table.columns)))
    columns = file.table.columns
    return _text(replace(file.table, columns=(*columns[:at], column, *columns[at:])))


def _computed_more(w: Writer, file: File) -> Change:
    column = _new_column(w, file.table, ("NOT", "NULL"))
    source = w.draw(st.sampled_from(file.table.columns))
    copy = {column.name: f"coalesce(CAST({double(source.name)} AS TEXT), 'none')"}
    table = replace(file.table, columns=(*file.table.columns, column))
    return _text(table, expressions=copy, arguments={"copy": copy})


def _plain(w: Writer, table: Table) -> Column:
    """A column that is neither computed nor in a key."""
    columns = [c for c in table.columns if not c.generated and not c.key and not c.distinct]
    assume(columns)
    return w.draw(st.sampled_from(columns))


def _changed(table: Table, old: Column, new: Column) -> Table:
    return replace(table, columns=tuple(new if c is old else c for c in table.columns))


def _retyped(w: Writer, file: File) -> tuple[Column, str, Table]:
    column = _plain(w, file.table)
    type = w.draw(
        st.sampled_from(("ANY", "BLOB") if file.table.strict else ("TEXT", "INT", "REAL", "BLOB", "VARCHAR(9)"))
    )
    assume(type != "BLOB" or not file.table.strict or column.kind == "blob")
    return column, type, _changed(file.table, column, replace(column, written=(column.written[0], type)))


def _another_type(w: Writer, file: File) -> Change:
    return _text(_retyped(w, file)[2], unsearched=True)


def _constraint_less(w: Writer, file: File) -> Change:
    table = file.table
    columns = [c for c in table.columns if c.constraints and not c.generated and not c.key]
    assume(columns or table.constraints)
    if columns and (not table.constraints or w.chance(2)):
        column = w.draw(st.sampled_from(columns))
        at = w.draw(st.integers(0, len(column.constraints) - 1))
        return _text(
            _changed(table, column, replace(column, constraints=column.constraints[:at] + column.constraints[at + 1 :]))
        )
    at = w.draw(st.integers(0, len(table.constraints) - 1))
    key = "PRIMARY" in table.constraints[at].words
    assume(not key or table.rowid is not None or "WITHOUT" not in table.options)
    left = table.constraints[:at] + table.constraints[at + 1 :]
    if left and at == 0:
        left = (replace(left[0], comma=True), *left[1:])
    table = replace(table, constraints=left)
    return _text(replace(table, alias=None, autoincrement=False) if key else table)


def _check_more(w: Writer, file: File) -> Change:
    table = file.table
    check = w.expression(*(c.name for c in table.columns))
    return _text(replace(table, constraints=(*table.constraints, Constraint(("CHECK", "(", check, ")"), frozenset()))))


def _fewer_options(w: Writer, file: File) -> Change:
    table = file.table
    assume(table.options != "none")
    keeps = "WITHOUT ROWID" if "WITHOUT" in table.options and table.strict else "none"
    return _text(replace(table, options=keeps), unsearched=True)


def _left_out(w: Writer, file: File) -> Change:
    column = w.draw(st.sampled_from(file.table.columns))
    where = w.draw(
        st.sampled_from((f"{double(column.name)} IS NOT NULL", f"typeof({double(column.name)}) = 'text'", "0"))
    )
    change = _stored(w, file) if file.table.as_select else _same(w, file)
    return replace(change, arguments={**change.arguments, "where": where}, unsearched=True)


def _values_computed(w: Writer, file: File) -> Change:
    column = _plain(w, file.table)
    expression = f"CASE WHEN typeof({double(column.name)}) = 'text' THEN {double(column.name)} || '!' ELSE {double(column.name)} END"
    copy = {
        w.draw(
            st.sampled_from((column.name, column.name.upper() if column.name.isascii() else column.name))
        ): expression
    }
    return _text(file.table, expressions={column.name: expression}, arguments={"copy": copy}, unsearched=True)


NEW_TEXT = {
    "as it was": _same, "its stored text": _stored, "another order": _reordered, "a column less": _less, "a column more": _more,
    "a computed column more": _computed_more, "another type": _another_type, "a constraint less": _constraint_less,
    "a CHECK more": _check_more, "other options": _fewer_options, "rows left out": _left_out, "values computed": _values_computed,
}  # fmt: skip


# -- small edits -------------------------------------------------------------------------------------------------------


def _edit(table: Table, **arguments: Any) -> Change:
    more = {name: arguments.pop(name) for name in ("dropping", "unsearched", "to_the_letter") if name in arguments}
    if more.get("dropping"):
        arguments["dropping"] = sorted(more["dropping"])
    return Change("", "", arguments, table, **more)


def _drop(w: Writer, file: File) -> Change:
    column = _free(w, file)
    return _edit(_without(file.table, column), drop=[column.name], dropping=_needing(file, column.name))


def _add(w: Writer, file: File) -> Change:
    column = _new_column(w, file.table, *w.draw(st.sampled_from([(), (("DEFAULT", "'new'"), ("NOT", "NULL"))])))
    words = [*column.written, *(word for words in column.constraints for word in words)]
    return _edit(replace(file.table, columns=(*file.table.columns, column)), add=[" ".join(words)])


def _add_constraint(w: Writer, file: File) -> Change:
    change = _check_more(w, file)
    return _edit(change.table, add=[" ".join(change.table.constraints[-1].words)])


def _drop_constraint(w: Writer, file: File) -> Change:
    table = file.table
    words = [word for c in table.columns for part in c.constraints for word in part]
    words += [word for constraint in table.constraints for word in constraint.words]
    assume(words.count("CONSTRAINT") == 1)
    for column in table.columns:
        for at, part in enumerate(column.constraints):
            if "CONSTRAINT" in part and len(part) > 2 and "PRIMARY" not in part and not column.generated:
                left = column.constraints[:at] + column.constraints[at + 1 :]
                return _edit(
                    _changed(table, column, replace(column, constraints=left)), drop_constraints=[_named(part)]
                )
    for at, constraint in enumerate(table.constraints):
        if "CONSTRAINT" in constraint.words and len(constraint.words) > 2 and "PRIMARY" not in constraint.words:
            left = table.constraints[:at] + table.constraints[at + 1 :]
            left = (replace(left[0], comma=True), *left[1:]) if left else left
            return _edit(replace(table, constraints=left), drop_constraints=[_named(constraint.words)])
    assume(False)
    raise AssertionError


def _named(words: tuple[str, ...]) -> str:
    written = words[1]
    quote = {"[": "]"}.get(written[0], written[0])
    return written[1:-1].replace(quote * 2, quote) if quote in "\"'`]" else written


def _retype(w: Writer, file: File) -> Change:
    column, type, table = _retyped(w, file)
    return _edit(table, retype={column.name: type}, unsearched=True)


def _clause(
    kind: str, argument: str, *said: tuple[str, Any, tuple[str, ...] | None], key: bool = False
) -> Callable[[Writer, File], Change]:
    """An edit that puts one clause, or none, in the place of a column's clauses of its kind."""

    def edit(w: Writer, file: File) -> Change:
        table = file.table
        columns = [c for c in table.columns if not c.generated and (key or not c.key) and _fits(argument, c, table, w)]
        assume(columns)
        column = w.draw(st.sampled_from(columns))
        value, words = w.draw(st.sampled_from(said))[1:]
        has = [part for part in column.constraints if _is(kind, part)]
        bare = [part for part in has if part[0] == "CONSTRAINT"]
        left = [part for part in column.constraints if part not in has]
        new = () if words is None else ((*bare[0][:2], *words),) if has[:1] == bare[:1] and bare else (words,)
        if argument in ("not_null", "unique") and words and has:
            return _edit(table, **{argument: {column.name: value}})  # it stays as it is, with its ON CONFLICT
        alone = any((part[0] == "CONSTRAINT" and len(part) == 2) or "DEFERRABLE" in part for part in column.constraints)
        made = _changed(table, column, replace(column, constraints=(*left, *new)))
        if argument in ("unique", "foreign_keys"):
            assume(not any(c.uses == {column.name} for c in table.constraints))  # they count as well
        return _edit(made, **{argument: {column.name: value}}, to_the_letter=not alone)

    return edit


def _is(kind: str, part: tuple[str, ...]) -> bool:
    words = part[2:] if part[0] == "CONSTRAINT" else part
    return " ".join(words[: 1 + kind.count(" ")]) == kind


def _fits(argument: str, column: Column, table: Table, w: Writer) -> bool:
    if argument == "not_null":
        at = table.stored.index(column)
        return all(row[at] is not None for row in table.rows) and not any(
            _is("NULL", part) for part in column.constraints
        )
    return column.distinct if argument == "unique" else True


def _options(w: Writer, file: File) -> Change:
    change = _fewer_options(w, file)
    return _edit(change.table, options="" if change.table.options == "none" else change.table.options, unsearched=True)


def _rename(w: Writer, file: File) -> Change:
    column = w.draw(st.sampled_from(file.table.columns))
    assume(column.name not in file.searched and not (file.searched and column.name == file.table.alias))
    taken = {lower(c.name) for c in file.table.columns} - {lower(column.name)}
    new = w.draw(st.sampled_from([n for n in NAMES if lower(n) not in taken and n not in ("rowid", "oid")]))
    return _edit(file.table, rename={column.name: new})


EDITS = {
    "drop": _drop, "add": _add, "add a constraint": _add_constraint, "drop_constraints": _drop_constraint, "retype": _retype,
    "default": _clause("DEFAULT", "default", ("", "7", ("DEFAULT", "7")), ("", "'it''s'", ("DEFAULT", "'it''s'"))),
    "default None": _clause("DEFAULT", "default", ("", None, None)),
    "collate": _clause("COLLATE", "collate", ("", "NOCASE", ("COLLATE", "NOCASE")), ("", None, None)),
    "check": _clause("CHECK", "check", ("", "1 IS 1", ("CHECK", "(", "1 IS 1", ")"))),
    "check None": _clause("CHECK", "check", ("", None, None)),
    "not_null": _clause("NOT NULL", "not_null", ("", True, ("NOT", "NULL"))),
    "not_null False": _clause("NOT NULL", "not_null", ("", False, None)),
    "unique": _clause("UNIQUE", "unique", ("", True, ("UNIQUE",)), key=True),
    "unique False": _clause("UNIQUE", "unique", ("", False, None)),
    "foreign_keys": _clause("REFERENCES", "foreign_keys", ("", "parent (id) ON DELETE CASCADE", ("REFERENCES", "parent", "(", "id", ")", "ON", "DELETE", "CASCADE"))),
    "foreign_keys None": _clause("REFERENCES", "foreign_keys", ("", None, None)),
    "options": _options, "rename": _rename,
}  # fmt: skip


# -- refused -----------------------------------------------------------------------------------------------------------


def _impossible(w: Writer, file: File) -> Change:
    assume(file.table.rows)
    table = replace(
        file.table, constraints=(*file.table.constraints, Constraint(("CHECK", "(", "0", ")"), frozenset()))
    )
    return _text(table) if w.chance(2) else _edit(table, add=["CHECK (0)"])


def _missing(w: Writer, file: File) -> Change:
    return (
        _text(file.table, arguments={"copy": {"no such column": "1"}})
        if w.chance(2)
        else _edit(file.table, drop=["no such column"])
    )


def _no_value(w: Writer, file: File) -> Change:
    assume(file.table.rows)
    column = _new_column(w, file.table, ("NOT", "NULL"))
    return _text(replace(file.table, columns=(*file.table.columns, column)))


def upper(name: str) -> str:
    return name.upper() if name.isascii() else name


def _taken(w: Writer, file: File) -> Change:
    column = file.table.columns[0]
    return _edit(file.table, add=[f"{double(upper(column.name))} TEXT"])


REFUSED = {
    "a CHECK that no row passes": _impossible, "a column that is not there": _missing, "a NOT NULL without a value": _no_value,
    "a name that is taken": _taken,
}  # fmt: skip
