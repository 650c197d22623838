CREATE TABLE counts (namespace TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL) WITHOUT ROWID, STRICT;

INSERT INTO counts SELECT namespace, count(*) FROM kv GROUP BY namespace;

CREATE TRIGGER kv_counts_insert AFTER INSERT ON kv BEGIN
  INSERT INTO counts (namespace, n) VALUES (NEW.namespace, 1)
    ON CONFLICT (namespace) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER kv_counts_delete AFTER DELETE ON kv BEGIN
  UPDATE counts SET n = n - 1 WHERE namespace = OLD.namespace;
  DELETE FROM counts WHERE namespace = OLD.namespace AND n = 0;
END;
