DROP INDEX identity_resolutions_undone_seq;
ALTER TABLE identity_resolutions DROP COLUMN undone_at, DROP COLUMN undone_by, DROP COLUMN undone_seq;
