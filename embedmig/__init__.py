"""Open a desktop app's SQLite file at the newest version, or say plainly why not and leave it as it was.

    import embedmig
    import notes_app.migrations

    db = embedmig.open("notes.db", notes_app.migrations)      # a sqlite_utils.Database

Importing this costs nothing: each name is loaded when it is first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.errors import (
        DatabaseBusy,
        DatabaseDamaged,
        DatabaseDrifted,
        DatabaseReadOnly,
        DatabaseTooNew,
        DefinitionError,
        DiskFull,
        EmbedmigError,
        ForeignDatabase,
        ForeignKeyViolations,
        HistoryMismatch,
        IrreversibleMigration,
        MigrationCancelled,
        MigrationFailed,
        NotADatabase,
        RebuildFailed,
        TransactionBroken,
        UnusablePath,
        UsageError,
    )
    from embedmig.migration import Applied, Migration
    from embedmig.migrator import (
        Migrator,
        connect,
        get_applied_migrations,
        mark_migration_applied,
        open,
        run_migrations,
    )
    from embedmig.report import Drift, Progress, Rehearsal, Rehearsed, Report, Status
    from embedmig.table import rebuild

__version__ = "0.1.0"

__all__ = [
    "Applied",
    "DatabaseBusy",
    "DatabaseDamaged",
    "DatabaseDrifted",
    "DatabaseReadOnly",
    "DatabaseTooNew",
    "DefinitionError",
    "DiskFull",
    "Drift",
    "EmbedmigError",
    "ForeignDatabase",
    "ForeignKeyViolations",
    "HistoryMismatch",
    "IrreversibleMigration",
    "Migration",
    "MigrationCancelled",
    "MigrationFailed",
    "Migrator",
    "NotADatabase",
    "Progress",
    "RebuildFailed",
    "Rehearsal",
    "Rehearsed",
    "Report",
    "Status",
    "TransactionBroken",
    "UnusablePath",
    "UsageError",
    "connect",
    "get_applied_migrations",
    "mark_migration_applied",
    "open",
    "rebuild",
    "run_migrations",
]

_MIGRATOR = ("Migrator", "connect", "get_applied_migrations", "mark_migration_applied", "open", "run_migrations")
_ROOMS = {
    **dict.fromkeys(_MIGRATOR, "migrator"),
    **dict.fromkeys(("Applied", "Migration"), "migration"),
    **dict.fromkeys(("Drift", "Progress", "Rehearsal", "Rehearsed", "Report", "Status"), "report"),
    "rebuild": "table",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'embedmig' has no attribute {name!r}")
    room = "embedmig." + _ROOMS.get(name, "errors")
    __import__(room)
    import sys

    value = globals()[name] = getattr(sys.modules[room], name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
