ALTER TABLE episodes ADD COLUMN number INTEGER;

WITH ranked AS (
	SELECT id, row_number() OVER (PARTITION BY feed_id ORDER BY published, id) AS n FROM episodes
)
UPDATE episodes SET number = ranked.n FROM ranked WHERE ranked.id = episodes.id;
