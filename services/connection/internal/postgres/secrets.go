package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

func secretData(tenantID, key string) string { return "connection/secrets/" + tenantID + "/" + key }

// PutSecret seals a value as a new version.
func (s *Store) PutSecret(ctx context.Context, tenantID, key string, plain connection.Secret) (version string, err error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("naming a version: %w", err)
	}
	sealed, err := s.box.Seal(secrets.Text(plain), secretData(tenantID, key))
	if err != nil {
		return "", err
	}
	err = s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		return q.InsertSecret(ctx, sqlc.InsertSecretParams{
			TenantID: tenantID, Key: key, Version: id.String(), Sealed: sealed, KeyID: int64(s.box.KeyID()), CreatedAt: s.now(),
		})
	})
	return id.String(), err
}

// GetSecret opens a version.
func (s *Store) GetSecret(ctx context.Context, tenantID, key, version string) (plain connection.Secret, err error) {
	err = s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		sealed, err := q.Secret(ctx, sqlc.SecretParams{TenantID: tenantID, Key: key, Version: version})
		if err != nil {
			return err
		}
		text, err := s.box.Open(sealed, secretData(tenantID, key))
		plain = connection.Secret(text)
		return err
	}, pg.ReadOnly())
	return plain, err
}

// DeleteSecret removes every version of a key.
func (s *Store) DeleteSecret(ctx context.Context, tenantID, key string) error {
	return s.in(ctx, tenantID, func(ctx context.Context, q *sqlc.Queries) error {
		return q.DeleteSecret(ctx, sqlc.DeleteSecretParams{TenantID: tenantID, Key: key})
	})
}
