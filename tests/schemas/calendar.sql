-- Calendars, events that repeat, and tasks.
CREATE TABLE calendars (
  id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, name TEXT NOT NULL CHECK (length(name) > 0),
  color TEXT NOT NULL DEFAULT '#3366cc' CHECK (color LIKE '#______'), time_zone TEXT NOT NULL DEFAULT 'UTC',
  is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)), ctag TEXT, visible BOOL DEFAULT TRUE
);
CREATE UNIQUE INDEX one_default_calendar ON calendars (is_default) WHERE is_default = 1;
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  calendar_id INTEGER NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
  uid TEXT NOT NULL,
  recurrence_id TEXT NOT NULL DEFAULT '',
  summary TEXT NOT NULL DEFAULT '',
  starts_at TEXT NOT NULL CHECK (datetime(starts_at) = starts_at),
  ends_at TEXT NOT NULL CHECK (datetime(ends_at) IS ends_at),
  all_day INTEGER NOT NULL DEFAULT 0 CHECK (all_day IN (0, 1)),
  rrule TEXT CHECK (rrule IS NULL OR rrule LIKE 'FREQ=%'),
  status TEXT CHECK (status IN ('CONFIRMED', 'TENTATIVE', 'CANCELLED')),
  sequence INTEGER NOT NULL DEFAULT 0 CHECK (sequence >= 0),
  priority INTEGER CHECK (priority IS NULL OR priority BETWEEN 0 AND 9),
  UNIQUE (calendar_id, uid, recurrence_id),
  CHECK (ends_at >= starts_at),
  CHECK (recurrence_id = '' OR rrule IS NULL)
);
CREATE TABLE attendees (
  event_id INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
  address TEXT NOT NULL CHECK (address GLOB 'mailto:*@*'),
  partstat TEXT NOT NULL DEFAULT 'NEEDS-ACTION' CHECK (partstat IN ('NEEDS-ACTION', 'ACCEPTED', 'DECLINED', 'TENTATIVE')),
  organizer INTEGER NOT NULL DEFAULT 0 CHECK (organizer IN (0, 1)),
  PRIMARY KEY (event_id, address)
) WITHOUT ROWID;
CREATE UNIQUE INDEX one_organizer ON attendees (event_id) WHERE organizer;
CREATE TABLE alarms (
  id INTEGER PRIMARY KEY, event_id INTEGER REFERENCES events (id) ON DELETE CASCADE, task_id INTEGER REFERENCES tasks (id) ON DELETE CASCADE,
  minutes_before INTEGER, at TEXT, action TEXT NOT NULL CHECK (action IN ('DISPLAY', 'EMAIL', 'AUDIO')),
  CHECK ((event_id IS NULL) <> (task_id IS NULL)), CHECK ((minutes_before IS NULL) + (at IS NULL) = 1)
);
CREATE TABLE tasks (
  id INTEGER PRIMARY KEY, calendar_id INTEGER NOT NULL REFERENCES calendars (id), parent_id INTEGER REFERENCES tasks (id),
  title TEXT NOT NULL, due DATE, percent INTEGER NOT NULL DEFAULT 0 CHECK (percent BETWEEN 0 AND 100 AND percent % 5 = 0),
  completed_at DATETIME, CHECK ((percent = 100) = (completed_at IS NOT NULL))
);
CREATE TABLE free_busy (address TEXT NOT NULL, from_ts INTEGER NOT NULL, to_ts INTEGER NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (address, from_ts), CHECK (to_ts > from_ts)) STRICT;
CREATE TABLE time_zones (tzid TEXT PRIMARY KEY, utc_offset_minutes INTEGER NOT NULL CHECK (utc_offset_minutes BETWEEN -720 AND 840 AND utc_offset_minutes % 15 = 0), rules BLOB);
CREATE TABLE availability (
  weekday INTEGER NOT NULL CHECK (weekday BETWEEN 0 AND 6), opens TEXT NOT NULL CHECK (opens GLOB '[0-2][0-9]:[0-5][0-9]' AND opens < '24:00'),
  closes TEXT NOT NULL CHECK (closes GLOB '[0-2][0-9]:[0-5][0-9]'), CHECK (closes > opens), PRIMARY KEY (weekday, opens)
) WITHOUT ROWID;
