"""Count the words of each note."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.add_column("notes", sa.Column("words", sa.Integer))
    connection = op.get_bind()
    for id, body in connection.execute(sa.text("SELECT id, body FROM notes")).all():
        connection.execute(
            sa.text("UPDATE notes SET words = :words WHERE id = :id"), {"words": len(body.split()), "id": id}
        )
