"""Files as bytes, and databases in memory made of them: a copy costs less than a millisecond."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager

from embedmig import file, transaction, verbs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from embedmig.migrator import Migrator

_AUTOCOMMIT: Any = None  # no transaction of Python's own stands open when a run begins


@contextmanager
def opened(migrator: Migrator, image: bytes) -> Iterator[sqlite3.Connection]:
    """A file's bytes as a database in memory, prepared as the app has it; no compiled statements are kept, for the guard."""
    with closing(sqlite3.connect(file.MEMORY, cached_statements=0, isolation_level=_AUTOCOMMIT)) as conn:
        if image:
            conn.deserialize(image)
        verbs.prepare(migrator, conn, None)
        yield conn


def image(conn: sqlite3.Connection) -> bytes:
    """The bytes of a database in memory; none where nothing was made yet."""
    return conn.serialize() if transaction.page_count(conn) else b""


def newest(migrator: Migrator) -> bytes:
    """The bytes of a new file at the newest version."""
    with opened(migrator, b"") as conn:
        migrator.migrate(conn)
        return image(conn)
