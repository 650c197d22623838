-- A messenger on one device.
CREATE TABLE recipients (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT UNIQUE CHECK (length(uuid) = 36),
  phone TEXT UNIQUE CHECK (phone GLOB '+[0-9]*' AND length(phone) BETWEEN 8 AND 16),
  username TEXT UNIQUE COLLATE NOCASE CHECK (username NOT GLOB '*[^a-z0-9_.]*'),
  group_id BLOB UNIQUE,
  blocked INTEGER NOT NULL DEFAULT 0 CHECK (blocked IN (0, 1)),
  color TEXT NOT NULL DEFAULT '#336699' CHECK (color GLOB '#[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
  mute_until_ms INTEGER NOT NULL DEFAULT 0,
  CHECK ((uuid IS NOT NULL) + (group_id IS NOT NULL) = 1 OR phone IS NOT NULL)
);
CREATE TABLE chats (
  id INTEGER PRIMARY KEY,
  recipient_id INTEGER NOT NULL UNIQUE REFERENCES recipients (id) ON DELETE CASCADE,
  archived INTEGER NOT NULL DEFAULT FALSE CHECK (archived IN (TRUE, FALSE)),
  pinned_order INTEGER UNIQUE CHECK (pinned_order >= 0),
  expires_in_s INTEGER NOT NULL DEFAULT 0 CHECK (expires_in_s IN (0, 30, 300, 3600, 28800, 86400, 604800)),
  last_message_id INTEGER REFERENCES chat_messages (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
  draft TEXT,
  CHECK (NOT (archived AND pinned_order IS NOT NULL))
);
CREATE TABLE chat_messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
  sender_id INTEGER NOT NULL REFERENCES recipients (id),
  sent_ms INTEGER NOT NULL CHECK (sent_ms > 0),
  received_ms INTEGER NOT NULL,
  kind TEXT NOT NULL DEFAULT 'text' CHECK (kind IN ('text', 'sticker', 'call', 'deleted', 'poll')),
  body TEXT,
  quote_id INTEGER REFERENCES chat_messages (id) ON DELETE SET NULL,
  payload TEXT CHECK (payload IS NULL OR json_valid(payload)),
  edited_ms INTEGER CHECK (edited_ms >= sent_ms),
  CHECK (received_ms >= sent_ms),
  CHECK (CASE kind WHEN 'text' THEN body IS NOT NULL WHEN 'deleted' THEN body IS NULL AND payload IS NULL ELSE payload IS NOT NULL END)
);
CREATE UNIQUE INDEX no_twins ON chat_messages (sent_ms, sender_id, chat_id);
CREATE INDEX poll_title ON chat_messages (json_extract(payload, '$.title')) WHERE kind = 'poll';
CREATE TABLE reactions (
  message_id INTEGER NOT NULL REFERENCES chat_messages (id) ON DELETE CASCADE,
  author_id INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
  emoji TEXT NOT NULL CHECK (length(emoji) BETWEEN 1 AND 10),
  sent_ms INTEGER NOT NULL,
  PRIMARY KEY (message_id, author_id)
) WITHOUT ROWID;
CREATE TABLE group_members (
  chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
  member_id INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
  role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin', 'owner')),
  invited_by INTEGER REFERENCES recipients (id),
  joined TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  PRIMARY KEY (chat_id, member_id),
  CHECK (invited_by IS NULL OR invited_by <> member_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX one_owner ON group_members (chat_id) WHERE role = 'owner';
CREATE TABLE identity_keys (
  address TEXT NOT NULL,
  device INTEGER NOT NULL CHECK (device BETWEEN 1 AND 127),
  public_key BLOB NOT NULL CHECK (length(public_key) = 33),
  verified INTEGER NOT NULL DEFAULT 0 CHECK (verified IN (0, 1, 2)),
  first_use INTEGER NOT NULL,
  PRIMARY KEY (address, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE receipts (
  message_id INTEGER NOT NULL REFERENCES chat_messages (id) ON DELETE CASCADE,
  recipient_id INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
  delivered_ms INTEGER,
  read_ms INTEGER,
  UNIQUE (message_id, recipient_id) ON CONFLICT REPLACE,
  CHECK (read_ms IS NULL OR (delivered_ms IS NOT NULL AND read_ms >= delivered_ms))
);
CREATE TABLE stickers (
  pack_id TEXT NOT NULL CHECK (length(pack_id) = 32 AND lower(hex(unhexed)) = pack_id),
  unhexed BLOB NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 0),
  emoji TEXT,
  PRIMARY KEY (pack_id, number)
);
