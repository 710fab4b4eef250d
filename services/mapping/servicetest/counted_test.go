package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// TestListsAreCountedToTenThousand: whoever has more is told so, and no list costs more for it.
func TestListsAreCountedToTenThousand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, insert := range []string{
		`INSERT INTO clients (tenant_id, id, name, name_key, website, domain, alternative_domains, email_domains, billing_email, created_at, updated_at)
		SELECT 'msp', gen_random_uuid(), 'Client ' || n, 'client ' || n, '', '', '{}', '{}', '', now(), now() FROM generate_series(1, 10001) n`,
		`INSERT INTO entra_client_tenant_mappings
		(tenant_id, id, managed_tenant_id, entra_tenant_id, display_name, name_key, primary_domain, state, revision, version, decided_by, decided_at)
		SELECT 'msp', gen_random_uuid(), gen_random_uuid(), n, 'Tenant ' || n, 'tenant ' || n, '', 'needs_review', 1, 1, 'p', now() FROM generate_series(1, 10001) n`,
	} {
		_, err := b.db.Admin.Exec(t.Context(), insert)
		require.NoError(t, err)
	}
	for q, want := range map[string]bool{"": true, "client": true, "client 1000": false} {
		list, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: q, PageSize: 1})
		require.NoError(t, err)
		require.Equal(t, want, list.GetTotalSizeIsMinimum(), q)
		require.Equal(t, want, list.GetTotalSize() == 10_000, q)
	}
	for q, want := range map[string]bool{"": true, "tenant": true, "tenant 1000": false} {
		list, err := b.mappings.ListMappings(b.ctx(), &mappingv1.ListMappingsRequest{Q: q, PageSize: 1})
		require.NoError(t, err)
		require.Equal(t, want, list.GetTotalSizeIsMinimum(), q)
		require.Equal(t, want, list.GetTotalSize() == 10_000, q)
	}
}
