-- name: MakeInstallation :exec
INSERT INTO installation (id) VALUES (@id) ON CONFLICT DO NOTHING;

-- name: Installation :one
SELECT id FROM installation;
