-- name: RedecideGoneVisible
UPDATE plan p SET visible = NOT c.inactive
FROM contacts c
WHERE p.n > $1 AND p.n <= $2 AND p.reason = 'deleted_upstream' AND p.action = 'inactivate' AND c.id = p.contact_id;
