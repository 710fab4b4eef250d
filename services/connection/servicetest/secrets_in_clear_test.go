package servicetest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
	"github.com/entrasync/entrasync/services/connection/internal/connection/secrettest"
)

// TestNoSecretIsStoredOrLoggedInClear is not parallel: it reads the process's
// log.
func TestNoSecretIsStoredOrLoggedInClear(t *testing.T) {
	for _, provider := range []string{assembly.InPostgres, assembly.InVault} {
		t.Run(provider, func(t *testing.T) {
			var log secrettest.Log
			before := slog.Default()
			slog.SetDefault(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			defer slog.SetDefault(before)
			var store *vaultBundle
			adjust := func(*assembly.Settings) {}
			if provider == assembly.InVault {
				store = newVault(t)
				adjust = store.use
			}
			b := setup(t, adjust)
			if store != nil {
				store.clock = b.clock
			}
			values, failures := b.useEverySecret()
			if store != nil {
				values = append(values, store.server.SecretID)
				values = append(values, store.server.Tokens()...)
			}
			require.NotEmpty(t, log.String())
			tables := b.dump()
			for _, table := range []string{"entra_partner_connections", "oauth_states", "pending_grants", "app_credentials", "outbox"} {
				require.Contains(t, tables, table+" {", "nothing was written there")
			}
			require.Equal(t, provider == assembly.InPostgres, strings.Contains(tables, "secrets {"), "sealed, or elsewhere")
			searchable := map[string]string{"a table": tables, "the log": log.String(), "an error": strings.Join(failures, "\n")}
			for _, value := range values {
				require.Greater(t, len(value), 12)
				for _, form := range []string{value, hex.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte(value))} {
					for where, text := range searchable {
						require.False(t, strings.Contains(text, form), "a secret is in clear in %s", where)
					}
				}
			}
		})
	}
}

// useEverySecret takes ways on which secrets travel, and returns those that were
// used and what failed.
func (b *bundle) useEverySecret() (values, failures []string) {
	t := b.t
	t.Helper()
	b.connect("msp")
	const own = "a-client-secret-of-the-tenant"
	b.sim.register("5e11aa00-0000-4000-8000-0000000000aa", own)
	_, err := b.public.SetCredentials(person(t, "globex", "admin"), &connectionv1.SetCredentialsRequest{
		ClientId: "5e11aa00-0000-4000-8000-0000000000aa", ClientSecret: own,
	})
	require.NoError(t, err)
	b.connect("globex")
	key, certificate := appCertificate(t, time.Now().Add(24*time.Hour), 2048)
	b.sim.register(otherApp, "", certificate)
	_, err = b.public.SetCredentials(person(t, "initech", "admin"), &connectionv1.SetCredentialsRequest{
		ClientId: otherApp, ClientCertificate: key + certificate,
	})
	require.NoError(t, err)
	b.connect("initech")
	pending := b.back(b.sim.consent(b.begin(person(t, "other", "admin")).GetAuthorizeUrl()), "")
	b.begin(person(t, "third", "admin")) // a verifier that waits
	state := b.sim.consent(b.begin(browser(t, "msp", "admin", "s1")).GetAuthorizeUrl())
	b.sim.fault(map[string]any{"kind": "oauth-error", "route": "login.token", "aadsts": 54005})
	require.Equal(t, "token_exchange_failed", b.back(state, "s1").Get("error"))
	b.clock.advance(2 * time.Hour)
	for range 2 {
		_, err := b.managedTenants(b.inside("msp"))
		if err != nil {
			failures = append(failures, fmt.Sprintf("%v %+v", err, err))
		}
		b.sim.heal()
	}
	require.Len(t, failures, 1)
	_, managed := b.sim.directories()
	_, err = b.discovery.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: managed[0].TenantID})
	require.NoError(t, err)
	full, err := b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: managed[0].TenantID})
	require.NoError(t, err)
	kept, err := url.Parse(full.completed.GetDeltaLink())
	require.NoError(t, err)
	b.sim.fault(map[string]any{"kind": "drop", "route": "graph.users.delta"})
	_, err = b.listUsers(b.inside("msp"), &connectionv1.ListUsersRequest{EntraTenantId: managed[0].TenantID, DeltaLink: kept.String()})
	require.Error(t, err)
	failures = append(failures, fmt.Sprintf("%v %+v", err, err))

	values = []string{
		clientSecret, own, pending.Get("completion_code"), state.Get("state"), state.Get("code"), kept.Query().Get("$deltatoken"),
	}
	for line := range strings.Lines(key) {
		if line = strings.TrimSpace(line); len(line) == 64 { // of the PEM's body
			values = append(values, line)
		}
	}
	var issued struct {
		Secrets []struct{ Kind, Value string } `json:"secrets"`
	}
	b.sim.admin(http.MethodGet, "secrets", nil, &issued)
	for _, s := range issued.Secrets {
		if len(s.Value) > 12 {
			values = append(values, s.Value)
		}
	}
	require.Greater(t, len(values), 12)
	return values, failures
}
