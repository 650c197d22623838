"""Which formats there are, by the names that people give them."""

from __future__ import annotations

from embedmig.errors import UsageError, printable
from embedmig.formats import (
    alembic,
    dbmate,
    diesel,
    drizzle,
    golang_migrate,
    goose,
    sqlite_utils,
    sqlx,
    user_version,
    yoyo,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from embedmig.formats.part import Format

FORMATS: tuple[Format, ...] = (
    sqlite_utils, yoyo, alembic, golang_migrate, sqlx, diesel, goose, dbmate, drizzle, user_version,
)  # fmt: skip
NAMES = tuple(format.NAME for format in FORMATS)
ALSO = {"sqlite-migrate": "sqlite-utils", "drizzle-kit": "drizzle"}  # other names for the same


def named(name: str) -> Format:
    """The format of that name; capitals and the kind of dash don't matter. UsageError where there is none."""
    plain = name.lower().replace("_", "-")
    plain = ALSO.get(plain, plain).replace("_", "-")
    for format in FORMATS:
        if format.NAME.replace("_", "-") == plain:
            return format
    raise UsageError(f"There is no format called {printable(name)}.", hint=f"There are {', '.join(NAMES)}.")
