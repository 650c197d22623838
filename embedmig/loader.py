"""A package, a folder or a list -> the shipped migrations, found and checked but not yet loaded.

Loaded at every launch, so it imports nothing at its top but `os` and `sys`: `ids()` answers from
file names alone, and only `find()` looks closer. What a migration says is read by `definition.py`.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType
    from typing import Any

    from embedmig.errors import DefinitionError, EmbedmigError
    from embedmig.migration import Migration

    Source = str | os.PathLike[str] | ModuleType | Iterable[Migration]

LEFT_OUT = "This app is frozen, and its build left migrations out. docs/ship-it.md says how they are taken along."


def keep(source: Source) -> str | tuple[Any, ...]:
    """The source in a form that pickles and doesn't run dry: a dotted name, a folder with a separator, or a tuple."""
    if isinstance(source, str):
        if not source.strip():
            raise _error("The name of the migrations is empty", "Give a package, its dotted name, or a folder.")
        if os.sep in source or "/" in source or _is_only_a_folder(source):
            return os.path.join(os.path.abspath(source), "")  # it stays the same after a chdir
        return source
    if hasattr(source, "__path__") and hasattr(source, "__name__"):
        name = str(source.__name__)
        if sys.modules.get(name) is source:
            return name
        return os.path.join(next(iter(source.__path__)), "")  # a module that nobody can import again
    if isinstance(source, os.PathLike):
        return os.path.join(
            os.path.abspath(os.fspath(source)), ""
        )  # the separator at its end says: a folder, not a dotted name
    if not hasattr(source, "__iter__"):
        raise _error(
            f"Migrations can't be read from {source!r}",
            "Give a package, its dotted name, a folder, or a list of Migration.",
        )
    return tuple(source)


def _is_only_a_folder(name: str) -> bool:
    """A plain word is a package first, and a folder where there is no such package."""
    return name not in sys.modules and os.path.isdir(name) and _imported(name) is None


def ids(source: str | tuple[Any, ...]) -> list[str] | None:
    """The shipped ids in version order, by names alone; None where find() must look closer."""
    found: list[tuple[int, str]] = []
    if isinstance(source, tuple):
        try:
            found = [(m.version, m.id) for m in source]
            found.sort()
        except (AttributeError, TypeError):
            return None
        return [id for _, id in found]
    for name in place_of(source).names():
        if name[0] in "._":
            continue
        stem, _, ending = name.rpartition(".")
        if ending == "sql":
            if stem.endswith(".down"):
                continue
            stem = stem.removesuffix(".up")
        elif ending != "py":
            if ending.lower() in ("py", "sql", "pyc"):
                return None
            continue
        try:
            found.append((int(stem.partition("_")[0]), stem))
        except ValueError:
            return None
    found.sort()
    return [id for _, id in found]


def stamp(source: str | tuple[Any, ...]) -> int | None:
    """When the one plain folder of the source last changed, in ns; None where that doesn't tell."""
    place = None if isinstance(source, tuple) else place_of(source)
    if not isinstance(place, Folders) or len(place.folders) > 1:
        return None
    return os.stat(place.label).st_mtime_ns


class Place:
    """Where the migrations of one package or folder lie: what is there, and how to read it."""

    def __init__(self, label: str, package: str | None) -> None:
        self.label = label  # for messages
        self.package = package  # its dotted name, or None for a bare folder

    def names(self) -> list[str]:
        """The names of all files there, in no order."""
        raise NotImplementedError

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, or None where only its compiled form exists."""
        raise NotImplementedError

    def path(self, name: str) -> str:
        """The file's path, as messages and tracebacks show it."""
        return os.path.join(self.label, name)


class Folders(Place):
    """One plain folder, or the several of a namespace package."""

    def __init__(self, folders: list[str], package: str | None) -> None:
        super().__init__(folders[0], package)
        self.folders = folders

    def names(self) -> list[str]:
        try:
            if len(self.folders) == 1:
                return os.listdir(self.folders[0])
            return [name for folder in self.folders for name in os.listdir(folder)]
        except OSError as error:
            raise _unread(self.label, error) from error

    def read(self, name: str) -> bytes | None:
        try:
            with open(self.path(name), "rb", buffering=0) as file:  # read whole: no buffer
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unread(self.path(name), error) from error

    def path(self, name: str) -> str:
        if len(self.folders) == 1:
            return os.path.join(self.label, name)
        paths = [os.path.join(folder, name) for folder in self.folders]
        return next((path for path in paths if os.path.exists(path)), paths[0])


class Bundled(Place):
    """A package inside a zip or a frozen app: what its importer and importlib.resources know of it."""

    def __init__(self, package: str, module: ModuleType) -> None:
        super().__init__(next(iter(module.__path__), package), package)
        self.module = module

    def names(self) -> list[str]:
        import pkgutil

        found = {entry.name for root in self._roots() for entry in root.iterdir() if entry.is_file()}
        stems = {name.rpartition(".")[0] for name in found}
        # a frozen app may have the compiled module and no file
        return sorted(
            found
            | {
                f"{m.name}.py"
                for m in pkgutil.iter_modules(self.module.__path__)
                if m.name not in stems and not m.ispkg
            }
        )

    def read(self, name: str) -> bytes | None:
        for root in self._roots():
            entry = root.joinpath(name)
            if entry.is_file():
                data: bytes = entry.read_bytes()
                return data
        return None

    def _roots(self) -> list[Any]:
        import zipfile
        from pathlib import Path

        found: list[Any] = []
        for path in dict.fromkeys(self.module.__path__):
            if os.path.isdir(path):
                found.append(Path(path))
                continue
            archive, inner = path, ""
            while archive and not os.path.exists(archive) and archive != os.path.dirname(archive):
                archive, inner = os.path.dirname(archive), os.path.join(os.path.basename(archive), inner)
            if os.path.isfile(archive) and zipfile.is_zipfile(archive):
                found.append(zipfile.Path(archive, inner.replace(os.sep, "/")))
        return [root for root in found if root.is_dir()] or self._resources()

    def _resources(self) -> list[Any]:
        from importlib.resources import files

        try:
            root = files(self.module)
            return [root] if root.is_dir() else []
        except (OSError, TypeError, ModuleNotFoundError):  # a frozen package without data has no folder
            return []


def place_of(source: str) -> Place:
    """The place that a dotted name or a folder means. DefinitionError where there is neither."""
    if os.sep in source or "/" in source or source in (".", ".."):
        return _folder(source)
    module = sys.modules.get(source) or _imported(source)
    if module is None:
        return _folder(source)
    paths = list(dict.fromkeys(getattr(module, "__path__", ())))  # a folder may be on sys.path twice
    if not paths:
        raise _error(
            f"{source} is a module, not a package of migrations", "Name the package whose files are the migrations."
        )
    if all(map(os.path.isdir, paths)):
        plain = Folders(paths, source)
        # a frozen app whose build took data along and no sources has its .sql files there, and the rest compiled elsewhere
        if not _frozen() or any(name.endswith(".py") for name in plain.names()):
            return plain
    return Bundled(source, module)


def _imported(name: str) -> ModuleType | None:
    """The package of that name, or None where there is none; an error inside it is the app's own and is raised."""
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    try:
        __import__(name)  # importlib.import_module without importing importlib
    except ModuleNotFoundError as missing:
        if missing.name and (name == missing.name or name.startswith(missing.name + ".")):
            return None
        raise
    return sys.modules[name]


def _folder(path: str) -> Folders:
    folder = os.path.abspath(path)
    if not os.path.isdir(folder):
        raise _error(f"No package and no folder of migrations called {path}", _taken_along(path) or "Check the name.")
    return Folders([folder], None)


def _frozen() -> bool:
    """Is this an app in one piece? PyInstaller and others set `sys.frozen`, Nuitka marks each module."""
    return bool(getattr(sys, "frozen", False)) or "__compiled__" in globals()


class Shipped:
    """One shipped migration that was found: its files in a place. `definition.load` makes a Migration of it."""

    def __init__(self, id: str, version: int, place: Place, up: str, down: str | None) -> None:
        self.id = id
        self.version = version
        self.place = place
        self.up = up  # the file's name: 003_x.py, 003_x.sql, 003_x.up.sql
        self.down = down  # 003_x.down.sql, where there is one

    @property
    def files(self) -> str:
        return f"{self.up} and {self.down}" if self.down else self.up


def find(source: str | tuple[Any, ...]) -> list[Any]:
    """All shipped migrations in version order, checked as a set: Shipped, or the Migrations of a tuple.

    Raises DefinitionError, naming the files, for: none at all, a name that is not `003_words.py`
    or `.sql`, two of one version or id, a gap, a `.down.sql` alone.
    """
    found: list[Any] = list(source) if isinstance(source, tuple) else files(place_of(source))
    found.sort(key=lambda m: m.version)
    if not found:
        raise _nothing_found(source)
    _refuse_twins(found)
    _refuse_gaps(found)
    return found


def files(place: Place) -> list[Shipped]:
    """The migrations of a place in the order of their names, each by itself: versions may be missing or claimed twice."""
    ups: list[Shipped] = []
    downs: dict[str, str] = {}
    names = sorted(place.names())
    for name in names:
        stem, _, ending = name.rpartition(".")
        if name[0] in "._" or ending.lower() not in ("py", "sql", "pyc"):
            continue
        if ending.lower() == "pyc":
            if stem + ".py" in names:
                continue
            name = stem + ".py"  # compiled only: imported under this name, its source unknown
        elif ending.lower() == "sql" and stem.endswith(".down"):
            downs[stem.removesuffix(".down")] = name
            continue
        ups.append(_named(stem.removesuffix(".up") if ending.lower() == "sql" else stem, name, place))
    for shipped in ups:
        if shipped.up.endswith(".up.sql"):
            shipped.down = downs.pop(shipped.id, None)
    if downs:
        name = next(iter(downs.values()))
        raise _error(
            f"{name} in {place.label} has no {name.removesuffix('.down.sql')}.up.sql",
            "Add it, or remove the .down.sql.",
        )
    return ups


def _named(stem: str, name: str, place: Place) -> Shipped:
    digits, _, words = stem.partition("_")
    number = stem[: len(stem) - len(stem.lstrip("0123456789"))] or "003"
    if not (digits.isascii() and digits.isdigit() and words):
        raise _error(
            f"{name} in {place.label} is not called like a migration",
            f"Call it {number}_what_it_does, or start its name with _ if it is none.",
        )
    version = int(digits)
    if not 0 < version < 2**63:
        limit = "versions begin at 1" if version == 0 else "SQLite's numbers end before it"
        raise _error(f"{name} in {place.label} has version {digits}, but {limit}", "Renumber it.")
    return Shipped(stem, version, place, name, None)


def _refuse_twins(found: Sequence[Any]) -> None:
    for one, other in zip(found, found[1:], strict=False):
        if one.version == other.version:
            raise _error(
                f"Two migrations claim version {one.version}: {_called(one)} and {_called(other)}",
                "Renumber one of them.",
            )
    seen: dict[str, Any] = {}
    for migration in found:
        twin = seen.setdefault(migration.id.casefold(), migration)
        if twin is not migration:
            raise _error(
                f"Two migrations are called {migration.id}: versions {twin.version} and {migration.version}",
                "Rename one of them.",
            )


def _refuse_gaps(found: Sequence[Any]) -> None:
    from embedmig.migration import TIMESTAMP

    expected = 1
    for migration in found:
        if migration.version >= TIMESTAMP:
            return
        if migration.version != expected:
            cure = "Versions run 1, 2, 3, ... without gaps, unless they are timestamps of ten digits or more."
            if _frozen() and isinstance(migration, Shipped):
                cure = LEFT_OUT
            raise _error(f"Version {expected} is missing: {_called(migration)} has version {migration.version}", cure)
        expected += 1


def _called(migration: Any) -> str:
    return migration.files if isinstance(migration, Shipped) else str(migration.id)


def _nothing_found(source: str | tuple[Any, ...]) -> DefinitionError:
    if isinstance(source, tuple):
        return _error("The list of migrations is empty", "Ship at least one migration.")
    cure = _taken_along(source) or "Put the first one there: 001_initial.py or 001_initial.sql."
    return _error(f"No migrations in {place_of(source).label}", cure)


def _taken_along(source: str) -> str | None:
    """In a frozen app: what the developer does so that the next build has the migrations."""
    if not _frozen():
        return None
    if os.path.isabs(source) or not all(part.isidentifier() for part in source.split(".")):
        return (
            "This app is frozen, and its build left that folder out. Give a package instead; docs/ship-it.md says why."
        )
    if source in sys.modules:
        return LEFT_OUT
    return f"This app is frozen, and its build left them out. Write `import {source}` in the app, so that the build sees it."


def _unread(name: str, error: OSError) -> EmbedmigError:
    """The migrations are there and can't be read just now: too many open files, a broken disk."""
    from embedmig.errors import EmbedmigError, printable

    what = f"The app's migrations can't be read, {printable(name)}: {error.strerror}."
    return EmbedmigError(what, hint="Start the app again; if it happens again, install it anew.")


def _error(what: str, cure: str) -> DefinitionError:
    from embedmig.errors import DefinitionError, printable

    return DefinitionError(printable(what) + ".", hint=cure)
