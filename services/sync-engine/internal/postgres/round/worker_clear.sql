-- name: worker_clear
TRUNCATE plan, stage;
