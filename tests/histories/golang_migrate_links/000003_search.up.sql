CREATE VIRTUAL TABLE link_text USING fts5(
    heading, summary,
    content='link', content_rowid='nr',
    tokenize="unicode61 remove_diacritics 2 tokenchars '-_'"
);
INSERT INTO link_text(link_text) VALUES('rebuild');

CREATE TRIGGER link_in AFTER INSERT ON link BEGIN
  INSERT INTO link_text(rowid, heading, summary) VALUES (new.nr, new.heading, new.summary);
END;
CREATE TRIGGER link_out AFTER DELETE ON link BEGIN
  INSERT INTO link_text(link_text, rowid, heading, summary) VALUES('delete', old.nr, old.heading, old.summary);
END;
CREATE TRIGGER link_edit AFTER UPDATE ON link BEGIN
  INSERT INTO link_text(link_text, rowid, heading, summary) VALUES('delete', old.nr, old.heading, old.summary);
  INSERT INTO link_text(rowid, heading, summary) VALUES (new.nr, new.heading, new.summary);
END;
