-- A browser's history and bookmarks.
CREATE TABLE origins (
  id INTEGER PRIMARY KEY,
  prefix TEXT NOT NULL CHECK (prefix LIKE '%://'),
  host TEXT NOT NULL,
  frecency INTEGER NOT NULL DEFAULT 0 CHECK (frecency >= 0),
  UNIQUE (prefix, host)
);
CREATE TABLE places (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  url LONGVARCHAR NOT NULL,
  url_hash INTEGER NOT NULL DEFAULT 0,
  title LONGVARCHAR,
  rev_host TEXT GENERATED ALWAYS AS (lower(url)) VIRTUAL,
  visit_count INTEGER NOT NULL DEFAULT 0 CHECK (visit_count >= 0),
  hidden INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
  typed BOOLEAN NOT NULL DEFAULT FALSE,
  last_visit_us INTEGER,
  guid TEXT NOT NULL CHECK (length(guid) = 12 AND guid NOT GLOB '*[^-_0-9A-Za-z]*'),
  origin_id INTEGER REFERENCES origins (id) ON DELETE SET NULL,
  CHECK (visit_count > 0 OR last_visit_us IS NULL)
);
CREATE UNIQUE INDEX places_guid ON places (guid);
CREATE UNIQUE INDEX places_url ON places (url_hash, url);
CREATE INDEX places_recent ON places (last_visit_us DESC) WHERE hidden = 0;
CREATE TABLE visits (
  id INTEGER PRIMARY KEY,
  place_id INTEGER NOT NULL REFERENCES places (id) ON DELETE CASCADE,
  from_visit INTEGER REFERENCES visits (id) ON DELETE SET NULL,
  visited_us INTEGER NOT NULL,
  kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 9),
  session INTEGER NOT NULL DEFAULT 0,
  CHECK (from_visit <> id)
);
CREATE TRIGGER visits_ai AFTER INSERT ON visits BEGIN
  UPDATE places SET visit_count = visit_count + 1, last_visit_us = max(coalesce(last_visit_us, 0), NEW.visited_us) WHERE id = NEW.place_id;
END;
CREATE TABLE bookmarks (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('folder', 'bookmark', 'separator')),
  parent_id INTEGER REFERENCES bookmarks (id) ON DELETE CASCADE,
  position INTEGER NOT NULL CHECK (position >= 0),
  place_id INTEGER REFERENCES places (id),
  title TEXT,
  added_ms INTEGER NOT NULL,
  modified_ms INTEGER NOT NULL,
  CHECK (modified_ms >= added_ms),
  CHECK ((kind = 'bookmark') = (place_id IS NOT NULL)),
  CHECK (kind <> 'separator' OR title IS NULL)
);
CREATE UNIQUE INDEX bookmarks_order ON bookmarks (parent_id, position) WHERE parent_id IS NOT NULL;
CREATE TABLE keywords (
  keyword TEXT PRIMARY KEY COLLATE NOCASE CHECK (keyword = lower(trim(keyword)) AND keyword <> ''),
  place_id INTEGER NOT NULL REFERENCES places (id) ON DELETE CASCADE,
  post_data TEXT,
  UNIQUE (place_id, post_data)
) WITHOUT ROWID;
CREATE TABLE favicons (
  id INTEGER PRIMARY KEY,
  page_url TEXT NOT NULL UNIQUE,
  width INTEGER NOT NULL CHECK (width IN (16, 32, 48, 64, 96, 128, 256)),
  mime TEXT NOT NULL CHECK (mime GLOB 'image/*'),
  data BLOB NOT NULL CHECK (length(data) BETWEEN 1 AND 65536),
  sha256 BLOB CHECK (sha256 IS NULL OR (typeof(sha256) = 'blob' AND length(sha256) = 32))
);
CREATE TABLE downloads (
  guid TEXT NOT NULL PRIMARY KEY CHECK (length(guid) = 36 AND guid GLOB '????????-????-????-????-????????????'),
  target_path TEXT NOT NULL,
  received_bytes INTEGER NOT NULL DEFAULT 0 CHECK (received_bytes >= 0),
  total_bytes INTEGER NOT NULL DEFAULT -1 CHECK (total_bytes >= -1),
  state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'done', 'failed')),
  danger INTEGER NOT NULL DEFAULT 0 CHECK (danger & ~15 = 0),
  ended_ms INTEGER,
  error TEXT,
  CHECK (total_bytes < 0 OR received_bytes <= total_bytes),
  CHECK (state IN ('running', 'paused') OR ended_ms IS NOT NULL),
  CHECK (CASE state WHEN 'failed' THEN error IS NOT NULL ELSE error IS NULL END)
);
