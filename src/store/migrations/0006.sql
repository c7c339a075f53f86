-- Version 6: what was told of each open incident, and wishes for silence, so that a restart goes on where it was.

CREATE TABLE told (
    incident TEXT PRIMARY KEY,
    state    TEXT NOT NULL              -- JSON: who was told what and when, and when somebody said that they see to it
) STRICT, WITHOUT ROWID;

CREATE TABLE silences (
    id        TEXT PRIMARY KEY,         -- the key of its row in audit, which has who wished it
    component TEXT,                     -- NULL: all of them
    reason    TEXT NOT NULL,
    since     INTEGER NOT NULL,
    until     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX silences_until ON silences (until);
