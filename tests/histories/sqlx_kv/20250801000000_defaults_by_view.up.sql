INSERT INTO pairs (namespace, key, value) VALUES ('App', 'theme', '"dark"'), ('new', 'a->b', '{"a": [1, 2, "; 3"]}');
