ALTER TABLE entra_orphan_decisions
    DROP COLUMN run_id,
    DROP COLUMN relinking;
