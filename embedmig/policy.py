"""What verbs outside the Migrator are given: migrations and a policy, or a Migrator that has both, perhaps with another policy."""

from __future__ import annotations

import copy

from embedmig.errors import UsageError
from embedmig.migrator import Migrator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from embedmig.loader import Source


def migrator_of(migrations: Source | Migrator, policy: dict[str, Any]) -> Migrator:
    """The Migrator itself, or one made of the two. UsageError for a policy beside a Migrator."""
    if not isinstance(migrations, Migrator):
        return Migrator(migrations, **policy)
    if policy:
        what = f"A Migrator has its own policy, and here is more: {', '.join(policy)}."
        raise UsageError(what, hint="Give it to the Migrator.")
    return migrations


def changed(migrator: Migrator, **policy: object) -> Migrator:
    """The same Migrator with some of its fields changed, by their names in it: `backups_kept`."""
    other = copy.copy(migrator)  # an app may derive one
    other.__dict__.update(policy)
    return other
