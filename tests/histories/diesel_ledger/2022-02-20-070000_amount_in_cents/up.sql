ALTER TABLE entries
    ADD COLUMN
    cents BIGINT NOT NULL DEFAULT 0;

UPDATE entries SET cents = CAST(round(amount * 100) AS INTEGER);

ALTER TABLE entries DROP COLUMN amount;

CREATE VIEW balances AS
  SELECT a.id, a.name, coalesce(sum(e.cents), 0) AS cents
  FROM accounts a LEFT JOIN entries e ON e.account_id = a.id
  GROUP BY a.id;
