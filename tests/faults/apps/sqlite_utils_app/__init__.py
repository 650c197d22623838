"""sqlite-utils: `migrations.apply(db)`, https://sqlite-utils.datasette.io/en/stable/migrations.html."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from faults.apps import story

DISTRIBUTIONS = ("sqlite-utils",)
PROMISE = "each migration and its record in one transaction"
RECORDED = "SELECT name FROM _sqlite_migrations"
migrations = Migrations("notes")


@migrations()
def m001_first(db):
    for statement in story.FIRST:
        db.execute(statement)


@migrations()
def m002_words(db):
    db.execute(story.ADD_WORDS)
    story.count_words(db.conn)


@migrations()
def m003_folders(db):
    db["folders"].transform(not_null={"name"}, drop={"old"})


@migrations()
def m004_labels(db):
    for statement in story.LAST:
        db.execute(statement)


NAMES = [m001_first, m002_words, m003_folders, m004_labels]


def launch(path: str, to: int = 4) -> None:
    db = Database(path)
    try:
        migrations.apply(db, stop_before=NAMES[to].__name__ if to < 4 else None)
    finally:
        db.close()
