package servicetest

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/secrets"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/operator"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
)

// keyCommand runs a command of an operator at a time ahead of now.
func keyCommand(t *testing.T, o operator.MasterKeys, what string, ahead time.Duration) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := o.Do(t.Context(), what, &out, func() time.Time { return time.Now().Add(ahead) })
	return out.String(), err
}

func TestAnOperatorRotatesTheMasterKey(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	db := pgtest.Database(t, "connection")
	o := operator.MasterKeys{DatabaseURL: db.URL, Keys: secrets.Settings{File: t.TempDir() + "/keys.json"}}
	_, err := keyCommand(t, o, "create", 0)
	require.NoError(t, err)
	_, err = keyCommand(t, o, "create", 0)
	require.ErrorContains(t, err, "already")
	b := setupWith(t, sim, db, o.Keys.File)
	old := b.box.KeyID()
	b.connect("msp")
	b.begin(person(t, "msp", "admin"))
	b.back(b.sim.consent(b.begin(person(t, "other", "admin")).GetAuthorizeUrl()), "")
	status := func() string {
		t.Helper()
		out, err := keyCommand(t, o, "status", 0)
		require.NoError(t, err)
		return out
	}
	require.Equal(t, "key "+id(old)+": seals and opens; sealed 3 values\n", status())
	out, err := keyCommand(t, o, "drop", 72*time.Hour)
	require.NoError(t, err)
	require.Equal(t, "no key to drop\n", out)

	_, err = keyCommand(t, o, "rotate", 0)
	require.NoError(t, err)
	require.Contains(t, status(), "key "+id(old)+": opens; sealed 3 values\n")
	out, err = keyCommand(t, o, "drop", 72*time.Hour)
	require.NoError(t, err)
	require.Equal(t, "key "+id(old)+" stays: it sealed 3 values\nno key to drop\n", out)
	require.NoError(t, b.parts.Reseal.Do(t.Context()), "the running service takes it up")
	require.NotEqual(t, old, b.box.KeyID())
	require.Contains(t, status(), "key "+id(b.box.KeyID())+": seals and opens; sealed 3 values\n")
	_, err = keyCommand(t, o, "drop", 47*time.Hour)
	require.ErrorContains(t, err, "48h")
	out, err = keyCommand(t, o, "drop", 49*time.Hour)
	require.NoError(t, err)
	require.Equal(t, "dropped 1 keys\n", out)
	require.NotContains(t, status(), id(old))

	// A process that knows the new key alone has everything.
	box, err := secrets.OpenBox(o.Keys.File)
	require.NoError(t, err)
	b.box = box
	b.replica = b.start(b.pool())
	b.clock.advance(2 * time.Hour)
	resp, err := b.public.ValidateDirect(person(t, "msp", "admin"), &connectionv1.ValidateDirectRequest{})
	require.NoError(t, err)
	require.True(t, resp.GetValid())
}

func id(key uint32) string { return strconv.FormatUint(uint64(key), 10) }

func TestAMissingKeyIsReported(t *testing.T) {
	t.Parallel()
	b := setup(t)
	store := postgres.NewSecrets(b.db.Pool("connection"), b.box, b.clock.now)
	_, err := store.PutSecret(b.within("msp"), "entra_direct", "x")
	require.NoError(t, err)
	o := operator.MasterKeys{DatabaseURL: b.db.URL, Keys: secrets.Settings{File: t.TempDir() + "/other.json"}}
	_, err = keyCommand(t, o, "create", 0)
	require.NoError(t, err)
	out, err := keyCommand(t, o, "status", 0)
	require.NoError(t, err)
	require.Contains(t, out, "MISSING; sealed 1 values")
}

// TestKeysOfAnotherProcessAreNotDropped: the gateway's set has sealed nothing in this database, so all its
// older keys would look unused.
func TestKeysOfAnotherProcessAreNotDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	store := postgres.NewSecrets(b.db.Pool("connection"), b.box, b.clock.now)
	_, err := store.PutSecret(b.within("msp"), "entra_direct", "x")
	require.NoError(t, err)
	o := operator.MasterKeys{DatabaseURL: b.db.URL, Keys: secrets.Settings{File: t.TempDir() + "/gateway.json"}}
	for _, what := range []string{"create", "rotate"} {
		_, err = keyCommand(t, o, what, 0)
		require.NoError(t, err)
	}
	before, err := os.ReadFile(o.Keys.File)
	require.NoError(t, err)
	_, err = keyCommand(t, o, "drop", 72*time.Hour)
	require.ErrorContains(t, err, "ENTRASYNC_MASTER_KEY_FILE")
	after, err := os.ReadFile(o.Keys.File)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestCommandsAreRefusedWithTheirUsage(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"help"}, {"keys"}, {"keys", "rotate", "now"}, {"key", "rotate"}} {
		require.ErrorContains(t, operator.Operate(t.Context(), arguments, &bytes.Buffer{}), "usage:")
	}
	file := t.TempDir() + "/keys.json"
	_, err := secrets.NewKeyFile(file)
	require.NoError(t, err)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	o := operator.MasterKeys{Keys: secrets.Settings{File: file}}
	_, err = keyCommand(t, o, "burn", 0)
	require.ErrorContains(t, err, "usage:")
	_, err = keyCommand(t, o, "status", 0)
	require.ErrorContains(t, err, "ENTRASYNC_DATABASE_URL")
	o.Keys = secrets.Settings{Value: secrets.Text(raw)}
	_, err = keyCommand(t, o, "rotate", 0)
	require.ErrorContains(t, err, "changed where it comes from")
	require.False(t, strings.Contains(err.Error(), string(raw)))
}
