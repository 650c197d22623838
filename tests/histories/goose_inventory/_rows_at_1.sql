INSERT INTO rooms VALUES (1, 'Kitchen'), (2, 'Attic');
INSERT INTO items VALUES (1, 1, 'Kettle', 'K-1'), (2, 2, 'Lamp', ''), (90, 2, 'Rug', 'R-90');
INSERT INTO photos VALUES (1, 'kettle.jpg'), (1, 'lid.jpg'), (2, 'lamp.jpg'), (90, 'rug.jpg');
DELETE FROM photos WHERE item_id = 90;
DELETE FROM items WHERE id = 90;
