INSERT INTO notes VALUES (6, 1, 'New', 'a b c', 8);
