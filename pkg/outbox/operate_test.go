package outbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// It sets the environment, so it does not run in parallel.
func TestAnOperatorRetriesWhatWasSetAside(t *testing.T) {
	db := pgtest.Database(t, "mapping")
	t.Setenv("ENTRASYNC_DATABASE_URL", db.URL)
	acme := tenant.With(t.Context(), tenant.Call{Tenant: "acme"})
	box := outbox.New(db.Pool("mapping"), outbox.Options{Tries: func(string) int32 { return 1 }})
	id := uuid.NewString()
	require.NoError(t, pg.InTenant(acme, db.Pool("mapping"), func(ctx context.Context, tx pgx.Tx) error {
		return outbox.Add(ctx, tx, outbox.Effect{ID: id, Kind: "start_initial_sync", CreatedAt: time.Now()})
	}))
	_, err := box.Pull(t.Context(), 1, 0)
	require.NoError(t, err)
	require.NoError(t, box.Ack(acme, id, outbox.Retry, nil))

	run := func(args ...string) (string, error) {
		var out strings.Builder
		err := outbox.Operate(t.Context(), "mapping", args, &out)
		return out.String(), err
	}
	listed, err := run("effects", "dead")
	require.NoError(t, err)
	require.Contains(t, listed, "acme "+id+" start_initial_sync tried 1 times")
	_, err = run("effects", "retry", "globex", id)
	require.ErrorIs(t, err, outbox.ErrUnknown)
	_, err = run("effects", "retry", "acme", id)
	require.NoError(t, err)
	listed, err = run("effects", "dead")
	require.NoError(t, err)
	require.Empty(t, listed)
	_, err = run("effects")
	require.ErrorContains(t, err, "effects dead")
}
