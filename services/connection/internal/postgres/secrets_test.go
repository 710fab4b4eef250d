package postgres_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/connection/secrettest"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
)

type bundle struct {
	t     *testing.T
	db    *pgtest.DB
	keys  secrets.Settings
	box   *secrets.Box
	pool  *pg.Pool
	store stores
}

// stores are those of one process that hold something sealed, or point to it.
type stores struct {
	*postgres.Secrets
	*postgres.Flows
	*postgres.Pointers
	*postgres.Connections
	*postgres.Resealer
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, db: pgtest.Database(t, "connection"), keys: secrets.Settings{File: filepath.Join(t.TempDir(), "keys.json")}}
	_, err := secrets.NewKeyFile(b.keys.File)
	require.NoError(t, err)
	b.pool = b.db.Pool("connection")
	b.box, b.store = b.replica()
	return b
}

// replica is one more process on the same database and key set.
func (b *bundle) replica() (*secrets.Box, stores) {
	b.t.Helper()
	box, err := secrets.Open(b.t.Context(), b.keys, nil)
	require.NoError(b.t, err)
	pool := b.db.Pool("connection")
	return box, stores{
		postgres.NewSecrets(pool, box, time.Now), postgres.NewFlows(pool, box), postgres.NewPointers(pool, time.Now),
		postgres.NewConnections(pool, time.Now), postgres.NewResealer(pool, box),
	}
}

// of is the context of a call for a tenant.
func (b *bundle) of(id string) context.Context {
	return tenant.With(b.t.Context(), tenant.Call{Tenant: tenant.ID(id)})
}

func (b *bundle) admin(sql string, arguments ...any) {
	b.t.Helper()
	_, err := b.db.Admin.Exec(b.t.Context(), sql, arguments...)
	require.NoError(b.t, err)
}

func (b *bundle) sealedBy() map[uint32]int64 {
	b.t.Helper()
	values, err := postgres.SealedValues(b.t.Context(), b.pool)
	require.NoError(b.t, err)
	return values
}

func TestConformance(t *testing.T) { // the suite reads the process's log first
	secrettest.Run(t, func(t *testing.T) secrettest.Subject {
		b := setup(t)
		return secrettest.Subject{Store: b.store, Break: func() func() {
			b.admin(`REVOKE USAGE ON SCHEMA connection FROM entrasync_connection`)
			return func() { b.admin(`GRANT USAGE ON SCHEMA connection TO entrasync_connection`) }
		}}
	})
}

// fill writes one value of each kind for some tenants.
func (b *bundle) fill(tenants int) (hash [32]byte, versions map[string]string) {
	b.t.Helper()
	versions = map[string]string{}
	now := time.Now()
	for i := range tenants {
		id := fmt.Sprintf("msp-%d", i)
		version, err := b.store.PutSecret(b.of(id), connection.SetDirect, connection.Secret("grant of "+id))
		require.NoError(b.t, err)
		versions[id] = version
		hash = [32]byte{byte(i), 1}
		flow := uuid.NewString()
		require.NoError(b.t, b.store.SaveState(b.of(id), connection.State{
			ID: flow, Kind: connection.ConnectFlow, Hash: hash, User: "u", Verifier: connection.Secret("verifier of " + id),
			ReturnTo: "https://psa.example", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		}))
		require.NoError(b.t, b.store.SavePending(b.of(id), connection.Pending{
			ID: uuid.NewString(), FlowID: flow, CodeHash: hash, User: "u", Grant: connection.Secret("pending of " + id),
			CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		}))
	}
	return hash, versions
}

// whole asserts that every value of fill still opens.
func (b *bundle) whole(store stores, versions map[string]string, last [32]byte) {
	b.t.Helper()
	for id, version := range versions {
		value, err := store.GetSecret(b.of(id), connection.SetDirect, version)
		require.NoError(b.t, err)
		require.Equal(b.t, "grant of "+id, value.Reveal())
	}
	id := fmt.Sprintf("msp-%d", len(versions)-1)
	pending, ok, err := store.FindPending(b.of(id), last)
	require.NoError(b.t, err)
	require.True(b.t, ok)
	require.Equal(b.t, "pending of "+id, pending.Grant.Reveal())
}

func TestWhatAnOlderKeySealedIsSealedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.box.KeyID()
	last, versions := b.fill(4)
	require.Equal(t, map[uint32]int64{old: 12}, b.sealedBy())
	reseal := connection.NewReseal(b.store)
	require.NoError(t, reseal.Do(t.Context()))
	require.Equal(t, map[uint32]int64{old: 12}, b.sealedBy(), "there is nothing to do")

	fresh, err := secrets.Rotate(t.Context(), b.keys, nil)
	require.NoError(t, err)
	replicas := []stores{b.store}
	for range 3 {
		_, store := b.replica()
		replicas = append(replicas, store)
	}
	var wg sync.WaitGroup
	failures := make(chan error, len(replicas))
	for _, store := range replicas {
		wg.Go(func() { failures <- connection.NewReseal(store).Do(t.Context()) })
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	// Rows that another replica had locked are its own to seal.
	require.Equal(t, map[uint32]int64{fresh: 12}, b.sealedBy())
	b.whole(b.store, versions, last)

	require.NoError(t, secrets.Drop(t.Context(), b.keys, nil, old))
	_, without := b.replica()
	b.whole(without, versions, last)
	state, err := without.ConsumeState(b.of("msp-3"), last, time.Now(), func(connection.State) error { return nil })
	require.NoError(t, err)
	require.Equal(t, "verifier of msp-3", state.Verifier.Reveal())
}

func TestAReplicaWithTheOldKeyDoesNotUndoARotation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(1)
	_, late := b.replica()
	fresh, err := secrets.Rotate(t.Context(), b.keys, nil)
	require.NoError(t, err)
	require.NoError(t, connection.NewReseal(b.store).Do(t.Context()))
	require.NoError(t, late.ResealTenant(b.of("msp-0")), "it works with the key set as it was")
	require.Equal(t, map[uint32]int64{fresh: 3}, b.sealedBy())
	require.NoError(t, connection.NewReseal(late).Do(t.Context()))
	require.Equal(t, map[uint32]int64{fresh: 3}, b.sealedBy())
}

func TestAValueThatDoesNotOpenHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.box.KeyID()
	b.fill(3)
	// As if somebody had changed the row: the key's id stays, the rest is not its.
	b.admin(`UPDATE secrets SET sealed = substring(sealed FROM 1 FOR 5) || '\x00'::bytea WHERE tenant_id = 'msp-1'`)
	fresh, err := secrets.Rotate(t.Context(), b.keys, nil)
	require.NoError(t, err)
	err = connection.NewReseal(b.store).Do(t.Context())
	require.ErrorContains(t, err, "connection/secrets/msp-1/entra_direct")
	require.NotContains(t, err.Error(), "grant of")
	require.Equal(t, map[uint32]int64{fresh: 8, old: 1}, b.sealedBy())
}

func TestResealingStopsAnywhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	last, versions := b.fill(3)
	fresh, err := secrets.Rotate(t.Context(), b.keys, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	stopping := connection.NewReseal(stopper{b.store, cancel})
	require.ErrorIs(t, stopping.Do(ctx), context.Canceled)
	require.Equal(t, int64(3), b.sealedBy()[fresh], "one tenant was done")
	b.whole(b.store, versions, last)
	require.NoError(t, connection.NewReseal(b.store).Do(t.Context()))
	require.Equal(t, map[uint32]int64{fresh: 9}, b.sealedBy())
	b.whole(b.store, versions, last)
}

// TestManyValuesThatDoNotOpenHideNone, though they come first in every order.
func TestManyValuesThatDoNotOpenHideNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.box.KeyID()
	last, versions := b.fill(1)
	const lost = 1200
	b.admin(`INSERT INTO secrets (tenant_id, key, version, sealed, key_id, created_at)
		SELECT tenant_id, key, '0-' || n, substring(sealed FROM 1 FOR 5) || '\x00'::bytea, key_id, created_at FROM secrets, generate_series(1, $1::int) n`, lost)
	b.admin(`INSERT INTO oauth_states (tenant_id, id, state_hash, user_id, session_hash, sealed_verifier, return_to, created_at, expires_at)
		SELECT tenant_id, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, sha256(n::text::bytea), user_id, '',
			substring(sealed_verifier FROM 1 FOR 5) || '\x00'::bytea, return_to, created_at, expires_at FROM oauth_states, generate_series(1, $1::int) n`, lost)
	fresh, err := secrets.Rotate(t.Context(), b.keys, nil)
	require.NoError(t, err)
	err = connection.NewReseal(b.store).Do(t.Context())
	require.ErrorContains(t, err, "connection/secrets/msp-0")
	require.Less(t, len(err.Error()), 10_000, "what is told of has an end")
	require.Equal(t, map[uint32]int64{old: 2 * lost, fresh: 3}, b.sealedBy())
	b.whole(b.store, versions, last)
}

// stopper ends the work after the first tenant.
type stopper struct {
	stores
	stop func()
}

func (s stopper) ResealTenant(ctx context.Context) error {
	defer s.stop()
	return s.stores.ResealTenant(ctx)
}

func TestUsedSecrets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	used, err := b.store.UsedSecrets(b.of("msp"))
	require.NoError(t, err)
	require.Empty(t, used)
	require.NoError(t, b.store.PointCredentials(b.of("msp"), connection.AppInUse{Version: "7.x", ClientID: "app", CustomerAccess: connection.Delegated}, "admin"))
	now := time.Now()
	require.NoError(t, b.store.Activate(b.of("msp"), connection.Connection{
		ID: uuid.NewString(), Type: connection.Direct, Status: connection.Connected, PartnerTenantID: "p", SecretVersion: "3.y",
		TokenExpiresAt: &now, ConnectedBy: "admin", ConnectedAt: now, LastValidatedAt: &now,
	}, connection.Arrival{}, connection.Effect{ID: uuid.NewString(), Kind: effectkind.ConnectionConnected, CreatedAt: now}))
	used, err = b.store.UsedSecrets(b.of("msp"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{connection.SetApp: "7.x", connection.SetDirect: "3.y"}, used)
	used, err = b.store.UsedSecrets(b.of("other"))
	require.NoError(t, err)
	require.Empty(t, used)
}
