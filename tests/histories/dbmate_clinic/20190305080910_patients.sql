-- migrate:up
CREATE TABLE patients (
  id INTEGER PRIMARY KEY,
  surname TEXT NOT NULL,
  born TEXT NOT NULL CHECK (born LIKE '____-__-__')
);
CREATE TABLE visits (
  id INTEGER PRIMARY KEY,
  patient_id INTEGER NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
  day TEXT NOT NULL,
  notes TEXT NOT NULL DEFAULT ''
);

-- migrate:down
DROP TABLE visits;
DROP TABLE patients;
