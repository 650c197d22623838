DROP TRIGGER IF EXISTS kv_counts_insert;
DROP TRIGGER IF EXISTS kv_counts_delete;
DROP TABLE IF EXISTS counts;
