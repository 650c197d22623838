INSERT INTO notebooks VALUES (3, 'Deep', 2);
INSERT INTO notes VALUES (3, 3, 'Twin', 'same #x', 5), (4, 3, 'Twin', 'same #x', 6), (5, 2, 'It''s [odd]', '`#tick`', 7);
