package servicetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/pgtest"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
)

// TestManagedTenantsAreCountedToTenThousand: whoever has more is told so, and the list costs no more
// for it.
func TestManagedTenantsAreCountedToTenThousand(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	_, err := b.db.Admin.Exec(t.Context(), `INSERT INTO entra_managed_tenants
		(tenant_id, id, entra_tenant_id, display_name, name_key, primary_domain, domains, source_user_count, state, discovered_at, last_seen_at)
		SELECT 'msp', gen_random_uuid(), n, 'Tenant ' || n, 'tenant ' || n, '', '{}', 0, 'active', now(), now() FROM generate_series(1, 10001) n`)
	require.NoError(t, err)
	for q, want := range map[string]bool{"": true, "tenant": true, "tenant 1000": false} {
		list, err := b.public.ListManagedTenants(as(t, "msp"), &discoveryv1.ListManagedTenantsRequest{Q: q, PageSize: 1})
		require.NoError(t, err)
		require.Equal(t, want, list.GetTotalSizeIsMinimum(), q)
		require.Equal(t, want, list.GetTotalSize() == 10_000, q)
	}
}

func TestListSearchesAndPages(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	for i := range 7 {
		b.directories.tenants = append(b.directories.tenants, &connectionv1.DirectoryTenant{
			EntraTenantId: fmt.Sprintf("m-%d", i), DisplayName: "Same name",
		})
	}
	b.mustDiscover()
	find := func(q, state string) (ids []string) {
		resp, err := b.public.ListManagedTenants(as(t, "msp"), &discoveryv1.ListManagedTenantsRequest{Q: q, State: state})
		require.NoError(t, err)
		for _, tenant := range resp.GetManagedTenants() {
			ids = append(ids, tenant.GetEntraTenantId())
		}
		require.EqualValues(t, len(ids), resp.GetTotalSize())
		return ids
	}
	require.Equal(t, []string{"t-1"}, find("ACME l", ""))
	require.Equal(t, []string{"t-1"}, find("acme.CO.UK", ""))
	require.Equal(t, []string{"t-2"}, find("T-2", ""))
	require.Equal(t, []string{"t-3"}, find("", "unreadable"))
	require.Empty(t, find("%", ""))

	seen := map[string]bool{}
	req := &discoveryv1.ListManagedTenantsRequest{PageSize: 3}
	for pages := 1; ; pages++ {
		resp, err := b.public.ListManagedTenants(as(t, "msp"), req)
		require.NoError(t, err)
		for _, tenant := range resp.GetManagedTenants() {
			require.False(t, seen[tenant.GetEntraTenantId()], "listed twice")
			seen[tenant.GetEntraTenantId()] = true
		}
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			require.Equal(t, 4, pages)
			break
		}
	}
	require.Len(t, seen, 10)
	for _, token := range []string{
		"e30", page.Cursor{Key: "\x00", ID: uuid.NewString()}.Token("", ""),
		page.Cursor{Key: "a", ID: "no id of ours"}.Token("", ""),
	} {
		_, err := b.public.ListManagedTenants(as(t, "msp"), &discoveryv1.ListManagedTenantsRequest{PageToken: token})
		require.Equal(t, "invalid_argument", errs.ReasonOf(err))
	}
}

// TestASearchForNothingIsRefused: of characters that count as spaces nothing is left
// to look for, and a list of everything would look like an answer.
func TestASearchForNothingIsRefused(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	for _, q := range []string{"\x01", " \x00 \u0085"} {
		_, err := b.public.ListManagedTenants(as(t, "msp"), &discoveryv1.ListManagedTenantsRequest{Q: q})
		require.Equal(t, "invalid_argument", errs.ReasonOf(err))
		e, _ := errors.AsType[*errs.Error](err)
		require.Equal(t, "q", e.Violations()[0].Field)
	}
	all, err := b.public.ListManagedTenants(as(t, "msp"), &discoveryv1.ListManagedTenantsRequest{Q: " "})
	require.NoError(t, err)
	require.Len(t, all.GetManagedTenants(), 3)
}

func TestTwoThousandTenants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 2000 {
		id := fmt.Sprintf("t-%04d", i)
		b.directories.tenants = append(b.directories.tenants, &connectionv1.DirectoryTenant{EntraTenantId: id, DisplayName: "Tenant " + id})
		b.directories.details[id] = &connectionv1.GetTenantDetailsResponse{Domains: []string{id + ".example", id + ".test"}, UserCount: count(5)}
	}
	require.EqualValues(t, 2000, b.mustDiscover().GetDiscoveredTenantCount())
	require.Greater(t, b.directories.mostRead, 1, "directories are read in parallel")
	require.LessOrEqual(t, b.directories.mostRead, 8)
	versions := b.versions()
	b.clock.Advance(time.Hour)
	require.EqualValues(t, 2000, b.mustDiscover().GetDiscoveredTenantCount())
	require.Equal(t, versions, b.versions(), "a discovery that changes nothing writes no tenant, however many there are")

	// Among so many only what changed is written: a count, a domain, and a tenant that is
	// not listed any more.
	b.directories.change(func() {
		b.directories.details["t-0003"] = &connectionv1.GetTenantDetailsResponse{Domains: []string{"t-0003.example", "t-0003.test"}, UserCount: count(6)}
		b.directories.details["t-0700"] = &connectionv1.GetTenantDetailsResponse{Domains: []string{"t-0700.example", "t-0700.new"}, UserCount: count(5)}
		b.directories.tenants = b.directories.tenants[:1999]
	})
	b.clock.Advance(time.Hour)
	require.EqualValues(t, 1, b.mustDiscover().GetGoneCount())
	require.Equal(t, []string{"no t-0700.test of t-0700", "t-0003", "t-0700", "t-0700.new of t-0700", "t-1999"}, written(versions, b.versions()))
	require.Len(t, b.streamed(as(t, "msp")), 2000)
	require.Empty(t, b.streamed(as(t, "other")), "another MSP sees nothing")
}

func TestTenantsAreKeptApart(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	pgtest.TenantTables(t, b.db, "discovery")
}

func TestAccessIsWarnedAboutThirtyDaysBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ends := began.Add(90 * 24 * time.Hour)
	b.directories.tenants = []*connectionv1.DirectoryTenant{{EntraTenantId: "t-1", DisplayName: "Acme", AccessEndsAt: timestamppb.New(ends)}}
	b.mustDiscover()
	warned := func() bool {
		summary, err := b.summary.GetDiscoverySummary(as(t, "msp"), &discoveryv1.GetDiscoverySummaryRequest{})
		require.NoError(t, err)
		return len(summary.GetAccessEnding()) == 1
	}
	require.False(t, warned())
	b.clock.Advance(60*24*time.Hour - time.Second)
	require.False(t, warned(), "thirty days and a second before")
	b.clock.Advance(time.Second)
	require.True(t, warned(), "thirty days before")
	b.clock.Advance(31 * 24 * time.Hour)
	require.True(t, warned(), "when it has ended")
	b.directories.change(func() { b.directories.tenants[0].AccessEndsAt = timestamppb.New(ends.Add(730 * 24 * time.Hour)) })
	b.mustDiscover()
	require.False(t, warned(), "renewed")
}
