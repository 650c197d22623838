INSERT INTO messages VALUES ('m3', 't2', 'assistant', '{"kind": "system"}', 3);
INSERT INTO attachments (message_id, name) VALUES ('m3', 'c.png');
