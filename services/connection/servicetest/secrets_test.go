package servicetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pgtest"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
)

func TestCredentialsComeFromTheFirstCompletePair(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	folder := t.TempDir()
	write := func(name, value string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(value+"\n"), 0o600))
	}
	b := setupOn(t, sim, func(s *assembly.Settings) { s.ClientSecret, s.AppSecretsDir = "", folder })
	require.Empty(t, b.status("msp").GetCredentialSource(), "half a pair in the environment, no file")
	write("MICROSOFT_CLIENT_SECRET", clientSecret)
	require.Empty(t, b.status("msp").GetCredentialSource(), "halves of two sources are no pair")
	write("MICROSOFT_CLIENT_ID", clientID)
	require.Equal(t, "app-secret", b.status("msp").GetCredentialSource())
	b.connect("msp")

	whole := setupOn(t, sim, func(s *assembly.Settings) { s.AppSecretsDir = folder })
	require.Equal(t, "env", whole.status("msp").GetCredentialSource())
	partner, _ := sim.directories()
	whole.set(&connectionv1.SetCredentialsRequest{ClientId: clientID, ClientSecret: clientSecret, TenantId: partner.TenantID})
	require.Equal(t, "tenant-secret", whole.status("msp").GetCredentialSource())
	require.Equal(t, "env", whole.status("other").GetCredentialSource())
	require.Contains(t, whole.begin(person(t, "msp", "admin")).GetAuthorizeUrl(), "/"+partner.TenantID+"/oauth2/")
	whole.connect("msp")
}

func TestTenantsAreKeptApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connect("msp")
	b.back(b.sim.consent(b.begin(person(t, "msp", "admin")).GetAuthorizeUrl()), "")
	b.set(&connectionv1.SetCredentialsRequest{ClientId: "x", ClientSecret: "y"})
	// What earlier builds wrote; now a trigger forwards it.
	_, err := b.db.Admin.Exec(t.Context(), `ALTER TABLE status_events DISABLE TRIGGER to_outbox;
		INSERT INTO status_events (tenant_id, id, at, actor_id, from_status, to_status, connection_type, reason)
		VALUES ('msp', gen_random_uuid(), now(), 'admin', 'not_connected', 'connected', 'direct', '')`)
	require.NoError(t, err)
	pgtest.TenantTables(t, b.db, "connection")
}

func TestASealedValueCannotMove(t *testing.T) {
	t.Parallel()
	b := setup(t)
	store := postgres.NewSecrets(b.db.Pool("connection"), b.box, b.clock.now)
	version, err := store.PutSecret(b.within("msp"), connection.SetDirect, "of msp")
	require.NoError(t, err)
	_, err = b.db.Admin.Exec(t.Context(), `INSERT INTO secrets (tenant_id, key, version, sealed, key_id, created_at)
		SELECT 'other', key, version, sealed, key_id, created_at FROM secrets`)
	require.NoError(t, err)
	got, err := store.GetSecret(b.within("msp"), connection.SetDirect, version)
	require.NoError(t, err)
	require.Equal(t, "of msp", got.Reveal())
	_, err = store.GetSecret(b.within("other"), connection.SetDirect, version)
	require.Error(t, err, "the row of another tenant does not open")
}
