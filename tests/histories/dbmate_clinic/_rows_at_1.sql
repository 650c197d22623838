INSERT INTO patients VALUES (1, 'Ito, Aya', '1980-02-03'), (2, 'Berg', '1990-10-11');
INSERT INTO visits VALUES (1, 1, '2019-04-01', 'code:a00'), (2, 1, '2019-04-02', 'well; again'), (3, 2, '2019-04-02', '');
