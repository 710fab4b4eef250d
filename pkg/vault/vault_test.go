package vault_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/clocktest"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/pkg/vault/vaulttest"
)

type bundle struct {
	t        *testing.T
	clock    *clocktest.Clock
	server   *vaulttest.Server
	settings vault.Settings
	client   *vault.Client
}

func setup(t *testing.T, adjust ...func(*vaulttest.Server, *vault.Settings)) *bundle {
	t.Helper()
	b := &bundle{t: t, clock: clocktest.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	b.server = vaulttest.New(t, b.clock.Now)
	b.settings = vault.Settings{Address: b.server.URL, Auth: vault.AppRole, RoleID: b.server.RoleID, SecretID: "secret-id-of-the-tests"}
	for _, change := range adjust {
		change(b.server, &b.settings)
	}
	var err error
	b.client, err = vault.Open(b.settings, b.clock.Now)
	require.NoError(t, err)
	return b
}

// write stores something; it is how the tests use the session.
func (b *bundle) write() error {
	return b.client.Write(b.t.Context(), "secret/data/x", map[string]any{"data": map[string]string{"a": "b"}}, nil)
}

func TestTokensAreRenewedInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Zero(t, b.server.Count("login"), "nothing is asked before it is needed")
	for range 3 {
		require.NoError(t, b.write())
	}
	require.Equal(t, 1, b.server.Count("login"))
	b.clock.Advance(39 * time.Minute)
	require.NoError(t, b.write())
	require.Zero(t, b.server.Count("renew"))
	b.clock.Advance(2 * time.Minute) // two thirds of the hour are over
	require.NoError(t, b.write())
	require.NoError(t, b.write())
	require.Equal(t, 1, b.server.Count("renew"))
	for range 60 { // far beyond the first lease, and beyond the day that the token may live
		b.clock.Advance(45 * time.Minute)
		require.NoError(t, b.write())
	}
	require.Equal(t, 2, b.server.Count("login"), "one more when the token neared its maximum")
	require.Zero(t, b.server.Count("denied"), "no request was made with a dead token")
}

func TestARefusedRenewalIsANewLogin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.write())
	b.server.RefuseRenewal(true)
	b.clock.Advance(41 * time.Minute)
	require.NoError(t, b.write())
	require.Equal(t, 2, b.server.Count("login"))
	// The new token says that it cannot be renewed: it is used to its end.
	b.clock.Advance(55 * time.Minute)
	require.NoError(t, b.write())
	require.Equal(t, 1, b.server.Count("renew"))
	b.clock.Advance(5 * time.Minute)
	require.NoError(t, b.write())
	require.Equal(t, 3, b.server.Count("login"))
	require.Zero(t, b.server.Count("denied"))
}

func TestATokenThatDiedIsReplacedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.write())
	b.clock.Advance(time.Minute)
	b.server.Revoke()
	require.NoError(t, b.write(), "after a fresh login")
	require.Equal(t, 2, b.server.Count("login"))
	b.clock.Advance(time.Minute)
	b.server.Deny(true)
	err := b.write()
	require.Equal(t, vault.ReasonDenied, errs.ReasonOf(err))
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	require.Equal(t, 3, b.server.Count("login"), "one fresh login, and no more")
	require.Error(t, b.write())
	require.Equal(t, 3, b.server.Count("login"), "a policy that denies does not make tokens")
}

func TestManyCallersLogInOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wg sync.WaitGroup
	failures := make(chan error, 20)
	for i := range 20 {
		wg.Go(func() {
			failures <- b.client.Write(t.Context(), fmt.Sprintf("secret/data/%d", i), map[string]any{"data": map[string]string{}}, nil)
		})
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.Equal(t, 1, b.server.Count("login"))
}

func TestKubernetesLogin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("jwt-of-the-pod\n"), 0o600))
	b := setup(t, func(_ *vaulttest.Server, s *vault.Settings) {
		*s = vault.Settings{Address: s.Address, Auth: vault.Kubernetes, Role: "entrasync", TokenFile: file}
	})
	require.NoError(t, b.write())
	// The mounted token rotates; the next login reads it anew.
	require.NoError(t, os.WriteFile(file, []byte("another"), 0o600))
	b.clock.Advance(time.Hour)
	err := b.write()
	require.Equal(t, vault.ReasonDenied, errs.ReasonOf(err))
	require.NotContains(t, err.Error(), "another")
	require.NoError(t, os.Remove(file))
	require.Equal(t, errs.Unavailable, errs.KindOf(b.write()))
}

func TestNamespacesAndOwnCA(t *testing.T) {
	t.Parallel()
	clock := clocktest.At(time.Now())
	server, ca := vaulttest.NewTLS(t, clock.Now)
	server.Namespace = "team/psa"
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, ca, 0o600))
	settings := vault.Settings{
		Address: server.URL, Auth: vault.AppRole, RoleID: server.RoleID, SecretID: "secret-id-of-the-tests", CAFile: file, Namespace: "team/psa",
	}
	write := func(s vault.Settings) error {
		client, err := vault.Open(s, clock.Now)
		require.NoError(t, err)
		return client.Write(t.Context(), "secret/data/x", map[string]any{"data": map[string]string{}}, nil)
	}
	require.NoError(t, write(settings))
	without := settings
	without.Namespace = ""
	require.Equal(t, errs.Unavailable, errs.KindOf(write(without)))
	untrusted := settings
	untrusted.CAFile = ""
	require.Equal(t, vault.ReasonUnavailable, errs.ReasonOf(write(untrusted)), "a certificate of nobody")
}

func TestAnswersAreClassified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.write())
	b.server.Seal()
	require.Equal(t, errs.Unavailable, errs.KindOf(b.write()))
	b.server.Unseal()
	b.server.Standby()
	require.Equal(t, errs.Unavailable, errs.KindOf(b.write()))
	b.server.Unseal()
	require.NoError(t, b.write())

	cas := map[string]any{"data": map[string]string{}, "options": map[string]int{"cas": 0}}
	require.Equal(t, errs.Conflict, errs.KindOf(b.client.Write(t.Context(), "secret/data/x", cas, nil)))
	require.Equal(t, errs.NotFound, errs.KindOf(b.client.Read(t.Context(), "secret/data/none", nil, nil)))
	for _, path := range []string{"other/data/x", "secret/x"} {
		require.Equal(t, vault.ReasonMisconfigured, errs.ReasonOf(b.client.Read(t.Context(), path, nil, nil)), path)
	}
	names, err := b.client.List(t.Context(), "secret/metadata/none")
	require.NoError(t, err)
	require.Empty(t, names)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, errs.Cancelled, errs.KindOf(b.client.Write(ctx, "secret/data/x", cas, nil)))
	b.server.Answer(func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write([]byte(`{"data": {"keys": ["` + strings.Repeat("x", 2<<20) + `"]}}`))
		return true
	})
	_, err = b.client.List(t.Context(), "secret/metadata/many")
	require.Equal(t, errs.Unavailable, errs.KindOf(err), "an answer without end is cut")
	require.Less(t, len(err.Error()), 500)
	b.server.Answer(func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"errors":["cannot store %s"]}`, "hunter2")
		return true
	})
	err = b.write()
	require.Equal(t, vault.ReasonRefused, errs.ReasonOf(err))
	require.NotContains(t, err.Error(), "hunter2", "the store's words may quote a value")
}

func TestATokenDoesNotFollowARedirect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.write())
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer elsewhere.Close()
	b.server.Answer(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	})
	require.Equal(t, errs.Unavailable, errs.KindOf(b.write()))
	require.Zero(t, followed.Load())
}

func TestAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	b := setup(t, func(_ *vaulttest.Server, s *vault.Settings) { s.Address = gone.URL })
	require.Equal(t, vault.ReasonUnavailable, errs.ReasonOf(b.write()))
	wrong := setup(t, func(_ *vaulttest.Server, s *vault.Settings) { s.SecretID = "hunter2" })
	err := wrong.write()
	require.Equal(t, vault.ReasonDenied, errs.ReasonOf(err))
	require.NotContains(t, err.Error(), "hunter2")
}

func TestASlowServerDoesNotHoldACaller(t *testing.T) {
	t.Parallel()
	arrived, end := make(chan struct{}, 1), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-end:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(end)
	b := setup(t, func(_ *vaulttest.Server, s *vault.Settings) { s.Address = slow.URL })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- b.client.Write(ctx, "secret/data/x", nil, nil) }()
	<-arrived
	go func() { done <- b.client.Write(ctx, "secret/data/x", nil, nil) }() // it waits for the first's login
	cancel()
	for range 2 {
		require.Equal(t, errs.Cancelled, errs.KindOf(<-done))
	}
}

func TestSettingsMustBeSafe(t *testing.T) {
	t.Parallel()
	good := vault.Settings{Address: "https://vault.example:8200", Auth: vault.AppRole, RoleID: "r", SecretID: "s"}
	_, err := vault.Open(good, time.Now)
	require.NoError(t, err)
	for text, spoil := range map[string]func(*vault.Settings){
		"not set":        func(s *vault.Settings) { s.Address = "" },
		"must be https":  func(s *vault.Settings) { s.Address = "http://vault.example:8200" },
		"not an address": func(s *vault.Settings) { s.Address = "https://user:pass@vault.example" },
		"choose":         func(s *vault.Settings) { s.Auth = "token" },
		"AppRole needs":  func(s *vault.Settings) { s.SecretID = "" },
		"one of":         func(s *vault.Settings) { s.SecretIDFile = "/x" },
		"K8S_ROLE":       func(s *vault.Settings) { s.Auth = vault.Kubernetes },
		"not a path":     func(s *vault.Settings) { s.AuthMount = "../sys" },
		"CA_FILE":        func(s *vault.Settings) { s.CAFile = "/none" },
	} {
		settings := good
		spoil(&settings)
		_, err := vault.Open(settings, time.Now)
		require.ErrorContains(t, err, text)
	}
}

func TestTheLibrarysOwnVariablesDoNotCount(t *testing.T) { // it sets variables
	t.Setenv("VAULT_TOKEN", "somebody-elses")
	t.Setenv("VAULT_NAMESPACE", "elsewhere")
	t.Setenv("VAULT_ADDR", "https://elsewhere.example")
	t.Setenv("VAULT_SKIP_VERIFY", "true")
	b := setup(t)
	require.NoError(t, b.write())
	require.Equal(t, 1, b.server.Count("login"))
}
