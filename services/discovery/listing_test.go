package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

// TestTheOrderOfDomainsIsNoChange: Microsoft promises none.
func TestTheOrderOfDomainsIsNoChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	threeTenants(b.directories)
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
	b := setup(t)
	threeTenants(b.directories)
	b.mustDiscover()
	before := b.versions()
	b.directories.change(func() { b.directories.tenants[1].EntraTenantId = strings.Repeat("x", 65) })
	_, err := b.discover(uuid.NewString())
	require.Equal(t, "upstream_error", errs.ReasonOf(err))
	require.Equal(t, before, b.versions())
}
