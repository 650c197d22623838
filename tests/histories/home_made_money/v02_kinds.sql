BEGIN;
CREATE TABLE kind (id TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO kind VALUES ('asset'), ('debt'), ('income'), ('cost');
INSERT OR IGNORE INTO kind SELECT DISTINCT kind FROM account;

-- a new table, the rows, the old one away, the new name
CREATE TABLE new_account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  kind TEXT NOT NULL REFERENCES kind (id)
);
INSERT INTO new_account SELECT id, name, kind FROM account;
DROP TABLE account;
ALTER TABLE new_account RENAME TO account;
UPDATE setting SET value = 2 WHERE key = 'schema';
COMMIT;
