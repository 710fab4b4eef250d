DROP VIEW finished_effects;
DROP VIEW waiting_effects;
CREATE VIEW waiting_effects AS
SELECT tenant_id, id, created_at, leased_until FROM outbox WHERE done_at IS NULL;
ALTER VIEW waiting_effects OWNER TO entrasync_mapping_views;
GRANT SELECT ON waiting_effects TO entrasync_mapping_across;

REVOKE DELETE ON outbox FROM entrasync_mapping;
DROP TABLE entra_orphan_decisions;
DROP TABLE entra_orphans;

DROP INDEX outbox_finished;
DROP INDEX outbox_waiting;
-- Nobody knows the other kinds any more. The owner sees the rows of all tenants
-- for this one statement.
ALTER TABLE outbox NO FORCE ROW LEVEL SECURITY;
DELETE FROM outbox WHERE kind <> 'start_initial_sync';
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
ALTER TABLE outbox
    DROP COLUMN number,
    DROP COLUMN managed_tenant_id,
    DROP CONSTRAINT outbox_kind_check,
    ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('start_initial_sync'));

ALTER TABLE entra_client_tenant_mappings
    DROP CONSTRAINT entra_client_tenant_mappings_ended_check,
    DROP COLUMN ended_version,
    DROP COLUMN ended_revision;
