"""Count the words of each note."""

from faults.apps import story


def up(db):
    db.execute(story.ADD_WORDS)
    story.count_words(db.conn)
