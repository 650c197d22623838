CREATE TABLE chapters (
	episode_id INTEGER NOT NULL REFERENCES episodes (id) ON DELETE CASCADE,
	position   INTEGER NOT NULL,
	title      TEXT NOT NULL,
	PRIMARY KEY (episode_id, position)
) WITHOUT ROWID;

CREATE VIEW unheard AS
	SELECT f.link, e.id, e.title FROM episodes AS e JOIN feeds AS f ON f.id = e.feed_id WHERE e.state = 'new';

-- The message says END; the trigger doesn't end there.
CREATE TRIGGER episodes_state BEFORE UPDATE OF state ON episodes
BEGIN
	SELECT CASE
		WHEN NEW.state NOT IN ('new', 'heard', 'kept') THEN RAISE(ABORT, 'no such state; END;')
	END;
END;
