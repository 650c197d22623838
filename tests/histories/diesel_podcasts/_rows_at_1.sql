INSERT INTO feeds VALUES (1, 'https://a.example/feed', 'A'), (2, 'https://b.example/feed', 'B');
INSERT INTO episodes (id, feed_id, title, published) VALUES (10, 1, 'second', '2020-01-02'), (11, 1, 'first', '2020-01-01'), (12, 2, 'only', '2020-01-03');
UPDATE episodes SET state = 'heard' WHERE id = 11;
