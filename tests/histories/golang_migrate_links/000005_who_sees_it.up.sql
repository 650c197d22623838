/* A rebuild of the table that everything hangs on: a child by CASCADE; a full-text index;
   three triggers. Don't run this with foreign keys on! */
PRAGMA foreign_keys=off;
BEGIN TRANSACTION;
CREATE TABLE link_5(
    nr      INTEGER PRIMARY KEY,
    person  INTEGER NOT NULL CONSTRAINT saved_by REFERENCES person(nr) ON DELETE CASCADE,
    target  TEXT NOT NULL,
    heading TEXT NOT NULL,
    summary TEXT NOT NULL DEFAULT '',
    letters INTEGER DEFAULT 0 NOT NULL,
    seen_by TEXT NOT NULL DEFAULT 'me' CHECK (seen_by IN ('me', 'friends; and me', 'all')),
    UNIQUE(person, target)
);
INSERT INTO link_5 (nr, person, target, heading, summary, letters)
    SELECT nr, person, target, heading, summary, letters FROM link;
DROP TABLE link;
ALTER TABLE link_5 RENAME TO link;
CREATE TRIGGER link_in AFTER INSERT ON link BEGIN
  INSERT INTO link_text(rowid, heading, summary) VALUES (new.nr, new.heading, new.summary);
END;
CREATE TRIGGER link_out AFTER DELETE ON link BEGIN
  INSERT INTO link_text(link_text, rowid, heading, summary) VALUES('delete', old.nr, old.heading, old.summary);
END;
CREATE TRIGGER link_edit AFTER UPDATE ON link BEGIN
  INSERT INTO link_text(link_text, rowid, heading, summary) VALUES('delete', old.nr, old.heading, old.summary);
  INSERT INTO link_text(rowid, heading, summary) VALUES (new.nr, new.heading, new.summary);
END;
PRAGMA foreign_key_check;
COMMIT;
PRAGMA foreign_keys=on;
