-- name: HoldPlan
UPDATE plan SET action = CASE reason WHEN 'deleted_upstream' THEN 'missing' ELSE 'touch' END, visible = false WHERE action = 'inactivate';
