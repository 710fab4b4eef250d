-- name: let_through_count
SELECT count(*), count(*) FILTER (WHERE reason = 'deleted_upstream') FROM plan WHERE approved AND visible;
