-- +goose Up
CREATE TABLE changes (id INTEGER PRIMARY KEY, item_id INTEGER NOT NULL, what TEXT NOT NULL);

-- +goose StatementBegin
CREATE TRIGGER items_changed AFTER UPDATE ON items
BEGIN
    INSERT INTO changes (item_id, what)
    VALUES (NEW.id, CASE WHEN OLD.name <> NEW.name THEN 'renamed; was ' || OLD.name ELSE 'moved' END);
    SELECT CASE WHEN NEW.name = '' THEN RAISE(ABORT, 'an item needs a name') END;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER items_changed;
DROP TABLE changes;
