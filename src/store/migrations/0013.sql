-- Version 13: run sheets: what was checked by hand, trials, overrides. A journal: rows are added, and none is changed.

CREATE TABLE sheet_entries (
    id         INTEGER PRIMARY KEY,
    key        TEXT NOT NULL UNIQUE,       -- that of its row in the audit
    session    TEXT NOT NULL,
    start      INTEGER NOT NULL,           -- when that was to begin: one that is moved has a new sheet
    at         INTEGER NOT NULL,
    what       TEXT NOT NULL CHECK (what IN
                   ('tick', 'untick', 'trial_begins', 'trial_ends', 'override', 'override_ends')),
    item       TEXT,                       -- of a tick: what was checked
    verdict    TEXT,                       -- of an override: for what the session is taken
    until      INTEGER,                    -- until when a tick or an override holds
    said       TEXT,                       -- findings of a trial, reason of an override
    said_by    TEXT NOT NULL,              -- who did it, or answers for it
    written_by TEXT NOT NULL               -- who wrote it down
) STRICT;
CREATE INDEX sheet_entries_session ON sheet_entries (session, start);
CREATE INDEX sheet_entries_start ON sheet_entries (start);

CREATE TRIGGER sheet_entries_stand BEFORE UPDATE ON sheet_entries
BEGIN SELECT raise(ABORT, 'what was written into a run sheet is not changed'); END;

-- What the crew was told of an item, so that nobody is told twice.
CREATE TABLE sheet_told (
    session TEXT NOT NULL,
    start   INTEGER NOT NULL,
    item    TEXT NOT NULL,
    word    TEXT NOT NULL,                 -- 'late', 'made_up'
    at      INTEGER NOT NULL,
    PRIMARY KEY (session, start, item, word)
) STRICT, WITHOUT ROWID;
