-- diesel runs each file in a transaction, where PRAGMA foreign_keys is a no-op: the app turns it off before.

CREATE TABLE new_accounts (
  id        TEXT NOT NULL PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  opened_on DATE NOT NULL,
  currency  CHAR(3) NOT NULL DEFAULT 'EUR' CHECK (length(currency) = 3)
);

INSERT INTO new_accounts (id, name, opened_on)
SELECT id, name, opened_on FROM accounts;

-- the view stands in the way of the rename
DROP VIEW balances;
DROP TABLE accounts;
ALTER TABLE new_accounts RENAME TO accounts;

CREATE VIEW balances AS
  SELECT a.id, a.name, a.currency, coalesce(sum(e.cents), 0) AS cents
  FROM accounts a LEFT JOIN entries e ON e.account_id = a.id
  GROUP BY a.id;
