package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
)

func TestOnlyThrottledItemsAreSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		type sent struct {
			after time.Duration
			ids   []string
		}
		var batches []sent
		waits := map[string]int{"id-0003": 2, "id-0007": 5, "id-0011": 2}
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := sent{after: time.Since(began)}
			batchOf(w, r, func(i batchItem) itemAnswer {
				id := i.URL[len("/users/"):strings.Index(i.URL, "?")]
				s.ids = append(s.ids, id)
				if seconds := waits[id]; seconds > 0 {
					delete(waits, id)
					return throttledItem(seconds)
				}
				return userItem(i)
			})
			slices.Sort(s.ids)
			batches = append(batches, s)
		}))
		users, missing, err := c.UsersByID(t.Context(), microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.ByIDRequest{IDs: manyIDs(20)})
		require.NoError(t, err)
		require.Empty(t, missing)
		require.Len(t, users, 20)
		require.Equal(t, []sent{
			{0, manyIDs(20)},
			{5 * time.Second, []string{"id-0003", "id-0007", "id-0011"}},
		}, batches, "the longest wait holds for the directory")
	})
}

func TestAnItemSaysWhatItsRefusalIsFor(t *testing.T) {
	t.Parallel()
	for scope, whole := range map[string]bool{"Application/ReadWrite/app": true, "Tenant_Application/ReadWrite/app/one": false, "": false} {
		synctest.Test(t, func(t *testing.T) {
			asked := map[string]int{}
			c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked[microsofttest.Bearer(r)]++
				seconds := 100
				batchOf(w, r, func(batchItem) itemAnswer {
					seconds += 100 // of 200 and 300
					a := throttledItem(seconds)
					a.Headers["X-MS-Throttle-Scope"] = scope
					return a
				})
			}))
			began := time.Now()
			_, err := c.TenantDetails(t.Context(), microsofttest.Tokens{App: "app", Directory: "one"}, connection.TenantRequest{ManagedTenant: "one"})
			require.Equal(t, "throttled", errs.ReasonOf(err))
			for _, after := range []time.Duration{time.Second, 205 * time.Second} {
				<-time.After(after - time.Since(began))
				_, err = c.TenantDetails(t.Context(), microsofttest.Tokens{App: "app", Directory: "one"}, connection.TenantRequest{ManagedTenant: "one"})
				require.Equal(t, "throttled", errs.ReasonOf(err))
				if whole {
					_, err = c.TenantDetails(t.Context(), microsofttest.Tokens{App: "app", Directory: "two"}, connection.TenantRequest{ManagedTenant: "two"})
					require.Equal(t, "throttled", errs.ReasonOf(err))
				}
			}
			require.Equal(t, map[string]int{"one": 1}, asked, "the longest wait counts")
			_, err = c.TenantDetails(t.Context(), microsofttest.Tokens{App: "app", Directory: "two"}, connection.TenantRequest{ManagedTenant: "two"})
			require.Error(t, err)
			require.Equal(t, !whole, asked["two"] > 0, "who else is meant is in the scope: %q", scope)
			require.Equal(t, 1, asked["one"])
		})
	}
}

func TestAThousandUsersAreFiftyBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		batches := 0
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			batches++
			batchOf(w, r, func(i batchItem) itemAnswer {
				if strings.Contains(i.URL, "id-0042?") || strings.Contains(i.URL, "id-0999?") {
					return itemAnswer{Status: http.StatusNotFound, Body: json.RawMessage(`{"error":{"code":"Request_ResourceNotFound"}}`)}
				}
				return userItem(i)
			})
		}))
		users, missing, err := c.UsersByID(t.Context(), microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.ByIDRequest{IDs: manyIDs(1000)})
		require.NoError(t, err)
		require.Len(t, users, 998)
		slices.Sort(missing)
		require.Equal(t, []string{"id-0042", "id-0999"}, missing)
		require.Equal(t, 50, batches)
		require.Equal(t, connection.Text{Presence: connection.Set, Value: "User"}, users[0].DisplayName)
		require.Equal(t, connection.Absent, users[0].Mail.Presence)
	})
}

func TestABatchThatGoesWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		reason string
	}{
		"no answers":            {`{}`, "upstream_error"},
		"an item without one":   {`{"responses":[{"id":"0","status":200,"body":{"id":"a"}}]}`, "upstream_error"},
		"an item with two":      {`{"responses":[{"id":"0","status":200,"body":{"id":"a"}},{"id":"0","status":200,"body":{"id":"a"}}]}`, "upstream_error"},
		"an item of nobody":     {`{"responses":[{"id":"0","status":200,"body":{"id":"a"}},{"id":"7","status":200,"body":{"id":"a"}}]}`, "upstream_error"},
		"an item without state": {`{"responses":[{"id":"0","status":0,"body":{"id":"a"}},{"id":"1","status":200,"body":{"id":"a"}}]}`, "upstream_error"},
		"a body that is none":   {`{"responses":[{"id":"0","status":200},{"id":"1","status":200,"body":{"id":"a"}}]}`, "upstream_error"},
		"denied":                {`{"responses":[{"id":"0","status":403,"body":{}},{"id":"1","status":200,"body":{"id":"a"}}]}`, "consent_missing"},
		"rejected":              {`{"responses":[{"id":"0","status":401,"body":{}},{"id":"1","status":401,"body":{}}]}`, "auth_rejected"},
		"down":                  {`{"responses":[{"id":"0","status":500,"headers":{"request-id":"r-1"},"body":{}},{"id":"1","status":200,"body":{"id":"a"}}]}`, "upstream_error"},
		"always busy":           {`{"responses":[{"id":"0","status":503,"body":{}},{"id":"1","status":503,"body":{}}]}`, "upstream_error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("request-id", "outer")
					_, _ = w.Write([]byte(c.answer))
				}))
				users, missing, err := client.UsersByID(t.Context(), microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.ByIDRequest{IDs: []string{"a", "b"}})
				require.Equal(t, c.reason, errs.ReasonOf(err))
				require.Empty(t, users, "never a part of the answer")
				require.Empty(t, missing)
			})
		})
	}
}

func TestDetailsAreOneBatch(t *testing.T) {
	t.Parallel()
	domains := json.RawMessage(`{"value":[{"id":"t","verifiedDomains":[{"name":"a.example","isDefault":false},{"name":"b.example","isDefault":true}]}]}`)
	for body, want := range map[string]int32{`17`: 17, `"17"`: 17, `"MTc="`: 17, `"MTc"`: 17, `"77u/MTc="`: 17, `"\ufeff17"`: 17} {
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				require.Equal(t, "/v1.0/$batch", r.URL.Path)
				batchOf(w, r, func(i batchItem) itemAnswer {
					if strings.HasPrefix(i.URL, "/organization") {
						return itemAnswer{Status: http.StatusOK, Body: domains}
					}
					require.Equal(t, "eventual", i.Headers["ConsistencyLevel"])
					return itemAnswer{Status: http.StatusOK, Body: json.RawMessage(body)}
				})
			}))
			details, err := c.TenantDetails(t.Context(), microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.TenantRequest{ManagedTenant: "tenant"})
			require.NoError(t, err, body)
			require.Equal(t, want, *details.UserCount, body)
			require.Equal(t, []string{"a.example", "b.example"}, details.Domains)
			require.Equal(t, "b.example", details.PrimaryDomain)
			require.Equal(t, 1, requests)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			batchOf(w, r, func(i batchItem) itemAnswer {
				if strings.HasPrefix(i.URL, "/organization") {
					return itemAnswer{Status: http.StatusOK, Body: domains}
				}
				return throttledItem(3600)
			})
		}))
		details, err := c.TenantDetails(t.Context(), microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.TenantRequest{ManagedTenant: "tenant"})
		require.Equal(t, "throttled", errs.ReasonOf(err))
		require.Equal(t, time.Hour, microsofttest.RetryAfter(err))
		require.Equal(t, []string{"a.example", "b.example"}, details.Domains, "what there is comes beside the error")
		require.Nil(t, details.UserCount)
	})
}
