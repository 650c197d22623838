-- migrate:up transaction:false
PRAGMA foreign_keys = OFF;
BEGIN;
CREATE TABLE patients_new (
  id INTEGER PRIMARY KEY,
  surname TEXT NOT NULL,
  born TEXT NOT NULL CHECK (born LIKE '____-__-__'),
  sex TEXT CHECK (sex IN ('f', 'm', 'x'))
) STRICT;
INSERT INTO patients_new (id, surname, born) SELECT id, surname, born FROM patients;
DROP TABLE patients;
ALTER TABLE patients_new RENAME TO patients;
COMMIT;
VACUUM;

-- migrate:down transaction:false
PRAGMA foreign_keys = OFF;
ALTER TABLE patients DROP COLUMN sex;
PRAGMA foreign_keys = ON;
