-- The queries of retention: what is too old, and how it goes. Named as in queries.sql.

-- name: purge_look
-- Notifications after a number, oldest first: whose, of which app, and when they were created.
SELECT first, user_id, app_id, created_at FROM notifications WHERE first > ? ORDER BY first LIMIT ?;

-- name: purge_own
-- Which of these numbers a user still has, as the counts need them.
SELECT first, type, device_id FROM notifications
WHERE user_id = ? AND first IN (SELECT value FROM json_each(?)) ORDER BY first;

-- name: purge_notifications
-- Remove notifications by their numbers.
DELETE FROM notifications WHERE first IN (SELECT value FROM json_each(?));

-- name: purge_receipts
-- Remove what was done with these.
DELETE FROM receipts WHERE first IN (SELECT value FROM json_each(?));

-- name: purge_voids
-- Remove what is said of those of these that were withdrawn.
DELETE FROM voids WHERE first IN (SELECT value FROM json_each(?));

-- name: purge_streamed
-- Remove to how many streams these went.
DELETE FROM streamed WHERE first IN (SELECT value FROM json_each(?));

-- name: floor_of
-- Up to which number an owner's notifications are gone, of one app or all ('').
SELECT upto FROM floors WHERE owner = ? AND app_id = ?;

-- name: raise_floor
-- Up to a number they are gone now.
INSERT INTO floors (owner, app_id, upto, seq) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET upto = excluded.upto, seq = excluded.seq;

-- name: broadcasts_between
-- Of the next so many broadcasts above one number and up to another: how many of each type, up to which
-- number, and the first that is of one of some apps and was not withdrawn.
SELECT type, count(*), max(first),
    min(CASE WHEN app_id IN (SELECT value FROM json_each(?4)) AND withdrawn_at IS NULL THEN first END)
FROM (SELECT first, type, app_id, withdrawn_at FROM notifications
    WHERE user_id IS NULL AND first > ?1 AND first <= ?2 ORDER BY first LIMIT ?3)
GROUP BY type;

-- name: add_at_floor
-- So many more broadcasts of some types lie below the floor: [[type, how many], …].
UPDATE totals SET at_floor = at_floor + j.value ->> 1 FROM json_each(?) j WHERE totals.type = j.value ->> 0;

-- name: broadcasts_below
-- Broadcasts up to a number, oldest first.
SELECT first FROM notifications WHERE user_id IS NULL AND first <= ? ORDER BY first LIMIT ?;

-- name: broadcasts_of_app
-- Which of these numbers are broadcasts above the floor that are still there.
SELECT first, seq, id, type, device_id FROM notifications
WHERE first IN (SELECT value FROM json_each(?)) AND user_id IS NULL AND withdrawn_at IS NULL
  AND first > coalesce((SELECT upto FROM floors WHERE owner = '' AND app_id = ''), 0)
ORDER BY first;

-- name: broadcast_receipts
-- What was done with broadcasts up to a number, after a (number, user).
SELECT first, user_id FROM receipts
WHERE (first, user_id) > (?, ?) AND first <= ? AND broadcast = 1 ORDER BY first, user_id LIMIT ?;

-- name: purge_receipts_of
-- Remove what one user did with these.
DELETE FROM receipts WHERE user_id = ? AND first IN (SELECT value FROM json_each(?));

-- name: next_owner
-- The next user, by id, who has notifications of their own, and the newest of them.
SELECT o.user_id, (SELECT max(first) FROM notifications WHERE user_id = o.user_id)
FROM (SELECT user_id FROM notifications WHERE user_id > ? ORDER BY user_id LIMIT 1) o;

-- name: beyond_newest
-- The newest of a user's notifications that has so many above it.
SELECT first FROM notifications WHERE user_id = ? ORDER BY first DESC LIMIT 1 OFFSET ?;

-- name: own_below
-- A user's notifications up to a number, oldest first.
SELECT first FROM notifications WHERE user_id = ? AND first <= ? ORDER BY first LIMIT ?;

-- name: spent_marks
-- The next so many marks after one, and whether each is spent: a later one of its scope covers it, and
-- nothing that it could cover is left.
SELECT m.user_id, m.type, m.device_id, m.upto, m.upto <= ?6
    AND EXISTS (SELECT 1 FROM marks n WHERE n.user_id = m.user_id AND n.type = m.type
        AND n.device_id = m.device_id AND n.upto > m.upto)
    AND NOT EXISTS (SELECT 1 FROM notifications o WHERE o.user_id = m.user_id AND o.first <= m.upto)
FROM (SELECT user_id, type, device_id, upto FROM marks WHERE (user_id, type, device_id, upto) > (?1, ?2, ?3, ?4)
    ORDER BY user_id, type, device_id, upto LIMIT ?5) m;

-- name: purge_mark
-- Remove a mark.
DELETE FROM marks WHERE user_id = ? AND type = ? AND device_id = ? AND upto = ?;

-- name: spent_watermarks
-- The same of watermarks.
SELECT w.user_id, w.upto, w.upto <= ?4
    AND EXISTS (SELECT 1 FROM watermarks n WHERE n.user_id = w.user_id AND n.upto > w.upto)
    AND NOT EXISTS (SELECT 1 FROM notifications o WHERE o.user_id = w.user_id AND o.first <= w.upto)
FROM (SELECT user_id, upto FROM watermarks WHERE (user_id, upto) > (?1, ?2) ORDER BY user_id, upto LIMIT ?3) w;

-- name: purge_watermark
-- Remove a watermark.
DELETE FROM watermarks WHERE user_id = ? AND upto = ?;

-- name: pages
-- How many pages the file has, and how many of them are free.
SELECT p.page_count, f.freelist_count FROM pragma_page_count p, pragma_freelist_count f;

-- name: give_back
-- Take a few free pages off the end of the file.
PRAGMA incremental_vacuum(64);
