-- name: worker_queued
-- Those of a range about whom a person decides, for a worker that keeps them.
SELECT p.* FROM plan p WHERE p.n > @after AND p.n <= @up_to AND p.action = 'queue';
