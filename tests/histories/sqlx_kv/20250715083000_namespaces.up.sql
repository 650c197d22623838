CREATE TABLE namespaces (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE
);
INSERT INTO namespaces (name) SELECT DISTINCT namespace FROM kv ORDER BY namespace;

-- kv is rebuilt; the triggers go with it and come back, rewritten
CREATE TABLE kv_new (
  namespace_id INTEGER NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE ON UPDATE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL CHECK (json_valid(value)),
  inserted_at INTEGER NOT NULL,
  kind TEXT AS (json_type(value)) VIRTUAL,
  PRIMARY KEY (namespace_id, key)
) WITHOUT ROWID;
INSERT INTO kv_new (namespace_id, key, value, inserted_at)
  SELECT n.id, k.key, k.value, k.inserted_at FROM kv AS k JOIN namespaces AS n ON n.name = k.namespace;

DROP TRIGGER kv_counts_insert;
DROP TRIGGER kv_counts_delete;
DROP TABLE counts;
DROP TABLE kv;
ALTER TABLE kv_new RENAME TO kv;
CREATE INDEX kv_kind ON kv (kind, namespace_id) WHERE kind <> 'null';

CREATE VIEW pairs (namespace, key, value) AS
  SELECT n.name, k.key, k.value FROM kv AS k JOIN namespaces AS n ON n.id = k.namespace_id;

CREATE TRIGGER pairs_insert INSTEAD OF INSERT ON pairs BEGIN
  INSERT OR IGNORE INTO namespaces (name) VALUES (NEW.namespace);
  INSERT OR REPLACE INTO kv (namespace_id, key, value, inserted_at)
    SELECT id, NEW.key, NEW.value, 0 FROM namespaces WHERE name = NEW.namespace;
END;
