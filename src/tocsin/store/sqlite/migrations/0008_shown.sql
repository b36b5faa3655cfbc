-- Title and message are computed where somebody looks, and no longer at each insert. Costs nothing on a large table.

-- A virtual column of a STRICT table is computed for each row that is put in, to check its type: two readings of the
-- JSON text a notification, a third of what its insert cost.
ALTER TABLE notifications DROP COLUMN title;
ALTER TABLE notifications DROP COLUMN message;

-- For people with a database shell.
CREATE VIEW shown AS
SELECT first, seq, since, id, user_id, device_id, app_id, type, body ->> '$.title' AS title,
    body ->> '$.message' AS message, sender, credential, created_at, withdrawn_at
FROM notifications;
