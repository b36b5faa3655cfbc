-- What people did with their notifications, what they have not read, what is gone.

-- An inbox, newest first, and how many of each type it has above a number.
DROP INDEX notifications_inbox;
CREATE INDEX notifications_inbox ON notifications (user_id, first, type);

-- The same for what is about one device.
CREATE INDEX notifications_device ON notifications (user_id, device_id, first, type) WHERE device_id IS NOT NULL;

-- A withdrawn notification keeps its place without its text, until retention takes it.
ALTER TABLE notifications ADD COLUMN withdrawn_at INTEGER;

-- What one recipient did with one notification, named by the number it was created at. `read` 1: read; 0:
-- unread, though below a mark; NULL: marks decide. Times are milliseconds UTC. What the notification is about
-- is repeated here, so that counting needs no look at it.
CREATE TABLE receipts (
    user_id         TEXT NOT NULL,
    first           INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    broadcast       INTEGER NOT NULL,
    type            TEXT NOT NULL,
    device_id       TEXT,
    read            INTEGER,
    read_at         INTEGER,
    dismissed_at    INTEGER,
    acknowledged_at INTEGER,
    PRIMARY KEY (user_id, first)
) STRICT, WITHOUT ROWID;

CREATE INDEX receipts_changes ON receipts (user_id, seq);
CREATE INDEX receipts_notification ON receipts (first);
CREATE INDEX receipts_unread ON receipts (user_id, first) WHERE read = 0;

-- Read up to `upto`: of one type or all (''), about one device or all ('').
CREATE TABLE marks (
    user_id   TEXT NOT NULL,
    type      TEXT NOT NULL,
    device_id TEXT NOT NULL,
    upto      INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (user_id, type, device_id, upto)
) STRICT, WITHOUT ROWID;

CREATE INDEX marks_changes ON marks (user_id, seq);

-- What a user has not read, by type; docs/decisions/0006-the-inbox.md says how it adds up.
CREATE TABLE counters (
    user_id TEXT NOT NULL,
    type    TEXT NOT NULL,
    mark    INTEGER NOT NULL,
    floor   INTEGER NOT NULL DEFAULT 0,
    base    INTEGER NOT NULL,
    covered INTEGER NOT NULL DEFAULT 0,
    own     INTEGER NOT NULL DEFAULT 0,
    seen    INTEGER NOT NULL DEFAULT 0,
    unseen  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, type)
) STRICT, WITHOUT ROWID;

-- How many broadcasts of a type there ever were, and how many of them up to the floor of broadcasts.
CREATE TABLE totals (
    type     TEXT PRIMARY KEY,
    total    INTEGER NOT NULL,
    at_floor INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Purged up to `upto`: what one owner (a user, or '' for broadcasts) had, of one app or of all ('').
CREATE TABLE floors (
    owner  TEXT NOT NULL,
    app_id TEXT NOT NULL,
    upto   INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (owner, app_id)
) STRICT, WITHOUT ROWID;

-- Withdrawn notifications; `user_id` NULL is everyone.
CREATE TABLE voids (
    first     INTEGER PRIMARY KEY,
    seq       INTEGER NOT NULL,
    user_id   TEXT,
    type      TEXT NOT NULL,
    device_id TEXT
) STRICT;

CREATE INDEX voids_of ON voids (user_id, first);
CREATE INDEX voids_changes ON voids (seq);

-- When a user's screens had confirmed everything up to a number.
CREATE TABLE watermarks (
    user_id TEXT NOT NULL,
    upto    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, upto)
) STRICT, WITHOUT ROWID;

CREATE INDEX watermarks_upto ON watermarks (upto);

-- To how many streams a notification was written when it was sent; no row for none.
CREATE TABLE streamed (
    first   INTEGER PRIMARY KEY,
    streams INTEGER NOT NULL
) STRICT;

-- What there is already counts as unread.
INSERT INTO totals (type, total)
SELECT t.value, (SELECT count(*) FROM notifications WHERE user_id IS NULL AND type = t.value)
FROM json_each('["info","success","warning","error","emergency"]') t;

INSERT INTO counters (user_id, type, mark, base, own)
SELECT u.id, t.value, u.joined,
    (SELECT count(*) FROM notifications WHERE user_id IS NULL AND type = t.value AND first <= u.joined),
    (SELECT count(*) FROM notifications WHERE user_id = u.id AND type = t.value AND first > u.joined)
FROM users u, json_each('["info","success","warning","error","emergency"]') t;
