"""Add user settings table."""


def up(db):
    db.table("user_settings").create({"id": int, "key": str, "value": str}, pk="id", not_null={"key"})
    db.table("user_settings").create_index(["key"], unique=True)


def down(db):
    db.table("user_settings").drop()
