"""The values that the verbs hand back: Status, Report, Progress; and what a value is here.

This module is loaded at every launch, so it imports nothing: a dataclass would cost more than
the whole launch may (dataclasses and typing together are a third of bare sqlite3's start-up).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, dataclass_transform

    from embedmig.migration import Applied
else:

    def dataclass_transform(**_kwargs):
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Value:
    """A frozen record: its fields are the annotations of the class, in their order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = list(type(self).__annotations__)
        if len(args) > len(names):
            raise TypeError(f"{type(self).__name__}() takes {len(names)} values, not {len(args)}")
        given = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name in given or name not in names:
                raise TypeError(f"{type(self).__name__}() got an unexpected or repeated {name!r}")
            given[name] = value
        missing = [n for n in names if n not in given and not hasattr(type(self), n)]
        if missing:
            raise TypeError(f"{type(self).__name__}() lacks {', '.join(missing)}")
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} can't be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} can't be deleted")

    def _fields(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in type(self).__annotations__}

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

    `phase` is one of the constants below. `index` counts from 1 and `total` is the number of
    migrations in this run; both, like `id`, are None or 0 outside a migration. `done` and
    `total_rows` are rows, where the migration reports them by `progress(rows, total=n)`.
    `elapsed_s` is seconds since the verb was called (while waiting: since the wait began).
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


class Status(Value):
    """How a file stands against the shipped migrations.

    `applied` are rows of the history, in version order; `pending`, `unknown` and `edited` are ids.
    `unknown` are applied here but not shipped by this build; `edited` were changed since they
    were applied. `backups` are paths, newest first. `current` is True if a launch would find
    nothing to do and nothing to refuse.
    """

    path: str | None
    version: int
    applied: tuple[Applied, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]
    edited: tuple[str, ...]
    backups: tuple[str, ...]
    current: bool
