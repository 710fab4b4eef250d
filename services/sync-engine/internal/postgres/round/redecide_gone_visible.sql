-- name: RedecideGoneVisible
-- And correct what shows.
-- $1 after n, $2 up to n
UPDATE plan p
SET visible = NOT (SELECT c.inactive FROM contacts c WHERE c.id = p.contact_id LIMIT 1)
WHERE p.n > $1 AND p.n <= $2 AND p.reason = 'deleted_upstream' AND p.action = 'inactivate';
