-- A mail client's local store.
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (address LIKE '%_@_%._%' AND instr(address, ' ') = 0),
  display_name TEXT NOT NULL DEFAULT '',
  protocol TEXT NOT NULL CHECK (protocol IN ('imap', 'pop3', 'jmap')),
  host TEXT NOT NULL CHECK (length(host) BETWEEN 1 AND 253),
  port INTEGER NOT NULL CHECK (port > 0 AND port < 65536),
  tls INTEGER NOT NULL DEFAULT 1 CHECK (tls IN (0, 1)),
  inbox_id INTEGER REFERENCES mailboxes (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE mailboxes (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  parent_id INTEGER REFERENCES mailboxes (id) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (name <> '' AND name NOT LIKE '%/%'),
  role TEXT CHECK (role IN ('inbox', 'sent', 'drafts', 'trash', 'junk', 'archive')),
  uid_validity INTEGER CHECK (uid_validity > 0 AND uid_validity < 4294967296),
  uid_next INTEGER CHECK (uid_next > 0),
  highest_modseq INTEGER,
  UNIQUE (account_id, parent_id, name)
);
CREATE UNIQUE INDEX one_role_each ON mailboxes (account_id, role) WHERE role IS NOT NULL;
CREATE TABLE threads (id INTEGER PRIMARY KEY, subject TEXT, newest_ms INTEGER, unread INTEGER NOT NULL DEFAULT 0 CHECK (unread >= 0));
CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  thread_id INTEGER NOT NULL REFERENCES threads (id),
  mailbox_id INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
  uid INTEGER NOT NULL CHECK (uid BETWEEN 1 AND 4294967295),
  message_id TEXT CHECK (message_id IS NULL OR message_id GLOB '<*@*>'),
  in_reply_to TEXT,
  sender TEXT NOT NULL,
  recipients TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(recipients) AND json_type(recipients) = 'array'),
  subject TEXT,
  sent_at DATETIME,
  received_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  size INTEGER NOT NULL CHECK (size >= 0),
  flags INTEGER NOT NULL DEFAULT 0 CHECK (flags >= 0 AND flags < 64),
  seen INTEGER GENERATED ALWAYS AS (flags & 1) STORED,
  snippet TEXT CHECK (length(snippet) <= 200),
  UNIQUE (mailbox_id, uid)
);
CREATE INDEX messages_unseen ON messages (mailbox_id) WHERE flags & 1 = 0;
CREATE TABLE bodies (
  message_id INTEGER PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
  plain TEXT, html TEXT, raw BLOB,
  CHECK (plain IS NOT NULL OR html IS NOT NULL OR raw IS NOT NULL)
);
CREATE TABLE attachments (
  id INTEGER PRIMARY KEY,
  message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  part TEXT NOT NULL CHECK (part GLOB '[0-9]*'),
  filename VARCHAR(255),
  mime TEXT NOT NULL CHECK (mime LIKE '%_/_%'),
  content_id TEXT,
  disposition TEXT NOT NULL DEFAULT 'attachment' CHECK (disposition IN ('attachment', 'inline')),
  path TEXT UNIQUE,
  size INTEGER CHECK (size >= 0),
  UNIQUE (message_id, part),
  CHECK (disposition <> 'inline' OR content_id IS NOT NULL)
);
CREATE VIRTUAL TABLE message_search USING fts5 (subject, snippet, content = 'messages', content_rowid = 'id', tokenize = 'unicode61');
CREATE TRIGGER messages_ai AFTER INSERT ON messages BEGIN
  INSERT INTO message_search (rowid, subject, snippet) VALUES (NEW.id, NEW.subject, NEW.snippet);
END;
CREATE TRIGGER messages_ad AFTER DELETE ON messages BEGIN
  INSERT INTO message_search (message_search, rowid, subject, snippet) VALUES ('delete', OLD.id, OLD.subject, OLD.snippet);
END;
CREATE TRIGGER messages_unread AFTER INSERT ON messages WHEN NEW.flags & 1 = 0 BEGIN
  UPDATE threads SET unread = unread + 1 WHERE id = NEW.thread_id;
END;
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  mime BLOB NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 20),
  send_after TEXT CHECK (send_after IS NULL OR datetime(send_after) IS NOT NULL),
  last_error TEXT,
  CHECK (attempts > 0 OR last_error IS NULL)
);
