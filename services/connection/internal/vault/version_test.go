package vault_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	vaultclient "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/pkg/vault/vaulttest"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

func misconfigured(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, vaultclient.ReasonMisconfigured, errs.ReasonOf(err), "%v", err)
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	require.NotContains(t, err.Error(), "hunter2")
}

// TestAnEngineOfVersionOneTakesNoSecret: it keeps what it is sent for ever, in a path
// that no delete of version 2 reaches.
func TestAnEngineOfVersionOneTakesNoSecret(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *vaulttest.Server) { s.KVVersion = 1 })
	misconfigured(t, b.store.Check(t.Context()))
	_, err := b.store.PutSecret(msp(t), key, "hunter2")
	misconfigured(t, err)
	require.ErrorContains(t, err, "version 2")
	require.Empty(t, b.server.Stored())
	misconfigured(t, b.store.DeleteSecret(msp(t), key))
	_, err = b.store.GetSecret(msp(t), key, "1.0199aaaa-0000-7000-8000-000000000001")
	misconfigured(t, err)
	_, err = b.store.SecretTenants(t.Context())
	misconfigured(t, err)
}

// TestAnEngineThatIsReplacedByVersionOne while the service runs.
func TestAnEngineThatIsReplacedByVersionOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version := b.put("one")
	require.NoError(t, b.store.Check(t.Context()))
	b.server.Remount(1)
	_, err := b.get(version)
	misconfigured(t, err)
	_, err = b.store.PutSecret(msp(t), key, "hunter2")
	misconfigured(t, err)
	require.Empty(t, b.server.Stored())
	misconfigured(t, b.store.DeleteSecret(msp(t), key))
	misconfigured(t, b.store.Check(t.Context()))
}

// TestAnEngineThatIsReplacedDuringAWrite: between the look and the write nothing can
// be locked, so the value is taken back.
func TestAnEngineThatIsReplacedDuringAWrite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("one")
	b.server.Answer(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/data/") && strings.HasSuffix(r.URL.Path, key) {
			b.server.KVVersion = 1
		}
		return false
	})
	_, err := b.store.PutSecret(msp(t), key, "hunter2")
	misconfigured(t, err)
	require.Equal(t, 1, b.server.Count("PUT one"), "it was written")
	require.Empty(t, b.server.Stored(), "and is not there any more")
}

// TestAWriteWhoseAnswerIsLost removes nothing: the version may be there.
func TestAWriteWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version := b.put("one")
	b.server.Answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/data/") && strings.HasSuffix(r.URL.Path, key) {
			w.WriteHeader(http.StatusNoContent)
			return true
		}
		return false
	})
	_, err := b.store.PutSecret(msp(t), key, "two")
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	b.server.Answer(nil)
	value, err := b.get(version)
	require.NoError(t, err)
	require.Equal(t, "one", value)
}

// TestAStoreThatDoesNotNameItsEngines: what is written first, then, is no secret.
func TestAStoreThatDoesNotNameItsEngines(t *testing.T) {
	t.Parallel()
	silent := func(b *bundle) {
		b.server.Answer(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/v1/sys/") {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"errors":["preflight capability check returned 403"]}`))
			return true
		})
	}
	one := setup(t, func(s *vaulttest.Server) { s.KVVersion = 1 })
	silent(one)
	_, err := one.store.PutSecret(msp(t), key, "hunter2")
	misconfigured(t, err)
	require.Empty(t, one.server.Stored())

	two := setup(t)
	silent(two)
	two.put("one")
	require.NoError(t, two.store.Check(t.Context()))
}

// TestAnotherEngineAtTheMount is none of ours.
func TestAnotherEngineAtTheMount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.server.Answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/v1/sys/") {
			return false
		}
		_, _ = w.Write([]byte(`{"data":{"type":"cubbyhole","options":null,"path":"secret/"}}`))
		return true
	})
	misconfigured(t, b.store.Check(t.Context()))
	_, err := b.store.PutSecret(msp(t), key, connection.Secret("hunter2"))
	misconfigured(t, err)
	require.Empty(t, b.server.Paths())
}
