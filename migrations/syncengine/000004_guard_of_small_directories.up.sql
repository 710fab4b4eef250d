-- Most customers have fewer than 50 people: a round that inactivates 4 of 11 is held. Nobody could
-- set the number yet, so that 10 is what the first version wrote.
ALTER TABLE entra_sync_settings ALTER COLUMN guard_min_count SET DEFAULT 4;
ALTER TABLE entra_sync_settings NO FORCE ROW LEVEL SECURITY;
UPDATE entra_sync_settings SET guard_min_count = 4 WHERE guard_min_count = 10;
ALTER TABLE entra_sync_settings FORCE ROW LEVEL SECURITY;
