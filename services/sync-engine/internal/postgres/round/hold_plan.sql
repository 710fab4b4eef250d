-- name: HoldPlan
-- What is left of the range's inactivations that are held: that the identity is gone or what its
-- metadata say.
-- $1 after n, $2 up to n
UPDATE plan SET action = CASE reason WHEN 'deleted_upstream' THEN 'missing' ELSE 'touch' END, visible = false
WHERE n > $1 AND n <= $2 AND action = 'inactivate';
