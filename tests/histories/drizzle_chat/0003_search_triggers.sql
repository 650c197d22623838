-- written by hand: drizzle knows no full-text tables
CREATE VIRTUAL TABLE `messages_fts` USING fts5(body, content='messages', content_rowid='rowid')
--> statement-breakpoint
INSERT INTO messages_fts(messages_fts) VALUES ('rebuild')
--> statement-breakpoint
-- no semicolon after END: drizzle cuts at the breakpoints alone
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN
	INSERT INTO messages_fts(rowid, body) VALUES (NEW.rowid, NEW.body);
END
--> statement-breakpoint
CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN
	INSERT INTO messages_fts(messages_fts, rowid, body) VALUES ('delete', OLD.rowid, OLD.body);
END
--> statement-breakpoint
CREATE TRIGGER messages_roles BEFORE INSERT ON messages
WHEN NEW.role NOT IN ('user', 'assistant', 'system')
BEGIN
	SELECT CASE WHEN NEW.role IS NULL THEN RAISE(ABORT, 'no role') ELSE RAISE(ABORT, 'odd role; END') END;
END
--> statement-breakpoint
UPDATE threads SET title = trim(title)
