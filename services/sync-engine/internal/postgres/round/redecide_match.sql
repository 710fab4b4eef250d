-- name: RedecideMatch
-- $1 after n, $2 up to n
DELETE FROM match WHERE n > $1 AND n <= $2;
