-- migrate:up
PRAGMA foreign_keys=off;

CREATE TABLE feeds_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    url TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL DEFAULT 'untitled'
);
INSERT INTO feeds_new (id, url) SELECT id, url FROM feeds;
DROP TABLE feeds;
ALTER TABLE feeds_new RENAME TO feeds;

PRAGMA foreign_keys=on;

-- migrate:down
ALTER TABLE feeds DROP COLUMN title;
