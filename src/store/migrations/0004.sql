-- Version 4: since when what is said of each check and component holds, so that a restart does not begin it anew.

CREATE TABLE standing (
    subject TEXT NOT NULL CHECK (subject IN ('component', 'check')),
    name    TEXT NOT NULL,
    profile TEXT NOT NULL,              -- under which it is said
    verdict TEXT NOT NULL,
    since   INTEGER NOT NULL,
    reasons TEXT NOT NULL,              -- JSON array, as in incidents
    PRIMARY KEY (subject, name)
) STRICT, WITHOUT ROWID;
