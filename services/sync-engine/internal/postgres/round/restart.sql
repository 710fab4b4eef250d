-- name: restart
TRUNCATE stage;
