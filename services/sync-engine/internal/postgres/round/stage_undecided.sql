-- name: stage_undecided
-- Kept identities that wait for a person are decided about again, numbered after what was staged:
-- contacts and other identities may have changed. Those that changed themselves are staged already.
INSERT INTO stage (n, object_id, content, failure, nameless, verdict, upn, enabled, full_name, name_key, named, email, email_norm, mailed,
    phone, role, addresses, own, contact_id, removed, properties, licences, user_type)
SELECT @last::integer + row_number() OVER (ORDER BY k.entra_object_id), k.entra_object_id, k.content, NULL, false, NULL, k.upn, k.enabled, k.full_name,
       k.name_key, k.named, k.email, k.email_norm, k.mailed, k.phone, k.role, k.addresses, k.own, k.contact_id, false, k.properties,
       k.licences, k.user_type
FROM kept_identities k
LEFT JOIN LATERAL (SELECT true AS found FROM stage s WHERE s.object_id = k.entra_object_id LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT true AS found FROM removed r WHERE r.object_id = k.entra_object_id LIMIT 1) r ON true
WHERE k.entra_tenant_id = @directory AND k.entra_object_id > @after_id AND k.entra_object_id <= @up_to_id AND k.failure IS NULL AND k.verdict IS NULL
  AND s.found IS NULL AND r.found IS NULL;
