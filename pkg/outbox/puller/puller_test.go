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
	acked []string
	began time.Time
}

func (s *source) Pull(ctx context.Context, most int32, _ time.Duration) ([]puller.Effect, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Since(s.began))
	if len(s.pulls) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	pull := s.pulls[0]
	s.pulls = s.pulls[1:]
	effects, err := pull()
	return effects[:min(len(effects), int(most))], err
}

func (s *source) Ack(ctx context.Context, id, outcome string, _ map[string]string) error {
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
