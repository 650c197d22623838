"""Notes, topics, and which note has which topic."""


def up(db):
    # This executescript() stays inside the run's transaction. The one of sqlite3 itself, db.conn.executescript(),
    # would commit first: embedmig refuses it.
    db.executescript("""
        CREATE TABLE notes (
          id INTEGER PRIMARY KEY,
          body TEXT NOT NULL,
          created_at TEXT NOT NULL,  -- ISO 8601, UTC
          updated_at TEXT NOT NULL
        );
        CREATE TABLE topics (
          id INTEGER PRIMARY KEY,
          name TEXT NOT NULL UNIQUE
        );
        CREATE TABLE notes_topics (
          note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
          topic_id INTEGER NOT NULL REFERENCES topics (id) ON DELETE CASCADE,
          PRIMARY KEY (note_id, topic_id)
        );
        -- The primary key finds a note's topics; this finds a topic's notes.
        CREATE INDEX notes_topics_by_topic ON notes_topics (topic_id);
    """)


def down(db):
    for table in ("notes_topics", "topics", "notes"):  # children first
        db.table(table).drop()
