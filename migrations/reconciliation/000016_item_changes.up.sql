-- Whatever opens or closes items has the change feed tell of it, by an effect in the same transaction.
CREATE FUNCTION tell_of_items() RETURNS trigger
    LANGUAGE plpgsql SET search_path = reconciliation, pg_temp
AS $$
DECLARE
    told bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO outbox (tenant_id, id, actor_id, kind, order_key, arguments, created_at)
        SELECT e.tenant_id, gen_random_uuid(), '', 'items_changed', 'items', jsonb_build_object('entries', jsonb_agg(e.entry ORDER BY e.n)::text), now()
        FROM (
            SELECT w.tenant_id, row_number() OVER (PARTITION BY w.tenant_id ORDER BY w.id) AS n,
                   jsonb_build_object('type', 'reconciliation.item.opened', 'source', 'sync', 'runId', w.last_run_id, 'clientId', w.client_id,
                       'item', jsonb_build_object('id', w.id, 'managedTenantId', w.managed_tenant_id, 'reason', w.reason, 'status', w.status)) AS entry
            FROM written w WHERE w.status = 'open'
        ) e
        GROUP BY e.tenant_id, (e.n - 1) / 500;
    ELSE
        INSERT INTO outbox (tenant_id, id, actor_id, kind, order_key, arguments, created_at)
        SELECT e.tenant_id, gen_random_uuid(), '', 'items_changed', 'items', jsonb_build_object('entries', jsonb_agg(e.entry ORDER BY e.n)::text), now()
        FROM (
            SELECT w.tenant_id, row_number() OVER (PARTITION BY w.tenant_id ORDER BY w.id) AS n,
                   jsonb_build_object('type', 'reconciliation.item.' || CASE w.status WHEN 'open' THEN 'opened' ELSE w.status END,
                       'source', CASE w.status WHEN 'superseded' THEN 'sync' ELSE 'person' END,
                       'clientId', w.client_id, 'fields', ARRAY['status'],
                       'item', jsonb_build_object('id', w.id, 'managedTenantId', w.managed_tenant_id, 'reason', w.reason, 'status', w.status)) AS entry
            FROM written w JOIN replaced r ON r.tenant_id = w.tenant_id AND r.id = w.id
            WHERE w.status <> r.status
        ) e
        GROUP BY e.tenant_id, (e.n - 1) / 500;
    END IF;
    GET DIAGNOSTICS told = ROW_COUNT;
    IF told > 0 THEN
        PERFORM pg_notify('reconciliation_effects', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER items_opened AFTER INSERT ON entra_contact_reconciliation_queue REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_items();
CREATE TRIGGER items_changed AFTER UPDATE ON entra_contact_reconciliation_queue REFERENCING OLD TABLE AS replaced NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_items();
