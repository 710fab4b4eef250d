package servicetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
)

// undo takes the decision that stands back.
func (b *bundle) undo(person string, item *reconciliationv1.QueueItem) (*reconciliationv1.QueueItem, error) {
	undone, err := b.decisions.UndoDecision(b.as(person), &reconciliationv1.UndoDecisionRequest{
		ItemId: item.GetItemId(), DecisionNumber: item.GetDecisionNumber(),
	})
	return undone.GetItem(), err
}

// decideAll resolves o-0 to a contact, makes one of o-1 and dismisses o-2.
func (b *bundle) decideAll(contacts map[string][]string) (decided map[string]*reconciliationv1.QueueItem) {
	b.t.Helper()
	items, ctx := b.open(), b.as("user-1")
	linked, err := b.decisions.ResolveToExisting(ctx, &reconciliationv1.ResolveToExistingRequest{
		ItemId: items["o-0"].GetItemId(), ContactId: contacts["o-0"][1],
	})
	require.NoError(b.t, err)
	made, err := b.decisions.ResolveToNew(ctx, &reconciliationv1.ResolveToNewRequest{ItemId: items["o-1"].GetItemId()})
	require.NoError(b.t, err)
	dismissed, err := b.decisions.DismissItem(ctx, &reconciliationv1.DismissItemRequest{ItemId: items["o-2"].GetItemId(), Reason: "left"})
	require.NoError(b.t, err)
	return map[string]*reconciliationv1.QueueItem{"o-0": linked.GetItem(), "o-1": made.GetItem(), "o-2": dismissed.GetItem()}
}

// TestDecisionsAreTakenBack: each is, once, and the question stands as before.
func TestDecisionsAreTakenBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	contacts := b.queued(3)
	before, decided := b.open(), b.decideAll(contacts)
	require.EqualValues(t, 3, b.sync().GetUnchanged())
	for object, item := range decided {
		require.EqualValues(t, 1, item.GetDecisionNumber())
		require.Equal(t, item.GetDecidedAt().AsTime().Add(24*time.Hour), item.GetUndoUntil().AsTime())
		open, err := b.undo("user-2", item)
		require.NoError(t, err, object)
		require.Equal(t, "open", open.GetStatus())
		require.Nil(t, open.DecidedBy)
		require.Nil(t, open.DecisionNumber)
		require.Nil(t, open.DecisionReason)
		require.Nil(t, open.ResolvedContactId)
		require.Equal(t, before[object].GetCandidates(), open.GetCandidates())

		again, err := b.undo("user-2", item)
		require.NoError(t, err)
		require.Equal(t, open.String(), again.String(), "the same request has the same answer")
		b.refused("nothing_to_undo", func() error {
			_, err := b.undo("user-1", item)
			return err
		})
	}
	require.Empty(t, b.strings(`SELECT entra_object_id FROM syncengine.entra_contact_links WHERE ended_at IS NULL`))
	require.Empty(t, b.strings(`SELECT id::text FROM reconciliation.outbox WHERE done_at IS NULL AND kind = 'finish_decision'`), "nothing is left to finish")
	require.EqualValues(t, 3, b.sync().GetAmbiguous(), "a sync asks about all of them again")
	require.Len(t, b.open(), 3)
	for object, item := range b.open() {
		require.Equal(t, before[object].GetItemId(), item.GetItemId(), "it is the same question")
	}

	later := b.decideAll(contacts)
	require.EqualValues(t, 3, later["o-0"].GetDecisionNumber())
	b.refused("nothing_to_undo", func() error { // a request that comes late
		_, err := b.undo("user-1", decided["o-0"])
		return err
	})
	_, err := b.undo("user-1", later["o-0"])
	require.NoError(t, err)
	require.EqualValues(t, 2, b.sync().GetUnchanged())
	pgtest.TenantTables(t, b.db, "reconciliation")
}

// TestWhatCannotBeTakenBackStands: nothing is written.
func TestWhatCannotBeTakenBackStands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	decided := b.decideAll(b.queued(3))
	foreign := tenant.With(t.Context(), tenant.Call{Tenant: "other", Actor: tenant.Actor{ID: "user-1", Type: "user"}})
	b.refused("not_found", func() error {
		_, err := b.decisions.UndoDecision(foreign, &reconciliationv1.UndoDecisionRequest{ItemId: decided["o-0"].GetItemId(), DecisionNumber: 1})
		return err
	})
	b.refused("nothing_to_undo", func() error {
		_, err := b.decisions.UndoDecision(b.as("user-1"), &reconciliationv1.UndoDecisionRequest{ItemId: decided["o-0"].GetItemId(), DecisionNumber: 2})
		return err
	})
	b.later.Store(int64(24*time.Hour + time.Minute))
	for _, item := range decided {
		b.refused("undo_expired", func() error {
			_, err := b.undo("user-1", item)
			return err
		})
	}
	b.later.Store(0)

	changed := contact("0-2", "Another name", "p0@corp.example")
	b.host(changed)
	b.directory.users[2] = user("o-2", "Person 2", "p1@corp.example") // asked about anew
	b.sync()
	require.Contains(t, b.open(), "o-2")
	for _, object := range []string{"o-0", "o-2"} {
		b.refused("decision_built_on", func() error {
			_, err := b.undo("user-1", decided[object])
			return err
		})
	}
	_, err := b.undo("user-1", decided["o-1"])
	require.NoError(t, err, "on the others nothing was built")
}
