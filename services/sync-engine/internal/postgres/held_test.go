package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// crowd is so many users, o-0 and on.
func crowd(n int) (users []syncengine.User) {
	for i := range n {
		users = append(users, person(fmt.Sprintf("o-%d", i), fmt.Sprintf("Person %d", i), fmt.Sprintf("p%d@c.de", i)))
	}
	return users
}

// disabled are the users with those of the numbers disabled.
func disabled(users []syncengine.User, numbers ...int) []syncengine.User {
	all := append([]syncengine.User{}, users...)
	for _, n := range numbers {
		all[n].AccountEnabled = ptr(false)
	}
	return all
}

func (e *engine) decideHeld(of syncengine.ManagedTenant, decision, digest string) (syncengine.HeldDecision, *syncengine.Run, error) {
	return e.held.Do(e.ctx(), syncengine.Deciding{
		Actor: "user-9", RunID: of.RunID, ManagedTenantID: managed, Decision: decision, Digest: digest,
	})
}

// approved approves what was held and does the run that was started for it.
func (e *engine) approved(of syncengine.ManagedTenant) syncengine.ManagedTenant {
	e.t.Helper()
	return e.approvedMeanwhile(of, func() {})
}

// approvedMeanwhile acts once too, between the plan of that run and its first range.
func (e *engine) approvedMeanwhile(of syncengine.ManagedTenant, act func()) syncengine.ManagedTenant {
	e.t.Helper()
	_, run, err := e.decideHeld(of, syncengine.DecisionApprove, of.Held.Digest)
	require.NoError(e.t, err)
	require.Equal(e.t, 1, e.count(`SELECT count(*) FROM outbox WHERE id = $1 AND kind = 'run_created'`, run.ID), "the worker starts it, whatever dies now")
	e.now = e.now.Add(1)
	state, covered, err := e.begin.Do(e.ctx(), run.ID)
	require.NoError(e.t, err)
	require.Equal(e.t, syncengine.StateRunning, state)
	require.Equal(e.t, 1, covered)
	return e.syncedMeanwhile(e.t, run.ID, act)
}

func (e *engine) inactive() int {
	return e.count(`SELECT count(*) FROM contacts WHERE inactive`)
}

// heldRound is an engine whose last round was held, since the first four of twelve people were
// disabled.
func heldRound(t *testing.T) (e *engine, users []syncengine.User, held syncengine.ManagedTenant) {
	t.Helper()
	e, users = setup(t), crowd(12)
	e.dir.users = users
	e.round()
	e.dir.users = disabled(users, 0, 1, 2, 3)
	return e, users, e.round()
}

// TestApprovedInactivationsOfThoseStillGone: of the held set, those who are back stay
// active; what else changed meanwhile goes by the ordinary rules.
func TestApprovedInactivationsOfThoseStillGone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	users := crowd(12)
	e.dir.users = users
	e.round()
	e.dir.users = disabled(users[:9], 0, 1, 2) // 9, 10, 11 are gone
	held := e.round()
	require.Equal(t, syncengine.StateHeld, held.State)
	require.Equal(t, 6, held.Held.Count)
	require.Zero(t, e.inactive())
	require.Len(t, e.identities(held.RunID, syncengine.IdentityFilter{Outcome: "held"}), 6)

	_, _, err := e.decideHeld(held, syncengine.DecisionApprove, "another")
	require.Equal(t, "held_set_differs", errs.ReasonOf(err))
	_, _, err = e.held.Do(e.ctx(), syncengine.Deciding{RunID: uuid.NewString(), ManagedTenantID: managed, Decision: "approve", Digest: "x"})
	require.Equal(t, errs.NotFound, errs.KindOf(err))

	// 2 is enabled again, 9 is back, 3 is disabled now.
	e.dir.users = disabled(users[:10], 0, 1, 3)
	done := e.approved(held)
	require.Equal(t, syncengine.StateCompleted, done.State)
	require.Equal(t, 5, done.Counters.Inactivated)
	require.Equal(t, []string{"o-0", "o-1", "o-10", "o-11", "o-3"}, e.rows(`SELECT entra_object_id FROM contacts WHERE inactive ORDER BY 1`))

	first, run, err := e.decideHeld(held, syncengine.DecisionApprove, held.Held.Digest)
	require.NoError(t, err)
	require.Equal(t, first.StartedRunID, run.ID)
	require.Equal(t, done.RunID, run.ID, "the same decision again gives the same run")
	_, _, err = e.decideHeld(held, syncengine.DecisionReject, held.Held.Digest)
	require.Equal(t, "held_decided", errs.ReasonOf(err))
	_, tenants, err := e.show.Do(e.ctx(), held.RunID)
	require.NoError(t, err)
	require.Equal(t, "user-9", tenants[0].Held.Decision.DecidedBy)
	require.Equal(t, run.ID, tenants[0].Held.Decision.StartedRunID)
}

// TestAnApprovalIsForItsSetAlone: what would be held beside the set is held anew.
func TestAnApprovalIsForItsSetAlone(t *testing.T) {
	t.Parallel()
	e, users, held := heldRound(t)
	e.dir.users = disabled(users, 0, 1, 2, 3, 4, 5, 6, 7)
	again := e.approved(held)
	require.Equal(t, syncengine.StateHeld, again.State)
	require.Equal(t, 4, again.Held.Count)
	require.Equal(t, 4, again.Counters.Inactivated)
	require.Equal(t, []string{"o-0", "o-1", "o-2", "o-3"}, e.rows(`SELECT entra_object_id FROM contacts WHERE inactive ORDER BY 1`))
	require.Len(t, e.brief(again.RunID, syncengine.IdentityFilter{Outcome: "inactivated"}), 4)
	require.Len(t, e.brief(again.RunID, syncengine.IdentityFilter{Outcome: "held"}), 4)
	done := e.approved(again)
	require.Equal(t, 8, e.inactive())
	require.Equal(t, syncengine.StateCompleted, done.State)
}

// TestAGuardHoldsWhereTheHostWritesMeanwhile: what is decided again, since the host wrote between the plan
// and its first range, is held, and let through, as the plan was.
func TestAGuardHoldsWhereTheHostWritesMeanwhile(t *testing.T) {
	t.Parallel()
	e, users := setup(t), crowd(12)
	e.dir.users = users
	e.round()
	write := func() {
		e.host(syncengine.ContactRecord{ExternalID: ptr("h"), ClientID: ptr(client), FullName: "By the host", Email: ptr(fmt.Sprintf("h%d@c.de", e.seq()))})
	}
	e.dir.users = disabled(users, 0, 1, 2, 3)
	held := e.roundMeanwhile(t, write)
	require.Equal(t, syncengine.StateHeld, held.State)
	require.Equal(t, 4, held.Held.Count)
	require.Zero(t, e.inactive())
	e.dir.users = disabled(users, 0, 1, 2, 3, 4, 5, 6, 7)
	again := e.approvedMeanwhile(held, write)
	require.Equal(t, syncengine.StateHeld, again.State)
	require.Equal(t, 4, again.Held.Count)
	require.Equal(t, 4, again.Counters.Inactivated)
	require.Equal(t, []string{"o-0", "o-1", "o-2", "o-3"}, e.rows(`SELECT entra_object_id FROM contacts WHERE inactive ORDER BY 1`))
}

// TestAnApprovalIsUsedOnce: whoever approves beside another, or again, gets the one run; that
// run, tried again after it had applied, or done again once it has ended, takes nobody
// a second time; and no later round is let through by it.
func TestAnApprovalIsUsedOnce(t *testing.T) {
	t.Parallel()
	e, users, held := heldRound(t)
	require.Equal(t, 4, held.Held.Count)

	var started [4]*syncengine.Run
	var wait sync.WaitGroup
	for i := range started {
		wait.Go(func() {
			_, run, err := e.decideHeld(held, syncengine.DecisionApprove, held.Held.Digest)
			assert.NoError(t, err)
			started[i] = run
		})
	}
	wait.Wait()
	require.Equal(t, 1, e.count(`SELECT count(*) FROM entra_sync_runs WHERE approves_run_id = $1`, held.RunID))
	_, run, err := e.decideHeld(held, syncengine.DecisionApprove, held.Held.Digest)
	require.NoError(t, err)
	for _, one := range started {
		require.Equal(t, run.ID, one.ID)
	}

	// The attempt dies when it has applied, and the people are enabled before the next one.
	_, _, err = e.begin.Do(e.ctx(), run.ID)
	require.NoError(t, err)
	died := errors.New("died")
	_, err = e.sync.Do(e.ctx(), run.ID, managed, func(p syncengine.Progress) error {
		if p.Phase == syncengine.PhaseClosing {
			return died
		}
		return nil
	})
	require.ErrorIs(t, err, died)
	require.Equal(t, 4, e.inactive())
	e.dir.users = disabled(users, 0, 1)
	_, err = e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(t, err)
	require.Equal(t, 2, e.inactive())
	e.finished(run.ID)

	// All are enabled again, and disabled once more: that is held, whoever approved before.
	e.dir.users = users
	require.Equal(t, 2, e.round().Counters.Reactivated)
	e.dir.users = disabled(users, 0, 1, 2, 3)
	_, again, err := e.decideHeld(held, syncengine.DecisionApprove, held.Held.Digest)
	require.NoError(t, err)
	require.Equal(t, run.ID, again.ID)
	_, err = e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil }) // as its workflow would, once more
	require.NoError(t, err)
	require.Zero(t, e.inactive())
	later := e.round()
	require.Equal(t, syncengine.StateHeld, later.State)
	require.Equal(t, 4, later.Held.Count)
	require.Zero(t, e.inactive())
}

// TestTheSameDecisionAgainHasTheSameAnswer: to the last digit that is stored.
func TestTheSameDecisionAgainHasTheSameAnswer(t *testing.T) {
	t.Parallel()
	e, _, held := heldRound(t)
	e.now = e.now.Add(123456789 * time.Nanosecond)
	first, _, err := e.decideHeld(held, syncengine.DecisionReject, held.Held.Digest)
	require.NoError(t, err)
	e.now = e.now.Add(time.Minute)
	again, _, err := e.decideHeld(held, syncengine.DecisionReject, held.Held.Digest)
	require.NoError(t, err)
	require.Equal(t, first.DecidedAt.UTC(), again.DecidedAt.UTC())
}

// TestRejectedInactivationsWaitForUpstream: the links stay active, without being held
// again, until upstream changes the identity.
func TestRejectedInactivationsWaitForUpstream(t *testing.T) {
	t.Parallel()
	e := setup(t)
	users := crowd(10)
	e.dir.users = users
	e.round()
	e.dir.users = disabled(users[:8], 0, 1, 2) // 8 and 9 are gone
	held := e.round()
	decided, run, err := e.decideHeld(held, syncengine.DecisionReject, held.Held.Digest)
	require.NoError(t, err)
	require.Nil(t, run)
	require.Equal(t, syncengine.DecisionReject, decided.Decision)
	for range 2 {
		dry := e.do(syncengine.TypeAllTenants, true)
		next := e.round()
		require.Equal(t, dry.Counters, next.Counters)
		require.Equal(t, syncengine.StateCompleted, next.State)
		require.Zero(t, next.Counters.Inactivated)
		require.Zero(t, e.inactive())
	}
	// 0 is enabled again, 1 is deleted, 8 is back.
	e.dir.users = append(disabled(users, 2)[:1:1], disabled(users, 2)[2:9]...)
	next := e.round()
	require.Equal(t, 1, next.Counters.Inactivated)
	require.Equal(t, []string{"o-1"}, e.rows(`SELECT entra_object_id FROM contacts WHERE inactive`))
	// And now they change again.
	e.dir.users = append(disabled(users, 0, 2)[:1:1], disabled(users, 0, 2)[2:8]...)
	next = e.round()
	require.Equal(t, 2, next.Counters.Inactivated)
	require.Equal(t, []string{"o-0", "o-1", "o-8"}, e.rows(`SELECT entra_object_id FROM contacts WHERE inactive ORDER BY 1`), "2 and 9 have not changed")
}

// TestARejectionDuringARoundThatHasThemBackIsVoid: the round listed them before anybody rejected.
func TestARejectionDuringARoundThatHasThemBackIsVoid(t *testing.T) {
	t.Parallel()
	e := setup(t)
	users := crowd(10)
	e.dir.users = users
	e.round()
	e.dir.users = disabled(users[:8], 0, 1) // 8 and 9 are gone
	held := e.round()
	require.Equal(t, 4, held.Held.Count)
	e.dir.users = users
	back := e.roundMeanwhile(t, func() {
		_, _, err := e.decideHeld(held, syncengine.DecisionReject, held.Held.Digest)
		require.NoError(t, err)
	})
	require.Equal(t, syncengine.StateCompleted, back.State)
	require.Zero(t, e.count(`SELECT count(*) FROM rejected_inactivations`))
	e.dir.users = disabled(users[:9], 0)
	require.Equal(t, 2, e.round().Counters.Inactivated)
}

// TestAnApprovedEmptyListingStandsUntilSomebodyIsListed.
func TestAnApprovedEmptyListingStandsUntilSomebodyIsListed(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = crowd(5)
	e.round()
	e.dir.users = nil
	held := e.round()
	require.Equal(t, syncengine.HeldEmptyDirectory, held.Held.Reason)
	require.NotEmpty(t, held.Held.Digest)
	done := e.approved(held)
	require.Equal(t, syncengine.StateCompleted, done.State)
	require.Equal(t, 5, done.Counters.Inactivated)
	require.Equal(t, 5, e.inactive())
	require.Equal(t, syncengine.StateCompleted, e.round().State, "it is not held again")
	e.dir.users = crowd(5)
	require.Equal(t, 5, e.round().Counters.Reactivated)
	e.dir.users = nil
	require.Equal(t, syncengine.HeldEmptyDirectory, e.round().Held.Reason, "the approval ended when somebody was listed")
	require.Zero(t, e.inactive())
}

// TestAnApprovedListingThatIsNoLongerEmptyIsGuarded: approving an empty listing is
// not approving whatever comes next.
func TestAnApprovedListingThatIsNoLongerEmptyIsGuarded(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = crowd(10)
	e.round()
	e.dir.users = nil
	held := e.round()
	e.dir.users = crowd(2)
	again := e.approved(held)
	require.Equal(t, syncengine.HeldMassInactivation, again.Held.Reason)
	require.Zero(t, e.inactive())
}

// TestAShellTenantIsApprovedOnce: a directory of service accounts alone.
func TestAShellTenantIsApprovedOnce(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("o-svc", "svc-backup", "svc@c.de")}
	held := e.round()
	require.Equal(t, syncengine.HeldFilterDropsAll, held.Held.Reason)
	require.Len(t, e.identities(held.RunID, syncengine.IdentityFilter{Outcome: "filtered"}), 1, "who is filtered can be read before deciding")
	require.Equal(t, syncengine.StateCompleted, e.approved(held).State)
	require.Equal(t, syncengine.StateCompleted, e.round().State)
	dry := e.do(syncengine.TypeAllTenants, true)
	require.Equal(t, syncengine.StateCompleted, dry.State)
	_, _, err := e.decideHeld(dry, syncengine.DecisionApprove, "x")
	require.Equal(t, "not_held", errs.ReasonOf(err))
}
