package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// broken counts what must never be: two active decisions about one managed
// tenant, or a client whose columns are not those of its earliest active mapping.
const broken = `
	SELECT (SELECT count(*) FROM (SELECT 1 FROM entra_client_tenant_mappings WHERE deactivated_at IS NULL
	                              GROUP BY tenant_id, managed_tenant_id HAVING count(*) > 1) twice),
	       (SELECT count(*) FROM clients c
	        LEFT JOIN LATERAL (SELECT m.entra_tenant_id, m.primary_domain FROM entra_client_tenant_mappings m
	                           WHERE m.tenant_id = c.tenant_id AND m.client_id = c.id AND m.deactivated_at IS NULL
	                           ORDER BY m.decided_at, m.id LIMIT 1) first ON true
	        WHERE (c.entra_tenant_id, c.entra_primary_domain) IS DISTINCT FROM (first.entra_tenant_id, first.primary_domain))`

// TestAnySequenceOfDecisions confirms at random and compares what is stored with
// a model: the last decision about each managed tenant.
func TestAnySequenceOfDecisions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("A", "a.io", "B", "b.io", "C", "c.io", "D", "d.io")
	clients := b.add("One", "a.io", "Two", "b.io", "Three", "three.io")
	model := map[string]string{} // state and client by managed tenant
	versions := int64(0)
	states := map[string]string{"map": "mapped", "skip": "skip_for_now", "review": "needs_review", "create_new": "create_new"}
	rapid.Check(t, func(t *rapid.T) {
		var decisions []*mappingv1.MappingDecision
		changes := false
		for _, id := range tenants {
			kind := rapid.SampledFrom([]string{"", "map", "map", "skip", "review", "create_new"}).Draw(t, "kind")
			if kind == "" {
				continue
			}
			d := decide(id, kind)
			if kind == "map" {
				d.ClientId = &clients[rapid.IntRange(0, len(clients)-1).Draw(t, "client")]
			}
			decided := states[kind] + " " + d.GetClientId()
			changes = changes || model[id] != decided
			model[id] = decided
			decisions = append(decisions, d)
		}
		if len(decisions) == 0 {
			return
		}
		resp := b.mustConfirm(decisions...)
		if changes {
			versions++
		}
		require.Equal(t, versions, resp.GetVersion())
		var twice, wrong int
		require.NoError(t, b.db.Admin.QueryRow(b.t.Context(), broken).Scan(&twice, &wrong))
		require.Zero(t, twice)
		require.Zero(t, wrong)
		list, err := b.mappings.ListMappings(b.ctx(), &mappingv1.ListMappingsRequest{})
		require.NoError(t, err)
		stored := map[string]string{}
		for _, m := range list.GetMappings() {
			stored[m.GetManagedTenantId()] = fmt.Sprintf("%s %s", m.GetState(), m.GetClientId())
		}
		require.Equal(t, model, stored)
	})
}
