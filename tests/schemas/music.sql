-- A music player.
CREATE TABLE artists (id INTEGER PRIMARY KEY, name TEXT NOT NULL, sort_name TEXT, mbid TEXT UNIQUE CHECK (mbid IS NULL OR (length(mbid) = 36 AND mbid = lower(mbid))), UNIQUE (name, mbid));
CREATE TABLE releases (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  artist_id INTEGER NOT NULL REFERENCES artists (id),
  year INTEGER CHECK (year BETWEEN 1860 AND 2200),
  released TEXT CHECK (length(released) IN (4, 7, 10)),
  discs INTEGER NOT NULL DEFAULT 1 CHECK (discs > 0),
  kind TEXT NOT NULL CHECK (kind IN ('album', 'single', 'ep', 'compilation', 'live')) DEFAULT 'album',
  barcode TEXT CHECK (barcode IS NULL OR (length(barcode) IN (8, 12, 13) AND barcode NOT GLOB '*[^0-9]*')),
  UNIQUE (artist_id, title, year)
);
CREATE TABLE tracks (
  id INTEGER PRIMARY KEY,
  release_id INTEGER REFERENCES releases (id) ON DELETE CASCADE,
  disc INTEGER CHECK (disc >= 1),
  number INTEGER CHECK (number >= 0),
  title TEXT NOT NULL,
  duration_ms INTEGER NOT NULL CHECK (duration_ms > 0),
  path TEXT NOT NULL UNIQUE,
  codec TEXT NOT NULL CHECK (codec IN ('flac', 'mp3', 'aac', 'opus', 'vorbis', 'wav')),
  bitrate INTEGER CHECK (bitrate > 0),
  lossless INTEGER NOT NULL CHECK (lossless = (codec IN ('flac', 'wav'))),
  replay_gain REAL CHECK (replay_gain BETWEEN -60.0 AND 60.0),
  mtime_ns INTEGER NOT NULL,
  UNIQUE (release_id, disc, number),
  CHECK ((release_id IS NULL AND disc IS NULL AND number IS NULL) OR (release_id IS NOT NULL AND disc IS NOT NULL AND number IS NOT NULL))
);
CREATE TABLE track_artists (
  track_id INTEGER NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
  artist_id INTEGER NOT NULL REFERENCES artists (id),
  role TEXT NOT NULL DEFAULT 'main',
  position INTEGER NOT NULL,
  PRIMARY KEY (track_id, position),
  UNIQUE (track_id, artist_id, role)
) WITHOUT ROWID;
CREATE TABLE genres (name TEXT PRIMARY KEY COLLATE NOCASE NOT NULL CHECK (length(name) <= 40));
CREATE TABLE release_genres (release_id INTEGER REFERENCES releases, genre TEXT REFERENCES genres (name) ON UPDATE CASCADE, PRIMARY KEY (release_id, genre));
CREATE TABLE playlists (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, rules TEXT, is_smart INTEGER GENERATED ALWAYS AS (rules IS NOT NULL) VIRTUAL,
  created INTEGER NOT NULL DEFAULT (unixepoch()), CHECK (rules IS NULL OR json_array_length(rules) >= 0)
);
CREATE TABLE playlist_items (
  playlist_id INTEGER NOT NULL REFERENCES playlists (id) ON DELETE CASCADE,
  position INTEGER NOT NULL CHECK (position > 0),
  track_id INTEGER REFERENCES tracks (id) ON DELETE SET NULL,
  missing_path TEXT,
  PRIMARY KEY (playlist_id, position),
  CHECK (coalesce(track_id, missing_path) IS NOT NULL)
) WITHOUT ROWID;
CREATE TRIGGER playlist_items_bi BEFORE INSERT ON playlist_items
BEGIN
  SELECT CASE WHEN NEW.position > 1000000 THEN RAISE(ABORT, 'a playlist has at most a million items') END;
END;
CREATE TABLE plays (
  track_id INTEGER NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
  started TEXT NOT NULL CHECK (strftime('%s', started) IS NOT NULL),
  played_ms INTEGER NOT NULL CHECK (played_ms >= 0),
  skipped INTEGER NOT NULL DEFAULT 0 CHECK (skipped IN (0, 1)),
  scrobbled_at TEXT,
  PRIMARY KEY (track_id, started)
);
CREATE TABLE queue (position INTEGER PRIMARY KEY CHECK (position >= 0), track_id INTEGER NOT NULL REFERENCES tracks (id), origin TEXT CHECK (json_valid(origin)));
CREATE TABLE equalizer (
  preset TEXT NOT NULL, band INTEGER NOT NULL CHECK (band IN (31, 62, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)),
  gain_db REAL NOT NULL CHECK (abs(gain_db) <= 24), PRIMARY KEY (preset, band)
) STRICT;
