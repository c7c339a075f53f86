-- Version 2: the history of observations, so that it can be judged again under another config.
--
-- One a minute for each check, and besides the first of every change and the last before it (src/store/history.rs).
-- Clustered by time, as `minutes` is and for the same reason.

CREATE TABLE observations (
    at         INTEGER NOT NULL,
    check_name TEXT NOT NULL,
    body       TEXT NOT NULL,           -- as in last_observations; its packets are also those of the ones left out
    left_out   INTEGER NOT NULL,        -- how many that said the same came since the one kept before
    quiet_from INTEGER NOT NULL,        -- the longest time without any since the one kept before
    quiet_to   INTEGER NOT NULL,
    PRIMARY KEY (at, check_name)
) STRICT, WITHOUT ROWID;
