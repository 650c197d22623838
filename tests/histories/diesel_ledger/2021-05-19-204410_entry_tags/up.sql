CREATE TABLE tags (
  id    INTEGER NOT NULL PRIMARY KEY,
  label TEXT    NOT NULL UNIQUE
);

CREATE TABLE entry_tags (
  entry_id TEXT    NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  tag_id   INTEGER NOT NULL REFERENCES tags (id),

  PRIMARY KEY (entry_id, tag_id)
);

INSERT OR IGNORE INTO tags (id, label) VALUES
  (1, 'food'),
  (2, 'rent; and heating'),
  (3, 'it''s a gift -- not income');
