"""Labels have a table."""

from faults.apps import story


def up(db):
    for statement in story.LAST:
        db.execute(statement)
