package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

const allRows = `SELECT c.full_name, c.email, c.entra_object_id, c.inactive, c.version, l.status
	FROM contacts c LEFT JOIN entra_contact_links l ON l.contact_id = c.id ORDER BY 2, 3`

// TestLostConnectionEndsTheRoundAndTheRetryConverges cuts the round's connection
// between two ranges.
func TestLostConnectionEndsTheRoundAndTheRetryConverges(t *testing.T) {
	t.Parallel()
	calm, e := setup(t), setup(t)
	users := people(syncengine.RangeSize + 700)
	calm.dir.users, e.dir.users = users, users
	want := calm.round().Counters

	run := e.started(syncengine.TypeAllTenants, false)
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Applied == syncengine.RangeSize {
			e.exec(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
		}
		return nil
	})
	require.Equal(t, errs.Unavailable, errs.KindOf(err), "%v", err)
	require.Equal(t, syncengine.RangeSize, e.count(`SELECT count(*) FROM contacts`), "what was committed stays")
	e.ended() // the server gives the locks back after it has told that it ends the session

	_, err = e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(t, err)
	require.Equal(t, want, e.finished(run.ID).Counters, "each identity counts once, over both attempts")
	require.Equal(t, calm.rows(allRows), e.rows(allRows))
	require.Equal(t, len(users), e.count(`SELECT max(seq) FROM contact_changes`), "the feed has no gap")
	require.Equal(t, len(users), e.count(`SELECT count(*) FROM contact_changes`))
}

func TestCancelStopsAtTheNextRange(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(syncengine.RangeSize + 10)
	run := e.started(syncengine.TypeAllTenants, false)
	outcome, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Applied == syncengine.RangeSize {
			_, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{})
			e.showsNothingUnderWay(run.ID)
			return err
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, syncengine.Result{State: syncengine.StateCancelled, Counters: syncengine.Counters{Created: syncengine.RangeSize}}, outcome)
	require.Equal(t, syncengine.StateCancelled, e.finished(run.ID).State)
	require.Equal(t, syncengine.RangeSize, e.count(`SELECT count(*) FROM contacts`))
}

// showsNothingUnderWay: a run that was cancelled shows no managed tenant as running, though
// its rounds stop a moment later.
func (e *engine) showsNothingUnderWay(runID string) {
	e.t.Helper()
	run, shown, err := syncengine.NewShowRun(e.store).Do(e.ctx(), runID)
	require.NoError(e.t, err)
	listed, _, _, err := syncengine.NewListTenantResults(e.store).Do(e.ctx(), syncengine.TenantResultPage{RunID: runID, Size: 10})
	require.NoError(e.t, err)
	require.Len(e.t, shown, 1)
	require.Len(e.t, listed, 1)
	for _, t := range append(shown, listed...) {
		require.Equal(e.t, syncengine.StateCancelled, t.State)
		require.Equal(e.t, run.CompletedAt, t.CompletedAt)
	}
}

// TestACancelledRunDoesNotChange: the end of a round adds nothing to what its run had counted
// when it was cancelled.
func TestACancelledRunDoesNotChange(t *testing.T) {
	t.Parallel()
	for name, reached := range map[string]func(syncengine.Progress) bool{
		"when all is written":           func(p syncengine.Progress) bool { return p.Applied == 20 },
		"when the round is being ended": func(p syncengine.Progress) bool { return p.Phase == syncengine.PhaseClosing },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.dir.users = append(people(20), person("svc", "svc-backup", "svc-backup@corp.example"))
			run := e.started(syncengine.TypeAllTenants, false)
			read := func() syncengine.Run {
				got, err := e.store.Run(e.ctx(), run.ID)
				require.NoError(t, err)
				return got
			}
			var ended *syncengine.Run
			outcome, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
				if ended == nil && reached(p) {
					_, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{})
					require.NoError(t, err)
					ended = new(read())
				}
				return nil
			})
			require.NoError(t, err)
			want := syncengine.Counters{Created: 20}
			require.Equal(t, syncengine.Result{State: syncengine.StateCancelled, Counters: want}, outcome)
			require.Equal(t, syncengine.StateCancelled, ended.State)
			require.Equal(t, syncengine.Totals{Tenants: 1, Processed: 1, Cancelled: 1, Counters: want}, ended.Totals)
			require.Equal(t, *ended, read())
			require.Equal(t, syncengine.StateCancelled, e.finished(run.ID).State)
			require.Equal(t, *ended, read())
			require.Equal(t, syncengine.Counters{Unchanged: 20, Filtered: 1}, e.round().Counters, "the next round decides about everybody")
		})
	}
}

// TestAFailureAfterItsRunWasCancelledDoesNotCount: such as that of a round which was cut off.
func TestAFailureAfterItsRunWasCancelledDoesNotCount(t *testing.T) {
	t.Parallel()
	e := setup(t)
	run := e.started(syncengine.TypeAllTenants, false)
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error {
		_, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{})
		require.NoError(t, err)
		return context.Canceled
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, e.record.Do(e.ctx(), run.ID, managed, syncengine.StateFailed, &syncengine.Problem{Code: "c", Message: "m"}))
	tenant := e.finished(run.ID)
	require.Equal(t, syncengine.StateCancelled, tenant.State)
	require.Nil(t, tenant.Problem)
}

// TestARangeUnderWayIsCountedBeforeItsRunIsCancelled: else what it wrote would be in no number
// that anybody has seen.
func TestARangeUnderWayIsCountedBeforeItsRunIsCancelled(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(3)
	run := e.started(syncengine.TypeAllTenants, false)
	feed, err := e.admin.Begin(e.ctx())
	require.NoError(t, err)
	defer func() { _ = feed.Rollback(context.WithoutCancel(e.ctx())) }()
	waiting := func(ended chan error, n int) {
		require.Eventually(t, func() bool {
			waiting := e.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
			return waiting == n || len(ended) > 0
		}, time.Minute, 10*time.Millisecond)
	}
	do := func(f func() error) chan error {
		ended := make(chan error, 1)
		go func() { ended <- f() }()
		return ended
	}
	round := do(func() error {
		_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) (err error) {
			if p.Phase == syncengine.PhaseApplying && p.Applied == 0 { // the feed is the last that a range writes
				_, err = feed.Exec(e.ctx(), `LOCK TABLE feed_heads IN SHARE MODE`)
			}
			return err
		})
		return err
	})
	waiting(round, 1)
	cancelled := do(func() error {
		_, err := e.cancel.Do(e.ctx(), syncengine.Cancellation{})
		return err
	})
	waiting(cancelled, 2)
	require.NoError(t, feed.Rollback(e.ctx()))
	require.NoError(t, <-cancelled)
	require.NoError(t, <-round)
	require.Equal(t, syncengine.Counters{Created: 3}, e.finished(run.ID).Counters)
	require.Equal(t, 3, e.count(`SELECT created FROM sync_statistics`), "of the run when it was cancelled")
}

// TestHostBatchBetweenRangesIsDecidedAgain writes a contact while a round is
// under way: the range that follows must link it and not make a second one.
func TestHostBatchBetweenRangesIsDecidedAgain(t *testing.T) {
	t.Parallel()
	for name, sharing := range map[string]int{"nobody shares an address": 0, "two share one": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.dir.users = people(syncengine.RangeSize + 10)
			for i := range sharing {
				e.dir.users[i].ProxyAddresses = []string{"smtp:shared@corp.example"}
			}
			run := e.started(syncengine.TypeAllTenants, false)
			last := e.dir.users[len(e.dir.users)-1]
			_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
				if p.Applied == syncengine.RangeSize {
					e.host(syncengine.ContactRecord{ExternalID: ptr("h"), ClientID: ptr(client), FullName: "By the host", Email: &last.Mail})
				}
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, syncengine.Counters{Created: syncengine.RangeSize + 9 - sharing, Linked: 1, Ambiguous: sharing}, e.finished(run.ID).Counters)
			require.Equal(t, 1, e.count(`SELECT count(*) FROM contacts WHERE email_norm = $1`, last.Mail))
		})
	}
}

// roundMeanwhile does a round, and act once, between its plan and its first range.
func (e *engine) roundMeanwhile(t require.TestingT, act func()) syncengine.ManagedTenant {
	return e.syncedMeanwhile(t, e.started(syncengine.TypeAllTenants, false).ID, act)
}

// syncedMeanwhile does the round of a run so.
func (e *engine) syncedMeanwhile(t require.TestingT, runID string, act func()) syncengine.ManagedTenant {
	acted := false
	_, err := e.sync.Do(e.ctx(), runID, managed, func(p syncengine.Progress) error {
		if p.Phase == syncengine.PhaseApplying && !acted {
			acted = true
			act()
		}
		return nil
	})
	require.NoError(t, err)
	return e.finished(runID)
}

// TestAnItemThatArisesMeanwhileWaitsInTheNextRoundToo has the host write two contacts of somebody whom the
// round was going to make a contact of.
func TestAnItemThatArisesMeanwhileWaitsInTheNextRoundToo(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(2)
	got := e.roundMeanwhile(t, func() {
		for _, external := range []string{"h-1", "h-2"} {
			e.host(syncengine.ContactRecord{ExternalID: &external, ClientID: ptr(client), FullName: "By the host", Email: &e.dir.users[0].Mail})
		}
	})
	require.Equal(t, syncengine.Counters{Created: 1, Ambiguous: 1}, got.Counters)
	require.Equal(t, syncengine.Counters{Unchanged: 1, Ambiguous: 1}, e.round().Counters)
}

// TestAPersonLinksMeanwhileWhomAFilterHits: the identity is kept as linked, though the round saw no link of
// the directory when it counted whom filters hit, and has applied all that it planned.
func TestAPersonLinksMeanwhileWhomAFilterHits(t *testing.T) {
	t.Parallel()
	e := setup(t)
	filtered := person("o-svc", "svc-scan", "scan@corp.example")
	e.dir.users = append(people(2), filtered, person("o-svc-2", "svc-print", "print@corp.example"))
	run, linked := e.started(syncengine.TypeAllTenants, false), false
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Phase != syncengine.PhaseApplying || p.Applied < 2 || linked {
			return nil
		}
		linked = true
		_, err := e.resolver().Do(e.ctx(), e.resolutionOf(filtered))
		return err
	})
	require.NoError(t, err)
	require.True(t, linked)
	require.Equal(t, syncengine.Counters{Created: 2, Filtered: 2}, e.finished(run.ID).Counters)
	require.Equal(t, []string{"o-svc true", "o-svc-2 false"}, e.rows(`SELECT entra_object_id, linked FROM kept_identities ORDER BY 1`))
}

// TestALinkThatTheHostEndsMeanwhileIsDecidedAgain has the host delete a linked contact while a round applies
// what it decided: a person decides about the identity, as after any deletion.
func TestALinkThatTheHostEndsMeanwhileIsDecidedAgain(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{true, false} {
		t.Run(fmt.Sprint("everybody listed: ", full), func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.setting("field_role", true)
			e.dir.users = people(2)
			e.round()
			id := e.rows(`SELECT id::text FROM contacts WHERE full_name = 'Person 0'`)[0]
			e.dir.users = append(people(2), person("u-new", "New Person", "new@corp.example"))
			e.dir.users[0].JobTitle = "Chef"
			e.dir.expired = full
			got := e.roundMeanwhile(t, func() { e.host(syncengine.ContactRecord{ID: &id, Deleted: ptr(true)}) })
			require.Equal(t, syncengine.Counters{Created: 1, Unchanged: 1, Ambiguous: 1}, got.Counters)
			require.Equal(t, syncengine.Counters{Unchanged: 2, Ambiguous: 1}, e.round().Counters)
		})
	}
}

// TestARangeIsBoundedAlsoWhereLittleIsPlanned: all that lies between two rows of the plan is decided again
// where the host wrote meanwhile, with the lock of the client's contacts held.
func TestARangeIsBoundedAlsoWhereLittleIsPlanned(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const decided = 5 * syncengine.RangeSize
	e.dir.users = people(decided + 10)
	for i := range decided {
		e.dir.users[i].AccountEnabled = ptr(false)
	}
	run := e.started(syncengine.TypeAllTenants, false)
	var applied []int
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Phase == syncengine.PhaseApplying {
			applied = append(applied, p.Applied)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int{0, 0, 10}, applied[:3], "when it began, and after each of two ranges")
	require.Equal(t, syncengine.Counters{Created: 10, Filtered: decided}, e.finished(run.ID).Counters)
}

// TestAContactThatMovesWhileItsRangeWaitsIsWrittenUnderItsClientsLock has the host move a contact to
// another client, in a batch that has the lock of the client's contacts when the range comes to it: rounds
// of the other client hear of what the range writes there.
func TestAContactThatMovesWhileItsRangeWaitsIsWrittenUnderItsClientsLock(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = people(3)
	e.round()
	var id string
	require.NoError(t, e.admin.QueryRow(e.ctx(), `SELECT id FROM contacts WHERE email_norm = $1`, e.dir.users[0].Mail).Scan(&id))
	e.dir.users[0].AccountEnabled = ptr(false)
	feed, err := e.admin.Begin(e.ctx())
	require.NoError(t, err)
	defer func() { _ = feed.Rollback(context.WithoutCancel(e.ctx())) }()
	_, err = feed.Exec(e.ctx(), `LOCK TABLE feed_heads IN SHARE MODE`) // the feed is the last that a batch writes
	require.NoError(t, err)
	ended := make(chan error, 2)
	waiting := func(n int) {
		require.Eventually(t, func() bool {
			return len(ended) > 0 || n == e.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		}, time.Minute, 10*time.Millisecond)
	}
	run, begun := e.started(syncengine.TypeAllTenants, false), false
	go func() {
		_, err := e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
			if p.Phase == syncengine.PhaseApplying && !begun {
				begun = true
				go func() {
					_, err := e.batch.Do(e.ctx(), []syncengine.ContactRecord{{ID: &id, ClientID: ptr(other)}})
					ended <- err
				}()
				waiting(1)
			}
			return nil
		})
		ended <- err
	}()
	waiting(2)
	require.NoError(t, feed.Rollback(e.ctx()))
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	require.Equal(t, syncengine.Counters{Inactivated: 1, Unchanged: 2}, e.finished(run.ID).Counters)
	require.Equal(t, []string{other + " true"}, e.rows(`SELECT client_id::text, inactive FROM contacts WHERE id = $1`, id))
	require.Equal(t, 2, e.count(`SELECT revision FROM client_heads WHERE client_id = $1`, other), "by the host and by the range")
}

// TestATakeoverAndItsHolderAreDecidedAgainTogether has the host write while a round applies what it decided
// about an account that was made again: whether the new one takes the contact over decides what becomes of
// the one that is gone.
func TestATakeoverAndItsHolderAreDecidedAgainTogether(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, meanwhile []syncengine.ContactRecord
		want              syncengine.Counters
		contact           string
	}{
		"a second contact has the address": {
			meanwhile: []syncengine.ContactRecord{{ExternalID: ptr("h"), ClientID: ptr(client), FullName: "Ann Lee", Email: ptr("ann@corp.example")}},
			want:      syncengine.Counters{Unchanged: 1, Ambiguous: 1, Inactivated: 1},
			contact:   "old true inactive deleted_upstream",
		},
		"the second contact gets another address": {
			before:    []syncengine.ContactRecord{{ExternalID: ptr("h"), ClientID: ptr(client), FullName: "Ann Lee", Email: ptr("ann@corp.example")}},
			meanwhile: []syncengine.ContactRecord{{ExternalID: ptr("h"), Email: ptr("another@corp.example")}},
			want:      syncengine.Counters{Unchanged: 1, Linked: 1},
			contact:   "new false active <nil>",
		},
	} {
		for _, full := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", everybody listed: ", full), func(t *testing.T) {
				t.Parallel()
				e := setup(t)
				bob := person("bob", "Bob", "bob@corp.example")
				e.dir.users = []syncengine.User{bob, person("old", "Ann Lee", "ann@corp.example")}
				e.round()
				// It has a name of the host's: else the host's next contact of this address would be taken for it.
				e.host(syncengine.ContactRecord{ID: ptr(e.rows(`SELECT id::text FROM contacts WHERE entra_object_id = 'old'`)[0]), ExternalID: ptr("synced")})
				e.host(c.before...)
				e.dir.users = []syncengine.User{bob, person("new", "Ann Lee", "ann@corp.example")}
				e.dir.expired = full
				require.Equal(t, c.want, e.roundMeanwhile(t, func() { e.host(c.meanwhile...) }).Counters)
				require.Equal(t, []string{c.contact}, e.rows(`SELECT entra_object_id, inactive, entra_sync_status, entra_sync_status_reason FROM contacts
					WHERE full_name = 'Ann Lee' AND entra_object_id IS NOT NULL`))
			})
		}
	}
}

// interrupted is an attempt of the run's round that ends with an error after it wrote.
func (e *engine) interrupted(runID string, with error) {
	e.t.Helper()
	_, err := e.sync.Do(e.ctx(), runID, managed, func(p syncengine.Progress) error {
		if p.Phase == syncengine.PhaseClosing {
			return with
		}
		return nil
	})
	require.ErrorIs(e.t, err, with)
}

// TestRetryThatIsHeldStandsForTheLastAttempt lets the first attempt end after it
// wrote, and shows the second one another listing.
func TestRetryThatIsHeldStandsForTheLastAttempt(t *testing.T) {
	t.Parallel()
	lost := errs.New(errs.Unavailable, "lost", "Lost.")
	attempts := func(e *engine, first, second []syncengine.User) syncengine.ManagedTenant {
		run := e.started(syncengine.TypeAllTenants, false)
		e.dir.users = first
		e.interrupted(run.ID, lost)
		e.dir.users = second
		_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
		require.NoError(t, err)
		return e.finished(run.ID)
	}

	e := setup(t)
	e.dir.users = people(40)
	e.round()
	got := attempts(e, people(20), people(25))
	require.Equal(t, 15, got.Held.Count)
	require.Equal(t, 15, e.count(`SELECT count(*) FROM held_identities WHERE run_id = $1`, got.RunID), "the set is that of the digest")

	e = setup(t)
	got = attempts(e, people(3), nil)
	require.Equal(t, syncengine.HeldEmptyDirectory, got.Held.Reason)
	require.Equal(t, syncengine.Counters{Created: 3}, got.Counters, "what was written counts")
}
