ALTER TABLE booking RENAME TO entry;
ALTER TABLE entry RENAME COLUMN day TO booked_on;
ALTER TABLE entry ADD COLUMN note TEXT NOT NULL DEFAULT '--';
UPDATE entry SET note = printf('%s -> %s; %.2f', (SELECT name FROM account WHERE id = credit), (SELECT name FROM account WHERE id = debit), amount / 100.0)
WHERE booked_on > coalesce((SELECT value FROM setting WHERE key = 'closed'), '');
REPLACE INTO setting VALUES ('schema', 5)
