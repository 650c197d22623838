"""embedmig, as its README says."""

from __future__ import annotations

import embedmig

DISTRIBUTIONS = ()  # it is the working tree
PROMISE = "all pending migrations or none; the file is backed up first"
RECORDED = "SELECT id FROM _migrations"
MIGRATIONS = f"{__name__}.migrations"


def launch(path: str, to: int = 4) -> None:
    if to < 4:
        embedmig.Migrator(MIGRATIONS).migrate(path, to=to)
    else:
        embedmig.open(path, MIGRATIONS).close()
