-- name: worker_stage
-- What was staged of those whom worker_plan has.
SELECT s.* FROM plan p JOIN stage s ON s.n = p.n WHERE p.n > @after AND p.n <= @up_to AND p.action <> 'queue';
