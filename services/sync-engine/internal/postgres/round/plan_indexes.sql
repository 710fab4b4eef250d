-- name: plan_indexes
-- Contacts that were never analysed look tiny under row-level security. With an index on either
-- side of the join no choice of the planner is quadratic.
CREATE INDEX IF NOT EXISTS plan_contact ON plan (contact_id);
ANALYZE plan;
