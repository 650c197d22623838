"""A folder has a name, and nothing old."""


def up(db):
    db.table("folders").transform(not_null={"name"}, drop={"old"})
