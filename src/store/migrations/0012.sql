-- Version 12: reports of meetings as they were made, in a chain: each row's hash covers the one before.

CREATE TABLE reports (
    seq      INTEGER PRIMARY KEY,
    session  TEXT NOT NULL,
    start    INTEGER NOT NULL,          -- when the meeting began: one that is held again is another
    made_at  INTEGER NOT NULL,
    body     TEXT NOT NULL,             -- the report's JSON; has people's names in it
    previous TEXT NOT NULL,             -- the hash of the row before; of the first, 64 zeros
    hash     TEXT NOT NULL,             -- SHA-256 (FIPS 180-4) in hex
    UNIQUE (session, start)
) STRICT;
