-- What follows the log reads purges by their number, many times a second, without going through everybody's.
-- One entry for each floor, of which there are as many as users and apps whose notifications were purged: about two
-- seconds for a million.
CREATE INDEX floors_seq ON floors (seq);
