package microsoft

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// readWith reads one answer of a directory by a decoder of the test's.
func readWith(t *testing.T, c *Client, tokens connection.TokenSource, parse func(answer) error) error {
	t.Helper()
	return c.read(t.Context(), call{url: c.graphURL("/v1.0/users/$count", nil), at: atCustomer, tokens: tokens}, parse)
}

// A server takes a panic for the end of one call and lives on: the directory must
// not be locked out for those that follow.
func TestAPanicGivesTheTurnBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := http.StatusTooManyRequests
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if status == http.StatusTooManyRequests {
				status = http.StatusOK
				throttledAnswer(w, 1)
				return
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("3"))
		}))
		tokens := directoryTokens{"app", "one"}
		broken := func() { _ = readWith(t, c, tokens, func(answer) error { panic("a decoder") }) }
		require.PanicsWithValue(t, "a decoder", broken, "while there is one request at a time")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n, err := c.CountUsers(ctx, tokens, "one")
		require.NoError(t, err)
		require.EqualValues(t, 3, n)

		status = http.StatusInternalServerError
		for range tripAfter {
			_, err := c.CountUsers(t.Context(), tokens, "one")
			require.Error(t, err)
		}
		status = http.StatusOK
		<-time.After(openFor + time.Second)
		require.PanicsWithValue(t, "a decoder", broken, "as the probe of a breaker")
		_, err = c.CountUsers(t.Context(), tokens, "one")
		require.NoError(t, err, errs.ReasonOf(err))
	})
}
