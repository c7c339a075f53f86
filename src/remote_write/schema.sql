-- What waits to be pushed, oldest first: one row a push, its body as it is sent. The newest row stays when it has been sent: it says
-- which series there were when the process ended.
CREATE TABLE pushes (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,       -- of its samples, ms since 1970
    samples INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Rows up to this one were sent, or are dropped.
CREATE TABLE progress (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    sent INTEGER NOT NULL
) STRICT;
INSERT INTO progress VALUES (1, 0);
