"""Files for tests of one's own: at any version, with rows; brought further; files of released versions kept in the repository."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

import sqlite_utils

from embedmig import diagnosis, file, history, plan, verbs
from embedmig.errors import EmbedmigError, UsageError
from embedmig.policy import changed, migrator_of
from embedmig.testing import keeping, strategies
from embedmig.testing.copies import opened
from embedmig.testing.subject import Refuted, Subject, between, everything, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from embedmig.loader import Source
    from embedmig.migrator import Db, Migrator
    from embedmig.report import Report

    Rows = Mapping[str, Iterable[Mapping[str, object]]]

ENDINGS = (".db", ".sqlite", ".sqlite3", ".db3")


def database_at(
    migrations: Source | Migrator,
    version: int,
    rows: Rows | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
) -> sqlite_utils.Database:
    """A new file at this version with these rows in it: `database_at("notes_app.migrations", 3, {"notes": [{"body": "x"}]})`.

    In memory, or at `path`, where no file may be yet. What `database()` has drawn will do as `rows`. Version 0 is an empty
    file. Close it.
    """
    migrator = changed(migrator_of(migrations, {}), backups_kept=0)
    name = ":memory:" if path is None else os.fspath(path)
    if path is not None and os.path.exists(name):
        raise UsageError(f"{name} is there already.", hint="Give the path of a file that is not there yet.")
    conn = sqlite3.connect(name)
    try:
        if version:
            migrator.migrate(conn, to=version)
        verbs.prepare(migrator, conn, None if path is None else os.path.abspath(name))
        strategies.fill(conn, {table: [dict(row) for row in found] for table, found in (rows or {}).items()})
    except BaseException:
        conn.close()
        raise
    return sqlite_utils.Database(conn, execute_plugins=False)


def advance(db: Db, migrations: Source | Migrator, *, to: int | None = None) -> Report:
    """Bring a file further: to version `to`, or to the newest. No backup is made. Raises what a launch raises."""
    return changed(migrator_of(migrations, {}), backups_kept=0).migrate(db, to=to)


def golden(path: str | os.PathLike[str], migrations: Source | Migrator) -> sqlite_utils.Database:
    """A copy, in memory, of a file of a released version, at the newest version; the file itself is only read.

    On the way all is looked at that the suite looks at: AssertionError where a row is lost, or where the schema
    is not that of a new file. Close it.
    """
    subject = Subject(migrations)
    if subject.broken is not None:
        raise subject.broken
    look_at(subject, Path(path))
    db = sqlite_utils.Database(memory=True, execute_plugins=False)
    try:
        db.conn.deserialize(image_of(path))
        verbs.prepare(subject.migrator, db.conn, None)
        advance(db, subject.migrator)
    except BaseException:
        db.close()
        raise
    return db


def released(folder: Path) -> list[Path]:
    """The files of released versions that lie in a folder. UsageError where there are none."""
    found = sorted(path for path in folder.glob("*") if path.suffix in ENDINGS)
    if not found:
        cure = f"Keep one of each released version there, called *{' or *'.join(ENDINGS)}; database_at(..., path=) makes one."
        raise UsageError(f"There are no files of released versions in {folder}.", hint=cure)
    return found


def image_of(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file, with what may still be in its WAL. The file itself, and its folder, are not written to.

    Raises UsageError where there is none, NotADatabase and the like where it is something else.
    """
    if not file.size(os.path.abspath(path)):
        raise UsageError(f"There is no database at {os.fspath(path)}.", hint="Give the path of the file that is meant.")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "golden.db")
        for end in ("", "-wal", "-journal"):
            if os.path.exists(f"{os.fspath(path)}{end}"):
                Path(f"{copy}{end}").write_bytes(Path(f"{os.fspath(path)}{end}").read_bytes())
        conn = sqlite3.connect(copy)
        try:
            conn.execute("PRAGMA journal_mode = DELETE").fetchall()
        except sqlite3.Error as error:
            raise diagnosis.explained(error, os.path.abspath(path)) from error
        finally:
            conn.close()
        return copy.read_bytes()


def look_at(subject: Subject, path: Path) -> None:
    """Does this file reach the newest version with all its rows, and has it the schema of a new file then? Refuted if not."""
    with opened(subject.migrator, image_of(path)) as conn, opened(subject.migrator, b"") as fresh:
        version = plan.version_of(history.read(conn) or ())
        try:
            subject.migrate(fresh)
            keeping.look_at(subject, conn, version)
            subject.migrate(conn)
        except EmbedmigError as error:
            raise Refuted(f"{path.name}: {error}") from error
        except Refuted as error:
            raise Refuted(f"{path.name}: {error}") from error
        if lines := between(everything(fresh), everything(conn), subject.accept).diff.splitlines():
            what = f"{path.name}, from version {version}, gets another schema (+) than a new file (-):"
            raise Refuted(told(what, lines, "Write a migration that makes the two alike."))
