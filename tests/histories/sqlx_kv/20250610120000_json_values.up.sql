-- Values become JSON; what already is JSON stays.
UPDATE kv SET value = json_quote(value) WHERE NOT json_valid(value);
ALTER TABLE kv ADD COLUMN kind TEXT AS (json_type(value)) VIRTUAL;
CREATE INDEX kv_kind ON kv (kind, namespace) WHERE kind <> 'null';
