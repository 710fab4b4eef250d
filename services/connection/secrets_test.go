package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pgtest"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
)

// TestNoSecretIsStoredOrLoggedInClear is not parallel: it reads the process's
// log.
func TestNoSecretIsStoredOrLoggedInClear(t *testing.T) { //nolint:paralleltest // see above
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)
	b := setup(t)
	b.connect("msp")
	pending := b.back(b.sim.consent(b.begin(person(t, "other", "admin")).GetAuthorizeUrl()), "")
	state := b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl())
	b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 54005})
	require.Equal(t, "token_exchange_failed", b.back(state, "s1").Get("error"))
	b.sim.heal()
	_, managed := b.sim.directories()
	b.clock.advance(2 * time.Hour)
	_, err := b.managedTenants(b.inside("msp"))
	require.NoError(t, err)
	_, err = b.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[0].TenantID})
	require.NoError(t, err)

	values := []string{clientSecret, pending.Get("completion_code"), state.Get("state")}
	var issued struct {
		Secrets []struct{ Kind, Value string } `json:"secrets"`
	}
	b.sim.admin(http.MethodGet, "secrets", nil, &issued)
	for _, s := range issued.Secrets {
		if len(s.Value) > 12 {
			values = append(values, s.Value)
		}
	}
	require.Greater(t, len(values), 6)
	var dump bytes.Buffer
	for _, table := range []string{"entra_partner_connections", "oauth_states", "pending_grants", "secrets", "app_credentials", "outbox"} {
		rows, err := b.db.Admin.Query(t.Context(), `SELECT row_to_json(x)::text FROM `+table+` x`)
		require.NoError(t, err)
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			dump.WriteString(line + "\n")
		}
		require.NoError(t, rows.Err())
	}
	require.NotZero(t, dump.Len())
	require.NotZero(t, log.Len())
	for _, value := range values {
		require.NotContains(t, dump.String(), value)
		require.NotContains(t, log.String(), value)
	}
	// Nor as bytes: sealed columns print in hex.
	var sealed [][]byte
	rows, err := b.db.Admin.Query(t.Context(), `SELECT sealed FROM secrets UNION ALL SELECT sealed_grant FROM pending_grants WHERE sealed_grant IS NOT NULL
		UNION ALL SELECT sealed_verifier FROM oauth_states WHERE sealed_verifier IS NOT NULL`)
	require.NoError(t, err)
	for rows.Next() {
		var column []byte
		require.NoError(t, rows.Scan(&column))
		sealed = append(sealed, column)
	}
	require.NoError(t, rows.Err())
	require.GreaterOrEqual(t, len(sealed), 2)
	for _, column := range sealed {
		for _, value := range values {
			require.False(t, bytes.Contains(column, []byte(value)))
		}
		require.False(t, bytes.Contains(column, []byte("refresh_token")))
	}
}

func TestCredentialsComeFromTheFirstCompletePair(t *testing.T) {
	t.Parallel()
	sim := startSimulator(t)
	folder := t.TempDir()
	write := func(name, value string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(value+"\n"), 0o600))
	}
	b := setupOn(t, sim, func(s *settings) { s.ClientSecret, s.AppSecretsDir = "", folder })
	require.Empty(t, b.status("msp").GetCredentialSource(), "half a pair in the environment, no file")
	write("MICROSOFT_CLIENT_SECRET", clientSecret)
	require.Empty(t, b.status("msp").GetCredentialSource(), "halves of two sources are no pair")
	write("MICROSOFT_CLIENT_ID", clientID)
	require.Equal(t, "app-secret", b.status("msp").GetCredentialSource())
	b.connect("msp")

	whole := setupOn(t, sim, func(s *settings) { s.AppSecretsDir = folder })
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
	pgtest.TenantTables(t, b.db, "connection")
}

func TestASealedValueCannotMove(t *testing.T) {
	t.Parallel()
	b := setup(t)
	store := postgres.New(b.db.Pool("connection"), b.box, b.clock.now, 1)
	version, err := store.PutSecret(t.Context(), "msp", connection.SetDirect, "of msp")
	require.NoError(t, err)
	_, err = b.db.Admin.Exec(t.Context(), `INSERT INTO secrets (tenant_id, key, version, sealed, key_id, created_at)
		SELECT 'other', key, version, sealed, key_id, created_at FROM secrets`)
	require.NoError(t, err)
	got, err := store.GetSecret(t.Context(), "msp", connection.SetDirect, version)
	require.NoError(t, err)
	require.Equal(t, "of msp", got.Reveal())
	_, err = store.GetSecret(t.Context(), "other", connection.SetDirect, version)
	require.Error(t, err, "the row of another tenant does not open")
}
