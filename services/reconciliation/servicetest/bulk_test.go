package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
)

// previewed are the items of a preview as DecideItems takes them.
func previewed(preview *reconciliationv1.PreviewDecisionsResponse) (items []*reconciliationv1.ItemToDecide) {
	for _, p := range preview.GetItems() {
		items = append(items, &reconciliationv1.ItemToDecide{ItemId: p.GetItem().GetItemId(), Digest: p.GetDigest()})
	}
	return items
}

// preview lists what a suggestion would come to.
func (b *bundle) preview(action string) *reconciliationv1.PreviewDecisionsResponse {
	b.t.Helper()
	preview, err := b.decisions.PreviewDecisions(b.as("user-1"), &reconciliationv1.PreviewDecisionsRequest{Action: action, ClientId: clientID})
	require.NoError(b.t, err)
	require.EqualValues(b.t, len(preview.GetItems()), preview.GetTotalSize())
	return preview
}

// TestSuggestionsAreCarriedOutTogether goes through real rounds: a preview writes nothing,
// and each item has its own answer.
func TestSuggestionsAreCarriedOutTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.directory.names = "Berg"
	contacts := b.queued(4)
	twin, guest := user("o-twin", "Ida Holm", "ida@corp.example"), user("o-guest", "Ida Holm", "ida@corp.example")
	twin.AssignedLicenceCount, guest.AssignedLicenceCount, guest.UserType = ptr(int32(2)), ptr(int32(0)), ptr("Guest")
	b.directory.users = append(b.directory.users, twin, guest)
	b.sync()
	items := b.open()
	require.Equal(t, "resolve_existing", items["o-0"].GetSuggestion().GetAction())
	require.Equal(t, contacts["o-0"][0], items["o-0"].GetSuggestion().GetContactId())
	require.Equal(t, []string{"same_name", "others_differ"}, items["o-0"].GetSuggestion().GetReasons())
	require.Equal(t, "resolve_new", items["o-twin"].GetSuggestion().GetAction())
	require.Equal(t, "dismiss", items["o-guest"].GetSuggestion().GetAction())
	counts, err := b.decisions.CountQueueItems(b.as("user-1"), &reconciliationv1.CountQueueItemsRequest{})
	require.NoError(t, err)
	require.Len(t, counts.GetSuggestions(), 3)
	require.EqualValues(t, 4, counts.GetSuggestions()[0].GetOpen())
	listed, err := b.queue.ListQueueItems(b.as("user-1"), &reconciliationv1.ListQueueItemsRequest{Suggestion: "dismiss"})
	require.NoError(t, err)
	require.Len(t, listed.GetItems(), 1)

	made := b.preview("resolve_new")
	b.results("not_suggested", "user-1", &reconciliationv1.DecideItemsRequest{Action: "dismiss", Reason: "x", Items: previewed(made)})
	created, err := b.decisions.DecideItems(b.as("user-1"), &reconciliationv1.DecideItemsRequest{Action: "resolve_new", Items: previewed(made)})
	require.NoError(t, err)
	require.EqualValues(t, 1, created.GetDone())
	require.NotEmpty(t, created.GetResults()[0].GetItem().GetResolvedContactId())

	taken, err := b.decisions.ResolveToExisting(b.as("user-2"), &reconciliationv1.ResolveToExistingRequest{
		ItemId: items["o-guest"].GetItemId(), ContactId: contacts["o-3"][0],
	})
	require.NoError(t, err)
	require.Equal(t, "resolved", taken.GetItem().GetStatus(), "a suggestion binds nobody")
	before := b.dump()
	preview := b.preview("resolve_existing")
	require.Equal(t, before, b.dump(), "a preview writes nothing")
	require.Len(t, preview.GetItems(), 4)
	refused := 0
	for _, p := range preview.GetItems() {
		if p.Code != nil {
			refused++
			require.Equal(t, "contact_linked", p.GetCode())
			require.NotEmpty(t, p.GetMessage())
			require.Equal(t, "o-3", p.GetItem().GetEntraObjectId())
		}
	}
	require.Equal(t, 1, refused)

	ask := &reconciliationv1.DecideItemsRequest{Action: "resolve_existing", Items: previewed(preview)}
	b.directory.users[2] = user("o-2", "Somebody Else", "p2@corp.example") // of whom the preview said otherwise
	b.sync()
	done, err := b.decisions.DecideItems(b.as("user-1"), ask)
	require.NoError(t, err)
	require.EqualValues(t, 2, done.GetDone())
	codes := map[string]string{}
	for i, result := range done.GetResults() {
		require.Equal(t, ask.GetItems()[i].GetItemId(), result.GetItemId())
		codes[preview.GetItems()[i].GetItem().GetEntraObjectId()] = result.GetOutcome() + " " + result.GetCode()
		if result.GetOutcome() == "done" {
			require.Equal(t, "resolved", result.GetItem().GetStatus())
			require.Equal(t, "user-1", result.GetItem().GetDecidedBy())
		}
	}
	require.Equal(t, map[string]string{"o-0": "done ", "o-1": "done ", "o-2": "refused item_changed", "o-3": "refused item_changed"}, codes)
	again, err := b.decisions.DecideItems(b.as("user-1"), ask)
	require.NoError(t, err)
	require.EqualValues(t, 2, again.GetDone(), "the same request has the same answer")
	b.results("item_closed", "user-2", &reconciliationv1.DecideItemsRequest{Action: "resolve_existing", Items: ask.GetItems()[:1]})

	require.Len(t, b.open(), 2)
}

// results expects that every item is refused so, and that nothing was written.
func (b *bundle) results(code, person string, ask *reconciliationv1.DecideItemsRequest) {
	b.t.Helper()
	before := b.dump()
	answer, err := b.decisions.DecideItems(b.as(person), ask)
	require.NoError(b.t, err)
	require.Zero(b.t, answer.GetDone())
	for _, result := range answer.GetResults() {
		require.Equal(b.t, "refused", result.GetOutcome())
		require.Equal(b.t, code, result.GetCode())
	}
	require.Equal(b.t, before, b.dump(), code)
}

// TestWhatCannotBeDecidedTogetherIsRefused: nothing is written.
func TestWhatCannotBeDecidedTogetherIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.directory.names = "Berg"
	b.queued(1)
	items := previewed(b.preview("resolve_existing"))
	b.refused("invalid_argument", func() error {
		_, err := b.decisions.DecideItems(b.as("user-1"), &reconciliationv1.DecideItemsRequest{Action: "dismiss", Items: items})
		return err
	})
	b.refused("invalid_argument", func() error {
		_, err := b.decisions.DecideItems(b.as("user-1"), &reconciliationv1.DecideItemsRequest{Action: "resolve_existing", Items: append(items, items...)})
		return err
	})
	b.refused("request_invalid", func() error {
		_, err := b.decisions.DecideItems(b.as("user-1"), &reconciliationv1.DecideItemsRequest{Action: "undo", Items: items})
		return err
	})
	foreign := tenant.With(t.Context(), tenant.Call{Tenant: "other", Actor: tenant.Actor{ID: "user-1", Type: "user"}})
	before := b.dump()
	answer, err := b.decisions.DecideItems(foreign, &reconciliationv1.DecideItemsRequest{Action: "resolve_existing", Items: items})
	require.NoError(t, err)
	require.Equal(t, "not_found", answer.GetResults()[0].GetCode())
	require.Equal(t, before, b.dump())

	b.kill() // the engine is away
	before = b.dump()
	_, err = b.decisions.PreviewDecisions(b.as("user-1"), &reconciliationv1.PreviewDecisionsRequest{Action: "resolve_existing"})
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	answer, err = b.decisions.DecideItems(b.as("user-1"), &reconciliationv1.DecideItemsRequest{Action: "resolve_existing", Items: items})
	require.NoError(t, err)
	require.Equal(t, "skipped", answer.GetResults()[0].GetOutcome())
	require.Equal(t, before, b.dump(), "nothing was begun")
}
