"""Another tool's folder -> the shipped migrations, as they are: versions 1 to N in its own order, its own names as ids."""

from __future__ import annotations

import os
import sys
import types

from embedmig import definition
from embedmig.errors import DefinitionError
from embedmig.formats.part import Part, folder, wrong
from embedmig.formats.registry import named
from embedmig.loader import Folders
from embedmig.migration import Migration
from embedmig.script import FOREIGN_MARKER, sections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from embedmig.formats.part import Format

    Path = str | os.PathLike[str]


def load(place: Path, format: str) -> list[Migration]:
    """The migrations of another tool's folder, to be shipped as a list. DefinitionError names files and lines.

    The format's own name of each is its id; one that comes again gets `_2`. Each `adopts` what the tool recorded
    under that name, so that `Migrator(..., adopts=format)` takes over users' files.
    """
    found, chosen = read(place, format)
    ids = unique([part.name for part in found])
    return [
        _loaded(part, id, version, chosen.NAME) for version, (part, id) in enumerate(zip(found, ids, strict=True), 1)
    ]


def read(place: Path, format: str) -> tuple[list[Part], Format]:
    """What a folder, or a single file, holds, and which format that is. DefinitionError where there is nothing."""
    chosen = named(format)
    path = os.path.abspath(os.fspath(place))
    found = chosen.parts(OneFile(path) if os.path.isfile(path) else folder(path))
    if not found:
        raise wrong(f"No migrations of {chosen.NAME}'s in {path}", "Check the folder and the format.")
    stems = {part.name for part in found}
    for part in found:
        _refuse_another_tools(part, stems, chosen.NAME)
        _refuse_markers(part)
    return found, chosen


def _refuse_another_tools(part: Part, stems: set[str], format: str) -> None:
    """Raise DefinitionError for a file that does two things to another tool, and one to this: its down would run behind its up."""
    name, stem = os.path.basename(part.file), part.name.removesuffix(".down")
    if stem != part.name and f"{stem}.up" in stems:
        what = f"{name} takes back what {stem}.up does, and to {format} it is one more migration"
        raise wrong(what, "If the folder is golang-migrate's or sqlx's, name that.")
    if format != "goose" and part.prelude is None and (marker := FOREIGN_MARKER.search(part.up)):
        line = part.up.count("\n", 0, marker.start()) + 1
        what = (
            f"{name}, line {line}: `{marker.group().strip()}` divides the file for goose, and is a comment to {format}"
        )
        raise wrong(what, "If the folder is goose's, name that.")


def _refuse_markers(part: Part) -> None:
    """Raise DefinitionError where a line of another tool's SQL, in a comment or a text, is a marker to embedmig."""
    for file, text in ((part.file, part.up), (part.down_file or part.file, part.down)):
        if text is None or part.prelude is not None:
            continue
        name = os.path.basename(file)
        try:
            same = sections(text, name).up == text
        except DefinitionError as error:
            raise wrong(
                f"{name}: a line of it is a marker to embedmig ({error.what()})",
                "Word it otherwise; or name dbmate, if the folder is dbmate's.",
            ) from error
        if not same:
            raise wrong(
                f"{name}: a line of it is a marker to embedmig",
                "Word it otherwise; or name dbmate, if the folder is dbmate's.",
            )


class OneFile(Folders):
    """A single file, where a folder is meant: a module with sqlite-utils' migrations."""

    def __init__(self, path: str) -> None:
        super().__init__([os.path.dirname(path)], None)
        self._only = os.path.basename(path)

    def names(self) -> list[str]:
        return [self._only]


def adopts(part: Part, format: str) -> str:
    """What a migration says of its origin: `goose: 20210101120000_create_users`."""
    return f"{format}: {part.recorded or part.name}"


def unique(names: list[str]) -> list[str]:
    """The names, each repeated one with `_2`, `_3`, ... behind it."""
    taken: set[str] = set()
    found = []
    for name in names:
        id, count = name, 1
        while id.casefold() in taken:
            count += 1
            id = f"{name}_{count}"
        taken.add(id.casefold())
        found.append(id)
    return found


def _loaded(part: Part, id: str, version: int, format: str) -> Migration:
    up, down = (part.up, part.down) if part.prelude is None else _functions(part, id)
    return Migration(
        id, version, part.description, up, down, part.transactional, file=part.file, down_file=part.down_file,
        checksum=definition.fingerprint(part.up), adopts=(adopts(part, format),),
    )  # fmt: skip


def _functions(part: Part, id: str) -> tuple[Any, Any]:
    """up and down of a Python module, compiled so that tracebacks show the tool's own file."""
    module = types.ModuleType(f"_embedmig_{definition.fingerprint(part.file)}_{id}")
    module.__file__ = part.file
    sys.modules[module.__name__] = module  # dataclasses and pickle look there
    try:
        exec(compile(part.prelude or "", "<above it>", "exec", dont_inherit=True), module.__dict__)
        exec(compile(part.up, part.file, "exec", dont_inherit=True), module.__dict__)
    except Exception as error:
        line = definition.line_in(error, part.file)
        place = os.path.basename(part.file) + (f", line {line}" if line else "")
        raise wrong(f"{place}: {type(error).__name__}: {error}", "The migration can't be loaded.") from error
    return module.__dict__["up"], module.__dict__.get("down")
