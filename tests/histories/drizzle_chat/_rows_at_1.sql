INSERT INTO threads VALUES ('t1', ' Plans ', 1), ('t2', 'Empty', 0);
INSERT INTO messages VALUES ('m1', 't1', 'hello; world', 1), ('m2', 't1', '{"kind": "other"}', 2);
INSERT INTO attachments (message_id, name) VALUES ('m1', 'a.png'), ('m2', 'b.png');
