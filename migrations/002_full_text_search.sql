-- Full-text search in the notes.

-- migrate:up

-- The index keeps no text of its own: content="notes" lets it read the table. The names are those that
-- sqlite-utils gives, so that its db.table("notes").search() works too.
CREATE VIRTUAL TABLE notes_fts USING fts5 (body, content="notes");

CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
  INSERT INTO notes_fts (rowid, body) VALUES (new.rowid, new.body);
END;

-- An index without text can't look up what it forgets: it must be told the old words.
CREATE TRIGGER notes_ad AFTER DELETE ON notes BEGIN
  INSERT INTO notes_fts (notes_fts, rowid, body) VALUES ('delete', old.rowid, old.body);
END;

CREATE TRIGGER notes_au AFTER UPDATE ON notes BEGIN
  INSERT INTO notes_fts (notes_fts, rowid, body) VALUES ('delete', old.rowid, old.body);
  INSERT INTO notes_fts (rowid, body) VALUES (new.rowid, new.body);
END;

-- Triggers see later changes only; the notes that are already there are indexed here.
INSERT INTO notes_fts (notes_fts) VALUES ('rebuild');

-- migrate:down

DROP TRIGGER notes_ai;
DROP TRIGGER notes_ad;
DROP TRIGGER notes_au;
DROP TABLE notes_fts;
