package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// This file holds the changes of an active connection's state that no person
// makes. Each writes its event in its own transaction.

// changeFunc changes a connection, which was as the row says.
type changeFunc func(ctx context.Context, tx pgx.Tx, tenantID string, key uuid.UUID, was sqlc.LockActiveRow) error

// change runs fn on the active connection of that id, locked; nothing happens when
// there is none any more.
func (s *Connections) change(ctx context.Context, id string, fn changeFunc) error {
	key, err := uuid.Parse(id)
	if err != nil {
		return fmt.Errorf("connection id: %w", err)
	}
	return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx, tenantID string) error {
		row, err := sqlc.New(tx).LockActive(ctx, sqlc.LockActiveParams{TenantID: tenantID, ID: key})
		if pg.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(ctx, tx, tenantID, key, row)
	})
}

// addChange writes the status event of a change, where it is a notable one.
func addChange(ctx context.Context, tx pgx.Tx, was sqlc.LockActiveRow, to connection.Status, code string, at time.Time) error {
	from := connection.Status(was.Status)
	if !connection.Notable(from, value(was.ErrorCode), to, code) {
		return nil
	}
	return addEvent(ctx, tx, connection.StatusEvent{
		From: from, To: to, Type: connection.Type(was.ConnectionType), Reason: code, At: at,
	})
}

// SwapSecret points the connection to a new token set, if it still points to
// the old one. It ends a failure to get one.
func (s *Connections) SwapSecret(ctx context.Context, id, oldVersion, newVersion string, expires time.Time) (swapped bool, err error) {
	err = s.change(ctx, id, func(ctx context.Context, tx pgx.Tx, tenantID string, key uuid.UUID, was sqlc.LockActiveRow) error {
		q := sqlc.New(tx)
		rows, err := q.SwapSecret(ctx, sqlc.SwapSecretParams{
			TenantID: tenantID, ID: key, OldVersion: oldVersion, NewVersion: newVersion, TokenExpiresAt: expires,
		})
		swapped = rows == 1
		if err != nil || !swapped || !connection.MendedByRefresh(value(was.ErrorCode)) {
			return err
		}
		if err := q.ClearFailure(ctx, sqlc.ClearFailureParams{TenantID: tenantID, ID: key}); err != nil {
			return err
		}
		return addChange(ctx, tx, was, connection.Connected, "", s.now())
	})
	return swapped && err == nil, err
}

// RecordValid marks the active connection as proven, unless it failed after the
// proof had begun.
func (s *Connections) RecordValid(ctx context.Context, id string, begun, at time.Time) error {
	return s.change(ctx, id, func(ctx context.Context, tx pgx.Tx, tenantID string, key uuid.UUID, was sqlc.LockActiveRow) error {
		q := sqlc.New(tx)
		rows, err := q.RecordValid(ctx, sqlc.RecordValidParams{TenantID: tenantID, ID: key, Begun: begun, CheckedAt: at})
		if err != nil || rows == 0 {
			return err
		}
		return addChange(ctx, tx, was, connection.Connected, "", at)
	})
}

// RecordFailed stores why the connection failed, if it still works with the token
// set of that version.
func (s *Connections) RecordFailed(ctx context.Context, id, version string, snapshot connection.Snapshot) error {
	return s.change(ctx, id, func(ctx context.Context, tx pgx.Tx, tenantID string, key uuid.UUID, was sqlc.LockActiveRow) error {
		q := sqlc.New(tx)
		if value(was.SecretVersion) != version {
			return nil
		}
		err := q.RecordFailed(ctx, sqlc.RecordFailedParams{
			TenantID: tenantID, ID: key, SecretVersion: version, Code: snapshot.Code, Message: snapshot.Message,
			CheckedAt: snapshot.CheckedAt,
		})
		if err != nil {
			return err
		}
		return addChange(ctx, tx, was, connection.ValidationFailed, snapshot.Code, snapshot.CheckedAt)
	})
}
