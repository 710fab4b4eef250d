package signin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
)

// partnerCenter answers consents.
func partnerCenter(t *testing.T, answer http.HandlerFunc) (*Client, *atomic.Int32) {
	t.Helper()
	asked := &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	c, err := New(Options{
		Login: "https://login.example", PartnerCenter: server.URL + "/",
		RedirectURI: "https://host.example/callback",
		Wait:        func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	require.NoError(t, err)
	return c, asked
}

func TestGrantConsentSaysWhatItWants(t *testing.T) {
	t.Parallel()
	c, asked := partnerCenter(t, func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if r.Method != http.MethodPost || r.URL.Path != "/v1/customers/"+microsofttest.CustomerID+"/applicationconsents" ||
			r.Header.Get("Authorization") != "Bearer for-the-partner-center" || json.NewDecoder(r.Body).Decode(&body) != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		want := map[string]any{
			"applicationId": "app", "displayName": "entrasync",
			"applicationGrants": []any{map[string]any{
				"enterpriseApplicationId": "00000003-0000-0000-c000-000000000000", "scope": "User.Read.All,GroupMember.Read.All",
			}},
		}
		if !jsonEqual(body, want) {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	require.NoError(t, c.GrantConsent(t.Context(), connection.Credentials{ClientID: "app"}, "for-the-partner-center", microsofttest.CustomerID))
	require.EqualValues(t, 1, asked.Load())
}

func jsonEqual(a, b any) bool {
	left, _ := json.Marshal(a)
	right, _ := json.Marshal(b)
	return string(left) == string(right)
}

func TestGrantConsentOutcomes(t *testing.T) {
	t.Parallel()
	const exists = `{"code":"900409","description":"Permission entry already exists."}`
	for name, outcome := range map[string]struct {
		status int
		body   string
		reason string
		class  connection.Class
		asked  int32
	}{
		"it stands already":            {http.StatusConflict, exists, "", "", 1},
		"it stands already, otherwise": {http.StatusBadRequest, exists, "", "", 1},
		"a broken server that says so": {http.StatusInternalServerError, exists, connection.ReasonUpstreamError, connection.Retry, 3},
		"another conflict":             {http.StatusConflict, `{"description":"Something else"}`, connection.ReasonConsentMissing, connection.Customer, 1},
		"refused":                      {http.StatusForbidden, `not JSON`, connection.ReasonConsentMissing, connection.Customer, 1},
		"not signed in":                {http.StatusUnauthorized, ``, connection.ReasonConsentMissing, connection.Customer, 1},
		"throttled":                    {http.StatusTooManyRequests, ``, connection.ReasonThrottled, connection.Retry, 3},
		"moved":                        {http.StatusTemporaryRedirect, ``, connection.ReasonConsentMissing, connection.Customer, 1},
	} {
		c, asked := partnerCenter(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://"+r.Host+"/elsewhere")
			w.WriteHeader(outcome.status)
			_, _ = w.Write([]byte(outcome.body))
		})
		err := c.GrantConsent(t.Context(), connection.Credentials{ClientID: "app"}, "token", microsofttest.CustomerID)
		require.Equal(t, outcome.asked, asked.Load(), name)
		if outcome.reason == "" {
			require.NoError(t, err, name)
			continue
		}
		require.Equal(t, outcome.reason, errs.ReasonOf(err), name)
		require.Equal(t, outcome.class, connection.ClassOf(err), name)
	}
	c, asked := partnerCenter(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	err := c.GrantConsent(t.Context(), connection.Credentials{ClientID: "app"}, "token", microsofttest.CustomerID)
	require.Equal(t, 10*time.Minute, microsofttest.RetryAfter(err))
	require.EqualValues(t, 1, asked.Load(), "no earlier than it is allowed")

	none, err := New(Options{Login: "https://login.example"})
	require.NoError(t, err)
	err = none.GrantConsent(t.Context(), connection.Credentials{ClientID: "app"}, "token", microsofttest.CustomerID)
	require.Equal(t, connection.Customer, connection.ClassOf(err), "without a Partner Center an administrator is asked")
}

func TestAdminConsentURL(t *testing.T) {
	t.Parallel()
	c, _ := partnerCenter(t, nil)
	for access, scope := range map[connection.CustomerAccess]string{
		connection.Delegated: "https://graph.microsoft.com/User.Read.All https://graph.microsoft.com/GroupMember.Read.All",
		connection.AppOnly:   "https://graph.microsoft.com/.default",
	} {
		address, err := url.Parse(c.AdminConsentURL(connection.Credentials{ClientID: "app", CustomerAccess: access}, microsofttest.CustomerID, "the state"))
		require.NoError(t, err)
		require.Equal(t, "https://login.example/"+microsofttest.CustomerID+"/v2.0/adminconsent", address.Scheme+"://"+address.Host+address.Path)
		require.Equal(t, url.Values{
			"client_id": {"app"}, "scope": {scope}, "redirect_uri": {"https://host.example/callback"}, "state": {"the state"},
		}, address.Query())
	}
}
