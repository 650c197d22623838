"""The values that everything is about: Migration, what an app ships, and Applied, what a file records."""

from __future__ import annotations

from embedmig.report import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HISTORY = "_migrations"  # the table in which a file records what was applied
TIMESTAMP = 1_000_000_000  # a version of ten digits or more is a time, and may leave gaps


class Migration(Value):
    """One numbered change to a file: `Migration(id, version, description, up, down=None, ...)`, the fields in this order.

    `up` and `down` are functions of `db` (a `sqlite_utils.Database`), of `db` and `progress`, or
    SQL text. `transactional=False` is for what can't run inside a transaction (VACUUM, journal
    modes): it runs at least once, so it must be safe to run again. `backward_compatible=True`
    lets the previous build go on using a file that has it. `requires_sqlite` ("3.35") is checked
    before anything runs. `loses_rows=True` says that rows go on purpose: `embedmig.testing` asks for
    it. `file`, `down_file` and `checksum` are filled in by the loader. `adopts` says what it is called in
    the record of the tool that the app came from: `("goose: 20210101_init",)`.
    """

    id: str
    version: int
    description: str
    up: Callable[..., object] | str
    down: Callable[..., object] | str | None = None
    transactional: bool = True
    backward_compatible: bool = False
    requires_sqlite: str | None = None
    file: str | None = None
    checksum: str | None = None
    down_file: str | None = None  # where it has one of its own
    loses_rows: bool = False
    adopts: tuple[str, ...] = ()


class Applied(Value):
    """One row of a file's history.

    `applied_at` is ISO 8601 in UTC as it is stored; `duration_ms` is None where it isn't known
    (a baseline, an adopted file). `finished` is False for a `transactional=False` migration
    that began and never ended.
    """

    version: int
    id: str
    description: str
    applied_at: str
    duration_ms: int | None = None
    checksum: str | None = None
    app_version: str | None = None
    backward_compatible: bool = False
    finished: bool = True
