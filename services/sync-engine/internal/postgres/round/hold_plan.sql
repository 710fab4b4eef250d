-- name: hold_plan
-- What is left of the range's inactivations that are held: that the identity is gone or what its
-- metadata say.
UPDATE plan SET action = CASE reason WHEN 'deleted_upstream' THEN 'missing' ELSE 'touch' END, visible = false
WHERE n > @after AND n <= @up_to AND action = 'inactivate' AND NOT approved;
