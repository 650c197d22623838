"""Alembic with what two pages of its and SQLAlchemy's documentation say that makes SQLite's DDL transactional.

https://docs.sqlalchemy.org/en/latest/dialects/sqlite.html#sqlite-enabling-transactions, and `transactional_ddl` of
https://alembic.sqlalchemy.org/en/latest/api/runtime.html: see `env.py` in `alembic_app`, which both share.
"""

from __future__ import annotations

from faults.apps import alembic_app

DISTRIBUTIONS = alembic_app.DISTRIBUTIONS
PROMISE = "each migration in one transaction, once two settings are found"
RECORDED = alembic_app.RECORDED


def launch(path: str, to: int = 4) -> None:
    alembic_app.launch(path, to, transactional=True)
