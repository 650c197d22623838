UPDATE items SET name = 'Big lamp' WHERE id = 2;
