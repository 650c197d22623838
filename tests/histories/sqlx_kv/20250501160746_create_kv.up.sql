CREATE TABLE kv (
  namespace TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  inserted_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')),
  PRIMARY KEY (namespace, key)
) WITHOUT ROWID;
