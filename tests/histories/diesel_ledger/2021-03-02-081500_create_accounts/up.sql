CREATE TABLE accounts (
  id        TEXT NOT NULL PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  opened_on DATE NOT NULL
);

CREATE TABLE payees (
  id   INTEGER     NOT NULL PRIMARY KEY AUTOINCREMENT,
  name VARCHAR(80) NOT NULL COLLATE NOCASE UNIQUE
);

CREATE TABLE entries (
  id         TEXT    NOT NULL PRIMARY KEY,
  account_id TEXT    NOT NULL REFERENCES accounts (id),
  payee_id   INTEGER NOT NULL REFERENCES payees (id),
  amount     DOUBLE  NOT NULL, -- in whole units; don't round here
  booked_on  DATE    NOT NULL,
  memo       TEXT
);

CREATE INDEX idx_entries_account ON entries (account_id, booked_on);
