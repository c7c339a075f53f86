-- Version 3: the audit: who asked the daemon for what, and what became of it.
--
-- The only table with people's names in it. Kept for [store] retention_audit, and not beyond 100 000 rows.

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    key     TEXT NOT NULL UNIQUE,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,              -- a user's name; "uid 1234" where this machine has none for it
    via     TEXT NOT NULL,              -- how the actor is known: local (SO_PEERCRED)
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT                        -- null while it is under way, and for ever if the daemon ended in its middle
) STRICT;

CREATE INDEX audit_at ON audit (at);
