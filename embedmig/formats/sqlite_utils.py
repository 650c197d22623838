"""sqlite-utils `Migrations`, and sqlite-migrate before it: functions in a module, one set after another; `_sqlite_migrations`.

Its files: https://sqlite-utils.datasette.io/en/stable/migrations.html
Its record: https://github.com/simonw/sqlite-utils/blob/main/sqlite_utils/migrations.py
The record calls a migration by its set and its name: `creatures:create_table`.
"""

from __future__ import annotations

import ast

from embedmig import file
from embedmig.definition import text
from embedmig.formats.part import Part, Record, columns, described, names, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from embedmig.loader import Folders

NAME = "sqlite-utils"
TABLE = "_sqlite_migrations"
TABLES: tuple[str, ...] = (TABLE,)


def parts(place: Folders) -> list[Part]:
    """File by file, in each as they are registered. A module is read, not run."""
    found: list[Part] = []
    for name in names(place, ".py"):
        source = text(place, name).replace("\r\n", "\n")
        try:
            module = ast.parse(source, name)
        except SyntaxError as error:
            raise wrong(f"{name}, line {error.lineno}: {error.msg}", "Mend it.") from error
        found += _Module(name, place.path(name), source, module).parts()
    return found


class _Module:
    """One module with sets of migrations."""

    def __init__(self, name: str, path: str, source: str, module: ast.Module) -> None:
        self.name, self.path, self.source, self.module = name, path, source, module
        self.sets: dict[str, str] = {}  # the variable -> the set's name
        self.registering: list[ast.stmt] = []
        called = _called(module)
        making = [node for node in ast.walk(module) if isinstance(node, ast.Call) and _last(node.func) in called]
        for node in module.body:
            if (
                isinstance(node, ast.Assign | ast.AnnAssign)
                and isinstance(node.value, ast.Call)
                and node.value in making
            ):
                self._register(node, node.value)
        registered = [getattr(node, "value", None) for node in self.registering]
        if odd := next((call for call in making if call not in registered), None):
            raise self._odd(odd, "a set of migrations that is not given a name at the top of the module")

    def _register(self, node: ast.Assign | ast.AnnAssign, call: ast.Call) -> None:
        given = [*call.args, *(word.value for word in call.keywords if word.arg == "name")]
        if len(given) != 1 or not isinstance(given[0], ast.Constant):
            raise self._odd(node, "a set of migrations whose name is not written out")
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if not isinstance(target, ast.Name):
                raise self._odd(node, "a set of migrations that is not given a name of its own")
            self.sets[target.id] = str(given[0].value)
        self.registering.append(node)

    def parts(self) -> Iterator[Part]:
        functions: list[tuple[ast.FunctionDef, str, dict[str, object]]] = []
        for node in self.module.body:
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and (owner := _last(decorator.func)) in self.sets:
                        functions.append((node, self.sets[owner], self._options(decorator)))
        self._refuse_other_ways(len(functions))
        for node, migration_set, options in functions:
            own = str(options.get("name") or node.name)
            description = (ast.get_docstring(node) or "").strip().partition("\n")[0].strip()
            yield Part(
                own, description or described(own), self._alone(node, [other for other, _, _ in functions]), None, self.path,
                transactional=options.get("transactional") is not False, recorded=f"{migration_set}:{own}", prelude="",
            )  # fmt: skip

    def _options(self, decorator: ast.Call) -> dict[str, object]:
        try:
            return {str(word.arg): ast.literal_eval(word.value) for word in decorator.keywords}
        except ValueError as error:
            raise self._odd(decorator, "a migration whose name is not written out") from error

    def _refuse_other_ways(self, decorating: int) -> None:
        used = [node for node in ast.walk(self.module) if isinstance(node, ast.Call) and _last(node.func) in self.sets]
        if len(used) > decorating:
            functions = [node for node in self.module.body if isinstance(node, ast.FunctionDef)]
            odd = next(node for node in used if not any(node in f.decorator_list for f in functions))
            raise self._odd(odd, "a migration that is not a function at the top of the module, decorated")

    def _odd(self, node: ast.stmt | ast.expr, what: str) -> Exception:
        return wrong(f"{self.name}, line {node.lineno}: {what}", "Write it as sqlite-utils documents it.")

    def _alone(self, wanted: ast.FunctionDef, migrations: list[ast.FunctionDef]) -> str:
        """The module's source with nothing but this migration and what it uses, on the lines where it stands."""
        lines, kept = self.source.split("\n"), self._used_by(wanted)
        alone = [""] * len(lines)
        for node in kept:
            decorators = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]) - 1
            begin = decorators
            while begin and lines[begin - 1].startswith("#"):
                begin -= 1
            if node in migrations:  # without its decorator, the comment right above it
                comment = lines[begin:decorators]
                alone[node.lineno - 1 - len(comment) : node.lineno - 1] = comment
                begin = node.lineno - 1
            end = node.end_lineno or node.lineno
            alone[begin:end] = lines[begin:end]
        return "\n".join(alone).rstrip() + ("" if wanted.name == "up" else f"\n\n\nup = {wanted.name}") + "\n"

    def _used_by(self, wanted: ast.FunctionDef) -> list[ast.stmt]:
        """The statements of the module that bind what the function names, directly or not; and those that bind nothing,
        but for what runs the migrations: calls of a set, and what a script does by itself."""
        rest = [node for node in self.module.body if node not in (wanted, *self.registering)]
        mine = {"__name__", *self.sets}
        kept = [wanted, *(n for n in rest if not _bound(n) and not _is_text(n) and not mine & _names(n))]
        while True:
            named = set().union(*map(_names, kept)) - mine
            more = [node for node in rest if node not in kept and named & _bound(node)]
            if not more:
                break
            kept += more
        return sorted({*kept, *_future(self.module)}, key=lambda node: node.lineno)


def _names(node: ast.stmt) -> set[str]:
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a module gives a value to."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Store)}


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _future(module: ast.Module) -> list[ast.stmt]:
    return [node for node in module.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]


def _called(module: ast.Module) -> set[str]:
    """What the class Migrations is called in a module: as it is, and as it is imported."""
    imports = [node for node in ast.walk(module) if isinstance(node, ast.ImportFrom)]
    return {"Migrations"} | {n.asname for i in imports for n in i.names if n.name == "Migrations" and n.asname}


def _last(node: ast.expr) -> str:
    """`migrations` and `sets.migrations` -> "migrations"."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def record(conn: sqlite3.Connection) -> Record | None:
    if not {"migration_set", "name"} <= columns(conn, TABLE):
        return None
    rows = file.rows(conn, f"SELECT migration_set, name FROM main.{TABLE} ORDER BY rowid")
    return Record(tuple(f"{migration_set}:{name}" for migration_set, name in rows))


def key(name: str) -> str:
    return name
