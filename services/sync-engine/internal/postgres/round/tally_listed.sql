-- name: tally_listed
-- Of the links that were found, how many are active, and how many are of identities that passed.
SELECT count(*) FILTER (WHERE ours AND status = 'active'), count(*) FILTER (WHERE passed AND NOT waits) FROM staged_link;
