-- name: ReuseSession
-- Plans that other rounds left behind were made for other numbers of rows.
SET plan_cache_mode = force_custom_plan;
