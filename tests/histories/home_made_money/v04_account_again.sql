PRAGMA foreign_keys = OFF;
PRAGMA legacy_alter_table = ON;
BEGIN IMMEDIATE TRANSACTION;
CREATE TABLE new_account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE ON CONFLICT ABORT,
  kind TEXT NOT NULL REFERENCES kind (id),
  parent INTEGER REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED,
  sort TEXT COLLATE NOCASE AS (kind || '/' || name)
);
INSERT INTO new_account (id, name, kind)
  SELECT id, CASE WHEN n = 1 THEN name ELSE name || ' ' || n END, kind
  FROM (SELECT id, name, kind, row_number() OVER (PARTITION BY name ORDER BY id) AS n FROM account);
DROP TABLE account;
ALTER TABLE new_account RENAME TO account;
CREATE INDEX account_sort ON account (sort);
REPLACE INTO setting VALUES ('schema', 4);
COMMIT TRANSACTION;
PRAGMA legacy_alter_table = OFF;
PRAGMA foreign_key_check(booking);
PRAGMA foreign_keys = ON;
