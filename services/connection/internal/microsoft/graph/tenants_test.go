package graph

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
)

// Contracts add what is nice to have: only a limit, which the rest would meet as
// well, fails the listing with them.
func TestContractsAreAnExtra(t *testing.T) {
	t.Parallel()
	for status, reason := range map[int]string{
		http.StatusOK: "", http.StatusBadRequest: "", http.StatusUnauthorized: "", http.StatusForbidden: "",
		http.StatusNotFound: "", http.StatusInternalServerError: "", http.StatusTooManyRequests: connection.ReasonThrottled,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v1.0/contracts" {
					w.WriteHeader(status)
					_, _ = w.Write([]byte("no page"))
					return
				}
				_, _ = fmt.Fprintf(w, `{"value":[{"customer":{"tenantId":%q,"displayName":"One"},"autoExtendDuration":"P180D"}]}`, microsofttest.CustomerID)
			}))
			var found []connection.ManagedTenant
			err := c.ListManagedTenants(t.Context(), microsofttest.Tokens{App: "app", Directory: "partner"}, connection.Normal, func(tenants []connection.ManagedTenant) error {
				found = append(found, tenants...)
				return nil
			})
			require.Equal(t, reason, errs.ReasonOf(err), status)
			if reason == "" {
				require.Equal(t, []connection.ManagedTenant{{EntraTenantID: microsofttest.CustomerID, DisplayName: "One"}}, found)
			}
		})
	}
}
