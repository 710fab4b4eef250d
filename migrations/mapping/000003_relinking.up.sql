-- A decision to relink leaves links to the next sync. What stands in relinked, created and ambiguous
-- is of decisions made before.
ALTER TABLE entra_orphan_decisions
    ADD COLUMN relinking integer NOT NULL DEFAULT 0,
    ADD COLUMN run_id uuid;
