"""What pytest finds wherever embedmig is installed: fixtures with the newest schema, made once a run and handed out as copies.

Imports nothing but pytest at its top: a test run that uses none of these must not pay for them.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlite_utils

    from embedmig.loader import Source
    from embedmig.migrator import Migrator

OPTION = "embedmig_migrations"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(OPTION, "the package of migrations that the fixtures migrated_db and migrated_file have run")


@pytest.fixture(scope="session")
def embedmig_migrations(request: pytest.FixtureRequest) -> Source | Migrator:
    """The migrations, or the Migrator, for migrated_db and migrated_file. Override it, or set it in the ini file."""
    name: str = request.config.getini(OPTION)
    if not name:
        pytest.fail(
            f'migrated_db does not know which migrations to run. Set {OPTION} = "notes_app.migrations" under'
            " [tool.pytest.ini_options], or override the fixture embedmig_migrations in conftest.py: return the package, or"
            " your Migrator, from it.",
            pytrace=False,
        )
    return name


@pytest.fixture(scope="session")
def _embedmig_newest(embedmig_migrations: Source | Migrator) -> tuple[Migrator, bytes]:
    """The bytes of a new file at the newest version: made once in a run."""
    from embedmig.policy import migrator_of
    from embedmig.testing.copies import newest

    migrator = migrator_of(embedmig_migrations, {})
    return migrator, newest(migrator)


@pytest.fixture
def migrated_db(_embedmig_newest: tuple[Migrator, bytes]) -> Iterator[sqlite_utils.Database]:
    """A database at the newest version, in memory, of this test alone: a `sqlite_utils.Database`, closed after the test."""
    import sqlite3

    import sqlite_utils

    migrator, image = _embedmig_newest
    conn = sqlite3.connect(":memory:")
    try:
        conn.deserialize(image)
        if migrator.prepare is not None:
            migrator.prepare(conn)
        yield sqlite_utils.Database(conn, execute_plugins=False)
    finally:
        conn.close()


@pytest.fixture
def migrated_file(_embedmig_newest: tuple[Migrator, bytes], tmp_path: Path) -> Path:
    """The path of a file at the newest version, of this test alone, for an app that opens it itself."""
    path = tmp_path / "migrated.db"
    path.write_bytes(_embedmig_newest[1])
    return path
