-- +goose Up
-- +goose StatementBegin

-- The unique constraint becomes the key
CREATE TABLE reading_list_new
(
    position   integer default 0 not null,
    reader     text NOT NULL,
    chapter_id text NOT NULL
        CONSTRAINT reading_list_chapter REFERENCES chapter ON UPDATE CASCADE ON DELETE CASCADE,
    PRIMARY KEY (reader, position)
) WITHOUT ROWID;
INSERT INTO reading_list_new SELECT position, reader, chapter_id FROM reading_list;
DROP TABLE reading_list;
ALTER TABLE reading_list_new RENAME TO reading_list;

CREATE VIEW book_pages AS
SELECT book_id, total(pages) AS pages, group_concat(title, ' / ') AS titles
FROM (SELECT * FROM chapter ORDER BY id) GROUP BY book_id;

-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP VIEW book_pages;
-- +goose StatementEnd
