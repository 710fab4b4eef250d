-- name: drop_indexes
-- Many identities are staged faster without the indexes that an earlier round of the session left;
-- they are made again afterwards.
DROP INDEX IF EXISTS pg_temp.stage_n, pg_temp.stage_left_out, pg_temp.stage_object, pg_temp.staged_link_n, pg_temp.staged_link_gone, pg_temp.address_n, pg_temp.plan_contact;
