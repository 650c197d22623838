INSERT INTO episodes (id, feed_id, guid, title, published) VALUES (13, 2, 'g-13', 'late', '2021-02-01');
UPDATE episodes SET state = 'kept' WHERE id = 12;
INSERT INTO chapters VALUES (13, 1, 'Intro');
