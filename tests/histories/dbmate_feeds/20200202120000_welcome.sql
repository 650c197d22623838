-- migrate:up
INSERT INTO feeds (id, url) VALUES (1, 'app://welcome');
INSERT INTO posts (feed_id, guid, body) VALUES (1, 'welcome', 'Dear reader,
-- this line is text; so is the next
/* really */
yours');

-- migrate:down
DELETE FROM feeds WHERE id = 1;
DELETE FROM posts WHERE feed_id = 1;
