INSERT INTO chapter VALUES ('c4', 'b2', 'Four', 1, 4);
INSERT INTO reading_list VALUES (1, 'ben', 'c4');
