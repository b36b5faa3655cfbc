-- Sends that came with an `Idempotency-Key`: the same again is answered from here, for a day.

-- `scope` is the credential and the route; `fingerprint` the SHA-256 of method, path, query and body;
-- `streamed` is written after the fan-out, at best.
CREATE TABLE idempotency (
    scope           TEXT NOT NULL,
    key             TEXT NOT NULL,
    fingerprint     BLOB NOT NULL,
    notification_id TEXT NOT NULL,
    streamed        INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_expiry ON idempotency (expires_at);
