package servicetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
	"github.com/entrasync/entrasync/services/discovery/internal/postgres"
)

func (d *directories) RepairConsent(_ context.Context, req *connectionv1.RepairConsentRequest) (*connectionv1.RepairConsentResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.repaired = append(d.repaired, req)
	return d.consent(req.GetEntraTenantId())
}

// granted is a partner that may let the app in, after which the directory answers.
func (d *directories) granted(tenant string) {
	d.consent = func(string) (*connectionv1.RepairConsentResponse, error) {
		d.details[tenant] = &connectionv1.GetTenantDetailsResponse{
			PrimaryDomain: "cobalt.example", Domains: []string{"cobalt.example", "cobalt.test"}, UserCount: count(21),
		}
		return &connectionv1.RepairConsentResponse{Outcome: "granted"}, nil
	}
}

func TestARepairedConsentReadsTheTenantAnew(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	before := b.list()["t-3"]
	require.Equal(t, "unreadable", before.GetState())
	b.clock.Advance(time.Hour)
	b.directories.change(func() { b.directories.granted("t-3") })
	resp, err := b.public.RepairConsent(as(t, "msp"), &discoveryv1.RepairConsentRequest{ManagedTenantId: before.GetManagedTenantId()})
	require.NoError(t, err)
	require.Equal(t, "granted", resp.GetOutcome())
	after := b.list()["t-3"]
	require.Equal(t, after.String(), resp.GetManagedTenant().String())
	require.Equal(t, "active", after.GetState())
	require.Nil(t, after.GetProblem())
	require.EqualValues(t, 21, after.GetSourceUserCount())
	require.Equal(t, []string{"cobalt.example", "cobalt.test"}, after.GetDomains())
	require.Equal(t, before.GetLastSeenAt().AsTime(), after.GetLastSeenAt().AsTime(), "no listing has seen it since")
	found, err := b.public.ListManagedTenants(as(t, "msp"), &discoveryv1.ListManagedTenantsRequest{Q: "cobalt.test"})
	require.NoError(t, err)
	require.Len(t, found.GetManagedTenants(), 1, "found by its new domain")
}

// TestARepairTakesNothingBackThatADiscoveryWrote: while the consent is repaired, a
// discovery completes that knows the tenant by another name and end of access.
func TestARepairTakesNothingBackThatADiscoveryWrote(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	before := b.list()["t-3"]
	store, ends := postgres.NewStore(b.db.Pool("discovery")), began.Add(400*24*time.Hour)
	ctx, operation := as(t, "msp"), uuid.NewString()
	b.directories.change(func() {
		b.directories.granted("t-3")
		grant := b.directories.consent
		b.directories.consent = func(id string) (*connectionv1.RepairConsentResponse, error) {
			_, err := store.Begin(ctx, operation, began)
			require.NoError(t, err)
			_, err = store.Complete(ctx, operation, []discovery.Found{{
				ID: uuid.NewString(), EntraTenantID: "t-3", DisplayName: "Renamed", NameKey: "renamed", PrimaryDomain: "renamed.example",
				AccessEndsAt: &ends,
			}}, began)
			require.NoError(t, err)
			return grant(id)
		}
	})
	resp, err := b.public.RepairConsent(ctx, &discoveryv1.RepairConsentRequest{ManagedTenantId: before.GetManagedTenantId()})
	require.NoError(t, err)
	after := resp.GetManagedTenant()
	require.Equal(t, "Renamed", after.GetDisplayName())
	require.Equal(t, "renamed.example", after.GetPrimaryDomain())
	require.Equal(t, ends, after.GetAccessEndsAt().AsTime())
	require.Equal(t, []string{"cobalt.example", "cobalt.test"}, after.GetDomains(), "what the directory itself says")
	require.EqualValues(t, 21, after.GetSourceUserCount())
	require.Equal(t, "active", after.GetState())
	found, err := b.public.ListManagedTenants(ctx, &discoveryv1.ListManagedTenantsRequest{Q: "renam"})
	require.NoError(t, err)
	require.Len(t, found.GetManagedTenants(), 1)
}

func TestAConsentThatAnAdministratorHasToGive(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	versions, ends := b.versions(), began.Add(10*time.Minute)
	b.directories.consent = func(string) (*connectionv1.RepairConsentResponse, error) {
		return &connectionv1.RepairConsentResponse{
			Outcome: "admin_consent_required", AdminConsentUrl: "https://login.example/t-3/v2.0/adminconsent", ExpiresAt: timestamppb.New(ends),
			Problem: &connectionv1.Problem{Code: "consent_missing", Message: "No right.", Remedy: "Ask an administrator."},
		}, nil
	}
	resp, err := b.public.RepairConsent(as(t, "msp"), &discoveryv1.RepairConsentRequest{
		ManagedTenantId: b.list()["t-3"].GetManagedTenantId(), ReturnTo: "https://host.example/settings",
	})
	require.NoError(t, err)
	require.Equal(t, "admin_consent_required", resp.GetOutcome())
	require.Equal(t, "https://login.example/t-3/v2.0/adminconsent", resp.GetAdminConsentUrl())
	require.Equal(t, ends, resp.GetExpiresAt().AsTime())
	require.Equal(t, "Ask an administrator.", resp.GetProblem().GetRemedy())
	require.Equal(t, "unreadable", resp.GetManagedTenant().GetState())
	require.Equal(t, versions, b.versions())
	require.Equal(t, "t-3", b.directories.repaired[0].GetEntraTenantId())
	require.Equal(t, "https://host.example/settings", b.directories.repaired[0].GetReturnTo())
}

func TestConsentsThatCannotBeRepairedChangeNothing(t *testing.T) {
	t.Parallel()
	b := setupThree(t)
	b.mustDiscover()
	gone := b.list()["t-2"].GetManagedTenantId()
	b.directories.change(func() { b.directories.tenants = append(b.directories.tenants[:1:1], b.directories.tenants[2]) })
	b.mustDiscover()
	unreadable, versions := b.list()["t-3"].GetManagedTenantId(), b.versions()
	b.directories.consent = func(string) (*connectionv1.RepairConsentResponse, error) {
		return nil, errs.New(errs.Precondition, "refresh_failed", "The sign-in has expired.", errs.WithMetadata("class", "reconnect"))
	}
	for name, c := range map[string]struct {
		tenant, id, reason string
		kind               errs.Kind
	}{
		"unknown":            {"msp", "00000000-0000-4000-8000-000000000000", "managed_tenant_not_found", errs.NotFound},
		"no id at all":       {"msp", "t-3", "managed_tenant_not_found", errs.NotFound},
		"another MSP's":      {"other", unreadable, "managed_tenant_not_found", errs.NotFound},
		"gone":               {"msp", gone, "managed_tenant_gone", errs.Precondition},
		"the partner is out": {"msp", unreadable, "refresh_failed", errs.Precondition},
	} {
		_, err := b.public.RepairConsent(as(t, "msp"), &discoveryv1.RepairConsentRequest{ManagedTenantId: c.id})
		if c.tenant != "msp" {
			_, err = b.public.RepairConsent(as(t, "other"), &discoveryv1.RepairConsentRequest{ManagedTenantId: c.id})
		}
		require.Equal(t, c.reason, errs.ReasonOf(err), name)
		require.Equal(t, c.kind, errs.KindOf(err), name)
		require.Equal(t, versions, b.versions(), name)
	}
}
