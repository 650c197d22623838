INSERT INTO patients VALUES (3, 'Cole', '2000-01-01', 'x');
INSERT INTO visits VALUES (4, 3, '2020-02-02', 'code:b');
