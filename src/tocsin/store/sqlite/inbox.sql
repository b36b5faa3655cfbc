-- The queries of the inbox: states, marks, counts, changes. Named as in queries.sql.

-- name: place_of
-- What acting on a notification needs to know of it, by its id.
SELECT n.first, n.since, n.id, n.user_id, n.type, n.device_id, n.withdrawn_at,
    n.body ->> '$.dismissible', r.read, r.read_at, r.dismissed_at, r.acknowledged_at
FROM notifications n LEFT JOIN receipts r ON r.user_id = :user AND r.first = n.first
WHERE n.id = :id;

-- name: put_receipt
-- The new state of one notification for one recipient.
INSERT INTO receipts
    (user_id, first, seq, broadcast, type, device_id, read, read_at, dismissed_at, acknowledged_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET seq = excluded.seq, read = excluded.read, read_at = excluded.read_at,
    dismissed_at = excluded.dismissed_at, acknowledged_at = excluded.acknowledged_at;

-- name: marks_above
-- A user's marks that reach at least to a number, lowest first.
SELECT type, device_id, upto, seq, at FROM marks WHERE user_id = ? AND upto >= ? ORDER BY upto;

-- name: mark_reach
-- Up to where the marks of one scope reach.
SELECT coalesce(max(upto), 0) FROM marks WHERE user_id = ? AND type = ? AND device_id = ?;

-- name: newest_of
-- The number of the newest notification that a user has, or that everyone has.
SELECT max(
    coalesce((SELECT max(first) FROM notifications WHERE user_id = ?), 0),
    coalesce((SELECT max(first) FROM notifications WHERE user_id IS NULL), 0));

-- name: put_mark
-- A mark that reaches further than those before it.
INSERT INTO marks (user_id, type, device_id, upto, at, seq) VALUES (?, ?, ?, ?, ?, ?);

-- name: device_marks
-- Up to where a user's marks about devices reach, for one type, where that is above a number.
SELECT device_id, max(upto) FROM marks
WHERE user_id = :user AND device_id <> '' AND type IN ('', :type)
GROUP BY device_id HAVING max(upto) > :above;

-- name: unread_receipts
-- What a user has set unread up to a number, of one type or all, about one device or all.
SELECT r.first, r.broadcast, r.type, r.device_id, n.id, r.dismissed_at, r.acknowledged_at
FROM receipts r JOIN notifications n ON n.first = r.first
WHERE r.user_id = :user AND r.read = 0 AND r.first <= :upto AND n.withdrawn_at IS NULL
  AND r.first > (SELECT joined FROM users WHERE id = :user)
  AND (:type = '' OR r.type = :type) AND (:device = '' OR r.device_id = :device)
ORDER BY r.first;

-- name: join_counters
-- A user joins: nothing of before counts.
INSERT OR REPLACE INTO counters (user_id, type, mark, base)
SELECT :user, type, :joined, total FROM totals;

-- name: add_broadcasts
-- So many more broadcasts of some types: [[type, how many], …].
UPDATE totals SET total = total + (j.value ->> 1) FROM json_each(?) j WHERE totals.type = j.value ->> 0;

-- name: add_own
-- So many more unread ones for some users: [[user, type, how many], …].
UPDATE counters SET own = own + (j.value ->> 2)
FROM json_each(?) j WHERE counters.user_id = j.value ->> 0 AND counters.type = j.value ->> 1;

-- name: counters
-- What a user has not read, by type, with the totals that it is held against.
SELECT c.type, c.mark, c.floor, c.base, c.covered, c.own, c.seen, c.unseen, t.total, t.at_floor
FROM counters c JOIN totals t ON t.type = c.type WHERE c.user_id = ?;

-- name: set_counter
-- All of it anew.
UPDATE counters SET mark = ?, floor = ?, base = ?, covered = ?, own = ?, seen = ?, unseen = ?
WHERE user_id = ? AND type = ?;

-- name: shift_counter
-- A little more or less.
UPDATE counters SET own = own + :own, seen = seen + :seen, unseen = unseen + :unseen
WHERE user_id = :user AND type = :type;

-- name: broadcasts_above
-- How many broadcasts of a type there are above a number.
SELECT count(*) FROM notifications WHERE user_id IS NULL AND first > ? AND type = ?;

-- name: own_above
-- How many notifications of a type a user has above a number.
SELECT count(*) FROM notifications WHERE user_id = ? AND first > ? AND type = ?;

-- name: device_broadcasts_between
-- How many broadcasts of a type about a device there are above one number and up to another.
SELECT count(*) FROM notifications
WHERE user_id IS NULL AND device_id = :device AND first > :above AND first <= :upto AND type = :type;

-- name: device_own_between
-- The same of a user's own.
SELECT count(*) FROM notifications
WHERE user_id = :user AND device_id = :device AND first > :above AND first <= :upto AND type = :type;

-- name: receipts_on_reading
-- What a user has said about reading, of one type, above a number or set unread; and whether it is void.
SELECT r.first, r.broadcast, r.device_id, r.read, v.first IS NOT NULL
FROM receipts r LEFT JOIN voids v ON v.first = r.first
WHERE r.user_id = :user AND r.type = :type AND r.read = 1 AND r.first > :above
UNION ALL
SELECT r.first, r.broadcast, r.device_id, r.read, v.first IS NOT NULL
FROM receipts r LEFT JOIN voids v ON v.first = r.first
WHERE r.user_id = :user AND r.type = :type AND r.read = 0 AND r.first > :floor
  AND r.first > (SELECT joined FROM users WHERE id = :user);

-- name: reading_of
-- What a user has said about reading one notification, and whether it is void.
SELECT (SELECT read FROM receipts WHERE user_id = ?1 AND first = ?2), EXISTS (SELECT 1 FROM voids WHERE first = ?2);

-- name: own_voids
-- A user's own withdrawn notifications of one type above a number.
SELECT first, device_id FROM voids WHERE user_id = ? AND first > ? AND type = ?;

-- name: broadcast_voids
-- Withdrawn broadcasts above a number, and whether the user has read each.
SELECT v.first, v.type, v.device_id, r.read
FROM voids v LEFT JOIN receipts r ON r.user_id = :user AND r.first = v.first
WHERE v.user_id IS NULL AND v.first > :above;

-- name: unseen_voids
-- Withdrawn broadcasts that a user had set unread, up to a number.
SELECT r.first, r.type, r.device_id FROM receipts r JOIN voids v ON v.first = r.first
WHERE r.user_id = :user AND r.read = 0 AND r.broadcast = 1 AND r.first > :floor
  AND r.first > (SELECT joined FROM users WHERE id = :user);

-- name: floor
-- Broadcasts up to this number are gone.
SELECT upto FROM floors WHERE owner = '' AND app_id = '';

-- name: highest_floor
-- The highest number up to which something of a user, or some broadcasts, are gone.
SELECT coalesce(max(upto), 0) FROM floors WHERE owner IN ('', ?);

-- name: withdraw
-- Take the text back, keep the place.
UPDATE notifications SET seq = ?, body = '{}', crc = ?, withdrawn_at = ? WHERE first = ?;

-- name: put_void
-- A withdrawn notification, for the counts.
INSERT INTO voids (first, seq, user_id, type, device_id) VALUES (?, ?, ?, ?, ?);

-- name: watermark
-- Up to where a user's screens have confirmed; at first, what was there when they joined.
SELECT max(u.joined, coalesce((SELECT max(w.upto) FROM watermarks w WHERE w.user_id = u.id), 0))
FROM users u WHERE u.id = :user;

-- name: any_between
-- Whether something was created for a user above one number and up to another.
SELECT 1 WHERE EXISTS (SELECT 1 FROM notifications WHERE user_id = :user AND first > :above AND first <= :upto)
    OR EXISTS (SELECT 1 FROM notifications WHERE user_id IS NULL AND first > :above AND first <= :upto);

-- name: put_watermark
-- A user's screens have confirmed (began, upto]; `missed`: where the row before ends, when that leaves a hole.
INSERT INTO watermarks (user_id, began, upto, at, missed) VALUES (:user, :began, :upto, :at, :missed);

-- name: holes
-- Where nothing was confirmed, in what a stream has brought: from, to, and the row behind it. The newest, were there many.
SELECT missed, began, upto FROM watermarks
WHERE user_id = :user AND missed IS NOT NULL AND missed < :upto AND began > :began
ORDER BY missed DESC LIMIT 500;

-- name: narrow_hole
-- What is left of the hole before a row; NULL: nothing.
UPDATE watermarks SET missed = :missed WHERE user_id = :user AND upto = :upto;

-- name: put_streamed
-- To how many streams notifications went, those that are still there: [[number, streams], …].
INSERT OR REPLACE INTO streamed (first, streams) SELECT value ->> 0, value ->> 1 FROM json_each(?)
WHERE EXISTS (SELECT 1 FROM notifications WHERE first = value ->> 0);

-- name: forget_streamed
-- A chunk of what is said of notifications that are gone, below the oldest that is left: a user's who was deleted
-- before such notes went along with them.
DELETE FROM streamed WHERE first IN (SELECT first FROM streamed
    WHERE first < coalesce((SELECT min(first) FROM notifications), (SELECT head + 1 FROM log)) LIMIT 500)
RETURNING first;

-- name: receipt_changes
-- What a user did that took a number in (since, upto], oldest first.
SELECT r.seq, n.id, r.first, n.since, n.type, r.device_id, r.read, r.read_at, r.dismissed_at, r.acknowledged_at
FROM receipts r JOIN notifications n ON n.first = r.first
WHERE r.user_id = :user AND r.seq > :since AND r.seq <= :upto AND r.first > :joined AND n.withdrawn_at IS NULL
  AND (:devices IS NULL OR r.device_id IN (SELECT value FROM json_each(:devices)))
ORDER BY r.seq LIMIT :limit;

-- name: mark_changes
-- A user's marks that took a number in (since, upto], oldest first.
SELECT seq, type, device_id, upto, at FROM marks
WHERE user_id = :user AND seq > :since AND seq <= :upto
  AND (:devices IS NULL OR device_id = '' OR device_id IN (SELECT value FROM json_each(:devices)))
ORDER BY seq LIMIT :limit;

-- name: floor_changes
-- Purges of what a user had and of broadcasts that took a number in (since, upto], oldest first.
SELECT seq, owner, app_id, upto FROM floors
WHERE owner IN ('', :user) AND seq > :since AND seq <= :upto
ORDER BY seq LIMIT :limit;

-- name: explicit_unread
-- What a user has set unread below a number, newest first.
SELECT first FROM receipts WHERE user_id = ? AND read = 0 AND first < ? AND first <= ? ORDER BY first DESC LIMIT ?;

-- name: sent
-- What is known of a notification, for its sender; nothing of one that retention has let go of, which kept its number.
SELECT n.first, n.since, n.id, n.user_id, n.type, n.device_id, n.sender, n.withdrawn_at, coalesce(s.streams, 0),
    n.credential, n.created_at
FROM notifications n LEFT JOIN streamed s ON s.first = n.first
WHERE n.id = ? AND (n.withdrawn_at IS NULL OR n.seq <> n.first);

-- name: all_sent
-- What was sent by anybody between two numbers, newest first, but what retention has let go of.
SELECT n.first, n.id, n.user_id, n.device_id, n.type, n.sender, n.credential, n.created_at, coalesce(s.streams, 0),
    n.withdrawn_at, n.body, n.crc
FROM notifications n LEFT JOIN streamed s ON s.first = n.first
WHERE n.first < ? AND n.first > ? AND (n.withdrawn_at IS NULL OR n.seq <> n.first)
ORDER BY n.first DESC LIMIT ?;

-- name: recipients
-- Who a notification is for and what they did, by id; `read` as their receipt or their marks say.
SELECT u.id,
    (SELECT CASE WHEN w.began < :first THEN w.at END FROM watermarks w
        WHERE w.user_id = u.id AND w.upto >= :first ORDER BY w.upto LIMIT 1),
    CASE r.read WHEN 1 THEN r.read_at WHEN 0 THEN NULL ELSE
        (SELECT m.at FROM marks m WHERE m.user_id = u.id AND m.upto >= :since
            AND m.type IN ('', :type) AND m.device_id IN ('', :device) ORDER BY m.seq LIMIT 1) END,
    r.dismissed_at, r.acknowledged_at
FROM users u LEFT JOIN receipts r ON r.user_id = u.id AND r.first = :first
WHERE u.id > :after AND u.joined < :first AND (:user IS NULL OR u.id = :user)
ORDER BY u.id LIMIT :limit;

-- name: recipients_summed
-- How many a notification is for, and how many of them did what.
SELECT count(*), count(delivered), count(read), count(dismissed), count(acknowledged) FROM (
    SELECT
        (SELECT CASE WHEN w.began < :first THEN 1 END FROM watermarks w
            WHERE w.user_id = u.id AND w.upto >= :first ORDER BY w.upto LIMIT 1) AS delivered,
        CASE r.read WHEN 1 THEN 1 WHEN 0 THEN NULL ELSE
            (SELECT 1 FROM marks m WHERE m.user_id = u.id AND m.upto >= :since
                AND m.type IN ('', :type) AND m.device_id IN ('', :device) LIMIT 1) END AS read,
        r.dismissed_at AS dismissed,
        r.acknowledged_at AS acknowledged
    FROM users u LEFT JOIN receipts r ON r.user_id = u.id AND r.first = :first
    WHERE u.joined < :first AND (:user IS NULL OR u.id = :user)
);
