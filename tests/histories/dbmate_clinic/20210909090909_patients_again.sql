-- migrate:up
CREATE TABLE patients_new (
  id INTEGER PRIMARY KEY,
  surname TEXT NOT NULL COLLATE NOCASE,
  given TEXT NOT NULL DEFAULT '',
  born TEXT NOT NULL CHECK (born LIKE '____-__-__'),
  sex TEXT CHECK (sex IN ('f', 'm', 'x'))
) STRICT;
INSERT INTO patients_new (id, surname, given, born, sex)
SELECT id, iif(instr(surname, ','), substr(surname, 1, instr(surname, ',') - 1), surname),
       iif(instr(surname, ','), ltrim(substr(surname, instr(surname, ',') + 1)), ''), born, sex
FROM patients;
DROP TABLE patients;
ALTER TABLE patients_new RENAME TO patients;
CREATE INDEX patients_by_name ON patients (surname, given);

-- migrate:down
DROP INDEX patients_by_name;
ALTER TABLE patients DROP COLUMN given;
