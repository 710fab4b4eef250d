package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

func text(v string) json.RawMessage { return json.RawMessage(`"` + v + `"`) }

func TestDeltaFirstRound(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Small)
	tenant := b.fleet.Customers()[4] // 450 users
	token := b.customer(tenant)
	soft, _ := b.fleet.At(tenant.Index, 7)
	hard, _ := b.fleet.At(tenant.Index, 8)
	b.apply(fleet.Change{Kind: fleet.Delete, Tenant: tenant.ID, User: soft.ID})
	b.apply(fleet.Change{Kind: fleet.Purge, Tenant: tenant.ID, User: hard.ID})
	rows, pages, last := b.all(token, "/v1.0/users/delta?$select=displayName,jobTitle,mail,accountEnabled")
	require.Equal(t, 3, pages)
	require.Len(t, rows, 450)
	require.NotEmpty(t, last.json["@odata.deltaLink"])
	states := map[string]int{}
	removed := map[string]string{}
	for _, row := range rows {
		require.NotEmpty(t, row["id"])
		if gone, ok := row["@removed"]; ok {
			removed[row["id"].(string)] = gone.(map[string]any)["reason"].(string)
			continue
		}
		switch title, present := row["jobTitle"]; {
		case !present:
			states["absent"]++
		case title == nil:
			states["null"]++
		default:
			states["set"]++
		}
	}
	require.Equal(t, map[string]string{soft.ID: "changed", hard.ID: "deleted"}, removed)
	for _, state := range []string{"absent", "null", "set"} {
		require.NotZero(t, states[state], state)
	}
}

func TestDeltaTellsChangesSince(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	latest := b.get(token, "/v1.0/users/delta?$deltatoken=latest&$select=displayName,jobTitle,accountEnabled")
	require.Empty(t, latest.rows(t))
	link := latest.json["@odata.deltaLink"].(string)
	quiet := b.get(token, link)
	require.Empty(t, quiet.rows(t))
	require.Contains(t, quiet.json, "@odata.deltaLink")

	user := func(slot int) string {
		u, gone := b.fleet.At(tenant.Index, slot)
		require.Equal(t, fleet.Present, gone)
		return u.ID
	}
	edit := func(id string, set map[string]json.RawMessage) {
		b.apply(fleet.Change{Kind: fleet.Edit, Tenant: tenant.ID, User: id, Set: set})
	}
	titled, cleared, unselected, soft, hard := user(1), user(2), user(3), user(4), user(5)
	edit(titled, map[string]json.RawMessage{"jobTitle": text("Chief")})
	edit(cleared, map[string]json.RawMessage{"jobTitle": json.RawMessage("null")})
	edit(unselected, map[string]json.RawMessage{"city": text("Bern")})
	b.apply(fleet.Change{Kind: fleet.Delete, Tenant: tenant.ID, User: soft})
	b.apply(fleet.Change{Kind: fleet.Purge, Tenant: tenant.ID, User: hard})
	added := b.apply(fleet.Change{Kind: fleet.Add, Tenant: tenant.ID, Set: map[string]json.RawMessage{"displayName": text("New")}})[0]

	round := b.get(token, link)
	byID := map[string]map[string]any{}
	for _, row := range round.rows(t) {
		byID[row["id"].(string)] = row
	}
	require.Len(t, byID, 5)
	require.Equal(t, "Chief", byID[titled]["jobTitle"])
	require.Contains(t, byID[titled], "displayName", "a row carries all that was ever set")
	require.Contains(t, byID[cleared], "jobTitle")
	require.Nil(t, byID[cleared]["jobTitle"])
	require.Equal(t, map[string]any{"reason": "changed"}, byID[soft]["@removed"])
	require.Equal(t, map[string]any{"reason": "deleted"}, byID[hard]["@removed"])
	require.Equal(t, "New", byID[added]["displayName"])
	require.NotContains(t, byID[added], "jobTitle", "never set, so absent")
	require.NotContains(t, byID, unselected)

	again := b.get(token, link)
	require.Len(t, again.rows(t), 5, "a link may be followed again")
	next := round.json["@odata.deltaLink"].(string)
	b.apply(fleet.Change{Kind: fleet.Restore, Tenant: tenant.ID, User: soft})
	rows := b.get(token, next).rows(t)
	require.Len(t, rows, 1)
	require.Equal(t, soft, rows[0]["id"])
	require.NotContains(t, rows[0], "@removed")
}

func TestDeltaPagesAndLosesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	link := b.get(token, "/v1.0/users/delta?$deltatoken=latest").json["@odata.deltaLink"].(string)
	ids := b.apply(fleet.Change{Kind: fleet.Grow, Tenant: tenant.ID, Count: 450})
	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "empty-page", Route: "graph.users.delta", Times: 2})
	rows, pages, last := b.all(token, link)
	require.Equal(t, 5, pages)
	require.Len(t, rows, 450)
	require.Equal(t, ids[0], rows[0]["id"])
	require.Contains(t, last.json, "@odata.deltaLink")
}

func TestDeltaEnds(t *testing.T) {
	t.Parallel()
	b := setup(t, fleet.Tiny)
	tenant := b.fleet.Customers()[0]
	token := b.customer(tenant)
	link := b.get(token, "/v1.0/users/delta?$select=id,mail&$deltatoken=latest").json["@odata.deltaLink"].(string)

	b.admin(http.MethodPost, "/faults", server.Fault{Kind: "delta-resync", Route: "graph.users.delta", Times: 1})
	a := b.get(token, link)
	requireGraphError(t, a, http.StatusGone, "resyncRequired")
	location := a.header.Get("Location")
	require.True(t, strings.HasPrefix(location, b.base+"/v1.0/users/delta?"))
	rows, _, _ := b.all(token, location)
	require.Len(t, rows, 38, "the location begins a full round")

	b.clock.Advance(7*24*time.Hour + time.Minute)
	requireGraphError(t, b.get(b.customer(tenant), link), http.StatusBadRequest, "syncStateNotFound")
}
