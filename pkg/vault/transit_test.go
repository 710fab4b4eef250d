package vault_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/vault"
)

// TestTransitKeysOfTwoHosts: without an address of its own each key is asked for at
// its own host.
func TestTransitKeysOfTwoHosts(t *testing.T) {
	t.Parallel()
	kms := vault.Transit(vault.Settings{Auth: vault.AppRole, RoleID: "r", SecretID: "s"})
	for range 2 {
		gone := httptest.NewTLSServer(nil)
		gone.Close()
		_, err := kms(t.Context(), "hcvault://"+strings.TrimPrefix(gone.URL, "https://")+"/transit/keys/k")
		require.Equal(t, vault.ReasonUnavailable, errs.ReasonOf(err), "%v", err)
	}
}
