"""Folders, notes and tags."""

from faults.apps import story


def up(db):
    for statement in story.FIRST:
        db.execute(statement)
