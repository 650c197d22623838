"""Alembic, as generated: `command.upgrade(config, "head")`, https://alembic.sqlalchemy.org/en/latest/api/commands.html."""

from __future__ import annotations

import os

from alembic import command
from alembic.config import Config

DISTRIBUTIONS = ("alembic", "SQLAlchemy")
PROMISE = 'none: it logs "Will assume non-transactional DDL" on SQLite'
RECORDED = "SELECT version_num FROM alembic_version"


def launch(path: str, to: int = 4, transactional: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", os.path.dirname(__file__))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}")
    config.attributes["transactional"] = transactional
    command.upgrade(config, f"{to:04}" if to < 4 else "head")
