"""A small notes app on top of embedmig: every launch opens the user's file, and so brings it up to date."""

from __future__ import annotations

import sqlite3

import migrations
from embedmig import Migrator

__version__ = "6.0"

APPLICATION_ID = 0x4E4F5445  # "NOTE": drawn once and kept for ever, so that other apps' files are refused


def prepare(conn: sqlite3.Connection) -> None:
    """On every connection, since SQLite keeps this setting in none of its files."""
    conn.execute("PRAGMA foreign_keys = ON")


MIGRATOR = Migrator(migrations, application_id=APPLICATION_ID, app_version=__version__, prepare=prepare)
