-- name: hold_digest
-- How many inactivations are held, the digest of the set, and the plan's last number.
SELECT count(*) FILTER (WHERE held),
       COALESCE(encode(sha256(convert_to(string_agg(object_id || ' ' || reason, ',' ORDER BY object_id) FILTER (WHERE held), 'UTF8')), 'hex'), ''),
       COALESCE(max(n), 0)
FROM (SELECT n, object_id, reason, action = 'inactivate' AND visible AND NOT approved AS held FROM plan WHERE action = 'inactivate') p;
