-- Accounts whose names differ only by blanks become one; the oldest stays.
CREATE TEMPORARY TABLE __merge (loser TEXT NOT NULL PRIMARY KEY, winner TEXT NOT NULL);

INSERT INTO __merge (loser, winner)
SELECT l.id, w.id
FROM accounts l JOIN accounts w ON trim(l.name) = trim(w.name) AND w.opened_on < l.opened_on;

UPDATE entries SET account_id = (SELECT winner FROM __merge WHERE loser = account_id)
WHERE account_id IN (SELECT loser FROM __merge);

DELETE FROM accounts WHERE id IN (SELECT loser FROM __merge);
UPDATE accounts SET name = trim(name);

DROP TABLE __merge;
