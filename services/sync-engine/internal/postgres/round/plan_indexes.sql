-- name: plan_indexes
-- Tables that were never analysed look tiny under row-level security. With an index on either
-- side of the joins no choice of the planner is quadratic.
CREATE INDEX IF NOT EXISTS plan_contact ON plan (contact_id);
CREATE INDEX IF NOT EXISTS plan_object ON plan (object_id);
ANALYZE plan;
