-- Version 16: what a page asks for is found without going through the whole outbox, and what is too old without going through all that
-- is not.

CREATE INDEX outbox_incident ON outbox (incident) WHERE incident IS NOT NULL;
-- Of one receiver the rows lie in their order: an index ends in the row's id.
CREATE INDEX outbox_receiver ON outbox (receiver);
CREATE INDEX session_notices_start ON session_notices (start);
CREATE INDEX sheet_told_start ON sheet_told (start);
