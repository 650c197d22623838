INSERT INTO entry_tags VALUES ('e1', 1), ('e2', 3);
