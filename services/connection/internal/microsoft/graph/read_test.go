package graph

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// readWith reads one answer of a directory by a decoder of the test's.
func readWith(t *testing.T, c *Client, tokens connection.TokenSource, parse func(answer) error) error {
	t.Helper()
	request, err := c.newRequest(t.Context(), microsoft.AtCustomer, tokens, "")
	if err != nil {
		return err
	}
	request.url = c.graphURL("/v1.0/users/$count", nil)
	return c.read(t.Context(), request, parse)
}

// A server takes a panic for the end of one call and lives on: the directory must
// not be locked out for those that follow.
func TestAPanicReleasesTheSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := http.StatusTooManyRequests
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if status == http.StatusTooManyRequests {
				status = http.StatusOK
				microsofttest.Throttle(w, 1)
				return
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("3"))
		}))
		tokens := microsofttest.Tokens{App: "app", Directory: "one"}
		broken := func() { _ = readWith(t, c, tokens, func(answer) error { panic("a decoder") }) }
		require.PanicsWithValue(t, "a decoder", broken, "while there is one request at a time")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n, err := c.CountUsers(ctx, tokens, connection.TenantRequest{ManagedTenant: "one"})
		require.NoError(t, err)
		require.EqualValues(t, 3, n)

		status = http.StatusInternalServerError
		for range pace.TripAfter {
			_, err := c.CountUsers(t.Context(), tokens, connection.TenantRequest{ManagedTenant: "one"})
			require.Error(t, err)
		}
		status = http.StatusOK
		<-time.After(pace.OpenFor + time.Second)
		require.PanicsWithValue(t, "a decoder", broken, "as the probe of a breaker")
		_, err = c.CountUsers(t.Context(), tokens, connection.TenantRequest{ManagedTenant: "one"})
		require.NoError(t, err, errs.ReasonOf(err))
	})
}

func TestADirectoryThatHangsIsItsOwnMatter(t *testing.T) {
	t.Parallel()
	for name, deadline := range map[string]time.Duration{"the caller's deadline": time.Second, "ours": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &microsofttest.Hanging{Directory: "slow"}
				c, err := New(Options{Address: microsofttest.GraphBase, Transport: h})
				require.NoError(t, err)
				count := func(directory string) error {
					ctx, cancel := context.WithTimeout(t.Context(), deadline)
					defer cancel()
					_, err := c.CountUsers(ctx, microsofttest.Tokens{App: "app", Directory: directory}, connection.TenantRequest{ManagedTenant: directory})
					return err
				}
				for range pace.TripAfter {
					require.Error(t, count("slow"))
				}
				require.NoError(t, count("well"))
				before := h.Asked.Load()
				require.Error(t, count("slow"))
				if deadline < attemptTimeout {
					require.Greater(t, h.Asked.Load(), before, "a caller in a hurry says nothing of the directory")
				} else {
					require.Equal(t, before, h.Asked.Load(), "the directory itself is spared")
				}
			})
		})
	}
}
