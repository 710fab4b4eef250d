package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// TestARevisionIsOfOneClient has mapping announce one revision with two clients, as
// after its database was set back: nothing is written under the second, whichever
// way it comes.
func TestARevisionIsOfOneClient(t *testing.T) {
	t.Parallel()
	e := relinked(t) // mapped to other, and followed
	before := e.state()
	announced := e.mapped()
	wrong := announced
	wrong.ClientID = client
	e.mapping.tenants[0].ClientID = client

	_, err := e.revise.Do(e.ctx(), wrong)
	require.ErrorIs(t, err, syncengine.ErrMappingDiffers)
	for _, decision := range []string{syncengine.DecisionRelink, syncengine.DecisionLeave} {
		d := e.decision(decision)
		require.Equal(t, wrong, d.Mapping)
		_, err = e.orphans.Do(e.ctx(), d)
		require.ErrorIs(t, err, syncengine.ErrMappingDiffers)
	}
	for _, dryRun := range []bool{false, true} {
		run := e.started(syncengine.TypeAllTenants, dryRun)
		_, err = e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
		require.ErrorIs(t, err, syncengine.ErrMappingDiffers)
		_, err = e.finalise.Do(e.ctx(), run.ID, syncengine.StateFailed, nil, nil)
		require.NoError(t, err)
	}
	unmapped := announced
	unmapped.ClientID = ""
	_, err = e.revise.Do(e.ctx(), unmapped)
	require.ErrorIs(t, err, syncengine.ErrMappingDiffers)
	require.Equal(t, before, e.state())
	require.Equal(t, []string{announced.ClientID}, e.rows(`SELECT client_id::text FROM directory_mappings`))
	require.Equal(t, []syncengine.MappingRevision{announced}, e.queue.followed)

	// A later revision says what holds.
	e.remap(client)
	require.Equal(t, syncengine.Revised{Reactivated: 4}, e.followed())
	require.Equal(t, syncengine.StateCompleted, e.round().State)
}

// TestARoundStopsWhereItsRevisionIsOfAnotherClient: the client changes between two ranges.
func TestARoundStopsWhereItsRevisionIsOfAnotherClient(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(syncengine.RangeSize + 10)
	run := e.started(syncengine.TypeAllTenants, false)
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Applied == syncengine.RangeSize {
			e.exec(`UPDATE directory_mappings SET client_id = $1`, other)
		}
		return nil
	})
	require.ErrorIs(t, err, syncengine.ErrMappingDiffers)
	require.Equal(t, syncengine.RangeSize, e.count(`SELECT count(*) FROM contacts`))
}
