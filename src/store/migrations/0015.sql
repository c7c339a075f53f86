-- Version 15: the words that went on the air, as they were spoken: a transmission a line; empty where a message needed none. They go
-- with their row.

ALTER TABLE outbox ADD COLUMN spoken TEXT;
