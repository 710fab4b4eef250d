-- name: keep_write
-- An identity that is kept already, as it is, writes no row. None is looked for where none is kept.
INSERT INTO kept_identities (tenant_id, entra_tenant_id, entra_object_id, failure, verdict, pattern, linked, content, upn, enabled, full_name, name_key, named,
    email, email_norm, mailed, phone, role, addresses, own, contact_id, properties, licences, user_type)
SELECT @tenant, @directory, h.object_id, s.failure, s.verdict, s.pattern, h.linked, s.content, s.upn, s.enabled, s.full_name, s.name_key, s.named,
       s.email, s.email_norm, s.mailed, s.phone, s.role, s.addresses, s.own, s.contact_id, s.properties, s.licences, s.user_type
FROM keep h
CROSS JOIN LATERAL (
    SELECT s.failure, s.verdict, s.pattern, s.content, s.upn, s.enabled, s.full_name, s.name_key, s.named, s.email, s.email_norm, s.mailed, s.phone, s.role,
           s.addresses, s.own, s.contact_id, s.properties, s.licences, s.user_type
    FROM stage s WHERE s.n = h.n LIMIT 1
) s
LEFT JOIN LATERAL (
    SELECT true AS found FROM kept_identities k
    WHERE @known AND k.entra_tenant_id = @directory AND k.entra_object_id = h.object_id
      AND (k.failure, k.verdict, k.pattern, k.linked, k.content, k.upn, k.enabled, k.full_name, k.name_key, k.named, k.email, k.email_norm, k.mailed, k.phone, k.role,
           k.addresses, k.own)
          IS NOT DISTINCT FROM (s.failure, s.verdict, s.pattern, h.linked, s.content, s.upn, s.enabled, s.full_name, s.name_key, s.named, s.email, s.email_norm,
           s.mailed, s.phone, s.role, s.addresses, s.own)
    LIMIT 1
) k ON true
WHERE h.n > @after AND h.n <= @up_to AND k.found IS NULL
ORDER BY h.object_id
ON CONFLICT (tenant_id, entra_tenant_id, entra_object_id) DO UPDATE
SET failure = EXCLUDED.failure, verdict = EXCLUDED.verdict, pattern = EXCLUDED.pattern, linked = EXCLUDED.linked, content = EXCLUDED.content, upn = EXCLUDED.upn,
    enabled = EXCLUDED.enabled, full_name = EXCLUDED.full_name, name_key = EXCLUDED.name_key, named = EXCLUDED.named, email = EXCLUDED.email,
    email_norm = EXCLUDED.email_norm, mailed = EXCLUDED.mailed, phone = EXCLUDED.phone, role = EXCLUDED.role, addresses = EXCLUDED.addresses,
    own = EXCLUDED.own, contact_id = EXCLUDED.contact_id, properties = EXCLUDED.properties,
    licences = EXCLUDED.licences, user_type = EXCLUDED.user_type;
