-- What has not changed since it was created is found by `first`, which the inbox's index has: of a send to one of many
-- users each index of theirs is a page of its own to write. Only what has changed needs a place by its change.
DROP INDEX notifications_changes;
CREATE INDEX notifications_changes ON notifications (user_id, seq) WHERE seq <> first;
