INSERT INTO products VALUES ('a-1', 1, 'Pen', 1.29), ('b-2', 1, 'Desk', 199.5), ('a-1', 2, 'Other pen', 2);
INSERT INTO order_lines VALUES (1, 1, 'a-1', 3), (1, 1, 'b-2', 1), (2, 2, 'a-1', 10);
INSERT INTO categories VALUES (7, NULL, 'Own');
