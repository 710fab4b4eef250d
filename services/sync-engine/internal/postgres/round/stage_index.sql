-- name: stage_index
CREATE INDEX IF NOT EXISTS stage_object ON stage (object_id);
