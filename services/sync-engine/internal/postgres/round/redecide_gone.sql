-- name: redecide_gone
-- Contacts moved while the round decided: drop what no longer holds.
DELETE FROM plan p
WHERE p.n > @after AND p.n <= @up_to AND p.reason = 'deleted_upstream' AND p.action = 'inactivate'
  AND (SELECT c.deleted FROM contacts c WHERE c.id = p.contact_id LIMIT 1);
