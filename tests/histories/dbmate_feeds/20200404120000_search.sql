-- migrate:up
CREATE VIRTUAL TABLE search USING fts5 (body, content='', tokenize='porter unicode61');
INSERT INTO search (rowid, body) SELECT id, body FROM posts;
CREATE TRIGGER posts_search AFTER INSERT ON posts
    WHEN NEW.body IS NOT NULL
BEGIN
    INSERT INTO search (rowid, body) VALUES (NEW.id, NEW.body);
END;

-- migrate:down
DROP TRIGGER posts_search;
DROP TABLE search;
