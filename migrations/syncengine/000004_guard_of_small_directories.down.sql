ALTER TABLE entra_sync_settings ALTER COLUMN guard_min_count SET DEFAULT 10;
ALTER TABLE entra_sync_settings NO FORCE ROW LEVEL SECURITY;
UPDATE entra_sync_settings SET guard_min_count = 10 WHERE guard_min_count = 4;
ALTER TABLE entra_sync_settings FORCE ROW LEVEL SECURITY;
