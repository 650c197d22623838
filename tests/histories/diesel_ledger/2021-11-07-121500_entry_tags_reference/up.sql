ALTER TABLE entry_tags RENAME TO old_entry_tags;

CREATE TABLE entry_tags (
  entry_id TEXT    NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  tag_id   INTEGER NOT NULL REFERENCES tags (id),

  PRIMARY KEY (entry_id, tag_id)
);

INSERT INTO entry_tags SELECT entry_id, tag_id FROM old_entry_tags;

DROP TABLE old_entry_tags;
