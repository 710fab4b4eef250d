package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

// discard is an http.ResponseWriter that keeps nothing but the first bytes,
// where the next link stands.
type discard struct {
	header http.Header
	head   []byte
	bytes  int64
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(b []byte) (int, error) {
	if len(d.head) < 2048 {
		d.head = append(d.head, b[:min(len(b), 2048)]...)
	}
	d.bytes += int64(len(b))
	return len(b), nil
}

const syncSelect = "id,userPrincipalName,mail,displayName,givenName,surname,accountEnabled,userType,jobTitle,department,mobilePhone,businessPhones,proxyAddresses,otherMails,assignedLicenses"

func hugeServer(tb testing.TB) (*server.Server, string) {
	tb.Helper()
	f, err := fleet.New(fleet.Config{Size: fleet.OneHuge, Seed: 1, Year: 2026})
	require.NoError(tb, err)
	s, err := server.New(server.Config{Fleet: f, Apps: []server.App{{ID: clientID, Secret: clientSecret}}})
	require.NoError(tb, err)
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {graphDefault}, "client_id": {clientID}, "client_secret": {clientSecret}}
	r := httptest.NewRequest(http.MethodPost, "/"+f.Customers()[0].ID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(tb, json.Unmarshal(w.Body.Bytes(), &token))
	lift := httptest.NewRequest(http.MethodPost, "/admin/throttle", strings.NewReader(`{"off":true}`))
	s.ServeHTTP(httptest.NewRecorder(), lift)
	return s, token.AccessToken
}

// BenchmarkPage measures a page of 999 users with the properties of a sync.
func BenchmarkPage(b *testing.B) {
	s, token := hugeServer(b)
	r := httptest.NewRequest(http.MethodGet, "/v1.0/users?$top=999&$select="+syncSelect, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	b.ReportAllocs()
	users := 0
	for b.Loop() {
		w := &discard{header: http.Header{}}
		s.ServeHTTP(w, r)
		b.SetBytes(w.bytes)
		users += 999
	}
	b.ReportMetric(float64(users)/b.Elapsed().Seconds(), "users/s")
}
