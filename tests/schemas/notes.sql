-- Notes with revisions, links and synchronisation.
CREATE TABLE notebooks (
  id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 32 AND id NOT GLOB '*[^0-9a-f]*'),
  parent_id TEXT NOT NULL DEFAULT '',
  title TEXT NOT NULL DEFAULT '',
  icon TEXT CHECK (icon IS NULL OR json_valid(icon)),
  created_time INT NOT NULL, updated_time INT NOT NULL,
  user_created_time INT NOT NULL DEFAULT 0,
  CHECK (updated_time >= created_time)
);
CREATE TABLE notes (
  id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 32 AND id NOT GLOB '*[^0-9a-f]*'),
  notebook_id TEXT NOT NULL REFERENCES notebooks (id) ON DELETE CASCADE,
  title TEXT NOT NULL DEFAULT '', body TEXT NOT NULL DEFAULT '',
  markup INT NOT NULL DEFAULT 1 CHECK (markup IN (1, 2)),
  is_todo INT NOT NULL DEFAULT 0 CHECK (is_todo IN (0, 1)),
  todo_due INT NOT NULL DEFAULT 0, todo_completed INT NOT NULL DEFAULT 0,
  latitude NUMERIC NOT NULL DEFAULT 0, longitude NUMERIC NOT NULL DEFAULT 0, altitude NUMERIC NOT NULL DEFAULT 0,
  source_url TEXT NOT NULL DEFAULT '',
  is_conflict INT NOT NULL DEFAULT 0,
  conflict_original_id TEXT REFERENCES notes (id) ON DELETE SET NULL,
  CHECK (is_todo = 1 OR (todo_due = 0 AND todo_completed = 0)),
  CHECK (NOT is_conflict OR conflict_original_id IS NOT NULL)
);
CREATE VIRTUAL TABLE notes_fts USING fts4 (title, body);
CREATE TRIGGER notes_after_insert AFTER INSERT ON notes BEGIN
  INSERT INTO notes_fts (docid, title, body) VALUES (NEW.rowid, NEW.title, NEW.body);
END;
CREATE TABLE revisions (
  id TEXT PRIMARY KEY NOT NULL, parent_id TEXT REFERENCES revisions (id),
  item_type INT NOT NULL CHECK (item_type > 0 AND item_type < 20), item_id TEXT NOT NULL,
  title_diff TEXT NOT NULL DEFAULT '', body_diff TEXT NOT NULL DEFAULT '', metadata_diff TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata_diff))
);
CREATE TABLE resources (
  id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 32), mime TEXT NOT NULL, filename TEXT NOT NULL DEFAULT '',
  file_extension TEXT NOT NULL DEFAULT '' CHECK (file_extension NOT LIKE '.%'), size INT NOT NULL DEFAULT -1 CHECK (size >= -1),
  blob_encrypted INT NOT NULL DEFAULT 0
);
CREATE TABLE note_resources (
  note_id TEXT NOT NULL REFERENCES notes (id), resource_id TEXT NOT NULL REFERENCES resources (id),
  is_associated INT NOT NULL, last_seen_time INT NOT NULL, PRIMARY KEY (note_id, resource_id)
);
CREATE TABLE tags (id TEXT PRIMARY KEY, title TEXT NOT NULL UNIQUE CHECK (title = lower(title) AND title = trim(title) AND length(title) > 0));
CREATE TABLE note_tags (id INTEGER PRIMARY KEY, note_id TEXT NOT NULL REFERENCES notes (id), tag_id TEXT NOT NULL REFERENCES tags (id));
CREATE UNIQUE INDEX note_tags_once ON note_tags (note_id, tag_id);
CREATE TABLE settings (key TEXT PRIMARY KEY NOT NULL, value TEXT, type TEXT NOT NULL DEFAULT 'string' CHECK (type IN ('string', 'int', 'bool', 'json')),
  CHECK (type <> 'int' OR value GLOB '[0-9]*'), CHECK (type <> 'bool' OR value IN ('0', '1')), CHECK (type <> 'json' OR json_valid(value))) WITHOUT ROWID;
CREATE TABLE version (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), version INT NOT NULL, upgraded_from TEXT);
CREATE TABLE sync_items (
  id INTEGER PRIMARY KEY, sync_target INT NOT NULL, sync_time INT NOT NULL DEFAULT 0 CHECK (sync_time >= 0),
  item_type INT NOT NULL, item_id TEXT NOT NULL, sync_disabled INT NOT NULL DEFAULT 0, sync_disabled_reason TEXT NOT NULL DEFAULT '',
  UNIQUE (sync_target, item_id), CHECK (sync_disabled OR sync_disabled_reason = '')
);
CREATE TABLE deleted_items (id INTEGER PRIMARY KEY, item_type INT NOT NULL, item_id TEXT NOT NULL, deleted_time INT NOT NULL, sync_target INT NOT NULL);
CREATE TABLE alarms (id INTEGER PRIMARY KEY AUTOINCREMENT, note_id TEXT NOT NULL UNIQUE REFERENCES notes (id), trigger_time INT NOT NULL CHECK (trigger_time % 1000 = 0));
