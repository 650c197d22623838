CREATE TABLE option (key TEXT NOT NULL PRIMARY KEY, value ANY) WITHOUT ROWID;
INSERT INTO option (key, value) VALUES ('theme', 'dark'), ('per_page', 30);
INSERT INTO option (key, value) VALUES ('theme', 'follow'), ('language', 'en')
    ON CONFLICT (key) DO UPDATE SET value = excluded.value || '; was ' || value
