INSERT INTO posts (feed_id, guid, body) VALUES (4, 'b', 'jumping; landing');
