-- Settings that people change: filters by group and by hand, who changed what, and what single
-- managed tenants have of their own.
ALTER TABLE entra_sync_settings
    ADD COLUMN filter_groups text[] NOT NULL DEFAULT '{}',
    ADD COLUMN always_include text[] NOT NULL DEFAULT '{}',
    ADD COLUMN never_include text[] NOT NULL DEFAULT '{}',
    ADD COLUMN version bigint NOT NULL DEFAULT 1,
    -- The person, by id; empty while nobody changed anything.
    ADD COLUMN updated_by text NOT NULL DEFAULT '';

-- What a managed tenant has of its own: a null column is the tenant's. The row stays when the last
-- own value is taken back, so that its version goes on.
CREATE TABLE managed_tenant_settings (
    tenant_id               text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    managed_tenant_id       text COLLATE "C" NOT NULL CHECK (length(managed_tenant_id) BETWEEN 1 AND 64),
    filter_guests           boolean,
    filter_unlicensed       boolean,
    filter_service_accounts boolean,
    custom_patterns         text[],
    filter_groups           text[],
    always_include          text[],
    never_include           text[],
    field_display_name      boolean,
    field_email             boolean,
    field_phone             boolean,
    field_role              boolean,
    field_upn               boolean,
    version                 bigint NOT NULL DEFAULT 0 CHECK (version >= 0),
    updated_at              timestamptz NOT NULL,
    updated_by              text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, managed_tenant_id)
);

-- Changes of both, never rewritten.
CREATE TABLE settings_changes (
    tenant_id         text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    id                uuid NOT NULL,
    -- Empty for the tenant's settings.
    managed_tenant_id text COLLATE "C" NOT NULL DEFAULT '',
    version           bigint NOT NULL,
    changed_at        timestamptz NOT NULL,
    -- The person, by id; empty for the first initial sync, which turns automatic sync on.
    changed_by        text NOT NULL,
    fields            text[] NOT NULL CHECK (fields <> '{}'),
    before            jsonb NOT NULL CHECK (jsonb_typeof(before) = 'object'),
    after             jsonb NOT NULL CHECK (jsonb_typeof(after) = 'object'),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX settings_changes_managed_tenant ON settings_changes (tenant_id, managed_tenant_id, id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['managed_tenant_settings', 'settings_changes'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))'
            || ' WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.tenant'', true), '''')))', name);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON managed_tenant_settings TO entrasync_syncengine;
GRANT SELECT, INSERT ON settings_changes TO entrasync_syncengine;
