package servicetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
	"github.com/entrasync/entrasync/services/discovery/internal/postgres"
)

// TestTheOrderOfDomainsIsNoChange: Microsoft promises none.
func TestTheOrderOfDomainsIsNoChange(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	before := b.versions()
	b.directories.change(func() { slices.Reverse(b.directories.details["t-1"].Domains) })
	b.mustDiscover()
	require.Equal(t, before, b.versions())
	require.Equal(t, []string{"acme.com", "acme.co.uk", "acme.onmicrosoft.com"}, b.list()["t-1"].GetDomains(), "the primary one first")

	b.directories.change(func() {
		b.directories.details["t-1"].PrimaryDomain = ""
		b.directories.tenants[0].PrimaryDomain = ""
	})
	b.mustDiscover()
	before = b.versions()
	b.directories.change(func() { slices.Reverse(b.directories.details["t-1"].Domains) })
	b.mustDiscover()
	require.Equal(t, before, b.versions(), "also where nobody says which is the primary one")
}

// TestTextsThatAreTooLongFailNobody: a listing of thousands is not lost for one name
// that cannot be stored or indexed.
func TestTextsThatAreTooLongFailNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var varied strings.Builder // hardly to be compressed
	for range 500 {
		varied.WriteString(uuid.NewString())
	}
	b.directories.tenants = []*connectionv1.DirectoryTenant{
		{EntraTenantId: "t-1", DisplayName: "Ä " + varied.String()},
		{EntraTenantId: "t-2", DisplayName: "Fine"},
		{EntraTenantId: "t-3", DisplayName: strings.Repeat("華", 256)},
	}
	b.directories.details["t-2"] = &connectionv1.GetTenantDetailsResponse{
		PrimaryDomain: varied.String() + ".example", Domains: []string{"fine.example", varied.String() + ".example"},
	}
	b.mustDiscover()
	tenants := b.list()
	require.Len(t, tenants, 3)
	require.Equal(t, 256, len([]rune(tenants["t-1"].GetDisplayName())))
	require.True(t, strings.HasPrefix(tenants["t-1"].GetDisplayName(), "Ä "))
	require.Equal(t, strings.Repeat("華", 256), tenants["t-3"].GetDisplayName(), "Microsoft's own limit")
	require.Equal(t, []string{"fine.example"}, tenants["t-2"].GetDomains(), "no domain is longer than 253")
	require.Equal(t, "fine.example", tenants["t-2"].GetPrimaryDomain())
	before := b.versions()
	b.mustDiscover()
	require.Equal(t, before, b.versions())
}

// TestACustomerWithAnIDThatCannotBeOneFailsTheDiscovery as one without an id does, and
// as the upstream's fault: who it is cannot be told.
func TestACustomerWithAnIDThatCannotBeOneFailsTheDiscovery(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	before := b.versions()
	b.directories.change(func() { b.directories.tenants[1].EntraTenantId = strings.Repeat("x", 65) })
	_, err := b.discover(uuid.NewString())
	require.Equal(t, "upstream_error", errs.ReasonOf(err))
	require.Equal(t, before, b.versions())
}

// TestAnOlderListingThatCompletesLastTakesNothingBack: what a newer one found stays.
func TestAnOlderListingThatCompletesLastTakesNothingBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	store, ctx := postgres.NewStore(b.db.Pool("discovery")), as(t, "msp")
	begin := func(operation string, at time.Time) {
		t.Helper()
		done, err := store.Begin(ctx, operation, at)
		require.NoError(t, err)
		require.Nil(t, done)
	}
	one := discovery.Found{ID: uuid.NewString(), EntraTenantID: "t-1", DisplayName: "Acme", NameKey: "acme"}
	two := discovery.Found{ID: uuid.NewString(), EntraTenantID: "t-2", DisplayName: "New", NameKey: "new"}
	older, newer := uuid.NewString(), uuid.NewString()
	begin(older, began)
	begin(newer, began.Add(time.Minute))
	_, err := store.Complete(ctx, newer, []discovery.Found{one, two}, began.Add(2*time.Minute))
	require.NoError(t, err)
	before := b.versions()
	result, err := store.Complete(ctx, older, []discovery.Found{one}, began.Add(3*time.Minute))
	require.NoError(t, err)
	require.Equal(t, discovery.Result{Discovered: 1}, result)
	require.Equal(t, before, b.versions())
	require.Equal(t, "active", b.list()["t-2"].GetState())
	require.Equal(t, began.Add(2*time.Minute), b.list()["t-2"].GetLastSeenAt().AsTime(), "nor does it see anybody")
	summary, err := b.summary.GetDiscoverySummary(ctx, &discoveryv1.GetDiscoverySummaryRequest{})
	require.NoError(t, err)
	require.Equal(t, began.Add(2*time.Minute), summary.GetLastDiscoveryAt().AsTime())

	// One that failed and begins again lists anew: it is the newer one now.
	failed := uuid.NewString()
	begin(failed, began.Add(4*time.Minute))
	require.NoError(t, store.Fail(ctx, failed, discovery.Problem{Code: "upstream_error"}, began.Add(5*time.Minute)))
	between := uuid.NewString()
	begin(between, began.Add(6*time.Minute))
	_, err = store.Complete(ctx, between, []discovery.Found{one, two}, began.Add(7*time.Minute))
	require.NoError(t, err)
	begin(failed, began.Add(8*time.Minute))
	result, err = store.Complete(ctx, failed, []discovery.Found{one}, began.Add(9*time.Minute))
	require.NoError(t, err)
	require.EqualValues(t, 1, result.Gone)
	require.Equal(t, "gone", b.list()["t-2"].GetState())
	latest, err := b.public.GetDiscovery(ctx, &discoveryv1.GetDiscoveryRequest{})
	require.NoError(t, err)
	require.Equal(t, failed, latest.GetOperationId())
}

// TestManagedTenantsAreCountedWithoutSome: those that are gone never count, and an id
// that is nobody's takes nobody away.
func TestManagedTenantsAreCountedWithoutSome(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	ids := map[string]string{}
	for id, tenant := range b.list() {
		ids[id] = tenant.GetManagedTenantId()
	}
	b.directories.change(func() { b.directories.tenants = b.directories.tenants[1:] })
	b.mustDiscover()
	count := discovery.NewCountManagedTenants(postgres.NewStore(b.db.Pool("discovery")))
	for want, except := range map[int32][]string{
		2: {ids["t-1"], uuid.NewString(), "no id of ours"}, 1: {ids["t-2"], ids["t-2"], ids["t-1"]}, 0: {ids["t-2"], ids["t-3"]},
	} {
		got, err := count.Do(as(t, "msp"), except)
		require.NoError(t, err)
		require.Equal(t, want, got, except)
	}
	all, err := count.Do(as(t, "msp"), nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, all)
	others, err := count.Do(as(t, "other"), nil)
	require.NoError(t, err)
	require.Zero(t, others)
}
