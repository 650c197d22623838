SAVEPOINT seven;
CREATE TABLE tags (note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE, tag TEXT NOT NULL, PRIMARY KEY (note, tag)) WITHOUT ROWID;
SAVEPOINT guess;
INSERT INTO tags SELECT id, 'guess' FROM notes;
ROLLBACK TO SAVEPOINT guess;
RELEASE guess;
-- "#word" anywhere in a body is a tag
WITH RECURSIVE words (note, word, rest) AS (
  SELECT id, '', replace(body, char(10), ' ') || ' ' FROM notes
  UNION ALL
  SELECT note, substr(rest, 1, instr(rest, ' ') - 1), substr(rest, instr(rest, ' ') + 1) FROM words WHERE rest <> ''
)
INSERT OR IGNORE INTO tags SELECT note, lower(substr(word, 2)) FROM words WHERE word LIKE '#_%';
RELEASE SAVEPOINT seven;
PRAGMA user_version = 7;
