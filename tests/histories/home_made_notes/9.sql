PRAGMA foreign_keys=off; BEGIN; CREATE TABLE notes_9 (
  id INTEGER PRIMARY KEY, notebook INTEGER NOT NULL DEFAULT 1 REFERENCES notebooks ON DELETE CASCADE,
  title TEXT NOT NULL DEFAULT '', body TEXT NOT NULL DEFAULT '', changed INTEGER NOT NULL DEFAULT 0,
  words INTEGER GENERATED ALWAYS AS (length(body) - length(replace(body, ' ', '')) + 1) STORED
) STRICT; INSERT INTO notes_9 (id, notebook, title, body, changed) SELECT id, coalesce(notebook, 1), title, body, changed FROM notes;
DROP TABLE notes; ALTER TABLE notes_9 RENAME TO notes;
CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
  INSERT INTO notes_fts(rowid, title, body) VALUES (new.id, new.title, new.body); END;
CREATE TRIGGER notes_ad AFTER DELETE ON notes BEGIN
  INSERT INTO notes_fts(notes_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;
CREATE TRIGGER notes_au AFTER UPDATE OF title, body ON notes BEGIN
  INSERT INTO notes_fts(notes_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
  INSERT INTO notes_fts(rowid, title, body) VALUES (new.id, new.title, new.body); END;
PRAGMA user_version = 9; END; PRAGMA foreign_keys=on
