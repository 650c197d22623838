-- +goose Up
-- +goose StatementBegin
CREATE TABLE boxes (
    id INTEGER PRIMARY KEY,
    inside INTEGER REFERENCES boxes(id) ON DELETE SET NULL,
    room_id INTEGER REFERENCES rooms(id) ON DELETE CASCADE
);
ALTER TABLE items ADD COLUMN box_id INTEGER REFERENCES boxes(id) ON DELETE SET NULL;
INSERT INTO boxes (id, room_id) SELECT id * 10, id FROM rooms ORDER BY id;
UPDATE items SET box_id = room_id * 10;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
ALTER TABLE items DROP COLUMN box_id;
DROP TABLE boxes;
-- +goose StatementEnd
