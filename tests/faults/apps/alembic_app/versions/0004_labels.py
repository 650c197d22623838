"""Labels have a table."""

from alembic import op
from faults.apps import story

revision, down_revision = "0004", "0003"


def upgrade():
    for statement in story.LAST:
        op.execute(statement)
