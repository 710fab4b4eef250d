package servicetest

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

func TestOrphansOverTheWire(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	revised, err := b.engine.ReviseMapping(ctx, &syncenginev1.ReviseMappingRequest{ManagedTenantId: managed, EntraTenantId: entra, ClientId: clientID, Revision: 3})
	require.NoError(t, err)
	require.Zero(t, revised.GetOrphanedLinks())
	require.Len(t, b.queue.followed, 1)
	told := b.queue.followed[0]
	require.Equal(t, entra, told.GetEntraTenantId())
	require.Equal(t, clientID, told.GetClientId())
	require.EqualValues(t, 3, told.GetMappingRevision())
	req := &syncenginev1.DecideOrphansRequest{
		DecisionId: uuid.NewString(), ManagedTenantId: managed, EntraTenantId: entra, ClientId: clientID, Revision: 3, Decision: "relink", DecidedBy: "user-7",
	}
	_, err = b.engine.DecideOrphans(ctx, req)
	require.NoError(t, err)
	req.DecisionId, req.Revision = uuid.NewString(), 2
	_, err = b.engine.DecideOrphans(ctx, req)
	require.Equal(t, "mapping_changed", errs.ReasonOf(err))
	_, err = b.stranger.ReviseMapping(ctx, &syncenginev1.ReviseMappingRequest{ManagedTenantId: managed, EntraTenantId: entra, Revision: 3})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))
}
