BEGIN TRANSACTION;
ALTER TABLE notes ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;

/* The first line of a body becomes its title; what's left stays.
 * (Bodies written on Windows end their lines otherwise.)
 */
UPDATE notes
   SET title = rtrim(substr(body, 1, instr(body || char(10), char(10)) - 1), char(13))
 WHERE title = '';
PRAGMA user_version = 2;
COMMIT;
