-- name: AddEffects :exec
-- Adds effects in the order of the arrays, which their numbers keep.
INSERT INTO outbox (id, actor_id, kind, managed_tenant_id, arguments, created_at)
SELECT w.id, $1, w.kind, w.managed_tenant_id, w.arguments::jsonb, $2
FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[]) WITH ORDINALITY
     AS w (id, kind, managed_tenant_id, arguments, place)
ORDER BY w.place;
