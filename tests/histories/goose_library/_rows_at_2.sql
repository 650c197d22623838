INSERT INTO author VALUES ('ar1', 'The Bs', 'Bs'), ('ar2', 'As', 'As');
INSERT INTO book VALUES ('b1', 'First; last', 'ar1', '{}', '2023-01-01 10:00:00 +0200 CEST'), ('b2', 'Other', 'ar2', '{}', '2023-01-02');
INSERT INTO chapter VALUES ('c1', 'b1', 'One', 1, 61.5), ('c2', 'b1', 'Two', 2, 60), ('c3', 'b2', 'Three', 1, 1);
INSERT INTO reading_list VALUES (1, 'ann', 'c3'), (2, 'ann', 'c1');
