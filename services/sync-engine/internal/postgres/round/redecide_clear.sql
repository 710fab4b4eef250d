-- name: RedecideClear
-- $1 after n, $2 up to n
DELETE FROM plan WHERE n > $1 AND n <= $2 AND reason IS DISTINCT FROM 'deleted_upstream';
