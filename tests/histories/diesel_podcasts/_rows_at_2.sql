INSERT INTO chapters VALUES (10, 2, 'The end; really'), (10, 1, 'Hello'), (12, 1, 'All of it');
