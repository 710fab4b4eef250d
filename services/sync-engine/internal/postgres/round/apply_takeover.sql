-- name: apply_takeover
-- The links of accounts that were made again end: their contacts go over to the new identities, each of
-- which is planned as a link, as match_taken_over has it. The rows are found again by their place, as in
-- mapping_range.
WITH due AS MATERIALIZED (
    SELECT l.place, t.holder, l.contact_id, l.client_id, l.created_at
    FROM takeover t
    CROSS JOIN LATERAL (
        SELECT l.ctid AS place, l.contact_id, l.client_id, l.created_at
        FROM entra_contact_links l
        WHERE l.entra_tenant_id = @directory AND l.entra_object_id = t.holder AND l.ended_at IS NULL
        LIMIT 1
    ) l
    WHERE t.n > @after AND t.n <= @up_to
), history AS (
    INSERT INTO entra_contact_link_history (tenant_id, decision_id, entra_tenant_id, entra_object_id, event, old_contact_id, old_client_id,
        linked_at, decided_by, run_id, at)
    SELECT @tenant, @run, @directory, d.holder, 'taken_over', d.contact_id, d.client_id, d.created_at, '', @run, @now
    FROM due d ORDER BY d.holder
)
UPDATE entra_contact_links l
SET status = 'orphaned', ended_at = @now
WHERE l.ctid = ANY (ARRAY(SELECT d.place FROM due d));
