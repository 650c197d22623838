INSERT INTO kv VALUES ('other', 'nothing', 'null', 4), ('gone', 'x', '1', 5);
DELETE FROM kv WHERE namespace = 'gone';
