"""One shipped migration, read and checked: a Python module, SQL text or a value -> Migration, and its checksum."""

from __future__ import annotations

import os
import sys
import types

try:
    from _blake2 import blake2b  # the same function; hashlib would load OpenSSL first, 3 ms of each first launch
except ImportError:  # another Python
    from hashlib import blake2b

from embedmig import loader
from embedmig.errors import DefinitionError, printable
from embedmig.loader import Place, Shipped
from embedmig.migration import Migration
from embedmig.script import adopts, down_alone, first_comment, sections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


SETTINGS = ("transactional", "backward_compatible", "requires_sqlite", "loses_rows")


def find(source: str | tuple[object, ...]) -> list[Shipped | Migration]:
    """All shipped migrations in version order, checked as a set but not loaded. DefinitionError where they are wrong."""
    return loader.find(tuple(map(checked, source)) if isinstance(source, tuple) else source)


def load(shipped: Shipped | Migration) -> Migration:
    """The migration itself, its Python module imported. DefinitionError where it is wrong."""
    if isinstance(shipped, Migration):
        return shipped
    return _from_python(shipped) if shipped.up.lower().endswith(".py") else _from_sql(shipped)


def checksum(shipped: Shipped | Migration) -> str | None:
    """The fingerprint of the normalised source, or None where no source exists (compiled, frozen)."""
    if isinstance(shipped, Migration):
        return shipped.checksum or _checksum_of_value(shipped)
    data = shipped.place.read(shipped.up)
    return None if data is None else fingerprint(data.decode("utf-8", "replace"))


def with_checksum(known: Shipped | Migration) -> Migration:
    """The migration as the history records it where it is not run."""
    migration = load(known)
    fields = migration._fields() | {"checksum": migration.checksum or checksum(migration)}
    return Migration(**fields)  # type: ignore[arg-type]  # the same fields, by name


def fingerprint(source: str) -> str:
    """16 hex digits of BLAKE2b over the source without BOM, carriage returns, trailing blanks and final blank lines.

    So that a checkout with other line endings, or an editor that trims, is no edit.
    """
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    text = "\n".join(line.rstrip() for line in lines).rstrip("\n")
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _checksum_of_value(migration: Migration) -> str | None:
    if isinstance(migration.up, str):
        return fingerprint(migration.up)
    import inspect

    try:
        return fingerprint(inspect.getsource(inspect.unwrap(migration.up)))
    except (OSError, TypeError):
        return None


def _from_sql(shipped: Shipped) -> Migration:
    up = text(shipped.place, shipped.up)
    cut = sections(up, shipped.up)
    down = cut.down
    if shipped.down:
        if down is not None:
            raise _wrong(
                shipped, f"{shipped.up} has a -- migrate:down section beside {shipped.down}", "Keep one of them."
            )
        down = down_alone(text(shipped.place, shipped.down), shipped.down)
    return Migration(
        id=shipped.id,
        version=shipped.version,
        description=first_comment(up) or described(shipped.id),
        up=cut.up,
        down=down,
        transactional=cut.options.get("transaction") != "false",
        backward_compatible=cut.options.get("backward_compatible") == "true",
        requires_sqlite=cut.options.get("requires_sqlite"),
        file=shipped.place.path(shipped.up),
        checksum=fingerprint(up),
        down_file=shipped.place.path(shipped.down) if shipped.down else None,
        loses_rows=cut.options.get("loses_rows") == "true",
        adopts=adopts(up),
    )


def text(place: Place, name: str) -> str:
    """The text of a file there, without a byte order mark; its line endings stay, they may stand in users' rows.

    DefinitionError where it isn't there, and, with the line, where it isn't UTF-8.
    """
    data = place.read(name)
    if data is None:
        what = printable(f"{name} is not in {place.label}.")
        raise DefinitionError(what, hint="Put it back, or take it out of what names it.")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode()  # twice as fast as "utf-8-sig"
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DefinitionError(printable(f"{name}, line {line}: not UTF-8."), hint="Save it as UTF-8.") from error


def _from_python(shipped: Shipped) -> Migration:
    module = _module(shipped)
    up, down = getattr(module, "up", None), getattr(module, "down", None)
    if up is None:
        raise _wrong(shipped, f"{shipped.up} has no up(db)", "Define it: it makes the change.")
    _refuse_misspelt(shipped, module)
    description = (module.__doc__ or "").strip().partition("\n")[0].strip()
    adopted = getattr(module, "adopts", ())
    return checked(
        Migration(
            id=shipped.id,
            version=shipped.version,
            description=description or described(shipped.id),
            up=up,
            down=down,
            transactional=getattr(module, "transactional", True),
            backward_compatible=getattr(module, "backward_compatible", False),
            requires_sqlite=getattr(module, "requires_sqlite", None),
            file=shipped.place.path(shipped.up),
            checksum=checksum(shipped),
            loses_rows=getattr(module, "loses_rows", False),
            adopts=(adopted,) if isinstance(adopted, str) else tuple(adopted) if isinstance(adopted, list) else adopted,
        )
    )


def _refuse_misspelt(shipped: Shipped, module: types.ModuleType) -> None:
    """`transctional = False` would run the migration inside a transaction, and nobody would notice."""
    for name, value in vars(module).items():
        if not isinstance(value, bool) or name.startswith("_") or name in SETTINGS:
            continue
        import difflib  # few migrations have such a name, and it takes 2 ms to load

        if meant := difflib.get_close_matches(name.lower(), SETTINGS, 1, 0.8):
            raise _wrong(shipped, f"{shipped.up}: {name} is no setting", f"Did you mean {meant[0]}?")


def _module(shipped: Shipped) -> types.ModuleType:
    """Import from a package; in a bare folder run the very source that is fingerprinted, never stale bytecode."""
    package = shipped.place.package
    try:
        if package and "." not in shipped.id:
            import importlib

            return importlib.import_module(f"{package}.{shipped.id}")
        source = shipped.place.read(shipped.up)
        if source is None:
            raise _wrong(shipped, f"{shipped.up} can't be read", "Ship its source.")
        path = shipped.place.path(shipped.up)
        module = types.ModuleType(f"_embedmig_{fingerprint(shipped.place.label)}_{shipped.id}")
        module.__file__ = path
        sys.modules[module.__name__] = module  # dataclasses and pickle look there
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
        return module
    except DefinitionError:
        raise
    except Exception as error:
        line = line_in(error, shipped.place.path(shipped.up))
        place = f"{shipped.up}, line {line}" if line else shipped.up
        said = error.msg if isinstance(error, SyntaxError) and line else error  # with its place, in Python's words
        raise _wrong(shipped, f"{place}: {type(error).__name__}: {said}", "The migration can't be loaded.") from error


def line_in(error: BaseException, file: str | None) -> int | None:
    """The deepest line of `file` in an error's traceback (or where its syntax is wrong), else None."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    found, step = None, error.__traceback__
    while step is not None:
        if file and os.path.abspath(step.tb_frame.f_code.co_filename) == os.path.abspath(file):
            found = step.tb_lineno
        step = step.tb_next
    return found


def described(id: str) -> str:
    """A description out of an id's words: `003_add_user_settings` -> `Add user settings`."""
    digits, _, rest = id.partition("_")
    text = (rest if digits.isascii() and digits.isdigit() and rest else id).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def checked(migration: object) -> Migration:
    """The value itself, its marked SQL text cut into up and down; DefinitionError where it can't run."""
    if not isinstance(migration, Migration):
        raise DefinitionError(
            f"{printable(repr(migration))} is not a Migration.",
            hint="Give a package, a folder, or a list of embedmig.Migration.",
        )
    version = migration.version
    if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 2**63:
        raise _wrong(migration, f"version {version!r} is not a positive integer", "Number migrations 1, 2, 3, ...")
    if not isinstance(migration.id, str) or not migration.id.strip():
        raise _wrong(migration, f"Version {version} has no id", "Give it one: 003_what_it_does.")
    if not isinstance(migration.description, str):
        raise _wrong(migration, "its description is not text", "Say in one line what it does.")
    _check_settings(migration)
    for name in ("up", "down"):
        action = getattr(migration, name)
        if not isinstance(action, str) and not (action is None and name == "down"):
            _check_function(migration, name, action)
    return _cut(migration) if isinstance(migration.up, str) else migration


def _check_settings(migration: Migration) -> None:
    names = migration.adopts
    if not isinstance(names, tuple) or not all(isinstance(name, str) and _says_both(name) for name in names):
        raise _wrong(migration, f"adopts is {names!r}", 'Write the tool and its own name: "goose: 20210101_init".')
    for name in ("transactional", "backward_compatible", "loses_rows"):
        if not isinstance(getattr(migration, name), bool):
            raise _wrong(migration, f"{name} is {getattr(migration, name)!r}", "Write True or False.")
    needs = migration.requires_sqlite
    if needs is not None and not (
        isinstance(needs, str) and needs.isascii() and all(part.isdigit() for part in needs.split("."))
    ):
        raise _wrong(migration, f"requires_sqlite is {needs!r}", 'Write a version as text: "3.35".')


def _says_both(name: str) -> bool:
    tool, _, own = name.partition(": ")
    return bool(tool.strip() and own.strip())


def _check_function(migration: Migration, name: str, action: object) -> None:
    if not callable(action):
        raise _wrong(
            migration, f"{name} is {type(action).__name__}, neither a function nor SQL text", f"Define {name}(db)."
        )
    import inspect

    if inspect.iscoroutinefunction(action) or inspect.isgeneratorfunction(action) or inspect.isasyncgenfunction(action):
        raise _wrong(
            migration, f"{name} is async or a generator: calling it would do nothing", "Write an ordinary function."
        )
    try:
        parameters = inspect.signature(action).parameters.values()
    except (TypeError, ValueError):
        return
    required = [
        p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    takes = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    if (
        len(required) > 2
        or not takes
        or any(p.kind is p.KEYWORD_ONLY and p.default is p.empty and p.name != "progress" for p in parameters)
    ):
        raise _wrong(
            migration,
            f"{name}{inspect.signature(action)} can't be called as {name}(db) or {name}(db, progress)",
            "Take db, and progress if you report.",
        )


def wants_progress(action: Callable[..., object]) -> str:
    """How it takes `progress`: "second" argument, by "name", or "" for not at all."""
    import inspect

    try:
        parameters = inspect.signature(action).parameters
    except (TypeError, ValueError):
        return ""
    named = parameters.get("progress")
    if named is not None:
        return "name" if named.kind is named.KEYWORD_ONLY else "second"
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters.values() if p.default is p.empty and p.kind in positional]
    return "second" if len(required) == 2 else ""


def _cut(migration: Migration) -> Migration:
    cut = sections(str(migration.up), migration.id)
    if cut.down is None and not cut.options and cut.up == migration.up:
        return migration
    if cut.down is not None and migration.down is not None:
        raise _wrong(migration, "its text has a -- migrate:down section beside a down", "Keep one of them.")
    fields = migration._fields() | {"up": cut.up, "checksum": checksum(migration)}
    fields["down"] = migration.down if cut.down is None else cut.down
    fields["transactional"] = migration.transactional and cut.options.get("transaction") != "false"
    fields["backward_compatible"] = migration.backward_compatible or cut.options.get("backward_compatible") == "true"
    fields["loses_rows"] = migration.loses_rows or cut.options.get("loses_rows") == "true"
    fields["requires_sqlite"] = migration.requires_sqlite or cut.options.get("requires_sqlite")
    cut_migration = Migration(**fields)  # type: ignore[arg-type]  # the same fields, by name
    _check_settings(cut_migration)
    return cut_migration


def _wrong(migration: Shipped | Migration, what: str, cure: str) -> DefinitionError:
    file = getattr(migration, "file", None)
    name = os.path.basename(file) if file else str(migration.id)
    return DefinitionError(
        printable(what if str(migration.id) in what or what.startswith("Version") else f"{name}: {what}") + ".",
        hint=cure,
    )
