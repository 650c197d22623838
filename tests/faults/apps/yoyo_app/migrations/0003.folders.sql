-- A folder has a name, and nothing old: SQLite's own procedure, https://sqlite.org/lang_altertable.html#otheralter
-- depends: 0002.words
CREATE TABLE new_folders (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO new_folders SELECT id, name FROM folders;
DROP TABLE folders;
ALTER TABLE new_folders RENAME TO folders;
