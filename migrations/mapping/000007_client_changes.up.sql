-- Whatever writes clients has the change feed tell of it, by an effect in the same transaction.
ALTER TABLE outbox
    ADD CONSTRAINT outbox_kinds CHECK (kind IN ('start_initial_sync', 'mapping_revised', 'orphans_decided', 'clients_changed')) NOT VALID,
    DROP CONSTRAINT outbox_kind_check;

-- Writes effects of at most 500 clients each. They have one order key, so that entries of the feed come
-- in the order of the changes.
CREATE FUNCTION tell_of_clients() RETURNS trigger
    LANGUAGE plpgsql SET search_path = mapping, pg_temp
AS $$
DECLARE
    told bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO outbox (tenant_id, id, actor_id, kind, order_key, arguments, created_at)
        SELECT e.tenant_id, gen_random_uuid(), '', 'clients_changed', 'clients', jsonb_build_object('entries', jsonb_agg(e.entry ORDER BY e.n)::text), now()
        FROM (
            SELECT w.tenant_id, row_number() OVER (PARTITION BY w.tenant_id ORDER BY w.id) AS n,
                   jsonb_build_object('type', 'client.created', 'source', CASE WHEN w.created_by_run IS NULL THEN 'host' ELSE 'sync' END,
                       'runId', w.created_by_run, 'clientId', w.id, 'client', jsonb_build_object('id', w.id, 'externalId', COALESCE(w.external_id, ''), 'name', w.name)) AS entry
            FROM written w
        ) e
        GROUP BY e.tenant_id, (e.n - 1) / 500;
    ELSE
        INSERT INTO outbox (tenant_id, id, actor_id, kind, order_key, arguments, created_at)
        SELECT e.tenant_id, gen_random_uuid(), '', 'clients_changed', 'clients', jsonb_build_object('entries', jsonb_agg(e.entry ORDER BY e.n)::text), now()
        FROM (
            SELECT c.tenant_id, row_number() OVER (PARTITION BY c.tenant_id ORDER BY c.id) AS n,
                   jsonb_build_object('type', CASE WHEN c.deleted AND NOT c.was_deleted THEN 'client.deleted' ELSE 'client.updated' END,
                       'source', CASE WHEN c.fields <@ ARRAY['entraTenantId', 'entraPrimaryDomain'] THEN 'person' ELSE 'host' END,
                       'clientId', c.id, 'fields', c.fields, 'client', jsonb_build_object('id', c.id, 'externalId', COALESCE(c.external_id, ''), 'name', c.name)) AS entry
            FROM (
                SELECT w.tenant_id, w.id, w.external_id, w.name, w.deleted, r.deleted AS was_deleted,
                       array_remove(ARRAY[
                           CASE WHEN w.external_id IS DISTINCT FROM r.external_id THEN 'externalId' END,
                           CASE WHEN w.name <> r.name THEN 'name' END,
                           CASE WHEN w.website <> r.website THEN 'website' END,
                           CASE WHEN w.domain <> r.domain THEN 'domain' END,
                           CASE WHEN w.alternative_domains <> r.alternative_domains THEN 'alternativeDomains' END,
                           CASE WHEN w.email_domains <> r.email_domains THEN 'emailDomains' END,
                           CASE WHEN w.billing_email <> r.billing_email THEN 'billingEmail' END,
                           CASE WHEN w.entra_tenant_id IS DISTINCT FROM r.entra_tenant_id THEN 'entraTenantId' END,
                           CASE WHEN w.entra_primary_domain IS DISTINCT FROM r.entra_primary_domain THEN 'entraPrimaryDomain' END,
                           CASE WHEN w.deleted <> r.deleted THEN 'deleted' END], NULL) AS fields
                FROM written w JOIN replaced r ON r.tenant_id = w.tenant_id AND r.id = w.id
            ) c
            WHERE c.fields <> '{}'
        ) e
        GROUP BY e.tenant_id, (e.n - 1) / 500;
    END IF;
    GET DIAGNOSTICS told = ROW_COUNT;
    IF told > 0 THEN
        PERFORM pg_notify('mapping_effects', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER clients_made AFTER INSERT ON clients REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_clients();
CREATE TRIGGER clients_changed AFTER UPDATE ON clients REFERENCING OLD TABLE AS replaced NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_clients();
