-- +goose Up
-- +goose NO TRANSACTION
PRAGMA foreign_keys=OFF;
BEGIN IMMEDIATE;

CREATE TABLE items_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id INTEGER NOT NULL REFERENCES rooms(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    serial TEXT
);
INSERT INTO items_new (id, room_id, name, serial) SELECT id, room_id, name, NULLIF(serial, '') FROM items;
DROP TABLE items;
ALTER TABLE items_new RENAME TO items;
CREATE INDEX idx_items_room ON items(room_id);
CREATE UNIQUE INDEX idx_items_serial ON items(serial) WHERE serial IS NOT NULL;

-- +goose StatementBegin
CREATE TRIGGER items_changed AFTER UPDATE ON items
BEGIN
    INSERT INTO changes (item_id, what)
    VALUES (NEW.id, CASE WHEN OLD.name <> NEW.name THEN 'renamed; was ' || OLD.name ELSE 'moved' END);
END;
-- +goose StatementEnd

COMMIT;
PRAGMA foreign_keys=ON;

-- +goose Down
-- +goose NO TRANSACTION
PRAGMA foreign_keys=OFF;
UPDATE items SET serial = '' || id WHERE serial IS NULL;
PRAGMA foreign_keys=ON;
