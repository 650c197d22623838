-- +goose Up
-- Numbers that were given back are given again.
DELETE FROM sqlite_sequence WHERE name = 'items';
INSERT INTO sqlite_sequence SELECT 'items', ifnull(max(id), 0) FROM items;

-- +goose Down
SELECT 1;
