DROP TRIGGER notes_changed;
DROP TABLE notes;
