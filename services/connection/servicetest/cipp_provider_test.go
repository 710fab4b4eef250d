package servicetest

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/cipp"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/connection/providertest"
)

// appTokens asks for a token each time.
type appTokens struct {
	identity connection.ResourceIdentity
	partner  string
}

// Token returns a token for CIPP.
func (a appTokens) Token(ctx context.Context) (connection.Secret, error) {
	token, err := a.identity.ResourceToken(ctx, connection.Credentials{
		ClientID: cippClientID, ClientSecret: cippSecret, TenantID: a.partner,
	}, "api://"+cippClientID+"/.default")
	return token.Value, err
}

// Renew returns another one.
func (a appTokens) Renew(ctx context.Context, _ connection.Secret) (connection.Secret, error) {
	return a.Token(ctx)
}

// TestCIPPIsAProvider holds the provider through CIPP against what every provider
// must do.
func TestCIPPIsAProvider(t *testing.T) {
	t.Parallel()
	b := setupCIPP(t)
	require.NoError(t, b.saveCIPP("msp", b.good()))
	_, managed := b.sim.directories()
	b.sim.admin(http.MethodPost, "changes", map[string]any{"kind": "grow", "tenant": largest(managed).TenantID, "count": 1500}, nil)
	_, managed = b.sim.directories()
	describe := func(d directory) providertest.Tenant {
		return providertest.Tenant{ID: d.TenantID, DisplayName: d.DisplayName, PrimaryDomain: d.DefaultDomain, Domains: d.Domains, Users: d.Users}
	}
	partnered := b.sim.partnered()
	var tenants []providertest.Tenant
	for _, d := range managed {
		if partnered[d.TenantID] {
			tenants = append(tenants, describe(d))
		}
	}
	refusal := func(name, reason string, class connection.Class, fault map[string]any) providertest.Refusal {
		return providertest.Refusal{Name: name, Reason: reason, Class: class, Order: func(t *testing.T, tenant string) {
			t.Helper()
			fault["tenant"], fault["route"] = tenant, "cipp.graph"
			b.sim.fault(fault)
		}}
	}
	base, err := url.Parse(b.sim.base)
	require.NoError(t, err)
	credentials := cipp.Credentials{
		BaseURL: b.sim.base + "/cipp", TenantID: b.good().GetTenantId(), ClientID: cippClientID, ClientSecret: cippSecret,
	}
	identity, err := b.settings.SignIn(b.clock.now)
	require.NoError(t, err)
	tokens := appTokens{identity, credentials.TenantID}
	const patient, hurried = time.Minute, time.Second // as long as it takes on a busy machine, and not for who is too slow
	firstByte := patient
	providertest.Run(t, providertest.Subject{
		Open: func(t *testing.T) connection.Provider {
			t.Helper()
			client, err := cipp.NewClient(cipp.Options{
				AllowedHosts: []string{base.Host}, FirstByte: firstByte,
				Wait: func(ctx context.Context, pause time.Duration) error {
					select {
					case <-time.After(pause / 50): // nothing here says when to come back
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				},
			})
			require.NoError(t, err)
			provider, err := client.Open(credentials)
			require.NoError(t, err)
			return provider
		},
		Partner: tokens, Customer: func(string) connection.TokenSource { return tokens },
		Tenants: tenants, Large: describe(largest(managed)), PageSize: 999,
		Requests: func(t *testing.T, tenant string) int {
			t.Helper()
			return b.sim.requests("cipp.graph", tenant)
		},
		Refusals: []providertest.Refusal{
			refusal("kept out", "consent_missing", connection.Customer, map[string]any{"kind": "status", "status": 403}),
			refusal("rejected", "auth_rejected", connection.Reconnect, map[string]any{"kind": "status", "status": 401}),
			refusal("not there", "upstream_error", connection.Reconnect, map[string]any{"kind": "status", "status": 404}),
			refusal("broken", "upstream_error", connection.Retry, map[string]any{"kind": "status", "status": 500}),
			refusal("busy", "upstream_error", connection.Retry, map[string]any{"kind": "status", "status": 503}),
			refusal("busy for long", "upstream_error", connection.Retry, map[string]any{"kind": "status", "status": 503, "retryAfterSeconds": 600}),
			refusal("throttled", "throttled", connection.Retry, map[string]any{"kind": "throttle", "retryAfterSeconds": 600}),
			refusal("not consented", "consent_missing", connection.Customer, map[string]any{"kind": "cipp-graph-error"}),
			refusal("blocked by policy", "conditional_access", connection.Customer, map[string]any{"kind": "cipp-graph-error", "message": "Could not get token: AADSTS53003: blocked"}),
			refusal("CIPP's own app", "refresh_failed", connection.Customer, map[string]any{"kind": "cipp-graph-error", "message": "AADSTS7000222"}),
			refusal("an error of Graph", "upstream_error", connection.Customer, map[string]any{"kind": "cipp-graph-error", "message": "Something else"}),
			refusal("put off", "upstream_error", connection.Retry, map[string]any{"kind": "cipp-queued"}),
			refusal("dropped", "unreachable", connection.Retry, map[string]any{"kind": "drop"}),
			{Name: "too slow", Reason: "unreachable", Class: connection.Retry, Order: func(t *testing.T, tenant string) {
				t.Helper()
				firstByte = hurried
				b.sim.fault(map[string]any{"kind": "slow", "delayMillis": 600_000, "tenant": tenant, "route": "cipp.graph"})
			}},
			refusal("cut off", "upstream_error", connection.Retry, map[string]any{"kind": "cut", "afterBytes": 2000}),
			refusal("truncated", "upstream_error", connection.Retry, map[string]any{"kind": "truncate", "afterBytes": 2000}),
			refusal("malformed", "upstream_error", connection.Retry, map[string]any{"kind": "malformed"}),
			refusal("a page of HTML", "upstream_error", connection.Retry, map[string]any{"kind": "html"}),
			refusal("a row that is no user", "upstream_error", connection.Retry, map[string]any{
				"kind": "body", "body": `{"Results":[{"Tenant":"x","CippStatus":"Could not connect to tenant."}],"Metadata":{}}`,
			}),
		},
		Restore: func(t *testing.T) {
			t.Helper()
			firstByte = patient
			b.sim.heal()
		},
	})
}

// TestCIPPIsAskedForOneTenantByItsID: the name of them all would answer with every
// customer's users as if they were one's.
func TestCIPPIsAskedForOneTenantByItsID(t *testing.T) {
	t.Parallel()
	b := setupCIPP(t)
	require.NoError(t, b.saveCIPP("msp", b.good()))
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	inside := b.inside("msp")
	for _, name := range []string{"AllTenants", "allTenants", "contoso.example", "common"} {
		_, err := b.listUsers(inside, &connectionv1.ListUsersRequest{EntraTenantId: name})
		require.Equal(t, "tenant_gone", errs.ReasonOf(err), name)
		require.Equal(t, "tenant_gone", b.read(name).GetProblem().GetCode(), name)
	}
	require.Zero(t, b.sim.requests("cipp.graph", ""))
}
