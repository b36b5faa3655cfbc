-- Every query of the stores, each with a name and a sentence.

-- name: head
-- The last number given out, and its epoch.
SELECT head, epoch FROM log;

-- name: set_head
-- In each batch's own transaction, so that readers see rows and head together.
UPDATE log SET head = ?;

-- name: set_epoch
-- Numbers could otherwise be used twice: positions of before no longer hold.
UPDATE log SET epoch = ?;

-- name: own_changes
-- One user's notifications created after `joined` that changed in (since, upto], oldest change first: those as they
-- were created, and those that have changed since, each by an index of theirs and merged.
SELECT n.first, n.first AS seq, n.id, n.user_id, n.device_id, n.body, n.crc, n.since, n.type, n.withdrawn_at,
    r.read, r.read_at, r.dismissed_at, r.acknowledged_at
FROM notifications n LEFT JOIN receipts r ON r.user_id = :user AND r.first = n.first
WHERE n.user_id = :user AND n.first > max(:since, :joined) AND n.first <= :upto AND n.seq = n.first
  AND (:devices IS NULL OR n.device_id IN (SELECT value FROM json_each(:devices)))
UNION ALL
SELECT n.first, n.seq, n.id, n.user_id, n.device_id, n.body, n.crc, n.since, n.type, n.withdrawn_at,
    r.read, r.read_at, r.dismissed_at, r.acknowledged_at
FROM notifications n LEFT JOIN receipts r ON r.user_id = :user AND r.first = n.first
WHERE n.user_id = :user AND n.seq > :since AND n.seq <= :upto AND n.seq <> n.first AND n.first > :joined
  AND (:devices IS NULL OR n.device_id IN (SELECT value FROM json_each(:devices)))
ORDER BY seq LIMIT :limit;

-- name: broadcast_changes
-- The same of broadcasts created after `low`.
SELECT n.first, n.first AS seq, n.id, n.user_id, n.device_id, n.body, n.crc, n.since, n.type, n.withdrawn_at,
    r.read, r.read_at, r.dismissed_at, r.acknowledged_at
FROM notifications n LEFT JOIN receipts r ON r.user_id = :user AND r.first = n.first
WHERE n.user_id IS NULL AND n.first > max(:since, :low) AND n.first <= :upto AND n.seq = n.first
  AND (:devices IS NULL OR n.device_id IN (SELECT value FROM json_each(:devices)))
UNION ALL
SELECT n.first, n.seq, n.id, n.user_id, n.device_id, n.body, n.crc, n.since, n.type, n.withdrawn_at,
    r.read, r.read_at, r.dismissed_at, r.acknowledged_at
FROM notifications n LEFT JOIN receipts r ON r.user_id = :user AND r.first = n.first
WHERE n.user_id IS NULL AND n.seq > :since AND n.seq <= :upto AND n.seq <> n.first AND n.first > :low
  AND (:devices IS NULL OR n.device_id IN (SELECT value FROM json_each(:devices)))
ORDER BY seq LIMIT :limit;

-- name: item
-- One notification as a recipient has it, by the number it was created at.
SELECT n.first, n.seq, n.id, n.user_id, n.device_id, n.body, n.crc, n.since, n.type, n.withdrawn_at,
    r.read, r.read_at, r.dismissed_at, r.acknowledged_at
FROM notifications n LEFT JOIN receipts r ON r.user_id = :user AND r.first = n.first
WHERE n.first = :first;

-- name: items
-- Notifications as a recipient has them, by the numbers they were created at, newest first.
SELECT n.first, n.seq, n.id, n.user_id, n.device_id, n.body, n.crc, n.since, n.type, n.withdrawn_at,
    r.read, r.read_at, r.dismissed_at, r.acknowledged_at
FROM notifications n LEFT JOIN receipts r ON r.user_id = :user AND r.first = n.first
WHERE n.first IN (SELECT value FROM json_each(:firsts))
ORDER BY n.first DESC;

-- name: number_of
-- The number at which a notification was created, by its id.
SELECT first FROM notifications WHERE id = ?;

-- name: quota_used
-- What an app sent to a user, and in which hour.
SELECT hour, used FROM quotas WHERE app_id = ? AND user_id = ?;

-- name: use_quota
-- Set what was used; a new hour starts anew.
INSERT INTO quotas (app_id, user_id, hour, used) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET hour = excluded.hour, used = excluded.used;

-- name: forget_quotas_of
-- What was sent to a deleted user: another of that name starts anew.
DELETE FROM quotas WHERE user_id = ?;

-- name: forget_quotas_of_app
-- The same of a deleted app.
DELETE FROM quotas WHERE app_id = ?;

-- name: once
-- What a send under an idempotency key gave, when that is not too long ago, and to how many streams that went.
SELECT i.fingerprint, i.notification_id,
    coalesce((SELECT s.streams FROM notifications n JOIN streamed s ON s.first = n.first
        WHERE n.id = i.notification_id), 0)
FROM idempotency i WHERE i.scope = ? AND i.key = ? AND i.expires_at > ?;

-- name: put_once
-- Remember what a send gave; a key that has expired is used anew.
INSERT OR REPLACE INTO idempotency (scope, key, fingerprint, notification_id, streamed, expires_at)
VALUES (?, ?, ?, ?, 0, ?);

-- name: forget_onces
-- What a deleted user sent under keys: another of that name starts anew.
DELETE FROM idempotency WHERE scope = ?;

-- name: expire_onces
-- A chunk of what has expired.
DELETE FROM idempotency WHERE (scope, key) IN
    (SELECT scope, key FROM idempotency WHERE expires_at <= ? LIMIT 500) RETURNING key;

-- name: user
-- One user.
SELECT id, name, password, permissions, superuser, disabled, joined, tokens_after FROM users WHERE id = ?;

-- name: users
-- Users after an id, by id.
SELECT id, name, password, permissions, superuser, disabled, joined, tokens_after FROM users
WHERE id > ? ORDER BY id LIMIT ?;

-- name: count_users
-- How many users there are.
SELECT count(*) FROM users;

-- name: put_user
-- Create or replace; who has joined stays joined.
INSERT INTO users (id, name, password, permissions, superuser, disabled, joined, tokens_after)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET name = excluded.name, password = excluded.password,
    permissions = excluded.permissions, superuser = excluded.superuser, disabled = excluded.disabled,
    tokens_after = excluded.tokens_after;

-- name: joined
-- The number at which a user joined; no row where there is no such user.
SELECT joined FROM users WHERE id = ?;

-- name: delete_user
-- Remove a user.
DELETE FROM users WHERE id = ? RETURNING id;

-- name: delete_keys_of
-- Remove a user's keys.
DELETE FROM keys WHERE user_id = ? RETURNING id;

-- name: delete_installs_of
-- Remove what a user installed.
DELETE FROM installs WHERE user_id = ?;

-- name: put_leaver
-- Remember that a deleted user's notifications are still to be removed.
INSERT INTO leavers (user_id, upto) VALUES (?, ?)
ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto);

-- name: leaver
-- A deleted user with notifications still to be removed.
SELECT user_id, upto FROM leavers LIMIT 1;

-- name: delete_of_leaver
-- A chunk of what a deleted user had.
DELETE FROM notifications WHERE first IN
    (SELECT first FROM notifications WHERE user_id = ? AND first <= ? LIMIT 500) RETURNING first;

-- name: delete_receipts_of_leaver
-- A chunk of what a deleted user did.
DELETE FROM receipts WHERE (user_id, first) IN
    (SELECT user_id, first FROM receipts WHERE user_id = ? AND first <= ? LIMIT 500) RETURNING first;

-- name: delete_watermarks_of_leaver
-- A chunk of what a deleted user's screens had confirmed.
DELETE FROM watermarks WHERE (user_id, upto) IN
    (SELECT user_id, upto FROM watermarks WHERE user_id = ? AND upto <= ? LIMIT 500) RETURNING upto;

-- name: delete_counters_of
-- What a deleted user had not read.
DELETE FROM counters WHERE user_id = ?;

-- name: delete_marks_of
-- A deleted user's marks.
DELETE FROM marks WHERE user_id = ?;

-- name: delete_floors_of
-- What was purged of a deleted user's.
DELETE FROM floors WHERE owner = ?;

-- name: delete_voids_of
-- What was withdrawn of a deleted user's.
DELETE FROM voids WHERE user_id = ?;

-- name: forget_leaver
-- All of it is gone.
DELETE FROM leavers WHERE user_id = ?;

-- name: key
-- One API key.
SELECT id, user_id, name, hash, created_at, expires_at FROM keys WHERE id = ?;

-- name: keys
-- API keys after an id, by id.
SELECT id, user_id, name, hash, created_at, expires_at FROM keys WHERE id > ? ORDER BY id LIMIT ?;

-- name: put_key
-- Create or replace.
INSERT OR REPLACE INTO keys (id, user_id, name, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?);

-- name: delete_key
-- Revoke.
DELETE FROM keys WHERE id = ? RETURNING id;

-- name: session
-- One session.
SELECT id, user_id, hash, created_at, expires_at FROM sessions WHERE id = ?;

-- name: prolong_session
-- Set until when one that is still there holds.
UPDATE sessions SET expires_at = ? WHERE id = ? RETURNING id;

-- name: put_session
-- Create.
INSERT INTO sessions (id, user_id, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?);

-- name: delete_session
-- Sign out.
DELETE FROM sessions WHERE id = ? RETURNING id;

-- name: delete_sessions_of
-- Remove a user's sessions.
DELETE FROM sessions WHERE user_id = ?;

-- name: delete_sessions_over
-- Remove a user's sessions over a number, those that end first.
DELETE FROM sessions WHERE id IN
    (SELECT id FROM sessions WHERE user_id = ? ORDER BY expires_at DESC, id LIMIT -1 OFFSET ?) RETURNING id;

-- name: expire_sessions
-- A chunk of what has ended.
DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ? LIMIT 100);

-- name: app
-- One app.
SELECT id, name, quota_per_hour, install_for_all, joined FROM apps WHERE id = ?;

-- name: apps
-- Apps after an id, by id.
SELECT id, name, quota_per_hour, install_for_all, joined FROM apps WHERE id > ? ORDER BY id LIMIT ?;

-- name: put_app
-- Create or replace; what has joined stays joined.
INSERT INTO apps (id, name, quota_per_hour, install_for_all, joined) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, quota_per_hour = excluded.quota_per_hour,
    install_for_all = excluded.install_for_all;

-- name: delete_app
-- Remove an app.
DELETE FROM apps WHERE id = ? RETURNING id;

-- name: delete_secrets_of
-- Remove an app's secrets.
DELETE FROM secrets WHERE app_id = ?;

-- name: delete_installs_of_app
-- Remove an app's installs.
DELETE FROM installs WHERE app_id = ?;

-- name: secret
-- One secret of any app.
SELECT id, app_id, hash, created_at FROM secrets WHERE id = ?;

-- name: secrets
-- The secrets of one app.
SELECT id, app_id, hash, created_at FROM secrets WHERE app_id = ? ORDER BY created_at, id;

-- name: put_secret
-- Create or replace.
INSERT OR REPLACE INTO secrets (id, app_id, hash, created_at) VALUES (?, ?, ?, ?);

-- name: delete_secret
-- Revoke one of an app's secrets.
DELETE FROM secrets WHERE app_id = ? AND id = ? RETURNING id;

-- name: installed
-- Whether a user who exists has an app that exists: by their own choice, else by the app's.
SELECT coalesce(i.installed, a.install_for_all)
FROM apps a JOIN users u ON u.id = :user LEFT JOIN installs i ON i.app_id = a.id AND i.user_id = u.id
WHERE a.id = :app;

-- name: users_of_app
-- Who has an app, after an id, by id.
SELECT u.id
FROM apps a CROSS JOIN users u LEFT JOIN installs i ON i.app_id = a.id AND i.user_id = u.id
WHERE a.id = ?1 AND u.id > ?2 AND coalesce(i.installed, a.install_for_all)
ORDER BY u.id LIMIT ?3;

-- name: apps_of_user
-- What a user has, after an id, by id.
SELECT a.id
FROM users u CROSS JOIN apps a LEFT JOIN installs i ON i.app_id = a.id AND i.user_id = u.id
WHERE u.id = ?1 AND a.id > ?2 AND coalesce(i.installed, a.install_for_all)
ORDER BY a.id LIMIT ?3;

-- name: put_install
-- Install (1) or uninstall (0).
INSERT OR REPLACE INTO installs (app_id, user_id, installed) VALUES (?, ?, ?);

-- name: device
-- One device.
SELECT id, name FROM devices WHERE id = ?;

-- name: devices
-- Devices after an id, by id.
SELECT id, name FROM devices WHERE id > ? ORDER BY id LIMIT ?;

-- name: put_device
-- Create or replace.
INSERT OR REPLACE INTO devices (id, name) VALUES (?, ?);

-- name: delete_device
-- Remove.
DELETE FROM devices WHERE id = ? RETURNING id;

-- name: setting
-- A value kept with the store.
SELECT value FROM settings WHERE name = ?;

-- name: put_setting
-- Keep a value unless there is one.
INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: delete_setting
-- Take a setting away, and tell what it was.
DELETE FROM settings WHERE name = ? RETURNING value;

-- name: record
-- Add to the audit log.
INSERT INTO audit (at, who, action, what, origin, result) VALUES (?, ?, ?, ?, ?, ?);

-- name: audits
-- The audit log before a number, newest first.
SELECT number, at, who, action, what, origin, result FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?;
