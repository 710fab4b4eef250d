-- name: tally_filtered
-- A disabled account that is linked is inactivated or unchanged, not filtered. Identities of
-- orphaned links wait for a person.
-- The look-ups of this file and its neighbours are lateral with a limit on purpose: tables that
-- were never analysed look tiny under row-level security, and joins would go quadratic.
SELECT s.verdict, count(*)
FROM stage s
LEFT JOIN LATERAL (SELECT l.ours FROM staged_link l WHERE l.n = s.n AND NOT l.waits LIMIT 1) l ON true
WHERE s.n > @after AND s.n <= @up_to AND s.failure IS NULL AND s.verdict IS NOT NULL
  AND (l.ours IS NULL OR s.verdict <> 'account_disabled' AND l.ours)
GROUP BY s.verdict;
