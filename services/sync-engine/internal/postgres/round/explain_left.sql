-- name: explain_left
INSERT INTO removed (n, object_id) VALUES (1, @object_id) ON CONFLICT DO NOTHING;
