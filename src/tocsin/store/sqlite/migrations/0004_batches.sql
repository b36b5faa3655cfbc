-- Batches that came with an `Idempotency-Key`: what became of each part, for a day. Costs nothing on a large table.

-- A part begins at item `at` of its request and was kept in one transaction with its notifications. `results` is
-- a JSON array with an entry for each of its items: the id of its notification, or [code, field, reason].
CREATE TABLE batches (
    scope       TEXT NOT NULL,
    key         TEXT NOT NULL,
    at          INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    results     TEXT NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (scope, key, at)
) STRICT;

CREATE INDEX batches_expiry ON batches (expires_at);
