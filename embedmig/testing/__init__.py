"""For an app's own test suite: prove its migrations on rows that nobody had to invent. Needs the extra `testing`.

    import embedmig.testing

    test_migrations = embedmig.testing.suite("notes_app.migrations")

Each name is loaded when it is first used, and hypothesis and sqlite-utils with it: pytest imports this
package wherever embedmig is installed, and a test run that uses none of it must not pay for it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.testing.files import advance, database_at, golden
    from embedmig.testing.strategies import database, fill, rows
    from embedmig.testing.suites import suite

__all__ = ["advance", "database", "database_at", "fill", "golden", "rows", "suite"]

_ROOMS = {
    **dict.fromkeys(("advance", "database_at", "golden"), "files"),
    **dict.fromkeys(("database", "fill", "rows"), "strategies"),
    "suite": "suites",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'embedmig.testing' has no attribute {name!r}")
    room = "embedmig.testing." + _ROOMS[name]
    __import__(room)
    import sys

    value = globals()[name] = getattr(sys.modules[room], name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
