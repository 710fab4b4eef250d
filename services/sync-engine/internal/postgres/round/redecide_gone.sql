-- name: RedecideGone
-- Contacts moved while the round decided: drop what no longer holds, correct what shows.
DELETE FROM plan p
USING contacts c
WHERE p.n > $1 AND p.n <= $2 AND p.reason = 'deleted_upstream' AND c.id = p.contact_id AND c.deleted AND p.action = 'inactivate';
