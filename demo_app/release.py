"""The app as it was: `as_of(2)` is the release that shipped versions 1 and 2 of the file, and knows of no other."""

from __future__ import annotations

from demo_app import APPLICATION_ID, MIGRATOR, prepare
from embedmig import Migrator, definition

NEWEST = len(definition.find(MIGRATOR.migrations))


def as_of(version: int | None) -> Migrator:
    """The migrator of the release whose newest version was this one; today's for None. ValueError where there was none."""
    if version is None or version == NEWEST:
        return MIGRATOR
    if not 1 <= version < NEWEST:
        raise ValueError(f"there are releases as of version 1 to {NEWEST}")
    shipped = [definition.with_checksum(known) for known in definition.find(MIGRATOR.migrations)[:version]]
    return Migrator(shipped, application_id=APPLICATION_ID, app_version=f"{version}.0", prepare=prepare)
