-- Version 10: the booked meetings, and what was found and told of each.

CREATE TABLE sessions (
    id       TEXT PRIMARY KEY,          -- the scheduler's own
    revision INTEGER NOT NULL UNIQUE,   -- grows with every change of any of them
    booking  TEXT NOT NULL CHECK (booking IN ('booked', 'cancelled')),
    title    TEXT NOT NULL,
    profile  TEXT NOT NULL,
    start    INTEGER NOT NULL,
    until    INTEGER NOT NULL CHECK (start < until),
    source   TEXT NOT NULL,             -- 'scheduler', or a calendar's name
    details  TEXT NOT NULL              -- JSON; has people's names in it
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_until ON sessions (until);

CREATE TABLE session_notices (
    session  TEXT NOT NULL,
    start    INTEGER NOT NULL,          -- when it was to begin: one that is moved is looked at anew
    occasion TEXT NOT NULL,             -- 'confirmed', 'before 7200' (seconds), 'preflight'
    at       INTEGER NOT NULL,
    verdict  TEXT NOT NULL,
    codes    TEXT NOT NULL,             -- JSON array of reason codes, sorted
    evidence TEXT,
    PRIMARY KEY (session, start, occasion)
) STRICT, WITHOUT ROWID;
