//go:build rolling

package acceptance

import (
	"context"
	"errors"
	"flag"
	"maps"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

var programs = flag.String("programs", "", "folder with the programs of the version before")

// rollout is the order in which a rollout replaces programs: those that others call first.
var rollout = []string{"connection", "discovery", "mapping", "reconciliation", "sync-engine", "worker", "gateway"}

// TestEveryStepOfARollingUpdateWorks starts the programs of the version before on this
// version's schema and replaces them one by one. After each step a tenant that was there before
// is synced, and a new one is set up and synced for the first time; what a sync makes is the
// same in every mixture of versions as with this version alone.
func TestEveryStepOfARollingUpdateWorks(t *testing.T) {
	require.DirExists(t, *programs, "the programs of the version before; make rolling builds them")
	options := stack.Options{Fleet: "tiny", Programs: map[string]string{}}
	for _, name := range rollout {
		options.Programs[name] = filepath.Join(*programs, name)
	}
	w := start(t, options)
	options = w.stack.Options()
	veteran := w.mapped(t, "veteran")
	first := sync(t, veteran, "initial")
	require.Equal(t, "completed", first.Run.State, "%+v", first)
	require.Positive(t, first.Run.Counters.Created)
	made := map[string][]row{"the version before": rows(t, veteran)}

	for _, name := range rollout {
		t.Run("then this version's "+name, func(t *testing.T) {
			options.Programs = maps.Clone(options.Programs)
			delete(options.Programs, name)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			require.NoError(t, w.stack.Reload(ctx, options))
			require.NoError(t, w.stack.Wait(ctx))

			reached(ctx, t, veteran)
			again := syncAgain(t, veteran)
			require.Equal(t, "completed", again.Run.State, "%+v", again)
			require.Equal(t, hostclient.Counters{
				Unchanged: first.Run.Counters.Created + first.Run.Counters.Linked,
				Ambiguous: first.Run.Counters.Ambiguous, Filtered: first.Run.Counters.Filtered, Failed: first.Run.Counters.Failed,
			}, again.Run.Counters)

			novice := w.mapped(t, "novice-"+name)
			detail := sync(t, novice, "initial")
			require.Equal(t, "completed", detail.Run.State, "%+v", detail)
			require.Equal(t, first.Run.Counters, detail.Run.Counters)
			made[name] = rows(t, novice)
		})
	}
	for with, contacts := range made {
		require.Equal(t, made["gateway"], contacts, "contacts made with %s", with)
	}
}

// accepted repeats a call until it is not refused with 503, as a caller does whom that told to come
// back: here a service has one replica, and whoever calls it notices that a new one is there a
// moment after that is ready.
func accepted(ctx context.Context, t *testing.T, call func() error) {
	t.Helper()
	require.NoError(t, hostclient.Poll(ctx, func() (bool, error) {
		err := call()
		var p *hostclient.Problem
		if errors.As(err, &p) && p.Status == http.StatusServiceUnavailable {
			return false, nil
		}
		return err == nil, err
	}))
}

// reached returns when the gateway reaches every service that it asks directly, but the worker.
func reached(ctx context.Context, t *testing.T, c *hostclient.Client) {
	t.Helper()
	accepted(ctx, t, func() error { return second(c.Status(ctx)) })
	accepted(ctx, t, func() error { return second(c.ManagedTenants(ctx)) })
	accepted(ctx, t, func() error { return second(c.Clients(ctx)) })
	accepted(ctx, t, func() error { return second(c.Contacts(ctx, nil)) })
	accepted(ctx, t, func() error { return second(c.Queue(ctx, nil)) })
}

func second[T any](_ T, err error) error { return err }

// syncAgain asks for a sync until it is accepted, and waits for its end.
func syncAgain(t *testing.T, c *hostclient.Client) hostclient.RunDetail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var started hostclient.Start
	accepted(ctx, t, func() (err error) {
		started, err = c.StartSync(ctx, "all-tenants")
		return err
	})
	detail, err := c.WaitRun(ctx, started.RunID, nil)
	require.NoError(t, err)
	return detail
}
