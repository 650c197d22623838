INSERT INTO kv VALUES ('app', 'size', '12', 1), ('app', 'name', 'not json; no', 2), ('other', 'list', '[1,2]', 3);
