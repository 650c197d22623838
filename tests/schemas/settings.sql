-- What many apps keep: settings, windows, undo, documents, caches, licences, search.
CREATE TABLE preferences (scope TEXT NOT NULL DEFAULT 'user' CHECK (scope IN ('user', 'machine')), key TEXT NOT NULL CHECK (key GLOB '[a-z]*.[a-z]*'), value NOT NULL, PRIMARY KEY (scope, key)) WITHOUT ROWID;
CREATE TABLE windows (id INTEGER PRIMARY KEY CHECK (id > 0), x INT NOT NULL, y INT NOT NULL, w INT NOT NULL CHECK (w >= 200), h INT NOT NULL CHECK (h >= 100), maximised INT NOT NULL DEFAULT 0 CHECK (maximised IN (0, 1)), screen TEXT, CHECK (w <= 32767 AND h <= 32767));
CREATE TABLE recent (path TEXT PRIMARY KEY, opened_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, pinned BOOLEAN NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)));
CREATE TRIGGER recent_keeps_few AFTER INSERT ON recent BEGIN DELETE FROM recent WHERE path NOT IN (SELECT path FROM recent ORDER BY pinned DESC, opened_at DESC LIMIT 50); END;
CREATE TABLE undo (seq INTEGER PRIMARY KEY, document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE, sql TEXT NOT NULL, barrier INT NOT NULL DEFAULT 0);
CREATE TABLE documents (
  id INTEGER PRIMARY KEY, head INTEGER NOT NULL REFERENCES document_revisions (id) DEFERRABLE INITIALLY DEFERRED, title TEXT, slug TEXT UNIQUE CHECK (slug IS NULL OR (slug GLOB '[a-z0-9]*' AND slug NOT GLOB '*[^a-z0-9-]*' AND slug NOT LIKE '%--%'))
);
CREATE TABLE document_revisions (
  id INTEGER PRIMARY KEY, document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, number INTEGER NOT NULL CHECK (number > 0), author TEXT, doc JSON NOT NULL CHECK (json_valid(doc)),
  words INTEGER GENERATED ALWAYS AS (json_extract(doc, '$.words')) STORED, saved REAL NOT NULL DEFAULT (julianday('now')), UNIQUE (document_id, number)
);
CREATE TABLE cache (key BLOB PRIMARY KEY, value BLOB, stored_at INTEGER NOT NULL, expires_at INTEGER, hits INTEGER NOT NULL DEFAULT 0, CHECK (expires_at IS NULL OR expires_at > stored_at), CHECK (length(key) = 32)) WITHOUT ROWID;
CREATE TABLE licence (id INTEGER PRIMARY KEY CHECK (id = 1), licence_key TEXT NOT NULL CHECK (licence_key GLOB '[A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9]-[A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9]-[A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9]'), seats INT NOT NULL DEFAULT 1 CHECK (seats BETWEEN 1 AND 9999), email TEXT NOT NULL CHECK (email LIKE '%@%'));
CREATE TABLE shortcuts (command TEXT NOT NULL, chord TEXT NOT NULL CHECK (chord LIKE 'ctrl+%' OR chord LIKE 'alt+%' OR chord GLOB 'f[1-9]'), context TEXT NOT NULL DEFAULT 'global', UNIQUE (chord, context) ON CONFLICT IGNORE);
CREATE VIRTUAL TABLE help USING fts5 (title, body, section UNINDEXED, prefix = '2 3');
CREATE TABLE translations (locale TEXT NOT NULL CHECK (locale GLOB '[a-z][a-z]' OR locale GLOB '[a-z][a-z]-[A-Z][A-Z]'), message TEXT NOT NULL, plural TEXT NOT NULL DEFAULT 'other' CHECK (plural IN ('zero', 'one', 'two', 'few', 'many', 'other')), text TEXT NOT NULL, PRIMARY KEY (locale, message, plural)) WITHOUT ROWID;
CREATE TABLE schema_notes (id INTEGER PRIMARY KEY, "order" INT, "group" TEXT CHECK ("group" IN ('a', 'b')), "strange ""name""" TEXT, [select] REAL CHECK ([select] > 0), `from` BLOB);
CREATE TABLE sensors (name TEXT PRIMARY KEY, unit TEXT NOT NULL CHECK (unit IN ('C', 'F', 'K')), lowest REAL NOT NULL, highest REAL NOT NULL, CHECK (lowest < highest), CHECK (unit <> 'K' OR lowest >= 0));
CREATE TABLE readings (sensor TEXT NOT NULL REFERENCES sensors (name), at INTEGER NOT NULL, value REAL NOT NULL, quality INTEGER NOT NULL CHECK (quality IN (0, 64, 192)), PRIMARY KEY (sensor, at)) WITHOUT ROWID;
CREATE TRIGGER readings_in_range BEFORE INSERT ON readings BEGIN
  SELECT RAISE(ABORT, 'out of the range of this sensor') FROM sensors WHERE name = NEW.sensor AND NEW.value NOT BETWEEN lowest AND highest;
END;
-- Hard ones: a check digit, a sum over other columns' text, a hash of the app's own.
CREATE TABLE books (isbn TEXT PRIMARY KEY CHECK (length(isbn) = 13 AND isbn GLOB '97[89]*' AND isbn NOT GLOB '*[^0-9]*' AND (substr(isbn, 1, 1) + 3 * substr(isbn, 2, 1) + substr(isbn, 3, 1) + 3 * substr(isbn, 4, 1) + substr(isbn, 5, 1) + 3 * substr(isbn, 6, 1) + substr(isbn, 7, 1) + 3 * substr(isbn, 8, 1) + substr(isbn, 9, 1) + 3 * substr(isbn, 10, 1) + substr(isbn, 11, 1) + 3 * substr(isbn, 12, 1) + substr(isbn, 13, 1)) % 10 = 0), title TEXT NOT NULL);
CREATE TABLE coded (id INTEGER PRIMARY KEY, code TEXT NOT NULL, part_a TEXT NOT NULL CHECK (length(part_a) = 4), part_b TEXT NOT NULL CHECK (length(part_b) = 4), CHECK (code = part_a || '-' || part_b), CHECK (hex(part_a) < hex(part_b)));
CREATE TABLE sums (id INTEGER PRIMARY KEY, numbers TEXT NOT NULL CHECK (json_valid(numbers) AND json_array_length(numbers) = 3), total INTEGER NOT NULL, CHECK (total = json_extract(numbers, '$[0]') + json_extract(numbers, '$[1]') + json_extract(numbers, '$[2]')));
CREATE TABLE members (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TRIGGER members_are_invited BEFORE INSERT ON members WHEN NOT EXISTS (SELECT 1 FROM invitations WHERE invitations.name = NEW.name) BEGIN SELECT RAISE(ABORT, 'not invited'); END;
CREATE TABLE invitations (name TEXT PRIMARY KEY, until TEXT);
