DROP INDEX episodes_guid;
ALTER TABLE episodes DROP COLUMN extras;
