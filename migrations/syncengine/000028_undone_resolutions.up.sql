-- Decisions that people took back. Where in the feed that stands tells the next round of the directory
-- to read the identity again: nothing of it is kept.
ALTER TABLE identity_resolutions
    ADD COLUMN undone_at timestamptz,
    ADD COLUMN undone_by text,
    ADD COLUMN undone_seq bigint,
    ADD CONSTRAINT identity_resolutions_undone CHECK (
        (undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undone_seq IS NULL)) NOT VALID;
CREATE INDEX identity_resolutions_undone_seq ON identity_resolutions (tenant_id, entra_tenant_id, undone_seq)
    WHERE undone_seq IS NOT NULL;
