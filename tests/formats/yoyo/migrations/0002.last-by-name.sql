-- depends: 0003.tags

INSERT INTO tags (note, tag) VALUES (1, 'depends; on 0003');
