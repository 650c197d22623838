-- migrate:up

/* Codes form a tree:
     A -> A0 -> A00; it's kept as paths.
*/
CREATE TABLE codes (
  code TEXT PRIMARY KEY,
  parent TEXT REFERENCES codes (code) DEFERRABLE INITIALLY DEFERRED,
  path TEXT
) WITHOUT ROWID;

INSERT INTO codes (code, parent) VALUES ('A00', 'A0'), ('A0', 'A'), ('A', NULL), ('B', NULL);

WITH RECURSIVE tree (code, path) AS (
  SELECT code, '/' || code FROM codes WHERE parent IS NULL
  UNION ALL
  SELECT c.code, t.path || '/' || c.code FROM codes c JOIN tree t ON c.parent = t.code
)
UPDATE codes SET path = (SELECT path FROM tree WHERE tree.code = codes.code);

ALTER TABLE visits ADD COLUMN code TEXT REFERENCES codes (code);
UPDATE visits SET code = upper(substr(notes, 6)) WHERE notes LIKE 'code:%';

-- migrate:down
ALTER TABLE visits DROP COLUMN code;
DROP TABLE codes;
