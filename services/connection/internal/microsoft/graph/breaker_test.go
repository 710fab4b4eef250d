package graph

import (
	"errors"
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

// outage is a Microsoft that fails at some directories.
type outage struct {
	status map[string]int // by directory; 0: no answer at all
	asked  atomic.Int32
}

func (o *outage) RoundTrip(req *http.Request) (*http.Response, error) {
	o.asked.Add(1)
	status, down := o.status[microsofttest.Bearer(req)]
	if !down {
		return microsofttest.InProcess{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("3")) })}.RoundTrip(req)
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return microsofttest.InProcess{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })}.RoundTrip(req)
}

func TestABreakerSparesADirectoryThatIsDown(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			o := &outage{status: map[string]int{"down": status}}
			c, err := New(Options{Address: microsofttest.GraphBase, Transport: o})
			require.NoError(t, err)
			count := func(directory string) (int32, error) {
				before := o.asked.Load()
				_, err := c.CountUsers(t.Context(), microsofttest.Tokens{App: "app", Directory: directory}, connection.TenantRequest{ManagedTenant: directory})
				return o.asked.Load() - before, err
			}
			for o.asked.Load() < pace.TripAfter {
				_, err := count("down")
				require.Equal(t, "upstream_error", errs.ReasonOf(err))
			}
			asked, err := count("down")
			require.Zero(t, asked, "nothing is asked while it is open")
			require.Equal(t, "upstream_error", errs.ReasonOf(err))
			require.Equal(t, connection.Retry, connection.ClassOf(err))
			require.Positive(t, microsofttest.RetryAfter(err))
			require.LessOrEqual(t, microsofttest.RetryAfter(err), pace.OpenFor)
			asked, err = count("well")
			require.NoError(t, err, "one directory's failures are its own")
			require.EqualValues(t, 1, asked)

			<-time.After(pace.OpenFor + time.Second)
			asked, err = count("down")
			require.Error(t, err)
			require.EqualValues(t, 1, asked, "one probe, and it stays open")
			<-time.After(pace.OpenFor + time.Second)
			delete(o.status, "down")
			for range 3 {
				asked, err = count("down")
				require.NoError(t, err)
				require.EqualValues(t, 1, asked)
			}
		})
	}
}

func TestABreakerSparesAGraphThatCannotBeReached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{status: map[string]int{"one": 0, "two": 0, "three": 0, "four": 0, "five": 0}}
		c, err := New(Options{Address: microsofttest.GraphBase, Transport: o})
		require.NoError(t, err)
		for _, directory := range []string{"one", "two", "three", "four"} {
			_, err := c.CountUsers(t.Context(), microsofttest.Tokens{App: "app", Directory: directory}, connection.TenantRequest{ManagedTenant: directory})
			require.Equal(t, "unreachable", errs.ReasonOf(err))
		}
		before := o.asked.Load()
		_, err = c.CountUsers(t.Context(), microsofttest.Tokens{App: "app", Directory: "five"}, connection.TenantRequest{ManagedTenant: "five"})
		require.Equal(t, "unreachable", errs.ReasonOf(err))
		require.Positive(t, microsofttest.RetryAfter(err))
		require.Equal(t, before, o.asked.Load(), "no directory can be reached")
	})
}

func TestRefusalsOpenNoBreaker(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 429, 501} {
		synctest.Test(t, func(t *testing.T) {
			o := &outage{status: map[string]int{"tenant": status}}
			c, err := New(Options{Address: microsofttest.GraphBase, Transport: o})
			require.NoError(t, err)
			for range 3 * pace.TripAfter {
				_, err := c.CountUsers(t.Context(), microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.TenantRequest{ManagedTenant: "tenant"})
				require.Error(t, err)
			}
			before := o.asked.Load()
			_, _ = c.CountUsers(t.Context(), microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.TenantRequest{ManagedTenant: "tenant"})
			require.Greater(t, o.asked.Load(), before, status)
		})
	}
}
