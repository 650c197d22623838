"""The values that the verbs hand back: Status, Report, Progress; and what a value is here.

This module is loaded at every launch, so it imports nothing: a dataclass would cost more than
the whole launch may (dataclasses and typing together are a third of bare sqlite3's start-up).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, dataclass_transform

    from embedmig.migration import Applied
else:

    def dataclass_transform(**_kwargs):
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Value:
    """A frozen record: its fields are the annotations of the class, in their order."""

    if TYPE_CHECKING:
        _names: ClassVar[tuple[str, ...]]
        _defined: ClassVar[frozenset[str]]
        _defaults: ClassVar[dict[str, Any]]
    else:
        _names, _defined, _defaults = (), frozenset(), {}

    def __init_subclass__(cls) -> None:
        own = cls.__annotations__
        cls._names = (*cls._names, *own)  # an app may derive a class of its own, say from Migrator
        cls._defined = frozenset(cls._names)
        cls._defaults = {**cls._defaults, **{name: cls.__dict__[name] for name in own if name in cls.__dict__}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names, values = self._names, self.__dict__
        values.update(self._defaults)
        values.update(zip(names, args, strict=False))
        values.update(kwargs)
        if values.keys() != self._defined or len(args) > len(names) or (args and kwargs):
            self._refuse_wrong(args, kwargs)

    def _refuse_wrong(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        kind, names = type(self).__name__, self._names
        if len(args) > len(names):
            raise TypeError(f"{kind}() takes {len(names)} values, not {len(args)}")
        for name in kwargs:
            if name not in names or name in names[: len(args)]:
                raise TypeError(f"{kind}() got an unexpected or repeated {name!r}")
        if missing := [name for name in names if name not in self.__dict__]:
            raise TypeError(f"{kind}() lacks {', '.join(missing)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} can't be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} can't be deleted")

    def _fields(self) -> dict[str, object]:
        return {name: self.__dict__[name] for name in self._names}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((type(self), *self._fields().values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._fields().items())
        return f"{type(self).__name__}({fields})"


class Progress(Value):
    """What a run is doing now, handed to `on_progress`.

    `phase` is "waiting for another launch", "checking the file", "backing up", "started", "running", "finished" or "committing". `index` counts from 1 and `total` is the number of
    migrations in this run; both, like `id`, are None or 0 outside a migration. `done` and
    `total_rows` are rows, where the migration reports them by `progress(rows, total=n)`.
    `elapsed_s` is seconds since the verb was called.
    """

    id: str | None
    index: int
    total: int
    phase: str
    done: int | None = None
    total_rows: int | None = None
    elapsed_s: float = 0.0


class Report(Value):
    """What a verb did to a file: versions before and after, and the ids that ran, in order.

    `backup` is the path of the backup that was made or found good, or None. `duration_s` is seconds.
    """

    path: str | None
    before: int
    after: int
    ran: tuple[str, ...] = ()
    backup: str | None = None
    duration_s: float = 0.0


class Drift(Value):
    """How a file's schema differs from what its applied migrations make; false where it doesn't.

    `missing`, `unexpected` and `different` are names such as "index notes_by_date". `diff` shows each: lines with `-` are what
    the history makes, lines with `+` what the file has.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    different: tuple[str, ...]
    diff: str

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.different)

    def in_words(self) -> str:
        """`missing: index notes_by_date; different: table notes`: of each the first few names."""
        from embedmig.errors import listed

        kinds = (("missing", self.missing), ("unexpected", self.unexpected), ("different", self.different))
        return "; ".join(f"{kind}: {listed(names)}" for kind, names in kinds if names)


class Status(Value):
    """How a file stands against the shipped migrations.

    `applied` are rows of the history, in version order; `pending`, `unknown` and `edited` are ids. What a launch takes over from
    another tool's record is neither applied yet nor pending.
    `unknown` are applied here but not shipped by this build; `edited` were changed since they
    were applied. `backups` are paths, newest version first. `current` is True if a launch would find
    nothing to do and nothing to refuse. `warnings` are sentences about where the file lies, and why its drift can't
    be told; `drift` is None where it wasn't asked for, or can't be told.
    """

    path: str | None
    version: int
    applied: tuple[Applied, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]
    edited: tuple[str, ...]
    backups: tuple[str, ...]
    current: bool
    warnings: tuple[str, ...] = ()
    drift: Drift | None = None


class Rehearsed(Value):
    """What one migration did to the copy: milliseconds, rows written, rows of each table before and after, the schema's
    diff, bytes of the database before and after, and how many foreign keys it broke."""

    id: str
    duration_ms: int
    rows_written: int
    rows_before: dict[str, int]
    rows_after: dict[str, int]
    schema_diff: str
    bytes_before: int
    bytes_after: int
    new_violations: int


class Rehearsal(Value):
    """What a run would do to this very file; nothing was done to it.

    `report` has the file's own path. `per_migration` is in order. `rows_before` and `rows_after` are rows
    of each table. `schema_diff` is a unified diff. `bytes_needed` is the room on the disk that the real run
    takes at its peak, its backup included.
    """

    report: Report
    per_migration: tuple[Rehearsed, ...]
    rows_before: dict[str, int]
    rows_after: dict[str, int]
    schema_diff: str
    bytes_needed: int
