-- Version 14: what people write about a meeting afterwards stands in the same chain as its report; evidence that a meeting names is kept as
-- long as the meeting.

CREATE TABLE chain (
    seq      INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,             -- 'report', or 'evaluation': what people wrote of it
    session  TEXT NOT NULL,
    start    INTEGER NOT NULL,          -- when the meeting began: one that is held again is another
    made_at  INTEGER NOT NULL,
    body     TEXT NOT NULL,             -- JSON, whose schema says the kind too; has people's names in it
    previous TEXT NOT NULL,             -- the hash of the row before; of the first, 64 zeros
    hash     TEXT NOT NULL              -- SHA-256 (FIPS 180-4) in hex, of all fields but seq and kind
) STRICT;
INSERT INTO chain SELECT seq, 'report', session, start, made_at, body, previous, hash FROM reports;
DROP TABLE reports;
ALTER TABLE chain RENAME TO reports;
CREATE INDEX reports_session ON reports (session, start);
CREATE INDEX session_notices_evidence ON session_notices (evidence) WHERE evidence IS NOT NULL;
