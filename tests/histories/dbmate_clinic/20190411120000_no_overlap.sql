-- A patient comes at most once a day
-- migrate:up
CREATE TRIGGER visits_once_a_day BEFORE INSERT ON visits
BEGIN
  -- the message has a marker's colon, and a semicolon
  SELECT RAISE(ABORT, 'migrate: one visit a day; not two')
  WHERE EXISTS (SELECT 1 FROM visits WHERE patient_id = NEW.patient_id AND day = NEW.day);
END;

-- migrate:down
DROP TRIGGER visits_once_a_day;
