"""
Tags
"""

from yoyo import step

__depends__ = {"0001.notes"}

steps = [
    step("CREATE TABLE tags (note INTEGER, tag TEXT)", "DROP TABLE tags"),
    step(
        """
        CREATE INDEX tags_note ON tags (note)
        """,
        "DROP INDEX tags_note",
    ),
]
