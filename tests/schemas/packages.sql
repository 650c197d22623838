-- A package manager's record of what is installed.
CREATE TABLE repositories (id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE CHECK (url GLOB 'https://*/'), priority INT NOT NULL DEFAULT 99 CHECK (priority BETWEEN 1 AND 99), signed_by TEXT CHECK (signed_by IS NULL OR (length(signed_by) = 40 AND signed_by = upper(signed_by) AND signed_by NOT GLOB '*[^0-9A-F]*')));
CREATE TABLE packages (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name = lower(name) AND length(name) >= 2), epoch INT NOT NULL DEFAULT 0 CHECK (epoch >= 0), version TEXT NOT NULL CHECK (version GLOB '[0-9]*'), release TEXT NOT NULL, arch TEXT NOT NULL CHECK (arch IN ('x86_64', 'aarch64', 'noarch')),
  repository_id INTEGER REFERENCES repositories (id), installed_size INTEGER CHECK (installed_size >= 0), checksum TEXT NOT NULL CHECK (checksum LIKE 'sha256:%' AND length(checksum) = 71), reason TEXT NOT NULL DEFAULT 'user' CHECK (reason IN ('user', 'dependency')),
  UNIQUE (name, epoch, version, release, arch)
);
CREATE TABLE dependencies (
  package_id INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE, name TEXT NOT NULL, flag TEXT CHECK (flag IN ('=', '<', '>', '<=', '>=')), version TEXT, kind TEXT NOT NULL CHECK (kind IN ('requires', 'provides', 'conflicts', 'obsoletes')),
  CHECK ((flag IS NULL) = (version IS NULL))
);
CREATE UNIQUE INDEX dependencies_once ON dependencies (package_id, name, kind, coalesce(flag, ''), coalesce(version, ''));
CREATE TABLE files (
  package_id INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE, path TEXT NOT NULL CHECK (path LIKE '/%'), mode INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 4095), kind TEXT NOT NULL CHECK (kind IN ('file', 'dir', 'link')), target TEXT, digest BLOB,
  PRIMARY KEY (path, package_id), CHECK ((kind = 'link') = (target IS NOT NULL)), CHECK (kind = 'file' OR digest IS NULL)
) WITHOUT ROWID;
CREATE TABLE transactions (id INTEGER PRIMARY KEY AUTOINCREMENT, began INTEGER NOT NULL, ended INTEGER, state TEXT NOT NULL GENERATED ALWAYS AS (CASE WHEN ended IS NULL THEN 'open' ELSE 'done' END) STORED, command_line TEXT, CHECK (ended >= began));
CREATE TABLE transaction_items (transaction_id INTEGER NOT NULL REFERENCES transactions (id), package_id INTEGER NOT NULL REFERENCES packages (id), action INTEGER NOT NULL CHECK (action IN (1, 2, 3, 4, 5, 6)), replaced_by INTEGER REFERENCES packages (id), UNIQUE (transaction_id, package_id, action));
CREATE TABLE locks (name TEXT NOT NULL, op TEXT NOT NULL DEFAULT '=', version TEXT NOT NULL, PRIMARY KEY (name, op, version)) WITHOUT ROWID;
CREATE TABLE mirrors (repository_id INTEGER NOT NULL REFERENCES repositories (id), url TEXT NOT NULL, latency_ms REAL CHECK (latency_ms > 0), country TEXT CHECK (country GLOB '[A-Z][A-Z]'), failed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (repository_id, url));
