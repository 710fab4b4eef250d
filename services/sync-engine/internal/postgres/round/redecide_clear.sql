-- name: RedecideClear
DELETE FROM plan WHERE n > $1 AND n <= $2 AND reason IS DISTINCT FROM 'deleted_upstream';
