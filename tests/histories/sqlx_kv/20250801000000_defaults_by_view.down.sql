DELETE FROM kv WHERE inserted_at = 0;
