CREATE TABLE feeds (
	id    INTEGER PRIMARY KEY NOT NULL,
	link  TEXT NOT NULL UNIQUE,
	title TEXT NOT NULL
);
CREATE TABLE episodes (
	id        INTEGER PRIMARY KEY NOT NULL,
	feed_id   INTEGER NOT NULL,
	title     TEXT NOT NULL,
	state     TEXT NOT NULL DEFAULT 'new',
	published TIMESTAMP NOT NULL,
	revision  INTEGER NOT NULL DEFAULT 0,
	FOREIGN KEY (feed_id) REFERENCES feeds (id) ON DELETE CASCADE
);
CREATE INDEX episodes_by_date ON episodes (feed_id, published DESC);

CREATE TRIGGER episodes_touch AFTER UPDATE OF title, state ON episodes
FOR EACH ROW WHEN OLD.revision = NEW.revision
BEGIN
	UPDATE episodes SET revision = OLD.revision + 1 WHERE id = NEW.id;
END;
