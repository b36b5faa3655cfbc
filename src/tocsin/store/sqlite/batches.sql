-- Batches under an idempotency key.

-- name: batch
-- What became of the part of a batch that begins at an item, when that is not too long ago.
SELECT fingerprint, results FROM batches WHERE scope = ? AND key = ? AND at = ? AND expires_at > ?;

-- name: put_batch
-- Remember what became of a part.
INSERT OR REPLACE INTO batches (scope, key, at, fingerprint, results, expires_at) VALUES (?, ?, ?, ?, ?, ?);

-- name: forget_batch
-- All parts under a key.
DELETE FROM batches WHERE scope = ? AND key = ?;

-- name: forget_batches
-- What a deleted user sent under keys: another of that name starts anew.
DELETE FROM batches WHERE scope = ?;

-- name: expire_batches
-- A chunk of what has expired.
DELETE FROM batches WHERE rowid IN (SELECT rowid FROM batches WHERE expires_at <= ? LIMIT 50) RETURNING at;

-- name: streamed_of
-- To how many streams the notifications went whose ids are in a JSON array.
SELECT j.value, s.streams FROM json_each(?) j
    JOIN notifications n ON n.id = j.value JOIN streamed s ON s.first = n.first
WHERE j.type = 'text';
