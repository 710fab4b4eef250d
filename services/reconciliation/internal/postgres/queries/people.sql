-- name: PersonRecords :many
-- All that is stored about a person, as documents; items of others hold no more than the person as a candidate.
SELECT 'entra_contact_reconciliation_queue'::text AS source, to_jsonb(q) AS record FROM entra_contact_reconciliation_queue q
WHERE q.entra_object_id = ANY (@object_ids::text[]) OR lower(q.email) = ANY (@texts::text[]) OR lower(q.user_principal_name) = ANY (@texts::text[])
UNION ALL
SELECT 'queue_decisions', to_jsonb(d)
FROM queue_decisions d JOIN entra_contact_reconciliation_queue q ON q.tenant_id = d.tenant_id AND q.id = d.item_id
WHERE q.entra_object_id = ANY (@object_ids::text[]) OR lower(q.email) = ANY (@texts::text[]) OR lower(q.user_principal_name) = ANY (@texts::text[])
UNION ALL
SELECT 'candidates', jsonb_build_object('item_id', q.id, 'candidate', c.candidate)
FROM entra_contact_reconciliation_queue q CROSS JOIN LATERAL jsonb_array_elements(q.candidates) AS c (candidate)
WHERE EXISTS (SELECT FROM unnest(@contact_ids::text[] || @object_ids::text[]) AS i (id) WHERE strpos(c.candidate::text, to_json(i.id)::text) > 0);

-- name: ErasePerson :one
SELECT erase_person(@contact_ids::text[], @object_ids::text[], @texts::text[])::jsonb AS erased;
