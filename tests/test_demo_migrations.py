"""The demo app proves its own migrations, as an app would: with one line."""

from __future__ import annotations

import embedmig.testing

test_migrations = embedmig.testing.suite("migrations")
