-- A page of the list and the note with a given title are found at once, also among 200,000 notes.

-- migrate:up

-- Read backwards, it has the order of recent_notes: without, every note is read and sorted to show the first fifty.
CREATE INDEX notes_by_recent ON notes (pinned, updated_at);

-- An import asks for each file whether its text is there already.
CREATE INDEX notes_by_title ON notes (title);

-- migrate:down

DROP INDEX notes_by_title;
DROP INDEX notes_by_recent;
