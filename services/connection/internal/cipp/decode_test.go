package cipp

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

const anID = "11111111-2222-3333-4444-555555555555"

func TestRowsOfTenants(t *testing.T) {
	t.Parallel()
	rows, err := parseTenants([]byte("\ufeff" + `[{"customerId":"` + anID + `","displayName":"A","Excluded":"True","relationshipEnd":"2027-01-02T03:04:05Z","more":[1]},
		{"customerId":"` + strings.ToUpper(anID) + `","Excluded":false,"hasAutoExtend":true,"relationshipEnd":"2027-01-02T03:04:05Z"},
		{"customerId":"` + anID + `","Excluded":null,"relationshipEnd":"soon","domains":"PartnerTenant"}]`))
	require.NoError(t, err)
	require.True(t, bool(rows[0].Excluded))
	require.Equal(t, time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC), *rows[0].ends())
	require.Nil(t, rows[1].ends(), "it renews itself")
	require.Nil(t, rows[2].ends())
	require.True(t, rows[2].isPartner("x"))
	require.True(t, rows[1].isPartner(anID))
	require.False(t, rows[1].isPartner("x"))
	empty, err := parseTenants([]byte(`[]`))
	require.NoError(t, err)
	require.Empty(t, empty)
	for _, body := range []string{
		``, `null`, `{}`, `"text"`, `[null]`, `[{}]`, `[{"customerId":""}]`, `[{"customerId":"` + anID + `"},{"displayName":"x"}]`, `[{"customerId":5}]`,
		`[{"customerId":"AllTenants"}]`, `[{"customerId":"` + anID + `"}`, `<html></html>`,
	} {
		_, err := parseTenants([]byte(body))
		require.Error(t, err, body)
	}
}

func TestPagesOfUsers(t *testing.T) {
	t.Parallel()
	var p page
	require.NoError(t, parsePage([]byte(`{"Results":[{"id":"1","mail":null,"displayName":"A","Tenant":"x","CippStatus":"Good"},{"displayName":"no id"}],
		"Metadata":{"nextLink":"https://graph/x","Queued":false}}`), &p))
	require.Len(t, p.users, 2)
	require.Equal(t, connection.Null, p.users[0].Mail.Presence)
	require.Equal(t, connection.Absent, p.users[0].JobTitle.Presence)
	require.Equal(t, connection.DefectMissingID, p.users[1].Defect)
	require.Equal(t, "https://graph/x", p.NextLink)
	require.NoError(t, parsePage([]byte(`{"Metadata":{},"Results":[]}`), &p))
	require.Empty(t, p.users)
	require.Empty(t, p.NextLink, "nothing stays of the page before")
	for _, body := range []string{
		``, `[]`, `{}`, `{"Results":[]}`, `{"Metadata":{}}`, `{"Results":"text","Metadata":{}}`, `{"Results":["text"],"Metadata":{}}`,
		`{"Results":[{"CippStatus":"Could not connect"}],"Metadata":{}}`, `{"Results":[],"Metadata":{"Queued":true}}`, `{"Results":[],"Metadata":"x"}`,
		`{"Results":[],"Metadata":{}} x`, `{"Results":[{"id":"1"}`, `<html>`, `{"Results":[{"id":"1","@removed":{"reason":"changed"}}],"Metadata":{}}`,
	} {
		require.Error(t, parsePage([]byte(body), &p), body)
	}
}

func TestNumbersInTexts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"Graph Error: Could not get token: AADSTS65001: The user": 65001, "AADSTS7000215": 7000215, "AADSTS": 0, "": 0, "AADSTS12": 0, "AADSTS99999999999": 999999999,
	} {
		require.Equal(t, want, numberIn([]byte(text)), text)
	}
}

// FuzzTenants: what is taken is what encoding/json reads, and every row has an id.
func FuzzTenants(f *testing.F) {
	f.Add([]byte(`[{"customerId":"` + anID + `","Excluded":true,"relationshipEnd":"2027-01-02T03:04:05Z"}]`))
	f.Add([]byte(`[{"customerId":"","displayName":"Failed to retrieve tenants."}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, err := parseTenants(body)
		if err != nil {
			return
		}
		for _, r := range rows {
			_ = r.ends()
			if len(r.CustomerID) != len(anID) {
				t.Fatalf("a row without an id in %q", body)
			}
		}
	})
}

// FuzzPage: a page that is taken is JSON with both members, and has a user where it
// has rows.
func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"Results":[{"id":"1","displayName":"A"}],"Metadata":{"nextLink":"https://graph/x","Queued":false}}`))
	f.Add([]byte(`{"Results":[{"CippStatus":"Could not connect"}],"Metadata":{"Queued":"true"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p page
		if parsePage(body, &p) != nil {
			return
		}
		var shape struct {
			Results  []json.RawMessage
			Metadata json.RawMessage
		}
		trimmed := []byte(strings.TrimPrefix(string(body), "\ufeff"))
		if json.Unmarshal(trimmed, &shape) != nil || bool(p.Queued) {
			t.Fatalf("taken: %q", body)
		}
		identified := len(p.users) == 0
		for _, u := range p.users {
			identified = identified || u.EntraObjectID != ""
		}
		if !identified {
			t.Fatalf("rows without users: %q", body)
		}
	})
}

// FuzzOrganization: what is taken names a domain.
func FuzzOrganization(f *testing.F) {
	f.Add([]byte(`{"Results":[{"verifiedDomains":[{"name":"a.example","isDefault":true},{"name":"b.example","isInitial":true}]}],"Metadata":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var d connection.Details
		if parseOrganization(body, &d) == nil && len(d.Domains) == 0 {
			t.Fatalf("no domain in %q", body)
		}
	})
}

// FuzzRefusal: the number in a text is one that stands there.
func FuzzRefusal(f *testing.F) {
	f.Add([]byte("Graph Error: AADSTS50173: expired - Endpoint: users"), 400)
	f.Fuzz(func(t *testing.T, text []byte, status int) {
		n := numberIn(text)
		if n != 0 && !strings.Contains(string(text), "AADSTS") {
			t.Fatalf("%d in %q", n, text)
		}
		for _, about := range []scope{ofCIPP, ofTenant} {
			if err := (&refusal{status: status, number: n}).classify(about); connection.ClassOf(err) == connection.Bug {
				t.Fatalf("nobody's problem: %v", err)
			}
		}
	})
}

// FuzzMe: an answer about the caller names one, or says that there is none.
func FuzzMe(f *testing.F) {
	f.Add([]byte(`{"clientPrincipal":{"appId":"` + anID + `","appRole":["readonly"]},"permissions":["CIPP.Core.Read"]}`))
	f.Add([]byte(`{"clientPrincipal":null,"permissions":[]}`))
	f.Add([]byte(`{"clientPrincipal":"anonymous"}`))
	f.Add([]byte("\ufeff" + `{"clientPrincipal":{"userRoles":["anonymous"]}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		nobody, err := parseMe(body)
		if err != nil {
			return
		}
		var me struct {
			ClientPrincipal map[string]any
		}
		if json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\ufeff")), &me) != nil || nobody != (me.ClientPrincipal == nil) {
			t.Fatalf("nobody: %t, of %q", nobody, body)
		}
	})
}
