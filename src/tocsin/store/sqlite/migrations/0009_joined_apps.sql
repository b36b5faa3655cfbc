-- Where the log was when an app came to be: what was sent under its id before that, by a deleted app, is not its own.
-- Costs nothing on a large table. Apps that are there keep all they have sent.
ALTER TABLE apps ADD COLUMN joined INTEGER NOT NULL DEFAULT 0;
