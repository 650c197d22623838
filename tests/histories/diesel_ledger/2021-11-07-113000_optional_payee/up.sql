-- Written when SQLite did not yet rewrite references at a rename: entry_tags points to old_entries
-- from here on, until the next migration.
ALTER TABLE entries RENAME TO old_entries;

CREATE TABLE entries (
  id         TEXT    NOT NULL PRIMARY KEY,
  account_id TEXT    NOT NULL REFERENCES accounts (id),
  payee_id   INTEGER REFERENCES payees (id), -- now it may be missing
  amount     DOUBLE  NOT NULL,
  booked_on  DATE    NOT NULL,
  memo       TEXT
);

INSERT INTO entries (id, account_id, payee_id, amount, booked_on, memo)
SELECT id, account_id, payee_id, amount, booked_on, memo FROM old_entries;

DROP TABLE old_entries;

CREATE INDEX idx_entries_account ON entries (account_id, booked_on);
