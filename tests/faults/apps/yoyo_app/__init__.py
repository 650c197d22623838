"""yoyo, called from Python as https://ollycope.com/software/yoyo/latest/#calling-yoyo-from-python-code says."""

from __future__ import annotations

import os

from yoyo import get_backend, read_migrations

DISTRIBUTIONS = ("yoyo-migrations",)
PROMISE = "each migration in one transaction; a lock against a second run"
RECORDED = "SELECT migration_id FROM _yoyo_migration"
FOLDER = os.path.join(os.path.dirname(__file__), "migrations")

# By default a launch waits for 10 s. Nobody else runs here: where the lock is still there, a process that was killed
# has left it, and waiting longer changes nothing but the time that the table takes.
WAIT = 0.05


def launch(path: str, to: int = 4) -> None:
    backend = get_backend(f"sqlite:///{path}")
    try:
        migrations = read_migrations(FOLDER)
        with backend.lock(timeout=WAIT):
            backend.apply_migrations(backend.to_apply(migrations.filter(lambda m: int(m.id[:4]) <= to)))
    finally:
        backend.connection.close()
