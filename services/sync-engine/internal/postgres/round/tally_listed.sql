-- name: tally_listed
-- How many links were found, how many of them are active, and how many are of identities that passed.
SELECT count(*), count(*) FILTER (WHERE ours AND status = 'active'), count(*) FILTER (WHERE passed AND NOT waits) FROM staged_link;
