-- There is no way back from here, hence no .down.sql.
UPDATE link SET heading = trim(heading) WHERE heading <> trim(heading);
INSERT INTO link_text(link_text) VALUES('optimize');
