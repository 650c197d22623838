INSERT INTO book VALUES (1, 'Big', NULL), (2, 'Small', 1);
INSERT INTO course VALUES (1, 'soup'), (2, 'starter');
INSERT INTO recipe VALUES (3, 'a.jpg', 2, 2, '2020-01-01 10:00:00'), (4, 'b.jpg', 0, NULL, '2020-01-02 10:00:00'), (5, 'c.jpg', 9, 1, '2020-01-03 10:00:00');
INSERT INTO recipe_course VALUES (3, 1), (3, 2), (5, 1);
DELETE FROM recipe WHERE id = 5;
DELETE FROM recipe_course WHERE recipe = 5;
