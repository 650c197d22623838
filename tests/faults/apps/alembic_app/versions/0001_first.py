"""Folders, notes and tags."""

from alembic import op
from faults.apps import story

revision, down_revision = "0001", None


def upgrade():
    for statement in story.FIRST:
        op.execute(statement)
