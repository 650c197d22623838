"""Tags."""

import sqlalchemy as sa
from alembic import op

revision = "ae1027a6acf2"
down_revision = "1975ea83b712"


def upgrade():
    op.create_table("tags", sa.Column("note", sa.Integer), sa.Column("tag", sa.Text))


def downgrade():
    op.drop_table("tags")
