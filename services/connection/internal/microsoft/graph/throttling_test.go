package graph

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// throttling answers nine requests of ten with 429 for half a minute, and counts
// requests that come too early.
type throttling struct {
	date    bool // Retry-After as a date
	seconds int
	skew    time.Duration // how far Graph's clock is ahead of ours

	mu      sync.Mutex
	ends    time.Time
	blocked time.Time
	asked   int
	refused int
	early   int
}

func (s *throttling) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	now := time.Now()
	s.asked++
	early := now.Before(s.blocked)
	refuse := now.Before(s.ends) && s.asked%10 != 0
	if early {
		s.early++
	}
	if early || refuse {
		s.refused++
		s.blocked = now.Add(time.Duration(s.seconds) * time.Second)
	}
	s.mu.Unlock()
	if !early && !refuse {
		pagesOf(w, r, 40, 25)
		return
	}
	if s.date {
		there := now.Add(s.skew)
		w.Header().Set("Date", there.UTC().Format(http.TimeFormat))
		w.Header().Set("Retry-After", there.Add(time.Duration(s.seconds)*time.Second).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	microsofttest.Throttle(w, s.seconds)
}

func TestALongPeriodOfThrottling(t *testing.T) {
	t.Parallel()
	for _, order := range []*throttling{
		{seconds: 1},
		{seconds: 7},
		{seconds: 30},
		{seconds: 3, date: true},
		{seconds: 3, date: true, skew: -3 * time.Minute},
		{seconds: 3, date: true, skew: 3 * time.Minute},
	} {
		t.Run(fmt.Sprintf("%d s, date %t, skew %s", order.seconds, order.date, order.skew), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				<-time.After(300 * time.Millisecond) // dates have no fractions
				s := &throttling{seconds: order.seconds, date: order.date, skew: order.skew, ends: time.Now().Add(30 * time.Second)}
				c := clientOf(t, http.HandlerFunc(s.serve))
				var runs sync.WaitGroup
				for n := range 2 { // two runs in one directory hold each other back
					runs.Go(func() {
						<-time.After(time.Duration(n) * 100 * time.Millisecond)
						l, err := list(t.Context(), c, microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.UsersRequest{ManagedTenant: "tenant"})
						if err != nil {
							t.Error(err)
							return
						}
						slices.Sort(l.ids)
						if len(l.ids) != 1000 || len(slices.Compact(l.ids)) != 1000 || l.complete == nil || l.restarts > 0 {
							t.Errorf("%d users, %d restarts", len(l.ids), l.restarts)
						}
					})
				}
				runs.Wait()
				require.Positive(t, s.refused, "there was a throttling")
				require.Zero(t, s.early)
			})
		})
	}
}

func TestALongWaitIsHandedBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seconds := 0
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { microsofttest.Throttle(w, seconds) }))
		count := func(ctx context.Context, directory string) (time.Duration, error) {
			began := time.Now()
			_, err := c.CountUsers(ctx, microsofttest.Tokens{App: "app", Directory: directory}, connection.TenantRequest{ManagedTenant: directory})
			return time.Since(began), err
		}
		seconds = 91
		took, err := count(t.Context(), "one")
		require.Equal(t, "throttled", errs.ReasonOf(err))
		require.Equal(t, 91*time.Second, microsofttest.RetryAfter(err))
		require.Zero(t, took, "the worker is not held")

		seconds = 40
		took, err = count(t.Context(), "two")
		require.Equal(t, "throttled", errs.ReasonOf(err))
		require.Equal(t, 40*time.Second, microsofttest.RetryAfter(err))
		require.Equal(t, 80*time.Second, took, "twice, and not a third time")

		seconds = 0 // no Retry-After that says anything
		took, err = count(t.Context(), "three")
		require.Equal(t, "throttled", errs.ReasonOf(err))
		require.Positive(t, microsofttest.RetryAfter(err))
		require.Less(t, took, 90*time.Second)
		require.Greater(t, took, 30*time.Second)

		seconds = 20
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		took, err = count(ctx, "four")
		require.Equal(t, "throttled", errs.ReasonOf(err))
		require.Equal(t, 20*time.Second, microsofttest.RetryAfter(err))
		require.Zero(t, took, "the caller's deadline comes first: it is told at once")
	})
}

// The time in the queue of a directory counts like any other wait.
func TestNoCallerWaitsLongerInTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			microsofttest.Throttle(w, 40)
		}))
		count := func(ctx context.Context) {
			began := time.Now()
			_, err := c.CountUsers(ctx, microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.TenantRequest{ManagedTenant: "tenant"})
			held := time.Since(began)
			if errs.ReasonOf(err) != "throttled" || microsofttest.RetryAfter(err) <= 0 || microsofttest.RetryAfter(err) > 40*time.Second {
				t.Errorf("%v, again after %s", err, microsofttest.RetryAfter(err))
			}
			if deadline, hurried := ctx.Deadline(); held > pace.LongestWait || hurried && time.Now().After(deadline) {
				t.Errorf("held for %s", held)
			}
		}
		var callers sync.WaitGroup
		for n := range 50 {
			callers.Go(func() {
				<-time.After(time.Duration(n) * time.Second)
				count(t.Context())
			})
			callers.Go(func() {
				<-time.After(time.Duration(n)*time.Second + time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				count(ctx)
			})
		}
		callers.Wait()
		require.LessOrEqual(t, asked, 6, "one request in forty seconds")
	})
}

// The request in the slot may be slow, and get no answer for as long as it takes.
func TestTheQueueBehindASlowAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			if asked == 1 {
				microsofttest.Throttle(w, 1)
				return
			}
			<-time.After(95 * time.Second)
			_, _ = w.Write([]byte("3"))
		}))
		tokens := microsofttest.Tokens{App: "app", Directory: "tenant"}
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := c.CountUsers(t.Context(), tokens, connection.TenantRequest{ManagedTenant: "tenant"}); err != nil {
				t.Error(err)
			}
		})
		<-time.After(2 * time.Second) // it has the slot, and no caller is blocked any more
		began := time.Now()
		_, err := c.CountUsers(t.Context(), tokens, connection.TenantRequest{ManagedTenant: "tenant"})
		require.Equal(t, "throttled", errs.ReasonOf(err))
		require.Positive(t, microsofttest.RetryAfter(err), "it is told when to come again")
		require.Equal(t, pace.LongestWait, time.Since(began))

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = c.CountUsers(ctx, tokens, connection.TenantRequest{ManagedTenant: "tenant"})
		require.ErrorIs(t, err, context.Canceled)
		callers.Wait()
		require.Equal(t, 2, asked)
	})
}

func TestWaitingEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { microsofttest.Throttle(w, 60) }))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		began := time.Now()
		_, err := list(ctx, c, microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.UsersRequest{ManagedTenant: "tenant"})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}
