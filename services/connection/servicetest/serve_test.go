package servicetest

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/service"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

// TestTheProcessServesAndStops is not parallel: the process sets its logger.
func TestTheProcessServesAndStops(t *testing.T) {
	network, db, keys := rpctest.New(t), pgtest.Database(t, "connection"), filepath.Join(t.TempDir(), "keys.json")
	_, err := secrets.NewKeyFile(keys)
	require.NoError(t, err)
	settings := map[string]string{
		"ENTRASYNC_DATABASE_URL": db.URL, "ENTRASYNC_TLS_DIR": network.Dir(assembly.Name), "ENTRASYNC_MASTER_KEY_FILE": keys,
		"ENTRASYNC_LOG_LEVEL": "error", "ENTRASYNC_DRAIN_DELAY": "0", "MICROSOFT_CLIENT_ID": clientID, "MICROSOFT_CLIENT_SECRET": clientSecret,
		"ENTRASYNC_RETURN_TO_ALLOWED": returnTo + ",https://psa.example/other",
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	listen, admin := rpctest.FreeAddress(t), rpctest.FreeAddress(t)
	settings["ENTRASYNC_LISTEN"], settings["ENTRASYNC_ADMIN_LISTEN"] = listen, admin
	var c assembly.Config
	require.NoError(t, env.ParseWithOptions(&c, env.Options{Environment: settings}))
	go func() { ended <- service.Run(ctx, assembly.Name, c, assembly.Start) }()
	ready(t, admin, ended)
	client := connectionv1.NewConnectionServiceClient(network.Dial("gateway", assembly.Name, listen))
	resp, err := client.Connect(person(t, "msp", "admin"), &connectionv1.ConnectRequest{ConnectionType: "direct", ReturnTo: "https://psa.example/other"})
	require.NoError(t, err)
	require.Contains(t, resp.GetAuthorizeUrl(), "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize?")
	require.Contains(t, resp.GetAuthorizeUrl(), clientID)
	stop()
	require.NoError(t, <-ended)
}

// ready waits until the process can serve.
func ready(t *testing.T, admin string, ended <-chan error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/readyz", nil)
		require.NoError(t, err)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			require.NoError(t, resp.Body.Close())
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-ended:
			require.Fail(t, "it ended on its own", "%v", err)
		case <-tick.C:
		}
	}
}

func TestSettingsMustBeSafe(t *testing.T) {
	t.Parallel()
	for _, bad := range []assembly.Settings{
		{PublicURL: "not a url"},
		{PublicURL: publicURL, ReturnToAllowed: []string{"javascript:alert(1)"}},
		{PublicURL: publicURL, LoginURL: "http://login.example", GraphURL: "https://graph.microsoft.com"},
		{PublicURL: publicURL, LoginURL: "https://login.example", GraphURL: "http://graph.example"},
	} {
		_, err := assembly.New(bad, nil, nil, time.Now)
		require.Error(t, err)
	}
}

func TestOnlyListedServicesMayRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.engine.GetTenantDetails(b.inside("msp"), &connectionv1.GetTenantDetailsRequest{EntraTenantId: "x"})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))
	_, err = b.listUsers(t.Context(), &connectionv1.ListUsersRequest{EntraTenantId: "x"})
	require.Equal(t, errs.Unauthenticated, errs.KindOf(err), "nobody said for whom")
	_, err = b.internal.CompleteCallback(t.Context(), &connectionv1.CompleteCallbackRequest{State: "x", Code: "y"})
	require.NoError(t, err, "the state says for whom")
}

func TestTheMigrationGoesBack(t *testing.T) {
	t.Parallel()
	db := pgtest.Database(t, "connection")
	require.NoError(t, migrations.Down(t.Context(), db.AdminURL, "connection"))
	require.NoError(t, migrations.Up(t.Context(), db.AdminURL, "connection"))
}
