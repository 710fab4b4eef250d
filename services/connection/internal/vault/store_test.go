package vault_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/clocktest"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	vaultclient "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/pkg/vault/vaulttest"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/connection/secrettest"
	"github.com/entrasync/entrasync/services/connection/internal/vault"
)

type bundle struct {
	t      *testing.T
	clock  *clocktest.Clock
	server *vaulttest.Server
	client *vaultclient.Client
	store  *vault.Store
}

func setup(t *testing.T, adjust ...func(*vaulttest.Server)) *bundle {
	t.Helper()
	b := &bundle{t: t, clock: clocktest.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	b.server = vaulttest.New(t, b.clock.Now)
	for _, change := range adjust {
		change(b.server)
	}
	var err error
	b.client, err = vaultclient.Open(vaultclient.Settings{
		Address: b.server.URL, Auth: vaultclient.AppRole, RoleID: b.server.RoleID, SecretID: "secret-id-of-the-tests",
	}, b.clock.Now)
	require.NoError(t, err)
	b.store = b.installation("one", nil)
	return b
}

// msp is the context of a call for the tenant "msp".
func msp(t testing.TB) context.Context {
	t.Helper()
	return tenant.With(t.Context(), tenant.Call{Tenant: "msp"})
}

// installation is a database as the store sees it.
type installation struct {
	id   string
	used map[string]string // of the tenant "msp"
}

func (i installation) Installation(context.Context) (string, error) { return i.id, nil }

func (i installation) UsedSecrets(ctx context.Context) (map[string]string, error) {
	if id, err := tenant.IDFrom(ctx); err != nil || id != "msp" {
		return nil, err
	}
	return i.used, nil
}

// installation returns the store of one, under the same prefix as all others.
func (b *bundle) installation(id string, used map[string]string) *vault.Store {
	b.t.Helper()
	store, err := vault.New(b.client, vault.Settings{Mount: b.server.Mount, Prefix: "psa/entrasync"}, installation{id, used}, b.clock.Now)
	require.NoError(b.t, err)
	return store
}

const (
	key  = connection.SetDirect
	path = "psa/entrasync/msp/entra_direct"
	mark = "psa/entrasync/installation"
)

func (b *bundle) put(value string) string {
	b.t.Helper()
	version, err := b.store.PutSecret(msp(b.t), key, connection.Secret(value))
	require.NoError(b.t, err)
	return version
}

func (b *bundle) get(version string) (string, error) {
	b.t.Helper()
	value, err := b.store.GetSecret(msp(b.t), key, version)
	return value.Reveal(), err
}

func TestConformance(t *testing.T) { // the suite reads the process's log first
	secrettest.Run(t, func(t *testing.T) secrettest.Subject {
		b := setup(t)
		return secrettest.Subject{Store: b.store, Break: func() func() {
			b.server.Seal()
			return b.server.Unseal
		}}
	})
}

func TestConformanceOnAMountThatKeepsOneVersion(t *testing.T) {
	secrettest.Run(t, func(t *testing.T) secrettest.Subject {
		b := setup(t, func(s *vaulttest.Server) { s.MaxVersions, s.Mount = 1, "kv" })
		return secrettest.Subject{Store: b.store, Break: func() func() {
			b.server.Deny(true)
			return func() { b.server.Deny(false) }
		}}
	})
}

func TestVersionsLieUnderTheTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("one")
	require.Equal(t, []string{mark, path}, b.server.Paths())
	require.Equal(t, []int{1}, b.server.Versions(path))
}

func TestSomebodyWroteSince(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("one")
	stale := true
	b.server.Answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !stale || !strings.Contains(r.URL.Path, "/metadata/") {
			return false
		}
		stale = false
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[]}`)) // as it was before the first write
		return true
	})
	_, err := b.store.PutSecret(msp(t), key, "two")
	require.Equal(t, errs.Conflict, errs.KindOf(err))
	require.Equal(t, []int{1}, b.server.Versions(path), "nothing was written")
	b.put("three")
}

func TestVersionsThatAnOperatorRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.put("one"), b.put("two")
	write := func(part string, version int) {
		require.NoError(t, b.client.Write(t.Context(), "secret/"+part+"/"+path, map[string][]int{"versions": {version}}, nil))
	}
	write("delete", 2)
	_, err := b.get(two)
	require.Equal(t, errs.NotFound, errs.KindOf(err))
	write("undelete", 2)
	value, err := b.get(two)
	require.NoError(t, err)
	require.Equal(t, "two", value)
	write("destroy", 1)
	_, err = b.get(one)
	require.Equal(t, errs.NotFound, errs.KindOf(err))
	write("delete", 2)
	three := b.put("three") // on top of a deleted one
	value, err = b.get(three)
	require.NoError(t, err)
	require.Equal(t, "three", value)
}

func TestTheStoreFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version := b.put("one")
	fails := func(kind errs.Kind, reason string) {
		t.Helper()
		_, err := b.get(version)
		require.Equal(t, kind, errs.KindOf(err), "%v", err)
		require.Equal(t, reason, errs.ReasonOf(err))
		_, err = b.store.PutSecret(msp(t), key, "two")
		require.Equal(t, kind, errs.KindOf(err), "%v", err)
		require.Equal(t, kind, errs.KindOf(b.store.DeleteSecret(msp(t), key)))
	}
	b.server.Seal()
	fails(errs.Unavailable, vaultclient.ReasonUnavailable)
	b.server.Unseal()
	b.server.Standby()
	fails(errs.Unavailable, vaultclient.ReasonUnavailable)
	b.server.Unseal()
	b.server.Deny(true)
	fails(errs.Unavailable, vaultclient.ReasonDenied)
	b.server.Deny(false)
	value, err := b.get(version)
	require.NoError(t, err, "nothing was lost")
	require.Equal(t, "one", value)

	elsewhere, err := vault.New(b.client, vault.Settings{Mount: "none", Prefix: "entrasync"}, installation{}, b.clock.Now)
	require.NoError(t, err)
	_, err = elsewhere.GetSecret(msp(t), key, version)
	require.Equal(t, vaultclient.ReasonMisconfigured, errs.ReasonOf(err), "a mount that is not there is not a secret that is not there")
	for _, bad := range []vault.Settings{{Mount: "", Prefix: "x"}, {Mount: "secret", Prefix: "../sys"}, {Mount: "/secret", Prefix: "x"}} {
		_, err := vault.New(b.client, bad, installation{}, b.clock.Now)
		require.Error(t, err)
	}
}

func TestAMountThatForgetsIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *vaulttest.Server) { s.DeleteAfter = time.Hour })
	_, err := b.store.PutSecret(msp(t), key, "one")
	require.Equal(t, vaultclient.ReasonMisconfigured, errs.ReasonOf(err))
	require.ErrorContains(t, err, "delete_version_after")
}

func TestVersionsThatNothingPointsToAreDestroyed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("one")
	two := b.put("two")
	b.put("three")
	_, err := b.store.PutSecret(msp(t), connection.SetApp, "app")
	require.NoError(t, err)
	b.clock.Advance(time.Hour)
	b.put("young")
	before := b.clock.Now().Add(-15 * time.Minute)
	tenants, err := b.store.SecretTenants(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"msp"}, tenants)
	for range 2 {
		require.NoError(t, b.store.SweepSecrets(msp(t), map[string]string{key: two}, before))
		require.Equal(t, []int{2, 4}, b.server.Versions(path))
	}
	require.Equal(t, 1, b.server.Count("PUT destroy"), "what is destroyed is not destroyed again")
	value, err := b.get(two)
	require.NoError(t, err)
	require.Equal(t, "two", value)
	require.Equal(t, []string{mark, path}, b.server.Paths(), "the app registration was pointed to by nothing")

	b.clock.Advance(time.Hour)
	require.NoError(t, b.store.SweepSecrets(msp(t), nil, b.clock.Now().Add(-15*time.Minute)))
	require.Equal(t, []string{mark}, b.server.Paths(), "after a disconnect that was cut off")
	tenants, err = b.store.SecretTenants(t.Context())
	require.NoError(t, err)
	require.Empty(t, tenants)
}

// TestAPrefixIsOneInstallations: what another database does not point to is not
// rubbish.
func TestAPrefixIsOneInstallations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version := b.put("one")
	b.clock.Advance(time.Hour)
	other := b.installation("two", map[string]string{key: version}) // also for a pointer that was copied
	refused := func(err error) {
		t.Helper()
		require.Equal(t, vaultclient.ReasonMisconfigured, errs.ReasonOf(err))
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		require.ErrorContains(t, err, "ENTRASYNC_VAULT_PREFIX")
	}
	_, err := other.SecretTenants(t.Context())
	refused(err)
	refused(other.SweepSecrets(msp(t), nil, b.clock.Now()))
	refused(other.DeleteSecret(msp(t), key))
	_, err = other.PutSecret(msp(t), key, "two")
	refused(err)
	require.Equal(t, []int{1}, b.server.Versions(path))
	again := b.installation("one", nil) // the same, started anew
	require.NoError(t, again.DeleteSecret(msp(t), key))
}

// TestAPrefixOfAnOlderVersion: nothing says yet whose it is.
func TestAPrefixOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version := b.put("one")
	require.NoError(t, b.client.Delete(t.Context(), "secret/metadata/"+mark))
	empty := b.installation("with an empty database", nil)
	_, err := empty.SecretTenants(t.Context())
	require.Equal(t, vaultclient.ReasonMisconfigured, errs.ReasonOf(err))
	guessing := b.installation("with rows of its own", map[string]string{key: "1.another"})
	_, err = guessing.SecretTenants(t.Context())
	require.Equal(t, vaultclient.ReasonMisconfigured, errs.ReasonOf(err))
	require.Equal(t, []string{path}, b.server.Paths(), "neither took it")

	owner := b.installation("one", map[string]string{key: version})
	tenants, err := owner.SecretTenants(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"msp"}, tenants)
	require.Equal(t, []string{mark, path}, b.server.Paths())
}
