package postgres_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func TestRoundsLeaveConnectionsToRequests(t *testing.T) {
	t.Parallel()
	e := setup(t) // with 8 connections
	open := func() (syncengine.Round, error) {
		id := uuid.NewString()
		return e.store.OpenRound(e.ctx(), syncengine.ManagedTenant{RunID: id, ManagedTenantID: id, EntraTenantID: id, ClientID: id}, e.now)
	}
	var rounds []syncengine.Round
	for range 4 {
		round, err := open()
		require.NoError(t, err)
		rounds = append(rounds, round)
	}
	// A fifth waits in order, and takes the place of the first that ends.
	type opened struct {
		round syncengine.Round
		err   error
	}
	fifth, sixth := make(chan opened, 1), make(chan opened, 1)
	wait := func(in chan opened) {
		round, err := open()
		in <- opened{round, err}
	}
	go wait(fifth)
	_, err := e.store.Settings(e.ctx(), e.now)
	require.NoError(t, err, "requests find a connection all the same")
	rounds[0].Release()
	rounds[0].Release() // gives back one place, not two
	got := <-fifth
	require.NoError(t, got.err)
	go wait(sixth)
	_, err = e.store.Settings(e.ctx(), e.now)
	require.NoError(t, err)
	select {
	case <-sixth:
		require.Fail(t, "one place was given back twice")
	default:
	}
	got.round.Release()
	last := <-sixth
	require.NoError(t, last.err)
	for _, r := range append(rounds[1:], last.round) {
		r.Release()
	}
}

// TestTwoDirectoriesOfAClientAreDecidedOneAfterTheOther runs the client's second
// directory, in a run of its own, between deciding and applying the first.
func TestTwoDirectoriesOfAClientAreDecidedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	for name, host := range map[string][]syncengine.ContactRecord{
		"create": nil,
		"link":   {{ExternalID: ptr("h"), ClientID: ptr(client), FullName: "H", Email: ptr("x@corp.example")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.mapping.tenants = append(e.mapping.tenants, syncengine.MappedTenant{ManagedTenantID: "m2", EntraTenantID: "d2", ClientID: client, Revision: 1})
			if host != nil {
				e.host(host...)
			}
			first := e.started(syncengine.TypeAllTenants, false)
			second, _, err := e.ask(syncengine.NewRun{Type: syncengine.TypeSingleClient, ClientID: client})
			require.NoError(t, err)
			_, _, err = e.begin.Do(e.ctx(), second.ID)
			require.NoError(t, err)

			one, two := []syncengine.User{person("u1", "U1", "x@corp.example")}, []syncengine.User{person("u2", "U2", "x@corp.example")}
			quiet := func(syncengine.Progress) error { return nil }
			var busy error
			e.dir.users = one
			_, err = e.sync.Do(e.ctx(), first.ID, managed, func(p syncengine.Progress) error {
				if p.Phase == syncengine.PhaseApplying && busy == nil {
					e.dir.users = two
					_, busy = e.sync.Do(e.ctx(), second.ID, "m2", quiet)
					require.Error(t, busy)
				}
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, "round_in_progress", errs.ReasonOf(busy))
			told, ok := errors.AsType[*errs.Error](busy)
			require.True(t, ok)
			require.Positive(t, told.RetryAfter())

			outcome, err := e.sync.Do(e.ctx(), second.ID, "m2", quiet)
			require.NoError(t, err)
			require.Equal(t, 1, outcome.Counters.Ambiguous, "the address is taken: a person decides")
			require.Equal(t, []string{"x@corp.example u1"}, e.rows(`SELECT email_norm, entra_object_id FROM contacts`))
		})
	}
}

func TestARevisionGivesUpWaitingForADirectoryInTime(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(1)
	run := e.started(syncengine.TypeAllTenants, false)
	_, rt, err := e.store.ManagedTenant(e.ctx(), run.ID, managed)
	require.NoError(t, err)
	round, err := e.store.OpenRound(e.ctx(), rt, e.now)
	require.NoError(t, err)
	e.remap(other)
	_, err = e.revise.Do(e.ctx(), e.mapped())
	require.Equal(t, "round_in_progress", errs.ReasonOf(err))
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	round.Release()
	require.Equal(t, syncengine.Revised{}, e.followed())
}
