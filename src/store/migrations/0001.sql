-- Version 1.
--
-- Every moment is an integer: microseconds since 1970-01-01T00:00:00Z. Integers sort and subtract as time does, which
-- RFC 3339 text with a varying number of decimals does not, and take 8 bytes instead of 27. By hand:
--   SELECT strftime('%FT%TZ', at / 1000000, 'unixepoch') AS at, * FROM transitions;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE transitions (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    subject  TEXT NOT NULL CHECK (subject IN ('room', 'component', 'check')),
    name     TEXT,                      -- the component's or the check's; NULL for the room
    profile  TEXT NOT NULL,
    old      TEXT NOT NULL,
    new      TEXT NOT NULL,
    codes    TEXT NOT NULL,             -- JSON array of reason codes, worst first
    settling INTEGER NOT NULL
) STRICT;
CREATE INDEX transitions_at ON transitions (at);

CREATE TABLE incidents (
    id        TEXT PRIMARY KEY,
    component TEXT NOT NULL,
    worst     TEXT NOT NULL,
    verdict   TEXT NOT NULL,
    reasons   TEXT NOT NULL,            -- JSON array
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    settling  INTEGER NOT NULL
) STRICT;
CREATE INDEX incidents_opened ON incidents (opened_at);
CREATE INDEX incidents_open ON incidents (opened_at) WHERE closed_at IS NULL;
CREATE INDEX incidents_closed ON incidents (closed_at) WHERE closed_at IS NOT NULL;

-- A row stays until its notification has arrived or is given up, and some time after for whoever asks what was said.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY,   -- the order in which a receiver gets them
    key             TEXT NOT NULL UNIQUE,
    receiver        TEXT NOT NULL,
    incident        TEXT,
    payload         TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    last_error      TEXT,
    done_at         INTEGER,
    given_up        TEXT                   -- why, when it is done without having arrived
) STRICT;
CREATE INDEX outbox_waiting ON outbox (id) WHERE done_at IS NULL;
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;

-- Stored once for each snapshot and question, however often it is asked.
CREATE TABLE evidence (
    n        INTEGER PRIMARY KEY,       -- only grows, so that the oldest are found without counting
    id       TEXT NOT NULL UNIQUE,      -- run, the snapshot's number in it, digest of the question
    at       INTEGER NOT NULL,
    question TEXT NOT NULL,
    answer   TEXT NOT NULL
) STRICT;
CREATE INDEX evidence_at ON evidence (at);

CREATE TABLE last_observations (
    check_name TEXT PRIMARY KEY,
    at         INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE series (
    id         INTEGER PRIMARY KEY,
    check_name TEXT NOT NULL,
    quantity   TEXT NOT NULL,
    part       TEXT NOT NULL,           -- '' where the quantity has no parts
    UNIQUE (check_name, quantity, part)
) STRICT;

-- Clustered by time, not by series: a minute of a hundred series is then two or three pages at the end of the tree and
-- not a hundred pages all over it, which is what an SSD pays for, every minute for years.
CREATE TABLE minutes (
    minute INTEGER NOT NULL,            -- minutes since 1970-01-01T00:00Z
    series INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    min    REAL NOT NULL,
    max    REAL NOT NULL,
    mean   REAL NOT NULL,
    p50    REAL NOT NULL,
    p95    REAL NOT NULL,
    PRIMARY KEY (minute, series)
) STRICT, WITHOUT ROWID;
