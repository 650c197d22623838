INSERT INTO accounts VALUES ('a1', 'Giro', '2020-01-01'), ('a2', ' Giro', '2020-02-01'), ('a3', 'Cash', '2020-03-01');
INSERT INTO payees (id, name) VALUES (7, 'Baker'), (9, 'Landlord');
DELETE FROM payees WHERE id = 9;
INSERT INTO entries VALUES ('e1', 'a1', 7, -2.35, '2020-04-01', 'rolls; butter'), ('e2', 'a2', 7, 100.1, '2020-04-02', NULL);
