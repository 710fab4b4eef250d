-- name: worker_kept
-- What was staged of those whom worker_queued has, and of those whom keep looks for.
SELECT s.* FROM stage s WHERE s.n > @after AND s.n <= @up_to AND (s.failure IS NOT NULL OR s.verdict IS NOT NULL)
UNION ALL
SELECT s.* FROM plan p JOIN stage s ON s.n = p.n WHERE p.n > @after AND p.n <= @up_to AND p.action = 'queue';
