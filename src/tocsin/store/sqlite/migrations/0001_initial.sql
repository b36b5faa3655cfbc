-- The log, what it holds, and who is known.

-- One row: the last number given out, and the epoch those numbers belong to.
CREATE TABLE log (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    head  INTEGER NOT NULL,
    epoch TEXT NOT NULL
) STRICT;

-- `first` is the number a notification was created at and its place in every inbox; `seq` that of its
-- latest change; `since` when it last became unread. `body` is the flat JSON object that readers and
-- streams are given, byte for byte; `crc` covers it and whom it is for, so that a damaged row is never served.
-- `user_id` NULL is everyone.
CREATE TABLE notifications (
    first      INTEGER PRIMARY KEY,
    seq        INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    id         TEXT NOT NULL UNIQUE,
    user_id    TEXT,
    device_id  TEXT,
    app_id     TEXT,
    type       TEXT NOT NULL,
    sender     TEXT NOT NULL,
    credential TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body       TEXT NOT NULL,
    crc        INTEGER NOT NULL,
    title      TEXT GENERATED ALWAYS AS (body ->> '$.title') VIRTUAL,
    message    TEXT GENERATED ALWAYS AS (body ->> '$.message') VIRTUAL
) STRICT;

-- An inbox, newest first (the index ends in `first`, the row's own key).
CREATE INDEX notifications_inbox ON notifications (user_id);

-- What changed for somebody since a number.
CREATE INDEX notifications_changes ON notifications (user_id, seq);

CREATE TABLE users (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    password     TEXT,
    permissions  TEXT NOT NULL,
    superuser    INTEGER NOT NULL,
    disabled     INTEGER NOT NULL,
    joined       INTEGER NOT NULL,
    tokens_after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Deleted users whose notifications up to `upto` are still to be removed, a chunk at a time.
CREATE TABLE leavers (
    user_id TEXT PRIMARY KEY,
    upto    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_user ON keys (user_id);

CREATE TABLE apps (
    id              TEXT PRIMARY KEY,
    name            TEXT NOT NULL,
    quota_per_hour  INTEGER NOT NULL,
    install_for_all INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    id         TEXT PRIMARY KEY,
    app_id     TEXT NOT NULL,
    hash       BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX secrets_app ON secrets (app_id);

-- `installed` 0: uninstalled by the user, which overrides an app that is installed for all.
CREATE TABLE installs (
    app_id    TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    installed INTEGER NOT NULL,
    PRIMARY KEY (app_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX installs_user ON installs (user_id);

CREATE TABLE devices (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What an app sent to a user in the UTC clock hour `hour` (hours since 1970); an older hour counts as 0.
CREATE TABLE quotas (
    app_id  TEXT NOT NULL,
    user_id TEXT NOT NULL,
    hour    INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    PRIMARY KEY (app_id, user_id)
) STRICT, WITHOUT ROWID;

-- Values that belong to the store and to every process on it, such as the signing key.
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did what; append-only.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    who    TEXT NOT NULL,
    action TEXT NOT NULL,
    what   TEXT NOT NULL,
    origin TEXT NOT NULL,
    result TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;

-- A REPLACE deletes without telling the trigger above.
CREATE TRIGGER audit_keeps_numbers BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number)
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
