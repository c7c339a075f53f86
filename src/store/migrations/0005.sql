-- Version 5: what is asked of the hours of the week, over more than a year, where minutes are kept for a month.

-- One figure of the line, by the hour (src/store/hourly.rs). Clustered by time, as `minutes` is.
CREATE TABLE hours (
    hour    INTEGER NOT NULL,           -- hours since 1970-01-01T00:00Z
    series  INTEGER NOT NULL,           -- loss is the series of quantity 'loss_ratio'
    count   INTEGER NOT NULL,           -- values; of loss, packets
    mean    REAL NOT NULL,
    min     REAL NOT NULL,
    max     REAL NOT NULL,
    minutes BLOB NOT NULL,              -- the minutes' own figures: buckets that grow by 1.02, each its number (i16, little-
                                        -- endian; the least is zero) and how many minutes are in it (u32, little-endian)
    PRIMARY KEY (hour, series)
) STRICT, WITHOUT ROWID;

-- When anybody watched: spans in which observations came in. What is between them was not measured.
CREATE TABLE runs (
    began INTEGER PRIMARY KEY,
    until INTEGER NOT NULL,
    fresh INTEGER NOT NULL              -- 1: a process begins with it, and nothing was known
) STRICT;
CREATE INDEX runs_until ON runs (until);

-- One subject's changes over a year, without everybody else's.
CREATE INDEX transitions_of ON transitions (subject, name, at);
