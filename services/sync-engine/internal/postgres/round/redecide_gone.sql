-- name: RedecideGone
-- Contacts moved while the round decided: drop what no longer holds.
-- $1 after n, $2 up to n
DELETE FROM plan p
WHERE p.n > $1 AND p.n <= $2 AND p.reason = 'deleted_upstream' AND p.action = 'inactivate'
  AND (SELECT c.deleted FROM contacts c WHERE c.id = p.contact_id LIMIT 1);
