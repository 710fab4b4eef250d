package server_test

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

func TestBrokenUsersOnTheWire(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[2] // 3 users
	token := b.customer(tenant)
	for _, kind := range []string{"missing-id", "long-name", "invalid-utf8", "nul", "sql-name", "duplicate-id"} {
		b.admin(http.MethodPost, "/tenants/"+tenant.ID+"/broken", map[string]string{"kind": kind})
	}
	a := b.get(token, "/v1.0/users?$select=id,displayName&$top=999")
	rows := a.rows(t)
	require.Len(t, rows, 9)
	require.NotContains(t, rows[3], "id")
	require.Equal(t, 300, utf8.RuneCountInString(rows[4]["displayName"].(string)))
	require.True(t, bytes.Contains(a.raw, []byte("Zo\xeb Latin-1 \xc3\x28")))
	require.True(t, bytes.Contains(a.raw, []byte(`Null\u0000Character`)))
	require.Equal(t, `Robert'); DROP TABLE contacts;-- "Bobby" \ Tables`, rows[7]["displayName"])
	require.Equal(t, rows[0]["id"], rows[8]["id"])
	require.NotEqual(t, rows[0]["displayName"], rows[8]["displayName"])
}

func TestAdministratorChangesUsers(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	list := b.admin(http.MethodGet, "/tenants/"+tenant.DefaultDomain()+"/users?limit=2", nil).json
	require.Len(t, list["users"], 2)
	user := list["users"].([]any)[1].(map[string]any)
	change := func(kind string, set map[string]any) {
		b.admin(http.MethodPost, "/changes", map[string]any{"kind": kind, "tenant": tenant.ID, "user": user["userPrincipalName"], "set": set})
	}
	read := func() answer {
		return b.get(token, "/v1.0/users/"+user["id"].(string)+"?$select=displayName,accountEnabled,mail,employeeType")
	}
	change("edit", map[string]any{"accountEnabled": false, "displayName": "Someone Else", "mail": nil, "employeeType": "Contractor"})
	require.Equal(t, false, read().json["accountEnabled"])
	require.Equal(t, "Someone Else", read().json["displayName"])
	require.Nil(t, read().json["mail"])
	require.Equal(t, "Contractor", read().json["employeeType"])
	change("delete", nil)
	requireGraphError(t, read(), http.StatusNotFound, "Request_ResourceNotFound")
	b.admin(http.MethodPost, "/changes", map[string]any{"kind": "restore", "tenant": tenant.ID, "user": user["id"]})
	require.Equal(t, http.StatusOK, read().status)
	b.admin(http.MethodPost, "/changes", map[string]any{"changes": []any{map[string]any{"kind": "grow", "tenant": tenant.ID, "count": 500}}})
	require.Equal(t, "538", string(b.get(token, "/v1.0/users/$count", "ConsistencyLevel", "eventual").raw))

	bad := b.do(b.request(http.MethodPost, "/admin/changes", bytes.NewReader([]byte(`{"kind":"edit","tenant":"nowhere"}`))))
	require.Equal(t, http.StatusNotFound, bad.status)
	bad = b.do(b.request(http.MethodPost, "/admin/changes", bytes.NewReader([]byte(`{"kind":"edit","tenent":"x"}`))))
	require.Equal(t, http.StatusBadRequest, bad.status)
}

func TestMSPRecordsAreStreamed(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	for path, want := range map[string]int{"/msp/clients": 7, "/msp/contacts": 0} {
		lines := 0
		for s := bufio.NewScanner(bytes.NewReader(b.admin(http.MethodGet, path, nil).raw)); s.Scan(); {
			require.True(t, bytes.HasPrefix(s.Bytes(), []byte(`{"externalId":"`)))
			lines++
		}
		require.Positive(t, lines)
		if want > 0 {
			require.Equal(t, want, lines)
		}
	}
}
