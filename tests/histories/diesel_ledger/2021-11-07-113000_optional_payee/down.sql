DELETE FROM entries WHERE payee_id IS NULL;
