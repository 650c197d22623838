-- A photo library.
CREATE TABLE volumes (uuid TEXT PRIMARY KEY CHECK (uuid = upper(uuid) AND length(uuid) = 36), label TEXT NOT NULL, removable BOOLEAN NOT NULL DEFAULT 0);
CREATE TABLE folders (
  id INTEGER PRIMARY KEY,
  volume TEXT NOT NULL REFERENCES volumes (uuid),
  path TEXT NOT NULL CHECK (substr(path, 1, 1) = '/' AND substr(path, -1) <> '/'),
  depth INTEGER GENERATED ALWAYS AS (length(path) - length(replace(path, '/', ''))) STORED,
  mtime REAL,
  UNIQUE (volume, path)
);
CREATE TABLE images (
  id INTEGER PRIMARY KEY,
  folder_id INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
  filename TEXT NOT NULL COLLATE NOCASE CHECK (filename LIKE '%.%' AND filename NOT LIKE '%/%'),
  format TEXT NOT NULL CHECK (format IN ('jpeg', 'png', 'heic', 'raw', 'mp4')),
  width INTEGER NOT NULL CHECK (width BETWEEN 1 AND 100000),
  height INTEGER NOT NULL CHECK (height BETWEEN 1 AND 100000),
  megapixels REAL GENERATED ALWAYS AS (round(width * height / 1e6, 1)) VIRTUAL,
  orientation INTEGER NOT NULL DEFAULT 1 CHECK (orientation BETWEEN 1 AND 8),
  taken_at TEXT CHECK (taken_at IS NULL OR taken_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*'),
  rating INTEGER DEFAULT 0 CHECK (rating BETWEEN -1 AND 5),
  latitude REAL CHECK (latitude BETWEEN -90 AND 90),
  longitude REAL CHECK (longitude >= -180.0 AND longitude < 180.0),
  md5 TEXT CHECK (length(md5) = 32 AND md5 NOT GLOB '*[^0-9a-f]*'),
  exif TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(exif) AND json_type(exif) = 'object'),
  camera TEXT GENERATED ALWAYS AS (json_extract(exif, '$.Model')) VIRTUAL,
  trashed_at INTEGER,
  CHECK ((latitude IS NULL) = (longitude IS NULL)),
  UNIQUE (folder_id, filename)
);
CREATE INDEX images_camera ON images (camera) WHERE camera IS NOT NULL;
CREATE TABLE albums (
  id INTEGER PRIMARY KEY,
  parent_id INTEGER REFERENCES albums (id) ON DELETE CASCADE CHECK (parent_id IS NULL OR parent_id != id),
  title TEXT NOT NULL CHECK (trim(title) != ''),
  kind TEXT NOT NULL CHECK (kind IN ('plain', 'smart', 'folder')),
  query TEXT CHECK (query IS NULL OR json_valid(query)),
  cover_id INTEGER REFERENCES images (id) ON DELETE SET NULL,
  sort TEXT NOT NULL DEFAULT 'date' CHECK (sort IN ('date', 'name', 'manual')),
  CHECK ((kind = 'smart' AND query IS NOT NULL) OR (kind <> 'smart' AND query IS NULL))
);
CREATE UNIQUE INDEX albums_title ON albums (ifnull(parent_id, 0), lower(title));
CREATE TABLE album_images (
  album_id INTEGER NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
  image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  position REAL NOT NULL,
  PRIMARY KEY (album_id, image_id)
) WITHOUT ROWID;
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT UNIQUE, birthday TEXT CHECK (birthday IS date(birthday)), favourite INT NOT NULL DEFAULT 0 CHECK (favourite IN (0,1)));
CREATE TABLE faces (
  id INTEGER PRIMARY KEY,
  image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  person_id INTEGER REFERENCES people (id) ON DELETE SET NULL,
  x REAL NOT NULL CHECK (x >= 0 AND x <= 1), y REAL NOT NULL CHECK (y >= 0 AND y <= 1),
  w REAL NOT NULL CHECK (w > 0 AND w <= 1), h REAL NOT NULL CHECK (h > 0 AND h <= 1),
  confidence REAL CHECK (confidence BETWEEN 0 AND 1),
  embedding BLOB CHECK (length(embedding) % 4 = 0),
  CHECK (x + w <= 1.0001 AND y + h <= 1.0001)
);
CREATE TABLE tags (
  id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tags (id), name TEXT NOT NULL COLLATE NOCASE,
  icon TEXT, UNIQUE (name, parent_id)
);
CREATE TABLE image_tags (
  image_id INTEGER NOT NULL REFERENCES images, tag_id INTEGER NOT NULL REFERENCES tags,
  source TEXT NOT NULL CHECK (source IN ('user', 'xmp', 'model')), score REAL,
  PRIMARY KEY (image_id, tag_id, source),
  CHECK (source = 'model' OR score IS NULL)
);
CREATE VIRTUAL TABLE image_places USING rtree (image_id, min_lat, max_lat, min_lon, max_lon);
CREATE TABLE thumbnails (
  image_id INTEGER NOT NULL, size INTEGER NOT NULL CHECK (size IN (128, 256, 512, 1024)), version INTEGER NOT NULL DEFAULT 1,
  data BLOB NOT NULL, PRIMARY KEY (image_id, size), FOREIGN KEY (image_id) REFERENCES images (id) ON DELETE CASCADE
) WITHOUT ROWID;
