package servicetest

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/tenant"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// TestDecisions goes through real rounds: what people decided stays decided.
func TestDecisions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	contacts := b.queued(3)
	items, ctx := b.open(), b.as("user-1")
	counts, err := b.decisions.CountQueueItems(ctx, &reconciliationv1.CountQueueItemsRequest{ClientId: clientID})
	require.NoError(t, err)
	require.Len(t, counts.GetCounts(), 1)
	require.EqualValues(t, 3, counts.GetCounts()[0].GetOpen())
	require.Equal(t, "multiple_email_matches", counts.GetCounts()[0].GetReason())
	counts, err = b.decisions.CountQueueItems(ctx, &reconciliationv1.CountQueueItemsRequest{ClientId: "another"})
	require.NoError(t, err)
	require.Empty(t, counts.GetCounts())

	existing := &reconciliationv1.ResolveToExistingRequest{ItemId: items["o-0"].GetItemId(), ContactId: contacts["o-0"][1]}
	linked, err := b.decisions.ResolveToExisting(ctx, existing)
	require.NoError(t, err)
	require.Equal(t, contacts["o-0"][1], linked.GetContactId())
	require.Equal(t, "resolved", linked.GetItem().GetStatus())
	require.Equal(t, "user-1", linked.GetItem().GetDecidedBy())
	require.Equal(t, contacts["o-0"][1], linked.GetItem().GetResolvedContactId())
	made, err := b.decisions.ResolveToNew(ctx, &reconciliationv1.ResolveToNewRequest{ItemId: items["o-1"].GetItemId()})
	require.NoError(t, err)
	require.NotContains(t, contacts["o-1"], made.GetContactId())
	dismissed, err := b.decisions.DismissItem(ctx, &reconciliationv1.DismissItemRequest{ItemId: items["o-2"].GetItemId(), Reason: "left"})
	require.NoError(t, err)
	require.Equal(t, "dismissed", dismissed.GetItem().GetStatus())
	require.Equal(t, "left", dismissed.GetItem().GetDecisionReason())

	require.Equal(t, []string{"Person 1|p1@corp.example|+44 1|Head of Tea|o-1@corp.example|true|active"}, b.strings(
		`SELECT concat_ws('|', full_name, email, phone, role, entra_user_principal_name, entra_account_enabled::text, entra_sync_status)
		FROM syncengine.contacts WHERE id::text = $1`, made.GetContactId()))
	require.Equal(t, []string{"contact.linked person", "contact.created person"},
		b.strings(`SELECT type || ' ' || source FROM syncengine.contact_changes WHERE source = 'person' ORDER BY seq`))
	require.Empty(t, b.strings(`SELECT id::text FROM reconciliation.outbox WHERE done_at IS NULL AND kind = 'finish_decision'`), "nothing is left to finish")

	again, err := b.decisions.ResolveToExisting(ctx, existing)
	require.NoError(t, err)
	require.Equal(t, linked.GetItem().String(), again.GetItem().String(), "the same request has the same answer")
	b.refused("item_closed", func() error {
		_, err := b.decisions.ResolveToExisting(b.as("user-2"), existing)
		var e *errs.Error
		require.ErrorAs(t, rpc.FromStatus(err), &e)
		require.Equal(t, map[string]string{
			"status": "resolved", "action": "resolve_existing", "decided_by": "user-1", "contact_id": contacts["o-0"][1],
			"decided_at": linked.GetItem().GetDecidedAt().AsTime().Format(time.RFC3339),
		}, e.Metadata(), "who was slower learns what became of it")
		return err
	})
	b.refused("item_closed", func() error {
		_, err := b.decisions.ResolveToNew(ctx, &reconciliationv1.ResolveToNewRequest{ItemId: items["o-0"].GetItemId()})
		return err
	})
	b.refused("item_closed", func() error {
		_, err := b.decisions.DismissItem(ctx, &reconciliationv1.DismissItemRequest{ItemId: items["o-2"].GetItemId(), Reason: "other"})
		return err
	})

	listed, err := b.queue.ListQueueItems(b.as("user-2"), &reconciliationv1.ListQueueItemsRequest{})
	require.NoError(t, err)
	require.Len(t, listed.GetItems(), 3)
	for _, item := range listed.GetItems() {
		read, err := b.decisions.GetQueueItem(b.as("user-2"), &reconciliationv1.GetQueueItemRequest{ItemId: item.GetItemId()})
		require.NoError(t, err)
		require.Equal(t, item.String(), read.GetItem().String(), "the list shows what a look at one does")
		if item.GetItemId() == items["o-0"].GetItemId() {
			require.Equal(t, linked.GetItem().String(), read.GetItem().String())
		}
	}
	_, err = b.decisions.GetQueueItem(ctx, &reconciliationv1.GetQueueItemRequest{ItemId: newID()})
	require.Equal(t, "not_found", errs.ReasonOf(err))

	versions := `SELECT id || ' ' || xmin FROM syncengine.contacts UNION ALL SELECT contact_id || ' ' || xmin FROM syncengine.entra_contact_links ORDER BY 1`
	before := b.strings(versions)
	for range 2 {
		require.EqualValues(t, 3, b.sync().GetUnchanged(), "the links are found, and who was dismissed is unchanged")
		require.Empty(t, b.open())
	}
	require.Equal(t, before, b.strings(versions))

	b.directory.users[2] = user("o-2", "Person 2", "p0@corp.example") // what made it ambiguous has changed
	require.EqualValues(t, 1, b.sync().GetAmbiguous())
	require.Equal(t, "multiple_email_matches", b.open()["o-2"].GetReason())
	pgtest.TenantTables(t, b.db, "reconciliation")
}

// refused expects the reason, and that nothing at all was written.
func (b *bundle) refused(reason string, call func() error) {
	b.t.Helper()
	before := b.dump()
	require.Equal(b.t, reason, errs.ReasonOf(call()))
	require.Equal(b.t, before, b.dump(), reason)
}

// TestRefusedDecisionsWriteNothing compares both schemas before and after.
func TestRefusedDecisionsWriteNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	contacts := b.queued(2)
	items := b.open()
	taken, err := b.decisions.ResolveToExisting(b.as("user-1"), &reconciliationv1.ResolveToExistingRequest{
		ItemId: items["o-1"].GetItemId(), ContactId: contacts["o-1"][0],
	})
	require.NoError(t, err)
	deleted := contact("0-2", "Other", "p0@corp.example")
	deleted.Deleted = ptr(true)
	foreigner := contact("foreign", "Person 0", "p0@corp.example")
	foreigner.ClientId = ptr(another)
	ofAnother := b.host(deleted, foreigner)[1]
	item := items["o-0"].GetItemId()
	for reason, contactID := range map[string]string{
		"not_found": newID(), "contact_linked": taken.GetContactId(), "deleted_contact": contacts["o-0"][1],
		"contact_of_other_client": ofAnother,
	} {
		b.refused(reason, func() error {
			_, err := b.decisions.ResolveToExisting(b.as("user-1"), &reconciliationv1.ResolveToExistingRequest{ItemId: item, ContactId: contactID})
			return err
		})
	}
	foreign := tenant.With(t.Context(), tenant.Call{Tenant: "other", Actor: tenant.Actor{ID: "user-1", Type: "user"}})
	theirs, err := b.contacts.BatchUpsertContacts(foreign, &syncenginev1.BatchUpsertContactsRequest{
		Contacts: []*syncenginev1.ContactRecord{contact("theirs", "Person 0", "p0@corp.example")},
	})
	require.NoError(t, err)
	require.Equal(t, "created", theirs.GetResults()[0].GetOutcome())
	b.refused("not_found", func() error {
		_, err := b.decisions.ResolveToExisting(b.as("user-1"), &reconciliationv1.ResolveToExistingRequest{
			ItemId: item, ContactId: theirs.GetResults()[0].GetId(),
		})
		return err
	})
	b.refused("not_found", func() error {
		_, err := b.decisions.ResolveToExisting(foreign, &reconciliationv1.ResolveToExistingRequest{
			ItemId: item, ContactId: theirs.GetResults()[0].GetId(),
		})
		return err
	})
	b.refused("item_closed", func() error {
		_, err := b.decisions.ResolveToExisting(b.as("user-2"), &reconciliationv1.ResolveToExistingRequest{
			ItemId: items["o-1"].GetItemId(), ContactId: contacts["o-1"][1],
		})
		return err
	})
	b.refused("not_found", func() error {
		_, err := b.decisions.ResolveToNew(foreign, &reconciliationv1.ResolveToNewRequest{ItemId: item})
		return err
	})
	b.refused("not_found", func() error {
		_, err := b.decisions.DismissItem(foreign, &reconciliationv1.DismissItemRequest{ItemId: item, Reason: "x"})
		return err
	})
	b.refused("not_found", func() error {
		_, err := b.decisions.DismissItem(b.as("user-1"), &reconciliationv1.DismissItemRequest{ItemId: "item", Reason: "x"})
		return err
	})
	require.Len(t, b.open(), 1)
}

// TestTwoPeopleAtOnce: of two that decide about one item, exactly one wins, each time.
func TestTwoPeopleAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const times = 200
	contacts := b.queued(times)
	for object, item := range b.open() {
		attempts := []func() error{
			func() error {
				_, err := b.decisions.ResolveToExisting(b.as("user-1"), &reconciliationv1.ResolveToExistingRequest{
					ItemId: item.GetItemId(), ContactId: contacts[object][0],
				})
				return err
			},
			func() error {
				_, err := b.decisions.ResolveToNew(b.as("user-2"), &reconciliationv1.ResolveToNewRequest{ItemId: item.GetItemId()})
				return err
			},
		}
		outcomes := make([]error, len(attempts))
		var running sync.WaitGroup
		for i, attempt := range attempts {
			running.Go(func() { outcomes[i] = attempt() })
		}
		running.Wait()
		won := 0
		for _, err := range outcomes {
			if err == nil {
				won++
				continue
			}
			require.Contains(t, []string{"item_closed", "decision_pending", "identity_linked"}, errs.ReasonOf(err))
		}
		require.Equal(t, 1, won, object)
	}
	b.agree(times)
}

// agree sees that so many items were resolved, and that each has exactly one link, record
// and change.
func (b *bundle) agree(resolved int) {
	b.t.Helper()
	require.Empty(b.t, b.strings(`SELECT item_id::text FROM reconciliation.queue_decisions WHERE state = 'pending'`))
	one := []string{strconv.Itoa(resolved)}
	require.Equal(b.t, one, b.strings(`
		SELECT count(*)::text
		FROM reconciliation.entra_contact_reconciliation_queue q
		JOIN reconciliation.queue_decisions d ON d.item_id = q.id AND d.state = 'done'
		JOIN syncengine.identity_resolutions r ON r.item_id = q.id AND r.attempt = d.attempt AND r.contact_id::text = d.result_contact_id
		JOIN syncengine.entra_contact_links l ON l.entra_object_id = q.entra_object_id AND l.contact_id = r.contact_id AND l.status = 'active'
		JOIN syncengine.contacts c ON c.id = l.contact_id AND c.entra_object_id = l.entra_object_id
		WHERE q.status = 'resolved'`))
	for _, table := range []string{"entra_contact_links", "identity_resolutions", "contact_changes WHERE source = 'person'"} {
		require.Equal(b.t, one, b.strings(`SELECT count(*)::text FROM syncengine.`+table), table)
	}
	require.Equal(b.t, one, b.strings(`SELECT count(*)::text FROM reconciliation.entra_contact_reconciliation_queue WHERE status = 'resolved'`))
}

// finishAll does what the worker does with the effects that are due.
func (b *bundle) finishAll() {
	b.t.Helper()
	ctx := b.as("worker")
	for {
		pulled, err := b.effects.PullEffects(ctx, &orchestrationv1.PullEffectsRequest{MaxEffects: 100})
		require.NoError(b.t, err)
		if len(pulled.GetEffects()) == 0 {
			return
		}
		for _, effect := range pulled.GetEffects() {
			if effect.GetKind() == "finish_decision" {
				attempt, err := strconv.Atoi(effect.GetArguments()["attempt"])
				require.NoError(b.t, err)
				_, err = b.finish.FinishDecision(ctx, &reconciliationv1.FinishDecisionRequest{
					ItemId: effect.GetArguments()["item_id"], Attempt: int32(attempt),
				})
				require.NoError(b.t, err)
			}
			_, err = b.effects.AckEffect(ctx, &orchestrationv1.AckEffectRequest{EffectId: effect.GetEffectId(), Outcome: "done"})
			require.NoError(b.t, err)
		}
	}
}
