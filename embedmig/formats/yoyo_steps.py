"""yoyo's Python files: steps of SQL become SQL, steps of functions a module with up(db) and down(db)."""

from __future__ import annotations

import ast

from embedmig.formats.part import wrong
from embedmig.report import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# What stands above the steps of a file whose steps are functions: it needs neither yoyo nor this package.
PRELUDE = '''\
import contextlib
import sqlite3

_steps = []


def step(apply=None, rollback=None, ignore_errors=None):
    """One step of yoyo's: SQL text or functions of the connection."""
    _steps.append((apply, rollback, ignore_errors))


def group(*steps):
    """Steps run in the order in which they are made."""


transaction = group


def up(db):
    for apply, _, ignored in _steps:
        _act(db, apply, ignored in ("all", "apply"))


def _act(db, action, forgiving):
    try:
        with db.atomic() if db.conn.in_transaction else contextlib.nullcontext():
            if callable(action):
                action(db.conn)
            elif action:
                db.executescript(action)
    except sqlite3.Error:
        if not forgiving:
            raise
'''
DOWN = """\


def down(db):
    for _, rollback, ignored in reversed(_steps):
        _act(db, rollback, ignored in ("all", "rollback"))
"""


class Steps(Value):
    """What a Python file of yoyo's says. `prelude` is None where it is all SQL."""

    description: str
    depends: set[str]
    transactional: bool
    up: str
    down: str | None
    down_file: str | None
    prelude: str | None


def read(source: str, name: str) -> Steps:
    """Read a file without running it. DefinitionError names the line that can't be read so."""
    try:
        module = ast.parse(source, name)
    except SyntaxError as error:
        raise wrong(f"{name}, line {error.lineno}: {error.msg}", "Mend it.") from error
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and _called(node) == "step"]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    _refuse_groups_that_forgive(module, name)
    description = (ast.get_docstring(module) or "").strip().partition("\n")[0].strip()
    depends = _setting(module, "__depends__", name) or ()
    if not isinstance(depends, str | set | list | tuple):
        raise wrong(f"{name}: __depends__ is {depends!r}", "Write a set of names.")
    needs = {depends} if isinstance(depends, str) else set(depends)
    head = (description, needs, _setting(module, "__transactional__", name) is not False)
    steps = _of_sql(module, calls)
    if steps is not None:
        downs = [back for _, back in reversed(steps) if back and back.value.strip()]
        several = f"{name} (its rollbacks, newest first)" if len(downs) > 1 else None
        if several:
            downs = [Text(1, back.value) for back in downs]  # backwards they have no place in the file
        ups = [there for there, _ in steps if there]
        return Steps(*head, _in_place(ups), _in_place(downs) if downs else None, several, None)
    back = any(_may_go_back(call) for call in calls)
    return Steps(*head, _without_yoyo(module, source, name), None, None, PRELUDE + (DOWN if back else ""))


def _may_go_back(call: ast.Call) -> bool:
    starred = any(isinstance(arg, ast.Starred) for arg in call.args)
    return starred or len(call.args) > 1 or any(word.arg in ("rollback", None) for word in call.keywords)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _setting(module: ast.Module, setting: str, name: str) -> object:
    for node in module.body:
        if not any(getattr(bound, "id", "") == setting for bound in _bound(node)):
            continue
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            try:
                value: object = ast.literal_eval(node.value)
            except ValueError as error:
                raise wrong(f"{name}, line {node.lineno}: {setting} is not written out", "Write it out.") from error
            return value
        raise wrong(f"{name}, line {node.lineno}: {setting} is not written out", "Write it out.")
    return None


def _bound(node: ast.stmt) -> list[ast.expr]:
    """What a statement gives a value to."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else []


def _of_sql(module: ast.Module, calls: list[ast.Call]) -> list[tuple[Text | None, Text | None]] | None:
    """Each step's SQL, up and down; None where a step is not written out as text, or something else is done there."""
    for node in module.body:
        plain = isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.Call)
        )
        if not plain or any(isinstance(inner, ast.comprehension | ast.IfExp | ast.BoolOp) for inner in ast.walk(node)):
            return None
    made = {
        id(node)
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and _called(node) in ("step", "group", "transaction")
    }
    if any(isinstance(node, ast.Call) and id(node) not in made for node in ast.walk(module)):
        return None
    found = []
    for call in calls:
        said: dict[str, ast.expr] = dict(zip(("apply", "rollback", "ignore_errors"), call.args, strict=False))
        said |= {str(word.arg): word.value for word in call.keywords}
        values = {
            key: node for key, node in said.items() if not (isinstance(node, ast.Constant) and node.value is None)
        }
        if not all(isinstance(node, ast.Constant) and isinstance(node.value, str) for node in values.values()):
            return None
        if set(values) - {"apply", "rollback"}:
            return None
        found.append((_text(values.get("apply")), _text(values.get("rollback"))))
    return found


class Text(Value):
    line: int
    value: str


def _text(node: ast.expr | None) -> Text | None:
    return Text(node.lineno, str(node.value)) if isinstance(node, ast.Constant) else None


def _in_place(texts: list[Text]) -> str:
    """The texts as statements, each on its own line of the file as far as their order allows."""
    script = ""
    for text in texts:
        script += "\n" * max(text.line - 1 - script.count("\n"), 1 if script else 0)
        closed = text.value.rstrip()
        script += text.value if closed.endswith(";") or not closed else closed + ";"
    return script + "\n"


def _refuse_groups_that_forgive(module: ast.Module, name: str) -> None:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and _called(node) in ("group", "transaction"):
            for word in node.keywords:
                if word.arg == "ignore_errors":
                    what = f"{name}, line {node.lineno}: a group that ignores errors"
                    raise wrong(what, "Write ignore_errors at each of its steps.")


def _without_yoyo(module: ast.Module, source: str, name: str) -> str:
    """The source without its imports of yoyo, line by line."""
    lines = source.split("\n")
    for node in _imports(module):
        if isinstance(node, ast.Import) or any(alias.asname for alias in node.names):
            what = f"{name}, line {node.lineno}: yoyo is imported in another way than `from yoyo import step`"
            raise wrong(what, "Import it so.")
        for line in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[line] = ""
    return "\n".join(lines)


def _imports(module: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if any(name.partition(".")[0] == "yoyo" for name in names):
                yield node
