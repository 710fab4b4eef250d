package gateway_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
)

// TestTheStatusAsksForAttention tells discovery's findings in the status panel.
func TestTheStatusAsksForAttention(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	codes := func(summary *discoveryv1.GetDiscoverySummaryResponse) (found []string) {
		b.backends.on("/entrasync.discovery.v1.DiscoveryInternalService/GetDiscoverySummary", func(context.Context, proto.Message) (proto.Message, error) {
			return summary, nil
		})
		for _, entry := range b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").json(t)["attention"].([]any) {
			found = append(found, entry.(map[string]any)["code"].(string))
		}
		return found
	}
	require.Empty(t, codes(&discoveryv1.GetDiscoverySummaryResponse{ActiveCount: 3, GoneCount: 2}))
	require.Equal(t, []string{"all_tenants_gone"}, codes(&discoveryv1.GetDiscoverySummaryResponse{GoneCount: 2}))
	require.Equal(t, []string{"consent_missing", "access_ending"}, codes(&discoveryv1.GetDiscoverySummaryResponse{
		GoneCount:    2,
		Unreadable:   []*discoveryv1.UnreadableTenant{{ManagedTenantId: "m1", Problem: &discoveryv1.TenantProblem{Code: "consent_missing"}}},
		AccessEnding: []*discoveryv1.ManagedTenant{{ManagedTenantId: "m2", DisplayName: "Acme"}},
	}))
}

// TestASecretStoreThatFailsComesFirst among what asks for attention: nothing that is
// listed behind it can be mended before.
func TestASecretStoreThatFailsComesFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	b.backends.on("/entrasync.connection.v1.ConnectionInternalService/GetConnection", func(context.Context, proto.Message) (proto.Message, error) {
		return &connectionv1.GetConnectionResponse{
			Status: "validation_failed", LastValidationError: &connectionv1.ValidationError{Code: "refresh_failed"},
			SecretStore: &connectionv1.Problem{Code: "secret_store_unavailable", Message: "It is sealed.", Remedy: "Unseal it."},
		}, nil
	})
	attention := b.as(b.reader("t1"), "GET", "/api/integrations/entra", "").json(t)["attention"].([]any)
	require.Len(t, attention, 2)
	require.Equal(t, map[string]any{"code": "secret_store_unavailable", "message": "It is sealed.", "remedy": "Unseal it."}, attention[0])
	require.Equal(t, "refresh_failed", attention[1].(map[string]any)["code"])
}
