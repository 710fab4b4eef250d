package server_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// azidentity sends the words of OpenID Connect with every request for an app's token, and the
// service passes them over.
func TestAnAppsTokenNeedsNoOpenID(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	a := b.token(b.fleet.Customers()[0].ID, url.Values{
		"grant_type": {"client_credentials"}, "scope": {graphDefault + " openid offline_access profile"},
	})
	require.Equal(t, http.StatusOK, a.status, "%s", a.raw)
	require.NotEmpty(t, a.json["access_token"])
	require.NotContains(t, a.json, "refresh_token")
	require.NotContains(t, a.json, "id_token")
}

// The SDK casts by graph.user, and lists members of any type without a cast.
func TestMembersByEveryPath(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	members := "/v1.0/groups/" + b.fleet.Groups(tenant.Index)[1].ID + "/transitiveMembers"

	cast := members + "/graph.user?$select=id&$count=true&$top=3"
	requireGraphError(t, b.get(token, cast), http.StatusBadRequest, "Request_BadRequest")
	rows, pages, _ := b.all(token, cast, "ConsistencyLevel", "eventual")
	require.Len(t, rows, 4)
	require.Equal(t, 2, pages)
	require.NotContains(t, rows[0], "@odata.type")

	page := b.get(token, members+"?$select=id&$top=3")
	require.Equal(t, http.StatusOK, page.status, "%s", page.raw)
	require.NotContains(t, page.json, "@odata.count")
	require.True(t, strings.HasSuffix(page.json["@odata.context"].(string), "$metadata#directoryObjects(id)"))
	rows, pages, _ = b.all(token, members+"?$select=id&$top=3")
	require.Len(t, rows, 4)
	require.Equal(t, 2, pages)
	require.Equal(t, "#microsoft.graph.user", rows[0]["@odata.type"])
}

// Kiota compresses the bodies that it sends.
func TestACompressedBatch(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token := b.customer(b.fleet.Customers()[0])
	batch := []byte(`{"requests":[{"id":"1","method":"GET","url":"/organization"}]}`)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(batch)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	send := func(encoding string, body []byte) answer {
		return b.do(b.request(http.MethodPost, "/v1.0/$batch", bytes.NewReader(body), "Authorization", "Bearer "+token, "Content-Type", "application/json", "Content-Encoding", encoding))
	}
	a := send("gzip", packed.Bytes())
	require.Equal(t, http.StatusOK, a.status, "%s", a.raw)
	require.Len(t, a.json["responses"], 1)
	requireGraphError(t, send("gzip", batch), http.StatusBadRequest, "BadRequest")
	requireGraphError(t, send("br", batch), http.StatusUnsupportedMediaType, "UnsupportedMediaType")
}

func TestWhenPeopleSignedInWantsAPermission(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	target := "/v1.0/users?$select=id,signInActivity"
	requireGraphError(t, b.get(b.customer(tenant), target), http.StatusForbidden, "Authorization_RequestDenied")
	requireGraphError(t, b.get(b.customer(tenant), "/v1.0/users/delta?$select=id,signInActivity"), http.StatusForbidden, "Authorization_RequestDenied")
	b.admin(http.MethodPost, "/consents", map[string]any{"clientId": clientID, "tenant": tenant.ID, "delegated": []string{"User.Read.All", "AuditLog.Read.All"}})
	require.Equal(t, http.StatusOK, b.get(b.customer(tenant), target).status)
}

func TestAnOrganizationByUserReadAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	b.admin(http.MethodPost, "/consents", map[string]any{"clientId": clientID, "tenant": tenant.ID, "delegated": []string{"User.Read"}})
	org := b.get(b.customer(tenant), "/v1.0/organization").rows(t)[0]
	require.Equal(t, tenant.ID, org["id"])
	require.NotEmpty(t, org["displayName"])
	require.NotEmpty(t, org["verifiedDomains"])
	for _, name := range []string{"createdDateTime", "countryLetterCode", "tenantType", "businessPhones"} {
		require.Contains(t, org, name)
		require.Nil(t, org[name], name)
	}
}

func TestARelationshipHasOneOfTheKnownStates(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	token, _ := b.connect()
	base := "/v1.0/tenantRelationships/delegatedAdminRelationships?$filter="
	require.Equal(t, http.StatusOK, b.get(token, base+"status eq 'terminating'").status)
	requireGraphError(t, b.get(token, base+"status eq 'bogus'"), http.StatusBadRequest, "Request_BadRequest")
}

func TestAnUnknownVersionIsGraphsError(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	requireGraphError(t, b.get("x", "/v3.0/users"), http.StatusBadRequest, "BadRequest")
}

func TestForgettingRequestsForgetsRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	b.admin(http.MethodPost, "/faults", map[string]any{"kind": "throttle", "tenant": tenant.ID, "times": 1, "retryAfterSeconds": 1})
	require.Equal(t, http.StatusTooManyRequests, b.get(token, "/v1.0/users").status)
	require.NotZero(t, b.admin(http.MethodGet, "/requests", nil).json["throttled"])
	b.admin(http.MethodDelete, "/requests", nil)
	after := b.admin(http.MethodGet, "/requests", nil).json
	require.Zero(t, after["throttled"])
	require.Empty(t, after["peakUse"])
}
