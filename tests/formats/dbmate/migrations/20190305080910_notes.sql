-- migrate:up
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL, changed INTEGER DEFAULT 0);
CREATE TRIGGER notes_changed AFTER UPDATE OF body ON notes BEGIN
    UPDATE notes SET changed = changed + 1 WHERE id = new.id;
END;

-- migrate:down
DROP TABLE notes;
