-- name: tally_listed
-- How many links were found, how many of them are active, and how many are of identities that passed. A
-- dry run finds links orphaned that its run would reactivate first: see mapping_range.
SELECT count(*),
       count(*) FILTER (WHERE l.ours AND CASE l.status
           WHEN 'active' THEN true
           WHEN 'orphaned' THEN (
               SELECT COALESCE(c.entra_sync_status, 'active') = 'active' FROM contacts c
               WHERE c.id = l.contact_id AND c.entra_tenant_id = @directory AND c.entra_object_id = l.object_id LIMIT 1)
       END),
       count(*) FILTER (WHERE l.passed AND NOT l.waits)
FROM staged_link l;
