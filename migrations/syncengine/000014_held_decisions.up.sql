-- What a person decided about what a guard held back, once for each managed tenant of a run.
CREATE TABLE held_decisions (
    tenant_id         text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    run_id            uuid NOT NULL,
    managed_tenant_id text COLLATE "C" NOT NULL,
    entra_tenant_id   text COLLATE "C" NOT NULL,
    decision          text NOT NULL CHECK (decision IN ('approve', 'reject')),
    decided_by        text NOT NULL,
    decided_at        timestamptz NOT NULL,
    -- The run that carries an approval out.
    started_run_id    uuid,
    PRIMARY KEY (tenant_id, run_id, managed_tenant_id),
    FOREIGN KEY (tenant_id, run_id, managed_tenant_id) REFERENCES entra_sync_run_tenants (tenant_id, run_id, managed_tenant_id),
    FOREIGN KEY (tenant_id, started_run_id) REFERENCES entra_sync_runs (tenant_id, id),
    CHECK ((decision = 'approve') = (started_run_id IS NOT NULL))
);

-- Identities whose link stays active although they are disabled or gone, until upstream changes them.
CREATE TABLE rejected_inactivations (
    tenant_id       text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    entra_tenant_id text COLLATE "C" NOT NULL,
    entra_object_id text COLLATE "C" NOT NULL,
    reason          text NOT NULL CHECK (reason IN ('disabled_upstream', 'deleted_upstream')),
    -- In which it was held.
    run_id          uuid NOT NULL,
    PRIMARY KEY (tenant_id, entra_tenant_id, entra_object_id)
);

-- Directories whose listing may be empty, or filtered as a whole, until one is not.
CREATE TABLE approved_listings (
    tenant_id       text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    entra_tenant_id text COLLATE "C" NOT NULL,
    -- In which it was held.
    run_id          uuid NOT NULL,
    approved_by     text NOT NULL,
    approved_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, entra_tenant_id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['held_decisions', 'rejected_inactivations', 'approved_listings'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))'
            || ' WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON held_decisions TO entrasync_syncengine;
GRANT SELECT, INSERT, UPDATE, DELETE ON rejected_inactivations, approved_listings TO entrasync_syncengine;

-- The run of an approval covers the one managed tenant, and joins no other run of the client.
ALTER TABLE entra_sync_runs
    ADD COLUMN managed_tenant_id text COLLATE "C",
    -- The run whose held set is approved, and why a guard held it.
    ADD COLUMN approves_run_id uuid,
    ADD COLUMN approves_reason text,
    DROP CONSTRAINT entra_sync_runs_check2,
    ADD CONSTRAINT entra_sync_runs_scope CHECK (scope = COALESCE(client_id::text, '') || COALESCE(':' || managed_tenant_id, '')) NOT VALID,
    ADD CONSTRAINT entra_sync_runs_approves CHECK ((approves_run_id IS NULL) = (managed_tenant_id IS NULL)
        AND (approves_run_id IS NULL) = (approves_reason IS NULL)) NOT VALID;
