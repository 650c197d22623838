CREATE TEMP TABLE doubles AS SELECT min(id) AS keep, max(id) AS lose FROM notes GROUP BY notebook, title, body HAVING count(*) > 1;
INSERT OR IGNORE INTO tags SELECT d.keep, t.tag FROM tags t JOIN temp.doubles d ON d.lose = t.note;
DELETE FROM tags WHERE note IN (SELECT lose FROM doubles);
DELETE FROM notes WHERE id IN (SELECT lose FROM doubles);
DROP TABLE temp.doubles;
PRAGMA user_version = 8;
