DROP VIEW balances;
ALTER TABLE entries ADD COLUMN amount DOUBLE NOT NULL DEFAULT 0;
UPDATE entries SET amount = cents / 100.0;
ALTER TABLE entries DROP COLUMN cents;
