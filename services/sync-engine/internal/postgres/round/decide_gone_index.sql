-- name: DecideGoneIndex
CREATE INDEX stage_object ON stage (object_id);
