package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
)

func members(ctx context.Context, c *Client) ([]string, error) {
	var all []string
	err := c.GroupMembers(ctx, microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.GroupRequest{GroupID: "g/1"}, func(ids []string) error {
		all = append(all, ids...)
		return nil
	})
	return all, err
}

func TestGroupMembers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			pages++
			require.Equal(t, "/v1.0/groups/g%2F1/transitiveMembers/microsoft.graph.user", r.URL.EscapedPath(), "an id is one part of a path")
			require.Equal(t, "eventual", r.Header.Get("ConsistencyLevel"), "on every page")
			require.Equal(t, "id", r.URL.Query().Get("$select"))
			require.Equal(t, "true", r.URL.Query().Get("$count"))
			next := fmt.Sprintf(`,"@odata.nextLink":"%s/v1.0/groups/g%%2F1/transitiveMembers/microsoft.graph.user?$select=id&$count=true&$skiptoken=%d"`, microsofttest.GraphBase, pages)
			switch pages {
			case 1:
				_, _ = fmt.Fprintf(w, `{"@odata.count":3,"value":[{"id":"a"},{"id":"b"}]%s}`, next)
			case 2:
				_, _ = fmt.Fprintf(w, `{"value":[]%s}`, next)
			default:
				_, _ = w.Write([]byte(`{"value":[{"id":"c"}]}`))
			}
		}))
		ids, err := members(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b", "c"}, ids)
	})
}

func TestGroupsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		reason string
		class  connection.Class
	}{
		"denied":         {403, `{"error":{"code":"Authorization_RequestDenied"}}`, "group_unreadable", connection.Customer},
		"gone":           {404, `{"error":{"code":"Request_ResourceNotFound"}}`, "group_unreadable", connection.Customer},
		"rejected":       {401, `{}`, "auth_rejected", connection.Customer},
		"refused":        {400, `{"error":{"code":"Request_BadRequest"}}`, "upstream_error", connection.Bug},
		"expired again":  {400, `{"error":{"code":"Directory_ExpiredPageToken"}}`, "upstream_error", connection.Bug},
		"without an id":  {200, `{"value":[{"id":"a"},{}]}`, "upstream_error", connection.Retry},
		"foreign link":   {200, `{"value":[],"@odata.nextLink":"https://evil.example/v1.0/x"}`, "upstream_error", connection.Bug},
		"no list":        {200, `{}`, "upstream_error", connection.Retry},
		"the same again": {200, `{"value":[],"@odata.nextLink":"` + microsofttest.GraphBase + `/v1.0/groups/g%2F1/transitiveMembers/microsoft.graph.user?%24count=true&%24select=id&%24top=999"}`, "upstream_error", connection.Retry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("request-id", "r-1")
					w.WriteHeader(c.status)
					_, _ = w.Write([]byte(c.body))
				}))
				_, err := members(t.Context(), client)
				require.Equal(t, c.reason, errs.ReasonOf(err))
				require.Equal(t, c.class, connection.ClassOf(err))
				e, ok := errors.AsType[*errs.Error](err)
				require.True(t, ok)
				require.Equal(t, "r-1", e.Metadata()["request_id"], "in every error")
			})
		})
	}
}

func TestAnExpiredPageTokenStartsTheGroupAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			switch {
			case r.URL.Query().Get("$skiptoken") == "":
				_, _ = fmt.Fprintf(w, `{"value":[{"id":"a"}],"@odata.nextLink":"%s/v1.0/groups/g%%2F1/transitiveMembers/microsoft.graph.user?$skiptoken=1"}`, microsofttest.GraphBase)
			case asked == 2:
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"error":{"code":"Directory_ExpiredPageToken"}}`))
			default:
				_, _ = w.Write([]byte(`{"value":[{"id":"b"}]}`))
			}
		}))
		ids, err := members(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "a", "b"}, ids, "twice, rather than not at all")
	})
}
