INSERT INTO link VALUES (7, 1, 'https://three.example', 'Sea level', 'rising', 6);
DELETE FROM link_label WHERE link = 6;
DELETE FROM link WHERE nr = 6;
INSERT INTO link_label VALUES (7, 1);
