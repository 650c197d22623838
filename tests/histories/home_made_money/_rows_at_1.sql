INSERT INTO account (name, kind) VALUES ('Bank', 'asset'), ('Shop', 'cost'), ('Bank', 'asset'), ('Odd', 'other');
INSERT INTO booking (debit, credit, amount, day) VALUES (2, 1, 1999, '2020-01-31'), (2, 3, 5, '2021-02-01');
INSERT INTO setting VALUES ('closed', '2020-12-31');
