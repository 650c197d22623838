DROP VIEW pairs;
CREATE TABLE kv_old (
  namespace TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  inserted_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')),
  kind TEXT AS (json_type(value)) VIRTUAL,
  PRIMARY KEY (namespace, key)
) WITHOUT ROWID;
INSERT INTO kv_old (namespace, key, value, inserted_at)
  SELECT n.name, k.key, k.value, k.inserted_at FROM kv AS k JOIN namespaces AS n ON n.id = k.namespace_id;
DROP TABLE kv;
DROP TABLE namespaces;
ALTER TABLE kv_old RENAME TO kv;
CREATE INDEX kv_kind ON kv (kind, namespace) WHERE kind <> 'null';
