"""Which migrations and which file are meant: options first, then [tool.embedmig] in the nearest pyproject.toml."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import click

from embedmig import loader
from embedmig.errors import EmbedmigError, listed
from embedmig.finding import near
from embedmig.migrator import Migrator

KEYS = ("migrations", "database", "schema")
HERE = os.path.join(
    os.curdir, "migrations"
)  # where nothing else is said: this folder, and no package of that name elsewhere
_OF_MIGRATIONS = re.compile(r"__init__\.py\Z|[0-9]+_\w.*\.(?:py|sql)\Z")
ATTRIBUTE = re.compile(r"(?P<module>[^\W\d]\w+(?:\.\w+)*):(?P<name>[^\W\d]\w*)")  # not C:\notes, and not C:notes


class Config(NamedTuple):
    """What the nearest pyproject.toml says, and the folder to which its paths are relative."""

    folder: str
    file: str | None = None
    migrations: str | None = None
    database: str | None = None
    schema: str | None = None

    def path(self, name: str) -> str:
        """A path of the configuration, as it is written from the current folder."""
        return near(os.path.join(self.folder, name))


def read() -> Config:
    """The [tool.embedmig] of the nearest pyproject.toml that has one; without any, the current folder and no defaults."""
    folder = os.getcwd()
    while True:
        file = os.path.join(folder, "pyproject.toml")
        if (found := _table(file)) is not None:
            return _checked(folder, file, found)
        if os.path.dirname(folder) == folder:
            return Config(os.getcwd())
        folder = os.path.dirname(folder)


def _table(file: str) -> object:
    """What [tool.embedmig] says in this file, or None where there is no such file or no such table."""
    try:
        if not os.path.lexists(file):  # also where a folder above may not be looked into
            return None
        tool = tomllib.loads(Path(file).read_text(encoding="utf-8")).get("tool", {})
    except OSError as error:
        raise click.UsageError(f"{file} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file} can't be read: {error}.") from error
    if not isinstance(tool, dict):
        raise click.UsageError(f"{file}: tool is not a table.")
    return tool.get("embedmig")


def _checked(folder: str, file: str, found: object) -> Config:
    if not isinstance(found, dict):
        raise click.UsageError(f"{file}: tool.embedmig is not a table.")
    for key, value in found.items():
        if key not in KEYS:
            raise click.UsageError(f"{file}: [tool.embedmig] has no {key!r}. It has {', '.join(KEYS)}.")
        if not isinstance(value, str) or not value.strip():
            raise click.UsageError(f"{file}: [tool.embedmig] {key} is not a text.")
    return Config(folder, file, **found)


def database(given: str | None, config: Config) -> str:
    """The path of the file that is meant."""
    if given is not None:
        return given
    if config.database is None:
        raise click.UsageError(
            'Which file? Give its path, or write database = "notes.db" under [tool.embedmig] in pyproject.toml.'
        )
    return config.path(os.path.expanduser(config.database))


def migrator(given: str | None, config: Config) -> Migrator:
    """The app's own Migrator where one is named, else one of the migrations alone."""
    name, base = _name(given, config)
    _make_importable(config.folder, os.getcwd())
    if found := ATTRIBUTE.fullmatch(name):
        return _of_the_app(found["module"], found["name"])
    source = _place(name, base)
    if source is None:
        where = f"There is no package and no folder {name}" if name != HERE else "There is no folder migrations here"
        if name == HERE and (others := elsewhere(base)):
            where += f", but {listed(map(near, others))}"
        raise click.UsageError(
            f"{where}. Name them by -m, or by migrations = ... under [tool.embedmig] in pyproject.toml; "
            "`embedmig new` writes the first one."
        )
    return Migrator(source)


def folder(given: str | None, config: Config) -> str:
    """The folder in which the files of the migrations lie, or will lie."""
    name, base = _name(given, config)
    _make_importable(config.folder, os.getcwd())
    if found := ATTRIBUTE.fullmatch(name):
        source = _of_the_app(found["module"], found["name"]).migrations
        if not isinstance(source, str):
            raise click.UsageError(f"{name} has a list of migrations, and no folder of files. Name one by -m.")
        return loader.place_of(source).label
    found_source = _place(name, base)
    if found_source is not None:
        return loader.place_of(loader.keep(found_source)).label  # type: ignore[arg-type]  # a text stays a text
    words = name if _is_path(name) or not _is_dotted(name) else name.replace(".", os.sep)
    return os.path.normpath(os.path.join(base, words))


def folder_for_the_next(given: str | None, config: Config) -> str:
    """The same for a new file: where nothing is said and no folder migrations is here, the app's package may have the only one."""
    usual = folder(given, config)
    if given is not None or config.migrations is not None or os.path.isdir(usual):
        return usual
    others = elsewhere(config.folder)
    if len(others) > 1:
        raise click.UsageError(f"Several folders of migrations are here: {listed(map(near, others))}. Name one by -m.")
    return others[0] if others else usual


def elsewhere(base: str) -> list[str]:
    """The packages `migrations`, or folders that have some, inside what lies in this folder or in src."""
    found = [
        one
        for pattern in ("*", os.path.join("src", "*"))
        for one in Path(base).glob(os.path.join(pattern, "migrations"))
    ]
    return sorted(str(one) for one in found if any(_OF_MIGRATIONS.match(file.name) for file in one.glob("*.*")))


def _name(given: str | None, config: Config) -> tuple[str, str]:
    """What is called the migrations, and the folder to which that is relative."""
    if given is not None:
        return given, os.getcwd()
    return config.migrations or HERE, config.folder


def _make_importable(*folders: str) -> None:
    """A console script, unlike `python -m`, does not find the app's package in the current folder."""
    for folder in folders:
        if folder not in sys.path:
            sys.path.insert(0, folder)


def _is_path(name: str) -> bool:
    return "/" in name or os.sep in name or name in (".", "..")


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _place(name: str, base: str) -> str | None:
    """The package or the folder of that name, as Migrator takes it; None where there is neither."""
    path = os.path.normpath(os.path.join(base, os.path.expanduser(name)))
    is_folder = os.path.isdir(path)
    if name == HERE and _is_importable_as("migrations", path):
        return "migrations"  # its files may import each other
    if not _is_path(name) and _is_dotted(name):
        if is_folder and not os.path.exists(os.path.join(path, "__init__.py")):
            return os.path.join(path, "")  # not some other package of that name
        if _has_spec(name):
            return name
    return os.path.join(path, "") if is_folder else None


def _is_importable_as(name: str, folder: str) -> bool:
    found = importlib.util.find_spec(name)
    return found is not None and found.origin == os.path.join(folder, "__init__.py")


def _has_spec(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            return False
        raise _not_importable(name, error) from error
    except (ImportError, SyntaxError, ValueError) as error:
        raise _not_importable(name, error) from error


def _of_the_app(module: str, name: str) -> Migrator:
    try:
        found = importlib.import_module(module)
    except EmbedmigError:
        raise
    except Exception as error:
        raise _not_importable(module, error) from error
    value = getattr(found, name, None)
    if not isinstance(value, Migrator):
        what = f"has no {name}" if value is None else f"has a {name} that is not a Migrator"
        raise click.UsageError(f"The module {module} {what}. Name the app's own: {name} = embedmig.Migrator(...).")
    return value


def _not_importable(module: str, error: Exception) -> click.UsageError:
    return click.UsageError(f"{module} can't be imported: {type(error).__name__}: {error}")
