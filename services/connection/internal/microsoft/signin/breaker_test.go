package signin

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

func TestABreakerForEachAuthorityOfTheIdentityPlatform(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		c := clientOn(t, microsofttest.InProcess{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if r.URL.Path == "/down/oauth2/v2.0/token" {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = w.Write([]byte(`{"token_type":"Bearer","expires_in":3599,"access_token":"t"}`))
		})})
		token := func(directory string) error {
			_, err := c.CustomerToken(t.Context(), connection.Credentials{ClientID: "app", ClientSecret: "s"}, "grant", directory)
			return err
		}
		for asked.Load() < pace.TripAfter {
			require.Equal(t, "upstream_error", errs.ReasonOf(token("down")))
		}
		before := asked.Load()
		err := token("down")
		require.Equal(t, "upstream_error", errs.ReasonOf(err))
		require.Positive(t, microsofttest.RetryAfter(err))
		require.Equal(t, before, asked.Load())
		require.NoError(t, token("well"))
	})
}

// The caller's deadline says nothing of an authority either; an answer that does
// not come within our own does.
func TestAnAuthorityThatHangs(t *testing.T) {
	t.Parallel()
	for deadline, open := range map[time.Duration]bool{time.Second: false, time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			h := &microsofttest.Hanging{}
			c, err := New(Options{Login: "https://login.example", Transport: h})
			require.NoError(t, err)
			for range pace.TripAfter {
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				_, err := c.AppToken(ctx, connection.Credentials{ClientID: "app", ClientSecret: "s"}, "managed")
				cancel()
				require.Error(t, err)
			}
			before := h.Asked.Load()
			_, err = c.AppToken(t.Context(), connection.Credentials{ClientID: "app", ClientSecret: "s"}, "managed")
			require.Error(t, err)
			require.Equal(t, open, h.Asked.Load() == before)
		})
	}
}
