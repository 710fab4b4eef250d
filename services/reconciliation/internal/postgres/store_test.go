package postgres_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// bundle is a queue on a database of its own, as one tenant sees it.
type bundle struct {
	t        require.TestingT
	ctx      context.Context
	db       *pgtest.DB
	store    *postgres.Store
	now      time.Time
	push     *reconciliation.Push
	complete *reconciliation.Complete
	apply    *reconciliation.ApplyMapping
	list     *reconciliation.List
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, db: pgtest.Database(t, postgres.Context), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.feed("DISABLE")
	b.store = postgres.New(b.db.Pool(postgres.Context))
	b.ctx = as(t.Context(), "msp-1")
	clock := func() time.Time { return b.now }
	b.push = reconciliation.NewPush(b.store, newID, clock)
	b.complete = reconciliation.NewComplete(b.store, clock)
	b.apply = reconciliation.NewApplyMapping(b.store, clock)
	b.list = reconciliation.NewList(b.store)
	return b
}

// feed has changes of items told to the feed, or not: ENABLE or DISABLE. Its effects would stand
// among those that tests count.
func (b *bundle) feed(how string) {
	_, err := b.db.Admin.Exec(context.Background(), `ALTER TABLE entra_contact_reconciliation_queue `+how+` TRIGGER items_opened, `+how+` TRIGGER items_changed`)
	require.NoError(b.t, err)
}

func as(ctx context.Context, id tenant.ID) context.Context {
	return tenant.With(ctx, tenant.Call{Tenant: id})
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func roundOf(run string) reconciliation.Round {
	return reconciliation.Round{RunID: run, ManagedTenantID: "mt-1", EntraTenantID: "entra-1", ClientID: "client-1"}
}

func sighting(object, fingerprint string) reconciliation.Sighting {
	return reconciliation.Sighting{
		EntraObjectID: object, UserPrincipalName: object + "@example.com", DisplayName: "Anna \"Quote\" O'Neill", Email: object + "@example.com",
		Reason: reconciliation.MultipleEmailMatches, Fingerprint: fingerprint,
		Candidates: []reconciliation.Candidate{
			{ContactID: "c1", FullName: "Anna", Email: object + "@example.com"},
			{ContactID: "c2", FullName: "Änna", Email: object + "@example.com", Inactive: true, LinkedTo: "other"},
		},
	}
}

func (b *bundle) pushed(run string, sightings ...reconciliation.Sighting) reconciliation.Pushed {
	pushed, err := b.push.Do(b.ctx, roundOf(run), sightings)
	require.NoError(b.t, err)
	return pushed
}

func (b *bundle) items(status reconciliation.Status) []reconciliation.DecidedItem {
	page, err := b.list.Do(b.ctx, reconciliation.Filter{Status: status}, 200, "")
	require.NoError(b.t, err)
	return page.Items
}

// decide does what a person's decision leaves in the table.
func (b *bundle) decide(object string, status reconciliation.Status) {
	tag, err := b.db.Admin.Exec(b.ctx, `UPDATE entra_contact_reconciliation_queue
		SET status = $2, decided_by = 'user-1', decided_at = $3 WHERE entra_object_id = $1 AND status = 'open'`,
		object, string(status), b.now)
	require.NoError(b.t, err)
	require.EqualValues(b.t, 1, tag.RowsAffected())
}

// versions are the row versions of the whole table.
func (b *bundle) versions() []string {
	rows, err := b.db.Admin.Query(b.ctx, `SELECT id || ' ' || xmin FROM entra_contact_reconciliation_queue ORDER BY id`)
	require.NoError(b.t, err)
	versions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	return versions
}

func TestPushOpensAnItemOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := uuid.NewString()
	require.Equal(t, reconciliation.Pushed{Open: 2}, b.pushed(run, sighting("o2", "f"), sighting("o1", "f")))
	before := b.versions()
	require.Equal(t, reconciliation.Pushed{Open: 2}, b.pushed(run, sighting("o1", "f"), sighting("o2", "f")))
	require.Equal(t, before, b.versions(), "the same push at the same time writes no row")

	items := b.items(reconciliation.Open)
	require.Len(t, items, 2)
	want := sighting(items[0].EntraObjectID, "f")
	require.Equal(t, want, items[0].Sighting)
	require.Equal(t, "client-1", items[0].ClientID)
	require.Equal(t, "mt-1", items[0].ManagedTenantID)
	require.Equal(t, "entra-1", items[0].EntraTenantID)
	require.EqualValues(t, 7, uuid.MustParse(items[0].ID).Version())
	require.Nil(t, items[0].DecidedAt)
}

func TestANewSightingRefreshesTheOpenItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pushed(uuid.NewString(), sighting("o1", "f1"))
	first := b.items(reconciliation.Open)[0]

	b.now = b.now.Add(time.Hour)
	again := sighting("o1", "f2")
	again.Reason = reconciliation.ContactAlreadyLinked
	again.Candidates = again.Candidates[:1]
	require.Equal(t, 1, b.pushed(uuid.NewString(), again).Open)

	items := b.items("")
	require.Len(t, items, 1)
	require.Equal(t, first.ID, items[0].ID)
	require.Equal(t, again, items[0].Sighting)
	require.True(t, items[0].CreatedAt.Equal(first.CreatedAt))
	require.True(t, items[0].LastSeenAt.Equal(b.now))
}

func TestADecidedItemStaysClosedWhileTheFactsAreTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pushed(uuid.NewString(), sighting("o1", "f1"), sighting("o2", "f1"), sighting("o3", "f1"))
	b.decide("o1", reconciliation.Dismissed)
	b.decide("o2", reconciliation.Resolved)

	pushed := b.pushed(uuid.NewString(), sighting("o3", "f1"), sighting("o2", "f1"), sighting("o1", "f1"))
	require.Equal(t, reconciliation.Pushed{Open: 1, Decided: []string{"o1", "o2"}}, pushed)
	asked, err := reconciliation.NewFindDecided(b.store).Do(b.ctx, roundOf(""),
		[]reconciliation.Sighting{sighting("o3", "f1"), sighting("o2", "f1"), sighting("o1", "f2")})
	require.NoError(t, err)
	require.Equal(t, []string{"o2"}, asked, "a dry run asks the same, and writes nothing")
	require.Len(t, b.items(reconciliation.Open), 1)
	dismissed := b.items(reconciliation.Dismissed)
	require.Len(t, dismissed, 1)
	require.Equal(t, "user-1", dismissed[0].DecidedBy)

	require.Equal(t, reconciliation.Pushed{Open: 1}, b.pushed(uuid.NewString(), sighting("o1", "f2")), "other facts ask again")
	require.Equal(t, []string{"o1"}, b.pushed(uuid.NewString(), sighting("o1", "f1")).Decided)
	for _, item := range b.items(reconciliation.Open) {
		require.NotEqual(t, "o1", item.EntraObjectID, "back to the decided facts: nothing is left to ask")
	}
}

func TestADirectoryOfTheSameNameElsewhereDoesNotCount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pushed(uuid.NewString(), sighting("o1", "f1"))
	b.decide("o1", reconciliation.Dismissed)
	elsewhere := roundOf(uuid.NewString())
	elsewhere.EntraTenantID = "entra-2"
	pushed, err := b.push.Do(b.ctx, elsewhere, []reconciliation.Sighting{sighting("o1", "f1")})
	require.NoError(t, err)
	require.Equal(t, reconciliation.Pushed{Open: 1}, pushed)
}

func TestAnIdentityNamedTwiceIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.push.Do(b.ctx, roundOf(uuid.NewString()), []reconciliation.Sighting{sighting("o1", "f1"), sighting("o1", "f2")})
	require.Equal(t, "duplicate_identity", errs.ReasonOf(err))
	require.Empty(t, b.items(""))
}

func TestACompleteRoundSupersedesWhatItDidNotSee(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pushed(uuid.NewString(), sighting("o1", "f"), sighting("o2", "f"))
	run := uuid.NewString()
	b.pushed(run, sighting("o2", "f"))

	elsewhere := roundOf(run)
	elsewhere.EntraTenantID = "entra-2"
	closed, err := b.complete.Do(b.ctx, elsewhere, time.Time{})
	require.NoError(t, err)
	require.Zero(t, closed, "only items of the round's own directory")

	closed, err = b.complete.Do(b.ctx, roundOf(run), time.Time{})
	require.NoError(t, err)
	require.Equal(t, 1, closed)
	require.Equal(t, "o1", b.items(reconciliation.Superseded)[0].EntraObjectID)

	closed, err = b.complete.Do(b.ctx, roundOf(run), time.Time{})
	require.NoError(t, err)
	require.Zero(t, closed)
	require.Equal(t, 1, b.pushed(uuid.NewString(), sighting("o1", "f")).Open, "superseded is no decision")
}

func TestACompleteRoundSupersedesWhatOnlyAnEarlierAttemptSaw(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := uuid.NewString()
	b.pushed(run, sighting("o1", "f"), sighting("o2", "f"))
	b.now = b.now.Add(time.Minute)
	attempt := b.now
	b.now = b.now.Add(time.Second)
	b.pushed(run, sighting("o2", "f"))
	closed, err := b.complete.Do(b.ctx, roundOf(run), attempt)
	require.NoError(t, err)
	require.Equal(t, 1, closed)
	require.Equal(t, "o1", b.items(reconciliation.Superseded)[0].EntraObjectID)
	require.Equal(t, "o2", b.items(reconciliation.Open)[0].EntraObjectID)
}

func TestACompleteRoundLeavesDecisionsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pushed(uuid.NewString(), sighting("o1", "f"), sighting("o2", "f"))
	b.decide("o2", reconciliation.Dismissed)
	closed, err := b.complete.Do(b.ctx, roundOf(uuid.NewString()), time.Time{})
	require.NoError(t, err)
	require.Equal(t, 1, closed)
	open, err := reconciliation.NewCountOpen(b.store).Do(b.ctx)
	require.NoError(t, err)
	require.Zero(t, open)
	require.Len(t, b.items(reconciliation.Dismissed), 1, "a decision stays")
}

func TestTheListIsPagedOldestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 7 {
		if i%3 == 0 { // several share a time
			b.now = b.now.Add(time.Second)
		}
		b.pushed(uuid.NewString(), sighting(strconv.Itoa(i), "f"))
	}
	b.decide("3", reconciliation.Dismissed)
	var got []string
	for token, first := "", true; token != "" || first; first = false {
		page, err := b.list.Do(b.ctx, reconciliation.Filter{Status: reconciliation.Open}, 2, token)
		require.NoError(t, err)
		if token == "" {
			require.EqualValues(t, 6, *page.Total)
		} else {
			require.Nil(t, page.Total, "later pages cost no more than they show")
		}
		for _, item := range page.Items {
			got = append(got, item.EntraObjectID)
		}
		token = page.Next
	}
	require.Equal(t, []string{"0", "1", "2", "4", "5", "6"}, got)
}

// found are the identities whose items match.
func (b *bundle) found(filter reconciliation.Filter) (objects []string) {
	page, err := b.list.Do(b.ctx, filter, 0, "")
	require.NoError(b.t, err)
	for _, item := range page.Items {
		objects = append(objects, item.EntraObjectID)
	}
	require.Len(b.t, objects, int(*page.Total))
	return objects
}

func TestTheListAndTheCountsAreFiltered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	anna, boris := sighting("anna", "f"), sighting("boris", "f")
	anna.DisplayName, boris.DisplayName, boris.Reason = "Anna Söder-Holm", "Boris Lind", reconciliation.AliasMatch
	b.pushed(uuid.NewString(), anna)
	b.now = b.now.Add(time.Second)
	elsewhere := roundOf(uuid.NewString())
	elsewhere.ManagedTenantID, elsewhere.EntraTenantID, elsewhere.ClientID = "mt-2", "entra-2", "client-2"
	_, err := b.push.Do(b.ctx, elsewhere, []reconciliation.Sighting{boris})
	require.NoError(t, err)

	for _, of := range []struct {
		filter reconciliation.Filter
		want   []string
	}{
		{reconciliation.Filter{}, []string{"anna", "boris"}},
		{reconciliation.Filter{ClientID: "client-2"}, []string{"boris"}},
		{reconciliation.Filter{ClientID: "client-3"}, nil},
		{reconciliation.Filter{ManagedTenantID: "mt-1"}, []string{"anna"}},
		{reconciliation.Filter{Reason: reconciliation.AliasMatch}, []string{"boris"}},
		{reconciliation.Filter{Query: "holm"}, []string{"anna"}},
		{reconciliation.Filter{Query: "SODER h"}, []string{"anna"}},
		{reconciliation.Filter{Query: "boris@ex"}, []string{"boris"}},
		{reconciliation.Filter{Query: "example"}, nil},
		{reconciliation.Filter{Query: "%"}, nil},
		{reconciliation.Filter{Status: reconciliation.Dismissed}, nil},
	} {
		require.Equal(t, of.want, b.found(of.filter), "%+v", of.filter)
		counts, err := reconciliation.NewCountByReason(b.store).Do(b.ctx, of.filter)
		require.NoError(t, err)
		if of.filter.Status == "" && of.filter.Reason == "" {
			require.Len(t, counts.ByReason, len(of.want), "%+v", of.filter)
		}
	}
	first, err := b.list.Do(b.ctx, reconciliation.Filter{}, 1, "")
	require.NoError(t, err)
	_, err = b.list.Do(b.ctx, reconciliation.Filter{Query: "holm"}, 1, first.Next)
	require.Equal(t, "invalid_argument", errs.ReasonOf(err), "the token of another list")

	anna.DisplayName = "Anna Berg"
	b.now = b.now.Add(time.Second)
	b.pushed(uuid.NewString(), anna)
	require.Empty(t, b.found(reconciliation.Filter{Query: "holm"}), "what it is found by changes with it")
	require.Equal(t, []string{"anna"}, b.found(reconciliation.Filter{Query: "berg"}))
}

func TestAnItemKeepsWhatTellsIdentitiesApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	yes, none, two := true, 0, 2
	item := sighting("o1", "f")
	item.Account = reconciliation.Account{Enabled: &yes, Licences: &two, UserType: "Member"}
	item.Candidates[1].Linked = &reconciliation.LinkedIdentity{State: reconciliation.LinkDeleted, UserPrincipalName: "old@example.com"}
	item.Peers = []reconciliation.Peer{{
		EntraObjectID: "o2", UserPrincipalName: "o2@example.com", DisplayName: "Anna", Account: reconciliation.Account{Enabled: &yes, Licences: &none, UserType: "Guest"},
	}, {EntraObjectID: "o3", UserPrincipalName: "o3@example.com"}}
	b.pushed(uuid.NewString(), item)
	require.Equal(t, item, b.items(reconciliation.Open)[0].Sighting)
}

func TestAnotherTenantSeesAndTouchesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := uuid.NewString()
	b.pushed(run, sighting("o1", "f"))
	other := as(t.Context(), "msp-2")

	page, err := b.list.Do(other, reconciliation.Filter{}, 0, "")
	require.NoError(t, err)
	require.Empty(t, page.Items)
	require.Zero(t, *page.Total)
	closed, err := b.complete.Do(other, roundOf(uuid.NewString()), time.Time{})
	require.NoError(t, err)
	require.Zero(t, closed)
	closed, err = b.apply.Do(other, reconciliation.Mapped{EntraTenantID: "entra-1", Revision: 9})
	require.NoError(t, err)
	require.Zero(t, closed)
	pushed, err := b.push.Do(other, roundOf(run), []reconciliation.Sighting{sighting("o1", "f2")})
	require.NoError(t, err)
	require.Equal(t, 1, pushed.Open)
	require.Equal(t, "f", b.items(reconciliation.Open)[0].Fingerprint)

	err = pg.InTenant(other, b.db.Pool(postgres.Context), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE entra_contact_reconciliation_queue SET tenant_id = 'msp-1'`)
		return err
	})
	require.Error(t, err, "a row cannot be moved to another tenant")
	var count int
	err = pg.WithoutTenant(t.Context(), b.db.Pool(postgres.Context), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM entra_contact_reconciliation_queue`).Scan(&count)
	})
	require.NoError(t, err)
	require.Zero(t, count, "without a tenant nothing is visible")
	err = pg.InTenant(b.ctx, b.db.Pool(postgres.Context), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM entra_contact_reconciliation_queue`)
		return err
	})
	require.Error(t, err, "nothing is ever deleted")
	_, err = b.list.Do(t.Context(), reconciliation.Filter{}, 0, "")
	require.Equal(t, "tenant_missing", errs.ReasonOf(err))
}

// TestAResolvedItemIsAskedAgainOnceItsLinkHasEnded: that it was resolved counts for rounds that were under
// way, which had read the identity before. One that was dismissed stays so.
func TestAResolvedItemIsAskedAgainOnceItsLinkHasEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := []reconciliation.Sighting{sighting("o1", "f1"), sighting("o2", "f1")}
	b.pushed(uuid.NewString(), facts...)
	underWay := roundOf(uuid.NewString())
	underWay.Since = b.now
	b.now = b.now.Add(time.Minute)
	b.decide("o1", reconciliation.Dismissed)
	b.decide("o2", reconciliation.Resolved)

	pushed, err := b.push.Do(b.ctx, underWay, facts)
	require.NoError(t, err)
	require.Equal(t, reconciliation.Pushed{Decided: []string{"o1", "o2"}}, pushed)

	next := roundOf(uuid.NewString())
	next.Since = b.now.Add(time.Minute)
	asked, err := reconciliation.NewFindDecided(b.store).Do(b.ctx, next, facts)
	require.NoError(t, err)
	require.Equal(t, []string{"o1"}, asked)
	require.Empty(t, b.items(reconciliation.Open))
	pushed, err = b.push.Do(b.ctx, next, facts)
	require.NoError(t, err)
	require.Equal(t, reconciliation.Pushed{Open: 1, Decided: []string{"o1"}}, pushed)
	open := b.items(reconciliation.Open)
	require.Len(t, open, 1)
	require.Equal(t, "o2", open[0].EntraObjectID)
	require.Len(t, b.items(reconciliation.Resolved), 1, "what was decided is kept")
}

// Whatever is pushed, decided and completed in whatever order: never two open items for an
// identity, a push repeated writes nothing, and what was decided is not asked again.
func TestQueueProperties(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		rounds++
		b := *b
		b.t = rt
		b.ctx = as(t.Context(), tenant.ID(fmt.Sprintf("msp-%d", rounds)))
		decided := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			b.now = b.now.Add(time.Second)
			run := uuid.NewString()
			objects := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4, rapid.ID[string]).Draw(rt, "objects")
			var sightings []reconciliation.Sighting
			wantDecided := 0
			for _, object := range objects {
				s := sighting(object, rapid.SampledFrom([]string{"f1", "f2"}).Draw(rt, "fingerprint"))
				sightings = append(sightings, s)
				if decided[object+s.Fingerprint] {
					wantDecided++
				}
			}
			first := b.pushed(run, sightings...)
			require.Len(rt, first.Decided, wantDecided)
			before := b.versions()
			require.Equal(rt, first, b.pushed(run, sightings...))
			require.Equal(rt, before, b.versions())
			if rapid.Bool().Draw(rt, "complete") {
				_, err := b.complete.Do(b.ctx, roundOf(run), time.Time{})
				require.NoError(rt, err)
				require.Len(rt, b.items(reconciliation.Open), first.Open)
			}
			open := map[string]bool{}
			for _, item := range b.items(reconciliation.Open) {
				require.False(rt, open[item.EntraObjectID], "two open items of one identity")
				open[item.EntraObjectID] = true
				require.False(rt, decided[item.EntraObjectID+item.Fingerprint])
			}
			for _, item := range b.items(reconciliation.Open) {
				if rapid.IntRange(0, 3).Draw(rt, "decide") == 0 {
					_, err := b.db.Admin.Exec(b.ctx, `UPDATE entra_contact_reconciliation_queue
						SET status = 'resolved', decided_by = 'u', decided_at = now() WHERE id = $1`, item.ID)
					require.NoError(rt, err)
					decided[item.EntraObjectID+item.Fingerprint] = true
				}
			}
		}
	})
}

func TestConcurrentPushesLeaveOneOpenItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	results := make(chan error)
	for i := range 4 {
		sightings := []reconciliation.Sighting{sighting("o1", "f"), sighting("o2", "f"), sighting("o3", "f")}
		if i%2 == 1 {
			sightings[0], sightings[2] = sightings[2], sightings[0]
		}
		go func() {
			_, err := b.push.Do(b.ctx, roundOf(uuid.NewString()), sightings)
			results <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-results)
	}
	require.Len(t, b.items(""), 3)
}
