package server_test

import (
	"bytes"
	"maps"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/graphtypes"
)

var (
	guidShape     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	durationShape = regexp.MustCompile(`^P(\d+D)?(T\d+S)?$`)
)

// conforms holds a value against a type of Microsoft's metadata.
func conforms(t *testing.T, at, typeName string, nullable bool, v any) {
	t.Helper()
	if v == nil {
		require.True(t, nullable, "%s is null", at)
		return
	}
	if inner, ok := strings.CutPrefix(typeName, "Collection("); ok {
		list, isList := v.([]any)
		require.True(t, isList, "%s is no list", at)
		for _, item := range list {
			conforms(t, at+"[]", strings.TrimSuffix(inner, ")"), nullable, item)
		}
		return
	}
	switch typeName {
	case "Edm.String":
		if _, ok := v.(string); !ok { // the message of a check would cost more than all else
			require.IsType(t, "", v, at)
		}
	case "Edm.Boolean":
		if _, ok := v.(bool); !ok {
			require.IsType(t, true, v, at)
		}
	case "Edm.Int32":
		n, ok := v.(float64)
		require.True(t, ok && n == math.Trunc(n), "%s is %v", at, v)
	case "Edm.Guid":
		require.Regexp(t, guidShape, v, at)
	case "Edm.Duration":
		require.Regexp(t, durationShape, v, at)
	case "Edm.DateTimeOffset":
		_, err := time.Parse(time.RFC3339, v.(string))
		require.NoError(t, err, at)
	default:
		known, ok := graphtypes.Types[typeName]
		require.True(t, ok, "%s: %s is not described, so it must not be filled", at, typeName)
		if known.Kind == "EnumType" {
			require.True(t, slices.Contains(known.Members, v.(string)), at)
			return
		}
		conformsObject(t, at, typeName, v.(map[string]any))
	}
}

func conformsObject(t *testing.T, at, typeName string, object map[string]any) {
	t.Helper()
	require.NotEmpty(t, object, at)
	for name, value := range object {
		if strings.HasPrefix(name, "@") {
			continue
		}
		p, ok := graphtypes.Find(typeName, name)
		require.True(t, ok, "%s has no property %s", typeName, name)
		conforms(t, at+"/"+name, p.Type, p.Nullable, value)
	}
}

// Everything that Graph emits is described by Microsoft's own metadata.
func TestEmittedPropertiesConform(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	partner, _ := b.connect()
	for _, c := range []struct{ target, typeName string }{
		{"/v1.0/tenantRelationships/delegatedAdminRelationships", "microsoft.graph.delegatedAdminRelationship"},
		{"/v1.0/tenantRelationships/delegatedAdminCustomers", "microsoft.graph.delegatedAdminCustomer"},
		{"/v1.0/contracts", "microsoft.graph.contract"},
		{"/v1.0/organization", "microsoft.graph.organization"},
		{"/v1.0/users", "microsoft.graph.user"},
	} {
		rows, _, _ := b.all(partner, c.target)
		require.NotEmpty(t, rows)
		for _, row := range rows {
			conformsObject(t, c.target, c.typeName, row)
		}
	}
	for _, tenant := range b.fleet.Customers()[5:12] {
		token := b.customer(tenant)
		for _, target := range []string{"/v1.0/users?$top=999&$select=" + allProperties(), "/v1.0/users/delta?$select=" + allProperties()} {
			rows, _, _ := b.all(token, target)
			require.Len(t, rows, tenant.Generated)
			for _, row := range rows {
				require.True(t, guidShape.MatchString(row["id"].(string)), row["id"])
				conformsObject(t, target, "microsoft.graph.user", row)
				phones, _ := row["businessPhones"].([]any)
				require.LessOrEqual(t, len(phones), 1, "at most one")
			}
		}
		rows, _, _ := b.all(token, "/v1.0/groups")
		for _, row := range rows {
			conformsObject(t, "/groups", "microsoft.graph.group", row)
		}
	}
	require.Equal(t, http.StatusOK, b.get(partner, "/v1.0/users?$select="+allProperties()).status, "every property of the metadata may be selected")
}

// So are single objects, members of groups, what comes in a batch, beta's
// larger set of properties, and what CIPP passes on.
func TestEmittedObjectsConform(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	partner, _ := b.connect()
	tenant := b.fleet.Customers()[8]
	token := b.customer(tenant)
	group := "/groups/" + b.fleet.Groups(tenant.Index)[1].ID
	user, _ := b.fleet.At(tenant.Index, 0)
	one := map[string]string{
		"/users/" + user.ID: "microsoft.graph.user", "/users/" + user.ID + "?$select=" + allProperties(): "microsoft.graph.user",
		group: "microsoft.graph.group", group + "?$select=id,displayName,groupTypes": "microsoft.graph.group",
	}
	for target, typeName := range one {
		for _, version := range []string{"/v1.0", "/beta"} {
			conformsObject(t, target, typeName, b.get(token, version+target).json)
		}
	}
	conformsObject(t, "/me", "microsoft.graph.user", b.get(partner, "/v1.0/me").json)
	members := group + "/transitiveMembers/microsoft.graph.user?$count=true&$top=999"
	lists := map[string]string{
		members: "microsoft.graph.user", members + "&$select=id": "microsoft.graph.user", "/organization": "microsoft.graph.organization",
		"/organization?$select=id,verifiedDomains": "microsoft.graph.organization", "/users?$top=999": "microsoft.graph.user", "/users/delta": "microsoft.graph.user",
		"/groups?$select=id,displayName": "microsoft.graph.group",
	}
	for target, typeName := range lists {
		for _, version := range []string{"/v1.0", "/beta"} {
			rows, _, _ := b.all(token, version+target, "ConsistencyLevel", "eventual")
			require.NotEmpty(t, rows, target)
			for _, row := range rows {
				conformsObject(t, target, typeName, row)
			}
		}
	}
	items := []map[string]string{}
	types := map[string]string{}
	for target, typeName := range one {
		id := strconv.Itoa(len(items))
		items, types[id] = append(items, map[string]string{"id": id, "method": "GET", "url": target}), typeName
	}
	batch := b.do(b.request(http.MethodPost, "/v1.0/$batch", bytes.NewReader(mustJSON(t, map[string]any{"requests": items})), "Authorization", "Bearer "+token, "Content-Type", "application/json"))
	for _, r := range batch.json["responses"].([]any) {
		r := r.(map[string]any)
		conformsObject(t, "$batch", types[r["id"].(string)], r["body"].(map[string]any))
	}
	own := []string{"Tenant", "CippStatus", "username", "Aliases", "LicJoined", "primDomain"}
	query := url.Values{"tenantFilter": {tenant.ID}, "Endpoint": {"users"}}
	rows := list(t, b.cipp(b.cippToken(), "ListUsers", query).raw)
	for _, row := range b.cipp(b.cippToken(), "ListGraphRequest", query).json["Results"].([]any) {
		rows = append(rows, row.(map[string]any))
	}
	require.Len(t, rows, 2*tenant.Generated)
	for _, row := range rows {
		maps.DeleteFunc(row, func(name string, _ any) bool { return slices.Contains(own, name) })
		conformsObject(t, "CIPP", "microsoft.graph.user", row)
	}
}
