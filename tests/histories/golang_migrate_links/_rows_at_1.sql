INSERT INTO person VALUES (1, 'ann'), (2, 'ben');
INSERT INTO link VALUES (5, 1, 'https://one.example', '  Well-known café ', 'a place'), (6, 2, 'https://two.example', 'Nothing', '');
INSERT INTO label VALUES (1, 'go'), (2, 'read later');
INSERT INTO link_label VALUES (5, 1), (5, 2), (6, 2);
