-- name: suppose_read
-- Contacts that the run's earlier directories of the client would make or change, as they are now and
-- with what would be written into them. Of one that would be made nothing is there.
SELECT i.managed_tenant_id, t.entra_tenant_id, i.entra_object_id, i.user_principal_name, i.contact_id, i.fields, i.after,
       COALESCE(c.full_name, ''), COALESCE(c.email, ''), COALESCE(c.email_norm, ''),
       COALESCE(c.inactive AND NOT (i.outcome IN ('linked', 'reactivated') AND c.inactivated_by_sync), false)
FROM entra_sync_run_tenants t
CROSS JOIN LATERAL (
    SELECT i.managed_tenant_id, i.entra_object_id, i.user_principal_name, i.outcome, i.contact_id, i.fields, i.after
    FROM entra_run_identities i
    WHERE i.run_id = t.run_id AND i.managed_tenant_id = t.managed_tenant_id AND (i.managed_tenant_id, i.entra_object_id) > (@after_tenant::text, @after_object::text)
      AND i.outcome IN ('created', 'linked', 'updated', 'reactivated') AND i.contact_id IS NOT NULL
    ORDER BY i.entra_object_id LIMIT @limit
) i
LEFT JOIN LATERAL (SELECT c.full_name, c.email, c.email_norm, c.inactive, c.inactivated_by_sync FROM syncengine.contacts c WHERE c.id = i.contact_id LIMIT 1) c ON true
WHERE t.run_id = @run AND t.client_id = @client AND t.position < @position AND t.managed_tenant_id >= @after_tenant::text
  AND t.state IN ('completed', 'partial', 'held')
ORDER BY i.managed_tenant_id, i.entra_object_id LIMIT @limit;
