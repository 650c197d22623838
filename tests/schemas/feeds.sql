-- A feed reader and podcast player.
CREATE TABLE categories (id INTEGER PRIMARY KEY, parent_id INTEGER DEFAULT NULL, title TEXT NOT NULL UNIQUE, ordr INTEGER NOT NULL CHECK (ordr >= 0),
  FOREIGN KEY (parent_id) REFERENCES categories (id) ON DELETE SET DEFAULT);
CREATE TABLE feeds (
  id INTEGER PRIMARY KEY, category_id INTEGER REFERENCES categories (id) ON DELETE SET NULL,
  url TEXT NOT NULL UNIQUE CHECK (url LIKE 'http://%' OR url LIKE 'https://%'),
  title TEXT, etag TEXT, last_modified TEXT,
  update_every_min INTEGER NOT NULL DEFAULT 60 CHECK (update_every_min = 0 OR update_every_min >= 5),
  errors INTEGER NOT NULL DEFAULT 0, last_error TEXT, icon BLOB,
  auth TEXT CHECK (auth IS NULL OR (json_valid(auth) AND json_extract(auth, '$.user') IS NOT NULL)),
  CHECK (errors = 0 OR last_error IS NOT NULL)
);
CREATE TABLE articles (
  id INTEGER PRIMARY KEY, feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
  guid TEXT NOT NULL, link TEXT, title TEXT NOT NULL DEFAULT '(untitled)', author TEXT, content TEXT,
  published INTEGER NOT NULL, fetched INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)),
  read INTEGER NOT NULL DEFAULT 0 CHECK (read IN (0, 1)), starred INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0, 1)),
  score REAL NOT NULL DEFAULT 0.0 CHECK (score BETWEEN 0.0 AND 1.0), hash BLOB NOT NULL CHECK (length(hash) = 20), UNIQUE (feed_id, guid)
);
CREATE INDEX articles_unread ON articles (feed_id, published) WHERE read = 0;
CREATE VIRTUAL TABLE articles_fts USING fts5 (title, content, content = 'articles', content_rowid = 'id');
CREATE TRIGGER articles_fts_ai AFTER INSERT ON articles BEGIN INSERT INTO articles_fts (rowid, title, content) VALUES (NEW.id, NEW.title, NEW.content); END;
CREATE TRIGGER articles_not_in_the_far_future BEFORE INSERT ON articles WHEN NEW.published > 32503680000 BEGIN SELECT RAISE(ABORT, 'published after the year 3000'); END;
CREATE TABLE enclosures (
  id INTEGER PRIMARY KEY, article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE, url TEXT NOT NULL, mime TEXT,
  length_bytes INTEGER CHECK (length_bytes IS NULL OR length_bytes >= 0), duration_s INTEGER, position_s INTEGER NOT NULL DEFAULT 0,
  state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2, 3)), local_path TEXT,
  CHECK (duration_s IS NULL OR position_s <= duration_s), CHECK (position_s >= 0), CHECK ((state = 2) = (local_path IS NOT NULL))
);
CREATE TABLE labels (id TEXT PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE, color INTEGER NOT NULL CHECK (color BETWEEN 0 AND 0xFFFFFF));
CREATE TABLE article_labels (article_id INTEGER NOT NULL, label_id TEXT NOT NULL, PRIMARY KEY (article_id, label_id),
  FOREIGN KEY (article_id) REFERENCES articles (id) ON DELETE CASCADE, FOREIGN KEY (label_id) REFERENCES labels (id) ON DELETE CASCADE) WITHOUT ROWID;
CREATE TABLE filters (
  id INTEGER PRIMARY KEY, position INTEGER NOT NULL UNIQUE, pattern TEXT NOT NULL CHECK (length(pattern) BETWEEN 1 AND 500), is_regex INTEGER NOT NULL CHECK (is_regex IN (0, 1)),
  action TEXT NOT NULL CHECK (action IN ('mark_read', 'star', 'delete', 'label')), label_id TEXT REFERENCES labels (id) ON DELETE CASCADE,
  CHECK (iif(action = 'label', label_id IS NOT NULL, label_id IS NULL))
);
