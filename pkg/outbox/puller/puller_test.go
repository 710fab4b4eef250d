package puller_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/outbox/puller"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// source is an outbox in memory.
type source struct {
	mu    sync.Mutex
	pulls []func() ([]puller.Effect, error) // one after the other; then nothing is due
	at    []time.Duration                   // of each pull
	most  []int32                           // how many each pull asked for
	acks  sync.Mutex
	acked []string
	began time.Time
}

func (s *source) Pull(ctx context.Context, most int32, _ time.Duration) ([]puller.Effect, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.most = append(s.at, time.Since(s.began)), append(s.most, most)
	if len(s.pulls) == 0 {
		s.mu.Unlock() // others may look meanwhile
		<-ctx.Done()
		s.mu.Lock()
		return nil, ctx.Err()
	}
	pull := s.pulls[0]
	s.pulls = s.pulls[1:]
	effects, err := pull()
	return effects[:min(len(effects), int(most))], err
}

func (s *source) Ack(ctx context.Context, id, outcome string, _ map[string]string) error {
	s.acks.Lock()
	defer s.acks.Unlock()
	call, err := tenant.From(ctx)
	if err != nil {
		return err
	}
	s.acked = append(s.acked, call.Tenant.String()+" "+call.Actor.Type+" "+id+" "+outcome)
	if id == "lost" {
		return errors.New("the connection broke")
	}
	return nil
}

// serve pulls with a clock of its own until nothing is due for a minute.
func serve(t *testing.T, s *source, do puller.Do, opts puller.Options) {
	t.Helper()
	s.began = time.Now()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	require.NoError(t, puller.New("mapping", s, do, opts).Serve(ctx))
}

func TestAPullerPausesWhileItsSourceFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := func() ([]puller.Effect, error) { return nil, errors.New("away") }
		nothing := func() ([]puller.Effect, error) { return nil, nil }
		s := &source{pulls: []func() ([]puller.Effect, error){away, away, away, away, away, away, away, nothing, away}}
		serve(t, s, nil, puller.Options{})
		var pauses []time.Duration
		for i, at := range s.at[1:] {
			pauses = append(pauses, at-s.at[i])
		}
		ms := time.Millisecond
		require.Equal(t, []time.Duration{
			200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms, // doubled, up to 5 s
			200 * ms, // an empty answer may have come at once
			400 * ms,
		}, pauses[:9])
	})
}

func TestAnEffectThatFailsKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{pulls: []func() ([]puller.Effect, error){func() ([]puller.Effect, error) {
			return []puller.Effect{
				{ID: "one", Tenant: "acme", ActorID: "ada"},
				{ID: "foreign", Tenant: "no tenant"},
				{ID: "lost", Tenant: "acme"},
				{ID: "two", Tenant: "globex"},
				{ID: "three", Tenant: "acme"},
			}, nil
		}}}
		do := func(ctx context.Context, e puller.Effect) (string, map[string]string, error) {
			if call, err := tenant.From(ctx); err != nil || call.Tenant.String() != e.Tenant {
				return puller.Failed, nil, errors.New("another tenant")
			}
			if e.ID == "one" {
				return puller.Retry, nil, errors.New("not now")
			}
			return puller.Done, nil, nil
		}
		serve(t, s, do, puller.Options{Most: 4})
		require.Equal(t, []string{"acme user one retry", "acme system lost done", "globex system two done"}, s.acked)
	})
}

// TestAPullTakesWhatCanBeBegun: no effect is leased to wait for others, and one that takes long
// holds up nobody else's.
func TestAPullTakesWhatCanBeBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		due := make([]puller.Effect, 0, 10)
		for _, id := range []string{"long", "1", "2", "3", "4", "5", "6", "7", "8", "9"} {
			due = append(due, puller.Effect{ID: id, Tenant: "acme"})
		}
		s := &source{}
		for range 10 {
			s.pulls = append(s.pulls, func() ([]puller.Effect, error) { // what is leased and no more is taken away
				n := min(int(s.most[len(s.most)-1]), len(due))
				leased := due[:n]
				due = due[n:]
				return leased, nil
			})
		}
		at := map[string]time.Duration{}
		var mu sync.Mutex
		do := func(_ context.Context, e puller.Effect) (string, map[string]string, error) {
			mu.Lock()
			at[e.ID] = time.Since(s.began)
			mu.Unlock()
			if e.ID == "long" {
				<-time.After(30 * time.Second)
			} else {
				<-time.After(time.Second)
			}
			return puller.Done, nil, nil
		}
		serve(t, s, do, puller.Options{Parallel: 3})
		require.Equal(t, int32(3), s.most[0])
		for _, most := range s.most {
			require.LessOrEqual(t, most, int32(3))
		}
		seconds := map[string]time.Duration{}
		for id, began := range at {
			seconds[id] = began / time.Second
		}
		require.Equal(t, map[string]time.Duration{
			"long": 0, "1": 0, "2": 0, "3": 1, "4": 1, "5": 2, "6": 2, "7": 3, "8": 3, "9": 4,
		}, seconds)
		require.Len(t, s.acked, 10)
	})
}

// TestALongListOfOnePullIsDoneInItsOrder: a puller may take more than it does at once.
func TestALongListOfOnePullIsDoneInItsOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{pulls: []func() ([]puller.Effect, error){func() ([]puller.Effect, error) {
			return []puller.Effect{{ID: "1", Tenant: "acme"}, {ID: "2", Tenant: "acme"}, {ID: "3", Tenant: "acme"}}, nil
		}}}
		do := func(context.Context, puller.Effect) (string, map[string]string, error) {
			<-time.After(time.Second)
			return puller.Done, nil, nil
		}
		serve(t, s, do, puller.Options{Most: 50})
		require.Equal(t, int32(50), s.most[0])
		require.Equal(t, []time.Duration{0, 3 * time.Second}, s.at[:2], "the next pull is made when there is room")
		require.Equal(t, []string{"acme system 1 done", "acme system 2 done", "acme system 3 done"}, s.acked)
	})
}

func TestWorkIsFinishedWhenTheProcessStopsUnlessItMayBeCutOff(t *testing.T) {
	t.Parallel()
	for stops, want := range map[bool]string{true: puller.Retry, false: puller.Done} {
		synctest.Test(t, func(t *testing.T) {
			s := &source{pulls: []func() ([]puller.Effect, error){func() ([]puller.Effect, error) {
				return []puller.Effect{{ID: "long", Tenant: "acme", Kind: "a kind"}}, nil
			}}}
			do := func(ctx context.Context, _ puller.Effect) (string, map[string]string, error) {
				select {
				case <-ctx.Done():
					return puller.Retry, nil, ctx.Err()
				case <-time.After(2 * time.Minute): // the process stops after one
					return puller.Done, nil, nil
				}
			}
			serve(t, s, do, puller.Options{Limit: func(kind string) puller.Limit {
				require.Equal(t, "a kind", kind)
				return puller.Limit{Timeout: 3 * time.Minute, Stops: stops}
			}})
			require.Equal(t, []string{"acme system long " + want}, s.acked)
		})
	}
}
