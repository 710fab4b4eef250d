package servicetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pgtest"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

func (b *bundle) decideOrphans(managedTenantID, decision string) (*mappingv1.DecideOrphansResponse, error) {
	b.t.Helper()
	return b.mappings.DecideOrphans(b.ctx(), &mappingv1.DecideOrphansRequest{ManagedTenantId: managedTenantID, Decision: decision})
}

// orphaned lists the managed tenants with orphans: name, state and number.
func (b *bundle) orphaned(req *mappingv1.ListMappingsRequest) (all []string) {
	b.t.Helper()
	req.Orphans = true
	resp, err := b.mappings.ListMappings(b.ctx(), req)
	require.NoError(b.t, err)
	if req.GetPageToken() == "" && req.GetPageSize() == 0 {
		require.EqualValues(b.t, len(resp.GetMappings()), resp.GetTotalSize())
	}
	for _, m := range resp.GetMappings() {
		require.Positive(b.t, m.GetOrphanedLinks())
		all = append(all, m.GetDisplayName()+" "+m.GetState())
	}
	return all
}

func TestOrphanedLinksAreListedUntilTheyAreDecided(t *testing.T) {
	t.Parallel()
	b, e := setupWorking(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io", "Cobalt", "cobalt.io")
	clients := b.add("Acme", "acme.com", "Acme Two", "acme.net")
	b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "map", clients[0]), decide(tenants[2], "map", clients[0]))
	require.EqualValues(t, 0, b.history(tenants[0])[0].GetOrphanedLinks())
	require.NotNil(t, b.history(tenants[0])[0].OrphanedLinks, "none is known to be none")
	for i, id := range tenants {
		e.link(id, clients[0], 5+i)
	}
	remapped, err := b.remap(tenants[0], clients[1])
	require.NoError(t, err)
	require.EqualValues(t, 5, remapped.GetMapping().GetOrphanedLinks())
	unmapped, err := b.unmap(tenants[1])
	require.NoError(t, err)
	require.EqualValues(t, 6, unmapped.GetMapping().GetOrphanedLinks())
	skipped, err := b.skip(tenants[2])
	require.NoError(t, err)
	require.EqualValues(t, 7, skipped.GetMapping().GetOrphanedLinks())

	all := []string{"Acme mapped", "Borealis undecided", "Cobalt skip_for_now"}
	require.Equal(t, all, b.orphaned(&mappingv1.ListMappingsRequest{}))
	require.Equal(t, all[:1], b.orphaned(&mappingv1.ListMappingsRequest{State: "mapped"}))
	require.Equal(t, all[1:2], b.orphaned(&mappingv1.ListMappingsRequest{Q: "boreal"}))
	require.Equal(t, all[1:2], b.orphaned(&mappingv1.ListMappingsRequest{ManagedTenantId: tenants[1]}), "undecided, and yet found")
	require.Empty(t, b.orphaned(&mappingv1.ListMappingsRequest{ManagedTenantId: "no id of ours"}))
	first, err := b.mappings.ListMappings(b.ctx(), &mappingv1.ListMappingsRequest{Orphans: true, PageSize: 2})
	require.NoError(t, err)
	require.EqualValues(t, 3, first.GetTotalSize())
	require.Equal(t, all[2:], b.orphaned(&mappingv1.ListMappingsRequest{PageSize: 2, PageToken: first.GetNextPageToken()}))
	list, err := b.mappings.ListMappings(b.ctx(), &mappingv1.ListMappingsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetMappings(), 2, "without the filter, decisions in force")
	history := b.history(tenants[0])
	require.EqualValues(t, 5, history[0].GetOrphanedLinks())
	require.Nil(t, history[1].OrphanedLinks, "they belong to the managed tenant, not to a decision")

	_, err = b.decideOrphans(tenants[1], "relink")
	require.Equal(t, "not_mapped", errs.ReasonOf(err))
	require.Equal(t, errs.Conflict, errs.KindOf(err))
	relinked, err := b.decideOrphans(tenants[0], "relink")
	require.NoError(t, err)
	require.Equal(t, "relink settled 5 0", orphansText(relinked))
	require.NotEmpty(t, relinked.GetRunId(), "the sync that relinks them")
	left, err := b.decideOrphans(tenants[1], "leave")
	require.NoError(t, err)
	require.Equal(t, "leave settled 0 6", orphansText(left))
	require.Nil(t, left.RunId)
	require.Equal(t, []string{"Cobalt skip_for_now"}, b.orphaned(&mappingv1.ListMappingsRequest{}))
	_, err = b.decideOrphans(tenants[0], "relink")
	require.Equal(t, "no_orphans", errs.ReasonOf(err), "it is decided")

	// Mapping back reactivates.
	_, err = b.remap(tenants[2], clients[0])
	require.NoError(t, err)
	require.Empty(t, b.orphaned(&mappingv1.ListMappingsRequest{}))

	effects := e.effects()
	for _, effect := range effects {
		if effect.GetKind() == "orphans_decided" && effect.GetArguments()["decision"] == "relink" {
			require.Equal(t, map[string]string{
				"decision_id": effect.GetEffectId(), "managed_tenant_id": tenants[0], "entra_tenant_id": b.entra(tenants[0]),
				"client_id": clients[1], "revision": "2", "decision": "relink", "decided_by": "person-1",
			}, effect.GetArguments())
		}
	}
	var kept int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM entra_orphan_decisions
		WHERE decided_by = 'person-1' AND outcome = 'done' AND settled_at > decided_at`).Scan(&kept))
	require.Equal(t, 2, kept, "who decided what, and when")
	pgtest.TenantTables(t, b.db, "mapping")
}

func orphansText(r *mappingv1.DecideOrphansResponse) string {
	return fmt.Sprintf("%s %s %d %d", r.GetDecision(), r.GetEffects(), r.GetRelinking(), r.GetLeft())
}

// orphan maps a managed tenant, gives it links and maps it elsewhere.
func (b *bundle) orphan(e *engine) (managedTenantID string, clients []string) {
	b.t.Helper()
	tenants, clients := b.discover("Acme", "acme.com"), b.add("Acme", "acme.com", "Acme Two", "acme.net")
	b.mustConfirm(decide(tenants[0], "map", clients[0]))
	e.link(tenants[0], clients[0], 4)
	_, err := b.remap(tenants[0], clients[1])
	require.NoError(b.t, err)
	b.untilSignalled(func() bool { // an answer does not wait for ever
		var open int
		require.NoError(b.t, b.db.Admin.QueryRow(b.t.Context(), `SELECT count(*) FROM outbox WHERE done_at IS NULL`).Scan(&open))
		return open == 0
	})
	return tenants[0], clients
}

// later answers effects only once it is told to, or the test is over; taken tells of
// each that it was given.
func later(t *testing.T) (answer func(*orchestrationv1.Effect) (string, map[string]string), taken chan struct{}, release chan map[string]string) {
	taken, release = make(chan struct{}, 16), make(chan map[string]string)
	return func(*orchestrationv1.Effect) (string, map[string]string) {
		taken <- struct{}{}
		var result map[string]string
		select {
		case result = <-release:
		case <-t.Context().Done(): // an assertion failed: the engine is stopped, which waits for this
			return "retry", nil
		}
		if result["error"] != "" {
			return "failed", result
		}
		return "done", result
	}, taken, release
}

func TestARepeatJoinsADecisionThatIsBeingDoneAndAnotherIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.work()
	managed, clients := b.orphan(e)
	answer, taken, release := later(t)
	e.answers(answer)
	var wait sync.WaitGroup
	results := make([]*mappingv1.DecideOrphansResponse, 3)
	failures := make([]error, len(results))
	waited := make([]time.Duration, len(results))
	for i := range results {
		wait.Go(func() {
			start := time.Now()
			results[i], failures[i] = b.decideOrphans(managed, "relink")
			waited[i] = time.Since(start)
		})
	}
	<-taken // the decision is written, and its effect leased
	before := b.contents()
	_, err := b.decideOrphans(managed, "leave")
	require.Equal(t, "decision_pending", errs.ReasonOf(err))
	require.Equal(t, errs.Conflict, errs.KindOf(err))
	require.Equal(t, before, b.contents())
	done := map[string]string{"relinking": "3", "left": "0", "orphaned_links": "2"}
	release <- done
	wait.Wait()
	b.untilSignalled(func() bool { // on a slow machine a caller came after the end, and made a decision of its own
		select {
		case <-taken:
			release <- done
		default:
		}
		var open int
		require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM entra_orphan_decisions WHERE settled_at IS NULL`).Scan(&open))
		return open == 0
	})
	for i := range results {
		require.NoError(t, failures[i])
		if results[i].GetEffects() == "pending" { // or one waited as long as a change may
			require.GreaterOrEqual(t, waited[i], 3*time.Second)
			continue
		}
		require.Equal(t, "relink settled 3 0", orphansText(results[i]))
	}
	require.EqualValues(t, 2, b.history(managed)[0].GetOrphanedLinks(), "those that came to it meanwhile")

	// Nobody answers: the decision stands, and a change of the mapping waits its turn.
	pending, err := b.decideOrphans(managed, "leave")
	require.NoError(t, err)
	require.Equal(t, "leave pending 0 0", orphansText(pending))
	remapped, err := b.remap(managed, clients[0])
	require.NoError(t, err)
	require.Equal(t, "pending", remapped.GetEffects())
	_, err = b.decideOrphans(managed, "leave")
	require.Equal(t, "decision_pending", errs.ReasonOf(err), "made on another mapping")
	release <- map[string]string{"error": "mapping_changed"}
	require.Eventually(t, func() bool {
		_, err := b.decideOrphans(managed, "leave")
		return errs.ReasonOf(err) == "effects_pending"
	}, time.Minute, 10*time.Millisecond)
	release <- map[string]string{"orphaned_links": "0"}
	require.Eventually(t, func() bool {
		_, err := b.decideOrphans(managed, "leave")
		return errs.ReasonOf(err) == "no_orphans"
	}, time.Minute, 10*time.Millisecond)
}

// TestADecisionSeesWhatTheEffectBeforeItCameTo: the effect ends while the decision is looked at, and
// with it the links that it would be about.
func TestADecisionSeesWhatTheEffectBeforeItCameTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.work()
	managed, _ := b.orphan(e)
	e.stop()
	ending, err := b.db.Admin.Begin(t.Context())
	require.NoError(t, err)
	_, err = ending.Exec(t.Context(), `LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	decided := make(chan error, 1)
	go func() {
		_, err := b.decideOrphans(managed, "leave")
		decided <- err
	}()
	require.Eventually(t, func() bool {
		var waits bool
		err := b.db.Admin.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits)
		return err == nil && waits
	}, time.Minute, 10*time.Millisecond)
	_, err = ending.Exec(t.Context(), `UPDATE entra_orphans SET links = 0`)
	require.NoError(t, err)
	require.NoError(t, ending.Commit(t.Context()))
	require.Equal(t, "no_orphans", errs.ReasonOf(<-decided))
}

func TestADecisionThatCannotBeDoneIsToldSo(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{"mapping_changed": "mapping_changed", "unknown_effect": "decision_failed"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			b, e := setupWorking(t)
			managed, _ := b.orphan(e)
			e.answers(func(*orchestrationv1.Effect) (string, map[string]string) {
				return "failed", map[string]string{"error": reason}
			})
			_, err := b.decideOrphans(managed, "leave")
			require.Equal(t, want, errs.ReasonOf(err))
			require.Equal(t, errs.Conflict, errs.KindOf(err))
			require.EqualValues(t, 4, b.history(managed)[0].GetOrphanedLinks(), "they still wait")
			e.answers(nil)
			left, err := b.decideOrphans(managed, "leave")
			require.NoError(t, err)
			require.Equal(t, "leave settled 0 4", orphansText(left))
		})
	}
}

func TestAnAnswerWithoutItsCountsIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants, clients := b.discover("Acme", "acme.com"), b.add("Acme", "acme.com", "Acme Two", "acme.net")
	b.mustConfirm(decide(tenants[0], "map", clients[0]))
	b.leaving(func(ctx context.Context) error {
		_, err := b.mappings.RemapMapping(ctx, &mappingv1.RemapMappingRequest{ManagedTenantId: tenants[0], TargetClientId: clients[1]})
		return err
	})
	effects := b.pull()
	require.Len(t, effects, 1)
	for _, count := range []string{"", "-1", "many", "99999999999"} {
		_, err := b.effects.AckEffect(b.ctx(), &orchestrationv1.AckEffectRequest{
			EffectId: effects[0].GetEffectId(), Outcome: "done", Result: map[string]string{"orphaned_links": count},
		})
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Equal(t, []string{"result.orphaned_links"}, violated(err))
	}
	b.pass(10 * time.Minute)
	require.Len(t, b.pull(), 1, "it is still to be done")
}
