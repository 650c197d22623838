ALTER TABLE episodes ADD COLUMN extras TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extras));
UPDATE episodes SET extras = json_object(
	'guid', guid,
	'chapters', json((SELECT json_group_array(title) FROM (SELECT title FROM chapters WHERE episode_id = episodes.id ORDER BY position)))
);
CREATE INDEX episodes_guid ON episodes (json_extract(extras, '$.guid'));
