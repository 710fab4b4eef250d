package servicetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
	"github.com/entrasync/entrasync/services/discovery/internal/postgres"
)

// threeTenants is a partner with three customers, of which one refuses.
func threeTenants(d *directories) {
	d.tenants = []*connectionv1.DirectoryTenant{
		{EntraTenantId: "T-1", DisplayName: "Äcme Ltd", PrimaryDomain: "Acme.com"},
		{EntraTenantId: "t-2", DisplayName: "Borealis", AccessEndsAt: timestamppb.New(began.Add(10 * 24 * time.Hour))},
		{EntraTenantId: "t-3", DisplayName: "Cobalt", PrimaryDomain: "cobalt.example"},
	}
	d.details["t-1"] = &connectionv1.GetTenantDetailsResponse{
		PrimaryDomain: "acme.com", Domains: []string{"acme.com", "ACME.co.uk", "acme.onmicrosoft.com"}, UserCount: count(17),
	}
	d.details["t-2"] = &connectionv1.GetTenantDetailsResponse{
		PrimaryDomain: "borealis.io", Domains: []string{"borealis.io"}, UserCount: count(3),
	}
	d.details["t-3"] = &connectionv1.GetTenantDetailsResponse{
		Problem: &connectionv1.Problem{Code: "consent_missing", Message: "No consent.", Remedy: "Grant it."},
	}
}

// setupThree has a partner with three tenants.
func setupThree(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	threeTenants(b.directories)
	return b
}

func TestDiscoveryStoresWhatItFinds(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	operation := uuid.NewString()
	result, err := b.discover(operation)
	require.NoError(t, err)
	require.EqualValues(t, 3, result.GetDiscoveredTenantCount())
	require.EqualValues(t, 1, result.GetUnreadableCount())
	require.Zero(t, result.GetGoneCount())
	require.Equal(t, []string{"high", "high", "high", "high"}, b.directories.urgency, "somebody waits for it")

	tenants := b.list()
	require.Len(t, tenants, 3)
	acme := tenants["t-1"]
	require.Equal(t, "Äcme Ltd", acme.GetDisplayName())
	require.Equal(t, "acme.com", acme.GetPrimaryDomain())
	require.Equal(t, []string{"acme.com", "acme.co.uk", "acme.onmicrosoft.com"}, acme.GetDomains())
	require.EqualValues(t, 17, acme.GetSourceUserCount())
	require.Equal(t, "active", acme.GetState())
	require.Equal(t, began, acme.GetDiscoveredAt().AsTime())
	require.Equal(t, began, acme.GetLastSeenAt().AsTime())
	require.Nil(t, acme.GetAccessEndsAt())
	require.Equal(t, began.Add(10*24*time.Hour), tenants["t-2"].GetAccessEndsAt().AsTime())
	cobalt := tenants["t-3"]
	require.Equal(t, "unreadable", cobalt.GetState())
	require.Equal(t, "consent_missing", cobalt.GetProblem().GetCode())
	require.Equal(t, "No consent.", cobalt.GetProblem().GetMessage())
	require.Equal(t, "Grant it.", cobalt.GetProblem().GetRemedy())
	require.Equal(t, []string{"cobalt.example"}, cobalt.GetDomains(), "the partner's own record of the domain")

	latest, err := b.public.GetDiscovery(as(t, "msp"), &discoveryv1.GetDiscoveryRequest{})
	require.NoError(t, err)
	require.Equal(t, operation, latest.GetOperationId())
	require.Equal(t, "completed", latest.GetState())
	require.EqualValues(t, 3, latest.GetDiscoveredTenantCount())
	require.Len(t, latest.GetUnreadable(), 1)
	require.Equal(t, "Grant it.", latest.GetUnreadable()[0].GetProblem().GetRemedy())

	summary, err := b.summary.GetDiscoverySummary(as(t, "msp"), &discoveryv1.GetDiscoverySummaryRequest{})
	require.NoError(t, err)
	require.Equal(t, began, summary.GetLastDiscoveryAt().AsTime())
	require.EqualValues(t, 2, summary.GetActiveCount())
	require.Len(t, summary.GetAccessEnding(), 1)
	require.Equal(t, "t-2", summary.GetAccessEnding()[0].GetEntraTenantId())
	require.Equal(t, began.Add(10*24*time.Hour), summary.GetAccessEnding()[0].GetAccessEndsAt().AsTime())
}

func TestDiscoveryThatChangesNothingWritesNoManagedTenant(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	before := b.versions()
	later := b.clock.Advance(time.Hour)
	b.mustDiscover()
	require.Equal(t, before, b.versions())
	for _, tenant := range b.list() {
		require.Equal(t, began, tenant.GetDiscoveredAt().AsTime())
		require.Equal(t, later, tenant.GetLastSeenAt().AsTime(), "seen, though not written")
	}
}

// versions are the row versions of the managed tenants and their domains.
func (b *bundle) versions() map[string]string {
	b.t.Helper()
	rows, err := b.db.Admin.Query(b.t.Context(), `
		SELECT entra_tenant_id, xmin::text FROM entra_managed_tenants
		UNION ALL SELECT d.domain || ' of ' || m.entra_tenant_id, d.xmin::text
		FROM entra_managed_tenant_domains d JOIN entra_managed_tenants m ON m.id = d.managed_tenant_id`)
	require.NoError(b.t, err)
	versions := map[string]string{}
	var row, version string
	_, err = pgx.ForEachRow(rows, []any{&row, &version}, func() error {
		versions[row] = version
		return nil
	})
	require.NoError(b.t, err)
	return versions
}

// written are the rows that are new, written again or no more, in order.
func written(before, after map[string]string) (rows []string) {
	for row, version := range after {
		if before[row] != version {
			rows = append(rows, row)
		}
	}
	for row := range before {
		if _, there := after[row]; !there {
			rows = append(rows, "no "+row)
		}
	}
	slices.Sort(rows)
	return rows
}

func TestTenantsThatDisappearAreGoneAndComeBack(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	id := b.list()["t-2"].GetManagedTenantId()
	seen := b.clock.Advance(time.Hour)
	b.mustDiscover()
	borealis := b.directories.tenants[1]
	b.directories.change(func() { b.directories.tenants = append(b.directories.tenants[:1:1], b.directories.tenants[2]) })
	b.clock.Advance(time.Hour)
	require.EqualValues(t, 1, b.mustDiscover().GetGoneCount())
	gone := b.list()["t-2"]
	require.Equal(t, "gone", gone.GetState())
	var since time.Time
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT gone_at FROM entra_managed_tenants WHERE entra_tenant_id = 't-2'`).Scan(&since))
	require.Equal(t, seen.Add(time.Hour), since.UTC())
	require.Equal(t, seen, gone.GetLastSeenAt().AsTime(), "the last discovery that had it")
	b.clock.Advance(time.Hour)
	require.Zero(t, b.mustDiscover().GetGoneCount(), "it was gone before")
	require.Equal(t, seen, b.list()["t-2"].GetLastSeenAt().AsTime())

	b.directories.change(func() { b.directories.tenants = append(b.directories.tenants, borealis) })
	back := b.clock.Advance(time.Hour)
	b.mustDiscover()
	again := b.list()["t-2"]
	require.Equal(t, "active", again.GetState())
	require.Equal(t, id, again.GetManagedTenantId())
	require.Equal(t, began, again.GetDiscoveredAt().AsTime())
	require.Equal(t, back, again.GetLastSeenAt().AsTime())
}

// TestACustomerWithSeveralGrantsIsOneManagedTenant whose access ends when the last of
// them does, and not at all where one renews itself.
func TestACustomerWithSeveralGrantsIsOneManagedTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	grant := func(id string, days int) *connectionv1.DirectoryTenant {
		granted := &connectionv1.DirectoryTenant{EntraTenantId: id, DisplayName: "Acme"}
		if days > 0 {
			granted.AccessEndsAt = timestamppb.New(began.Add(time.Duration(days) * 24 * time.Hour))
		}
		return granted
	}
	b.directories.tenants = []*connectionv1.DirectoryTenant{
		grant("t-1", 5), grant("T-1", 50), grant("t-1", 20), grant("t-2", 5), grant("t-2", 0), grant("t-2", 7),
	}
	require.EqualValues(t, 2, b.mustDiscover().GetDiscoveredTenantCount())
	tenants := b.list()
	require.Len(t, tenants, 2)
	require.Equal(t, began.Add(50*24*time.Hour), tenants["t-1"].GetAccessEndsAt().AsTime())
	require.Nil(t, tenants["t-2"].GetAccessEndsAt())
}

func TestAnUnreadableTenantKeepsWhatWasKnown(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	b.directories.change(func() {
		b.directories.refuse["t-1"] = errs.New(errs.Denied, "consent_missing", "No right.", errs.WithMetadata("class", "customer"))
	})
	require.EqualValues(t, 2, b.mustDiscover().GetUnreadableCount())
	acme := b.list()["t-1"]
	require.Equal(t, "unreadable", acme.GetState())
	require.Equal(t, "consent_missing", acme.GetProblem().GetCode())
	require.EqualValues(t, 17, acme.GetSourceUserCount())
	require.Len(t, acme.GetDomains(), 3)
}

// throttled is trouble of the moment.
var throttled = errs.New(errs.Unavailable, "throttled", "Microsoft asks us to wait.",
	errs.WithMetadata("class", "retry"), errs.WithMetadata("remedy", "Wait."))

// TestAPassingFailureFlipsNoTenant: what is known of a tenant's state is not lost
// because Microsoft is busy for a while.
func TestAPassingFailureFlipsNoTenant(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	before, versions := b.list(), b.versions()
	b.directories.change(func() {
		for _, id := range []string{"t-1", "t-2", "t-3", "t-4"} {
			b.directories.refuse[id] = throttled
		}
	})
	require.EqualValues(t, 1, b.mustDiscover().GetUnreadableCount(), "all of a handful may fail")
	require.Equal(t, versions, b.versions())
	require.Equal(t, "active", b.list()["t-1"].GetState())
	require.Equal(t, before["t-3"].GetProblem().String(), b.list()["t-3"].GetProblem().String())

	borealis := b.directories.tenants[1]
	b.directories.change(func() {
		b.directories.tenants[1] = &connectionv1.DirectoryTenant{EntraTenantId: "t-4", DisplayName: "Delta"}
	})
	require.EqualValues(t, 2, b.mustDiscover().GetUnreadableCount())
	require.Equal(t, "unreadable", b.list()["t-4"].GetState(), "nothing is known of a new one")
	require.Equal(t, "throttled", b.list()["t-4"].GetProblem().GetCode())
	require.Equal(t, "gone", b.list()["t-2"].GetState())
	b.directories.change(func() { b.directories.tenants = append(b.directories.tenants, borealis) })
	b.mustDiscover()
	require.Equal(t, "unreadable", b.list()["t-2"].GetState(), "it came back, and nothing is known of it now")
}

func TestADiscoveryThatCanReadNobodyFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 6 {
		id := fmt.Sprintf("t-%d", i)
		b.directories.tenants = append(b.directories.tenants, &connectionv1.DirectoryTenant{EntraTenantId: id, DisplayName: id})
		b.directories.refuse[id] = throttled
	}
	_, err := b.discover(uuid.NewString())
	require.Equal(t, "throttled", errs.ReasonOf(err))
	require.Empty(t, b.list())
	latest, err := b.public.GetDiscovery(as(t, "msp"), &discoveryv1.GetDiscoveryRequest{})
	require.NoError(t, err)
	require.Equal(t, "failed", latest.GetState())
	require.Equal(t, "Wait.", latest.GetError().GetRemedy())
	b.directories.change(func() { delete(b.directories.refuse, "t-0") })
	require.EqualValues(t, 5, b.mustDiscover().GetUnreadableCount(), "with one that answers, the others are their own")
}

func TestAFailedReadOfThePartnerChangesNothing(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*directories, error){
		"listing": func(d *directories, err error) { d.listing, d.tenants = err, d.tenants[:1] },
		"details": func(d *directories, err error) { d.refuse["t-2"] = err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			threeTenants(b.directories)
			b.mustDiscover()
			before := b.versions()
			b.clock.Advance(time.Hour)
			refused := errs.New(errs.Precondition, "refresh_failed", "The sign-in has expired.",
				errs.WithMetadata("class", "reconnect"), errs.WithMetadata("remedy", "Connect again."))
			b.directories.change(func() { breakIt(b.directories, refused) })
			operation := uuid.NewString()
			_, err := b.discover(operation)
			require.Equal(t, "refresh_failed", errs.ReasonOf(err))
			require.Equal(t, before, b.versions(), "nothing is gone: the listing was not complete")
			latest, err := b.public.GetDiscovery(as(t, "msp"), &discoveryv1.GetDiscoveryRequest{})
			require.NoError(t, err)
			require.Equal(t, operation, latest.GetOperationId())
			require.Equal(t, "failed", latest.GetState())
			require.Equal(t, "refresh_failed", latest.GetError().GetCode())
			require.Equal(t, "Connect again.", latest.GetError().GetRemedy())
			require.Equal(t, began, latest.GetLastDiscoveryAt().AsTime(), "the last one that completed")

			b.directories.change(func() {
				b.directories.listing = nil
				clear(b.directories.refuse)
				threeTenants(b.directories)
			})
			result, err := b.discover(operation)
			require.NoError(t, err, "the same operation again repeats what failed")
			require.EqualValues(t, 3, result.GetDiscoveredTenantCount())
		})
	}
}

// TestACustomerWithoutAnIDFailsTheDiscovery: a listing that names nobody proves nobody's
// absence.
func TestACustomerWithoutAnIDFailsTheDiscovery(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	before := b.versions()
	b.directories.change(func() {
		b.directories.tenants[1] = &connectionv1.DirectoryTenant{EntraTenantId: " ", DisplayName: "Nobody"}
	})
	_, err := b.discover(uuid.NewString())
	require.Equal(t, "upstream_error", errs.ReasonOf(err))
	require.Equal(t, before, b.versions())
}

func TestTheSameOperationAgainTellsTheSameResult(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	operation := uuid.NewString()
	first, err := b.discover(operation)
	require.NoError(t, err)
	b.directories.change(func() { b.directories.tenants = nil })
	second, err := b.discover(operation)
	require.NoError(t, err)
	require.Equal(t, first.String(), second.String())
	require.Equal(t, "active", b.list()["t-1"].GetState())
}

func TestLastDiscoveryIsKeptWhenNothingWasFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	latest, err := b.public.GetDiscovery(as(t, "msp"), &discoveryv1.GetDiscoveryRequest{})
	require.NoError(t, err)
	require.Equal(t, "none", latest.GetState())
	require.Nil(t, latest.GetLastDiscoveryAt())
	require.Zero(t, b.mustDiscover().GetDiscoveredTenantCount())
	latest, err = b.public.GetDiscovery(as(t, "msp"), &discoveryv1.GetDiscoveryRequest{})
	require.NoError(t, err)
	require.Equal(t, began, latest.GetLastDiscoveryAt().AsTime())
	require.NotNil(t, latest.DiscoveredTenantCount)
}

// streamed reads what mapping is streamed.
func (b *bundle) streamed(ctx context.Context) (tenants []discovery.ManagedTenant) {
	b.t.Helper()
	stream := discovery.NewStreamManagedTenants(postgres.NewStore(b.db.Pool("discovery")))
	err := stream.Do(ctx, nil, func(part []discovery.ManagedTenant) error {
		tenants = append(tenants, part...)
		return nil
	})
	require.NoError(b.t, err)
	return tenants
}

func TestTheSameOperationTwiceAtOnceCompletesOnce(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	operation := uuid.NewString()
	store := postgres.NewStore(b.db.Pool("discovery"))
	ctx := as(t, "msp")
	found := []discovery.Found{{ID: uuid.NewString(), EntraTenantID: "t-1", DisplayName: "Acme", NameKey: "acme"}}
	for range 2 { // both have begun before either completes
		done, err := store.Begin(ctx, operation, began)
		require.NoError(t, err)
		require.Nil(t, done)
	}
	first, err := store.Complete(ctx, operation, found, began)
	require.NoError(t, err)
	before := b.versions()
	second, err := store.Complete(ctx, operation, nil, began.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Equal(t, before, b.versions(), "the second wrote nothing")
}

// TestACompleteEmptyListingMarksAllAsGone: a listing that Microsoft completes is believed, for
// nothing hangs on the state "gone" and a tenant that appears again is as it was.
func TestACompleteEmptyListingMarksAllAsGone(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	before := b.list()
	b.directories.change(func() { b.directories.tenants = nil })
	b.clock.Advance(time.Hour)
	result := b.mustDiscover()
	require.Zero(t, result.GetDiscoveredTenantCount())
	require.EqualValues(t, 3, result.GetGoneCount())
	summary, err := b.summary.GetDiscoverySummary(as(t, "msp"), &discoveryv1.GetDiscoverySummaryRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 3, summary.GetGoneCount())
	require.Zero(t, summary.GetActiveCount())
	b.directories.change(func() { threeTenants(b.directories) })
	b.mustDiscover()
	for id, tenant := range b.list() {
		require.Equal(t, before[id].GetManagedTenantId(), tenant.GetManagedTenantId())
		require.Equal(t, before[id].GetState(), tenant.GetState())
	}
}

// TestADiscoveryIsWrittenWholeOrNotAtAll cuts the connection while a discovery waits to write.
func TestADiscoveryIsWrittenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	before := b.versions()
	b.directories.change(func() {
		b.directories.details["t-1"].UserCount = count(99)
		b.directories.tenants = b.directories.tenants[:2]
	})
	// A lock on one row stops the writing in its middle: the upsert is done, the tenant that is
	// gone is not marked yet.
	blocker, err := b.db.Admin.Begin(t.Context())
	require.NoError(t, err)
	_, err = blocker.Exec(t.Context(), "SELECT FROM entra_managed_tenants WHERE entra_tenant_id = 't-3' FOR UPDATE")
	require.NoError(t, err)
	operation, ended := uuid.NewString(), make(chan error, 1)
	go func() {
		_, err := b.discover(operation)
		ended <- err
	}()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var cut int
		err := b.db.Admin.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&cut)
		assert.NoError(c, err)
		assert.Positive(c, cut)
	}, 2*time.Minute, 10*time.Millisecond)
	err = <-ended
	require.NoError(t, blocker.Rollback(t.Context()))
	require.Error(t, err)
	require.Equal(t, before, b.versions())
	require.EqualValues(t, 17, b.list()["t-1"].GetSourceUserCount())

	result, err := b.discover(operation)
	require.NoError(t, err, "the same operation again does it")
	require.EqualValues(t, 1, result.GetGoneCount())
	require.EqualValues(t, 99, b.list()["t-1"].GetSourceUserCount())
}
