-- The view and the trigger name episodes: without the old rules the rename would fail.
PRAGMA foreign_keys = OFF;
PRAGMA legacy_alter_table = ON;

CREATE TABLE episodes_new (
	id        INTEGER PRIMARY KEY NOT NULL,
	feed_id   INTEGER NOT NULL,
	guid      TEXT NOT NULL,
	title     TEXT NOT NULL,
	state     TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'heard', 'kept')),
	published TIMESTAMP NOT NULL,
	revision  INTEGER NOT NULL DEFAULT 0,
	UNIQUE (feed_id, guid),
	FOREIGN KEY (feed_id) REFERENCES feeds (id) ON DELETE CASCADE
);
INSERT INTO episodes_new
	SELECT id, feed_id, lower(hex(id)) || '@' || feed_id, title, state, published, revision FROM episodes;
DROP TABLE episodes;
ALTER TABLE episodes_new RENAME TO episodes;

CREATE INDEX episodes_by_date ON episodes (feed_id, published DESC);
CREATE TRIGGER episodes_touch AFTER UPDATE OF title, state ON episodes
FOR EACH ROW WHEN OLD.revision = NEW.revision
BEGIN
	UPDATE episodes SET revision = OLD.revision + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER episodes_state BEFORE UPDATE OF state ON episodes
BEGIN
	SELECT CASE
		WHEN NEW.state NOT IN ('new', 'heard', 'kept') THEN RAISE(ABORT, 'no such state; END;')
	END;
END;

PRAGMA legacy_alter_table = OFF;
PRAGMA foreign_keys = ON;
