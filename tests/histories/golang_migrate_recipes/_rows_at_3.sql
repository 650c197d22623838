INSERT INTO photo (id, name, album) VALUES (20, 'inside.jpg', 3);
INSERT INTO recipe (id, title, cooked, first_cooked) VALUES (6, 'Stew', 1, '2021-01-01 10:00:00');
INSERT INTO recipe_photo_of VALUES (6, 20);
