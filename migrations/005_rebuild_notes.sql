-- Every note has a title of one line, and can be pinned.
--
-- ALTER TABLE can't add NOT NULL or CHECK to a column that is there: the table is built anew, by the numbers
-- of SQLite's own procedure (https://sqlite.org/lang_altertable.html#otheralter). Steps 1, 2 and 10 to 12 are
-- embedmig's (foreign keys off, BEGIN, look for rows without a parent, COMMIT, foreign keys on): leave them out.

-- migrate:up

-- 3. What hangs on the table: the triggers notes_ai, notes_ad and notes_au go with it, and come back in step 8.
--    The view does not go with it, and would make the rename in step 7 fail (this is step 9, done early).
DROP VIEW recent_notes;

-- 4.
CREATE TABLE new_notes (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL CHECK (instr(title, char(10)) = 0),
  body TEXT NOT NULL DEFAULT '',
  pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  created_at TEXT NOT NULL,  -- ISO 8601, UTC
  updated_at TEXT NOT NULL
);

-- 5. With the ids, since notes_topics points to them; with columns by name, since their order changed. One row
--    that breaks a new rule would keep its owner out of the app for good: such rows are mended on the way.
INSERT INTO new_notes (id, title, body, created_at, updated_at)
SELECT id, replace(coalesce(title, ''), char(10), ' '), body, created_at, updated_at FROM notes;

-- 6. and 7. In this order: had the old table been renamed first, notes_topics would have followed it.
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;

-- 8. The index itself is still right: same ids, same words. If words had changed:
--    INSERT INTO notes_fts (notes_fts) VALUES ('rebuild');
CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
  INSERT INTO notes_fts (rowid, title, body) VALUES (new.rowid, new.title, new.body);
END;
CREATE TRIGGER notes_ad AFTER DELETE ON notes BEGIN
  INSERT INTO notes_fts (notes_fts, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);
END;
CREATE TRIGGER notes_au AFTER UPDATE ON notes BEGIN
  INSERT INTO notes_fts (notes_fts, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);
  INSERT INTO notes_fts (rowid, title, body) VALUES (new.rowid, new.title, new.body);
END;

-- 9.
CREATE VIEW recent_notes AS
SELECT id, title, updated_at, pinned FROM notes ORDER BY pinned DESC, updated_at DESC, id DESC;

-- migrate:down

-- The same way back, without what version 4 didn't know.
DROP VIEW recent_notes;

CREATE TABLE new_notes (
  id INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  created_at TEXT NOT NULL,  -- ISO 8601, UTC
  updated_at TEXT NOT NULL,
  title TEXT
);
INSERT INTO new_notes (id, body, created_at, updated_at, title)
SELECT id, body, created_at, updated_at, title FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;

CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
  INSERT INTO notes_fts (rowid, title, body) VALUES (new.rowid, new.title, new.body);
END;
CREATE TRIGGER notes_ad AFTER DELETE ON notes BEGIN
  INSERT INTO notes_fts (notes_fts, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);
END;
CREATE TRIGGER notes_au AFTER UPDATE ON notes BEGIN
  INSERT INTO notes_fts (notes_fts, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);
  INSERT INTO notes_fts (rowid, title, body) VALUES (new.rowid, new.title, new.body);
END;

CREATE VIEW recent_notes AS SELECT id, title, updated_at FROM notes ORDER BY updated_at DESC, id DESC;
