package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// Secrets keeps tenants' secrets as sealed versions, which never change.
type Secrets struct {
	database
	box *secrets.Box
	now func() time.Time
}

// NewSecrets makes the store of secrets, which seals with the box.
func NewSecrets(pool *pg.Pool, box *secrets.Box, now func() time.Time) *Secrets {
	return &Secrets{database: database{pool}, box: box, now: now}
}

func secretData(tenantID, key string) string { return "connection/secrets/" + tenantID + "/" + key }

// PutSecret seals a value as a new version. Its name is new each time, so that
// no two writers ever meet.
func (s *Secrets) PutSecret(ctx context.Context, key string, plain connection.Secret) (version string, err error) {
	if err := connection.CheckSecret(key, plain); err != nil {
		return "", err
	}
	of, err := tenantOf(ctx)
	if err != nil {
		return "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("naming a version: %w", err)
	}
	sealed, keyID, err := seal(s.box, secrets.Text(plain), secretData(of, key))
	if err != nil {
		return "", err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		return q.InsertSecret(ctx, sqlc.InsertSecretParams{
			TenantID: tenantID, Key: key, Version: id.String(), Sealed: sealed, KeyID: keyID, CreatedAt: s.now(),
		})
	})
	if err != nil {
		return "", err
	}
	return id.String(), nil
}

// GetSecret opens a version.
func (s *Secrets) GetSecret(ctx context.Context, key, version string) (plain connection.Secret, err error) {
	if err := connection.CheckSecretKey(key); err != nil {
		return "", err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
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
func (s *Secrets) DeleteSecret(ctx context.Context, key string) error {
	if err := connection.CheckSecretKey(key); err != nil {
		return err
	}
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		return q.DeleteSecret(ctx, sqlc.DeleteSecretParams{TenantID: tenantID, Key: key})
	})
}
