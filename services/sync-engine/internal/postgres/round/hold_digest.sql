-- name: HoldDigest
SELECT count(*), COALESCE(encode(sha256(convert_to(string_agg(object_id || ' ' || reason, ',' ORDER BY object_id), 'UTF8')), 'hex'), '')
FROM plan WHERE action = 'inactivate' AND visible;
