DROP VIEW balances;
ALTER TABLE accounts DROP COLUMN currency;
CREATE VIEW balances AS
  SELECT a.id, a.name, coalesce(sum(e.cents), 0) AS cents
  FROM accounts a LEFT JOIN entries e ON e.account_id = a.id
  GROUP BY a.id;
