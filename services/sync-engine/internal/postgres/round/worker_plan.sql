-- name: worker_plan
-- What is to be written of a range, for a worker.
SELECT p.* FROM plan p WHERE p.n > @after AND p.n <= @up_to AND p.action <> 'queue';
