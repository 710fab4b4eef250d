package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pgtest"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
)

// TestWhatChangesARunIsPublishedToItsWatchers, so that nobody has to look for it.
func TestWhatChangesARunIsPublishedToItsWatchers(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, postgres.Context)
	ctx, b := setupOn(t, db)
	elsewhere := postgres.NewRoundReports(db.Pool(postgres.Context)) // another process
	b.connection.events = []*connectionv1.ListUsersResponse{page(user("ann", "ann@corp.example")), completed}
	run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "all-tenants", Trigger: "manual"})
	require.NoError(t, err)
	id, ticket := run.GetRunId(), run.GetTicket()
	watch := elsewhere.Subscribe(ctx, id)
	defer watch.End()
	<-watch.News() // it listens from now on

	_, err = b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: id, Ticket: ticket})
	require.NoError(t, err)
	<-watch.News()
	_, err = b.sync(ctx, run)
	require.NoError(t, err)
	<-watch.News()
	_, err = b.engine.RecordTenantResult(ctx, &syncenginev1.RecordTenantResultRequest{RunId: id, Ticket: ticket, ManagedTenantId: managed, State: "failed"})
	require.NoError(t, err)
	<-watch.News()
	_, err = b.engine.FinaliseRun(ctx, &syncenginev1.FinaliseRunRequest{RunId: id, Ticket: ticket})
	require.NoError(t, err)
	<-watch.News()
	_, err = b.engine.CancelRuns(ctx, &syncenginev1.CancelRunsRequest{}) // whichever they are
	require.NoError(t, err)
	<-watch.News()
}
