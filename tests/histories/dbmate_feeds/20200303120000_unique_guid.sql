-- migrate:up
DELETE FROM posts WHERE id NOT IN (SELECT max(id) FROM posts GROUP BY feed_id, guid);
CREATE UNIQUE INDEX posts_guid ON posts (feed_id, guid);

-- migrate:down
DROP INDEX posts_guid;
