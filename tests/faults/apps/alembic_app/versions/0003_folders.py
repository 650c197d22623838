"""A folder has a name, and nothing old."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade():
    with op.batch_alter_table("folders") as batch:
        batch.alter_column("name", existing_type=sa.Text, nullable=False)
        batch.drop_column("old")
