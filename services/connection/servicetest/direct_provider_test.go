package servicetest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/connection/providertest"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/graph"
)

// partnered are the tenants with an active relationship that the partner made
// itself.
func (s *simulator) partnered() map[string]bool {
	s.t.Helper()
	var answer struct {
		Relationships []struct {
			DisplayName string `json:"displayName"`
			Status      string `json:"status"`
			Customer    struct {
				TenantID string `json:"tenantId"`
			} `json:"customer"`
		} `json:"relationships"`
	}
	s.admin(http.MethodGet, "relationships", nil, &answer)
	found := map[string]bool{}
	for _, r := range answer.Relationships {
		if r.Status == "active" && !strings.HasPrefix(r.DisplayName, "MLT_") {
			found[r.Customer.TenantID] = true
		}
	}
	return found
}

// ofTenant asks for tokens of a tenant, whatever the context says.
type ofTenant struct {
	tokens connection.TokenSource
	id     tenant.ID
}

func (o ofTenant) in(ctx context.Context) context.Context {
	return tenant.With(ctx, tenant.Call{Tenant: o.id})
}

func (o ofTenant) Token(ctx context.Context) (connection.Secret, error) {
	return o.tokens.Token(o.in(ctx))
}

func (o ofTenant) Renew(ctx context.Context, rejected connection.Secret) (connection.Secret, error) {
	return o.tokens.Renew(o.in(ctx), rejected)
}

func (o ofTenant) Origin(ctx context.Context) (connection.Origin, error) {
	return o.tokens.(connection.OriginSource).Origin(o.in(ctx))
}

// TestDirectIsAProvider holds the Direct provider against what every provider must
// do, between a real grant and a simulated Microsoft.
func TestDirectIsAProvider(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	tokens := b.parts.Tokens
	_, managed := b.sim.directories()
	b.sim.admin(http.MethodPost, "changes", map[string]any{"kind": "grow", "tenant": largest(managed).TenantID, "count": 1500}, nil)
	_, managed = b.sim.directories()
	described := func(d directory) providertest.Tenant {
		return providertest.Tenant{ID: d.TenantID, DisplayName: d.DisplayName, PrimaryDomain: d.DefaultDomain, Domains: d.Domains, Users: d.Users}
	}
	partnered := b.sim.partnered()
	var tenants []providertest.Tenant
	for _, d := range managed {
		if partnered[d.TenantID] {
			tenants = append(tenants, described(d))
		}
	}
	refusal := func(name, reason string, class connection.Class, fault map[string]any) providertest.Refusal {
		return providertest.Refusal{Name: name, Reason: reason, Class: class, Order: func(t *testing.T, tenant string) {
			t.Helper()
			fault["tenant"] = tenant
			b.sim.fault(fault)
		}}
	}
	providertest.Run(t, providertest.Subject{
		Open: func(t *testing.T) connection.Provider {
			t.Helper()
			client, err := graph.New(graph.Options{
				Address: b.sim.base,
				// Nothing here says when to come back: the pauses are our own, and short.
				Wait: func(ctx context.Context, pause time.Duration) error {
					select {
					case <-time.After(pause / 50):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				},
			})
			require.NoError(t, err)
			return client
		},
		Partner: ofTenant{tokens.Partner(), "msp"},
		Customer: func(managedTenant string) connection.TokenSource {
			return ofTenant{tokens.Customer(managedTenant), "msp"}
		},
		Tenants: tenants, Large: described(largest(managed)), PageSize: 999, Delta: true,
		Edit: func(t *testing.T, tenant, user, jobTitle string) {
			t.Helper()
			b.sim.admin(http.MethodPost, "changes", map[string]any{
				"kind": "edit", "tenant": tenant, "user": user, "set": map[string]any{"jobTitle": jobTitle},
			}, nil)
		},
		Requests: func(t *testing.T, tenant string) int {
			t.Helper()
			return b.sim.requests("graph.users", tenant)
		},
		Refusals: []providertest.Refusal{
			refusal("denied", "consent_missing", connection.Customer, map[string]any{"kind": "status", "route": "graph.users", "status": 403}),
			refusal("rejected", "auth_rejected", connection.Customer, map[string]any{"kind": "status", "route": "graph.users", "status": 401}),
			refusal("throttled", "throttled", connection.Retry, map[string]any{"kind": "throttle", "route": "graph.users", "retryAfterSeconds": 600}),
			refusal("down", "upstream_error", connection.Retry, map[string]any{"kind": "status", "route": "graph.users", "status": 500}),
			refusal("busy for long", "upstream_error", connection.Retry, map[string]any{"kind": "status", "route": "graph.users", "status": 503, "retryAfterSeconds": 600}),
			refusal("dropped", "unreachable", connection.Retry, map[string]any{"kind": "drop", "route": "graph.users"}),
			refusal("cut off", "upstream_error", connection.Retry, map[string]any{"kind": "cut", "route": "graph.users", "afterBytes": 2000}),
			refusal("truncated", "upstream_error", connection.Retry, map[string]any{"kind": "truncate", "route": "graph.users", "afterBytes": 2000}),
			refusal("malformed", "upstream_error", connection.Retry, map[string]any{"kind": "malformed", "route": "graph.users"}),
			refusal("a page of HTML", "upstream_error", connection.Retry, map[string]any{"kind": "html", "route": "graph.users"}),
			refusal("not there", "upstream_error", connection.Bug, map[string]any{"kind": "status", "route": "graph.users", "status": 404}),
			{Name: "not consented", Reason: "consent_missing", Class: connection.Customer, Order: func(t *testing.T, tenant string) {
				t.Helper()
				b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "tenant": tenant, "aadsts": 65001})
				b.sim.admin(http.MethodPost, "access-tokens/expire", map[string]any{"tenant": tenant}, nil)
			}},
		},
		Restore: func(t *testing.T) {
			t.Helper()
			b.sim.heal()
		},
	})
}
