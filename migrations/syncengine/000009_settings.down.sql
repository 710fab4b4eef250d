DROP TABLE settings_changes;
DROP TABLE managed_tenant_settings;
ALTER TABLE entra_sync_settings
    DROP COLUMN updated_by,
    DROP COLUMN version,
    DROP COLUMN never_include,
    DROP COLUMN always_include,
    DROP COLUMN filter_groups;
