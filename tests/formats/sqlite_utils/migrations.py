"""The migrations of an app that used sqlite-utils' own."""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("notes")

COLUMNS = {"id": int, "body": str}


def _added(db, name):
    db[name].create(COLUMNS, pk="id")


@migrations()
def m001_notes(db):
    """Notes."""
    _added(db, "notes")


# Seldom used, and so in a table of their own.
@migrations(name="m002_tags")
def add_tags(db: Database):
    db["tags"].create({"note": int, "tag": str})


@migrations(transactional=False)
def m003_smaller(db):
    db.vacuum()
