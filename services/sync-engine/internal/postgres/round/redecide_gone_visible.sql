-- name: redecide_gone_visible
-- And correct what shows.
UPDATE plan p
SET visible = NOT (SELECT c.inactive FROM contacts c WHERE c.id = p.contact_id LIMIT 1)
WHERE p.n > @after AND p.n <= @up_to AND p.reason = 'deleted_upstream' AND p.action = 'inactivate';
