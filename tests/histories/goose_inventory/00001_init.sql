-- +goose Up
-- rooms hold items, items have photos
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL
);
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id INTEGER NOT NULL REFERENCES rooms(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    serial TEXT NOT NULL UNIQUE
);
CREATE TABLE photos (
    item_id INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    PRIMARY KEY (item_id, path)
);
CREATE INDEX idx_items_room ON items(room_id);

-- +goose Down
DROP TABLE photos;
DROP TABLE items;
DROP TABLE rooms;
