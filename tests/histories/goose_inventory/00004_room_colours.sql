-- +goose Up
-- In goose's own transaction, where foreign keys can't be turned off: goose leaves them off.
CREATE TABLE rooms_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    colour TEXT NOT NULL DEFAULT '#ffffff' CHECK (length(colour) = 7 AND colour GLOB '#*')
);
INSERT INTO rooms_new (id, name) SELECT id, name FROM rooms;
DROP TABLE rooms;
ALTER TABLE rooms_new RENAME TO rooms;

-- +goose Down
ALTER TABLE rooms DROP COLUMN colour;
