-- name: worker_index
-- A worker looks up what was staged and what is planned as the round does; see prepare and plan_indexes.
CREATE UNIQUE INDEX IF NOT EXISTS stage_n ON stage (n);
CREATE INDEX IF NOT EXISTS plan_contact ON plan (contact_id);
