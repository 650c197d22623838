-- version 1 -- the very first
CREATE TABLE IF NOT EXISTS notebooks (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notes (
  id INTEGER PRIMARY KEY,
  notebook INTEGER REFERENCES notebooks ON DELETE CASCADE,
  title TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL DEFAULT ''
);
INSERT OR REPLACE INTO notebooks (id, name) VALUES (1, 'Inbox');
PRAGMA user_version = 1;
