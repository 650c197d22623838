ALTER TABLE episodes DROP COLUMN number;
