-- A queue of background jobs, and a log of synchronisation.
CREATE TABLE queues (name TEXT PRIMARY KEY CHECK (name GLOB '[a-z]*' AND name NOT GLOB '*[^a-z0-9_]*'), paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)), concurrency INTEGER NOT NULL DEFAULT 1 CHECK (concurrency BETWEEN 1 AND 64)) STRICT;
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL REFERENCES queues (name) ON UPDATE CASCADE, kind TEXT NOT NULL, args TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(args) AND json_type(args) IN ('array', 'object')),
  state TEXT NOT NULL DEFAULT 'available' CHECK (state IN ('available', 'running', 'completed', 'discarded', 'cancelled', 'retryable', 'scheduled')),
  attempt INTEGER NOT NULL DEFAULT 0, max_attempts INTEGER NOT NULL DEFAULT 20 CHECK (max_attempts > 0), priority INTEGER NOT NULL DEFAULT 1 CHECK (priority BETWEEN 1 AND 4),
  scheduled_at INTEGER NOT NULL, attempted_at INTEGER, finalized_at INTEGER, unique_key BLOB, errors TEXT,
  CHECK (attempt >= 0 AND attempt <= max_attempts),
  CHECK ((finalized_at IS NULL AND state NOT IN ('cancelled', 'completed', 'discarded')) OR (finalized_at IS NOT NULL AND state IN ('cancelled', 'completed', 'discarded'))),
  CHECK (state <> 'running' OR attempted_at IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key) WHERE unique_key IS NOT NULL AND state IN ('available', 'running');
CREATE TABLE job_dependencies (
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, needs_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  PRIMARY KEY (job_id, needs_id), CHECK (needs_id < job_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE workers (id TEXT PRIMARY KEY, pid INTEGER NOT NULL CHECK (pid > 0), host TEXT NOT NULL, beat_at REAL NOT NULL, meta ANY) STRICT;
CREATE TABLE leases (resource TEXT PRIMARY KEY, holder TEXT REFERENCES workers (id) ON DELETE CASCADE, token INTEGER NOT NULL CHECK (token > 0), expires_at REAL NOT NULL, CHECK (holder IS NULL OR expires_at > 0)) STRICT, WITHOUT ROWID;
CREATE TABLE cron (
  name TEXT PRIMARY KEY, minute INTEGER CHECK (minute BETWEEN 0 AND 59), hour INTEGER CHECK (hour BETWEEN 0 AND 23), weekday INTEGER CHECK (weekday BETWEEN 0 AND 6), day INTEGER CHECK (day BETWEEN 1 AND 31),
  queue TEXT NOT NULL REFERENCES queues (name), enabled INTEGER NOT NULL DEFAULT 1, CHECK (weekday IS NULL OR day IS NULL)
);
CREATE TABLE changes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, clock INTEGER NOT NULL CHECK (clock > 0), tbl TEXT NOT NULL, pk TEXT NOT NULL, col TEXT, op TEXT NOT NULL CHECK (op IN ('I', 'U', 'D')),
  value ANY, UNIQUE (device, clock), CHECK (op = 'U' AND col IS NOT NULL OR op <> 'U' AND col IS NULL), CHECK (op <> 'D' OR value IS NULL)
);
CREATE TABLE devices (
  id BLOB PRIMARY KEY CHECK (typeof(id) = 'blob' AND length(id) = 16), name TEXT NOT NULL, platform TEXT NOT NULL CHECK (platform IN ('macos', 'windows', 'linux', 'ios', 'android')),
  is_this INTEGER NOT NULL DEFAULT 0 CHECK (is_this IN (0, 1)), last_seen TEXT CHECK (last_seen LIKE '____-__-__T__:__:__Z')
) WITHOUT ROWID;
CREATE UNIQUE INDEX this_device ON devices (is_this) WHERE is_this = 1;
CREATE TABLE cursors (device BLOB NOT NULL REFERENCES devices (id) ON DELETE CASCADE, peer BLOB NOT NULL REFERENCES devices (id) ON DELETE CASCADE, seq INTEGER NOT NULL DEFAULT 0 CHECK (seq >= 0), PRIMARY KEY (device, peer), CHECK (device != peer)) WITHOUT ROWID;
CREATE TABLE audit (id INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT, what TEXT NOT NULL, before TEXT CHECK (before IS NULL OR json_valid(before)), after TEXT CHECK (after IS NULL OR json_valid(after)), CHECK (before IS NOT NULL OR after IS NOT NULL), CHECK (before IS NOT after));
CREATE TRIGGER jobs_are_audited AFTER INSERT ON jobs BEGIN INSERT INTO audit (at, what, after) VALUES ('2024-01-01', NEW.kind, json_array(NEW.state)); END;
CREATE TABLE event_store (stream TEXT NOT NULL, number INTEGER NOT NULL CHECK (number > 0), type TEXT NOT NULL, data TEXT NOT NULL CHECK (json_valid(data)), PRIMARY KEY (stream, number)) WITHOUT ROWID;
CREATE TRIGGER numbers_follow BEFORE INSERT ON event_store BEGIN
  SELECT RAISE(ABORT, 'a gap in the stream') WHERE NEW.number <> 1 + (SELECT coalesce(max(number), 0) FROM event_store WHERE stream = NEW.stream);
END;
