package graph

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
)

func TestPriorityTravels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		seen := map[string][]string{}
		note := func(what, priority string) {
			mu.Lock()
			defer mu.Unlock()
			seen[what] = append(seen[what], priority)
		}
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			note(r.URL.Path, r.Header.Get("x-ms-throttle-priority"))
			switch {
			case r.Method == http.MethodPost:
				batchOf(w, r, func(i batchItem) itemAnswer {
					note("item", i.Headers["x-ms-throttle-priority"])
					return userItem(i)
				})
			case r.URL.Path == "/v1.0/groups/g/transitiveMembers/microsoft.graph.user":
				_, _ = w.Write([]byte(`{"value":[{"id":"m"}]}`))
			case r.URL.Path == "/v1.0/users", r.URL.Path == "/v1.0/users/delta":
				pagesOf(w, r, 2, 1)
			default:
				_, _ = w.Write([]byte(`{"value":[]}`))
			}
		}))
		tokens := microsofttest.Tokens{App: "app", Directory: "tenant"}
		for _, p := range []connection.Priority{connection.Low, connection.High, ""} {
			clear(seen)
			priority := string(p)
			_, err := list(t.Context(), c, tokens, connection.UsersRequest{Priority: p})
			require.NoError(t, err)
			_, _, err = c.UsersByID(t.Context(), tokens, connection.ByIDRequest{IDs: []string{"a"}, Priority: p})
			require.NoError(t, err)
			err = c.GroupMembers(t.Context(), tokens, connection.GroupRequest{GroupID: "g", Priority: p}, func([]string) error { return nil })
			require.NoError(t, err)
			require.Equal(t, map[string][]string{
				"/v1.0/users/delta": {priority}, "/v1.0/users": {priority, priority}, "/v1.0/$batch": {priority}, "item": {priority},
				"/v1.0/groups/g/transitiveMembers/microsoft.graph.user": {priority},
			}, seen)
		}
		_, err := c.Probe(t.Context(), tokens)
		require.NoError(t, err)
		require.Equal(t, []string{"high"}, seen["/v1.0/tenantRelationships/delegatedAdminRelationships"], "a person waits for it")
	})
}
