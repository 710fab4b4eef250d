//go:build rolling

package acceptance

import (
	"context"
	"flag"
	"maps"
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

			again := sync(t, veteran, "all-tenants")
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
