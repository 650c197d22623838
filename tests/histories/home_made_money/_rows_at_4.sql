INSERT INTO account (id, name, kind, parent) VALUES (50, 'Sub', 'asset', 1);
INSERT INTO booking (debit, credit, amount, day) VALUES (50, 4, 100, '2021-03-01');
