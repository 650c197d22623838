CREATE VIEW balance AS
SELECT a.id, a.name,
       (SELECT coalesce(sum(amount), 0) FROM booking WHERE debit = a.id)
     - (SELECT coalesce(sum(amount), 0) FROM booking WHERE credit = a.id) AS amount
FROM account AS a;

CREATE TRIGGER booking_is_final BEFORE UPDATE OF amount, debit, credit ON booking
WHEN (SELECT value FROM setting WHERE key = 'closed') >= OLD.day
BEGIN
  SELECT RAISE(ROLLBACK, 'the year is closed; book the opposite');
END;

CREATE INDEX booking_month ON booking (strftime('%Y-%m', day));
REPLACE INTO setting VALUES ('schema', 3);
