-- name: takeover_index
-- The linked identities that were not listed, by their ids.
CREATE INDEX IF NOT EXISTS staged_link_gone ON staged_link (object_id) WHERE n IS NULL;
