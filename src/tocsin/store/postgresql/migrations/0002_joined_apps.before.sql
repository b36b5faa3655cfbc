-- Where the log was when an app came to be: what was sent under its id before that, by a deleted app, is not its own.
-- Costs nothing on a large table. Apps that are there keep all they have sent, and so does one that a node of the
-- version before makes meanwhile: it does not name the column.
ALTER TABLE apps ADD COLUMN joined bigint NOT NULL DEFAULT 0;
