"""Another tool's folder -> embedmig's own files, for good: `001_create_users.sql`, each with the line that says what it adopts."""

from __future__ import annotations

import ast
import json
import os
import re

from embedmig import disk
from embedmig.errors import printable
from embedmig.formats.folders import adopts, read
from embedmig.formats.part import Part, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    Path = str | os.PathLike[str]


def convert(place: Path, format: str, into: Path) -> list[str]:
    """Write another tool's migrations as embedmig's files; returns their paths, in order.

    Everything is read and checked before the first file is written. DefinitionError where the folder is wrong, with file
    and line, and where `into` has migrations already. Where a file can't be written, none stays.
    """
    target = os.path.abspath(os.fspath(into))
    found, chosen = read(place, format)
    width = max(3, len(str(len(found))))
    files = {
        f"{version:0{width}}_{_words(part)}.{'sql' if part.prelude is None else 'py'}": _written(
            part, adopts(part, chosen.NAME)
        )
        for version, part in enumerate(found, 1)
    }
    _refuse_occupied(target)
    os.makedirs(target, exist_ok=True)
    paths = [os.path.join(target, name) for name in files]
    for index, (path, text) in enumerate(zip(paths, files.values(), strict=True)):
        try:
            disk.write_new(path, text)
        except (OSError, KeyboardInterrupt) as error:
            disk.discard(*paths[: index if isinstance(error, FileExistsError) else index + 1])
            raise
    return paths


def _words(part: Part) -> str:
    """`20210101_Create-users` -> `create_users`: the words of a file's name."""
    plain = re.sub(r"[^\w]+", "_", part.name.lower())
    return plain.lstrip("0123456789_").rstrip("_") or "migration"


def _refuse_occupied(target: str) -> None:
    there = os.listdir(target) if os.path.isdir(target) else []
    occupying = sorted(name for name in there if name[0] not in "._" and name.endswith((".py", ".sql")))
    if occupying:
        raise wrong(f"{target} has migrations already: {occupying[0]}", "Convert into a folder that has none.")


def _written(part: Part, origin: str) -> str:
    return _sql(part, origin) if part.prelude is None else _python(part, origin)


def _sql(part: Part, origin: str) -> str:
    option = "" if part.transactional else " transaction:false"
    text = f"-- {part.description}\n-- adopts {origin}\n\n-- migrate:up{option}\n{_body(part.up)}"
    if part.down is not None:
        text += f"\n-- migrate:down\n{_body(part.down)}"
    return text


def _body(sql: str) -> str:
    lines = sql.split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "\n".join(lines) + "\n" if lines else ""


def _python(part: Part, origin: str) -> str:
    said = printable(part.description).replace("\\", "\\\\").replace('"', "'")
    _refuse_relative_imports(part)
    settings = [f"adopts = {json.dumps(origin, ensure_ascii=False)}"]
    if not part.transactional:
        settings.append("transactional = False")
    name = os.path.basename(part.file)
    own = _without_docstring(part.up)
    future = _take_future(own) if part.prelude else []  # Python wants them above all else
    body = ("\n".join([*future, part.prelude or "", *own])).strip("\n").split("\n")
    try:
        at = _behind_imports("\n".join(body))
        imports = [line for number, line in enumerate(body[:at]) if line.strip() or body[number - 1].strip()]
        text = "\n".join([f'"""{said}"""', "", *imports, *([""] if at else []), *settings, "", *body[at:]])
        text = _with_less_room(text)
        compile(text, name, "exec", dont_inherit=True)
        return text
    except SyntaxError as error:
        raise wrong(f"{name} can't be converted: {error.msg}", "Write it anew.") from error


def _refuse_relative_imports(part: Part) -> None:
    for node in ast.walk(ast.parse(part.up)):
        if isinstance(node, ast.ImportFrom) and node.level:
            what = (
                f"{os.path.basename(part.file)}, line {node.lineno}: a relative import means another module elsewhere"
            )
            raise wrong(what, "Import it by its full name.")


def _without_docstring(source: str) -> list[str]:
    first = next(iter(ast.parse(source).body), None)
    lines = source.split("\n")
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines[first.lineno - 1 : first.end_lineno] = [""]
    return lines


def _take_future(lines: list[str]) -> list[str]:
    """Take the `from __future__ import ...` out of these lines, those that share theirs with nothing else."""
    taken = []
    body = ast.parse("\n".join(lines)).body
    for node, above, below in zip(body, [None, *body], [*body[1:], None], strict=False):
        end = node.end_lineno or node.lineno
        alone = (above is None or above.end_lineno != node.lineno) and (below is None or below.lineno != end)
        if alone and isinstance(node, ast.ImportFrom) and node.module == "__future__":
            taken += lines[node.lineno - 1 : end]
            lines[node.lineno - 1 : end] = [""] * (end - node.lineno + 1)
    return taken


def _behind_imports(source: str) -> int:
    """The number of lines down to the end of the imports that stand on top."""
    end = 0
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            break
        end = node.end_lineno or node.lineno
    return end


def _with_less_room(source: str) -> str:
    """At most two empty lines in a row, but in texts that go over several lines."""
    kept: list[str] = []
    inside = _inside_texts(source)
    for number, line in enumerate(source.split("\n"), 1):
        if line.strip() or number in inside or any(line.strip() for line in kept[-2:]):
            kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


def _inside_texts(source: str) -> set[int]:
    """The lines that belong to a text which began on a line above."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant | ast.JoinedStr):
            found.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    return found
