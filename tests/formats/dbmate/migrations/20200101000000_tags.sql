-- migrate:up
CREATE TABLE tags (note INTEGER, tag TEXT);

-- migrate:down

