"""What a PyInstaller build takes along: each package of migrations that the app imports or names, as it stands.

PyInstaller follows `import` statements, and no statement imports `001_initial`; a `.sql` file it never sees. Sources go
along too, so that a frozen app computes the checksums that the source tree does.
"""

from __future__ import annotations

import os
import re
from importlib.machinery import PathFinder
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

NUMBERED = re.compile(r"[0-9]+_.+\.(?:py|sql)", re.IGNORECASE)
DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
# What embedmig and embedmig.formats load by name, on first use of theirs.
LAZY = (
    "errors",
    "migration",
    "migrator",
    "report",
    "table",
    "formats.conversion",
    "formats.folders",
    "formats.registry",
)


def hook(api: Any) -> None:
    """PyInstaller's post-graph hook of embedmig: `api` is its PostGraphAPI."""
    api.add_imports(*(f"embedmig.{name}" for name in LAZY))
    for package, tops in packages(api.module_graph).items():
        api.add_imports(package, *modules(package, tops))
        api.add_datas(list(files(package, tops)))
        # PyInstaller takes up its last analysis while no file that it knows has changed, and would miss a new migration.
        # What differs from the spec file in this list makes it look again.
        api.analysis.hiddenimports.append(package)


def packages(graph: Any) -> dict[str, list[str]]:
    """The packages of migrations and their folders: those in the graph, and those that a user of embedmig names."""
    nodes = [node for node in graph.iter_graph() if getattr(node, "packagepath", None)]
    found = {str(node.identifier): [os.fspath(path) for path in node.packagepath] for node in nodes}
    for name in sorted(named(users(graph)) - found.keys()):
        found[name] = folders(name, graph.path)
    return {name: kept for name, there in found.items() if (kept := holding(there))}


def users(graph: Any) -> Iterator[CodeType]:
    """The code of all modules that import embedmig or a part of it."""
    parts = [
        str(node.identifier) for node in graph.iter_graph() if str(node.identifier).partition(".")[0] == "embedmig"
    ]
    for part in parts:
        for user, code in graph.get_code_using(part).items():
            if str(user).partition(".")[0] != "embedmig":
                yield code


def named(codes: Iterable[CodeType]) -> set[str]:
    """All texts in the code that look like a dotted name: `Migrator("notes_app.migrations")` has one."""
    found: set[str] = set()
    waiting = list(codes)
    while waiting:
        for constant in waiting.pop().co_consts:
            if isinstance(constant, CodeType):
                waiting.append(constant)
            elif isinstance(constant, str) and DOTTED.fullmatch(constant):
                found.add(constant)
    return found


def folders(name: str, path: Sequence[str]) -> list[str]:
    """Where the package of that name lies, as an import would find it on this path, but running none of it."""
    there = list(path)
    for part in name.split("."):
        spec = PathFinder.find_spec(
            part, there
        )  # not by its full name: that would ask the parent, which isn't imported
        if spec is None or spec.submodule_search_locations is None:
            return []
        there = list(spec.submodule_search_locations)
    return there


def holding(tops: Iterable[str]) -> list[str]:
    """All of these folders, if at least one holds a file that is called like a migration; else none."""
    there = [folder for folder in dict.fromkeys(map(os.path.abspath, tops)) if os.path.isdir(folder)]
    return there if any(NUMBERED.fullmatch(name) for folder in there for name in os.listdir(folder)) else []


def modules(package: str, tops: Iterable[str]) -> list[str]:
    """The dotted names of the migrations in Python."""
    stems = {
        os.path.splitext(name)[0]
        for folder in tops
        for name in os.listdir(folder)
        if NUMBERED.fullmatch(name) and name.lower().endswith(".py")
    }
    return [f"{package}.{stem}" for stem in sorted(stems) if "." not in stem]


def files(package: str, tops: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each file of the package and the folder where it goes: sources, SQL, and data that a migration may read.

    Compiled files stay out, and so do hidden ones and packages inside, which are found by who imports them.
    """
    for top in tops:
        for folder, inside, names in os.walk(top):
            inside[:] = [
                name for name in inside
                if name != "__pycache__" and name[0] != "." and not os.path.exists(os.path.join(folder, name, "__init__.py"))
            ]  # fmt: skip
            place = os.path.normpath(os.path.join(*package.split("."), os.path.relpath(folder, top)))
            for name in names:
                if name[0] != "." and not name.lower().endswith(".pyc"):
                    yield os.path.join(folder, name), place
