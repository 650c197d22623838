INSERT INTO feeds VALUES (3, 'https://x.example'), (4, 'https://y.example');
INSERT INTO posts (feed_id, guid, body) VALUES (3, 'a', 'old running'), (3, 'a', 'new runs'), (4, 'a', 'it''s walking');
