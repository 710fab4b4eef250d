-- name: RestartStage
TRUNCATE stage;
