DROP TRIGGER episodes_state;
DROP VIEW unheard;
DROP TABLE chapters;
