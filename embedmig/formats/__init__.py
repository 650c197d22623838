"""Other tools' folders and records: read an old folder, convert it for good, take over the record in a user's file.

    from embedmig import formats

    formats.convert("db/migrations", "goose", "notes_app/migrations")   # files, numbered 001, 002, ...
    formats.load("db/migrations", "goose")                              # or the old folder, as a list of Migration

`Migrator(..., adopts="goose")` then takes over a file that goose has migrated, at its first launch.
Nothing of this is loaded at a launch with nothing to take over.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.formats.conversion import convert
    from embedmig.formats.folders import load
    from embedmig.formats.registry import NAMES

__all__ = ["NAMES", "convert", "load"]

_ROOMS = {"NAMES": "registry", "convert": "conversion", "load": "folders"}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module 'embedmig.formats' has no attribute {name!r}")
    room = "embedmig.formats." + _ROOMS[name]
    __import__(room)
    import sys

    value = globals()[name] = getattr(sys.modules[room], name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
