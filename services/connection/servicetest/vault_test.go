package servicetest

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	vaultclient "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/pkg/vault/vaulttest"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
	"github.com/entrasync/entrasync/services/connection/internal/vault"
)

// vaultBundle is a secret store for a service under test.
type vaultBundle struct {
	server *vaulttest.Server
	clock  *clock
}

func newVault(t *testing.T) *vaultBundle {
	t.Helper()
	b := &vaultBundle{clock: &clock{}}
	b.server = vaulttest.New(t, func() time.Time { return b.clock.now() })
	return b
}

// use makes the service keep its secrets there.
func (b *vaultBundle) use(s *assembly.Settings) {
	s.Secrets = assembly.InVault
	s.Vault = vaultclient.Settings{Address: b.server.URL, Auth: vaultclient.AppRole, RoleID: b.server.RoleID, SecretID: "secret-id-of-the-tests"}
	s.KV = vault.Settings{Mount: b.server.Mount, Prefix: "entrasync"}
}

func setupOnVault(t *testing.T) (*bundle, *vaulttest.Server) {
	t.Helper()
	store := newVault(t)
	b := setup(t, store.use)
	store.clock = b.clock
	return b, store.server
}

func (b *bundle) rows(table string) (n int) {
	b.t.Helper()
	require.NoError(b.t, b.db.Admin.QueryRow(b.t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
	return n
}

func TestTheServiceOnVault(t *testing.T) {
	t.Parallel()
	b, store := setupOnVault(t)
	const path = "entrasync/msp/entra_direct"
	b.connect("msp")
	require.Equal(t, []int{1}, store.Versions(path))
	_, err := b.managedTenants(b.inside("msp"))
	require.NoError(t, err)

	b.clock.advance(2 * time.Hour)
	b.sim.admin(http.MethodDelete, "requests", nil, nil)
	_, err = b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	require.Equal(t, 1, b.sim.requests("login.token", ""), "one refresh")
	require.Equal(t, []int{1, 2}, store.Versions(path))
	b.clock.advance(20 * time.Minute)
	require.NoError(t, b.parts.Store.Sweep.Do(t.Context()))
	require.Equal(t, []int{2}, store.Versions(path), "what nothing points to any more")
	_, err = b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	require.Zero(t, b.rows("secrets"), "no token set is in the database")

	resp, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
	require.NoError(t, err)
	require.Equal(t, "disconnected", resp.GetStatus())
	require.Equal(t, []string{"entrasync/installation"}, store.Paths(), "no version is left")
	b.connect("msp")
	_, err = b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
}

func TestAVaultThatFailsCostsNoConnection(t *testing.T) {
	t.Parallel()
	b, store := setupOnVault(t)
	b.connect("msp")
	list := b.listing("msp")
	store.Seal()
	require.Equal(t, vaultclient.ReasonUnavailable, errs.ReasonOf(list()))
	require.Equal(t, errs.Unavailable, errs.KindOf(list()))
	require.Equal(t, "connected", b.status("msp").GetStatus())
	store.Unseal()
	b.clock.advance(time.Minute)
	store.Deny(true)
	require.Equal(t, vaultclient.ReasonDenied, errs.ReasonOf(list()))
	require.Equal(t, "connected", b.status("msp").GetStatus())
	store.Deny(false)
	require.NoError(t, list())

	// It is sealed between the refresh and the writing: the refreshed set is lost,
	// the one that the row points to is not.
	b.clock.advance(2 * time.Hour)
	writes := 0
	store.Answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || r.URL.Path != "/v1/secret/data/entrasync/msp/entra_direct" {
			return false
		}
		writes++
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"errors":["Vault is sealed"]}`))
		return true
	})
	require.Equal(t, errs.Unavailable, errs.KindOf(list()))
	require.Positive(t, writes)
	store.Answer(nil)
	require.NoError(t, list())
	require.Equal(t, "connected", b.status("msp").GetStatus())
}

func TestADisconnectThatVaultInterrupted(t *testing.T) {
	t.Parallel()
	b, store := setupOnVault(t)
	b.connect("msp")
	store.Seal()
	_, err := b.public.Disconnect(person(t, "msp", "admin"), &connectionv1.DisconnectRequest{})
	require.Error(t, err)
	require.Equal(t, "disconnected", b.status("msp").GetStatus(), "nobody uses the secrets any more")
	store.Unseal()
	b.clock.advance(time.Hour)
	require.NoError(t, b.parts.Store.Sweep.Do(t.Context()))
	require.Equal(t, []string{"entrasync/installation"}, store.Paths())
}

// TestTwoInstallationsOnOneVault: a second database, empty or not, destroys nothing
// of the first's.
func TestTwoInstallationsOnOneVault(t *testing.T) {
	t.Parallel()
	store := newVault(t)
	one := setup(t, store.use)
	store.clock = one.clock
	one.connect("msp")
	two := setupOn(t, one.sim, store.use)
	one.clock.advance(20 * time.Minute)
	two.clock.advance(20 * time.Minute)
	require.Equal(t, vaultclient.ReasonMisconfigured, errs.ReasonOf(two.parts.Store.Sweep.Do(t.Context())))
	_, err := two.public.Connect(browser(t, "msp", "admin", "s1"), &connectionv1.ConnectRequest{ConnectionType: "direct"})
	require.Equal(t, vaultclient.ReasonMisconfigured, errs.ReasonOf(err), "before anybody consents")
	require.Equal(t, []int{1}, store.server.Versions("entrasync/msp/entra_direct"))
	one.works("msp")

	apart := setupOn(t, one.sim, store.use, func(s *assembly.Settings) { s.KV.Prefix = "staging" })
	apart.connect("msp")
	require.NoError(t, apart.parts.Store.Sweep.Do(t.Context()))
	apart.works("msp")
	one.works("msp")
}

// TestARefreshWhileTheAppCredentialsRotate: the source is read-only and changes
// under the refresh; the grant goes to the store all the same.
func TestARefreshWhileTheAppCredentialsRotate(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	folder := t.TempDir()
	write := func(name, value string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600))
	}
	write("MICROSOFT_CLIENT_ID", clientID)
	write("MICROSOFT_CLIENT_SECRET", clientSecret)
	b := setupOn(t, sim, func(s *assembly.Settings) { s.ClientID, s.ClientSecret, s.AppSecretsDir = "", "", folder })
	b.connect("msp")
	refresh := func() error {
		b.clock.advance(2 * time.Hour)
		_, err := b.managedTenants(b.inside("msp"))
		return err
	}
	for name, disturb := range map[string]func(){
		"missing": func() { require.NoError(t, os.Remove(filepath.Join(folder, "MICROSOFT_CLIENT_SECRET"))) },
		"empty":   func() { write("MICROSOFT_CLIENT_SECRET", "") },
		"of two pairs": func() {
			require.NoError(t, os.Rename(filepath.Join(folder, "MICROSOFT_CLIENT_ID"), filepath.Join(folder, "x")))
		},
	} {
		before := b.rows("secrets")
		b.clock.advance(2 * time.Hour)
		disturb()
		_, err := b.managedTenants(b.inside("msp"))
		require.NoError(t, err, name)
		require.Equal(t, before+1, b.rows("secrets"), "the fresh grant was kept")
		write("MICROSOFT_CLIENT_ID", clientID)
		write("MICROSOFT_CLIENT_SECRET", clientSecret)
		require.NoError(t, refresh())
	}

	require.NoError(t, os.Remove(filepath.Join(folder, "MICROSOFT_CLIENT_SECRET")))
	require.NoError(t, refresh(), "a rotation is under way")
	err := refresh()
	require.Equal(t, "missing_credentials", errs.ReasonOf(err), "it has not come back")
	require.Equal(t, "connected", b.status("msp").GetStatus(), "which says nothing about the grant")
	write("MICROSOFT_CLIENT_SECRET", clientSecret)
	require.NoError(t, refresh())
}

func TestTheSecretStoreMustBeKnown(t *testing.T) {
	t.Parallel()
	base := assembly.Settings{PublicURL: publicURL, LoginURL: "https://login.example", GraphURL: "https://graph.example", PartnerURL: "https://partner.example"}
	for text, change := range map[string]func(*assembly.Settings){
		"choose postgres or vault": func(s *assembly.Settings) { s.Secrets = "etcd" },
		"ENTRASYNC_VAULT_ADDR":     func(s *assembly.Settings) { s.Secrets = assembly.InVault },
		"ENTRASYNC_VAULT_MOUNT": func(s *assembly.Settings) {
			s.Secrets, s.Vault = assembly.InVault, vaultclient.Settings{Address: "https://vault.example", Auth: vaultclient.AppRole, RoleID: "r", SecretID: "s"}
		},
	} {
		s := base
		change(&s)
		_, err := assembly.New(s, nil, nil, time.Now)
		require.ErrorContains(t, err, text)
	}
}

// TestTokensInMemoryNeedNoSecret: while the store is sealed customers are read whose
// tokens are kept, and people see the state.
func TestTokensInMemoryNeedNoSecret(t *testing.T) {
	t.Parallel()
	b, store := setupOnVault(t)
	b.set(&connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret})
	b.connect("msp")
	_, managed := b.sim.directories()
	users := func(d directory) error {
		l, err := b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: d.TenantID})
		if err == nil {
			require.Len(t, l.users, d.Users)
		}
		return err
	}
	large := largest(managed)
	require.NoError(t, users(large))
	before := store.Count("GET data")
	require.NoError(t, users(large))
	require.Equal(t, before, store.Count("GET data"), "no secret is opened for a token in memory")

	store.Seal()
	require.NoError(t, users(large))
	got := b.status("msp")
	require.Equal(t, "connected", got.GetStatus())
	require.Equal(t, "tenant-secret", got.GetCredentialSource())
	require.Equal(t, "delegated", got.GetCustomerAccess())
	for _, d := range managed {
		if d.TenantID != large.TenantID {
			require.Equal(t, vaultclient.ReasonUnavailable, errs.ReasonOf(users(d)), "a new token needs the grant")
			break
		}
	}
	store.Unseal()

	// A row of an older version does not name the app.
	_, err := b.db.Admin.Exec(t.Context(), `UPDATE app_credentials SET client_id = NULL, customer_access = NULL`)
	require.NoError(t, err)
	require.Equal(t, "tenant-secret", b.status("msp").GetCredentialSource())
	require.NoError(t, users(large))
}
