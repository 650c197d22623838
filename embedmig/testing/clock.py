"""A year later: what Python and SQLite say about the time, to find migrations that depend on it."""

from __future__ import annotations

import datetime
import sqlite3
import time
from contextlib import closing, contextmanager
from functools import partial

from embedmig.file import MEMORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

LATER = datetime.timedelta(days=399, hours=5, minutes=7, seconds=11)  # another year, month, day, hour, minute, second
_SECONDS = int(LATER.total_seconds())
_MODIFIER = f"+{_SECONDS} seconds"
# SQLite's functions of time, and where 'now' may stand among what they are given (https://sqlite.org/lang_datefunc.html)
_TAKE_NOW = {"date": 0, "time": 0, "datetime": 0, "julianday": 0, "unixepoch": 0, "strftime": 1}
_CURRENT = {"current_date": "date", "current_time": "time", "current_timestamp": "datetime"}

_datetime, _time = datetime.datetime, time.time


class _AsBefore(type):
    """Whatever was a date or a datetime is one still."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__bases__[0])


class _LaterDate(datetime.date, metaclass=_AsBefore):
    @classmethod
    def today(cls) -> Any:
        return (_datetime.now() + LATER).date()  # date.today() itself asks time.time()


class _LaterDatetime(datetime.datetime, metaclass=_AsBefore):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _datetime.now(tz) + LATER

    @classmethod
    def utcnow(cls) -> Any:
        return _datetime.now(datetime.UTC).replace(tzinfo=None) + LATER

    @classmethod
    def today(cls) -> Any:
        return _datetime.now() + LATER


def _replacements() -> list[tuple[object, object]]:
    def broken_down(real: Any) -> Any:
        return lambda seconds=None: real(_time() + _SECONDS if seconds is None else seconds)

    return [
        (datetime.datetime, _LaterDatetime),
        (datetime.date, _LaterDate),
        (time.time, lambda: _time() + _SECONDS),
        (time.time_ns, partial(_time_ns, time.time_ns)),
        (time.gmtime, broken_down(time.gmtime)),
        (time.localtime, broken_down(time.localtime)),
        (time.strftime, partial(_strftime, time.strftime, time.localtime)),
    ]


def _time_ns(real: Any) -> int:
    return int(real()) + _SECONDS * 1_000_000_000


def _strftime(real: Any, localtime: Any, format: str, when: Any = None) -> str:
    return str(real(format, localtime(_time() + _SECONDS) if when is None else when))


@contextmanager
def later(namespaces: Iterable[dict[str, Any]]) -> Iterator[None]:
    """Within, Python's clocks in `datetime`, `time` and these namespaces say a later time."""
    by_id = {id(real): (real, instead) for real, instead in _replacements()}
    replaced = [
        (namespace, name, *by_id[id(value)])
        for namespace in (vars(datetime), vars(time), *namespaces)
        for name, value in list(namespace.items())
        if id(value) in by_id
    ]
    try:
        for namespace, name, _, instead in replaced:
            namespace[name] = instead
        yield
    finally:
        for namespace, name, real, _ in replaced:
            namespace[name] = real


@contextmanager
def later_in(conn: sqlite3.Connection) -> Iterator[None]:
    """Within, what SQLite takes for `now` on this connection is a later time."""
    with closing(sqlite3.connect(MEMORY)) as asked:
        for name, place in _TAKE_NOW.items():
            conn.create_function(name, -1, partial(_ask, asked, name, place), deterministic=True)
        for name, of in _CURRENT.items():
            conn.create_function(name, 0, partial(_ask, asked, of, 0))
        yield


def _ask(asked: sqlite3.Connection, name: str, place: int, *given: Any) -> Any:
    values = [*given, "now"] if len(given) == place else list(given)
    if isinstance(values[place], str) and values[place].lower() == "now":
        values.insert(place + 1, _MODIFIER)
    return asked.execute(f"SELECT {name}({', '.join('?' * len(values))})", values).fetchone()[0]
